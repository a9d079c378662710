//! Futexes: `futex`, `futex_wait`, `futex_waitv`, `futex_wake`. The machine implements waiting and waking.

use super::answer::errno;
use crate::machine::Machine;
use crate::machine::clock::Clock;
use crate::machine::futexes::Wakeup;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{FutexWord, Resume, ThreadId, Until, Wait};
use crate::time::Nanos;
use crate::tracee::arch::Call;
use crate::tracee::memory::{self, EFAULT, Fault};
use crate::tracee::registers::Registers;

const WAIT: i32 = libc::FUTEX_WAIT;
const WAKE: i32 = libc::FUTEX_WAKE;
const REQUEUE: i32 = libc::FUTEX_REQUEUE;
const CMP_REQUEUE: i32 = libc::FUTEX_CMP_REQUEUE;
const WAKE_OP: i32 = libc::FUTEX_WAKE_OP;
const WAIT_BITSET: i32 = libc::FUTEX_WAIT_BITSET;
const WAKE_BITSET: i32 = libc::FUTEX_WAKE_BITSET;
/// Like `FUTEX_LOCK_PI`, with a choice of clocks.
const LOCK_PI2: i32 = 13;
/// In the flags of the newer calls.
const FUTEX2_PRIVATE: u64 = 128;

/// When a wait for a futex times out.
#[derive(Clone, Copy)]
struct Limit {
    deadline: Option<Nanos>,
    is_time_of_day: bool,
}

impl Machine {
    pub(super) fn futex(&mut self, id: ThreadId, registers: Registers, interrupted: Option<Wait>) -> Outcome {
        let operation = registers.arg(1) as i32;
        let is_private = operation & libc::FUTEX_PRIVATE_FLAG != 0;
        let address = registers.arg(0);
        let count = registers.arg(2) as u32;
        let all = Wakeup { address, count, mask: u32::MAX, is_private };
        let is_realtime = operation & libc::FUTEX_CLOCK_REALTIME != 0;
        let clock = |is_wall| if is_wall { Clock::Wall } else { Clock::Monotonic };
        match operation & libc::FUTEX_CMD_MASK {
            command @ (WAIT | WAIT_BITSET) => {
                let is_absolute = command == WAIT_BITSET;
                let mask = if is_absolute { registers.arg(5) as u32 } else { u32::MAX };
                let limit = if is_absolute {
                    self.absolute_limit(id, registers.arg(3), clock(is_realtime), interrupted)
                } else {
                    self.relative_limit(id, registers.arg(3), interrupted)
                };
                let Some(limit) = limit else { return CONTINUE };
                if mask == 0 {
                    return CONTINUE;
                }
                self.wait_at(id, registers, vec![FutexWord { address, value: count, mask }], limit)
            }
            WAKE => {
                let woken = self.wake_futex(id, all);
                self.answer_waker(id, registers, woken)
            }
            WAKE_BITSET => {
                let woken = self.wake_futex(id, Wakeup { mask: registers.arg(5) as u32, ..all });
                self.answer_waker(id, registers, woken)
            }
            command @ (REQUEUE | CMP_REQUEUE) => {
                if command == CMP_REQUEUE {
                    match memory::read_u32(self.tid(id), address) {
                        Err(_) => return self.answer(id, registers, EFAULT),
                        Ok(value) if value != registers.arg(5) as u32 => {
                            return self.answer(id, registers, errno(libc::EAGAIN));
                        }
                        Ok(_) => {}
                    }
                }
                let woken = self.wake_futex(id, all);
                let moved = self.requeue_futex(id, address, registers.arg(4), registers.arg(3) as u32);
                self.answer_waker(id, registers, woken + moved)
            }
            WAKE_OP => {
                let Ok(wake_second) = self.change_second_word(id, registers.arg(4), registers.arg(5) as u32) else {
                    return self.answer(id, registers, EFAULT);
                };
                let mut woken = self.wake_futex(id, all);
                if wake_second {
                    let second = Wakeup { address: registers.arg(4), count: registers.arg(3) as u32, ..all };
                    woken += self.wake_futex(id, second);
                }
                self.answer_waker(id, registers, woken)
            }
            command @ (libc::FUTEX_LOCK_PI | LOCK_PI2) => {
                let is_wall = command == libc::FUTEX_LOCK_PI || is_realtime;
                let limit = self.absolute_limit(id, registers.arg(3), clock(is_wall), interrupted);
                let Some(Limit { deadline, .. }) = limit else { return CONTINUE };
                let mut wait = Wait::new(registers, deadline, Until::RetrySucceeds);
                wait.follows_wall_clock = is_wall && deadline.is_some();
                self.lock_with_inheritance(id, wait)
            }
            // Nobody uses these any more. The result is that of a processor that does not support them.
            libc::FUTEX_WAIT_REQUEUE_PI | libc::FUTEX_CMP_REQUEUE_PI => self.answer(id, registers, errno(libc::ENOSYS)),
            _ => CONTINUE,
        }
    }

