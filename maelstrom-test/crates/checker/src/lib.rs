//! Histories of operations, and checkers that judge them and explain their verdicts.
//!
//! A [`Checker`] is a pure function from a [`History`] to a [`Verdict`]. It never panics and always terminates: a checker
//! whose problem is hard has a budget, after which the verdict is *unknown*, with a reason.
//!
//! ```
//! use maelstrom_checker::history::History;
//! use maelstrom_checker::{CheckContext, Checker, SetFull, Valid};
//!
//! let history = History::read(&b"
//!     {:type :invoke, :process 0, :f :add, :value 7} {:type :ok, :process 0, :f :add, :value 7}
//!     {:type :invoke, :process 1, :f :read}          {:type :ok, :process 1, :f :read, :value [7]}
//!     {:type :invoke, :process 1, :f :read}          {:type :ok, :process 1, :f :read, :value []}"[..])?;
//! let verdict = SetFull::default().check(&history, &CheckContext::default());
//! assert_eq!(verdict.valid, Valid::False);
//! assert_eq!(verdict.findings[0].anomaly, "lost");
//! # Ok::<(), maelstrom_checker::history::ReadError>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

mod availability;
mod counter;
mod describe;
mod echo;
mod entries;
#[cfg(test)]
pub(crate) mod entry_points;
pub mod exceptions;
#[cfg(test)]
mod fuzz_tests;
pub mod history;
mod intern;
mod kafka;
pub mod linearizable;
mod models;
mod perf;
mod quantile;
mod results;
mod set_full;
#[cfg(test)]
pub(crate) mod small_histories;
mod stats;
mod stream;
#[cfg(test)]
pub(crate) mod test_cases;
pub mod txn;
mod unique_ids;

pub use availability::Availability;
pub use counter::{BoundedCounter, Counter};
pub use echo::Echo;
pub use kafka::Kafka;
pub use maelstrom_options::anomalies;
#[doc(no_inline)]
pub use maelstrom_protocol::json;
pub use models::{Bank, LinearizableSet, UnorderedQueue};
pub use perf::{Perf, PerfRow};
pub use quantile::Quantiles;
pub use results::{Part, Results};
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

/// Whether a history satisfies a promise. Variants are ordered from best to worst, and the worst of several verdicts counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Valid {
    /// It does.
    #[default]
    True,
    /// The checker could not decide.
    Unknown,
    /// It does not, as the findings of the verdict prove.
    False,
}

impl Valid {
    /// The value in `results.json`: `true`, `"unknown"` or `false`.
    pub fn to_json(self) -> Value {
        match self {
            Valid::True => Value::Bool(true),
            Valid::Unknown => Value::String("unknown".into()),
            Valid::False => Value::Bool(false),
        }
    }
}

/// The result of a checker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub valid: Valid,
    /// Why the answer is unknown, or an assumption on which a valid verdict depends.
    pub reason: Option<String>,
    /// The anomalies that were found, the most important first. Those with `proscribed` set make the verdict invalid.
    pub findings: Vec<Finding>,
    /// The results of the checker as in `results.json`, without `valid`. Keys are in `snake_case`.
    pub details: Map<String, Value>,
}

/// An anomaly, with the smallest set of operations that shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// The name of the anomaly: `nonlinearizable`, `lost`, `G-single`, …
    pub anomaly: String,
    /// Whether it breaks the promise. Otherwise the promise allows it, and it is shown for information.
    pub proscribed: bool,
    /// The first line of the report: `not linearizable (key 3)`.
    pub headline: String,
    /// One or two sentences that say what the system did wrong, in the terms of the workload.
    pub story: String,
    /// What the system did wrong, without values, keys, counts, names and times, which differ between runs. For snapshots:
    /// `a response contradicts an operation that had completed before it`, `T1 -rw-> T2 -wr-> T1`.
    pub shape: String,
    /// The operations that prove it, in reading order.
    pub evidence: Vec<Evidence>,
    /// Data for a picture of it.
    pub picture: Option<Picture>,
}

