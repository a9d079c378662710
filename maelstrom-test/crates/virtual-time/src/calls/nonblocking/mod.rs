//! Calls whose success cannot be predicted: children, locks of files, semaphores, locks with priority inheritance.
//!
//! Such a call is executed in a form that does not block. If it would have blocked, the thread stays stopped at the end of
//! the call. The call is executed again whenever another thread of the node has done something.
//!
//! ```text
//!   call entry ──► execute, nonblocking ──► call exit ── success or error ──► return to the program
//!                        ▲                      │ would have blocked
//!                        └── the node has done ─┘
//!                            something
//! ```
//!
//! | file | calls |
//! | --- | --- |
//! | [`children`] | `wait4`, `waitid` |
//! | [`locks`] | `flock`, `fcntl` for locks, futexes with priority inheritance |
//! | [`semaphores`] | `semop`, `semtimedop` |

mod children;
mod locks;
mod semaphores;

use super::answer::errno;
use crate::machine::Machine;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{StopPoint, ThreadId, Wait};
use crate::time::Nanos;
use crate::tracee::arch::{self, Call};
use crate::tracee::ptrace;
use crate::tracee::registers::Registers;

pub(super) use locks::is_file_lock;

/// The lock of a file is retried after this time, besides whenever the node has done something.
const FILE_LOCK_RETRY: Nanos = 1_000_000;

/// What such a call returns when it times out.
pub(super) fn timeout_result(call: Option<Call>) -> i64 {
    match call {
        Some(Call::Futex) => errno(libc::ETIMEDOUT),
        _ => errno(libc::EAGAIN),
    }
}

impl Machine {
    /// A call in its nonblocking form has ended: blocks the thread if the call would have blocked, else returns the result.
    pub(super) fn block_or_return(&mut self, id: ThreadId, mut wait: Wait, mut result: i64) -> Outcome {
        let mut registers = wait.registers;
        let call = arch::call(registers.number());
        if matches!(call, Some(Call::Semop | Call::Semtimedop)) {
            result = self.restore_semaphore_flags(id, &wait, result)?;
        }
        if self.would_have_blocked(id, call, &registers, result) {
            wait.stop_point = StopPoint::CallExit;
            if is_file_lock(call) {
                wait.deadline = Some(self.node_time(self.node_of(id)) + FILE_LOCK_RETRY);
            }
            self.block(id, wait);
            return Ok(Next::TurnOver);
        }
        registers.set_result(result);
        ptrace::set_registers(self.tid(id), &registers)?;
        CONTINUE
    }

    fn would_have_blocked(&self, id: ThreadId, call: Option<Call>, registers: &Registers, result: i64) -> bool {
        match call {
            Some(Call::Wait4) => result == 0,
            Some(Call::Waitid) => result == 0 && children::found_none(self.tid(id), registers),
            Some(Call::Fcntl) => result == errno(libc::EAGAIN) || result == errno(libc::EACCES),
            _ => result == errno(libc::EAGAIN),
        }
    }
}
