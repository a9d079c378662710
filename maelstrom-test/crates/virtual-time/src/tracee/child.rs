//! The child's side of starting a program: what runs between fork and exec.
//!
//! A copy of a process with several threads may only make system calls: it must not allocate or take locks. So all
//! strings and tables are prepared before ([`ChildSetup`]).

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::ptr::{null, null_mut};

use super::process::Tid;

/// Soft limit of the stack, which the layout of memory depends on.
const STACK_LIMIT: libc::rlim_t = 8 << 20;

/// The path of every node's directory inside its mount namespace: some runtimes lay out their memory by the length of
/// that path. Outside it is an empty directory.
pub(super) const MOUNT_POINT: &CStr = c"/tmp/maelstrom-node";

/// A step that can fail between fork and exec.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum SetupStep {
    Directory,
    Filter,
    Exec,
    /// Fixed addresses. The program runs without them.
    Addresses,
    /// The fixed path of the node's directory. The program runs without it.
    MountPoint,
}

/// Everything that the copy of this process needs.
pub(super) struct ChildSetup {
    pub(super) path: CString,
    pub(super) argv: Vec<*const libc::c_char>,
    /// The environment of a node whose directory is at [`MOUNT_POINT`], and of one whose directory is not.
    pub(super) envp: [Vec<*const libc::c_char>; 2],
    pub(super) dir: CString,
    pub(super) cwd: Option<CString>,
    pub(super) filter: Vec<libc::sock_filter>,
    /// Standard input, output and error.
    pub(super) standard: [i32; 3],
    /// Contents of `uid_map` and `gid_map` for a user namespace.
    pub(super) id_maps: [CString; 2],
    /// Readable when init is traced.
    pub(super) start: i32,
    /// For steps that failed, with their error numbers.
    pub(super) errors: i32,
}

/// Makes the init process, with a PID and a mount namespace if possible: without the privilege for them, inside a new user
/// namespace. Returns whether it has the namespaces.
pub(super) fn fork_init(setup: &ChildSetup) -> io::Result<(Tid, bool)> {
    const NAMESPACES: i32 = libc::CLONE_NEWPID | libc::CLONE_NEWNS;
    for flags in [NAMESPACES, libc::CLONE_NEWUSER | NAMESPACES, 0] {
        // SAFETY: the copy calls `run_init`, which uses the setup and makes system calls only.
        match unsafe { fork(flags) } {
            // SAFETY: this is the copy.
            Ok(0) => unsafe { run_init(setup, flags) },
            Ok(init) => return Ok((init, flags != 0)),
            Err(_) if flags != 0 => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}

/// Copies the calling process with one thread, as `fork` does, with further flags of `clone`. Returns 0 in the copy.
///
/// # Safety
/// In the copy only async-signal-safe code may run: locks of other threads stay locked.
unsafe fn fork(flags: i32) -> io::Result<Tid> {
    // SAFETY: without CLONE_VM and a stack this is a fork.
    let pid = unsafe {
        libc::syscall(libc::SYS_clone, (flags | libc::SIGCHLD) as libc::c_ulong, null_mut::<u8>(), null::<u8>(), 0, 0)
    };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid as Tid) }
}

/// Runs the init process: makes the node's process, and waits until all children have exited.
///
/// # Safety
/// For the copy after a fork only. It never returns, and makes nothing but system calls.
unsafe fn run_init(setup: &ChildSetup, flags: i32) -> ! {
    // SAFETY: system calls with numbers, and pointers into the setup or this frame, which outlive them.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if flags & libc::CLONE_NEWUSER != 0 {
            // On failure the program runs as the user `nobody`, which is harmless.
            write_file(c"/proc/self/uid_map", &setup.id_maps[0]);
            write_file(c"/proc/self/setgroups", c"deny");
            write_file(c"/proc/self/gid_map", &setup.id_maps[1]);
        }
        let mounted = flags & libc::CLONE_NEWNS != 0 && mount_directory(&setup.dir);
        let mut byte = 0u8;
        libc::read(setup.start, (&raw mut byte).cast(), 1);
        match fork(0) {
            Ok(0) => become_program(setup, mounted),
            Ok(_) => {}
            Err(_) => libc::_exit(1),
        }
        libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
        while libc::waitpid(-1, std::ptr::null_mut(), libc::__WALL) >= 0 || *libc::__errno_location() == libc::EINTR {}
        libc::_exit(0)
    }
}

