//! System V semaphores: `semop` and `semtimedop`.

use std::io;

use crate::calls::answer::errno;
use crate::machine::Machine;
use crate::machine::scheduler::{CONTINUE, Outcome};
use crate::machine::thread::{AtExit, StopPoint, ThreadId, Until, Wait};
use crate::tracee::arch::Call;
use crate::tracee::memory;
use crate::tracee::registers::Registers;

/// `struct sembuf`: three numbers of 16 bits, the last one flags.
const OPERATION: usize = 6;
const FLAGS: usize = 4;
/// The kernel accepts at most this many operations in one call.
const MAX_OPERATIONS: u64 = 500;

impl Machine {
    pub(in crate::calls) fn operate_semaphores(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let (node, tid) = (self.node_of(id), self.tid(id));
        // The kernel reports invalid arguments.
        let Some(mut operations) = self.read_operations(id, &registers) else { return CONTINUE };
        let limit = if call == Call::Semtimedop { registers.arg(3) } else { 0 };
        let nonblocking = operations.chunks_exact(OPERATION).filter(|operation| is_nonblocking(operation)).count();
        if nonblocking * OPERATION == operations.len() {
            return CONTINUE;
        }
        if nonblocking > 0 {
            // The kernel does not report which of the operations is not possible.
            return match limit {
                0 => CONTINUE,
                _ => self.execute_in_real_time(id, "semtimedop with IPC_NOWAIT for some operations"),
            };
        }
        let mut wait = Wait::new(registers, None, Until::RetrySucceeds);
        if interrupted.is_some() {
            wait.stop_point = StopPoint::CallExit;
        }
        if limit != 0 {
            let Some(limit) = memory::read_timespec(tid, limit) else { return CONTINUE };
            let deadline = self.node_time(node).saturating_add(limit);
            wait.deadline = interrupted.and_then(|wait| wait.deadline).or(Some(deadline));
        }
        operations.chunks_exact_mut(OPERATION).for_each(|operation| set_nonblocking(operation, true));
        memory::overwrite(tid, registers.arg(1), &operations)?;
        self.execute_altered(id, &registers, AtExit::BlockOrReturn(wait))
    }

    fn read_operations(&self, id: ThreadId, registers: &Registers) -> Option<Vec<u8>> {
        let count = registers.arg(2);
        if count == 0 || count > MAX_OPERATIONS {
            return None;
        }
        let mut operations = vec![0; count as usize * OPERATION];
        memory::read(self.tid(id), registers.arg(1), &mut operations).ok()?;
        Some(operations)
    }

    /// Restores the flags of the operations at the end of the call. Returns the call's result.
    pub(super) fn restore_semaphore_flags(&self, id: ThreadId, wait: &Wait, result: i64) -> io::Result<i64> {
        let Some(mut operations) = self.read_operations(id, &wait.registers) else { return Ok(result) };
        operations.chunks_exact_mut(OPERATION).for_each(|operation| set_nonblocking(operation, false));
        memory::overwrite(self.tid(id), wait.registers.arg(1), &operations)?;
        let existed_before = wait.stop_point == StopPoint::CallExit;
        let is_removed = existed_before && result == errno(libc::EINVAL);
        Ok(if is_removed { errno(libc::EIDRM) } else { result })
    }
}

fn is_nonblocking(operation: &[u8]) -> bool {
    i32::from(operation[FLAGS + 1]) << 8 & libc::IPC_NOWAIT != 0
}

fn set_nonblocking(operation: &mut [u8], nonblocking: bool) {
    let bit = (libc::IPC_NOWAIT >> 8) as u8;
    operation[FLAGS + 1] = if nonblocking { operation[FLAGS + 1] | bit } else { operation[FLAGS + 1] & !bit };
}
