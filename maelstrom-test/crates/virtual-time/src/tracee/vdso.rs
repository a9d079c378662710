//! The vDSO: clock reads without a system call.
//!
//! The kernel maps a small library, the vDSO, into each program. Its functions read the real clock without entering
//! the kernel, so they must not run. A stop at each clock read instead would cost thousands of times more than reading
//! memory does. Therefore, where possible, the vDSO's `clock_gettime` is replaced by one that reads the node's
//! [`ClockPage`]. The other functions become plain system calls. Where that is not possible, the vDSO is hidden, and
//! programs make system calls. Both ways show the same time.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use super::clock_page::{ClockPage, SharedPages};
use super::process::Tid;
use super::ptrace::{self, Request, Stop};
use super::registers::Registers;
use super::{arch, memory};

/// The vDSO's size, at most.
const SIZE: usize = 8192;

/// Replaces the functions of a program's vDSO, at `base`. The thread is at [`Stop::Exec`], and afterwards at the end of
/// its `execve`.
///
/// # Errors
/// The vDSO is unchanged, and must be hidden.
pub(super) fn replace(tid: Tid, base: u64, page: &ClockPage) -> io::Result<()> {
    let mut library = [0; SIZE];
    memory::read_some(tid, base, &mut library);
    let functions = functions(&library).ok_or(io::ErrorKind::InvalidData)?;
    let syscall = library.windows(2).position(|code| code == arch::SYSCALL).ok_or(io::ErrorKind::InvalidData)?;

    ptrace::resume(tid, Request::ToSyscallExit, 0)?;
    ptrace::wait(Some(tid), true)?;
    let registers = ptrace::registers(tid)?;
    let mapped = map(&Injector { tid, syscall: base + syscall as u64, registers }, page);
    ptrace::set_registers(tid, &registers)?;
    let reader = mapped?;

    // The pages of the vDSO are read-only to the program, but not to a debugger, which gets a private copy of them.
    let memory = File::options().write(true).open(format!("/proc/{tid}/mem"))?;
    for (name, offset) in functions {
        let code = match name.trim_start_matches("__vdso_") {
            "clock_gettime" => arch::jump(reader),
            "gettimeofday" => arch::system_call(libc::SYS_gettimeofday),
            "time" => arch::system_call(libc::SYS_time),
            "clock_getres" => arch::system_call(libc::SYS_clock_getres),
            "getcpu" => arch::system_call(libc::SYS_getcpu),
            "getrandom" => arch::return_error(libc::ENOSYS),
            _ => continue,
        };
        memory.write_all_at(&code, base + offset)?;
    }
    Ok(())
}

/// Maps the clock page into a process; returns its address there.
fn map(process: &Injector, page: &ClockPage) -> io::Result<u64> {
    /// Below everything that the new program has on its stack.
    const BELOW_STACK: u64 = 512;
    let path = format!("/proc/{}/fd/{}\0", std::process::id(), page.file().as_raw_fd());
    let path_at = process.registers.stack() - BELOW_STACK;
    memory::write(process.tid, path_at, path.as_bytes()).map_err(|_| io::ErrorKind::InvalidData)?;
    let flags = (libc::O_RDWR | libc::O_CLOEXEC) as u64;
    let fd = process.call(libc::SYS_openat, [libc::AT_FDCWD as u64, path_at, flags, 0, 0, 0])?;
    let access = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as u64;
    let mapped = process.call(libc::SYS_mmap, [0, SharedPages::SIZE as u64, access, libc::MAP_SHARED as u64, fd, 0]);
    process.call(libc::SYS_close, [fd, 0, 0, 0, 0, 0])?;
    mapped
}

/// Makes a stopped thread execute system calls for the tracer.
struct Injector {
    tid: Tid,
    /// The address of a `syscall` instruction.
    syscall: u64,
    /// The thread's registers at the end of its own call.
    registers: Registers,
}

impl Injector {
    fn call(&self, number: i64, args: [u64; 6]) -> io::Result<u64> {
        let mut altered = self.registers;
        for (index, arg) in args.into_iter().enumerate() {
            altered.set_arg(index, arg);
        }
        altered.call_at(self.syscall, number);
        ptrace::set_registers(self.tid, &altered)?;
        let mut stops = 0;
        // The call's beginning, the filter's stop if it selects the call, and the call's end.
        while stops < 2 {
            ptrace::resume(self.tid, Request::ToSyscallExit, 0)?;
            match ptrace::wait(Some(self.tid), true)? {
                Some((_, Stop::SyscallExit)) => stops += 1,
                Some((_, Stop::Seccomp)) => {}
                _ => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
        let result = ptrace::registers(self.tid)?.result();
        u64::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result as i32))
    }
}

/// Reads names and offsets of a vDSO's functions from its table of dynamic symbols, which is in the ELF format.
fn functions(library: &[u8]) -> Option<Vec<(String, u64)>> {
    const DYNAMIC_SYMBOLS: u64 = 11;
    let number = |at: usize, size: usize| {
        let bytes = library.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte)))
    };
    let sections = number(40, 8)? as usize;
    let section = |index: u64| sections + 64 * index as usize;
    let table = (0..number(60, 2)?).map(section).find(|at| number(at + 4, 4) == Some(DYNAMIC_SYMBOLS))?;
    let names = number(section(number(table + 40, 4)?) + 24, 8)? as usize;
    let (symbols, size) = (number(table + 24, 8)? as usize, number(table + 32, 8)? as usize);
    let mut functions = Vec::new();
    for at in (symbols..symbols + size).step_by(24) {
        let name = library.get(names + number(at, 4)? as usize..)?;
        let name = name.split(|byte| *byte == 0).next()?;
        let offset = number(at + 8, 8)?;
        if offset != 0 {
            functions.push((String::from_utf8_lossy(name).into_owned(), offset));
        }
    }
    Some(functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_this_kernels_vdso_are_found() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
        let Some(line) = maps.lines().find(|line| line.ends_with("[vdso]")) else { return };
        let base = u64::from_str_radix(line.split('-').next().unwrap_or(""), 16).expect("an address");
        let mut library = [0; SIZE];
        memory::read_some(std::process::id() as Tid, base, &mut library);
        let functions = functions(&library).expect("it is a library");
        assert!(functions.iter().any(|(name, _)| name == "__vdso_clock_gettime"), "{functions:?}");
        assert_eq!(super::functions(&[0; 100]), None);
    }
}