/// Mounts a directory at [`MOUNT_POINT`] in the mount namespace of the calling process. Returns whether it succeeded.
///
/// # Safety
/// As [`run_init`].
unsafe fn mount_directory(dir: &CStr) -> bool {
    // SAFETY: pointers to strings that outlive the calls, or null where the system allows it.
    unsafe {
        let mount =
            |from: *const libc::c_char, to: &CStr, flags| libc::mount(from, to.as_ptr(), null(), flags, null()) == 0;
        // The mount must not appear in other namespaces.
        mount(null(), c"/", libc::MS_REC | libc::MS_SLAVE)
            && mount(dir.as_ptr(), MOUNT_POINT, libc::MS_BIND | libc::MS_REC)
    }
}

/// Writes a string to an existing file.
///
/// # Safety
/// As [`run_init`].
unsafe fn write_file(path: &CStr, text: &CStr) {
    // SAFETY: pointers to strings that outlive the calls, and our own descriptor.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY);
        libc::write(fd, text.as_ptr().cast(), text.count_bytes());
        libc::close(fd);
    }
}

/// Sets up the node's process and executes the program.
///
/// # Safety
/// As [`run_init`].
unsafe fn become_program(setup: &ChildSetup, mounted: bool) -> ! {
    const ADDR_NO_RANDOMIZE: libc::c_ulong = 0x004_0000;
    const SECCOMP_FILTER_FLAG_SPEC_ALLOW: libc::c_ulong = 4;
    // SAFETY: system calls with numbers, and pointers into the setup or this frame, which outlive them.
    unsafe {
        libc::setsid();
        for (fd, target) in setup.standard.iter().zip(0..) {
            // If one of ours had such a small number, copying another one would close it.
            if *fd < 3 {
                libc::_exit(1);
            }
            libc::dup2(*fd, target);
        }
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        // The node's own directory first, even if its working directory is another one: the next step checks its path.
        let dir = if mounted { MOUNT_POINT } else { &setup.dir };
        if libc::chdir(dir.as_ptr()) != 0 {
            abort(setup, SetupStep::Directory);
        }
        let mut found = [0u8; MOUNT_POINT.count_bytes() + 1];
        if libc::getcwd(found.as_mut_ptr().cast(), found.len()).is_null() || found != *MOUNT_POINT.to_bytes_with_nul() {
            report(setup, SetupStep::MountPoint);
        }
        if let Some(cwd) = &setup.cwd
            && libc::chdir(cwd.as_ptr()) != 0
        {
            abort(setup, SetupStep::Directory);
        }
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::umask(0o022);
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_STACK, &raw mut limit);
        limit.rlim_cur = STACK_LIMIT.min(limit.rlim_max);
        libc::setrlimit(libc::RLIMIT_STACK, &raw const limit);
        if libc::personality(ADDR_NO_RANDOMIZE) < 0 {
            report(setup, SetupStep::Addresses);
        }
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV);
        let program =
            libc::sock_fprog { len: setup.filter.len() as libc::c_ushort, filter: setup.filter.as_ptr().cast_mut() };
        let install = |flags: libc::c_ulong| {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        if install(SECCOMP_FILTER_FLAG_SPEC_ALLOW) != 0 && install(0) != 0 {
            abort(setup, SetupStep::Filter);
        }
        libc::execve(setup.path.as_ptr(), setup.argv.as_ptr(), setup.envp[usize::from(!mounted)].as_ptr());
        abort(setup, SetupStep::Exec)
    }
}

/// Reports to the tracer which step failed, and the error.
///
/// # Safety
/// As [`run_init`].
unsafe fn report(setup: &ChildSetup, step: SetupStep) {
    // SAFETY: five bytes of this frame.
    unsafe {
        let errno = (*libc::__errno_location()).to_ne_bytes();
        let message = [step as u8, errno[0], errno[1], errno[2], errno[3]];
        libc::write(setup.errors, message.as_ptr().cast(), message.len());
    }
}

/// Reports a step that failed, and exits.
///
/// # Safety
/// As [`run_init`].
unsafe fn abort(setup: &ChildSetup, step: SetupStep) -> ! {
    // SAFETY: as `report`.
    unsafe {
        report(setup, step);
        libc::_exit(1)
    }
}
