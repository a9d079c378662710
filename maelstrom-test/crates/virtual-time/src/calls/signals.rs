//! Waiting for signals, and how signals interrupt system calls.
//!
//! A blocked thread's call is made to look to the kernel as if the signal had interrupted it. The result decides what the
//! kernel does after a handler has run:
//!
//! | result | if a handler runs | otherwise |
//! | --- | --- | --- |
//! | `ERESTARTNOHAND` | the call fails with `EINTR` | the call restarts |
//! | `ERESTARTSYS` | the call restarts if the handler wants that (`SA_RESTART`) | the call restarts |
//! | `ERESTARTNOINTR` | the call restarts | the call restarts |

use std::io;

use crate::machine::Machine;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::signals::{SignalSet, Signals};
use crate::machine::thread::{AtExit, Resume, StopPoint, ThreadId, Until, Wait};
use crate::time::UPTIME_AT_START;
use crate::tracee::arch::{self, Call};
use crate::tracee::ptrace::Request;
use crate::tracee::registers::Registers;
use crate::tracee::{memory, ptrace};

const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;

/// What the kernel must see as the result of an interrupted call.
fn restart_result(wait: &Wait) -> i64 {
    let call = arch::call(wait.registers.number());
    if call == Some(Call::Futex) && matches!(wait.until, Until::RetrySucceeds) {
        // A lock with priority inheritance.
        return ERESTARTNOINTR;
    }
    let restarts = match call {
        Some(
            Call::Futex
            | Call::Read
            | Call::Readv
            | Call::Recvfrom
            | Call::Recvmsg
            | Call::Recvmmsg
            | Call::Accept
            | Call::Accept4,
        )
        | None => wait.deadline.is_none(),
        Some(Call::Wait4 | Call::Waitid | Call::Flock | Call::Fcntl | Call::Splice) => true,
        _ => false,
    };
    if restarts { ERESTARTSYS } else { ERESTARTNOHAND }
}

impl Machine {
    /// Interrupts a thread's wait if a signal is pending for it. Returns the signals of its process that it takes.
    pub(super) fn deliver_signals(
        &mut self,
        id: ThreadId,
        signals: &Signals,
        taken: SignalSet,
    ) -> io::Result<SignalSet> {
        let tid = self.tid(id);
        let candidates = signals.own | signals.shared & !taken;
        let Some(registers) = self.wait_of(id).map(|wait| wait.registers) else { return Ok(0) };
        let call = arch::call(registers.number());
        // Some calls wait with another signal mask.
        let mask_at = match call {
            Some(Call::Ppoll) => registers.arg(3),
            Some(Call::EpollPwait | Call::EpollPwait2) => registers.arg(4),
            Some(Call::Pselect) if registers.arg(5) != 0 => memory::read_u64(tid, registers.arg(5)).unwrap_or(0),
            Some(Call::RtSigsuspend) => registers.arg(0),
            _ => 0,
        };
        let mask = (mask_at != 0).then(|| memory::read_u64(tid, mask_at).ok()).flatten();
        if call == Some(Call::RtSigtimedwait) {
            let wanted = memory::read_u64(tid, registers.arg(0)).unwrap_or(0);
            if candidates & wanted != 0 {
                // The call itself takes it, without a handler.
                self.unblock(id);
                self.make_ready(id, Resume::CONTINUE);
                return Ok(signals.shared & wanted);
            }
        }
        let delivered = candidates & !mask.unwrap_or(signals.blocked);
        if delivered == 0 {
            return Ok(0);
        }
        if mask.is_some() {
            // With the signal pending, the real call returns at once, and restores the mask.
            self.unblock(id);
            self.make_ready(id, Resume::CONTINUE);
        } else {
            self.interrupt(id, delivered & signals.caught != 0)?;
        }
        Ok(signals.shared & delivered)
    }

