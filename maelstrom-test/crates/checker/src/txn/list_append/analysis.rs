//! The version order of every key, and who read which prefix of it.

use super::prefix_tree::PrefixTree;
use crate::entries::NONE;
use crate::txn::options::Options;
use crate::txn::store::{MopKind, Store, TxnOutcome};

/// The version order of every key, and who read which prefix of it.
pub(in crate::txn) struct ListAnalysis<'a> {
    pub(super) store: &'a Store<PrefixTree>,
    /// Whether versions may have a writer that is not in the history.
    pub(super) preloaded: bool,
    /// By transaction, whether it is known to have happened.
    pub(super) happened: Vec<bool>,
    /// By version, whether a transaction that is known to have happened read it.
    pub(super) is_read: Vec<bool>,
    /// Whether some reads count only because another transaction read what their transaction appended.
    pub(super) has_inferred_reads: bool,
    /// By key, the offset of its versions in `order`.
    first: Vec<u32>,
    /// The version order of each key, key by key. A version occurs once, even if a list repeats it.
    order: Vec<u32>,
    /// By list, its length as a prefix of the version order, or [`NONE`] if it is not a prefix.
    pub(super) prefix_length: Vec<u32>,
    /// By key and prefix length (mark_reads [`ListAnalysis::slot`]), the offset of the readers of that prefix in `readers`.
    first_reader: Vec<u32>,
    readers: Vec<u32>,
    /// Reads of lists that are not a prefix of the version order, sorted: key, last version, reader.
    other_reads: Vec<(u32, u32, u32)>,
    /// Transactions with appends that nobody read, sorted: key, transaction.
    unread: Vec<(u32, u32)>,
}

impl<'a> ListAnalysis<'a> {
    pub(in crate::txn) fn new(store: &'a Store<PrefixTree>, options: &Options) -> ListAnalysis<'a> {
        let Known { happened, seen, has_inferred_reads } = Known::new(store, options.promise.makes_reads_proofs());
        let keys = store.values.interner.len();
        let (first, order, prefix_length) = version_order(store, keys, &seen);
        let mut is_read = vec![false; store.values.versions.len()];
        for (state, _) in store.answers.nodes.iter().zip(&seen).filter(|(state, seen)| **seen && state.version != NONE)
        {
            is_read[state.version as usize] = true;
        }
        let mut analysis = ListAnalysis {
            store,
            preloaded: options.preloaded || store.hides_writes,
            happened,
            is_read,
            has_inferred_reads,
            first,
            order,
            prefix_length,
            first_reader: Vec::new(),
            readers: Vec::new(),
            other_reads: Vec::new(),
            unread: Vec::new(),
        };
        analysis.index_readers();
        analysis.index_unread();
        analysis
    }

    /// The version order of a key.
    pub(super) fn versions(&self, key: u32) -> &[u32] {
        &self.order[self.first[key as usize] as usize..self.first[key as usize + 1] as usize]
    }

    /// The place of a prefix in `first_reader`. A key has one prefix more than it has versions.
    fn slot(&self, key: u32, prefix_length: u32) -> usize {
        (self.first[key as usize] + key + prefix_length) as usize
    }

    /// The transactions that read the prefix of a length.
    pub(super) fn readers(&self, key: u32, prefix_length: u32) -> &[u32] {
        let slot = self.slot(key, prefix_length);
        &self.readers[self.first_reader[slot] as usize..self.first_reader[slot + 1] as usize]
    }

    /// The reads of a key whose list is not a prefix of its version order: last version and reader.
    pub(super) fn other_reads(&self, key: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        of_key(&self.other_reads, key, |(key, ..)| *key).iter().map(|(_, version, reader)| (*version, *reader))
    }

    /// Every read of the transactions that are known to have happened: transaction, key, list.
    fn reads(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        let happened = (0..self.store.txns.len() as u32).filter(|txn| self.happened[*txn as usize]);
        happened.flat_map(|txn| {
            let reads = self.store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Read);
            reads.map(move |mop| (txn, mop.key, mop.arg))
        })
    }

    fn index_readers(&mut self) {
        let slots = self.order.len() + self.first.len();
        let mut offsets = vec![0_u32; slots + 1];
        for (_, key, state) in self.reads() {
            if self.prefix_length[state as usize] != NONE {
                offsets[self.slot(key, self.prefix_length[state as usize]) + 1] += 1;
            }
        }
        for slot in 0..slots {
            offsets[slot + 1] += offsets[slot];
        }
        let mut readers = vec![0; offsets[slots] as usize];
        let mut next = offsets.clone();
        let mut other_reads = Vec::new();
        for (txn, key, state) in self.reads() {
            match self.prefix_length[state as usize] {
                NONE => other_reads.push((key, self.store.answers.nodes[state as usize].version, txn)),
                prefix_length => {
                    let next = &mut next[self.slot(key, prefix_length)];
                    readers[*next as usize] = txn;
                    *next += 1;
                }
            }
        }
        other_reads.sort_unstable();
        (self.first_reader, self.readers, self.other_reads) = (offsets, readers, other_reads);
    }

