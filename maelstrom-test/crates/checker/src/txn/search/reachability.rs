//! Which edges can be closed to a cycle by a path of allowed edges, for 64 edges at a time.
//!
//! The components of the allowed edges are ranked in topological order. One sweep over the ranks then propagates 64 bits,
//! one for each candidate, from the targets of the candidates to everything that they lead to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::components::Component;
use super::tarjan::{Digraph, Successor, strong_components};

/// A component with only the allowed edges, which are given by their places.
struct Subgraph<'a, F> {
    graph: &'a Component,
    allowed: F,
}

impl<F: Fn(usize) -> bool> Digraph for Subgraph<'_, F> {
    fn len(&self) -> usize {
        self.graph.node_count() as usize
    }

    fn successor(&self, node: u32, place: u32) -> Successor {
        let range = self.graph.range(node);
        let at = range.start + place as usize;
        if at >= range.end {
            Successor::End
        } else if (self.allowed)(at) {
            Successor::Node(self.graph.edge(at).target())
        } else {
            Successor::Skip
        }
    }
}

/// The components of a subgraph in a topological order. It follows the order of transactions as far as possible, so paths
/// between transactions that are close in time stay within a short range of ranks.
pub(super) struct Ranks {
    /// By node, its rank.
    rank_of: Vec<u32>,
    /// The nodes in the order of their ranks, and the offset of each rank's first node.
    nodes: Vec<u32>,
    offsets: Vec<u32>,
}

impl Ranks {
    pub(super) fn new(graph: &Component, allowed: impl Fn(usize) -> bool + Copy) -> Ranks {
        let number = strong_components(&Subgraph { graph, allowed });
        let components = Buckets::new(&number, graph.node_count() as usize + 1);
        let rank_of_component = ranks_in_time_order(graph, &components, &number, allowed);
        let rank_of: Vec<u32> = number.iter().map(|number| rank_of_component[*number as usize]).collect();
        let Buckets { nodes, offsets } = Buckets::new(&rank_of, graph.node_count() as usize);
        Ranks { rank_of, nodes, offsets }
    }

    /// The rank of a node.
    pub(super) fn rank(&self, node: u32) -> u32 {
        self.rank_of[node as usize]
    }

    /// Keeps the candidates (source and edge) from whose target a path of allowed edges leads back to the source.
    pub(super) fn keep_closable(
        &self,
        graph: &Component,
        candidates: &mut Vec<(u32, u32)>,
        allowed: impl Fn(usize) -> bool + Copy,
    ) {
        let rank_of_start = |edge: u32| self.rank_of[graph.edge(edge as usize).target() as usize];
        candidates.retain(|(from, edge)| {
            graph.is_hub(graph.edge(*edge as usize).target()) || rank_of_start(*edge) <= self.rank_of[*from as usize]
        });
        candidates.sort_unstable_by_key(|(from, edge)| (rank_of_start(*edge), *from, *edge));
        let mut masks: Vec<u64> = vec![0; self.count()];
        let mut kept = Vec::new();
        for batch in candidates.chunks(64) {
            kept.extend(self.sweep(graph, batch, &mut masks, allowed));
        }
        *candidates = kept;
    }

    fn count(&self) -> usize {
        self.offsets.len() - 1
    }

    fn members(&self, rank: usize) -> &[u32] {
        &self.nodes[self.offsets[rank] as usize..self.offsets[rank + 1] as usize]
    }

    /// Those of at most 64 candidates that can be closed. `masks` has one word per rank, all zero before and after.
    fn sweep(
        &self,
        graph: &Component,
        batch: &[(u32, u32)],
        masks: &mut [u64],
        allowed: impl Fn(usize) -> bool,
    ) -> Vec<(u32, u32)> {
        let (mut low, mut high) = (usize::MAX, 0);
        for (bit, (from, edge)) in batch.iter().enumerate() {
            let target = graph.edge(*edge as usize).target();
            let hub = graph.is_hub(target).then(|| &graph.edges()[graph.range(target)]);
            let starts = hub.map_or(vec![target], |edges| edges.iter().map(|edge| edge.target()).collect());
            for start in starts.into_iter().filter(|start| start != from) {
                let rank = self.rank_of[start as usize] as usize;
                masks[rank] |= 1 << bit;
                (low, high) = (low.min(rank), high.max(rank));
            }
            high = high.max(self.rank_of[*from as usize] as usize);
        }
        for rank in low.min(high)..high {
            let mask = masks[rank];
            for node in self.members(rank).iter().filter(|_| mask != 0) {
                for at in graph.range(*node).filter(|at| allowed(*at)) {
                    let next = self.rank_of[graph.edge(at).target() as usize] as usize;
                    if next <= high {
                        masks[next] |= mask;
                    }
                }
            }
        }
        let closed =
            |(bit, (from, _)): &(usize, &(u32, u32))| masks[self.rank_of[*from as usize] as usize] & (1 << bit) != 0;
        let kept = batch.iter().enumerate().filter(closed).map(|(_, candidate)| *candidate).collect();
        masks[low.min(high)..=high].fill(0);
        kept
    }
}

/// Nodes grouped by a number, in compressed form.
struct Buckets {
    nodes: Vec<u32>,
    offsets: Vec<u32>,
}

impl Buckets {
    fn new(number: &[u32], count: usize) -> Buckets {
        let mut offsets = vec![0_u32; count + 1];
        number.iter().for_each(|number| offsets[*number as usize + 1] += 1);
        for at in 0..count {
            offsets[at + 1] += offsets[at];
        }
        let mut nodes = vec![0; number.len()];
        let mut next = offsets.clone();
        for (node, number) in number.iter().enumerate() {
            nodes[next[*number as usize] as usize] = node as u32;
            next[*number as usize] += 1;
        }
        Buckets { nodes, offsets }
    }

    fn members(&self, number: u32) -> &[u32] {
        &self.nodes[self.offsets[number as usize] as usize..self.offsets[number as usize + 1] as usize]
    }
}

/// By component, its rank in a topological order. Of the components that may come next, the next one is always that with
/// the earliest first member.
fn ranks_in_time_order(
    graph: &Component,
    components: &Buckets,
    number: &[u32],
    allowed: impl Fn(usize) -> bool,
) -> Vec<u32> {
    let leaving = |component: u32| {
        let edges = components.members(component).iter().flat_map(|node| graph.range(*node)).filter(|at| allowed(*at));
        edges.map(|at| number[graph.edge(at).target() as usize]).filter(move |to| *to != component)
    };
    let count = components.offsets.len() as u32 - 1;
    let mut waiting_for = vec![0_u32; count as usize];
    (0..count).flat_map(leaving).for_each(|component| waiting_for[component as usize] += 1);
    let first_member = |component: u32| components.members(component).first().copied();
    let ready = |component: u32| first_member(component).map(|first| Reverse((first, component)));
    let mut queue: BinaryHeap<Reverse<(u32, u32)>> =
        (0..count).filter(|component| waiting_for[*component as usize] == 0).filter_map(ready).collect();
    let mut ranks = vec![0; count as usize];
    let mut rank = 0;
    while let Some(Reverse((_, component))) = queue.pop() {
        ranks[component as usize] = rank;
        rank += 1;
        for next in leaving(component) {
            waiting_for[next as usize] -= 1;
            if waiting_for[next as usize] == 0 {
                queue.extend(ready(next));
            }
        }
    }
    ranks
}
