//! Starts a program as a traced process that is stopped at its first instruction.
//!
//! ```text
//!   this process ── fork ──► init ── fork ──► program          namespaces of init: PID, mount (where permitted)
//!        │  seize  ──────────►│                  │
//!        │  start pipe ──────►│                  │  set itself up, install the filter, exec
//!        │◄── error pipe ────────────────────────│
//!        │  wait for Stop::Exec ─────────────────►
//! ```
//!
//! Between the tracer and the node is an *init* process, a copy of this process that only waits for its children. Where
//! the system permits it, init is the first process of a PID namespace. Then the node has the same process ids in every
//! run, and everything it starts ends with init. Init also has a mount namespace, in which the node's directory has the
//! same path in every run.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::null;

use super::child::{self, ChildSetup, MOUNT_POINT, SetupStep};
use super::descriptors;
use super::filter::filter;
use super::process::{self, Tid};
use super::ptrace::{self, Request, Stop};

/// Capacity of the pipes between the tracer and a node. More input waits in the tracer; more output blocks the node.
const PIPE_CAPACITY: usize = 256 << 10;

/// A program to run as a node.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable, as an absolute path.
    pub path: PathBuf,
    /// The arguments, without the program's name.
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The node's own directory, which exists.
    pub dir: PathBuf,
    /// The working directory, if it is not the node's own directory.
    pub cwd: Option<PathBuf>,
    /// With `cwd`: the environment variable that is set to the node's own directory.
    pub dir_variable: String,
    /// The file that standard error is appended to.
    pub stderr: PathBuf,
}

/// Why virtual time is not possible on this system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Why a node could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refuses what virtual time needs. Real time may still work.
    #[error("{0}")]
    Unavailable(String),
    /// The program cannot be executed.
    #[error("cannot execute {path}: {error}")]
    Program {
        /// The program.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The program is not a 64-bit program of this processor.
    #[error("{0} is not a 64-bit program, which virtual time requires; use `time = \"real\"`")]
    NotNative(PathBuf),
    /// A resource is not available.
    #[error("{action}: {error}")]
    System {
        /// What failed.
        action: &'static str,
        /// The system's error.
        error: io::Error,
    },
}

/// A node's process at its first instruction.
pub(crate) struct Spawned {
    /// The init process; a child of the calling thread.
    pub(crate) init: Tid,
    /// The node's first thread, stopped at [`Stop::Exec`].
    pub(crate) tid: Tid,
    /// Standard input: the end for writing, which is ours, and the node's end.
    pub(crate) stdin: (File, File),
    /// Our end of standard output.
    pub(crate) stdout: File,
    /// Whether the node has a PID namespace.
    pub(crate) has_pid_namespace: bool,
    /// Whether its addresses are the same in every run.
    pub(crate) has_fixed_addresses: bool,
    /// Whether its own directory has the same path in every run.
    pub(crate) has_fixed_directory: bool,
}

/// Finds out, by trying, whether processes can be traced here.
pub(crate) fn probe() -> Result<(), Unavailable> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map_or("0", str::trim);
    if tracer != "0" {
        return Err(Unavailable(format!("this process is already traced by process {tracer} (a debugger?)")));
    }
    // This executable is a program that certainly exists. It is killed before its first instruction.
    let path = std::env::current_exe().map_err(|error| Unavailable(format!("cannot read /proc: {error}")))?;
    let program = Program {
        path,
        args: Vec::new(),
        env: Vec::new(),
        dir: "/".into(),
        cwd: None,
        dir_variable: String::new(),
        stderr: "/dev/null".into(),
    };
    let spawned = spawn(&program).map_err(|error| Unavailable(error.to_string()))?;
    end(spawned.tid, spawned.init);
    Ok(())
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

fn system(action: &'static str) -> impl Fn(io::Error) -> StartError {
    move |error| StartError::System { action, error }
}

