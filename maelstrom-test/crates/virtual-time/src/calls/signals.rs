//! Signals: whom they reach, and how they end the waits of threads that are kept in a trap.
//!
//! The kernel delivers signals, not we; but it can do so only to a thread that runs. So when a signal may have been
//! sent, every waiting thread is asked whether one is pending for it. If so, its call is made to look as if the signal
//! had interrupted it, and the kernel does the rest.

use std::fs;
use std::io;

use crate::machine::Machine;
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{AtExit, Go, Place, ProcessId, State, ThreadId, Wait, What};
use crate::tracee::arch::{self, Call, Registers};
use crate::tracee::memory;
use crate::tracee::sys::{self, Request, Stop, Tid};

/// Results that the kernel keeps to itself: restart the call unless a handler runs that does not want it; restart it
/// always; restart it unless a handler runs.
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;

/// Sets of signals, bit 0 being signal 1.
type Signals = u64;

const fn only(signal: i32) -> Signals {
    1 << (signal - 1)
}

/// A thread's signals, as the kernel tells them.
struct Pending {
    /// Sent to the thread.
    own: Signals,
    /// Sent to its process.
    shared: Signals,
    blocked: Signals,
    caught: Signals,
    dying: bool,
}

fn pending(tid: Tid) -> Pending {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let set = |name| field(name).and_then(|text| Signals::from_str_radix(text, 16).ok()).unwrap_or(0);
    let (own, shared) = (set("SigPnd:"), set("ShdPnd:"));
    let state = field("State:").unwrap_or("X");
    let dying = (own | shared) & only(libc::SIGKILL) != 0 || state.starts_with(['X', 'Z']);
    Pending { own, shared, blocked: set("SigBlk:"), caught: set("SigCgt:"), dying }
}

