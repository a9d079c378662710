//! `recvmmsg`: receiving several messages with one call.
//!
//! The call is executed without waiting. If it wants more messages than there are, the thread blocks until more arrive.

use std::os::fd::OwnedFd;

use crate::calls::answer::errno;
use crate::machine::Machine;
use crate::machine::files::PollTarget;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{AtExit, StopPoint, ThreadId, Until, Wait};
use crate::tracee::registers::Registers;
use crate::tracee::{descriptors, memory, ptrace};

/// Length of a `struct mmsghdr`.
const HEADER: u64 = 64;
/// The kernel receives at most this many messages in one call.
const MAX_MESSAGES: u64 = 1024;

/// Whether a call on this socket never waits.
pub(super) fn is_nonblocking(file: &OwnedFd, registers: &Registers) -> bool {
    registers.arg(3) as i32 & libc::MSG_DONTWAIT != 0 || descriptors::is_nonblocking(file)
}

impl Machine {
    /// Receives the messages that are available.
    pub(super) fn receive_now(&mut self, id: ThreadId, wait: Wait) -> Outcome {
        let mut altered = wait.registers;
        altered.set_arg(1, altered.arg(1) + wait.done * HEADER);
        altered.set_arg(2, altered.arg(2) as u32 as u64 - wait.done);
        altered.set_arg(3, altered.arg(3) | libc::MSG_DONTWAIT as u64);
        altered.set_arg(4, 0);
        self.execute_altered(id, &altered, AtExit::Received(wait))
    }

    /// The available messages have been received. Blocks if the call wants more and has time to wait for them.
    pub(in crate::calls) fn on_received(&mut self, id: ThreadId, mut wait: Wait, result: i64) -> Outcome {
        let mut registers = wait.registers;
        let found_nothing = result == errno(libc::EAGAIN);
        let done = wait.done + result.max(0) as u64;
        let now = self.node_time(self.node_of(id));
        let wanted = u64::from(registers.arg(2) as u32).min(MAX_MESSAGES);
        let waits_for_all = registers.arg(3) as i32 & libc::MSG_WAITFORONE == 0;
        let Until::FileReady(targets) = &wait.until else { unreachable!("the wait is for a file") };
        let nonblocking = matches!(&targets[..], [PollTarget::File(file, _)] if is_nonblocking(file, &registers));
        let wants_more = (result >= 0 || found_nothing)
            && !nonblocking
            && (done == 0 || waits_for_all && done < wanted)
            && wait.deadline.is_none_or(|deadline| now < deadline);
        if wants_more {
            (wait.done, wait.stop_point) = (done, StopPoint::CallExit);
            self.block(id, wait);
            return Ok(Next::TurnOver);
        }
        let result = if done > 0 { self.finish_receiving(id, &wait, done) } else { result };
        registers.set_result(result);
        ptrace::set_registers(self.tid(id), &registers)?;
        CONTINUE
    }

    /// Ends a call that has received `done` messages: writes the remaining time. Returns the call's result.
    pub(in crate::calls) fn finish_receiving(&mut self, id: ThreadId, wait: &Wait, done: u64) -> i64 {
        let limit = wait.registers.arg(4);
        if limit != 0 {
            let left = wait.deadline.unwrap_or(0).saturating_sub(self.node_time(self.node_of(id)));
            // The kernel would report a failure. But the messages have been received.
            let _ = memory::write_timespec(self.tid(id), limit, left);
        }
        done as i64
    }
}
