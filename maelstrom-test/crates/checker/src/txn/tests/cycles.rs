//! The search for cycles against the enumeration of all cycles of tiny graphs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::test_cases::cases;
use crate::txn::Promise;
use crate::txn::graph::{Dependencies, EdgeKind, EdgeSink, Graph, TransactionTimeline};
use crate::txn::promise::OrderInUse;
use crate::txn::search::{DependencyCycle, find_cycles};

#[derive(Clone, Debug)]
struct Tiny {
    vertices: u32,
    edges: Vec<(u32, u32, EdgeKind)>,
    /// Each of the first precedes each of the second, through a hub.
    groups: Vec<(Vec<u32>, Vec<u32>, EdgeKind)>,
    /// Every transaction's beginning and end, in order.
    events: Vec<u32>,
}

impl Dependencies for Tiny {
    type Reason = ();

    fn for_each(&self, sink: &mut impl EdgeSink<()>) {
        self.edges.iter().for_each(|(from, to, kind)| sink.edge(*from, *to, *kind, ()));
        self.groups.iter().for_each(|(from, to, kind)| sink.all_pairs(from, to, *kind, ()));
    }
}

fn tiny() -> impl Strategy<Value = Tiny> {
    const MOST: u32 = 6;
    let kind = prop_oneof![Just(EdgeKind::Ww), Just(EdgeKind::Wr), Just(EdgeKind::Rw), Just(EdgeKind::Rw)];
    let edges = prop::collection::vec((0..MOST, 0..MOST, kind.clone()), 0..12);
    let some = || prop::collection::btree_set(0..MOST, 2..5).prop_map(|some| some.into_iter().collect());
    let groups = prop::collection::vec((some(), some(), kind), 0..2);
    let times = prop::collection::vec((0..40_u32, 1..12_u32), MOST as usize);
    (edges, groups, times).prop_map(|(edges, groups, times)| {
        let mut events: Vec<(u32, u32)> = Vec::new();
        for (txn, (began, duration)) in times.iter().enumerate() {
            events.extend([(*began, txn as u32 * 2), (began + duration, txn as u32 * 2 + 1)]);
        }
        events.sort_unstable();
        Tiny { vertices: MOST, edges, groups, events: events.into_iter().map(|(_, event)| event).collect() }
    })
}

impl Tiny {
    fn timeline(&self, promise: &Promise) -> TransactionTimeline {
        let used = promise.order_in_use() == OrderInUse::Realtime;
        TransactionTimeline { events: if used { self.events.clone() } else { Vec::new() } }
    }

    /// All kinds of edges between each two transactions, real time without any reduction.
    fn kinds(&self, timeline: &TransactionTimeline) -> BTreeMap<(u32, u32), Vec<EdgeKind>> {
        let mut kinds: BTreeMap<(u32, u32), Vec<EdgeKind>> = BTreeMap::new();
        for (from, to, kind) in self.edges.iter().filter(|(from, to, _)| from != to) {
            kinds.entry((*from, *to)).or_default().push(*kind);
        }
        for (from, to, kind) in &self.groups {
            for pair in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))).filter(|(a, b)| a != b) {
                kinds.entry(pair).or_default().push(*kind);
            }
        }
        let place = |event: u32| timeline.events.iter().position(|other| *other == event);
        for from in 0..self.vertices {
            for to in (0..self.vertices).filter(|to| *to != from) {
                if place(from * 2 + 1).is_some() && place(from * 2 + 1) < place(to * 2) {
                    kinds.entry((from, to)).or_default().push(EdgeKind::Realtime);
                }
            }
        }
        kinds
    }

    /// Every simple cycle with every choice of kinds.
    fn all_cycles(&self, timeline: &TransactionTimeline) -> Vec<Vec<(u32, EdgeKind)>> {
        let kinds = self.kinds(timeline);
        let mut cycles = Vec::new();
        for first in 0..self.vertices {
            extend(&kinds, first, first, &mut Vec::new(), &mut cycles);
        }
        cycles
    }
}