/// A line of evidence: an operation of the history, a note, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The position of the invocation in [`History::ops`].
    pub invocation: Option<usize>,
    /// The position of the completion in [`History::ops`].
    pub completion: Option<usize>,
    /// The operation as text (`write 3 ← 2`, `T1: r 5 [1 2], append 6 1`); empty if the line is only a note.
    pub text: String,
    /// Why the operation matters. May have several lines.
    pub note: String,
    /// The node that the line concerns, if it is not about an operation.
    pub node: Option<String>,
    /// Whether this operation broke the promise. False for all operations if they contradict each other and none is known to
    /// be wrong.
    pub is_culprit: bool,
}

/// A picture of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// Operations as intervals in time, and the states in the orders that were tried.
    Intervals(Intervals),
    /// A cycle of transactions.
    Cycle(Cycle),
}

/// The intervals of a minimal history that is not linearizable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intervals {
    /// One bar per operation.
    pub bars: Vec<Bar>,
    /// The orders that were tried, each as far as it is possible: the operations (indices of `bars`) with the state after
    /// each.
    pub orders: Vec<Vec<(usize, String)>>,
    /// The operation that no order explains.
    pub stuck: Option<usize>,
}

/// An operation as an interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// The label: `write 2`, `read → 1`.
    pub label: String,
    /// The client process.
    pub process: u64,
    /// When it began.
    pub start: Nanos,
    /// When it ended. `None` if it may take effect at any time after `start`, or never.
    pub end: Option<Nanos>,
    /// The positions of the invocation and the completion, for histories without times.
    pub order: (usize, Option<usize>),
}

/// Transactions that must each precede the next one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cycle {
    /// The operations of each transaction, one per line.
    pub vertices: Vec<String>,
    /// `(from, to, kind, because)`: two indices of `vertices`; `ww`, `wr`, `rw`, `process` or `realtime`; and the reason.
    pub edges: Vec<(usize, usize, String, String)>,
}

/// What a checker knows besides the history.
///
/// Only [`linearizable`] uses the budgets, because its problem is hard. The other checkers take time and memory nearly linear
/// in the length of the history, or have a fixed limit ([`Counter`]). So the same history gets the same verdict on every
/// machine.
#[derive(Clone, Debug)]
pub struct CheckContext {
    /// The nodes under test, in order; empty if unknown. Worker *t* sends requests to node *t mod n*.
    pub nodes: Vec<String>,
    /// The number of client workers; 0 if unknown. Process *p* belongs to worker *p mod concurrency*.
    pub concurrency: usize,
    /// The number of steps that the checker may take. A million steps take about ten milliseconds of processor time.
    pub step_budget: u64,
    /// The memory that the checker may use, in bytes, approximately.
    pub memory_budget: usize,
}

/// The default of [`CheckContext::step_budget`]: about a minute of processor time.
pub const STEP_BUDGET: u64 = 6_000_000_000;
/// The default of [`CheckContext::memory_budget`].
pub const MEMORY_BUDGET: usize = 2 << 30;

impl Default for CheckContext {
    fn default() -> Self {
        CheckContext { nodes: Vec::new(), concurrency: 0, step_budget: STEP_BUDGET, memory_budget: MEMORY_BUDGET }
    }
}

impl CheckContext {
    /// The node that receives the requests of a client process, if it is known.
    pub fn node_of(&self, process: u64) -> Option<&str> {
        if self.nodes.is_empty() || self.concurrency == 0 {
            return None;
        }
        let worker = process % self.concurrency as u64;
        Some(&self.nodes[(worker % self.nodes.len() as u64) as usize])
    }
}

/// Judges histories.
pub trait Checker {
    /// Judges a history. Never panics, whatever the history contains.
    fn check(&self, history: &History, context: &CheckContext) -> Verdict;

    /// Begins to check a history entry by entry, for histories that do not fit into memory. The verdict is that of
    /// [`Checker::check`], except that its proofs may be longer. The default implementation keeps the whole history.
    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(WholeHistory { checker: self, context, history: History::default() })
    }

    /// Makes the proofs of a verdict from [`Checker::stream`] as short as those from [`Checker::check`]. Of the history, only
    /// the operations that the evidence refers to are needed.
    fn refine(&self, _verdict: &mut Verdict, _history: &History) {}
}

// The example in the README is compiled like those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
