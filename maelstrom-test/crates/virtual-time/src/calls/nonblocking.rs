//! Calls whose success cannot be foreseen: locks of files, semaphores, children, locks with priority inheritance.
//!
//! Such a call is changed so that it does not wait, and made. If it came to nothing the thread is kept at the call's
//! end, and the call made again whenever another thread of the node has done something.

use std::mem::offset_of;

use crate::Nanos;
use crate::calls::errno;
use crate::machine::Machine;
use crate::machine::clock::SECOND;
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{AtExit, Place, ThreadId, Wait, What};
use crate::tracee::arch::{self, Call, Registers};
use crate::tracee::memory;
use crate::tracee::sys;

/// `FUTEX_LOCK_PI2`: like `FUTEX_LOCK_PI`, with a choice of clocks.
pub(crate) const LOCK_PI2: i32 = 13;

/// `struct sembuf`: three numbers of 16 bits, the last one flags.
const OPERATION: usize = 6;
const FLAGS: usize = 4;
/// A lock of a file is tried again after this time, besides whenever the node has done something.
const LOCK_RETRY: Nanos = 1_000_000;
/// As many operations on semaphores as the kernel takes in one call.
const OPERATIONS: u64 = 500;

impl Machine {
    pub(crate) fn attempt(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        let mut altered = registers;
        let no_hang = libc::WNOHANG as u64;
        let what = match call {
            Call::Wait4 if registers.arg(2) & no_hang == 0 => {
                altered.set_arg(2, registers.arg(2) | no_hang);
                What::Child
            }
            Call::Waitid if registers.arg(3) & no_hang == 0 => {
                altered.set_arg(3, registers.arg(3) | no_hang);
                altered.set_arg(2, child_information(&registers));
                What::Child
            }
            Call::Flock if registers.arg(1) & libc::LOCK_NB as u64 == 0 => {
                altered.set_arg(1, registers.arg(1) | libc::LOCK_NB as u64);
                What::Again
            }
            Call::Fcntl if registers.arg(1) as i32 == libc::F_SETLKW => {
                altered.set_arg(1, libc::F_SETLK as u64);
                What::Again
            }
            Call::Fcntl if registers.arg(1) as i32 == libc::F_OFD_SETLKW => {
                altered.set_arg(1, libc::F_OFD_SETLK as u64);
                What::Again
            }
            _ => return ON,
        };
        self.alter(id, &altered, AtExit::Tried(Wait::new(registers, None, what)))
    }