/// Paths over transactions above the first one, closed where they return to it.
fn extend(
    kinds: &BTreeMap<(u32, u32), Vec<EdgeKind>>,
    first: u32,
    at: u32,
    path: &mut Vec<(u32, EdgeKind)>,
    cycles: &mut Vec<Vec<(u32, EdgeKind)>>,
) {
    for ((_, next), choices) in kinds.range((at, first)..(at + 1, 0)) {
        if path.iter().any(|(vertex, _)| vertex == next && *next != first) {
            continue;
        }
        for kind in choices {
            path.push((at, *kind));
            if *next == first {
                cycles.push(path.clone());
            } else {
                extend(kinds, first, *next, path, cycles);
            }
            path.pop();
        }
    }
}

fn name(cycle: &[(u32, EdgeKind)]) -> String {
    let kinds: String = cycle.iter().map(|(_, kind)| if *kind == EdgeKind::Rw { 'a' } else { '.' }).collect();
    let is_in = |kind: EdgeKind| cycle.iter().any(|(_, other)| *other == kind);
    let stem = match kinds.matches('a').count() {
        0 if !is_in(EdgeKind::Wr) => "G0",
        0 => "G1c",
        1 => "G-single-item",
        _ if format!("{kinds}{kinds}").contains("aa") => "G2-item",
        _ => "G-nonadjacent-item",
    };
    format!("{stem}{}", if is_in(EdgeKind::Realtime) { "-realtime" } else { "" })
}

fn anomaly(cycle: &[(u32, EdgeKind)]) -> crate::txn::Anomaly {
    crate::txn::Anomaly::named(&name(cycle)).unwrap()
}

fn is_cycle_of(
    kinds: &BTreeMap<(u32, u32), Vec<EdgeKind>>,
    DependencyCycle { steps, anomaly: named }: &DependencyCycle,
) -> bool {
    let mut vertices: Vec<u32> = steps.iter().map(|(vertex, _)| *vertex).collect();
    let edge = |at: usize| (steps[at].0, steps[(at + 1) % steps.len()].0);
    let exists = (0..steps.len()).all(|at| kinds.get(&edge(at)).is_some_and(|kinds| kinds.contains(&steps[at].1)));
    vertices.sort_unstable();
    vertices.dedup();
    exists && vertices.len() == steps.len() && anomaly(steps) == *named
}

