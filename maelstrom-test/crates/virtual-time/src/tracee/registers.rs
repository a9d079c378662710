//! The registers of a stopped thread, as system calls use them on x86-64.

use super::arch::{self, SYSCALL};

/// Offsets, as `PTRACE_POKEUSER` wants them, of the register with a call's number, and of that with its result.
pub(super) const NUMBER_OFFSET: usize = std::mem::offset_of!(libc::user_regs_struct, orig_rax);
pub(super) const RESULT_OFFSET: usize = std::mem::offset_of!(libc::user_regs_struct, rax);

/// The code segment of 64-bit programs.
const SEGMENT_64_BIT: u64 = 0x33;

/// What a register for results holds before a call.
pub(super) const NO_RESULT: i64 = -(libc::ENOSYS as i64);

/// The registers of a stopped thread.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    raw: libc::user_regs_struct,
    /// Only those that a system call uses are known: its number, arguments and result, the instruction, and the stack.
    is_partial: bool,
}

impl Registers {
    pub(super) fn from_raw(raw: libc::user_regs_struct) -> Self {
        Registers { raw, is_partial: false }
    }

    /// The registers of a thread that is stopped before a system call.
    pub(super) fn before_call(number: u64, args: [u64; 6], instruction: u64, stack: u64) -> Self {
        // SAFETY: plain integers; all zeros is a valid value.
        #[allow(unsafe_code)]
        let mut raw: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        [raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9] = args;
        (raw.orig_rax, raw.rax, raw.rip, raw.rsp) = (number, NO_RESULT as u64, instruction, stack);
        Registers { raw, is_partial: true }
    }

    /// All registers that the thread is to have. `now` reads those that it has.
    pub(super) fn complete(
        &self,
        now: impl FnOnce() -> std::io::Result<Registers>,
    ) -> std::io::Result<libc::user_regs_struct> {
        if !self.is_partial {
            return Ok(self.raw);
        }
        let (known, mut all) = (&self.raw, now()?.raw);
        (all.rdi, all.rsi, all.rdx) = (known.rdi, known.rsi, known.rdx);
        (all.r10, all.r8, all.r9) = (known.r10, known.r8, known.r9);
        (all.orig_rax, all.rax, all.rip, all.rsp) = (known.orig_rax, known.rax, known.rip, known.rsp);
        Ok(all)
    }

    /// The number of the current system call.
    pub(crate) fn number(&self) -> i64 {
        self.raw.orig_rax as i64
    }

    /// An argument of the system call, counted from 0.
    pub(crate) fn arg(&self, index: usize) -> u64 {
        let r = &self.raw;
        [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9][index]
    }

    /// Changes an argument of the system call.
    pub(crate) fn set_arg(&mut self, index: usize, value: u64) {
        let r = &mut self.raw;
        *[&mut r.rdi, &mut r.rsi, &mut r.rdx, &mut r.r10, &mut r.r8, &mut r.r9][index] = value;
    }

    /// Replaces the system call before the kernel executes it.
    pub(crate) fn set_number(&mut self, number: i64) {
        self.raw.orig_rax = number as u64;
    }

    /// The result of the system call, at its end. Errors are negative.
    pub(crate) fn result(&self) -> i64 {
        self.raw.rax as i64
    }

    /// Replaces the result of the system call, at its end.
    pub(crate) fn set_result(&mut self, value: i64) {
        self.raw.rax = value as u64;
    }

    /// Skips the system call, which returns `value` instead.
    pub(crate) fn skip_call(&mut self, value: i64) {
        self.raw.orig_rax = u64::MAX;
        self.raw.rax = value as u64;
    }

    /// At the end of a system call: makes the thread execute the call `number` from the same instruction.
    pub(crate) fn repeat_call(&mut self, number: i64) {
        self.raw.rip -= SYSCALL.len() as u64;
        self.raw.rax = number as u64;
        self.raw.orig_rax = u64::MAX;
    }

    /// At the end of a system call: makes the thread execute another one, with the `syscall` instruction at `address`.
    pub(crate) fn call_at(&mut self, address: u64, number: i64) {
        self.raw.rip = address;
        self.raw.rax = number as u64;
        self.raw.orig_rax = u64::MAX;
    }

    /// The address of the next instruction.
    pub(crate) fn instruction(&self) -> u64 {
        self.raw.rip
    }

    /// Sets the next instruction to the one after the `syscall` instruction at `address`.
    pub(crate) fn set_after_call(&mut self, address: u64) {
        self.raw.rip = address + SYSCALL.len() as u64;
    }

    /// The stack pointer.
    pub(crate) fn stack(&self) -> u64 {
        self.raw.rsp
    }

    /// Whether the program is a 64-bit one.
    pub(crate) fn is_64_bit(&self) -> bool {
        self.raw.cs == SEGMENT_64_BIT
    }

    /// Emulates the current instruction if it reads the time-stamp counter. `code` is that instruction's first bytes.
    /// Returns false, and changes nothing, if it is another instruction.
    pub(crate) fn emulate_tsc_read(&mut self, code: [u8; 3], counter: u64) -> bool {
        let r = &mut self.raw;
        let Some(length) = arch::tsc_read_length(code) else { return false };
        if length == 3 {
            // `rdtscp` also returns the processor's number.
            r.rcx = 0;
        }
        r.rip += length;
        r.rax = counter & 0xffff_ffff;
        r.rdx = counter >> 32;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_instructions_that_read_the_tsc_are_emulated() {
        // SAFETY: plain integers; all zeros is a valid value.
        #[allow(unsafe_code)]
        let mut registers = Registers::from_raw(unsafe { std::mem::zeroed() });
        assert!(registers.emulate_tsc_read([0x0f, 0x31, 0x90], 0x1_0000_0002));
        assert_eq!((registers.raw.rip, registers.raw.rax, registers.raw.rdx), (2, 2, 1));
        assert!(registers.emulate_tsc_read([0x0f, 0x01, 0xf9], 7));
        assert_eq!((registers.raw.rip, registers.raw.rax), (5, 7));
        assert!(!registers.emulate_tsc_read([0x0f, 0xa2, 0x90], 7));
    }
}
