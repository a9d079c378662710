//! How a run tells others how far it has come, and how others tell it to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::history::Nanos;
use crate::simulation::Phase;

/// How far a run has come.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Where it is (`Over`: the history is being judged).
    pub phase: Phase,
    /// The run's time.
    pub now: Nanos,
    /// Length of the main phase.
    pub time_limit: Nanos,
    /// Operations completed `ok`.
    pub ok: u64,
    /// Operations invoked.
    pub invoked: u64,
    /// Faults that are active now, in words.
    pub faults: Vec<String>,
}

/// Who is told. Called from the run's thread, a few times per second of wall time.
pub type ProgressSink = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A switch by which another thread ends a run: it is then aborted in order, with its files written and its processes
/// ended.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks the run to end.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to end. Runs look at it every few milliseconds of wall time.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
