//! The operating system's side of tracing, each call wrapped so that the rest of the room is safe code.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::tracee::arch::Registers;

/// A process or thread number, as the tracer's own namespace has it.
pub(crate) type Tid = libc::pid_t;

/// What all traced threads are followed for: new threads and processes, new programs, filtered calls, exits; and they
/// die with the tracer.
const OPTIONS: i32 = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEVFORKDONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_EXITKILL;

/// How a stopped thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Until something is trapped.
    Continue,
    /// The same, but stopping at the end of the system call it is in.
    ToExit,
    /// Not at all: it stays stopped by a signal as job control has it, and reports when that ends.
    Listen,
}

/// Why a thread stopped, or that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before a system call that the filter selects.
    Filtered,
    /// After a system call.
    CallExit,
    /// Before a signal is delivered to it.
    Signal(i32),
    /// Stopped by job control (with the stopping signal), or at its start, or at job control's end (`SIGTRAP`).
    Group(i32),
    /// It made a thread or a process.
    Born,
    /// It made a process and waits in the kernel until that runs a program or exits.
    BornVfork,
    /// That wait is over.
    VforkDone,
    /// It runs a new program.
    Exec,
    /// It is about to exit.
    Exit,
    /// It has exited, with this status as `wait` gives it.
    Gone(i32),
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn ptrace(request: libc::c_uint, tid: Tid, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: callers pass as `data` numbers, or addresses of live objects of the size that the request needs.
    check(unsafe { libc::ptrace(request, tid, address, data) }).map(drop)
}

/// Makes the calling thread the tracer of a process.
pub(crate) fn seize(tid: Tid) -> io::Result<()> {
    ptrace(libc::PTRACE_SEIZE, tid, 0, OPTIONS as usize)
}

/// Makes a thread stop, with [`Stop::Group`] and `SIGTRAP`, before it returns to the program. A thread that is stopped
/// already goes on first. On its way there it looks for signals.
pub(crate) fn interrupt(tid: Tid) -> io::Result<()> {
    ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

/// Stops tracing.
pub(crate) fn detach(tid: Tid) -> io::Result<()> {
    ptrace(libc::PTRACE_DETACH, tid, 0, 0)
}

/// Lets a stopped thread go on, with a signal or none (0).
pub(crate) fn resume(tid: Tid, request: Request, signal: i32) -> io::Result<()> {
    let request = match request {
        Request::Continue => libc::PTRACE_CONT,
        Request::ToExit => libc::PTRACE_SYSCALL,
        Request::Listen => libc::PTRACE_LISTEN,
    };
    ptrace(request, tid, 0, signal as usize)
}

/// The registers of a stopped thread.
pub(crate) fn registers(tid: Tid) -> io::Result<Registers> {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::uninit();
    ptrace(libc::PTRACE_GETREGS, tid, 0, registers.as_mut_ptr() as usize)?;
    // SAFETY: filled in by the call, which succeeded.
    Ok(Registers(unsafe { registers.assume_init() }))
}

/// Changes the registers of a stopped thread.
pub(crate) fn set_registers(tid: Tid, registers: &Registers) -> io::Result<()> {
    ptrace(libc::PTRACE_SETREGS, tid, 0, &raw const registers.0 as usize)
}

/// What a stop has to tell beyond its kind: the new thread's number.
pub(crate) fn event_message(tid: Tid) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    ptrace(libc::PTRACE_GETEVENTMSG, tid, 0, &raw mut message as usize)?;
    Ok(message)
}

