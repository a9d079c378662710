//! Waiting for children: `wait4` and `waitid`.

use std::mem::offset_of;

use crate::machine::Machine;
use crate::machine::scheduler::{CONTINUE, Outcome};
use crate::machine::thread::{AtExit, ThreadId, Until, Wait};
use crate::tracee::arch::Call;
use crate::tracee::memory;
use crate::tracee::process::Tid;
use crate::tracee::registers::Registers;

impl Machine {
    pub(in crate::calls) fn wait_for_child(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        const NO_HANG: u64 = libc::WNOHANG as u64;
        let options_at = if call == Call::Wait4 { 2 } else { 3 };
        if registers.arg(options_at) & NO_HANG != 0 {
            return CONTINUE;
        }
        let mut altered = registers;
        altered.set_arg(options_at, registers.arg(options_at) | NO_HANG);
        if call == Call::Waitid {
            altered.set_arg(2, information(&registers));
        }
        let wait = Wait::new(registers, None, Until::ChildChanges);
        self.execute_altered(id, &altered, AtExit::BlockOrReturn(wait))
    }
}

/// Whether a `waitid` has found no child: it sets `si_signo` to 0.
pub(super) fn found_none(tid: Tid, registers: &Registers) -> bool {
    let signal = information(registers) + offset_of!(libc::siginfo_t, si_signo) as u64;
    memory::read_u32(tid, signal) == Ok(0)
}

/// Where `waitid` writes information about the child. If the program passes no address, it is below the stack, beyond the
/// area that functions may use there.
fn information(registers: &Registers) -> u64 {
    const RED_ZONE: u64 = 128;
    const SIZE: u64 = size_of::<libc::siginfo_t>() as u64;
    match registers.arg(2) {
        0 => (registers.stack() - RED_ZONE - SIZE) & !(align_of::<libc::siginfo_t>() as u64 - 1),
        given => given,
    }
}
