//! Futexes: how threads wait for one another.
//!
//! The tracer plays the kernel's part completely. A thread that waits is kept in its trap, and who wakes whom is a
//! table lookup; so the order of threads is ours, and a waiting thread costs nothing.

use crate::Nanos;
use crate::calls::errno;
use crate::calls::nonblocking::LOCK_PI2;
use crate::machine::Machine;
use crate::machine::clock::{Clock, SECOND};
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{ProcessId, SpaceId, State, ThreadId, Wait, What, Word};
use crate::tracee::arch::{Call, Registers};
use crate::tracee::memory::{self, EFAULT};

const WAIT: i32 = libc::FUTEX_WAIT;
const WAKE: i32 = libc::FUTEX_WAKE;
const REQUEUE: i32 = libc::FUTEX_REQUEUE;
const CMP_REQUEUE: i32 = libc::FUTEX_CMP_REQUEUE;
const WAKE_OP: i32 = libc::FUTEX_WAKE_OP;
const WAIT_BITSET: i32 = libc::FUTEX_WAIT_BITSET;
const WAKE_BITSET: i32 = libc::FUTEX_WAKE_BITSET;
/// In flags of the newer calls.
const FUTEX2_PRIVATE: u64 = 128;

impl Machine {
    pub(crate) fn futex(&mut self, id: ThreadId, registers: Registers, interrupted: Option<Wait>) -> Step {
        let operation = registers.arg(1) as i32;
        let private = operation & libc::FUTEX_PRIVATE_FLAG != 0;
        let address = registers.arg(0);
        let count = registers.arg(2) as u32;
        let space = self.space(id);
        match operation & libc::FUTEX_CMD_MASK {
            command @ (WAIT | WAIT_BITSET) => {
                let absolute = command == WAIT_BITSET;
                let mask = if absolute { registers.arg(5) as u32 } else { u32::MAX };
                let clock = if operation & libc::FUTEX_CLOCK_REALTIME != 0 { Clock::Wall } else { Clock::Monotonic };
                let Ok(deadline) = self.futex_deadline(id, registers.arg(3), absolute, clock, interrupted.as_ref())
                else {
                    return ON;
                };
                if mask == 0 {
                    return ON;
                }
                let word = Word { address, value: count, mask };
                self.wait_at(id, registers, vec![word], deadline, absolute && clock == Clock::Wall)
            }
            WAKE => {
                let woken = self.wake_waiters(id, space, address, count, u32::MAX, private);
                self.answer_waker(id, registers, woken)
            }
            WAKE_BITSET => {
                let woken = self.wake_waiters(id, space, address, count, registers.arg(5) as u32, private);
                self.answer_waker(id, registers, woken)
            }
            command @ (REQUEUE | CMP_REQUEUE) => {
                if command == CMP_REQUEUE {
                    match memory::read_u32(self.threads[id].tid, address) {
                        Err(_) => return self.answer(id, registers, EFAULT),
                        Ok(value) if value != registers.arg(5) as u32 => {
                            return self.answer(id, registers, errno(libc::EAGAIN));
                        }
                        Ok(_) => {}
                    }
                }
                let woken = self.wake_waiters(id, space, address, count, u32::MAX, private);
                let moved = self.requeue(space, address, registers.arg(4), registers.arg(3) as u32);
                self.answer_waker(id, registers, woken + moved)
            }
            WAKE_OP => {
                let Ok(wake_second) = self.wake_op(id, registers.arg(4), registers.arg(5) as u32) else {
                    return self.answer(id, registers, EFAULT);
                };
                let mut woken = self.wake_waiters(id, space, address, count, u32::MAX, private);
                if wake_second {
                    let second = registers.arg(3) as u32;
                    woken += self.wake_waiters(id, space, registers.arg(4), second, u32::MAX, private);
                }
                self.answer_waker(id, registers, woken)
            }
            command @ (libc::FUTEX_LOCK_PI | LOCK_PI2) => {
                let wall = command == libc::FUTEX_LOCK_PI || operation & libc::FUTEX_CLOCK_REALTIME != 0;
                let clock = if wall { Clock::Wall } else { Clock::Monotonic };
                let Ok(deadline) = self.futex_deadline(id, registers.arg(3), true, clock, interrupted.as_ref()) else {
                    return ON;
                };
                let mut wait = Wait::new(registers, deadline, What::Again);
                wait.wall = wall && deadline.is_some();
                self.lock_inheriting(id, wait)
            }
            // Nobody uses these any more: as if the processor did not allow them.
            libc::FUTEX_WAIT_REQUEUE_PI | libc::FUTEX_CMP_REQUEUE_PI => self.answer(id, registers, errno(libc::ENOSYS)),
            _ => ON,
        }
    }