    /// `futex_wait` and `futex_waitv`.
    pub(super) fn futex_wait(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let (limit, clock) = match call {
            Call::FutexWait => (registers.arg(4), registers.arg(5)),
            _ => (registers.arg(3), registers.arg(4)),
        };
        let clock = if clock as i32 == libc::CLOCK_REALTIME { Clock::Wall } else { Clock::Monotonic };
        let Some(limit) = self.absolute_limit(id, limit, clock, interrupted) else { return CONTINUE };
        let words = match call {
            Call::FutexWait => Some(vec![FutexWord {
                address: registers.arg(0),
                value: registers.arg(1) as u32,
                mask: registers.arg(2) as u32,
            }]),
            _ => self.read_futex_words(id, registers.arg(0), registers.arg(1)),
        };
        let Some(words) = words else { return CONTINUE };
        self.wait_at(id, registers, words, limit)
    }

    /// Reads the words of a `futex_waitv`. `None` if the kernel would refuse them.
    fn read_futex_words(&self, id: ThreadId, address: u64, count: u64) -> Option<Vec<FutexWord>> {
        const MAX_WORDS: u64 = 128;
        /// Length of a `struct futex_waitv`.
        const ENTRY: u64 = 24;
        if count == 0 || count > MAX_WORDS {
            return None;
        }
        let word = |index| {
            let [value, word] = memory::read_pair(self.tid(id), address + ENTRY * index).ok()?;
            Some(FutexWord { address: word, value: value as u32, mask: u32::MAX })
        };
        (0..count).map(word).collect()
    }

    pub(super) fn futex_wake(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let wakeup = Wakeup {
            address: registers.arg(0),
            count: registers.arg(2) as u32,
            mask: registers.arg(1) as u32,
            is_private: registers.arg(3) & FUTEX2_PRIVATE != 0,
        };
        let woken = self.wake_futex(id, wakeup);
        self.answer_waker(id, registers, woken)
    }

    /// Reads a limit given as a duration. `None` if the kernel would refuse it.
    fn relative_limit(&mut self, id: ThreadId, address: u64, interrupted: Option<Wait>) -> Option<Limit> {
        let deadline = match interrupted {
            _ if address == 0 => None,
            Some(wait) => wait.deadline,
            None => {
                let limit = memory::read_timespec(self.tid(id), address)?;
                Some(self.node_time(self.node_of(id)).saturating_add(limit))
            }
        };
        Some(Limit { deadline, is_time_of_day: false })
    }

    /// Reads a limit given as a time of a clock. `None` if the kernel would refuse it.
    fn absolute_limit(&mut self, id: ThreadId, address: u64, clock: Clock, interrupted: Option<Wait>) -> Option<Limit> {
        let deadline = match interrupted {
            _ if address == 0 => None,
            Some(wait) => wait.deadline,
            None => {
                let time = memory::read_timespec(self.tid(id), address)?;
                Some(self.time_at(self.node_of(id), clock, time))
            }
        };
        Some(Limit { deadline, is_time_of_day: clock == Clock::Wall })
    }

    /// Blocks a thread until one of the words is woken, if all of them have the values that the call expects.
    fn wait_at(&mut self, id: ThreadId, registers: Registers, words: Vec<FutexWord>, limit: Limit) -> Outcome {
        for word in &words {
            match memory::read_u32(self.tid(id), word.address) {
                Err(_) => return self.answer(id, registers, EFAULT),
                Ok(value) if value != word.value => return self.answer(id, registers, errno(libc::EAGAIN)),
                Ok(_) => {}
            }
        }
        let deadline = limit.deadline.map(|deadline| self.lengthen_short_wait(id, deadline));
        if deadline.is_some_and(|deadline| deadline <= self.node_time(self.node_of(id))) {
            self.skip_call(id, registers, errno(libc::ETIMEDOUT))?;
            self.make_ready(id, Resume::CONTINUE);
            return Ok(Next::TurnOver);
        }
        let mut wait = Wait::new(registers, deadline, Until::FutexWoken(self.space(id), words));
        wait.follows_wall_clock = limit.is_time_of_day;
        self.block(id, wait);
        Ok(Next::TurnOver)
    }

    /// Answers a call that may have woken threads. The woken threads run first: often such a thread has work to do that the
    /// waking thread relies on, although it does not wait for it (compiling the code that it runs, for example).
    fn answer_waker(&mut self, id: ThreadId, registers: Registers, woken: i64) -> Outcome {
        if woken == 0 {
            return self.answer(id, registers, 0);
        }
        self.skip_call(id, registers, woken)?;
        self.yield_to_woken(id);
        Ok(Next::TurnOver)
    }

    /// Changes the second word of a `FUTEX_WAKE_OP`. Returns whether to wake its waiters.
    fn change_second_word(&mut self, id: ThreadId, address: u64, encoded: u32) -> Result<bool, Fault> {
        let tid = self.tid(id);
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
