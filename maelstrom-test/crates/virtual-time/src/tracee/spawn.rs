//! The birth of a node: from a program's name to a traced process that stands at its first instruction.
//!
//! Between the tracer and the node stands a *keeper*, a copy of this process that does nothing but wait. Where the
//! system allows it, the keeper is the first process of a PID namespace of its own: the node then gets the same process
//! numbers in every run, and nothing that it starts outlives the keeper. It has a mount namespace of its own as well,
//! in which the node's directory can be found at the same place in every run ([`WORKPLACE`]).

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::null;

use crate::tracee::filter::filter;
use crate::tracee::sys::{self, Request, Stop, Tid};

/// Room in the pipes between us and a node; what exceeds it waits on our side, or makes the node wait.
const PIPE_CAPACITY: i32 = 256 << 10;
/// Soft limit of the stack: the layout of memory depends on it.
const STACK_LIMIT: libc::rlim_t = 8 << 20;

/// Where a node finds its directory, wherever that really is: some runtimes lay out their memory by the length of its
/// path. To everybody else this is an empty directory.
const WORKPLACE: &CStr = c"/tmp/maelstrom-node";

/// A program to run as a node.
#[derive(Clone, Debug)]
pub struct NodeProgram {
    /// The executable, as an absolute path.
    pub path: PathBuf,
    /// Its arguments, without the program's name.
    pub args: Vec<OsString>,
    /// All of its environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its own directory, which exists.
    pub dir: PathBuf,
    /// Its working directory, if that is not its own one.
    pub cwd: Option<PathBuf>,
    /// The environment variable that then names its own directory.
    pub dir_variable: String,
    /// Standard error is appended to this file.
    pub stderr: PathBuf,
}

/// Why a node could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refuses what virtual time needs; real time may still work.
    #[error("{0}")]
    Unavailable(String),
    /// The program cannot be run.
    #[error("{path} cannot be run: {error}")]
    Program {
        /// The program.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is not a 64-bit program of this processor.
    #[error("{0} is not a 64-bit program, and virtual time can run no other; use `time = \"real\"`")]
    NotNative(PathBuf),
    /// A resource was lacking.
    #[error("{doing}: {error}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

/// A node's process at its first instruction.
pub(crate) struct Newborn {
    /// The process that keeps it; our child.
    pub(crate) keeper: Tid,
    /// Its first thread, stopped at [`Stop::Exec`].
    pub(crate) tid: Tid,
    /// Our end of its standard input, and its own.
    pub(crate) stdin: (File, File),
    pub(crate) stdout: File,
    /// Whether it has process numbers of its own.
    pub(crate) own_ids: bool,
    /// Whether its addresses are the same in every run.
    pub(crate) fixed_addresses: bool,
    /// Whether its working directory has the same path in every run.
    pub(crate) fixed_directory: bool,
}

/// What can go wrong between fork and exec.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Step {
    Directory,
    Filter,
    Exec,
    Addresses,
    Workplace,
}

/// Everything that the copy of this process needs, made before it is copied: it may not allocate.
struct Plan {
    path: CString,
    argv: Vec<*const libc::c_char>,
    /// The environment of a node that finds its own directory at [`WORKPLACE`], and of one that does not.
    envp: [Vec<*const libc::c_char>; 2],
    dir: CString,
    cwd: Option<CString>,
    filter: Vec<libc::sock_filter>,
    /// stdin, stdout, stderr
    standard: [i32; 3],
    /// Who we are, as a user namespace of its own wants to be told: lines for its maps of users and of groups.
    identity: [CString; 2],
    /// Readable when the keeper is traced.
    go: i32,
    /// For steps that failed, with their error numbers.
    trouble: i32,
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it contains a zero byte"))
}

