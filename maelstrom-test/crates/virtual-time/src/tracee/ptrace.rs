//! ptrace: stopping threads, resuming them, and waiting for their stops.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;

use super::process::Tid;
use super::registers::{NO_RESULT, NUMBER_OFFSET, RESULT_OFFSET, Registers};

/// Events that stop a traced thread: new threads and processes, exec, calls selected by the filter, exits. Tracees die
/// with their tracer.
const OPTIONS: i32 = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEVFORKDONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_EXITKILL;

/// How to resume a stopped thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run until the next event.
    Continue,
    /// Run until the next event or the end of the current system call.
    ToSyscallExit,
    /// Stay stopped by job control, and report when job control continues the thread.
    Listen,
}

/// Why a thread stopped, or that it has exited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before a system call that the filter selects.
    Seccomp,
    /// After a system call.
    SyscallExit,
    /// Before a signal is delivered to the thread.
    Signal(i32),
    /// Stopped by job control (with the stopping signal). With `SIGTRAP`: at the thread's start, after
    /// [`interrupt`], or continued by job control.
    Group(i32),
    /// The thread has made a thread or a process.
    Clone,
    /// The thread has made a process and waits in the kernel until that process runs a program or exits.
    Vfork,
    /// That wait has ended.
    VforkDone,
    /// The thread runs a new program.
    Exec,
    /// The thread is about to exit.
    Exiting,
    /// The thread has exited, with this status in the format of `wait`.
    Exited(i32),
}

fn ptrace(request: libc::c_uint, tid: Tid, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: callers pass as `data` numbers, or addresses of live objects of the size that the request needs.
    let result = unsafe { libc::ptrace(request, tid, address, data) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes the calling thread the tracer of a process.
pub(crate) fn seize(tid: Tid) -> io::Result<()> {
    ptrace(libc::PTRACE_SEIZE, tid, 0, OPTIONS as usize)
}

/// Makes a thread stop with [`Stop::Group`] and `SIGTRAP` before it returns to the program. A thread that is already
/// stopped stops again once resumed, and checks for pending signals before that.
pub(crate) fn interrupt(tid: Tid) -> io::Result<()> {
    ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

/// Stops tracing a thread.
pub(crate) fn detach(tid: Tid) -> io::Result<()> {
    ptrace(libc::PTRACE_DETACH, tid, 0, 0)
}

/// Resumes a stopped thread, with a signal or none (0).
pub(crate) fn resume(tid: Tid, request: Request, signal: i32) -> io::Result<()> {
    let request = match request {
        Request::Continue => libc::PTRACE_CONT,
        Request::ToSyscallExit => libc::PTRACE_SYSCALL,
        Request::Listen => libc::PTRACE_LISTEN,
    };
    ptrace(request, tid, 0, signal as usize)
}

/// Reads the registers of a stopped thread.
pub(crate) fn registers(tid: Tid) -> io::Result<Registers> {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::uninit();
    ptrace(libc::PTRACE_GETREGS, tid, 0, registers.as_mut_ptr() as usize)?;
    // SAFETY: the call has filled them in, because it succeeded.
    Ok(Registers::from_raw(unsafe { registers.assume_init() }))
}

/// Reads the registers that a system call uses, of a thread at [`Stop::Seccomp`]. Faster than [`registers`].
pub(crate) fn registers_before_call(tid: Tid) -> io::Result<Registers> {
    /// `struct ptrace_syscall_info`, for a thread before a call.
    #[repr(C)]
    struct SyscallInfo {
        operation: u8,
        padding: [u8; 3],
        arch: u32,
        instruction: u64,
        stack: u64,
        number: u64,
        args: [u64; 6],
    }
    const OPERATION_SECCOMP: u8 = 3;
    let mut info = MaybeUninit::<SyscallInfo>::zeroed();
    let read = ptrace(libc::PTRACE_GET_SYSCALL_INFO, tid, size_of::<SyscallInfo>(), info.as_mut_ptr() as usize);
    // SAFETY: all zeros is a valid value, and the kernel writes no more than the given size.
    let info = unsafe { info.assume_init() };
    match read {
        Ok(()) if info.operation == OPERATION_SECCOMP => {
            Ok(Registers::before_call(info.number, info.args, info.instruction, info.stack))
        }
        // Linux before 5.3 does not know this request.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(error),
        _ => registers(tid),
    }
}

/// Skips the system call of a thread at [`Stop::Seccomp`]. It returns `value`.
pub(crate) fn skip_call(tid: Tid, value: i64) -> io::Result<()> {
    ptrace(libc::PTRACE_POKEUSER, tid, NUMBER_OFFSET, usize::MAX)?;
    if value == NO_RESULT { Ok(()) } else { ptrace(libc::PTRACE_POKEUSER, tid, RESULT_OFFSET, value as usize) }
}

/// Writes the registers of a stopped thread.
pub(crate) fn set_registers(tid: Tid, to: &Registers) -> io::Result<()> {
    let raw = to.complete(|| registers(tid))?;
    ptrace(libc::PTRACE_SETREGS, tid, 0, &raw const raw as usize)
}

/// Returns the thread id that belongs to a [`Stop::Clone`] or [`Stop::Vfork`].
pub(crate) fn new_thread(tid: Tid) -> io::Result<Tid> {
    let mut message: libc::c_ulong = 0;
    ptrace(libc::PTRACE_GETEVENTMSG, tid, 0, &raw mut message as usize)?;
    Ok(message as Tid)
}

/// Returns the next stop of one thread, or of any tracee of the calling thread. `None` if there is none yet and `block`
/// is false.
pub(crate) fn wait(tid: Option<Tid>, block: bool) -> io::Result<Option<(Tid, Stop)>> {
    // `__WNOTHREAD`: other children of the user's process, and those of its other threads, are not ours.
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
        return Stop::Exited(status);
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Stop::Seccomp,
        libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK => Stop::Clone,
        libc::PTRACE_EVENT_VFORK => Stop::Vfork,
        libc::PTRACE_EVENT_VFORK_DONE => Stop::VforkDone,
        libc::PTRACE_EVENT_EXEC => Stop::Exec,
        libc::PTRACE_EVENT_EXIT => Stop::Exiting,
        libc::PTRACE_EVENT_STOP => Stop::Group(signal),
        _ if signal == libc::SIGTRAP | 0x80 => Stop::SyscallExit,
        _ => Stop::Signal(signal),
    }
}
