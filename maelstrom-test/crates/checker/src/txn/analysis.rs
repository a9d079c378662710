//! The interface between the workloads and the rest of the checker.

use crate::txn::findings::FoundAnomalies;
use crate::txn::graph::{EdgeKind, EdgeSink};
use crate::txn::store::{Answers, Store};

/// The analysis of a history by a workload.
pub(super) trait WorkloadAnalysis {
    /// The answers of reads.
    type Answers: Answers;
    /// Why an edge through a key exists.
    type Reason: Copy + Default;

    /// The transactions.
    fn store(&self) -> &Store<Self::Answers>;

    /// Whether a transaction is known to have happened.
    fn happened(&self, txn: u32) -> bool;

    /// Whether the version order may depend on transactions that are known to have happened only because other ones read
    /// what they wrote.
    fn infers_order(&self) -> bool {
        false
    }

    /// Reports all dependencies through a key.
    fn key_edges(&self, key: u32, sink: &mut impl EdgeSink<Self::Reason>);

    /// The reason of an edge in words. Each transaction comes with its name in the text.
    fn because(&self, kind: EdgeKind, reason: Self::Reason, from: (u32, &str), to: (u32, &str)) -> String;

    /// The key that the reason is about.
    fn key_of(&self, reason: Self::Reason) -> u32;

    /// A further transaction that shows the reason of an edge, and what it shows in words. `None` if the transactions of the
    /// proof (`known`) show the reason already.
    fn witness(&self, _kind: EdgeKind, _reason: Self::Reason, _known: &[u32]) -> Option<(u32, String)> {
        None
    }

    /// Finds every anomaly that is not a cycle.
    fn other_anomalies(&self, found: &mut FoundAnomalies);
}
