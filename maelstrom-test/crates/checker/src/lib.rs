//! Histories of operations, and checkers that map them to verdicts that explain themselves.
//!
//! A checker is a pure function of the history. It never panics and never runs for ever: it has a budget, after which
//! it answers *unknown* and says why.

// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

mod availability;
mod compose;
mod counter;
mod describe;
#[cfg(test)]
pub(crate) mod doors;
mod echo;
mod entries;
pub mod exceptions;
#[cfg(test)]
mod fuzz_tests;
pub mod history;
mod intern;
mod kafka;
pub mod linearizable;
#[cfg(test)]
pub(crate) mod long_tests;
mod models;
mod perf;
mod quantile;
mod set_full;
#[cfg(test)]
pub(crate) mod small_histories;
mod stats;
mod stream;
pub mod txn;
mod unique_ids;

pub use availability::Availability;
pub use compose::{Part, Results};
pub use counter::{BoundedCounter, Counter};
pub use echo::Echo;
pub use kafka::Kafka;
pub use maelstrom_options::anomalies;
#[doc(no_inline)]
pub use maelstrom_protocol::json;
pub use models::{Bank, LinearizableSet, UnorderedQueue};
pub use perf::{Perf, PerfRow};
pub use quantile::Quantiles;
pub use set_full::{SetFull, SetOutcome};
pub use stats::Stats;
pub use stream::Stream;
pub use unique_ids::UniqueIds;

use maelstrom_options::suggest;
use maelstrom_protocol as protocol;
use maelstrom_random as random;

use self::stream::WholeHistory;
use crate::history::{History, Nanos};
use crate::json::{Map, Value};

/// Whether a promise was kept. Verdicts compose to the worst; the order of the variants is from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Valid {
    /// It was.
    #[default]
    True,
    /// Could not be decided.
    Unknown,
    /// It was not, and the verdict's findings prove it.
    False,
}

impl Valid {
    /// As `results.json` shows it: `true`, `"unknown"` or `false`.
    pub fn to_json(self) -> Value {
        match self {
            Valid::True => Value::Bool(true),
            Valid::Unknown => Value::String("unknown".into()),
            Valid::False => Value::Bool(false),
        }
    }
}

/// What a checker says of a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub valid: Valid,
    /// Why it is unknown; also set where a valid verdict rests on an assumption that people should know of.
    pub reason: Option<String>,
    /// Every fault found, the most telling first. Findings with `proscribed` set make the verdict invalid.
    pub findings: Vec<Finding>,
    /// The checker's results as they stand in `results.json`, `snake_case`, without `valid`.
    pub details: Map<String, Value>,
}

/// One fault, with the smallest set of operations that still shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// The anomaly's name, from the workload's documented table: `nonlinearizable`, `lost`, `G-single`, …
    pub anomaly: String,
    /// False for what the asked promise allows and is shown for information only.
    pub proscribed: bool,
    /// A few words for the first line of the report: `not linearizable (key 3)`.
    pub headline: String,
    /// One or two sentences in the words of the workload: what the system did wrong.
    pub story: String,
    /// The same without anything that differs between runs (values, keys, counts, names, times), for snapshots:
    /// `an answer contradicts an operation that was over before it`, `T1 -rw-> T2 -wr-> T1`.
    pub shape: String,
    /// The operations that prove it, in the order in which they should be read.
    pub evidence: Vec<Evidence>,
    /// Data for a drawing of it.
    pub picture: Option<Picture>,
}

/// A line of proof: an operation of the history, or a sentence, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Position of the invocation in [`History::ops`].
    pub invocation: Option<usize>,
    /// Position of the completion in [`History::ops`].
    pub completion: Option<usize>,
    /// The operation in words (`write 3 ← 2`, `T1: r 5 [1 2], append 6 1`); empty if the line is only a note.
    pub text: String,
    /// Why it matters; may have several lines.
    pub note: String,
    /// This operation breaks the promise, whichever of the others are right. False for all where they only contradict
    /// one another.
    pub is_culprit: bool,
}

/// What a report can draw of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// Operations as intervals in time, with the states that their orders would give.
    Intervals(Intervals),
    /// A cycle of transactions.
    Cycle(Cycle),
}

/// The intervals of a minimal history that is not linearizable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intervals {
    /// One bar per operation.
    pub bars: Vec<Bar>,
    /// Every order that was tried, as far as it went: the operations (indices of `bars`) with the state after each.
    pub orders: Vec<Vec<(usize, String)>>,
    /// The bar that could not be placed.
    pub stuck: Option<usize>,
}

/// An operation as an interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// Its label: `write 2`, `read → 1`.
    pub label: String,
    /// The client process.
    pub process: u64,
    /// When it began.
    pub start: Nanos,
    /// When it ended; `None` if it may take effect at any time after `start`, or never.
    pub end: Option<Nanos>,
    /// Order of the invocation and completion among all entries, for histories without times.
    pub order: (usize, Option<usize>),
}

/// Transactions that each must precede the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cycle {
    /// Each transaction's operations, one per line.
    pub vertices: Vec<String>,
    /// `(from, to, kind, because)`: indices of `vertices`, `ww`/`wr`/`rw`/`process`/`realtime`, and a sentence.
    pub edges: Vec<(usize, usize, String, String)>,
}

/// What a checker may know besides the history.
///
/// Of the checkers here, [`linearizable`] heeds the budgets, as its problem is hard. The others take time and memory near
/// linear in the length of the history, whatever it holds, or have a fixed limit of their own that is told in their
/// documentation ([`Counter`]), so that the same history gets the same verdict on every machine.
#[derive(Clone, Debug)]
pub struct CheckContext {
    /// Nodes under test, in order; empty if unknown. Worker *t* talked to node *t mod n*.
    pub nodes: Vec<String>,
    /// Number of client workers; 0 if unknown. Process *p* belongs to worker *p mod concurrency*.
    pub concurrency: usize,
    /// How many steps the checker may take. A million of them take about ten milliseconds of processor time.
    pub step_budget: u64,
    /// How much memory it may use, in bytes, roughly.
    pub memory_budget: usize,
}

/// Steps of a checker, unless another number is asked for: about a minute of processor time.
pub const STEP_BUDGET: u64 = 6_000_000_000;
/// Bytes that a checker may use, unless another number is asked for.
pub const MEMORY_BUDGET: usize = 2 << 30;

impl Default for CheckContext {
    fn default() -> Self {
        CheckContext { nodes: Vec::new(), concurrency: 0, step_budget: STEP_BUDGET, memory_budget: MEMORY_BUDGET }
    }
}

impl CheckContext {
    /// The node that a client process talked to, if that is known.
    pub fn node_of(&self, process: u64) -> Option<&str> {
        if self.nodes.is_empty() || self.concurrency == 0 {
            return None;
        }
        let worker = process % self.concurrency as u64;
        Some(&self.nodes[(worker % self.nodes.len() as u64) as usize])
    }
}

/// Maps a history to a verdict.
pub trait Checker {
    /// Judges the history. Never panics, whatever the history holds.
    fn check(&self, history: &History, context: &CheckContext) -> Verdict;

    /// Begins to take a history entry by entry, for histories that do not fit into memory. The verdict is that of
    /// [`Checker::check`], but for its proofs, which may be longer. A checker that does not define this keeps the history.
    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(WholeHistory { checker: self, context, history: History::default() })
    }

    /// Makes the proofs of a verdict from [`Checker::stream`] as short as those from [`Checker::check`]. The history must
    /// hold the operations that the evidence points to; all others may be missing.
    fn refine(&self, _verdict: &mut Verdict, _history: &History) {}
}
