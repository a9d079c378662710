//! Progress of active runs, and interrupts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::history::Nanos;
use crate::simulation::Phase;

/// The progress of an active run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The phase. In `Over`, the history is checked.
    pub phase: Phase,
    /// The time of the run's clock, in nanoseconds.
    pub now: Nanos,
    /// The length of the main phase, in nanoseconds.
    pub time_limit: Nanos,
    /// The number of client operations that completed with `ok`.
    pub ok: u64,
    /// The number of client operations that were invoked.
    pub invoked: u64,
    /// The names of the active faults.
    pub faults: Vec<String>,
    /// While a failing run is shrunk: how many times it was repeated, and how often it may be.
    pub reruns: Option<(u64, u64)>,
}

/// A function that receives the progress. It is called on the thread of the run, a few times per second of wall-clock time.
pub type ProgressSink = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A flag with which another thread aborts a run. The run then stops its processes and writes its files. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is raised. Runs check it every few milliseconds of wall-clock time.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
