//! Infers the version order of every key from the sources that are enabled.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::accesses::{Access, Registers};
use crate::entries::NONE;
use crate::json::Number;
use crate::txn::options::Options;
use crate::txn::search::cyclic_components;
use crate::txn::store::{NULL, Store};

/// Why one version is known to come before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::txn) enum OrderSource {
    /// Null comes before every other version.
    #[default]
    InitialState,
    /// The version that a transaction reads comes before the version that it writes.
    WritesFollowReads,
    /// No process sees a key go back to an earlier version.
    SequentialKeys,
    /// No key goes back to an earlier version in real time.
    LinearizableKeys,
    /// The history states the order of transactions.
    TransactionOrder,
}

impl OrderSource {
    /// The name of the source in results.
    pub(super) fn name(self) -> &'static str {
        match self {
            OrderSource::InitialState => "initial-state",
            OrderSource::WritesFollowReads => "wfr-keys",
            OrderSource::SequentialKeys => "sequential-keys",
            OrderSource::LinearizableKeys => "linearizable-keys",
            OrderSource::TransactionOrder => "transaction-order",
        }
    }
}

/// A version, a version that comes after it, and why.
pub(in crate::txn) type VersionEdge = (u32, u32, OrderSource);

/// A cycle of versions: the last of the sources contradicts the others on a key.
pub(super) struct Contradiction {
    pub(super) key: u32,
    pub(super) versions: Vec<u32>,
    pub(super) sources: Vec<OrderSource>,
}

/// What is known of the version order of every key.
pub(super) struct VersionOrder {
    /// The edges, key by key.
    edges: Vec<VersionEdge>,
    /// By key, the offset of its edges in `edges`.
    first: Vec<u32>,
    pub(super) contradictions: Vec<Contradiction>,
}

/// Infers the version order of every key.
pub(super) fn version_order(store: &Store<Registers>, accesses: &[Access], options: &Options) -> VersionOrder {
    let positions = Positions::new(store, options);
    let mut order = VersionOrder { edges: Vec::new(), first: vec![0], contradictions: Vec::new() };
    let mut rest = accesses;
    for key in 0..store.values.interner.len() as u32 {
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
    /// What is known of the version order of a key.
    pub(super) fn of_key(&self, key: u32) -> &[VersionEdge] {
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
        let mut sources: Vec<OrderSource> = Vec::new();
        let mut add = |source: OrderSource, edges: Vec<(u32, u32)>| {
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
        add(OrderSource::InitialState, initial(store, own));
        if options.wfr_keys {
            let both = own.iter().filter(|access| access.read != NONE && access.written != NONE);
            add(OrderSource::WritesFollowReads, both.map(|access| (access.read, access.written)).collect());
        }
        if options.sequential_keys {
            add(OrderSource::SequentialKeys, by_process(store, own, positions));
        }
        if options.linearizable_keys {
            add(OrderSource::LinearizableKeys, in_real_time(own, positions));
        }
        if let Some(order) = &options.transaction_order {
            add(OrderSource::TransactionOrder, in_given_order(store, own, order));
        }
        self.edges[begin..].sort_unstable();
        let mut kept = self.edges.split_off(begin);
        kept.dedup_by_key(|(from, to, _)| (*from, *to));
        self.edges.extend(kept);
    }
}

/// Null, if some transaction read it, before every other version. Versions that info transactions wrote count only if they
/// were read.
fn initial(store: &Store<Registers>, own: &[Access]) -> Vec<(u32, u32)> {
    let is_null = |version: u32| version != NONE && store.values.versions[version as usize].value == NULL;
    let Some(null) = own.iter().map(|access| access.read).find(|version| is_null(*version)) else { return Vec::new() };
    let mut versions: Vec<u32> =
        own.iter().flat_map(|access| [access.read, access.written]).filter(|version| *version != NONE).collect();
    versions.sort_unstable();
    versions.dedup();
    versions.into_iter().map(|version| (null, version)).collect()
}

/// By transaction, the positions of its beginning and its end among all events.
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

/// The last version that a process knew, before the first one that it knew in its next transaction.
fn by_process(store: &Store<Registers>, own: &[Access], positions: &Positions) -> Vec<(u32, u32)> {
    let mut in_order: Vec<&Access> = own.iter().collect();
    in_order.sort_by_key(|access| positions.ended[access.txn as usize]);
    let mut latest: FxHashMap<u64, u32> = FxHashMap::default();
    let step = |access: &Access| {
        let before = latest.insert(store.process(access.txn), access.last());
        before.map(|before| (before, access.first()))
    };
    in_order.into_iter().filter_map(step).collect()
}

/// The last version that a transaction knew, before the first one that a transaction knew which began after it. Of these
/// pairs of transactions, the transitive reduction suffices.
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
            edges.extend(latest.iter().map(|other| (own[*other].last(), own[at].first())));
            before[at].clone_from(&latest);
        }
    }
    edges
}

/// The version that a transaction wrote, before the version that the next transaction in the given order wrote.
fn in_given_order(store: &Store<Registers>, own: &[Access], order: &BTreeMap<u64, Number>) -> Vec<(u32, u32)> {
    let writes = own.iter().filter(|access| access.written != NONE);
    let mut ordered: Vec<(&Number, u32)> =
        writes.filter_map(|access| Some((order.get(&store.history_index(access.txn))?, access.written))).collect();
    ordered.sort_unstable();
    ordered.windows(2).filter(|pair| pair[0].0 < pair[1].0).map(|pair| (pair[0].1, pair[1].1)).collect()
}

/// The sets of versions that would each have to come before the others.
fn cyclic(edges: &[VersionEdge]) -> Vec<Vec<u32>> {
    let mut versions: Vec<u32> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    versions.sort_unstable();
    versions.dedup();
    let place = |version: u32| versions.partition_point(|other| *other < version) as u32;
    let places: Vec<(u32, u32)> = edges.iter().map(|(from, to, _)| (place(*from), place(*to))).collect();
    let versions_of = |members: Vec<u32>| members.into_iter().map(|member| versions[member as usize]).collect();
    let mut cycles: Vec<Vec<u32>> = cyclic_components(versions.len(), &places).into_iter().map(versions_of).collect();
    cycles.sort_unstable();
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_versions_do_not_overflow_the_stack() {
        let path = (1..200_000_u32).map(|version| (version - 1, version, OrderSource::WritesFollowReads));
        let mut edges: Vec<VersionEdge> = path.collect();
        assert_eq!(cyclic(&edges), [[0; 0]; 0]);
        edges.push((2, 1, OrderSource::SequentialKeys));
        edges.push((9, 7, OrderSource::SequentialKeys));
        assert_eq!(cyclic(&edges), [vec![1, 2], vec![7, 8, 9]]);
    }
}
