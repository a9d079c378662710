//! The dependencies through a list, and their reasons in words.

use super::analysis::ListAnalysis;
use super::anomalies::find_anomalies;
use super::prefix_tree::PrefixTree;
use crate::entries::NONE;
use crate::txn::analysis::WorkloadAnalysis;
use crate::txn::findings::FoundAnomalies;
use crate::txn::graph::{EdgeKind, EdgeSink};
use crate::txn::store::{MopKind, Store};

/// Why an edge exists: the key and its two versions. Either version may be [`NONE`].
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::txn) struct ListReason {
    key: u32,
    /// What the first transaction wrote, or the last version of what it read.
    before: u32,
    /// The version that comes next; [`NONE`] for appends that nobody read.
    after: u32,
}

impl WorkloadAnalysis for ListAnalysis<'_> {
    type Answers = PrefixTree;
    type Reason = ListReason;

    fn store(&self) -> &Store<PrefixTree> {
        self.store
    }

    fn happened(&self, txn: u32) -> bool {
        self.happened[txn as usize]
    }

    fn infers_order(&self) -> bool {
        self.has_inferred_reads
    }

    fn key_edges(&self, key: u32, sink: &mut impl EdgeSink<ListReason>) {
        let versions = self.versions(key);
        // A version whose writer did not happen has no place in the order.
        let writer = |version: u32| self.store.writer(version).filter(|writer| self.happened[*writer as usize]);
        let mut last: Option<(u32, u32)> = None;
        let mut begin = 0;
        for (at, version) in versions.iter().enumerate() {
            let Some(next) = writer(*version) else { continue };
            self.prefix_edges(key, begin..at as u32 + 1, last, &[next], *version, sink);
            last = Some((*version, next));
            begin = at as u32 + 1;
        }
        self.prefix_edges(key, begin..versions.len() as u32 + 1, last, &self.unread(key), NONE, sink);
        for (version, reader) in self.other_reads(key) {
            if let Some(writer) = Some(version).filter(|version| *version != NONE).and_then(writer) {
                sink.edge(writer, reader, EdgeKind::Wr, ListReason { key, before: version, after: NONE });
            }
        }
    }

    fn key_of(&self, reason: ListReason) -> u32 {
        reason.key
    }

    fn because(&self, kind: EdgeKind, reason: ListReason, from: (u32, &str), to: (u32, &str)) -> String {
        let key = self.store.key_text(reason.key);
        let appended = |version: u32, txn: u32| match version {
            NONE => self.unread_append(reason.key, txn),
            version => self.store.values.value_text(version),
        };
        match kind {
            EdgeKind::Wr => {
                let list = self.list_read(to.0, reason);
                let value = appended(reason.before, from.0);
                format!("{} read key {key} as {list}, and {} appended {value}", to.1, from.1)
            }
            EdgeKind::Rw => {
                let list = self.list_read(from.0, reason);
                let value = appended(reason.after, to.0);
                format!("{} appended {value} after {} had read key {key} without it, as {list}", to.1, from.1)
            }
            _ => {
                let (before, after) = (appended(reason.before, from.0), appended(reason.after, to.0));
                format!("{} appended {after} to key {key} after {} had appended {before}", to.1, from.1)
            }
        }
    }

    /// A transaction that read the first of two appends shows their order: its list has the second one behind it, or does
    /// not have it yet.
    fn witness(&self, kind: EdgeKind, reason: ListReason, known: &[u32]) -> Option<(u32, String)> {
        let version = Some(reason.before).filter(|version| kind == EdgeKind::Ww && *version != NONE)?;
        let place_of = |version| self.versions(reason.key).iter().position(|other| *other == version);
        let from = place_of(version)? as u32 + 1;
        let readers = |from: u32| {
            (from..=self.versions(reason.key).len() as u32).flat_map(|length| self.readers(reason.key, length))
        };
        if readers(from).any(|reader| known.contains(reader)) {
            return None;
        }
        // A list with both appends is the best evidence, and the shortest of these lists is the clearest.
        let both = place_of(reason.after).map_or(from, |place| place as u32 + 1);
        let txn = *readers(both).next().or_else(|| readers(from).next())?;
        Some((txn, format!("read key {} as {}", self.store.key_text(reason.key), self.list_read(txn, reason))))
    }

    fn other_anomalies(&self, found: &mut FoundAnomalies) {
        find_anomalies(self, found);
    }
}

impl ListAnalysis<'_> {
    /// The edges around prefixes of the lengths given, which differ only by versions whose writers did not happen. The
    /// writer of the last version precedes the readers and the next writers. The readers precede the next writers.
    fn prefix_edges(
        &self,
        key: u32,
        lengths: std::ops::Range<u32>,
        last: Option<(u32, u32)>,
        next: &[u32],
        after: u32,
        sink: &mut impl EdgeSink<ListReason>,
    ) {
        let before = last.map_or(NONE, |(version, _)| version);
        let reason = ListReason { key, before, after };
        for length in lengths {
            let readers = self.readers(key, length);
            if readers.is_empty() {
                continue;
            }
            if let Some((_, writer)) = last {
                sink.all_pairs(&[writer], readers, EdgeKind::Wr, reason);
            }
            sink.all_pairs(readers, next, EdgeKind::Rw, reason);
        }
        if let Some((_, writer)) = last {
            sink.all_pairs(&[writer], next, EdgeKind::Ww, reason);
        }
    }

    /// The list that the transaction read of the key and that shows the reason: its last version that happened is
    /// `reason.before`.
    fn list_read(&self, txn: u32, reason: ListReason) -> String {
        let states = &self.store.answers.nodes;
        let reads: Vec<u32> = self
            .store
            .mops(txn)
            .iter()
            .filter(|mop| mop.kind == MopKind::Read && mop.key == reason.key)
            .map(|mop| mop.arg)
            .collect();
        let shows = |state: &&u32| states[**state as usize].version == reason.before;
        let state = reads.iter().find(shows).or_else(|| {
            reads.iter().find(|state| reason.before == NONE || self.store.answers.holds(**state, reason.before))
        });
        state.map_or_else(String::new, |state| self.store.answer_text(*state))
    }

    /// An element that the transaction appended to the key and that nobody read.
    fn unread_append(&self, key: u32, txn: u32) -> String {
        let mut writes = self.store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Write && mop.key == key);
        let unread = writes.find(|mop| !self.is_read[mop.arg as usize]);
        unread.map_or_else(String::new, |mop| self.store.values.value_text(mop.arg))
    }
}
