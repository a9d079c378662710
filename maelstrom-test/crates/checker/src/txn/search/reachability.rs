//! Which edges can be closed to a cycle by a path of other kinds: reachability for sixty-four edges at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::txn::search::components::Local;
use crate::txn::search::tarjan::{Digraph, Step, strong_components};

/// The part of a component that consists of some edges, given by their places.
struct Part<'a, F> {
    graph: &'a Local,
    allowed: F,
}

impl<F: Fn(usize) -> bool> Digraph for Part<'_, F> {
    fn len(&self) -> usize {
        self.graph.nodes() as usize
    }

    fn successor(&self, node: u32, place: u32) -> Step {
        let range = self.graph.range(node);
        let at = range.start + place as usize;
        if at >= range.end {
            Step::End
        } else if (self.allowed)(at) {
            Step::To(self.graph.edges[at].target())
        } else {
            Step::Skip
        }
    }
}

/// The components of the part in a topological order that follows the transactions' own as far as possible, so that
/// paths between transactions near in time stay within a short range of ranks.
pub(in crate::txn) struct Ranks {
    /// Every node's rank.
    pub(in crate::txn) of: Vec<u32>,
    /// Nodes by rank, and where each rank's begin.
    nodes: Vec<u32>,
    offsets: Vec<u32>,
}

impl Ranks {
    pub(in crate::txn) fn new(graph: &Local, allowed: impl Fn(usize) -> bool + Copy) -> Ranks {
        let part = Part { graph, allowed };
        let number = strong_components(&part);
        let groups = Buckets::new(&number, graph.nodes() as usize + 1);
        let rank_of_group = in_time_order(graph, &groups, &number, allowed);
        let of: Vec<u32> = number.iter().map(|number| rank_of_group[*number as usize]).collect();
        let Buckets { nodes, offsets } = Buckets::new(&of, graph.nodes() as usize);
        Ranks { of, nodes, offsets }
    }

    /// Keeps the candidates (source, edge) from whose target a path of allowed edges leads back to their source.
    pub(in crate::txn) fn keep_closable(
        &self,
        graph: &Local,
        candidates: &mut Vec<(u32, u32)>,
        allowed: impl Fn(usize) -> bool + Copy,
    ) {
        let rank_of_start = |edge: u32| self.of[graph.edges[edge as usize].target() as usize];
        candidates.retain(|(from, edge)| {
            graph.is_hub(graph.edges[*edge as usize].target()) || rank_of_start(*edge) <= self.of[*from as usize]
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

    /// Those of up to sixty-four candidates that can be closed. Leaves the masks as it found them: all zero.
    fn sweep(
        &self,
        graph: &Local,
        batch: &[(u32, u32)],
        masks: &mut [u64],
        allowed: impl Fn(usize) -> bool,
    ) -> Vec<(u32, u32)> {
        let (mut low, mut high) = (usize::MAX, 0);
        for (bit, (from, edge)) in batch.iter().enumerate() {
            let target = graph.edges[*edge as usize].target();
            let hub = graph.is_hub(target).then(|| &graph.edges[graph.range(target)]);
            let starts = hub.map_or(vec![target], |edges| edges.iter().map(|edge| edge.target()).collect());
            for start in starts.into_iter().filter(|start| start != from) {
                let rank = self.of[start as usize] as usize;
                masks[rank] |= 1 << bit;
                (low, high) = (low.min(rank), high.max(rank));
            }
            high = high.max(self.of[*from as usize] as usize);
        }
        for rank in low.min(high)..high {
            let mask = masks[rank];
            for node in self.members(rank).iter().filter(|_| mask != 0) {
                for at in graph.range(*node).filter(|at| allowed(*at)) {
                    let next = self.of[graph.edges[at].target() as usize] as usize;
                    if next <= high {
                        masks[next] |= mask;
                    }
                }
            }
        }
        let closed =
            |(bit, (from, _)): &(usize, &(u32, u32))| masks[self.of[*from as usize] as usize] & (1 << bit) != 0;
        let kept = batch.iter().enumerate().filter(closed).map(|(_, candidate)| *candidate).collect();
        masks[low.min(high)..=high].fill(0);
        kept
    }
}

/// Nodes grouped by a number.
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

/// A topological order of the groups: of those that may come next, always the one with the earliest first member.
fn in_time_order(graph: &Local, groups: &Buckets, number: &[u32], allowed: impl Fn(usize) -> bool) -> Vec<u32> {
    let leaving = |group: u32| {
        let edges = groups.members(group).iter().flat_map(|node| graph.range(*node)).filter(|at| allowed(*at));
        edges.map(|at| number[graph.edges[at].target() as usize]).filter(move |to| *to != group)
    };
    let count = groups.offsets.len() as u32 - 1;
    let mut waiting_for = vec![0_u32; count as usize];
    (0..count).flat_map(leaving).for_each(|group| waiting_for[group as usize] += 1);
    let first_member = |group: u32| groups.members(group).first().copied();
    let ready = |group: u32| first_member(group).map(|first| Reverse((first, group)));
    let mut queue: BinaryHeap<Reverse<(u32, u32)>> =
        (0..count).filter(|group| waiting_for[*group as usize] == 0).filter_map(ready).collect();
    let mut ranks = vec![0; count as usize];
    let mut rank = 0;
    while let Some(Reverse((_, group))) = queue.pop() {
        ranks[group as usize] = rank;
        rank += 1;
        for next in leaving(group) {
            waiting_for[next as usize] -= 1;
            if waiting_for[next as usize] == 0 {
                queue.extend(ready(next));
            }
        }
    }
    ranks
}
