//! Shortest cycles through a landmark, for many candidates at once.
//!
//! A *landmark* is a transaction through which many paths lead. Two searches from it, one along the edges and one against
//! them, give the length of the shortest path through it back to every candidate's source:
//!
//! ```text
//!    source ──candidate──► target ──…──► landmark ──…──► source
//! ```
//!
//! Without the landmark, the remaining graph often has few cycles, so few candidates remain to be searched one by one.

use super::components::Component;
use super::reachability::Ranks;
use crate::txn::graph::EdgeKind;

/// The candidate (source and first edge) that the shortest path of allowed kinds through some landmark closes to a cycle.
/// Blocks the edges at landmarks, and drops candidates without a path that avoids them.
pub(super) fn shortest_by_landmarks(
    graph: &Component,
    allowed: impl Fn(EdgeKind) -> bool,
    candidates: &mut Vec<(u32, u32)>,
    blocked: &mut [bool],
) -> Option<(u32, u32)> {
    const LANDMARKS: usize = 16;
    const FEW: usize = if cfg!(test) { 1 } else { 128 };
    let mut incoming: Option<IncomingEdges> = None;
    let mut best: Option<(u32, (u32, u32))> = None;
    for at in 0..=LANDMARKS {
        if candidates.is_empty() {
            break;
        }
        let allowed = |edge: usize| !blocked[edge] && allowed(graph.edge(edge).kind());
        let ranks = Ranks::new(graph, allowed);
        ranks.keep_closable(graph, candidates, allowed);
        let landmark = landmark(graph, &ranks, allowed).filter(|_| candidates.len() > FEW && at < LANDMARKS);
        let Some(landmark) = landmark else { break };
        let incoming = incoming.get_or_insert_with(|| IncomingEdges::new(graph));
        let from = distances(graph, landmark, |node, visit| {
            graph.range(node).filter(|edge| allowed(*edge)).for_each(|edge| visit(graph.edge(edge).target()));
        });
        let to = distances(graph, landmark, |node, visit| {
            incoming
                .entering(node)
                .iter()
                .filter(|(edge, _)| allowed(*edge as usize))
                .for_each(|(_, source)| visit(*source));
        });
        let through = |(source, edge): &(u32, u32)| {
            let there = starts(graph, *source, *edge).filter_map(|start| to[start as usize]).min()?;
            Some((there + from[*source as usize]?, (*source, *edge)))
        };
        best = candidates.iter().filter_map(through).chain(best).min();
        let leaving = graph.range(landmark);
        let entering = incoming.entering(landmark).iter().map(|(edge, _)| *edge as usize);
        leaving.chain(entering).for_each(|edge| blocked[edge] = true);
    }
    best.map(|(_, candidate)| candidate)
}

/// The transactions to which a candidate's first edge leads.
fn starts(graph: &Component, source: u32, edge: u32) -> impl Iterator<Item = u32> + '_ {
    let target = graph.edge(edge as usize).target();
    let through = if graph.is_hub(target) { graph.range(target) } else { 0..0 };
    let direct = Some(target).filter(|target| !graph.is_hub(*target));
    direct.into_iter().chain(through.map(|at| graph.edge(at).target()).filter(move |start| *start != source))
}

/// The target of the edge that leads back the farthest, among the edges that are part of cycles.
fn landmark(graph: &Component, ranks: &Ranks, allowed: impl Fn(usize) -> bool) -> Option<u32> {
    let mut farthest: Option<(u32, u32)> = None;
    for node in 0..graph.vertices() {
        for at in graph.range(node).filter(|at| allowed(*at)) {
            let target = graph.edge(at).target();
            if target < node && ranks.rank(target) == ranks.rank(node) {
                farthest = farthest.max(Some((node - target, target)));
            }
        }
    }
    farthest.map(|(_, target)| target)
}

/// By node, the length of the shortest path to it. A path through a hub counts as one edge.
fn distances(graph: &Component, start: u32, neighbours: impl Fn(u32, &mut dyn FnMut(u32))) -> Vec<Option<u32>> {
    let mut distance: Vec<Option<u32>> = vec![None; graph.node_count() as usize];
    distance[start as usize] = Some(0);
    let mut frontier = vec![start];
    let mut length = 0;
    while !frontier.is_empty() {
        length += 1;
        let mut next = Vec::new();
        let mut hubs = Vec::new();
        for node in frontier {
            neighbours(node, &mut |to| reach(graph, &mut distance, to, length, &mut next, &mut hubs));
            while let Some(hub) = hubs.pop() {
                let mut nested = Vec::new();
                neighbours(hub, &mut |to| reach(graph, &mut distance, to, length, &mut next, &mut nested));
            }
        }
        frontier = next;
    }
    distance
}

/// Records the distance of a node that is reached for the first time.
fn reach(
    graph: &Component,
    distance: &mut [Option<u32>],
    to: u32,
    length: u32,
    next: &mut Vec<u32>,
    hubs: &mut Vec<u32>,
) {
    if distance[to as usize].is_none() {
        distance[to as usize] = Some(length);
        if graph.is_hub(to) { hubs.push(to) } else { next.push(to) }
    }
}

/// The edges that lead to each node, in compressed form.
struct IncomingEdges {
    offsets: Vec<u32>,
    /// By node that they lead to, the place of each edge and its source.
    edges: Vec<(u32, u32)>,
}

impl IncomingEdges {
    fn new(graph: &Component) -> IncomingEdges {
        let mut offsets = vec![0_u32; graph.node_count() as usize + 1];
        graph.edges().iter().for_each(|edge| offsets[edge.target() as usize + 1] += 1);
        for at in 0..graph.node_count() as usize {
            offsets[at + 1] += offsets[at];
        }
        let mut next = offsets.clone();
        let mut edges = vec![(0, 0); graph.edges().len()];
        for source in 0..graph.node_count() {
            for at in graph.range(source) {
                let next = &mut next[graph.edge(at).target() as usize];
                edges[*next as usize] = (at as u32, source);
                *next += 1;
            }
        }
        IncomingEdges { offsets, edges }
    }

    fn entering(&self, node: u32) -> &[(u32, u32)] {
        &self.edges[self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize]
    }
}