    /// `semop` and `semtimedop`.
    pub(crate) fn semaphores(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Step {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        // What is wrong with the call is the kernel's to say.
        let Some(mut operations) = self.read_operations(id, &registers) else { return ON };
        let limit = if call == Call::Semtimedop { registers.arg(3) } else { 0 };
        let refusing = operations.chunks_exact(OPERATION).filter(|operation| refuses_to_wait(operation)).count();
        if refusing * OPERATION == operations.len() {
            return ON;
        }
        if refusing > 0 {
            // Which of them it is that cannot be done, the kernel does not say.
            return if limit == 0 { ON } else { self.real_time(id, "semtimedop with IPC_NOWAIT for some operations") };
        }
        let mut wait = Wait::new(registers, None, What::Again);
        if interrupted.is_some() {
            wait.place = Place::Behind;
        }
        if limit != 0 {
            let span = memory::read_pair(tid, limit).ok().and_then(|pair| memory::time(pair, SECOND));
            let Some(span) = span else { return ON };
            let until = self.node_time(node).saturating_add(span);
            wait.deadline = interrupted.and_then(|wait| wait.deadline).or(Some(until));
        }
        operations.chunks_exact_mut(OPERATION).for_each(|operation| refuse_to_wait(operation, true));
        sys::overwrite_memory(tid, registers.arg(1), &operations)?;
        self.alter(id, &registers, AtExit::Tried(wait))
    }

    fn read_operations(&self, id: ThreadId, registers: &Registers) -> Option<Vec<u8>> {
        let count = registers.arg(2);
        if count == 0 || count > OPERATIONS {
            return None;
        }
        let mut operations = vec![0; count as usize * OPERATION];
        memory::read(self.threads[id].tid, registers.arg(1), &mut operations).ok()?;
        Some(operations)
    }

    /// Locks with priority inheritance. The kernel checks who owns one.
    pub(crate) fn lock_inheriting(&mut self, id: ThreadId, wait: Wait) -> Step {
        let mut altered = wait.registers;
        let private = altered.arg(1) & libc::FUTEX_PRIVATE_FLAG as u64;
        altered.set_arg(1, libc::FUTEX_TRYLOCK_PI as u64 | private);
        self.alter(id, &altered, AtExit::Tried(wait))
    }

    /// A call that was made without waiting is over.
    pub(crate) fn on_tried(&mut self, id: ThreadId, mut wait: Wait, mut result: i64) -> Step {
        let tid = self.threads[id].tid;
        let mut registers = wait.registers;
        if matches!(arch::call(registers.number()), Some(Call::Semop | Call::Semtimedop))
            && let Some(mut operations) = self.read_operations(id, &registers)
        {
            operations.chunks_exact_mut(OPERATION).for_each(|operation| refuse_to_wait(operation, false));
            sys::overwrite_memory(tid, registers.arg(1), &operations)?;
            if wait.place == Place::Behind && result == errno(libc::EINVAL) {
                // When it was tried before they were there.
                result = errno(libc::EIDRM);
            }
        }
        if self.came_to_nothing(id, &registers, result) {
            wait.place = Place::Behind;
            if is_file_lock(&registers) {
                wait.deadline = Some(self.node_time(self.threads[id].node) + LOCK_RETRY);
            }
            self.hold(id, wait);
            return Ok(Next::Over);
        }
        registers.set_result(result);
        sys::set_registers(tid, &registers)?;
        ON
    }

    /// Whether a tried call would have waited.
    fn came_to_nothing(&self, id: ThreadId, registers: &Registers, result: i64) -> bool {
        match arch::call(registers.number()) {
            Some(Call::Wait4) => result == 0,
            Some(Call::Waitid) => {
                let signal = child_information(registers) + offset_of!(libc::siginfo_t, si_signo) as u64;
                result == 0 && memory::read_u32(self.threads[id].tid, signal) == Ok(0)
            }
            Some(Call::Fcntl) => result == errno(libc::EAGAIN) || result == errno(libc::EACCES),
            _ => result == errno(libc::EAGAIN),
        }
    }
}

/// Whether a call waits for a lock of a file. Somebody outside the node may hold that, whose release nobody is told of.
pub(crate) fn is_file_lock(registers: &Registers) -> bool {
    matches!(arch::call(registers.number()), Some(Call::Flock | Call::Fcntl))
}

/// Where `waitid` is to say which child it found. That it found none shows there only: it sets `si_signo` to 0. A program
/// that does not want to know gets the answer below its stack, beyond what the processor's conventions leave to functions.
fn child_information(registers: &Registers) -> u64 {
    const RED_ZONE: u64 = 128;
    const SIZE: u64 = size_of::<libc::siginfo_t>() as u64;
    match registers.arg(2) {
        0 => (registers.stack() - RED_ZONE - SIZE) & !(align_of::<libc::siginfo_t>() as u64 - 1),
        given => given,
    }
}

fn refuses_to_wait(operation: &[u8]) -> bool {
    i32::from(operation[FLAGS + 1]) << 8 & libc::IPC_NOWAIT != 0
}

fn refuse_to_wait(operation: &mut [u8], refuse: bool) {
    let bit = (libc::IPC_NOWAIT >> 8) as u8;
    operation[FLAGS + 1] = if refuse { operation[FLAGS + 1] | bit } else { operation[FLAGS + 1] & !bit };
}

/// What a call whose success cannot be foreseen gives when its time is up.
pub(crate) fn timed_out(registers: &Registers) -> i64 {
    match arch::call(registers.number()) {
        Some(Call::Futex) => errno(libc::ETIMEDOUT),
        _ => errno(libc::EAGAIN),
    }
}
