//! Cycles of dependencies, their names, and which of them a history has.

use rustc_hash::FxHashMap;

use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::graph::{Graph, Kind, Timeline};
use crate::txn::promise::Promise;
use crate::txn::search::components::{Local, components};
use crate::txn::search::walk::{Pattern, Walk, shortest};

/// A cycle: each transaction precedes the next, for a reason of that kind, and the last one the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// Its name.
    pub(crate) anomaly: Anomaly,
    /// The transactions, each with the kind of the edge that leaves it.
    pub(crate) steps: Vec<(u32, Kind)>,
}

/// The cycles of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cycles {
    /// How many strongly connected components of two transactions or more there are.
    pub(crate) components: usize,
    /// At most one cycle of each kind per component, a shortest one.
    pub(crate) cycles: Vec<Cycle>,
}

/// Looks for cycles of every kind in every component.
pub(crate) fn find_cycles(graph: &Graph, timeline: &Timeline, promise: &Promise) -> Cycles {
    let components = components(graph, timeline);
    let mut found = Cycles { components: components.len(), cycles: Vec::new() };
    for component in &components {
        found.cycles.extend(cycles_of(component, promise));
    }
    found
}

/// The names of cycles without regard to order in time, from the weakest models that they break to the strongest.
const FAMILIES: [Family; 5] = [Family::G0, Family::G1c, Family::Single, Family::Nonadjacent, Family::G2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Write-write edges only.
    G0,
    /// No read-write edge.
    G1c,
    /// One read-write edge.
    Single,
    /// Several read-write edges, never two in a row.
    Nonadjacent,
    /// Several read-write edges, some in a row.
    G2,
}

impl Family {
    fn stem(self) -> &'static str {
        match self {
            Family::G0 => "G0",
            Family::G1c => "G1c",
            Family::Single => "G-single-item",
            Family::Nonadjacent => "G-nonadjacent-item",
            Family::G2 => "G2-item",
        }
    }

    /// A cycle of this family or a weaker one, with edges of these kinds besides write-read and write-write ones.
    fn pattern(self, order: u8) -> Pattern {
        let writes = Kind::Ww.bit() | order;
        let data = writes | Kind::Wr.bit();
        match self {
            Family::G0 => Pattern::any(writes),
            Family::G1c => Pattern::any(data),
            Family::Single => Pattern::one_rw(data),
            Family::Nonadjacent => Pattern::separate_rw(data),
            Family::G2 => Pattern::some_rw(data),
        }
    }
}

fn anomaly(family: Family, suffix: &str) -> Anomaly {
    Anomaly::named(&format!("{}{suffix}", family.stem())).expect("cycles have known names")
}

/// The name of a cycle with these edges.
fn name(edges: &[(u32, Kind)]) -> Anomaly {
    let kinds = edges.iter().fold(0, |kinds, (_, kind)| kinds | kind.bit());
    let has = |kind: Kind| kinds & kind.bit() != 0;
    let is_rw = |at: usize| edges[at % edges.len()].1 == Kind::Rw;
    let family = match (0..edges.len()).filter(|at| is_rw(*at)).count() {
        0 if has(Kind::Wr) => Family::G1c,
        0 => Family::G0,
        1 => Family::Single,
        _ if (0..edges.len()).any(|at| is_rw(at) && is_rw(at + 1)) => Family::G2,
        _ => Family::Nonadjacent,
    };
    let suffix = match (has(Kind::Realtime), has(Kind::Process)) {
        (true, _) => "-realtime",
        (false, true) => "-process",
        (false, false) => "",
    };
    anomaly(family, suffix)
}

/// The cycles of one component. An edge that has several kinds counts as the strongest. Only where that shows nothing
/// that the promise rules out are the other kinds tried as well: a read-write dependency must not hide that the two
/// transactions were ordered in real time too.
fn cycles_of(component: &Local, promise: &Promise) -> Vec<Cycle> {
    let proscribed = |cycle: &Cycle| promise.proscribes(cycle.anomaly);
    let mut cycles = search_kinds(&component.strongest_only(), AnomalySet::all());
    if !cycles.iter().any(proscribed) {
        cycles.extend(search_kinds(component, promise.proscribed()).into_iter().filter(proscribed));
    }
    cycles
}

/// A shortest cycle of each wanted kind, from the weakest to the strongest, without those that follow from another.
fn search_kinds(component: &Local, wanted: AnomalySet) -> Vec<Cycle> {
    let mut found: Vec<Cycle> = Vec::new();
    let present = component.kinds();
    for (order, suffix) in [(None, ""), (Some(Kind::Process), "-process"), (Some(Kind::Realtime), "-realtime")] {
        let order = order.map_or(0, Kind::bit);
        for family in FAMILIES.into_iter().filter(|_| order & present == order) {
            let kind = anomaly(family, suffix);
            let follows = found.iter().any(|cycle| cycle.anomaly != kind && cycle.anomaly.implies(kind));
            if follows || !wanted.contains(kind) {
                continue;
            }
            for mut steps in shortest(component, family.pattern(order)).map(simple_cycles).unwrap_or_default() {
                if wanted == AnomalySet::all() {
                    claim_the_strongest(component, &mut steps);
                }
                let anomaly = name(&steps);
                // With the strongest claims it may turn out to be what an earlier search has found already, and shorter.
                if found.iter().any(|cycle| cycle.anomaly != anomaly && cycle.anomaly.implies(anomaly)) {
                    continue;
                }
                keep_shortest(&mut found, Cycle { anomaly, steps });
            }
        }
    }
    for cycle in &mut found {
        cycle.steps.iter_mut().for_each(|(node, _)| *node = component.members[*node as usize]);
    }
    found
}

/// A path through a hub may stand for an edge for which there is a stronger claim.
fn claim_the_strongest(component: &Local, steps: &mut Walk) {
    let has_hubs = component.nodes() > component.vertices;
    for at in (0..steps.len()).filter(|_| has_hubs) {
        let (from, to) = (steps[at].0, steps[(at + 1) % steps.len()].0);
        steps[at].1 = component.strongest(from, to).unwrap_or(steps[at].1);
    }
}

fn keep_shortest(found: &mut Vec<Cycle>, cycle: Cycle) {
    match found.iter_mut().find(|other| other.anomaly == cycle.anomaly) {
        Some(other) if cycle.steps.len() < other.steps.len() => *other = cycle,
        Some(_) => {}
        None => found.push(cycle),
    }
}

/// Splits a closed walk where it returns to a transaction.
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