    fn index_unread(&mut self) {
        let mut unread = Vec::new();
        for (at, version) in self.store.values.versions.iter().enumerate() {
            let written = version.writer != NONE && self.happened[version.writer as usize];
            if written && !self.is_read[at] {
                unread.push((version.key, version.writer));
            }
        }
        unread.sort_unstable();
        unread.dedup();
        self.unread = unread;
    }

    /// The transactions with appends to a key that nobody read.
    pub(super) fn unread(&self, key: u32) -> Vec<u32> {
        of_key(&self.unread, key, |(key, _)| *key).iter().map(|(_, txn)| *txn).collect()
    }
}

/// The entries of a key in a sorted list.
fn of_key<T>(sorted: &[T], key: u32, key_of: impl Fn(&T) -> u32) -> &[T] {
    let first = sorted.partition_point(|entry| key_of(entry) < key);
    let count = sorted[first..].partition_point(|entry| key_of(entry) == key);
    &sorted[first..first + count]
}

/// Which transactions and reads count.
struct Known {
    /// By transaction, whether it is known to have happened: it is ok, or an ok transaction read what it appended and the
    /// promise makes that a proof.
    happened: Vec<bool>,
    /// By list, whether a transaction that is known to have happened read it or a longer one. Reads of other transactions
    /// do not count: they may come from a state that was discarded, such as that of a deposed leader.
    seen: Vec<bool>,
    has_inferred_reads: bool,
}

impl Known {
    fn new(store: &Store<PrefixTree>, reads_are_proofs: bool) -> Known {
        let states = &store.answers.nodes;
        let mut known = Known {
            happened: store.txns.iter().map(|txn| txn.outcome == TxnOutcome::Ok).collect(),
            seen: vec![false; states.len()],
            has_inferred_reads: false,
        };
        store.ok_txns().for_each(|txn| _ = known.mark_reads(store, txn));
        known.mark_prefixes(store);
        if !reads_are_proofs {
            return known;
        }
        let mut inferred: Vec<u32> = Vec::new();
        for at in (0..states.len()).filter(|at| known.seen[*at] && states[*at].version != NONE) {
            let version = states[at].version;
            let writer = store.writer(version).filter(|_| !store.is_ambiguous(store.values.key_of(version)));
            if let Some(writer) = writer.filter(|writer| store.txn(*writer).outcome == TxnOutcome::Info) {
                known.happened[writer as usize] = true;
                inferred.push(writer);
            }
        }
        for txn in inferred {
            known.has_inferred_reads |= known.mark_reads(store, txn);
        }
        if known.has_inferred_reads {
            known.mark_prefixes(store);
        }
        known
    }

    /// Marks the lists that a transaction read. False if there are none.
    fn mark_reads(&mut self, store: &Store<PrefixTree>, txn: u32) -> bool {
        let reads = store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Read);
        reads.map(|mop| self.seen[mop.arg as usize] = true).count() > 0
    }

    fn mark_prefixes(&mut self, store: &Store<PrefixTree>) {
        // A parent has a smaller number than its children.
        for (at, state) in store.answers.nodes.iter().enumerate().rev().filter(|(_, state)| state.version != NONE) {
            self.seen[state.parent as usize] |= self.seen[at];
        }
    }
}

/// The fields `first`, `order` and `prefix_length` of [`ListAnalysis`].
fn version_order(store: &Store<PrefixTree>, keys: usize, seen: &[bool]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let states = &store.answers.nodes;
    let longest = longest_lists(store, keys, seen);
    let mut first = vec![0];
    let mut order: Vec<u32> = Vec::new();
    let mut prefix_length = vec![NONE; states.len()];
    let mut is_placed = vec![false; store.values.versions.len()];
    for key in 0..keys as u32 {
        let begin = order.len();
        if let Some(root) = store.answers.root_of(key).filter(|_| !store.is_ambiguous(key)) {
            prefix_length[root as usize] = 0;
            let mut path: Vec<u32> = store.answers.ancestors(longest[key as usize]).collect();
            path.reverse();
            for state in path {
                let version = states[state as usize].version;
                if !std::mem::replace(&mut is_placed[version as usize], true) {
                    order.push(version);
                }
                prefix_length[state as usize] = (order.len() - begin) as u32;
            }
        }
        first.push(order.len() as u32);
    }
    (first, order, prefix_length)
}

/// By key, the longest list. Of several longest lists it is the one that was read first.
fn longest_lists(store: &Store<PrefixTree>, keys: usize, seen: &[bool]) -> Vec<u32> {
    let states = &store.answers.nodes;
    let mut longest: Vec<u32> = (0..keys as u32).map(|key| store.answers.root_of(key).unwrap_or(NONE)).collect();
    for (at, state) in states.iter().enumerate().filter(|(at, state)| seen[*at] && state.version != NONE) {
        let longest = &mut longest[store.values.key_of(state.version) as usize];
        if state.depth > states[*longest as usize].depth {
            *longest = at as u32;
        }
    }
    longest
}
