//! List-append: every read of a key shows all appends before it, in order.
//!
//! So the longest list that was read is the order of a key's versions, and nothing need be guessed. Reads of a
//! transaction whose end is unknown count if it is known to have happened, as another one read what it appended.

pub(in crate::txn) mod anomalies;
pub(in crate::txn) mod prefix_tree;

use crate::entries::NONE;
use crate::txn::Options;
use crate::txn::analysis::Analysis;
use crate::txn::findings::Found;
use crate::txn::graph::{Kind, Sink};
use crate::txn::list_append::anomalies::find_anomalies;
use crate::txn::list_append::prefix_tree::Lists;
use crate::txn::store::{MopKind, Outcome, Store};

/// The order of every key's versions, and who read which.
pub(in crate::txn) struct ListAnalysis<'a> {
    pub(in crate::txn) store: &'a Store<Lists>,
    /// Whether there may be values whose writers are not in the history.
    pub(in crate::txn) preloaded: bool,
    /// Which transactions are known to have happened.
    happened: Vec<bool>,
    /// By version, whether a transaction that is known to have happened read it.
    is_read: Vec<bool>,
    /// Whether such a transaction is known to have happened only because its writes were read, and shows lists.
    has_inferred_reads: bool,
    /// By key, where its versions stand in `order`.
    first: Vec<u32>,
    /// The versions of the longest lists, key by key, each once.
    order: Vec<u32>,
    /// By state: how many versions it holds, if it is a prefix of the key's longest list.
    pub(in crate::txn) place: Vec<u32>,
    /// By key and number of versions (see `slot`), where the readers of that prefix stand in `readers`.
    first_reader: Vec<u32>,
    readers: Vec<u32>,
    /// Readers of lists that are no prefix of the longest: key, last version, reader; sorted.
    stray: Vec<(u32, u32, u32)>,
    /// Transactions whose appends nobody read: key and transaction; sorted.
    unread: Vec<(u32, u32)>,
}

/// Why an edge of the graph exists: the versions between which, on which key.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::txn) struct ListReason {
    key: u32,
    before: u32,
    after: u32,
}

impl<'a> ListAnalysis<'a> {
    pub(in crate::txn) fn new(store: &'a Store<Lists>, options: &Options) -> ListAnalysis<'a> {
        let Known { happened, seen, has_inferred_reads } = Known::new(store, options.promise.makes_reads_proofs());
        let keys = store.names.interner.len();
        let (first, order, place) = version_order(store, keys, &seen);
        let mut is_read = vec![false; store.names.versions.len()];
        for (state, _) in store.answers.states.iter().zip(&seen).filter(|(state, seen)| **seen && state.version != NONE)
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
            place,
            first_reader: Vec::new(),
            readers: Vec::new(),
            stray: Vec::new(),
            unread: Vec::new(),
        };
        analysis.index_readers();
        analysis.index_unread();
        analysis
    }

    /// The versions of the longest list of a key.
    pub(in crate::txn) fn versions(&self, key: u32) -> &[u32] {
        &self.order[self.first[key as usize] as usize..self.first[key as usize + 1] as usize]
    }

    /// Keys have one prefix more than they have versions.
    fn slot(&self, key: u32, place: u32) -> usize {
        (self.first[key as usize] + key + place) as usize
    }

    pub(in crate::txn) fn readers(&self, key: u32, place: u32) -> &[u32] {
        let slot = self.slot(key, place);
        &self.readers[self.first_reader[slot] as usize..self.first_reader[slot + 1] as usize]
    }