fn c_strings(texts: impl IntoIterator<Item = OsString>) -> io::Result<Vec<CString>> {
    texts.into_iter().map(|text| c_string(&text)).collect()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([null()]).collect()
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> StartError {
    move |error| StartError::System { doing, error }
}

/// Starts a program and follows it to its first instruction.
pub(crate) fn spawn(program: &NodeProgram) -> Result<Newborn, StartError> {
    let unusable = |error| StartError::Program { path: program.path.clone(), error };
    let path = c_string(program.path.as_os_str()).map_err(unusable)?;
    let args = [program.path.clone().into_os_string()].into_iter().chain(program.args.iter().cloned());
    let args = c_strings(args).map_err(unusable)?;
    let env = |own_directory: &OsStr| {
        let own = program.cwd.is_some().then_some((OsStr::new(&program.dir_variable), own_directory));
        let given = program.env.iter().map(|(key, value)| (key.as_os_str(), value.as_os_str()));
        c_strings(given.chain(own).map(|(key, value)| {
            let mut entry = key.to_os_string();
            entry.push("=");
            entry.push(value);
            entry
        }))
        .map_err(unusable)
    };
    let env = [env(OsStr::from_bytes(WORKPLACE.to_bytes()))?, env(program.dir.as_os_str())?];
    let stderr = File::options().create(true).append(true).open(&program.stderr);
    let stderr = stderr.map_err(system("the node's log file cannot be opened"))?;
    let pipe = || sys::pipe().map_err(system("a pipe cannot be made"));
    let (stdin_read, stdin) = pipe()?;
    let (stdout, stdout_write) = pipe()?;
    let (go_read, mut go) = pipe()?;
    let (mut trouble, trouble_write) = pipe()?;
    sys::tune_pipe(&stdin, PIPE_CAPACITY);
    sys::tune_pipe(&stdout, PIPE_CAPACITY);
    // If it cannot be made, the node will find itself elsewhere and say so.
    let _ = std::fs::create_dir(OsStr::from_bytes(WORKPLACE.to_bytes()));
    let plan = Plan {
        path,
        argv: pointers(&args),
        envp: env.each_ref().map(|env| pointers(env)),
        dir: c_string(program.dir.as_os_str()).map_err(unusable)?,
        cwd: program.cwd.as_ref().map(|cwd| c_string(cwd.as_os_str())).transpose().map_err(unusable)?,
        filter: filter(),
        identity: identity().map_err(unusable)?,
        standard: [stdin_read.as_raw_fd(), stdout_write.as_raw_fd(), stderr.as_raw_fd()],
        go: go_read.as_raw_fd(),
        trouble: trouble_write.as_raw_fd(),
    };
    let (keeper, own_ids) = fork_keeper(&plan).map_err(system("a process cannot be made"))?;
    drop((stdout_write, go_read, trouble_write, stderr));

    let failed = |error: io::Error| {
        // The keeper is our child and not reaped, so the number is its own.
        let _ = sys::kill(keeper, libc::SIGKILL);
        let _ = sys::wait(Some(keeper), true);
        StartError::Unavailable(format!("processes cannot be traced here: {error}"))
    };
    sys::seize(keeper).map_err(failed)?;
    let tid = go.write_all(&[1]).and_then(|()| first_child(keeper)).map_err(failed)?;
    let ran = to_first_instruction(tid).map_err(failed)?;

    let mut reported = Vec::new();
    trouble.read_to_end(&mut reported).map_err(failed)?;
    let (mut fixed_addresses, mut fixed_directory) = (true, true);
    for report in reported.chunks_exact(5) {
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes([report[1], report[2], report[3], report[4]]));
        let fatal = match report[0] {
            step if step == Step::Addresses as u8 => {
                fixed_addresses = false;
                continue;
            }
            step if step == Step::Workplace as u8 => {
                fixed_directory = false;
                continue;
            }
            step if step == Step::Directory as u8 => system("the node's directory cannot be entered")(error),
            step if step == Step::Filter as u8 => {
                StartError::Unavailable(format!("system calls cannot be filtered here (seccomp): {error}"))
            }
            _ => unusable(error),
        };
        reap(keeper);
        return Err(fatal);
    }
    if !ran {
        reap(keeper);
        return Err(system("a node ended before it ran its program")(io::Error::from(io::ErrorKind::BrokenPipe)));
    }
    if !sys::registers(tid).map_err(failed)?.is_64_bit() {
        let _ = sys::kill(tid, libc::SIGKILL);
        while !matches!(sys::wait(Some(tid), true), Ok(Some((_, Stop::Gone(_)))) | Err(_)) {
            let _ = sys::resume(tid, Request::Continue, 0);
        }
        reap(keeper);
        return Err(StartError::NotNative(program.path.clone()));
    }
    Ok(Newborn { keeper, tid, stdin: (stdin, stdin_read), stdout, own_ids, fixed_addresses, fixed_directory })
}

