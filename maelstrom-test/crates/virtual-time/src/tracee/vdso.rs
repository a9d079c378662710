//! The vDSO: reading clocks without system calls.
//!
//! The kernel maps a small library into each program, the vDSO, whose functions read the real clock without entering
//! the kernel. They must not run. But programs read clocks often, and a stop costs thousands of times more than reading
//! memory does. So, where possible, the vDSO's `clock_gettime` is replaced by one of ours: it reads the node's clock
//! from a page of memory that the tracer shares with the node's processes, and counts its readings there. Its other
//! functions become plain system calls. Where that is not possible the whole vDSO is hidden, and programs make system
//! calls by themselves; they see the same time either way.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use crate::Nanos;
use crate::machine::clock::{BOOT, EPOCH, READING};
use crate::tracee::arch::{self, Registers};
use crate::tracee::memory;
use crate::tracee::sys::{self, Request, SharedPages, Stop, Tid};

/// Readings after which the node has to stop, so that one that spins is noticed.
const READINGS: u64 = 5_000;
/// Clocks that the replacement can read: the system's numbers below this, except for processor time.
const CLOCKS: usize = 12;
/// Where the shared page keeps what: readings, the time before the first, how many readings are allowed, and what is to
/// be added for each clock (0: ask the kernel).
const COUNT: usize = 0;
const BASE: usize = 1;
const LIMIT: usize = 2;
const OFFSETS: usize = 3;
/// The vDSO's size, at most.
const SIZE: usize = 8192;

/// A node's clock, as its processes see it.
pub(crate) struct ClockPage {
    pages: SharedPages,
    base: Nanos,
    /// Readings before the clock was set, but since the allowance was renewed.
    spent: u64,
}

impl ClockPage {
    /// A clock whose time of day is off by so many nanoseconds.
    pub(crate) fn new(skew: i64) -> io::Result<Self> {
        let pages = SharedPages::new(arch::CLOCK_READER)?;
        let mut page = ClockPage { pages, base: 0, spent: 0 };
        page.set_skew(skew);
        page.show(0);
        Ok(page)
    }

    /// How often the clock was read since it was set.
    pub(crate) fn readings(&self) -> u64 {
        // Those that were refused are counted as well.
        self.pages.load(COUNT).min(self.pages.load(LIMIT))
    }

    /// Whether it was read so often that those who read it have to ask for the time.
    pub(crate) fn is_worn(&self) -> bool {
        self.spent + self.readings() >= READINGS
    }

    /// Allows as many readings as at first. When this is done has to depend on nothing but the program, or else the clock
    /// would stop it elsewhere in another run.
    pub(crate) fn renew(&mut self) {
        self.show(self.base + self.readings() * READING);
        self.spent = 0;
        self.pages.store(LIMIT, READINGS);
    }

    /// Makes the program ask for the time after so many readings, which is a chance to preempt it.
    pub(crate) fn restrict(&mut self, readings: u64) {
        self.pages.store(LIMIT, readings.min(READINGS));
    }

    /// Sets the clock, in the machine's time.
    pub(crate) fn show(&mut self, time: Nanos) {
        self.spent += self.readings();
        self.base = time;
        self.pages.store(BASE, time);
        self.pages.store(COUNT, 0);
        self.pages.store(LIMIT, READINGS.saturating_sub(self.spent));
    }

    /// What the clock was set to.
    pub(crate) fn shown(&self) -> Nanos {
        self.base
    }

    /// How far the wall clock is off.
    pub(crate) fn set_skew(&mut self, skew: i64) {
        for clock in 0..CLOCKS {
            let offset = match clock as i32 {
                libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => EPOCH.saturating_add_signed(skew),
                libc::CLOCK_MONOTONIC
                | libc::CLOCK_MONOTONIC_RAW
                | libc::CLOCK_MONOTONIC_COARSE
                | libc::CLOCK_BOOTTIME => BOOT,
                _ => 0,
            };
            self.pages.store(OFFSETS + clock, offset);
        }
    }
}