    /// Every read of a transaction that is known to have happened: transaction, key and state.
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
            if self.place[state as usize] != NONE {
                offsets[self.slot(key, self.place[state as usize]) + 1] += 1;
            }
        }
        for slot in 0..slots {
            offsets[slot + 1] += offsets[slot];
        }
        let mut readers = vec![0; offsets[slots] as usize];
        let mut next = offsets.clone();
        let mut stray = Vec::new();
        for (txn, key, state) in self.reads() {
            match self.place[state as usize] {
                NONE => stray.push((key, self.store.answers.states[state as usize].version, txn)),
                place => {
                    let next = &mut next[self.slot(key, place)];
                    readers[*next as usize] = txn;
                    *next += 1;
                }
            }
        }
        stray.sort_unstable();
        (self.first_reader, self.readers, self.stray) = (offsets, readers, stray);
    }

    fn index_unread(&mut self) {
        let mut unread = Vec::new();
        for (at, version) in self.store.names.versions.iter().enumerate() {
            let written = version.writer != NONE && self.happened[version.writer as usize];
            if written && !self.is_read[at] {
                unread.push((version.key, version.writer));
            }
        }
        unread.sort_unstable();
        unread.dedup();
        self.unread = unread;
    }

    /// The transactions with unread appends to a key.
    fn unread(&self, key: u32) -> Vec<u32> {
        of_key(&self.unread, key, |(key, _)| *key).iter().map(|(_, txn)| *txn).collect()
    }

    /// The edges around prefixes that differ at most by versions that did not happen: the last version's writer
    /// precedes the readers and the next writers, the readers precede the next writers.
    fn prefix_edges(
        &self,
        key: u32,
        places: std::ops::Range<u32>,
        last: Option<(u32, u32)>,
        next: &[u32],
        after: u32,
        sink: &mut impl Sink<ListReason>,
    ) {
        let before = last.map_or(NONE, |(version, _)| version);
        let reason = ListReason { key, before, after };
        for place in places {
            let readers = self.readers(key, place);
            if readers.is_empty() {
                continue;
            }
            if let Some((_, writer)) = last {
                sink.all_pairs(&[writer], readers, Kind::Wr, reason);
            }
            sink.all_pairs(readers, next, Kind::Rw, reason);
        }
        if let Some((_, writer)) = last {
            sink.all_pairs(&[writer], next, Kind::Ww, reason);
        }
    }
}

/// The entries of a sorted list that belong to a key.
fn of_key<T>(sorted: &[T], key: u32, key_of: impl Fn(&T) -> u32) -> &[T] {
    let first = sorted.partition_point(|entry| key_of(entry) < key);
    let count = sorted[first..].partition_point(|entry| key_of(entry) == key);
    &sorted[first..first + count]
}

/// What is known of the transactions as a whole.
struct Known {
    /// A transaction happened if its answer says so, or if an ok one read what it appended, where that is a proof.
    happened: Vec<bool>,
    /// By state, whether a transaction that happened read it, or a list that begins with it. What others were told may
    /// have come from a state that was given up with them, as a leader's that was not the leader any more.
    seen: Vec<bool>,
    has_inferred_reads: bool,
}

impl Known {
    fn new(store: &Store<Lists>, reads_are_proofs: bool) -> Known {
        let states = &store.answers.states;
        let mut known = Known {
            happened: store.txns.iter().map(|txn| txn.outcome == Outcome::Ok).collect(),
            seen: vec![false; states.len()],
            has_inferred_reads: false,
        };
        store.oks().for_each(|txn| _ = known.see(store, txn));
        known.see_beginnings(store);
        if !reads_are_proofs {
            return known;
        }
        let mut inferred: Vec<u32> = Vec::new();
        for at in (0..states.len()).filter(|at| known.seen[*at] && states[*at].version != NONE) {
            let version = states[at].version;
            let writer = store.writer(version).filter(|_| !store.is_ambiguous(store.names.key_of(version)));
            if let Some(writer) = writer.filter(|writer| store.txn(*writer).outcome == Outcome::Info) {
                known.happened[writer as usize] = true;
                inferred.push(writer);
            }
        }
        for txn in inferred {
            known.has_inferred_reads |= known.see(store, txn);
        }
        if known.has_inferred_reads {
            known.see_beginnings(store);
        }
        known
    }

    /// Notes the lists that a transaction read; false if there are none.
    fn see(&mut self, store: &Store<Lists>, txn: u32) -> bool {
        let reads = store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Read);
        reads.map(|mop| self.seen[mop.arg as usize] = true).count() > 0
    }

    fn see_beginnings(&mut self, store: &Store<Lists>) {
        // Parents have smaller numbers than their children.
        for (at, state) in store.answers.states.iter().enumerate().rev().filter(|(_, state)| state.version != NONE) {
            self.seen[state.parent as usize] |= self.seen[at];
        }
    }
}

