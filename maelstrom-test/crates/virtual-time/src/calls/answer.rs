//! How a thread continues after a stop at a system call: the call is skipped, altered or executed.

use crate::machine::Machine;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{AtExit, Resume, StopPoint, ThreadId, Wait};
use crate::tracee::memory::{EFAULT, Fault};
use crate::tracee::ptrace;
use crate::tracee::registers::Registers;

/// A system call's result for an error.
pub(super) const fn errno(code: i32) -> i64 {
    -(code as i64)
}

impl Machine {
    /// Skips a call, which returns `value`, and resumes the thread.
    pub(super) fn answer(&mut self, id: ThreadId, registers: Registers, value: i64) -> Outcome {
        self.skip_call(id, registers, value)?;
        CONTINUE
    }

    /// The same for a call whose results had to be written to the thread's memory.
    pub(super) fn answer_written(
        &mut self,
        id: ThreadId,
        registers: Registers,
        written: Result<i64, Fault>,
    ) -> Outcome {
        self.answer(id, registers, written.unwrap_or(EFAULT))
    }

    /// Executes a call with altered registers, and handles its end.
    pub(super) fn execute_altered(&mut self, id: ThreadId, altered: &Registers, at_exit: AtExit) -> Outcome {
        ptrace::set_registers(self.tid(id), altered)?;
        self.call_state(id).at_exit = Some(at_exit);
        Ok(Next::Resume(Resume::TO_SYSCALL_EXIT))
    }

    /// Executes the call of a wait that has ended, for the first time or again.
    pub(super) fn execute(&mut self, id: ThreadId, wait: Wait) -> Outcome {
        let mut registers = wait.registers;
        match wait.stop_point {
            StopPoint::CallEntry => {}
            // The kernel restarts it by itself.
            StopPoint::InsideCall if registers.result() != errno(libc::EINTR) => {}
            StopPoint::CallExit | StopPoint::InsideCall => {
                registers.repeat_call(registers.number());
                ptrace::set_registers(self.tid(id), &registers)?;
                self.call_state(id).interrupted = Some(wait);
            }
        }
        Ok(self.proceed(id))
    }

    /// Executes a call whose time limit is not simulated, and notes that.
    pub(super) fn execute_in_real_time(&mut self, id: ThreadId, what: &str) -> Outcome {
        self.note_of(self.node_of(id), &format!("uses {what}, whose time limit runs on real time"));
        CONTINUE
    }
}
