//! Locks that the kernel holds: locks of files, and futexes with priority inheritance.

use crate::machine::Machine;
use crate::machine::scheduler::{CONTINUE, Outcome};
use crate::machine::thread::{AtExit, ThreadId, Until, Wait};
use crate::tracee::arch::Call;
use crate::tracee::registers::Registers;

/// Whether a call waits for the lock of a file. A process outside the node may hold it, whose release is not noticed.
pub(in crate::calls) fn is_file_lock(call: Option<Call>) -> bool {
    matches!(call, Some(Call::Flock | Call::Fcntl))
}

impl Machine {
    /// `flock`, and `fcntl` for a lock.
    pub(in crate::calls) fn lock_file(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        let operation = registers.arg(1);
        let nonblocking = match call {
            Call::Flock if operation & libc::LOCK_NB as u64 == 0 => operation | libc::LOCK_NB as u64,
            Call::Fcntl if operation as i32 == libc::F_SETLKW => libc::F_SETLK as u64,
            Call::Fcntl if operation as i32 == libc::F_OFD_SETLKW => libc::F_OFD_SETLK as u64,
            _ => return CONTINUE,
        };
        let mut altered = registers;
        altered.set_arg(1, nonblocking);
        let wait = Wait::new(registers, None, Until::RetrySucceeds);
        self.execute_altered(id, &altered, AtExit::BlockOrReturn(wait))
    }

    /// Futex locks with priority inheritance. The kernel checks who owns one.
    pub(in crate::calls) fn lock_with_inheritance(&mut self, id: ThreadId, wait: Wait) -> Outcome {
        let mut altered = wait.registers;
        let private = altered.arg(1) & libc::FUTEX_PRIVATE_FLAG as u64;
        altered.set_arg(1, libc::FUTEX_TRYLOCK_PI as u64 | private);
        self.execute_altered(id, &altered, AtExit::BlockOrReturn(wait))
    }
}
