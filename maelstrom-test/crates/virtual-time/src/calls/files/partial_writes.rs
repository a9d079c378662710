//! Writes that a forced stop interrupts after they have written a part.
//!
//! Without the tracer the write would not have returned. So it is executed again for the rest, and the call returns the
//! whole length in the end.

use std::io;

use crate::machine::Machine;
use crate::machine::thread::{AtExit, ThreadId};
use crate::time::Nanos;
use crate::tracee::ptrace;
use crate::tracee::registers::Registers;

impl Machine {
    /// At the end of a write of a part: makes the thread write the rest. False if everything is written.
    pub(super) fn write_rest(
        &mut self,
        id: ThreadId,
        mut registers: Registers,
        deadline: Option<Nanos>,
    ) -> io::Result<bool> {
        let (mut whole, mut done) = (registers, 0);
        if let Some(AtExit::FinishWrite { registers, done: before, .. }) = &self.call_state(id).at_exit {
            (whole, done) = (*registers, *before);
        }
        done += registers.result().max(0) as u64;
        if done >= whole.arg(2) {
            return Ok(false);
        }
        let number = registers.number();
        registers.set_arg(1, whole.arg(1) + done);
        registers.set_arg(2, whole.arg(2) - done);
        registers.repeat_call(number);
        ptrace::set_registers(self.tid(id), &registers)?;
        whole.set_after_call(registers.instruction());
        self.call_state(id).at_exit = Some(AtExit::FinishWrite { registers: whole, done, deadline, entered: false });
        Ok(true)
    }

    /// Abandons the rest of a write. Returns the registers of the whole call, and its result: what was written.
    pub(in crate::calls) fn cancel_rest_of_write(&mut self, id: ThreadId) -> Option<(Registers, i64)> {
        let state = self.call_state(id);
        match state.at_exit.take() {
            Some(AtExit::FinishWrite { registers, done, .. }) => Some((registers, done as i64)),
            other => {
                state.at_exit = other;
                None
            }
        }
    }
}
