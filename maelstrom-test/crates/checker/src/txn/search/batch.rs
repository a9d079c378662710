//! Breadth-first search from 64 candidates at once.
//!
//! Each search is one bit of a word, so edges that several searches follow are followed once (M. Then and others, *The
//! More the Merrier: Efficient Multi-Source Graph Traversal*, VLDB 2014).

use rustc_hash::FxHashMap;

use super::components::Component;
use super::pattern::Pattern;

/// The number of searches that run at once.
pub(super) const BATCH: usize = 64;

/// The candidate (source and first edge) of at most [`BATCH`] that begins the shortest closed walk, if that has fewer than
/// `bound` edges; and the number of edges that were followed.
pub(super) fn first_of_shortest(
    graph: &Component,
    pattern: &Pattern,
    removed: &[bool],
    batch: &[(u32, u32)],
    bound: usize,
) -> (Option<(u32, u32)>, u64) {
    let pairs = graph.node_count() as usize * usize::from(pattern.states());
    let mut search = BatchSearch {
        graph,
        pattern,
        removed,
        reached: vec![0; pairs],
        skipped: FxHashMap::default(),
        frontier_bits: vec![0; pairs],
        next: Vec::new(),
        work: 0,
    };
    for (bit, (from, edge)) in batch.iter().enumerate() {
        search.reach(graph.edge(*edge as usize).target(), pattern.after_first(), 1 << bit, *from);
    }
    let goals: Vec<u32> = batch.iter().map(|(from, _)| from * u32::from(pattern.states())).collect();
    let mut length = 1;
    while !search.next.is_empty() && length + 1 < bound {
        length += 1;
        search.advance();
        let closed = |(bit, goal): &(usize, &u32)| search.reached[**goal as usize] & (1 << bit) != 0;
        if let Some((bit, _)) = goals.iter().enumerate().find(closed) {
            return (Some(batch[bit]), search.work);
        }
    }
    (None, search.work)
}

/// The state of the searches. Words are indexed by pair of node and state, and hold one bit per search.
struct BatchSearch<'a> {
    graph: &'a Component,
    pattern: &'a Pattern,
    removed: &'a [bool],
    /// The searches that have reached the pair.
    reached: Vec<u64>,
    /// By pair of a hub, the transactions from which searches reached it first. They have not gone back to these.
    skipped: FxHashMap<u32, Vec<(u64, u32)>>,
    /// The searches that reached the pair at the current distance.
    frontier_bits: Vec<u64>,
    /// The pairs with some bit in `frontier_bits`.
    next: Vec<u32>,
    /// The number of edges followed.
    work: u64,
}

impl BatchSearch<'_> {
    /// Follows all edges from the pairs at the current distance.
    fn advance(&mut self) {
        let frontier = std::mem::take(&mut self.next);
        let words: Vec<u64> =
            frontier.iter().map(|pair| std::mem::take(&mut self.frontier_bits[*pair as usize])).collect();
        let states = u32::from(self.pattern.states());
        for (pair, bits) in frontier.into_iter().zip(words) {
            let (node, state) = (pair / states, (pair % states) as u8);
            let range = self.graph.range(node);
            self.work += range.len() as u64;
            for at in range {
                let edge = self.graph.edge(at);
                if let Some(state) = self.pattern.after(state, edge.kind()).filter(|_| !self.removed[at]) {
                    self.reach(edge.target(), state, bits, node);
                }
            }
        }
    }

    /// Records that searches reached a pair. A path passes through a hub without becoming longer, but not back to the
    /// transaction that it came from. That transaction is reached when the search enters the hub from another one.
    fn reach(&mut self, node: u32, state: u8, bits: u64, came_from: u32) {
        let pair = node * u32::from(self.pattern.states()) + u32::from(state);
        let new = bits & !self.reached[pair as usize];
        let repeated = bits & self.reached[pair as usize];
        if repeated != 0 && self.graph.is_hub(node) {
            self.reach_skipped(node, state, repeated, came_from);
        }
        if new == 0 {
            return;
        }
        self.reached[pair as usize] |= new;
        if self.graph.is_hub(node) {
            self.skipped.entry(pair).or_default().push((new, came_from));
            self.work += self.graph.range(node).len() as u64;
            for at in self.graph.range(node) {
                let to = self.graph.edge(at).target();
                if to != came_from {
                    self.reach(to, state, new, came_from);
                }
            }
            return;
        }
        if self.frontier_bits[pair as usize] == 0 {
            self.next.push(pair);
        }
        self.frontier_bits[pair as usize] |= new;
    }

    /// Searches enter a hub for a second time: they now reach the transactions from which they entered it first.
    fn reach_skipped(&mut self, hub: u32, state: u8, bits: u64, came_from: u32) {
        let pair = hub * u32::from(self.pattern.states()) + u32::from(state);
        let Some(skipped) = self.skipped.get_mut(&pair) else { return };
        let mut found = Vec::new();
        for (searches, transaction) in skipped.iter_mut().filter(|(_, transaction)| *transaction != came_from) {
            if *searches & bits != 0 {
                found.push((*searches & bits, *transaction));
                *searches &= !bits;
            }
        }
        skipped.retain(|(searches, _)| *searches != 0);
        for (searches, transaction) in found {
            self.work += self.graph.range(hub).len() as u64;
            if self.graph.range(hub).any(|at| self.graph.edge(at).target() == transaction) {
                self.reach(transaction, state, searches, came_from);
            }
        }
    }
}
