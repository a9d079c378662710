//! Registers: every key's versions, in an order that must be inferred.
//!
//! A read of a register shows one value, not those before it. What is known of the order of a key's values comes from
//! several *sources*, each of which is an assumption about the system, or about how it is used. Where a source
//! contradicts the others on some key, it is reported and not believed for that key.

use std::collections::BTreeMap;

use crate::json::{Number, Value};
use rustc_hash::FxHashMap;

use crate::entries::NONE;
use crate::txn::Options;
use crate::txn::search::tarjan::{Digraph, Step, strong_components};
use crate::txn::store::{Answers, MopKind, NULL, Names, PerKey, Store};

/// Answers of register reads: a version each.
#[derive(Default)]
pub(in crate::txn) struct Registers;

impl Answers for Registers {
    const WRITE: &'static str = "w";
    const NULL_IS_INITIAL: bool = true;

    fn number(&mut self, key: u32, answer: &Value, names: &mut Names) -> Option<u32> {
        let value = names.interner.id(answer);
        Some(names.version(key, value))
    }

    fn answer(&self, number: u32, names: &Names) -> Value {
        names.value_json(number)
    }
}

/// What a transaction shows of a key to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::txn) struct Access {
    pub(in crate::txn) key: u32,
    pub(in crate::txn) txn: u32,
    /// The version that it read before it wrote the key; [`NONE`] if it did not.
    pub(in crate::txn) read: u32,
    /// The version that it wrote last; [`NONE`] if it did not.
    pub(in crate::txn) written: u32,
}

impl Access {
    /// The version that it found.
    fn found(&self) -> u32 {
        if self.read == NONE { self.written } else { self.read }
    }

    /// The version that it left.
    fn left(&self) -> u32 {
        if self.written == NONE { self.read } else { self.written }
    }
}

/// The external reads and writes of the ok transactions, in the order of transactions within each key.
pub(in crate::txn) fn accesses(store: &Store<Registers>) -> Vec<Access> {
    let mut accesses: Vec<Access> = Vec::new();
    let mut place_of = PerKey::new(store);
    for txn in store.oks() {
        for mop in store.mops(txn).iter().filter(|mop| !store.is_ambiguous(mop.key)) {
            let place = place_of.get(mop.key, txn).unwrap_or(accesses.len() as u32);
            if place_of.set(mop.key, txn, place).is_none() {
                let read = if mop.kind == MopKind::Read { mop.arg } else { NONE };
                accesses.push(Access { key: mop.key, txn, read, written: NONE });
            }
            if mop.kind == MopKind::Write {
                accesses[place as usize].written = mop.arg;
            }
        }
    }
    accesses.sort_by_key(|access| access.key);
    accesses
}

/// Why one value is known to come before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::txn) enum Source {
    /// Null comes before every other value.
    #[default]
    InitialState,
    /// What a transaction reads comes before what it writes.
    WritesFollowReads,
    /// A process never goes back.
    SequentialKeys,
    /// Nobody goes back in real time.
    LinearizableKeys,
    /// The order of transactions is given.
    TransactionOrder,
}

impl Source {
    /// Its name in results.
    pub(in crate::txn) fn name(self) -> &'static str {
        match self {
            Source::InitialState => "initial-state",
            Source::WritesFollowReads => "wfr-keys",
            Source::SequentialKeys => "sequential-keys",
            Source::LinearizableKeys => "linearizable-keys",
            Source::TransactionOrder => "transaction-order",
        }
    }
}

/// A version and one that is known to come after it.
pub(in crate::txn) type VersionEdge = (u32, u32, Source);

/// A source that contradicts others on a key: each of the versions would have to come before the others.
pub(in crate::txn) struct Contradiction {
    pub(in crate::txn) key: u32,
    pub(in crate::txn) versions: Vec<u32>,
    pub(in crate::txn) sources: Vec<Source>,
}

/// All that is known of the order of versions.
pub(in crate::txn) struct VersionOrder {
    /// By key.
    pub(in crate::txn) edges: Vec<VersionEdge>,
    /// By key, where its edges begin.
    pub(in crate::txn) first: Vec<u32>,
    pub(in crate::txn) contradictions: Vec<Contradiction>,
}

/// Infers the order of every key's versions from the sources that are enabled.
pub(in crate::txn) fn version_order(store: &Store<Registers>, accesses: &[Access], options: &Options) -> VersionOrder {
    let positions = Positions::new(store, options);
    let mut order = VersionOrder { edges: Vec::new(), first: vec![0], contradictions: Vec::new() };
    let mut rest = accesses;
    for key in 0..store.names.interner.len() as u32 {
        let (own, others) = rest.split_at(rest.partition_point(|access| access.key == key));
        rest = others;
        if !own.is_empty() {
            order.add_key(store, key, own, options, &positions);
        }
        order.first.push(order.edges.len() as u32);
    }
    order
}

impl VersionOrder {
    pub(in crate::txn) fn of_key(&self, key: u32) -> &[VersionEdge] {
        &self.edges[self.first[key as usize] as usize..self.first[key as usize + 1] as usize]
    }

