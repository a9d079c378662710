//! Transactions: which consistency models does a history rule out?
//!
//! # The idea
//! A database promises that its transactions behave as if they had run in some order. Nobody can watch that order, but
//! histories give it away. If T2 read what T1 wrote, T1 came before T2 (a *write-read* dependency, `wr`). If T2
//! overwrote what T1 wrote, T1 came before T2 (`ww`). If T2 overwrote what T1 *read*, T1 came before T2 as well, or it
//! would have read what T2 wrote (`rw`). All that a history proves of the order is a graph of such dependencies, and
//! where that graph has a cycle there is no order: each of the transactions would have to come before itself.
//!
//! Which edges a cycle is made of decides which promises it breaks. A cycle of `ww` edges (`G0`) means that writes of
//! several transactions got mixed up, which not even *read uncommitted* allows. A cycle with two `rw` edges in a row
//! (`G2-item`, write skew) is forbidden by *serializable* and perfectly legal under *snapshot isolation*. And so on
//! through some fifty models, weaker and stronger ones ([`Model`]). Besides cycles there are values that could not be:
//! reads of failed writes (`G1a`), transactions that contradict themselves (`internal`), and more ([`Anomaly`]).
//!
//! The method is that of A. Adya (*Weak Consistency*, 1999) and of Elle (K. Kingsbury and P. Alvaro, *Elle: Inferring
//! Isolation Anomalies from Experimental Observations*, VLDB 2020). Names of models and anomalies are Elle's.
//!
//! # Two kinds of histories
//! Dependencies can be seen only if it is known in which order the values of a key came. With [`ListAppend`], keys are
//! lists and writes append to them, so every read shows all writes before it. With [`RwRegister`], keys are registers;
//! their order is inferred as far as assumptions allow ([`Options`]). Both need values that are unique per key.
//!
//! # Use
//! ```
//! use maelstrom_checker::txn::{ListAppend, Options};
//! use maelstrom_checker::{CheckContext, Checker, Valid};
//! use maelstrom_checker::history::{History, Op, OpType};
//! use maelstrom_checker::json::json;
//!
//! // Two doctors are on call. Each sees that the other one is, and goes off duty.
//! let ok = |index, process, value| Op::new(index, OpType::Ok, process, "txn", value);
//! let history = History { ops: vec![
//!     ok(0, 0, json!([["r", "alice-off", []], ["append", "bob-off", 1]])),
//!     ok(1, 1, json!([["r", "bob-off", []], ["append", "alice-off", 1]])),
//! ] };
//!
//! let serializable = ListAppend::new(Options { promise: "serializable".parse()?, ..Options::default() });
//! let verdict = serializable.check(&history, &CheckContext::default());
//! assert_eq!(verdict.valid, Valid::False);
//! assert_eq!(verdict.findings[0].anomaly, "G2-item");
//! assert_eq!(verdict.findings[0].shape, "T1 -rw-> T2 -rw-> T1");
//! assert_eq!(
//!     verdict.findings[0].evidence[0].note,
//!     "T1 < T2, because T2 appended 1 after T1 had read key alice-off without it, as []"
//! );
//!
//! // Snapshot isolation allows that.
//! let snapshots = ListAppend::new(Options { promise: "snapshot-isolation".parse()?, ..Options::default() });
//! let verdict = snapshots.check(&history, &CheckContext::default());
//! assert_eq!(verdict.valid, Valid::True);
//! assert_eq!(verdict.details["allowed_anomalies"], json!(["G2-item"]));
//! assert_eq!(verdict.details["not"], json!(["repeatable-read"]));
//! # Ok::<(), maelstrom_checker::txn::UnknownName>(())
//! ```
//!
//! A history that does not fit into memory is fed entry by entry, see [`ListAppend::feed`].
//!
//! # Results
//! [`Verdict::details`] holds `anomaly_types` (those that break the promise, and `empty-transaction-graph` where no
//! transaction depends on another), `allowed_anomalies` (found, and no fault under this promise), `anomalies` (up to
//! eight examples of each with the indices of their operations), `anomaly_counts`, `not` and `also_not` (the weakest
//! models that the history rules out, and those that follow), `transaction_count`, `component_count` (strongly connected
//! components of the dependency graph), and, where values were written twice, `repeated_writes`.
//!
//! # Cost
//! Near linear in the length of the history: a million transactions take a few seconds. The search for cycles is
//! polynomial and has no time limit; only where it would go on for very long after a cycle was found does it take the
//! shortest so far for the shortest. So the same history always gets the same verdict.

mod analysis;
mod anomaly;
mod explain;
mod findings;
mod graph;
mod list_append;
mod lost_update;
mod model;
mod promise;
mod rw_register;
mod search;
pub mod simulated;
mod store;
#[cfg(test)]
mod tests;
mod unknown_name;

use std::collections::BTreeMap;

use crate::json::{Number, Value};

pub use anomaly::{Anomaly, AnomalySet};
pub use model::{Boundary, Model};
pub use promise::{OrderInUse, Promise};
pub use unknown_name::UnknownName;

// The checker of logs looks for cycles, too.
pub(crate) use analysis::{rotated, shape};
pub(crate) use graph::{Dependencies, Finder, Graph, Kind, Sink, Timeline};
pub(crate) use search::cycles::{Cycle, find_cycles};