    /// `futex_wait` and `futex_waitv`.
    pub(crate) fn futex_wait(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Step {
        let tid = self.threads[id].tid;
        let (timeout, clock) = match call {
            Call::FutexWait => (registers.arg(4), registers.arg(5)),
            _ => (registers.arg(3), registers.arg(4)),
        };
        let clock = if clock as i32 == libc::CLOCK_REALTIME { Clock::Wall } else { Clock::Monotonic };
        let Ok(deadline) = self.futex_deadline(id, timeout, true, clock, interrupted.as_ref()) else { return ON };
        let words = match call {
            Call::FutexWait => {
                vec![Word { address: registers.arg(0), value: registers.arg(1) as u32, mask: registers.arg(2) as u32 }]
            }
            _ => {
                const LIMIT: u64 = 128;
                let count = registers.arg(1);
                if count == 0 || count > LIMIT {
                    return ON;
                }
                let mut words = Vec::new();
                for index in 0..count {
                    let at = registers.arg(0) + 24 * index;
                    let Ok([value, address]) = memory::read_pair(tid, at) else { return ON };
                    words.push(Word { address, value: value as u32, mask: u32::MAX });
                }
                words
            }
        };
        self.wait_at(id, registers, words, deadline, clock == Clock::Wall)
    }

    pub(crate) fn futex_wake(&mut self, id: ThreadId, registers: Registers) -> Step {
        let private = registers.arg(3) & FUTEX2_PRIVATE != 0;
        let (mask, count) = (registers.arg(1) as u32, registers.arg(2) as u32);
        let woken = self.wake_waiters(id, self.space(id), registers.arg(0), count, mask, private);
        self.answer_waker(id, registers, woken)
    }

    fn space(&self, id: ThreadId) -> SpaceId {
        self.processes[self.threads[id].process].space
    }

    /// When a wait times out, if at all; an error if the kernel would not accept it.
    fn futex_deadline(
        &mut self,
        id: ThreadId,
        address: u64,
        absolute: bool,
        clock: Clock,
        interrupted: Option<&Wait>,
    ) -> Result<Option<Nanos>, ()> {
        if address == 0 {
            return Ok(None);
        }
        if let Some(wait) = interrupted {
            return Ok(wait.deadline);
        }
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let pair = memory::read_pair(tid, address).map_err(drop)?;
        let span = memory::time(pair, SECOND).ok_or(())?;
        let now = self.node_time(node);
        Ok(Some(if absolute { self.time_of(node, clock, span) } else { now.saturating_add(span) }))
    }

    /// Keeps a thread until one of the words is woken, if they are all as it believes.
    fn wait_at(
        &mut self,
        id: ThreadId,
        registers: Registers,
        words: Vec<Word>,
        deadline: Option<Nanos>,
        wall: bool,
    ) -> Step {
        let tid = self.threads[id].tid;
        for word in &words {
            match memory::read_u32(tid, word.address) {
                Err(_) => return self.answer(id, registers, EFAULT),
                Ok(value) if value != word.value => return self.answer(id, registers, errno(libc::EAGAIN)),
                Ok(_) => {}
            }
        }
        let node = self.threads[id].node;
        let deadline = deadline.map(|deadline| self.short_wait(id, deadline));
        if deadline.is_some_and(|deadline| deadline <= self.node_time(node)) {
            self.prepare_answer(id, registers, errno(libc::ETIMEDOUT))?;
            self.make_ready(id, State::Ready(crate::machine::table::Go::ON));
            return Ok(Next::Over);
        }
        let mut wait = Wait::new(registers, deadline, What::Futexes(self.space(id), words));
        wait.wall = wall;
        self.hold(id, wait);
        Ok(Next::Over)
    }

    /// Wakes up to `count` threads that wait at an address; how many.
    fn wake_waiters(
        &mut self,
        by: ThreadId,
        space: SpaceId,
        address: u64,
        count: u32,
        mask: u32,
        private: bool,
    ) -> i64 {
        let waiting = self.futexes.get(&(space, address)).cloned().unwrap_or_default();
        let mut woken = 0;
        for id in waiting {
            if woken >= i64::from(count as i32) {
                break;
            }
            let Some((index, _)) = self.words(id).find(|(_, word)| word.address == address && word.mask & mask != 0)
            else {
                continue;
            };
            self.wake_at(id, index);
            woken += 1;
        }
        if !private {
            // The same word may have another address in another process of the node.
            let node = self.threads[by].node;
            let others: Vec<ProcessId> = self.life(node).processes.iter().copied().collect();
            for process in others {
                if self.processes[process].space != space {
                    self.wake_changed(process);
                }
            }
        }
        woken
    }

    /// Answers a call that may have woken threads. They go first: one that is woken often has work to do that the other
    /// counts on to be done soon (to compile the code that it runs, say), though it does not wait for it.
    fn answer_waker(&mut self, id: ThreadId, registers: Registers, woken: i64) -> Step {
        if woken == 0 {
            return self.answer(id, registers, 0);
        }
        self.prepare_answer(id, registers, woken)?;
        self.give_way(id);
        Ok(Next::Over)
    }

    fn words(&self, id: ThreadId) -> impl Iterator<Item = (usize, Word)> + '_ {
        let words = match &self.threads[id].state {
            State::Waiting(Wait { what: What::Futexes(_, words), .. }) => words.as_slice(),
            _ => &[],
        };
        words.iter().copied().enumerate()
    }

