//! The kinds of cycles: which to search for, in which order, and their names.

use rustc_hash::FxHashMap;

use super::components::{Component, components};
use super::pattern::Pattern;
use super::walk::{Walk, shortest};
use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::graph::{EdgeKind, Graph, TransactionTimeline};
use crate::txn::promise::Promise;

/// A cycle of transactions: each precedes the next, and the last one the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DependencyCycle {
    /// The kind of cycle.
    pub(crate) anomaly: Anomaly,
    /// The transactions, each with the kind of the edge to the next one.
    pub(crate) steps: Vec<(u32, EdgeKind)>,
}

/// The cycles of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cycles {
    /// The number of strongly connected components with at least two transactions.
    pub(crate) components: usize,
    /// A shortest cycle of each kind in each component, unless another kind found there implies it.
    pub(crate) cycles: Vec<DependencyCycle>,
}

/// Searches every component for cycles of every kind.
pub(crate) fn find_cycles(graph: &Graph, timeline: &TransactionTimeline, promise: &Promise) -> Cycles {
    let components = components(graph, timeline);
    let mut found = Cycles { components: components.len(), cycles: Vec::new() };
    for component in &components {
        found.cycles.extend(cycles_of(component, promise));
    }
    found
}

/// The kinds of cycles without regard to process and real-time edges, from those that break the weakest models to those
/// that break only the strongest.
const FAMILIES: [CycleFamily; 5] =
    [CycleFamily::G0, CycleFamily::G1c, CycleFamily::Single, CycleFamily::Nonadjacent, CycleFamily::G2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CycleFamily {
    /// Write-write edges only.
    G0,
    /// No read-write edge.
    G1c,
    /// Exactly one read-write edge.
    Single,
    /// Several read-write edges, no two of them adjacent.
    Nonadjacent,
    /// Several read-write edges, some of them adjacent.
    G2,
}

impl CycleFamily {
    fn stem(self) -> &'static str {
        match self {
            CycleFamily::G0 => "G0",
            CycleFamily::G1c => "G1c",
            CycleFamily::Single => "G-single-item",
            CycleFamily::Nonadjacent => "G-nonadjacent-item",
            CycleFamily::G2 => "G2-item",
        }
    }

    /// The pattern of cycles of this family and of weaker ones. `order` is the set of the process or real-time kinds that
    /// they may have.
    fn pattern(self, order: u8) -> Pattern {
        let writes = EdgeKind::Ww.bit() | order;
        let data = writes | EdgeKind::Wr.bit();
        match self {
            CycleFamily::G0 => Pattern::any(writes),
            CycleFamily::G1c => Pattern::any(data),
            CycleFamily::Single => Pattern::one_rw(data),
            CycleFamily::Nonadjacent => Pattern::separate_rw(data),
            CycleFamily::G2 => Pattern::some_rw(data),
        }
    }
}

fn anomaly(family: CycleFamily, suffix: &str) -> Anomaly {
    Anomaly::named(&format!("{}{suffix}", family.stem())).expect("cycles have known names")
}

/// The kind of a cycle with these edges.
fn classify(edges: &[(u32, EdgeKind)]) -> Anomaly {
    let kinds = edges.iter().fold(0, |kinds, (_, kind)| kinds | kind.bit());
    let has = |kind: EdgeKind| kinds & kind.bit() != 0;
    let is_rw = |at: usize| edges[at % edges.len()].1 == EdgeKind::Rw;
    let family = match (0..edges.len()).filter(|at| is_rw(*at)).count() {
        0 if has(EdgeKind::Wr) => CycleFamily::G1c,
        0 => CycleFamily::G0,
        1 => CycleFamily::Single,
        _ if (0..edges.len()).any(|at| is_rw(at) && is_rw(at + 1)) => CycleFamily::G2,
        _ => CycleFamily::Nonadjacent,
    };
    let suffix = match (has(EdgeKind::Realtime), has(EdgeKind::Process)) {
        (true, _) => "-realtime",
        (false, true) => "-process",
        (false, false) => "",
    };
    anomaly(family, suffix)
}