use self::analysis::judge;
use self::explain::minimize;
use self::list_append::ListAnalysis;
use self::list_append::prefix_tree::Lists;
use self::rw_register::RegisterAnalysis;
use self::rw_register::version_order::Registers;
use self::store::Builder;
use super::stream::check_streamed;
use super::{CheckContext, Checker, Stream, Verdict};
use crate::history::{History, Op, OpType};

/// What is asked of a history, and what may be assumed about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// What the system promised; strict serializability unless told otherwise.
    pub promise: Promise,
    /// The database may have held values before the history began, so a value that nobody wrote proves nothing.
    pub preloaded: bool,
    /// Registers: within a transaction, the value read comes before the value written. The workload enables this.
    pub wfr_keys: bool,
    /// Registers: no process sees a key go back to an earlier value.
    pub sequential_keys: bool,
    /// Registers: keys never go back to an earlier value in real time.
    pub linearizable_keys: bool,
    /// Registers: the order in which transactions took effect, where the database tells: the index of each
    /// completion, and its place, a number of any kind.
    pub transaction_order: Option<BTreeMap<u64, Number>>,
    /// Registers: the key under which completions themselves say at which place they took effect (see [`Op::extra`]).
    pub order_key: Option<String>,
}

/// Checks transactions of `["append", key, value]` and `["r", key, list]`.
#[derive(Clone, Debug, Default)]
pub struct ListAppend {
    options: Options,
}

/// Checks transactions of `["w", key, value]` and `["r", key, value]`.
#[derive(Clone, Debug, Default)]
pub struct RwRegister {
    options: Options,
}

impl ListAppend {
    /// A checker with these options; those for registers have no effect.
    pub fn new(options: Options) -> ListAppend {
        ListAppend { options }
    }

    /// Begins to take a history entry by entry, keeping only what the analysis needs: about 100 bytes per transaction.
    ///
    /// ```
    /// use maelstrom_checker::txn::ListAppend;
    /// use maelstrom_checker::Valid;
    /// use maelstrom_checker::history::HistoryReader;
    ///
    /// let file = r#"{"type": "ok", "value": [["append", "x", 1]]}
    /// {"type": "ok", "value": [["r", "x", [1, 2]]]}"#;
    /// let mut feed = ListAppend::default().feed();
    /// for op in HistoryReader::new(file.as_bytes())? {
    ///     feed.push(&op?);
    /// }
    /// let verdict = feed.finish();
    /// assert_eq!(verdict.valid, Valid::False);
    /// assert_eq!(verdict.findings[0].story, "A transaction read 2 from key x, but nobody ever appended that.");
    /// # Ok::<(), maelstrom_checker::history::ReadError>(())
    /// ```
    pub fn feed(&self) -> ListAppendFeed {
        ListAppendFeed { options: self.options.clone(), builder: Builder::default() }
    }
}

impl RwRegister {
    /// A checker with these options.
    pub fn new(options: Options) -> RwRegister {
        RwRegister { options }
    }

    /// Begins to take a history entry by entry, like [`ListAppend::feed`].
    pub fn feed(&self) -> RwRegisterFeed {
        RwRegisterFeed { options: self.options.clone(), builder: Builder::default() }
    }
}

/// A list-append history on its way into the checker.
pub struct ListAppendFeed {
    options: Options,
    builder: Builder<Lists>,
}

/// An rw-register history on its way into the checker.
pub struct RwRegisterFeed {
    options: Options,
    builder: Builder<Registers>,
}

impl ListAppendFeed {
    /// Takes the next entry. Positions in the verdict's evidence count these calls.
    pub fn push(&mut self, op: &Op) {
        self.builder.push(op);
    }

    /// Judges what was taken.
    pub fn finish(self) -> Verdict {
        let store = self.builder.finish();
        let mut verdict = judge(&ListAnalysis::new(&store, &self.options), &self.options);
        verdict.add_mismatch(store.mismatch.as_ref());
        verdict
    }
}

impl RwRegisterFeed {
    /// Takes the next entry. Positions in the verdict's evidence count these calls.
    pub fn push(&mut self, op: &Op) {
        let place = self.options.order_key.as_deref().and_then(|key| op.extra(key)).and_then(Value::as_number);
        if let Some(place) = place.filter(|_| op.kind == OpType::Ok) {
            self.options.transaction_order.get_or_insert_default().insert(op.index, place.clone());
        }
        self.builder.push(op);
    }

    /// Judges what was taken.
    pub fn finish(self) -> Verdict {
        let store = self.builder.finish();
        let mut verdict = judge(&RegisterAnalysis::new(&store, &self.options), &self.options);
        verdict.add_mismatch(store.mismatch.as_ref());
        verdict
    }
}

impl Stream for ListAppendFeed {
    fn push(&mut self, op: &Op) {
        self.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        (*self).finish()
    }
}

impl Stream for RwRegisterFeed {
    fn push(&mut self, op: &Op) {
        self.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        (*self).finish()
    }
}

fn judge_whole(mut feed: impl Stream, history: &History) -> Verdict {
    history.ops.iter().for_each(|op| feed.push(op));
    Box::new(feed).finish()
}

impl Checker for ListAppend {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, _: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(self.feed())
    }

    fn refine(&self, verdict: &mut Verdict, history: &History) {
        minimize::minimize(verdict, history, |part| judge_whole(self.feed(), part));
    }
}

impl Checker for RwRegister {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, _: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(self.feed())
    }

    fn refine(&self, verdict: &mut Verdict, history: &History) {
        minimize::minimize(verdict, history, |part| judge_whole(self.feed(), part));
    }
}
