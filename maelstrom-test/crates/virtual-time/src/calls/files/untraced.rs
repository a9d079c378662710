//! Untraced calls that block in the kernel, most of them writes.
//!
//! A stop before each write would cost more than it gains, because writes seldom block. So writes are not traced. If one
//! does block, the [watchdog](crate::machine) finds the thread asleep and forces it to stop: the kernel interrupts the call,
//! as for any signal. From then on the machine keeps the thread blocked, and repeats the call when it may succeed. The
//! program does not notice.

use super::sockets;
use crate::calls::answer::errno;
use crate::machine::Machine;
use crate::machine::files::PollTarget;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{AtExit, StopPoint, ThreadId, Until, Wait};
use crate::time::Nanos;
use crate::tracee::descriptors::Timeout;
use crate::tracee::ptrace;
use crate::tracee::registers::Registers;

/// Results that are internal to the kernel: it restarts the call.
const RESTARTS: std::ops::RangeInclusive<i64> = -516..=-512;

/// Calls that write to the file that their first argument names.
const WRITES: [i64; 6] =
    [libc::SYS_write, libc::SYS_writev, libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg, libc::SYS_sendfile];

/// Whether a call's second and third arguments are a buffer and its length.
fn writes_one_buffer(number: i64) -> bool {
    [libc::SYS_write, libc::SYS_sendto].contains(&number)
}

impl Machine {
    /// A forced stop has interrupted a thread that was blocked in the kernel.
    pub(in crate::calls) fn on_blocked_in_kernel(&mut self, id: ThreadId) -> Outcome {
        let registers = ptrace::registers(self.tid(id))?;
        if registers.number() < 0 {
            return CONTINUE;
        }
        let deadline = self.deadline_of_untraced(id, &registers);
        if registers.result() >= 0
            && !(writes_one_buffer(registers.number()) && self.write_rest(id, registers, deadline)?)
        {
            return CONTINUE;
        }
        self.continue_or_block(id, registers, deadline)
    }

    /// When the interrupted call times out.
    fn deadline_of_untraced(&mut self, id: ThreadId, registers: &Registers) -> Option<Nanos> {
        let number = registers.number();
        let state = self.call_state(id);
        match &state.at_exit {
            Some(AtExit::FinishWrite { deadline, .. }) => return *deadline,
            _ if number == libc::SYS_connect => {
                if let Some(before) = state.interrupted.take() {
                    return before.deadline;
                }
            }
            _ if WRITES.contains(&number) => {}
            _ => return None,
        }
        let target = self.poll_target(id, registers.arg(0) as i32, libc::POLLOUT);
        let PollTarget::File(file, _) = target else { return None };
        let limit = sockets::time_limit(&file, Timeout::Send)?;
        Some(self.node_time(self.node_of(id)).saturating_add(limit))
    }

    /// Repeats the call if there is room for it now, else blocks the thread.
    fn continue_or_block(&mut self, id: ThreadId, registers: Registers, deadline: Option<Nanos>) -> Outcome {
        let until = match self.poll_target(id, registers.arg(0) as i32, libc::POLLOUT) {
            target @ PollTarget::File(..) if WRITES.contains(&registers.number()) => Until::FileReady(vec![target]),
            _ => Until::RetrySucceeds,
        };
        let mut wait = Wait::new(registers, deadline, until);
        wait.stop_point = StopPoint::InsideCall;
        let node = self.node_of(id);
        // Most likely its output did not fit in the pipe.
        if !self.collect_output(node) {
            self.block(id, wait);
        } else if self.is_paused(node) {
            self.make_ready_to_retry(id, wait);
        } else {
            return self.execute(id, wait);
        }
        Ok(Next::TurnOver)
    }

    /// Another part of a write has ended. `write`: the registers of the whole call, and what was written before.
    pub(in crate::calls) fn on_part_written(
        &mut self,
        id: ThreadId,
        write: (Registers, u64),
        deadline: Option<Nanos>,
        now: Registers,
    ) -> Outcome {
        let (mut registers, done) = write;
        // It may have been interrupted before anything was written.
        let interrupted = RESTARTS.contains(&now.result()) || now.result() == errno(libc::EINTR);
        let more = now.result().max(0) as u64;
        if interrupted || (more > 0 && done + more < registers.arg(2)) {
            self.call_state(id).at_exit = Some(AtExit::FinishWrite { registers, done, deadline, entered: true });
            self.write_rest(id, now, deadline)?;
            return self.continue_or_block(id, registers, deadline);
        }
        // The program sees an error at its next write.
        registers.set_result(done as i64 + now.result().max(0));
        ptrace::set_registers(self.tid(id), &registers)?;
        CONTINUE
    }
}
