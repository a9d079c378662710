//! Processes: descriptors for them, signals to them, their CPU time.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{ForeignRawFd, Pid, PidfdFlags, PidfdGetfdFlags, Signal};

/// A process or thread id in the tracer's PID namespace.
pub(crate) type Tid = libc::pid_t;

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn pid(tid: Tid) -> io::Result<Pid> {
    Pid::from_raw(tid).ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))
}

/// Opens a descriptor that refers to a process.
pub(crate) fn open(tid: Tid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(pid(tid)?, PidfdFlags::empty())?)
}

/// Copies a descriptor of a process into the tracer.
pub(crate) fn copy_descriptor(process: &OwnedFd, fd: i32) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_getfd(process, ForeignRawFd::from(fd), PidfdGetfdFlags::empty())?)
}

/// Whether a descriptor of a process refers to the same open file as one of the tracer's, whose process id is `tracer`.
pub(crate) fn shares_open_file((pid, fd): (Tid, i32), (tracer, ours): (Tid, &impl AsRawFd)) -> bool {
    const KCMP_FILE: i32 = 0;
    // SAFETY: plain numbers. Kernels without this call return an error: not known to be the same.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, tracer, KCMP_FILE, fd, ours.as_raw_fd()) };
    order == 0
}

/// Kills a process.
pub(crate) fn kill(tid: Tid) -> io::Result<()> {
    Ok(rustix::process::kill_process(pid(tid)?, Signal::KILL)?)
}

/// Sends a signal to one thread.
pub(crate) fn signal_thread(pid: Tid, tid: Tid, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) })
}

/// A signal as a POSIX timer sends it.
#[derive(Clone, Copy)]
pub(crate) struct TimerSignal {
    pub(crate) signal: i32,
    /// The timer's id.
    pub(crate) timer: i32,
    /// `sigev_value`.
    pub(crate) value: u64,
}

/// Sends a timer's signal to a process, or to one thread of it.
pub(crate) fn send_timer_signal(pid: Tid, thread: Option<Tid>, sent: TimerSignal) -> io::Result<()> {
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
    let TimerSignal { signal, timer, value } = sent;
    let info = TimerInfo { signal, errno: 0, code: SI_TIMER, padding: 0, timer, overrun: 0, value, rest: [0; 12] };
    // SAFETY: `info` has the size and layout of a `siginfo_t` and outlives the calls.
    check(unsafe {
        match thread {
            None => libc::syscall(libc::SYS_rt_sigqueueinfo, pid, signal, &raw const info),
            Some(tid) => libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, tid, signal, &raw const info),
        }
    })
}

/// CPU time that a process has used, in nanoseconds. `rustix` has no name for the clocks of other processes.
pub(crate) fn cpu_time_ns(pid: Tid) -> u64 {
    let clock = (!pid << 3) | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if result == 0 { time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64 } else { 0 }
}
