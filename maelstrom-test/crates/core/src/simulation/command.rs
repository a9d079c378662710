//! What the simulation tells the executor to do with nodes, and what it is told of them.

use std::path::PathBuf;

/// What the executor is to do with a node. Each command is answered by an [`Effect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start its program.
    Start(usize),
    /// SIGKILL to its process tree.
    Kill(usize),
    /// SIGSTOP to its process tree.
    Pause(usize),
    /// SIGCONT to its process tree.
    Resume(usize),
    /// Shift its clock by nanoseconds, in addition to earlier shifts.
    BumpClock(usize, i64),
    /// Undo all shifts of its clock.
    ResetClock(usize),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The program runs.
    Started(usize),
    /// This many processes were killed; none is left.
    Killed(usize, u64),
    /// This many processes were stopped.
    Paused(usize, u64),
    /// They run again.
    Resumed(usize),
    /// The clock was shifted or reset.
    ClockSet(usize),
}

/// How a node's program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Exit status or signal: `exit status 1`, `signal 11 (SIGSEGV)`.
    pub status: String,
    /// The last lines of its standard error.
    pub stderr: Vec<String>,
    /// The file with all of its standard error.
    pub log: Option<PathBuf>,
}