    /// Wakes a thread because of one of its words: only those that gave several are told which.
    fn wake_at(&mut self, id: ThreadId, index: usize) {
        let several = matches!(&self.threads[id].state, State::Waiting(wait)
            if wait.registers.number() == libc::SYS_futex_waitv);
        self.threads[id].polling.succeeded();
        self.wake(id, if several { index as i64 } else { 0 });
    }

    /// Wakes the threads of a process whose words are not what they were. The kernel changes some by itself: when a
    /// thread ends, those who join it are to notice.
    pub(crate) fn wake_changed(&mut self, process: ProcessId) {
        let threads: Vec<ThreadId> = self.processes[process].threads.iter().copied().collect();
        for id in threads {
            let tid = self.threads[id].tid;
            let changed = self
                .words(id)
                .find(|(_, word)| memory::read_u32(tid, word.address).is_ok_and(|value| value != word.value));
            if let Some((index, _)) = changed {
                self.wake_at(id, index);
            }
        }
    }

    /// Lets up to `count` threads that wait at one address wait at another; how many.
    fn requeue(&mut self, space: SpaceId, from: u64, to: u64, count: u32) -> i64 {
        let Some(queue) = self.futexes.get_mut(&(space, from)) else { return 0 };
        let count = queue.len().min(count as usize);
        let moved: Vec<ThreadId> = queue.drain(..count).collect();
        if queue.is_empty() {
            self.futexes.remove(&(space, from));
        }
        for id in &moved {
            let tid = self.threads[*id].tid;
            let State::Waiting(Wait { what: What::Futexes(_, words), .. }) = &mut self.threads[*id].state else {
                continue;
            };
            for word in words.iter_mut().filter(|word| word.address == from) {
                word.address = to;
                word.value = memory::read_u32(tid, to).unwrap_or(word.value);
            }
        }
        self.futexes.entry((space, to)).or_default().extend(&moved);
        count as i64
    }

    /// Changes the second word of a `FUTEX_WAKE_OP`, and says whether its waiters are to be woken.
    fn wake_op(&mut self, id: ThreadId, address: u64, encoded: u32) -> Result<bool, memory::Fault> {
        let tid = self.threads[id].tid;
        let sign_extend = |value: u32| ((value << 20) as i32) >> 20;
        let (operation, comparison) = (encoded >> 28, encoded >> 24 & 15);
        let (operand, compared) = (sign_extend(encoded >> 12), sign_extend(encoded));
        let operand = if operation & 8 != 0 { 1i32.wrapping_shl(operand as u32) } else { operand };
        let old = memory::read_u32(tid, address)? as i32;
        let new = match operation & 7 {
            0 => operand,
            1 => old.wrapping_add(operand),
            2 => old | operand,
            3 => old & !operand,
            _ => old ^ operand,
        };
        memory::write(tid, address, &new.to_ne_bytes())?;
        Ok(match comparison {
            0 => old == compared,
            1 => old != compared,
            2 => old < compared,
            3 => old <= compared,
            4 => old > compared,
            _ => old >= compared,
        })
    }
}
