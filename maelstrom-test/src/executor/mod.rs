//! Executors: they run node programs and drive the simulation core.
//!
//! [`real`] lets the nodes run freely on the wall clock, [`virtual_time`] on a simulated one. Both know how a node
//! program is started, and both report to an [`Observer`], which writes the run's files as it goes.

mod log;
pub mod real;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod virtual_time;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "virtual_time_absent.rs"]
pub mod virtual_time;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub(crate) use self::log::{LogEnd, log_tail};
use crate::simulation::{Failure, Simulation};

/// How one node is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeProgram {
    /// The node's name.
    pub name: String,
    /// Absolute path of the executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables besides those that it inherits.
    pub env: Vec<(OsString, OsString)>,
    /// Its own directory: made before the run, kept across kills.
    pub directory: PathBuf,
    /// Its working directory, if that is not its own one. [`NODE_DIRECTORY`] then names its own.
    pub cwd: Option<PathBuf>,
    /// The file that its standard error is appended to.
    pub log: PathBuf,
}

/// The environment variable that names a node's own directory where the node works in another one.
pub const NODE_DIRECTORY: &str = "MAELSTROM_NODE_DIR";

/// What a run in virtual time leaves besides its history.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// What was noticed that another run with the same seed may do differently: each a sentence; none if the run can be
    /// repeated exactly.
    pub differs: Vec<String>,
    /// How long each node ran on the wall clock, to a few milliseconds; for people only, since it differs from run to run.
    pub busy: Vec<std::time::Duration>,
}

/// Who watches a run: writes down what happens, shows progress, and can stop it.
pub trait Observer {
    /// Called after every step. The observer takes from the simulation what it wants to write.
    ///
    /// # Errors
    /// The run must end: somebody interrupted it, or a file cannot be written.
    fn observe(&mut self, simulation: &mut Simulation) -> Result<(), Failure>;
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&mut self, simulation: &mut Simulation) -> Result<(), Failure> {
        let journal = simulation.network_mut().journal_mut();
        let empty = journal.take(Vec::new());
        journal.take(empty);
        Ok(())
    }
}

/// Wall time since some moment, to a few milliseconds. Unlike [`Instant::now`](std::time::Instant::now) it costs next
/// to nothing in a thread that traces nodes.
#[cfg(target_os = "linux")]
pub(crate) fn coarse_clock() -> std::time::Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    #[allow(unsafe_code)]
    unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time)
    };
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Wall time since some moment.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_clock() -> std::time::Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// A line on standard output longer than this breaks the run off.
pub const LINE_LIMIT: usize = 64 << 20;

/// Says why a program could not be started, and what to do about it.
pub(crate) fn explain_start(program: &Path, error: &std::io::Error) -> String {
    let path = program.display();
    match error.raw_os_error() {
        Some(libc::ENOENT) if program.exists() => {
            format!("{path} exists, but its interpreter does not: look at its first line (#!…)")
        }
        Some(libc::ENOENT) => format!("{path} does not exist"),
        Some(libc::EACCES) => format!("{path} is not executable; run: chmod +x {path}"),
        Some(libc::ENOEXEC) => {
            format!(
                "{path} is neither a binary for this machine nor a script with an interpreter line such as #!/usr/bin/env python3"
            )
        }
        _ => format!("{path}: {error}"),
    }
}

/// Whether a program is a 32-bit one, which virtual time cannot run. A script is not, whatever its interpreter is.
pub(crate) fn is_32_bit(program: &Path) -> bool {
    use std::io::Read;
    const ELF_32_BIT: [u8; 5] = *b"\x7fELF\x01";
    let mut start = [0; 5];
    let read = std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == ELF_32_BIT
}

/// How a program ended, in words.
pub(crate) fn describe_exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}{}", signal_name(signal)),
        (None, None) => status.to_string(),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => " (SIGHUP)",
        libc::SIGINT => " (SIGINT)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGFPE => " (SIGFPE)",
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGPIPE => " (SIGPIPE)",
        libc::SIGTERM => " (SIGTERM)",
        _ => "",
    }
}