    /// Ends a wait as a signal would end it. `is_caught`: a handler runs.
    fn interrupt(&mut self, id: ThreadId, is_caught: bool) -> io::Result<()> {
        let Some(wait) = self.unblock(id) else { return Ok(()) };
        if matches!(wait.until, Until::BackoffEnds) {
            // The thread does not wait in its call, which may be one that no signal interrupts. The call is made. If it
            // blocks, the signal is noticed again.
            self.call_state(id).got_signal = true;
            self.make_ready_to_retry(id, wait);
            return Ok(());
        }
        let registers = wait.registers;
        let result = restart_result(&wait);
        let resume = match wait.stop_point {
            // The kernel is already handling the signal.
            StopPoint::InsideCall if is_caught => Resume::CONTINUE,
            StopPoint::InsideCall => {
                if let Next::Resume(resume) = self.execute(id, wait)? {
                    self.make_ready(id, resume);
                }
                return Ok(());
            }
            StopPoint::CallExit => {
                let result = if wait.done > 0 { self.finish_receiving(id, &wait, wait.done) } else { result };
                self.return_to_kernel(id, registers, result)?;
                Resume::CONTINUE
            }
            StopPoint::CallEntry => {
                self.skip_call(id, registers, result)?;
                self.call_state(id).at_exit = Some(AtExit::Return(registers, result));
                Resume::TO_SYSCALL_EXIT
            }
        };
        if is_caught {
            self.write_remaining_sleep(id, &wait);
        } else if wait.deadline.is_some() {
            // The call restarts, and waits for the rest of its time.
            self.call_state(id).interrupted = Some(wait);
        }
        self.make_ready(id, resume);
        Ok(())
    }

    /// At the end of a call: sets its result as the kernel would. If that is a result with which the kernel restarts the
    /// call, the kernel must see it. It checks only if a signal may be pending for the thread, and another thread of the
    /// process may have taken the signal in the meantime. So the thread is made to stop once more, which implies the check.
    pub(super) fn return_to_kernel(&mut self, id: ThreadId, mut registers: Registers, result: i64) -> io::Result<()> {
        let tid = self.tid(id);
        registers.set_result(result);
        ptrace::set_registers(tid, &registers)?;
        if [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND].contains(&result) {
            ptrace::interrupt(tid)?;
            self.call_state(id).is_restarting = true;
        }
        Ok(())
    }

    /// The kernel is about to deliver a signal to the running thread. A fault of an instruction that reads the time-stamp
    /// counter is emulated instead.
    pub(super) fn on_signal(&mut self, id: ThreadId, signal: i32) -> Outcome {
        let tid = self.tid(id);
        if signal == libc::SIGSEGV {
            let mut registers = ptrace::registers(tid)?;
            let mut code = [0; 3];
            memory::read_some(tid, registers.instruction(), &mut code);
            let time = self.read_clock(self.node_of(id));
            if registers.emulate_tsc_read(code, UPTIME_AT_START + time) {
                ptrace::set_registers(tid, &registers)?;
                return CONTINUE;
            }
        }
        if let Some((whole, done)) = self.cancel_rest_of_write(id) {
            // As in the kernel: the call returns what was written.
            self.skip_call(id, whole, done)?;
        }
        Ok(Next::Resume(Resume { request: Request::Continue, signal }))
    }

    /// `rt_sigtimedwait`, `rt_sigsuspend` and `pause`.
    pub(super) fn wait_for_signal(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let mut deadline = None;
        if call == Call::RtSigtimedwait && registers.arg(2) != 0 {
            let Some(limit) = memory::read_timespec(self.tid(id), registers.arg(2)) else { return CONTINUE };
            let end = self.node_time(self.node_of(id)).saturating_add(limit);
            deadline = interrupted.and_then(|wait| wait.deadline).or(Some(end));
            if limit == 0 {
                return CONTINUE;
            }
        }
        if let Some(deadline) = &mut deadline {
            *deadline = self.lengthen_short_wait(id, *deadline);
        }
        self.block(id, Wait::new(registers, deadline, Until::SignalArrives));
        self.check_signals_of(id);
        Ok(Next::TurnOver)
    }
}