/// The next thing that a traced thread did: of one thread, or of any of this tracer's. `None`: nothing yet, if
/// `block` is false.
pub(crate) fn wait(tid: Option<Tid>, block: bool) -> io::Result<Option<(Tid, Stop)>> {
    // Not `WNOHANG` alone: other children of the user's process, and those of its other threads, are not ours.
    let options = libc::__WALL | libc::__WNOTHREAD | if block { 0 } else { libc::WNOHANG };
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let found = unsafe { libc::waitpid(tid.unwrap_or(-1), &raw mut status, options) };
        if found > 0 {
            return Ok(Some((found, decode(status))));
        }
        if found == 0 {
            return Ok(None);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn decode(status: i32) -> Stop {
    if !libc::WIFSTOPPED(status) {
        return Stop::Gone(status);
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Stop::Filtered,
        libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK => Stop::Born,
        libc::PTRACE_EVENT_VFORK => Stop::BornVfork,
        libc::PTRACE_EVENT_VFORK_DONE => Stop::VforkDone,
        libc::PTRACE_EVENT_EXEC => Stop::Exec,
        libc::PTRACE_EVENT_EXIT => Stop::Exit,
        libc::PTRACE_EVENT_STOP => Stop::Group(signal),
        _ if signal == libc::SIGTRAP | 0x80 => Stop::CallExit,
        _ => Stop::Signal(signal),
    }
}

/// Reads a thread's memory; the number of bytes that were there to read.
pub(crate) fn read_memory(tid: Tid, address: u64, into: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: `local` describes a live exclusive buffer; the other address is the traced program's own matter.
    let read = unsafe { libc::process_vm_readv(tid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).unwrap_or(0)
}

/// Writes a thread's memory, where it may write itself; the number of bytes written.
pub(crate) fn write_memory(tid: Tid, address: u64, from: &[u8]) -> usize {
    let local = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: from.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: from.len() };
    // SAFETY: `local` is only read from; the other address is the traced program's own matter.
    let written = unsafe { libc::process_vm_writev(tid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(written).unwrap_or(0)
}

/// Writes a thread's memory as a debugger does, also where the thread itself may only read.
pub(crate) fn overwrite_memory(tid: Tid, address: u64, from: &[u8]) -> io::Result<()> {
    let memory = File::options().write(true).open(format!("/proc/{tid}/mem"))?;
    std::os::unix::fs::FileExt::write_all_at(&memory, from, address)
}

/// A descriptor that stands for a process.
pub(crate) fn pidfd_open(pid: Tid) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the result, checked, is a descriptor that nobody else owns.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Our own descriptor for a file that a process has open.
pub(crate) fn pidfd_getfd(process: &OwnedFd, fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the result, checked, is a descriptor that nobody else owns.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0) })?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Whether a descriptor of a process stands for the same open file as one of ours.
pub(crate) fn is_same_file(pid: Tid, fd: i32, ours: &impl AsRawFd) -> bool {
    const KCMP_FILE: i32 = 0;
    // SAFETY: plain numbers. Kernels without this call answer with an error: not known to be the same.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, std::process::id(), KCMP_FILE, fd, ours.as_raw_fd()) };
    order == 0
}

/// Asks which of these files are ready, without waiting.
pub(crate) fn poll(fds: &mut [libc::pollfd]) {
    // SAFETY: pointer and length of one live slice.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, 0) };
}

/// Bytes that can be read from a pipe or socket.
pub(crate) fn readable_bytes(fd: &impl AsRawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD stores an int there.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if result == 0 { count as usize } else { 0 }
}

/// The flags of an open file (`O_NONBLOCK`, …).
pub(crate) fn file_flags(fd: &impl AsRawFd) -> i32 {
    // SAFETY: plain numbers.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) }
}

/// A time limit of a socket, in seconds and microseconds.
pub(crate) fn socket_timeout(fd: &OwnedFd, option: i32) -> io::Result<[u64; 2]> {
    let mut time = [0; 2];
    let mut length = size_of_val(&time) as libc::socklen_t;
    // SAFETY: `time`, as large as a `timeval`, and its size outlive the call.
    check(
        unsafe {
            let value = (&raw mut time).cast();
            libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, option, value, &raw mut length)
        }
        .into(),
    )?;
    Ok(time)
}

/// Sets it.
pub(crate) fn set_socket_timeout(fd: &OwnedFd, option: i32, time: [u64; 2]) -> io::Result<()> {
    // SAFETY: `time`, as large as a `timeval`, outlives the call.
    check(
        unsafe {
            let length = size_of_val(&time) as libc::socklen_t;
            libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const time).cast(), length)
        }
        .into(),
    )
    .map(drop)
}

/// Sends a signal to a process.
pub(crate) fn kill(pid: Tid, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// Sends a signal to one thread.
pub(crate) fn tgkill(pid: Tid, tid: Tid, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) }).map(drop)
}

/// Sends a process a signal that says it comes from a timer.
pub(crate) fn send_timer_signal(pid: Tid, thread: Option<Tid>, signal: i32, timer: i32, value: u64) -> io::Result<()> {
    /// The part of the kernel's `siginfo_t` that timers use.
    #[repr(C)]
    struct TimerInfo {
        signal: i32,
        errno: i32,
        code: i32,
        padding: i32,
        timer: i32,
        overrun: i32,
        value: u64,
        rest: [u64; 12],
    }
    const SI_TIMER: i32 = -2;
    const _: () = assert!(size_of::<TimerInfo>() == 128);
    let info = TimerInfo { signal, errno: 0, code: SI_TIMER, padding: 0, timer, overrun: 0, value, rest: [0; 12] };
    // SAFETY: `info` has the size and layout of a `siginfo_t` and outlives the calls.
    check(unsafe {
        match thread {
            None => libc::syscall(libc::SYS_rt_sigqueueinfo, pid, signal, &raw const info),
            Some(tid) => libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, tid, signal, &raw const info),
        }
    })
    .map(drop)
}

/// A pipe, both ends closed at exec: (for reading, for writing).
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors, which nobody else owns afterwards.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }.into())?;
    // SAFETY: as above.
    Ok(unsafe { (File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1])) })
}