/// Where each key's versions begin, the versions, and each state's number of versions (see [`ListAnalysis`]).
fn version_order(store: &Store<Lists>, keys: usize, seen: &[bool]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let states = &store.answers.states;
    let longest = longest_states(store, keys, seen);
    let mut first = vec![0];
    let mut order: Vec<u32> = Vec::new();
    let mut place = vec![NONE; states.len()];
    let mut is_placed = vec![false; store.names.versions.len()];
    for key in 0..keys as u32 {
        let begin = order.len();
        if let Some(root) = store.answers.root_of(key).filter(|_| !store.is_ambiguous(key)) {
            place[root as usize] = 0;
            let mut path: Vec<u32> = store.answers.up(longest[key as usize]).collect();
            path.reverse();
            for state in path {
                let version = states[state as usize].version;
                if !std::mem::replace(&mut is_placed[version as usize], true) {
                    order.push(version);
                }
                place[state as usize] = (order.len() - begin) as u32;
            }
        }
        first.push(order.len() as u32);
    }
    (first, order, place)
}

/// Each key's longest list; of several the one that was read first.
fn longest_states(store: &Store<Lists>, keys: usize, seen: &[bool]) -> Vec<u32> {
    let states = &store.answers.states;
    let mut longest: Vec<u32> = (0..keys as u32).map(|key| store.answers.root_of(key).unwrap_or(NONE)).collect();
    for (at, state) in states.iter().enumerate().filter(|(at, state)| seen[*at] && state.version != NONE) {
        let longest = &mut longest[store.names.key_of(state.version) as usize];
        if state.depth > states[*longest as usize].depth {
            *longest = at as u32;
        }
    }
    longest
}

impl Analysis for ListAnalysis<'_> {
    type Answers = Lists;
    type Reason = ListReason;

    fn store(&self) -> &Store<Lists> {
        self.store
    }

    fn happened(&self, txn: u32) -> bool {
        self.happened[txn as usize]
    }

    fn infers_order(&self) -> bool {
        self.has_inferred_reads
    }

    fn key_edges(&self, key: u32, sink: &mut impl Sink<ListReason>) {
        let versions = self.versions(key);
        // What did not happen has no place in the order.
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
        for (_, version, reader) in of_key(&self.stray, key, |(key, ..)| *key) {
            if let Some(writer) = Some(*version).filter(|version| *version != NONE).and_then(writer) {
                sink.edge(writer, *reader, Kind::Wr, ListReason { key, before: *version, after: NONE });
            }
        }
    }

    fn key_of(&self, reason: ListReason) -> u32 {
        reason.key
    }

    fn because(&self, kind: Kind, reason: ListReason, from: (u32, &str), to: (u32, &str)) -> String {
        let key = self.store.key_text(reason.key);
        let appended = |version: u32, txn: u32| match version {
            NONE => self.unread_append(reason.key, txn),
            version => self.store.names.value_text(version),
        };
        match kind {
            Kind::Wr => {
                let list = self.list_read(to.0, reason);
                let value = appended(reason.before, from.0);
                format!("{} read key {key} as {list}, and {} appended {value}", to.1, from.1)
            }
            Kind::Rw => {
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

    /// Two appends are in order for whoever read the first one: the second is behind it in that list, or came later.
    fn witness(&self, kind: Kind, reason: ListReason, known: &[u32]) -> Option<(u32, String)> {
        let version = Some(reason.before).filter(|version| kind == Kind::Ww && *version != NONE)?;
        let place_of = |version| self.versions(reason.key).iter().position(|other| *other == version);
        let from = place_of(version)? as u32 + 1;
        let readers = |from: u32| {
            (from..=self.versions(reason.key).len() as u32).flat_map(|place| self.readers(reason.key, place))
        };
        if readers(from).any(|reader| known.contains(reader)) {
            return None;
        }
        // A list that has both says most, and the shortest one says it best.
        let both = place_of(reason.after).map_or(from, |place| place as u32 + 1);
        let txn = *readers(both).next().or_else(|| readers(from).next())?;
        Some((txn, format!("read key {} as {}", self.store.key_text(reason.key), self.list_read(txn, reason))))
    }

    fn other_anomalies(&self, found: &mut Found) {
        find_anomalies(self, found);
    }
}

impl ListAnalysis<'_> {
    /// What the transaction read of the key where that shows the reason: the list whose last version that happened is
    /// the reason's.
    fn list_read(&self, txn: u32, reason: ListReason) -> String {
        let states = &self.store.answers.states;
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

    /// An element that the transaction appended to the key and nobody read.
    fn unread_append(&self, key: u32, txn: u32) -> String {
        let mut writes = self.store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Write && mop.key == key);
        let unread = writes.find(|mop| !self.is_read[mop.arg as usize]);
        unread.map_or_else(String::new, |mop| self.store.names.value_text(mop.arg))
    }
}