const PROMISES: [&str; 9] = [
    "read-uncommitted",
    "read-committed",
    "consistent-view",
    "snapshot-isolation",
    "repeatable-read",
    "serializable",
    "strong-read-committed",
    "strong-snapshot-isolation",
    "strict-serializable",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(3000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_promise_is_broken_exactly_if_some_cycle_breaks_it(tiny in tiny()) {
        for promise in PROMISES {
            let promise: Promise = promise.parse().unwrap();
            let timeline = tiny.timeline(&promise);
            let found = find_cycles(&Graph::new(tiny.vertices, &tiny), &timeline, &promise);
            let kinds = tiny.kinds(&timeline);
            for cycle in &found.cycles {
                prop_assert!(is_cycle_of(&kinds, cycle), "{cycle:?}");
            }
            let is_broken = found.cycles.iter().any(|cycle| promise.proscribes(cycle.anomaly));
            let all = tiny.all_cycles(&timeline);
            prop_assert_eq!(is_broken, all.iter().any(|cycle| promise.proscribes(anomaly(cycle))), "{:?}", promise);
        }
    }

    #[test]
    fn cycles_of_data_are_as_short_as_possible(tiny in tiny()) {
        let promise: Promise = "serializable".parse().unwrap();
        let found = find_cycles(&Graph::new(tiny.vertices, &tiny), &TransactionTimeline::default(), &promise);
        let strongest = |cycle: &&Vec<(u32, EdgeKind)>| {
            let kinds = tiny.kinds(&TransactionTimeline::default());
            (0..cycle.len()).all(|at| kinds[&(cycle[at].0, cycle[(at + 1) % cycle.len()].0)].iter().min() == Some(&cycle[at].1))
        };
        let all = tiny.all_cycles(&TransactionTimeline::default());
        let all: Vec<&Vec<(u32, EdgeKind)>> = all.iter().filter(strongest).collect();
        for cycle in &found.cycles {
            let same_kind = all.iter().filter(|other| anomaly(other) == cycle.anomaly);
            prop_assert_eq!(same_kind.map(|other| other.len()).min().map(|least| least <= cycle.steps.len()), Some(true));
        }
        // Per component only one of each kind is reported, unless another kind implies it.
        for kind in found.cycles.iter().filter(|_| found.components == 1).map(|cycle| cycle.anomaly) {
            let least = all.iter().filter(|other| anomaly(other) == kind).map(|other| other.len()).min();
            let reported = found.cycles.iter().filter(|c| c.anomaly == kind).map(|c| c.steps.len()).min();
            prop_assert_eq!(reported, least);
        }
    }
}

/// A ring of write-read edges closed by one read-write edge, with write skews all along it.
struct LongRing(u32);

impl Dependencies for LongRing {
    type Reason = ();

    fn for_each(&self, sink: &mut impl EdgeSink<()>) {
        for at in 0..self.0 - 1 {
            sink.edge(at, at + 1, EdgeKind::Wr, ());
            sink.edge(at + 1, at, EdgeKind::Rw, ());
        }
        sink.edge(self.0 - 1, 0, EdgeKind::Rw, ());
    }
}

#[test]
fn the_shortest_of_many_cycles_is_found_in_a_large_component() {
    let graph = Graph::new(20_000, &LongRing(20_000));
    let found = find_cycles(&graph, &TransactionTimeline::default(), &"serializable".parse().unwrap());
    assert_eq!(found.components, 1);
    assert_eq!(found.cycles.len(), 1);
    assert_eq!(found.cycles[0].anomaly.name(), "G-single-item");
    assert_eq!(found.cycles[0].steps.len(), 2);
}

/// One long cycle whose only read-write edges, but for one, are in pairs.
struct HiddenSingle(u32);

impl Dependencies for HiddenSingle {
    type Reason = ();

    fn for_each(&self, sink: &mut impl EdgeSink<()>) {
        let last = self.0 - 1;
        for at in 0..last {
            sink.edge(at, at + 1, EdgeKind::Wr, ());
        }
        sink.edge(last, 0, EdgeKind::Rw, ());
        // Shortcuts that are no use to a walk with one read-write edge.
        for at in 0..last - 1 {
            sink.edge(at, at + 2, EdgeKind::Rw, ());
        }
    }
}

#[test]
fn a_cycle_of_a_thousand_transactions_is_found_among_shorter_ones_of_other_kinds() {
    let graph = Graph::new(1_000, &HiddenSingle(1_000));
    let found = find_cycles(&graph, &TransactionTimeline::default(), &"snapshot-isolation".parse().unwrap());
    let kinds: Vec<(&str, usize)> = found.cycles.iter().map(|c| (c.anomaly.name(), c.steps.len())).collect();
    assert_eq!(kinds, [("G-single-item", 1_000)]);
}

/// Everybody precedes everybody else in two groups, which takes a hub.
struct Crowd(u32);

impl Dependencies for Crowd {
    type Reason = ();

    fn for_each(&self, sink: &mut impl EdgeSink<()>) {
        let readers: Vec<u32> = (0..self.0).collect();
        let writers: Vec<u32> = (self.0..2 * self.0).collect();
        sink.all_pairs(&readers, &writers, EdgeKind::Rw, ());
        sink.edge(2 * self.0 - 1, 0, EdgeKind::Wr, ());
    }
}

#[test]
fn paths_lead_through_hubs() {
    for size in [3, 100] {
        let graph = Graph::new(2 * size, &Crowd(size));
        let found = find_cycles(&graph, &TransactionTimeline::default(), &"serializable".parse().unwrap());
        assert_eq!(found.components, 1);
        assert_eq!(found.cycles[0].steps, [(0, EdgeKind::Rw), (2 * size - 1, EdgeKind::Wr)], "{size}");
    }
}