    fn add_key(
        &mut self,
        store: &Store<Registers>,
        key: u32,
        own: &[Access],
        options: &Options,
        positions: &Positions,
    ) {
        let begin = self.edges.len();
        let mut sources: Vec<Source> = Vec::new();
        let mut add = |source: Source, edges: Vec<(u32, u32)>| {
            sources.push(source);
            let end = self.edges.len();
            self.edges.extend(edges.into_iter().filter(|(from, to)| from != to).map(|(from, to)| (from, to, source)));
            if self.edges.len() == end {
                return;
            }
            let cycles = cyclic(&self.edges[begin..]);
            if !cycles.is_empty() {
                self.edges.truncate(end);
            }
            for versions in cycles {
                self.contradictions.push(Contradiction { key, versions, sources: sources.clone() });
            }
        };
        add(Source::InitialState, initial(store, own));
        if options.wfr_keys {
            let both = own.iter().filter(|access| access.read != NONE && access.written != NONE);
            add(Source::WritesFollowReads, both.map(|access| (access.read, access.written)).collect());
        }
        if options.sequential_keys {
            add(Source::SequentialKeys, by_process(store, own, positions));
        }
        if options.linearizable_keys {
            add(Source::LinearizableKeys, in_real_time(own, positions));
        }
        if let Some(order) = &options.transaction_order {
            add(Source::TransactionOrder, in_given_order(store, own, order));
        }
        self.edges[begin..].sort_unstable();
        let mut kept = self.edges.split_off(begin);
        kept.dedup_by_key(|(from, to, _)| (*from, *to));
        self.edges.extend(kept);
    }
}

/// Null, if some transaction read it, before every other value. Values of info transactions count once they are read.
fn initial(store: &Store<Registers>, own: &[Access]) -> Vec<(u32, u32)> {
    let is_null = |version: u32| version != NONE && store.names.versions[version as usize].value == NULL;
    let Some(null) = own.iter().map(|access| access.read).find(|version| is_null(*version)) else { return Vec::new() };
    let mut versions: Vec<u32> =
        own.iter().flat_map(|access| [access.read, access.written]).filter(|version| *version != NONE).collect();
    versions.sort_unstable();
    versions.dedup();
    versions.into_iter().map(|version| (null, version)).collect()
}

/// When each transaction began and ended, as positions among all events.
struct Positions {
    began: Vec<u32>,
    ended: Vec<u32>,
}

impl Positions {
    fn new(store: &Store<Registers>, options: &Options) -> Positions {
        let count = if options.sequential_keys || options.linearizable_keys { store.txns.len() } else { 0 };
        let mut positions = Positions { began: vec![NONE; count], ended: vec![NONE; count] };
        if count > 0 {
            for (at, event) in store.events().into_iter().enumerate() {
                let list = if event & 1 == 0 { &mut positions.began } else { &mut positions.ended };
                list[(event >> 1) as usize] = at as u32;
            }
        }
        positions
    }
}

/// What a process left, before what it found next.
fn by_process(store: &Store<Registers>, own: &[Access], positions: &Positions) -> Vec<(u32, u32)> {
    let mut in_order: Vec<&Access> = own.iter().collect();
    in_order.sort_by_key(|access| positions.ended[access.txn as usize]);
    let mut latest: FxHashMap<u64, u32> = FxHashMap::default();
    let step = |access: &Access| {
        let before = latest.insert(store.process(access.txn), access.left());
        before.map(|before| (before, access.found()))
    };
    in_order.into_iter().filter_map(step).collect()
}

/// What a transaction left, before what another found that began later: the transitive reduction, as in the graph of
/// transactions.
fn in_real_time(own: &[Access], positions: &Positions) -> Vec<(u32, u32)> {
    let mut events: Vec<(u32, usize, bool)> = Vec::with_capacity(2 * own.len());
    for (at, access) in own.iter().enumerate() {
        let txn = access.txn as usize;
        events.extend(Some(positions.began[txn]).filter(|began| *began != NONE).map(|began| (began, at, false)));
        events.push((positions.ended[txn], at, true));
    }
    events.sort_unstable();
    let mut latest: Vec<usize> = Vec::new();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); own.len()];
    let mut edges = Vec::new();
    for (_, at, is_end) in events {
        if is_end {
            let preceding = std::mem::take(&mut before[at]);
            latest.retain(|other| !preceding.contains(other));
            latest.push(at);
        } else {
            edges.extend(latest.iter().map(|other| (own[*other].left(), own[at].found())));
            before[at].clone_from(&latest);
        }
    }
    edges
}

/// What a transaction wrote, before what the next one in the given order wrote.
fn in_given_order(store: &Store<Registers>, own: &[Access], order: &BTreeMap<u64, Number>) -> Vec<(u32, u32)> {
    let writes = own.iter().filter(|access| access.written != NONE);
    let mut ordered: Vec<(&Number, u32)> =
        writes.filter_map(|access| Some((order.get(&store.label(access.txn))?, access.written))).collect();
    ordered.sort_unstable();
    ordered.windows(2).filter(|pair| pair[0].0 < pair[1].0).map(|pair| (pair[0].1, pair[1].1)).collect()
}

/// A graph of some versions.
struct VersionGraph {
    versions: Vec<u32>,
    successors: Vec<Vec<u32>>,
}

impl Digraph for VersionGraph {
    fn len(&self) -> usize {
        self.versions.len()
    }

    fn successor(&self, node: u32, place: u32) -> Step {
        self.successors[node as usize].get(place as usize).map_or(Step::End, |next| Step::To(*next))
    }
}

/// The sets of versions that each would have to come before the others.
fn cyclic(edges: &[VersionEdge]) -> Vec<Vec<u32>> {
    let mut versions: Vec<u32> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    versions.sort_unstable();
    versions.dedup();
    let place = |version: u32| versions.partition_point(|other| *other < version) as u32;
    let mut successors: Vec<Vec<u32>> = vec![Vec::new(); versions.len()];
    for (from, to, _) in edges {
        successors[place(*from) as usize].push(place(*to));
    }
    let graph = VersionGraph { versions, successors };
    let number = strong_components(&graph);
    let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (node, number) in number.iter().enumerate() {
        members.entry(*number).or_default().push(graph.versions[node]);
    }
    let mut cycles: Vec<Vec<u32>> = members.into_values().filter(|versions| versions.len() > 1).collect();
    cycles.sort_unstable();
    cycles
}