impl Machine {
    /// Looks for signals that are pending for threads of a node.
    pub(crate) fn look_at_signals(&mut self, node: usize) -> io::Result<()> {
        let mut processes: Vec<ProcessId> = self.life(node).processes.iter().copied().collect();
        processes.sort_by_key(|process| {
            let threads = &self.processes[*process].threads;
            threads.iter().map(|id| self.threads[*id].number).min()
        });
        for process in processes {
            // A signal to a process goes to the first of its threads that lets it through.
            let mut taken = 0;
            let Some(entry) = self.processes.get(process) else { continue };
            let mut threads: Vec<ThreadId> = entry.threads.iter().copied().collect();
            threads.sort_by_key(|id| self.threads[*id].number);
            for id in threads {
                if self.processes.get(process).is_none() || self.threads.get(id).is_none() {
                    break;
                }
                if matches!(self.threads[id].state, State::Leaving | State::Vfork) {
                    continue;
                }
                let signals = pending(self.threads[id].tid);
                if signals.dying {
                    self.end_process(process, None)?;
                    break;
                }
                if matches!(self.threads[id].state, State::Stopped) {
                    self.look_at_stopped(id)?;
                    continue;
                }
                taken |= self.deliver_signals(id, &signals, taken)?;
            }
            if self.nodes[node].life.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Interrupts a thread's wait if a signal is pending for it. Returns the signals of its process that it will take.
    fn deliver_signals(&mut self, id: ThreadId, signals: &Pending, taken: Signals) -> io::Result<Signals> {
        let candidates = signals.own | signals.shared & !taken;
        // A thread that only rests gets its signals when it goes on.
        let State::Waiting(wait) = &self.threads[id].state else {
            return Ok(signals.shared & !signals.blocked);
        };
        if matches!(wait.what, What::Rest(_)) {
            return Ok(signals.shared & !signals.blocked);
        }
        let registers = wait.registers;
        let call = arch::call(registers.number());
        // Some calls wait with other signals blocked, or take signals without a handler.
        let mask_at = match call {
            Some(Call::Ppoll) => registers.arg(3),
            Some(Call::EpollPwait | Call::EpollPwait2) => registers.arg(4),
            Some(Call::Pselect) if registers.arg(5) != 0 => {
                memory::read_u64(self.threads[id].tid, registers.arg(5)).unwrap_or(0)
            }
            Some(Call::RtSigsuspend) => registers.arg(0),
            _ => 0,
        };
        let tid = self.threads[id].tid;
        let mask = (mask_at != 0).then(|| memory::read_u64(tid, mask_at).ok()).flatten();
        if call == Some(Call::RtSigtimedwait) {
            let wanted = memory::read_u64(tid, registers.arg(0)).unwrap_or(0);
            if candidates & wanted != 0 {
                // The call itself takes it.
                self.end_wait(id);
                self.make_ready(id, State::Ready(Go::ON));
                return Ok(signals.shared & wanted);
            }
        }
        let reach = candidates & !mask.unwrap_or(signals.blocked);
        if reach == 0 {
            return Ok(0);
        }
        if mask.is_some() {
            // With the signal pending the real call returns at once, and knows how to put the mask back.
            self.end_wait(id);
            self.make_ready(id, State::Ready(Go::ON));
        } else {
            self.interrupt(id, reach & signals.caught != 0)?;
        }
        Ok(signals.shared & reach)
    }

    /// Makes a wait end as a signal would end it.
    fn interrupt(&mut self, id: ThreadId, caught: bool) -> io::Result<()> {
        let Some(wait) = self.end_wait(id) else { return Ok(()) };
        if matches!(wait.what, What::Nap) {
            // It does not wait in its call, which may be one that no signal interrupts. The call is made; if it has to wait
            // then, the signal is seen again.
            self.threads[id].signalled = true;
            self.make_ready(id, State::Recheck(wait));
            return Ok(());
        }
        let registers = wait.registers;
        let tid = self.threads[id].tid;
        let call = arch::call(registers.number());
        let restartable = match call {
            Some(Call::Futex) | None => wait.deadline.is_none(),
            Some(
                Call::Read
                | Call::Readv
                | Call::Recvfrom
                | Call::Recvmsg
                | Call::Recvmmsg
                | Call::Accept
                | Call::Accept4,
            ) => wait.deadline.is_none(),
            Some(Call::Wait4 | Call::Waitid | Call::Flock | Call::Fcntl | Call::Splice) => true,
            _ => false,
        };
        let inherits = call == Some(Call::Futex) && matches!(wait.what, What::Again);
        let result = match restartable {
            _ if inherits => ERESTARTNOINTR,
            true => ERESTARTSYS,
            false => ERESTARTNOHAND,
        };
        let go = match wait.place {
            // It stands in the kernel's own handling of signals.
            Place::Fetched if caught => Go::ON,
            Place::Fetched => {
                if let Next::Go(go) = self.make_call(id, wait)? {
                    self.make_ready(id, State::Ready(go));
                }
                return Ok(());
            }
            Place::Behind => {
                let result = if wait.done > 0 { self.received(id, &wait, wait.done) } else { result };
                self.pretend(id, registers, result)?;
                Go::ON
            }
            Place::Before => {
                let mut skipped = registers;
                skipped.answer(result);
                sys::set_registers(tid, &skipped)?;
                self.threads[id].at_exit = Some(AtExit::Pretend(registers, result));
                Go::TO_EXIT
            }
        };
        if caught {
            self.write_remaining_sleep(id, &wait);
        } else if wait.deadline.is_some() {
            // The call will be made again, and is to wait for the rest of its time.
            self.threads[id].interrupted = Some(wait);
        }
        self.make_ready(id, State::Ready(go));
        Ok(())
    }

    /// Gives a thread, at the end of its call, a result as the kernel gives it. If that is one of those with which the kernel
    /// itself restarts the call, the kernel must get to see it: it looks only if a signal may be pending for the thread,
    /// and another thread of the process may have taken the signal meanwhile.
    pub(crate) fn pretend(&mut self, id: ThreadId, mut registers: Registers, result: i64) -> io::Result<()> {
        let tid = self.threads[id].tid;
        registers.set_result(result);
        sys::set_registers(tid, &registers)?;
        if [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND].contains(&result) {
            sys::interrupt(tid)?;
            self.threads[id].restarting = true;
        }
        Ok(())
    }

    /// A running thread is about to get a signal.
    pub(crate) fn on_signal(&mut self, id: ThreadId, signal: i32) -> Step {
        let tid = self.threads[id].tid;
        if signal == libc::SIGSEGV {
            let mut registers = sys::registers(tid)?;
            let mut code = [0; 3];
            sys::read_memory(tid, registers.instruction(), &mut code);
            let time = self.reading(self.threads[id].node);
            if registers.emulate_counter(code, crate::machine::clock::BOOT + time) {
                sys::set_registers(tid, &registers)?;
                return ON;
            }
        }
        if let Some((whole, done)) = self.cancel_rest(id) {
            // As the kernel has it: what was written counts.
            self.prepare_answer(id, whole, done)?;
        }
        Ok(Next::Go(Go { request: Request::Continue, signal }))
    }

    /// `rt_sigtimedwait`, `rt_sigsuspend` and `pause`.
    pub(crate) fn wait_for_signal(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Step {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let mut deadline = None;
        if call == Call::RtSigtimedwait && registers.arg(2) != 0 {
            let span = memory::read_pair(tid, registers.arg(2)).ok();
            let Some(span) = span.and_then(|pair| memory::time(pair, crate::machine::clock::SECOND)) else { return ON };
            let until = self.node_time(node).saturating_add(span);
            deadline = interrupted.and_then(|wait| wait.deadline).or(Some(until));
            if span == 0 {
                return ON;
            }
        }
        if let Some(deadline) = &mut deadline {
            *deadline = self.short_wait(id, *deadline);
        }
        self.hold(id, Wait::new(registers, deadline, What::Signal));
        // It may be there already; only this thread's signals are looked at, for a program may have very many threads.
        let signals = pending(tid);
        if signals.dying || signals.own | signals.shared != 0 {
            self.life(node).signals = true;
        }
        Ok(Next::Over)
    }

    /// Job control stops the thread's process.
    pub(crate) fn on_group_stop(&mut self, id: ThreadId) -> Step {
        sys::resume(self.threads[id].tid, Request::Listen, 0)?;
        self.threads[id].state = State::Stopped;
        self.wake_parents(self.threads[id].node);
        Ok(Next::Over)
    }

    /// Whether job control lets a thread go on.
    fn look_at_stopped(&mut self, id: ThreadId) -> io::Result<()> {
        match sys::wait(Some(self.threads[id].tid), false)? {
            Some((_, Stop::Group(libc::SIGTRAP))) => {
                self.make_ready(id, State::Ready(Go::ON));
                self.wake_parents(self.threads[id].node);
            }
            Some((_, Stop::Group(_))) => _ = self.on_group_stop(id)?,
            Some((_, Stop::Gone(status))) => {
                let process = self.threads[id].process;
                self.end_process(process, Some(status))?;
            }
            Some(_) => self.make_ready(id, State::Ready(Go::ON)),
            None => {}
        }
        Ok(())
    }

    /// A process of the node has ended, stopped or gone on: threads that wait for their children look again.
    pub(crate) fn wake_parents(&mut self, node: usize) {
        let processes: Vec<ProcessId> = self.life(node).processes.iter().copied().collect();
        for process in processes {
            let threads: Vec<ThreadId> = self.processes[process].threads.iter().copied().collect();
            for id in threads {
                if matches!(&self.threads[id].state, State::Waiting(wait) if matches!(wait.what, What::Child))
                    && let Some(wait) = self.end_wait(id)
                {
                    self.make_ready(id, State::Recheck(wait));
                }
            }
        }
    }
}