/// Starts a program and runs it to its first instruction.
pub(crate) fn spawn(program: &Program) -> Result<Spawned, StartError> {
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
    let env = [env(OsStr::from_bytes(MOUNT_POINT.to_bytes()))?, env(program.dir.as_os_str())?];
    let stderr = File::options().create(true).append(true).open(&program.stderr);
    let stderr = stderr.map_err(system("cannot open the node's log file"))?;
    let pipe = || descriptors::pipe().map_err(system("cannot make a pipe"));
    let (stdin_read, stdin) = pipe()?;
    let (stdout, stdout_write) = pipe()?;
    let (start_read, mut start) = pipe()?;
    let (mut errors, errors_write) = pipe()?;
    descriptors::tune_pipe(&stdin, PIPE_CAPACITY);
    descriptors::tune_pipe(&stdout, PIPE_CAPACITY);
    // On failure the node's directory keeps its own path, which the child reports.
    let _ = std::fs::create_dir(OsStr::from_bytes(MOUNT_POINT.to_bytes()));
    let setup = ChildSetup {
        path,
        argv: pointers(&args),
        envp: env.each_ref().map(|env| pointers(env)),
        dir: c_string(program.dir.as_os_str()).map_err(unusable)?,
        cwd: program.cwd.as_ref().map(|cwd| c_string(cwd.as_os_str())).transpose().map_err(unusable)?,
        filter: filter(),
        id_maps: id_maps().map_err(unusable)?,
        standard: [stdin_read.as_raw_fd(), stdout_write.as_raw_fd(), stderr.as_raw_fd()],
        start: start_read.as_raw_fd(),
        errors: errors_write.as_raw_fd(),
    };
    let (init, has_pid_namespace) = child::fork_init(&setup).map_err(system("cannot make a process"))?;
    drop((stdout_write, start_read, errors_write, stderr));

    let failed = |error: io::Error| {
        // Init is our child and not reaped yet, so nobody else has its id.
        let _ = process::kill(init);
        reap(init);
        StartError::Unavailable(format!("cannot trace processes here: {error}"))
    };
    ptrace::seize(init).map_err(failed)?;
    let tid = start.write_all(&[1]).and_then(|()| first_child(init)).map_err(failed)?;
    let executed = run_to_exec(tid).map_err(failed)?;

    let mut reports = Vec::new();
    errors.read_to_end(&mut reports).map_err(failed)?;
    let (mut has_fixed_addresses, mut has_fixed_directory) = (true, true);
    for report in reports.chunks_exact(5) {
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes([report[1], report[2], report[3], report[4]]));
        let fatal = match report[0] {
            step if step == SetupStep::Addresses as u8 => {
                has_fixed_addresses = false;
                continue;
            }
            step if step == SetupStep::MountPoint as u8 => {
                has_fixed_directory = false;
                continue;
            }
            step if step == SetupStep::Directory as u8 => system("cannot enter the node's directory")(error),
            step if step == SetupStep::Filter as u8 => {
                StartError::Unavailable(format!("cannot filter system calls here (seccomp): {error}"))
            }
            _ => unusable(error),
        };
        reap(init);
        return Err(fatal);
    }
    if !executed {
        reap(init);
        return Err(system("the node's process ended before it executed the program")(
            io::ErrorKind::BrokenPipe.into(),
        ));
    }
    if !ptrace::registers(tid).map_err(failed)?.is_64_bit() {
        end(tid, init);
        return Err(StartError::NotNative(program.path.clone()));
    }
    Ok(Spawned {
        init,
        tid,
        stdin: (stdin, stdin_read),
        stdout,
        has_pid_namespace,
        has_fixed_addresses,
        has_fixed_directory,
    })
}

/// Kills a process of one thread, and waits for it and its init process.
fn end(tid: Tid, init: Tid) {
    let _ = process::kill(tid);
    while !matches!(ptrace::wait(Some(tid), true), Ok(Some((_, Stop::Exited(_)))) | Err(_)) {
        let _ = ptrace::resume(tid, Request::Continue, 0);
    }
    reap(init);
}

/// Waits for an init process, which exits when its last child has.
fn reap(init: Tid) {
    let _ = ptrace::wait(Some(init), true);
}

/// Contents of `uid_map` and `gid_map` for a user namespace: they map only the effective user and group.
fn id_maps() -> io::Result<[CString; 2]> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Ok([c_string(format!("{user} {user} 1\n").as_ref())?, c_string(format!("{group} {group} 1\n").as_ref())?])
}

/// Waits until init has made its first child, which is stopped at its start. Init is not traced any more.
fn first_child(init: Tid) -> io::Result<Tid> {
    match ptrace::wait(Some(init), true)? {
        Some((_, Stop::Clone)) => {}
        other => return Err(io::Error::other(format!("unexpected stop {other:?} of a new process"))),
    }
    let tid = ptrace::new_thread(init)?;
    ptrace::detach(init)?;
    ptrace::wait(Some(tid), true)?;
    Ok(tid)
}

/// Runs a new process until it executes the program. False if it has ended before.
fn run_to_exec(tid: Tid) -> io::Result<bool> {
    loop {
        ptrace::resume(tid, Request::Continue, 0)?;
        match ptrace::wait(Some(tid), true)? {
            Some((_, Stop::Exec)) => return Ok(true),
            Some((_, Stop::Exited(_))) | None => return Ok(false),
            Some(_) => {}
        }
    }
}