/// Waits for a keeper, which ends by itself when its last child has.
pub(crate) fn reap(keeper: Tid) {
    let _ = sys::wait(Some(keeper), true);
}

/// The user and the group that we are, each as a map that contains nothing else.
fn identity() -> io::Result<[CString; 2]> {
    let (user, group) = sys::user_and_group();
    Ok([c_string(format!("{user} {user} 1\n").as_ref())?, c_string(format!("{group} {group} 1\n").as_ref())?])
}

/// Makes the keeper, with namespaces of its own for processes and mounts if possible: who lacks the privilege for that
/// has it within a user namespace of his own.
fn fork_keeper(plan: &Plan) -> io::Result<(Tid, bool)> {
    const OWN: i32 = libc::CLONE_NEWPID | libc::CLONE_NEWNS;
    for flags in [OWN, libc::CLONE_NEWUSER | OWN, 0] {
        // SAFETY: the copy calls `keep`, which uses the plan and system calls only.
        match unsafe { sys::fork(flags) } {
            // SAFETY: this is the copy.
            Ok(0) => unsafe { keep(plan, flags) },
            Ok(keeper) => return Ok((keeper, flags != 0)),
            Err(_) if flags != 0 => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("the last try returns")
}

/// The keeper's first child, stopped at its start; the keeper is left to itself.
fn first_child(keeper: Tid) -> io::Result<Tid> {
    match sys::wait(Some(keeper), true)? {
        Some((_, Stop::Born)) => {}
        other => return Err(io::Error::other(format!("unexpected stop {other:?} of a new process"))),
    }
    let tid = sys::event_message(keeper)? as Tid;
    sys::detach(keeper)?;
    sys::wait(Some(tid), true)?;
    Ok(tid)
}

/// Lets a new process run until it has become the program (true), or has ended.
fn to_first_instruction(tid: Tid) -> io::Result<bool> {
    loop {
        sys::resume(tid, Request::Continue, 0)?;
        match sys::wait(Some(tid), true)? {
            Some((_, Stop::Exec)) => return Ok(true),
            Some((_, Stop::Gone(_))) | None => return Ok(false),
            Some(_) => {}
        }
    }
}

/// What the keeper does: make the node, wait until all of its children are gone.
///
/// # Safety
/// Only for the copy after a fork: it never returns, and calls nothing but the system.
unsafe fn keep(plan: &Plan, flags: i32) -> ! {
    // SAFETY: system calls with numbers, and pointers into the plan or this frame, which live on.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if flags & libc::CLONE_NEWUSER != 0 {
            // Without this the program would be nobody, which does no harm either.
            write_file(c"/proc/self/uid_map", &plan.identity[0]);
            write_file(c"/proc/self/setgroups", c"deny");
            write_file(c"/proc/self/gid_map", &plan.identity[1]);
        }
        let placed = flags & libc::CLONE_NEWNS != 0 && make_workplace(&plan.dir);
        let mut byte = 0u8;
        libc::read(plan.go, (&raw mut byte).cast(), 1);
        match sys::fork(0) {
            Ok(0) => become_program(plan, placed),
            Ok(_) => {}
            Err(_) => libc::_exit(1),
        }
        libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
        while libc::waitpid(-1, std::ptr::null_mut(), libc::__WALL) >= 0 || *libc::__errno_location() == libc::EINTR {}
        libc::_exit(0)
    }
}