/// Replaces a program's vDSO, at `base`. The thread stands at [`Stop::Exec`], and afterwards at the end of its `execve`.
///
/// # Errors
/// It is as it was, and has to be hidden.
pub(crate) fn replace(tid: Tid, base: u64, page: &ClockPage) -> io::Result<()> {
    let mut library = [0; SIZE];
    sys::read_memory(tid, base, &mut library);
    let functions = functions(&library).ok_or(io::ErrorKind::InvalidData)?;
    let syscall = library.windows(2).position(|code| code == arch::SYSCALL).ok_or(io::ErrorKind::InvalidData)?;

    sys::resume(tid, Request::ToExit, 0)?;
    sys::wait(Some(tid), true)?;
    let registers = sys::registers(tid)?;
    let made = map(tid, base + syscall as u64, &registers, page);
    sys::set_registers(tid, &registers)?;
    let reader = made?;

    // The pages of the vDSO are read-only, but not to a debugger: it gets a copy of them.
    let own = File::options().write(true).open(format!("/proc/{tid}/mem"))?;
    for (name, offset) in functions {
        let code = match name.trim_start_matches("__vdso_") {
            "clock_gettime" => arch::jump(reader),
            "gettimeofday" => arch::plain_call(libc::SYS_gettimeofday),
            "time" => arch::plain_call(libc::SYS_time),
            "clock_getres" => arch::plain_call(libc::SYS_clock_getres),
            "getcpu" => arch::plain_call(libc::SYS_getcpu),
            "getrandom" => arch::plain_failure(libc::ENOSYS),
            _ => continue,
        };
        own.write_all_at(&code, base + offset)?;
    }
    Ok(())
}

/// Maps the clock's pages into a process; where.
fn map(tid: Tid, syscall: u64, registers: &Registers, page: &ClockPage) -> io::Result<u64> {
    /// Below everything that the new program has on its stack.
    const BELOW: u64 = 512;
    let call = |number: i64, args: [u64; 6]| call(tid, syscall, registers, number, args);
    let path = format!("/proc/{}/fd/{}\0", std::process::id(), page.pages.file().as_raw_fd());
    let at = registers.stack() - BELOW;
    memory::write(tid, at, path.as_bytes()).map_err(|_| io::ErrorKind::InvalidData)?;
    let flags = (libc::O_RDWR | libc::O_CLOEXEC) as u64;
    let fd = call(libc::SYS_openat, [libc::AT_FDCWD as u64, at, flags, 0, 0, 0])?;
    let rights = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as u64;
    let mapped = call(libc::SYS_mmap, [0, SharedPages::SIZE as u64, rights, libc::MAP_SHARED as u64, fd, 0]);
    call(libc::SYS_close, [fd, 0, 0, 0, 0, 0])?;
    mapped
}

/// Lets a thread, which stands at the end of a system call, make another one for us.
fn call(tid: Tid, syscall: u64, registers: &Registers, number: i64, args: [u64; 6]) -> io::Result<u64> {
    let mut altered = *registers;
    for (index, arg) in args.into_iter().enumerate() {
        altered.set_arg(index, arg);
    }
    altered.call_at(syscall, number);
    sys::set_registers(tid, &altered)?;
    let mut ends = 0;
    // Its beginning, the filter's stop if the call is one of those, and its end.
    while ends < 2 {
        sys::resume(tid, Request::ToExit, 0)?;
        match sys::wait(Some(tid), true)? {
            Some((_, Stop::CallExit)) => ends += 1,
            Some((_, Stop::Filtered)) => {}
            _ => return Err(io::ErrorKind::Interrupted.into()),
        }
    }
    let result = sys::registers(tid)?.result();
    u64::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result as i32))
}

/// The functions of a vDSO, by name and offset: what its table of dynamic symbols (in the ELF format) says.
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
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is there");
        let Some(line) = maps.lines().find(|line| line.ends_with("[vdso]")) else { return };
        let base = u64::from_str_radix(line.split('-').next().unwrap_or(""), 16).expect("an address");
        let mut library = [0; SIZE];
        sys::read_memory(std::process::id() as Tid, base, &mut library);
        let functions = functions(&library).expect("it is a library");
        assert!(functions.iter().any(|(name, _)| name == "__vdso_clock_gettime"), "{functions:?}");
        assert_eq!(super::functions(&[0; 100]), None);
    }

    #[test]
    fn readings_are_counted_from_the_last_setting() {
        let mut page = ClockPage::new(0).expect("memory can be shared");
        page.pages.store(COUNT, 7);
        assert!(page.readings() == 7 && !page.is_worn());
        page.show(99);
        assert_eq!((page.readings(), page.shown()), (0, 99));
        page.pages.store(COUNT, READINGS - 8);
        assert!(!page.is_worn());
        page.pages.store(COUNT, READINGS + 5);
        assert!(page.is_worn(), "setting the clock does not renew the allowance");
        assert_eq!(page.readings(), READINGS - 7);
        page.renew();
        assert!(!page.is_worn());
        assert_eq!(page.shown(), 99 + (READINGS - 7) * READING);
    }
}