/// Makes our end of a pipe never block, and asks for room for `capacity` bytes.
pub(crate) fn tune_pipe(end: &File, capacity: i32) {
    // SAFETY: plain numbers. Failure is harmless: a smaller pipe is only slower.
    unsafe {
        libc::fcntl(end.as_raw_fd(), libc::F_SETPIPE_SZ, capacity);
        libc::fcntl(end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK);
    }
}

/// Wall time since some moment, to a few milliseconds. It is read without a system call, and without the counter that a
/// tracing thread has renounced.
pub(crate) fn coarse_clock() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time);
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// CPU time that a process has used, in nanoseconds.
pub(crate) fn cpu_time(pid: Tid) -> u64 {
    let clock = (!pid << 3) | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if result == 0 { time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64 } else { 0 }
}

/// What `sysinfo` says of the real machine.
pub(crate) fn memory_size() -> u64 {
    let mut info = MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: zeros are a valid value, and the call fills it in.
    unsafe {
        libc::sysinfo(info.as_mut_ptr());
        let info = info.assume_init();
        info.totalram * u64::from(info.mem_unit.max(1))
    }
}

/// Whose rights this process has.
pub(crate) fn user_and_group() -> (u32, u32) {
    // SAFETY: no arguments.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// The calling thread's set of processors.
pub(crate) fn affinity() -> Option<libc::cpu_set_t> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: zeros are a valid value, and the size is right.
    unsafe {
        let result = libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr());
        (result == 0).then(|| set.assume_init())
    }
}

/// The processor that the calling thread is on.
pub(crate) fn current_processor() -> Option<usize> {
    // SAFETY: no arguments.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Moves the calling thread to a set of processors.
pub(crate) fn set_affinity(set: &libc::cpu_set_t) {
    // SAFETY: pointer to a live set of the given size. Failure is harmless: only speed depends on it.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const *set) };
}

/// The processors of a set.
pub(crate) fn processors(set: &libc::cpu_set_t) -> Vec<usize> {
    // SAFETY: indexes stay within the set.
    (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, set) }).collect()
}

/// The set of one processor.
pub(crate) fn only(cpu: usize) -> libc::cpu_set_t {
    // SAFETY: zeros are a valid value; `cpu` came from a set of this size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        set
    }
}

/// Two pages of memory that processes can share: code, and behind it numbers.
pub(crate) struct SharedPages {
    file: File,
    at: *mut u8,
}

impl SharedPages {
    /// Their size in bytes.
    pub(crate) const SIZE: usize = 8192;
    const NUMBERS: usize = 4096;

    pub(crate) fn new(code: &[u8]) -> io::Result<Self> {
        assert!(code.len() <= Self::NUMBERS, "the code fits in its page");
        // SAFETY: a constant name; the result, checked, is a descriptor that nobody else owns.
        let file = unsafe {
            let fd = check(libc::memfd_create(c"clock".as_ptr(), libc::MFD_CLOEXEC).into())?;
            File::from_raw_fd(fd as RawFd)
        };
        file.set_len(Self::SIZE as u64)?;
        std::os::unix::fs::FileExt::write_all_at(&file, code, 0)?;
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, which overlaps nothing, of a file that is large enough.
        let at = unsafe { libc::mmap(null_mut(), Self::SIZE, rights, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(SharedPages { file, at: at.cast() })
    }

    /// For others to map.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    fn number(&self, index: usize) -> &AtomicU64 {
        assert!(index < (Self::SIZE - Self::NUMBERS) / 8, "there is such a number");
        // SAFETY: within the mapping, which lives as long as `self`, and aligned; others change it atomically.
        unsafe { AtomicU64::from_ptr(self.at.add(Self::NUMBERS + 8 * index).cast()) }
    }

    pub(crate) fn load(&self, index: usize) -> u64 {
        self.number(index).load(Ordering::Relaxed)
    }

    pub(crate) fn store(&self, index: usize, value: u64) {
        self.number(index).store(value, Ordering::Relaxed);
    }
}

impl Drop for SharedPages {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of this size; no reference into it outlives `self`.
        unsafe { libc::munmap(self.at.cast(), Self::SIZE) };
    }
}

/// Makes a copy of the calling process with one thread, as `fork` does, with further flags of `clone`. Returns 0 in
/// the copy.
///
/// # Safety
/// In the copy only async-signal-safe code may run: other threads' locks stay locked for ever.
pub(crate) unsafe fn fork(flags: i32) -> io::Result<Tid> {
    // SAFETY: without CLONE_VM and a stack this is a fork.
    let pid = unsafe {
        libc::syscall(libc::SYS_clone, (flags | libc::SIGCHLD) as libc::c_ulong, null_mut::<u8>(), null::<u8>(), 0, 0)
    };
    check(pid).map(|pid| pid as Tid)
}