/// Lets a directory be found at [`WORKPLACE`], within the mount namespace of the calling process; whether it can.
///
/// # Safety
/// As [`keep`].
unsafe fn make_workplace(dir: &CStr) -> bool {
    // SAFETY: pointers to texts that live on, or null where the system allows it.
    unsafe {
        let mount =
            |from: *const libc::c_char, to: &CStr, flags| libc::mount(from, to.as_ptr(), null(), flags, null()) == 0;
        // Nobody else is to see what is mounted here.
        mount(null(), c"/", libc::MS_REC | libc::MS_SLAVE)
            && mount(dir.as_ptr(), WORKPLACE, libc::MS_BIND | libc::MS_REC)
    }
}

/// Writes a text to an existing file.
///
/// # Safety
/// As [`keep`].
unsafe fn write_file(path: &CStr, text: &CStr) {
    // SAFETY: pointers to texts that live on, and a descriptor of our own.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY);
        libc::write(fd, text.as_ptr().cast(), text.count_bytes());
        libc::close(fd);
    }
}

/// What the node's process does before it is the node's program.
///
/// # Safety
/// As [`keep`].
unsafe fn become_program(plan: &Plan, placed: bool) -> ! {
    const ADDR_NO_RANDOMIZE: libc::c_ulong = 0x004_0000;
    const PR_TSC_SIGSEGV: libc::c_int = 2;
    const SECCOMP_FILTER_FLAG_SPEC_ALLOW: libc::c_ulong = 4;
    // SAFETY: system calls with numbers, and pointers into the plan or this frame, which live on.
    unsafe {
        libc::setsid();
        for (fd, target) in plan.standard.iter().zip(0..) {
            // Should one of ours have such a small number itself, copying it would close the next.
            if *fd < 3 {
                libc::_exit(1);
            }
            libc::dup2(*fd, target);
        }
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        // Through the node's own directory even if it works elsewhere: what follows asks whether that is in its place.
        let dir = if placed { WORKPLACE } else { &plan.dir };
        if libc::chdir(dir.as_ptr()) != 0 {
            give_up(plan, Step::Directory);
        }
        let mut found = [0u8; WORKPLACE.count_bytes() + 1];
        if libc::getcwd(found.as_mut_ptr().cast(), found.len()).is_null() || found != *WORKPLACE.to_bytes_with_nul() {
            report(plan, Step::Workplace);
        }
        if let Some(cwd) = &plan.cwd
            && libc::chdir(cwd.as_ptr()) != 0
        {
            give_up(plan, Step::Directory);
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
            report(plan, Step::Addresses);
        }
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_TSC, PR_TSC_SIGSEGV);
        let program =
            libc::sock_fprog { len: plan.filter.len() as libc::c_ushort, filter: plan.filter.as_ptr().cast_mut() };
        let install = |flags: libc::c_ulong| {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        if install(SECCOMP_FILTER_FLAG_SPEC_ALLOW) != 0 && install(0) != 0 {
            give_up(plan, Step::Filter);
        }
        libc::execve(plan.path.as_ptr(), plan.argv.as_ptr(), plan.envp[usize::from(!placed)].as_ptr());
        give_up(plan, Step::Exec)
    }
}

/// Tells the tracer which step failed, and why.
unsafe fn report(plan: &Plan, step: Step) {
    // SAFETY: five bytes of this frame.
    unsafe {
        let errno = (*libc::__errno_location()).to_ne_bytes();
        let message = [step as u8, errno[0], errno[1], errno[2], errno[3]];
        libc::write(plan.trouble, message.as_ptr().cast(), message.len());
    }
}

unsafe fn give_up(plan: &Plan, step: Step) -> ! {
    // SAFETY: as `report`.
    unsafe {
        report(plan, step);
        libc::_exit(1)
    }
}
