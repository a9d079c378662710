//! The dependencies through a register, and their reasons in words.

use super::accesses::Registers;
use super::analysis::RegisterAnalysis;
use super::anomalies::find_anomalies;
use super::version_order::OrderSource;
use crate::entries::NONE;
use crate::txn::analysis::WorkloadAnalysis;
use crate::txn::findings::FoundAnomalies;
use crate::txn::graph::{EdgeKind, EdgeSink};
use crate::txn::store::Store;

/// Why an edge exists: the version that was read; or two versions, and why the first is known to come before the second.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::txn) struct RegisterReason {
    before: u32,
    after: u32,
    source: OrderSource,
}

impl WorkloadAnalysis for RegisterAnalysis<'_> {
    type Answers = Registers;
    type Reason = RegisterReason;

    fn store(&self) -> &Store<Registers> {
        self.store
    }

    fn happened(&self, txn: u32) -> bool {
        self.happened[txn as usize]
    }

    fn key_edges(&self, key: u32, sink: &mut impl EdgeSink<RegisterReason>) {
        if self.store.is_ambiguous(key) {
            return;
        }
        for version in self.versions(key) {
            if let Some(writer) = self.installer(*version) {
                let reason = RegisterReason { before: *version, after: NONE, source: OrderSource::default() };
                sink.all_pairs(&[writer], self.readers(*version), EdgeKind::Wr, reason);
            }
        }
        for edges in self.version_edges(key).chunk_by(|one, other| one.0 == other.0) {
            let before = edges[0].0;
            for (_, after, source) in edges {
                let reason = RegisterReason { before, after: *after, source: *source };
                if let (Some(writer), Some(next)) = (self.installer(before), self.installer(*after)) {
                    sink.edge(writer, next, EdgeKind::Ww, reason);
                }
            }
            // All successors at once: a version may have many readers and many successors, which takes a hub.
            let next: Vec<u32> = edges.iter().filter_map(|(_, after, _)| self.installer(*after)).collect();
            let (_, after, source) = edges[0];
            sink.all_pairs(self.readers(before), &next, EdgeKind::Rw, RegisterReason { before, after, source });
        }
    }

    fn key_of(&self, reason: RegisterReason) -> u32 {
        self.store.values.key_of(reason.before)
    }

    fn because(&self, kind: EdgeKind, reason: RegisterReason, (_, first): (u32, &str), to: (u32, &str)) -> String {
        let (to, second) = to;
        let key = self.store.key_text(self.key_of(reason));
        let value = |version: u32| self.store.values.value_text(version);
        let before = value(reason.before);
        if kind == EdgeKind::Wr {
            return format!("{second} read {before} from key {key}, which {first} wrote");
        }
        // The reason names one of several successors. The edge is about the one that `to` installed.
        let of_key = self.version_edges(self.key_of(reason));
        let installed = |edge: &&(u32, u32, OrderSource)| edge.0 == reason.before && self.installer(edge.1) == Some(to);
        let (after, source) =
            of_key.iter().find(installed).map_or((reason.after, reason.source), |(_, after, source)| (*after, *source));
        let (after, known) = (value(after), known_from(source));
        match kind {
            EdgeKind::Rw if source == OrderSource::InitialState => {
                format!("{second} wrote {after} to key {key}, of which {first} had read the initial state")
            }
            EdgeKind::Rw => {
                format!("{second} overwrote {before}, which {first} had read from key {key}, with {after} ({known})")
            }
            _ => {
                format!("{second} overwrote {before}, which {first} had written to key {key}, with {after} ({known})")
            }
        }
    }

    fn other_anomalies(&self, found: &mut FoundAnomalies) {
        find_anomalies(self, found);
    }
}

/// Explains how the order of two versions is known.
fn known_from(source: OrderSource) -> &'static str {
    match source {
        OrderSource::InitialState => "null is the initial state",
        OrderSource::WritesFollowReads => "a transaction read the one and then wrote the other",
        OrderSource::SequentialKeys => "one process knew them in this order",
        OrderSource::LinearizableKeys => "in real time they were known in this order",
        OrderSource::TransactionOrder => "by the given order of transactions",
    }
}