/// The cycles of one component. An edge that has several kinds counts as one of the strongest kind. If that shows no
/// cycle that the promise proscribes, a second search tries the other kinds too: a read-write edge must not hide that the
/// two transactions were also ordered in real time.
fn cycles_of(component: &Component, promise: &Promise) -> Vec<DependencyCycle> {
    let proscribed = |cycle: &DependencyCycle| promise.proscribes(cycle.anomaly);
    let mut cycles = search_kinds(&component.strongest_only(), AnomalySet::all());
    if !cycles.iter().any(proscribed) {
        cycles.extend(search_kinds(component, promise.proscribed()).into_iter().filter(proscribed));
    }
    cycles
}

/// A shortest cycle of each wanted kind, except for kinds that another one implies.
fn search_kinds(component: &Component, wanted: AnomalySet) -> Vec<DependencyCycle> {
    let mut found: Vec<DependencyCycle> = Vec::new();
    let present = component.kinds();
    for (order, suffix) in [(None, ""), (Some(EdgeKind::Process), "-process"), (Some(EdgeKind::Realtime), "-realtime")]
    {
        let order = order.map_or(0, EdgeKind::bit);
        for family in FAMILIES.into_iter().filter(|_| order & present == order) {
            let kind = anomaly(family, suffix);
            let follows = found.iter().any(|cycle| cycle.anomaly != kind && cycle.anomaly.implies(kind));
            if follows || !wanted.contains(kind) {
                continue;
            }
            for mut steps in shortest(component, family.pattern(order)).map(simple_cycles).unwrap_or_default() {
                if wanted == AnomalySet::all() {
                    use_strongest_kinds(component, &mut steps);
                }
                let anomaly = classify(&steps);
                // With the strongest kinds it may be a cycle of a kind that an earlier search found, and a longer one.
                if found.iter().any(|cycle| cycle.anomaly != anomaly && cycle.anomaly.implies(anomaly)) {
                    continue;
                }
                keep_shortest(&mut found, DependencyCycle { anomaly, steps });
            }
        }
    }
    for cycle in &mut found {
        cycle.steps.iter_mut().for_each(|(node, _)| *node = component.member(*node));
    }
    found
}

/// Replaces kinds that stem from a path through a hub where a direct edge makes a stronger claim.
fn use_strongest_kinds(component: &Component, steps: &mut Walk) {
    let has_hubs = component.node_count() > component.vertices();
    for at in (0..steps.len()).filter(|_| has_hubs) {
        let (from, to) = (steps[at].0, steps[(at + 1) % steps.len()].0);
        steps[at].1 = component.strongest(from, to).unwrap_or(steps[at].1);
    }
}

fn keep_shortest(found: &mut Vec<DependencyCycle>, cycle: DependencyCycle) {
    match found.iter_mut().find(|other| other.anomaly == cycle.anomaly) {
        Some(other) if cycle.steps.len() < other.steps.len() => *other = cycle,
        Some(_) => {}
        None => found.push(cycle),
    }
}

/// Splits a closed walk into simple cycles, at each transaction that it visits twice.
fn simple_cycles(walk: Walk) -> Vec<Walk> {
    let mut cycles: Vec<Walk> = Vec::new();
    let mut path: Walk = Vec::new();
    let mut place_of: FxHashMap<u32, usize> = FxHashMap::default();
    let first = walk[0].0;
    for (at, (node, kind)) in walk.iter().enumerate() {
        place_of.insert(*node, path.len());
        path.push((*node, *kind));
        let next = walk.get(at + 1).map_or(first, |(node, _)| *node);
        if let Some(begin) = place_of.get(&next) {
            let cycle = path.split_off(*begin);
            cycle.iter().for_each(|(node, _)| _ = place_of.remove(node));
            cycles.push(cycle);
        }
    }
    cycles
}
