//! Executors, which run node programs and drive the simulation core.
//!
//! | executor | clock of the nodes |
//! | --- | --- |
//! | [`real`] | the wall clock |
//! | [`virtual_time`] | a simulated clock |
//!
//! Both start nodes from a [`NodeProgram`] and call an [`Observer`], which writes the files of the run.

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

pub(crate) use self::log::{LogTail, log_tail};
use crate::history::Nanos;
use crate::simulation::{Failure, Simulation};

/// The program of a node, and how to start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeProgram {
    /// The name of the node.
    pub name: String,
    /// The absolute path of the executable.
    pub program: PathBuf,
    /// The arguments.
    pub args: Vec<OsString>,
    /// Environment variables, in addition to inherited ones.
    pub env: Vec<(OsString, OsString)>,
    /// The node's own directory. It is created before the run and kept when the node is killed.
    pub directory: PathBuf,
    /// The working directory, if it is not `directory`. [`NODE_DIRECTORY`] is then set to `directory`.
    pub cwd: Option<PathBuf>,
    /// The file to which standard error is appended.
    pub log: PathBuf,
}

/// The environment variable with a node's own directory, if its working directory is another one.
pub const NODE_DIRECTORY: &str = "MAELSTROM_NODE_DIR";

/// Measurements of a run in virtual time.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VirtualTimeStats {
    /// Reasons why another run with the same seed may differ, one sentence each. Empty if the run is reproducible.
    pub nondeterminism: Vec<String>,
    /// How long each node ran on the wall clock, to a few milliseconds. Differs between runs with the same seed.
    pub wall_times: Vec<std::time::Duration>,
}

/// An observer of a run. It writes files, shows progress, and can abort the run.
pub trait Observer {
    /// Called after every step of the run.
    ///
    /// # Errors
    /// Fails if the run must be aborted, because it was interrupted or a file cannot be written.
    fn observe(&mut self, simulation: &mut Simulation) -> Result<(), Failure>;

    /// Called in virtual time after a node, given by its index, has written to standard error. The bytes of its log from
    /// `offset` on were written at `time`.
    ///
    /// # Errors
    /// Fails if the run must be aborted, because a file cannot be written.
    fn on_log(&mut self, simulation: &Simulation, node: usize, offset: u64, time: Nanos) -> Result<(), Failure> {
        let _ = (simulation, node, offset, time);
        Ok(())
    }
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullObserver;

impl Observer for NullObserver {
    fn observe(&mut self, simulation: &mut Simulation) -> Result<(), Failure> {
        let journal = simulation.network_mut().journal_mut();
        let empty = journal.take(Vec::new());
        journal.take(empty);
        Ok(())
    }
}

/// Returns the time on a monotonic wall clock, to a few milliseconds. Much faster than
/// [`Instant::now`](std::time::Instant::now) in a thread that traces nodes.
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

/// Returns the time on a monotonic wall clock.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_clock() -> std::time::Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// Returns the width of the terminal that standard output is connected to, in characters.
#[cfg(feature = "cli")]
pub(crate) fn terminal_width() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: `size` outlives the call.
    #[allow(unsafe_code)]
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// The maximum length of a line on standard output, in bytes. A longer line aborts the run.
pub const LINE_LIMIT: usize = 64 << 20;

/// Describes why a program cannot be started, and what to do about it.
pub(crate) fn explain_start(program: &Path, error: &std::io::Error) -> String {
    let path = program.display();
    match error.raw_os_error() {
        Some(libc::ENOENT) if program.exists() => {
            format!("the interpreter of {path} does not exist; check its first line (#!…)")
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

/// Whether a program is a 32-bit binary, which virtual time does not support. Returns false for scripts.
pub(crate) fn is_32_bit(program: &Path) -> bool {
    use std::io::Read;
    const ELF_32_BIT: [u8; 5] = *b"\x7fELF\x01";
    let mut start = [0; 5];
    let read = std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == ELF_32_BIT
}

/// Formats an exit status: `exit status 3`, `signal 9 (SIGKILL)`.
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
