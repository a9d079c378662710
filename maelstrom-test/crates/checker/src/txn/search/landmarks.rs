//! Closing many edges by way of landmarks.
//!
//! Which of many edges can be closed to a cycle by the shortest path of other edges? If the paths back lead through one
//! transaction, two searches from that landmark tell the lengths of all of them at once; and without the landmark the
//! other edges often have no cycle left, so that few candidates remain to be looked at one by one.

use crate::txn::graph::Kind;
use crate::txn::search::components::Local;
use crate::txn::search::reachability::Ranks;

/// The candidate (source and first edge) that is closed by the shortest path of allowed kinds through some landmark, if
/// there is one. Edges at landmarks are blocked, and candidates dropped that have no path without them.
pub(in crate::txn) fn by_landmarks(
    graph: &Local,
    allowed: impl Fn(Kind) -> bool,
    candidates: &mut Vec<(u32, u32)>,
    blocked: &mut [bool],
) -> Option<(u32, u32)> {
    const LANDMARKS: usize = 16;
    const FEW: usize = if cfg!(test) { 1 } else { 128 };
    let mut reverse: Option<Reverse> = None;
    let mut best: Option<(u32, (u32, u32))> = None;
    for at in 0..=LANDMARKS {
        if candidates.is_empty() {
            break;
        }
        let allowed = |edge: usize| !blocked[edge] && allowed(graph.edges[edge].kind());
        let ranks = Ranks::new(graph, allowed);
        ranks.keep_closable(graph, candidates, allowed);
        let landmark = landmark(graph, &ranks, allowed).filter(|_| candidates.len() > FEW && at < LANDMARKS);
        let Some(landmark) = landmark else { break };
        let reverse = reverse.get_or_insert_with(|| Reverse::new(graph));
        let from = distances(graph, landmark, |node, visit| {
            graph.range(node).filter(|edge| allowed(*edge)).for_each(|edge| visit(graph.edges[edge].target()));
        });
        let to = distances(graph, landmark, |node, visit| {
            reverse
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
        let entering = reverse.entering(landmark).iter().map(|(edge, _)| *edge as usize);
        leaving.chain(entering).for_each(|edge| blocked[edge] = true);
    }
    best.map(|(_, candidate)| candidate)
}

/// Where a candidate's first edge leads.
fn starts(graph: &Local, source: u32, edge: u32) -> impl Iterator<Item = u32> + '_ {
    let target = graph.edges[edge as usize].target();
    let through = if graph.is_hub(target) { graph.range(target) } else { 0..0 };
    let direct = Some(target).filter(|target| !graph.is_hub(*target));
    direct.into_iter().chain(through.map(|at| graph.edges[at].target()).filter(move |start| *start != source))
}

/// The transaction to which the edge leads that goes back farthest, of those that are part of cycles.
fn landmark(graph: &Local, ranks: &Ranks, allowed: impl Fn(usize) -> bool) -> Option<u32> {
    let mut farthest: Option<(u32, u32)> = None;
    for node in 0..graph.vertices {
        for at in graph.range(node).filter(|at| allowed(*at)) {
            let target = graph.edges[at].target();
            if target < node && ranks.of[target as usize] == ranks.of[node as usize] {
                farthest = farthest.max(Some((node - target, target)));
            }
        }
    }
    farthest.map(|(_, target)| target)
}

/// The length of the shortest path to every node; paths through hubs are no longer for it.
fn distances(graph: &Local, start: u32, neighbours: impl Fn(u32, &mut dyn FnMut(u32))) -> Vec<Option<u32>> {
    let mut distance: Vec<Option<u32>> = vec![None; graph.nodes() as usize];
    distance[start as usize] = Some(0);
    let mut frontier = vec![start];
    let mut length = 0;
    while !frontier.is_empty() {
        length += 1;
        let mut next = Vec::new();
        let mut hubs = Vec::new();
        for node in frontier {
            neighbours(node, &mut |to| note(graph, &mut distance, to, length, &mut next, &mut hubs));
            while let Some(hub) = hubs.pop() {
                let mut nested = Vec::new();
                neighbours(hub, &mut |to| note(graph, &mut distance, to, length, &mut next, &mut nested));
            }
        }
        frontier = next;
    }
    distance
}

fn note(graph: &Local, distance: &mut [Option<u32>], to: u32, length: u32, next: &mut Vec<u32>, hubs: &mut Vec<u32>) {
    if distance[to as usize].is_none() {
        distance[to as usize] = Some(length);
        if graph.is_hub(to) { hubs.push(to) } else { next.push(to) }
    }
}

/// The edges that lead to each node.
struct Reverse {
    offsets: Vec<u32>,
    /// Each edge's place, and its source.
    edges: Vec<(u32, u32)>,
}

impl Reverse {
    fn new(graph: &Local) -> Reverse {
        let mut offsets = vec![0_u32; graph.nodes() as usize + 1];
        graph.edges.iter().for_each(|edge| offsets[edge.target() as usize + 1] += 1);
        for at in 0..graph.nodes() as usize {
            offsets[at + 1] += offsets[at];
        }
        let mut next = offsets.clone();
        let mut edges = vec![(0, 0); graph.edges.len()];
        for source in 0..graph.nodes() {
            for at in graph.range(source) {
                let next = &mut next[graph.edges[at].target() as usize];
                edges[*next as usize] = (at as u32, source);
                *next += 1;
            }
        }
        Reverse { offsets, edges }
    }

    fn entering(&self, node: u32) -> &[(u32, u32)] {
        &self.edges[self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize]
    }
}
