//! Sixty-four breadth-first searches at once: one bit each, so that what they have in common is done once (M. Then and
//! others, *The More the Merrier: Efficient Multi-Source Graph Traversal*, VLDB 2014).

use rustc_hash::FxHashMap;

use crate::txn::search::components::Local;
use crate::txn::search::walk::Pattern;

/// How many searches run at once.
pub(in crate::txn) const BATCH: usize = 64;

/// Which of up to [`BATCH`] candidates (source and first edge) begins the shortest closed walk of fewer than `bound`
/// edges, and how many edges were followed to find out.
pub(in crate::txn) fn closest(
    graph: &Local,
    pattern: &Pattern,
    removed: &[bool],
    batch: &[(u32, u32)],
    bound: usize,
) -> (Option<(u32, u32)>, u64) {
    let pairs = graph.nodes() as usize * usize::from(pattern.states);
    let mut search = Searches {
        graph,
        pattern,
        removed,
        seen: vec![0; pairs],
        left_out: FxHashMap::default(),
        arriving: vec![0; pairs],
        next: Vec::new(),
        work: 0,
    };
    for (bit, (from, edge)) in batch.iter().enumerate() {
        search.reach(graph.edges[*edge as usize].target(), pattern.after_first, 1 << bit, *from);
    }
    let goals: Vec<u32> = batch.iter().map(|(from, _)| from * u32::from(pattern.states)).collect();
    let mut length = 1;
    while !search.next.is_empty() && length + 1 < bound {
        length += 1;
        search.advance();
        let closed = |(bit, goal): &(usize, &u32)| search.seen[**goal as usize] & (1 << bit) != 0;
        if let Some((bit, _)) = goals.iter().enumerate().find(closed) {
            return (Some(batch[bit]), search.work);
        }
    }
    (None, search.work)
}

/// By pair of node and state, one bit per search.
struct Searches<'a> {
    graph: &'a Local,
    pattern: &'a Pattern,
    removed: &'a [bool],
    /// The searches that have reached it.
    seen: Vec<u64>,
    /// By pair of a hub: from which transactions searches came first, and so have not gone back to them through the hub.
    left_out: FxHashMap<u32, Vec<(u64, u32)>>,
    /// Those that reached it in the last step.
    arriving: Vec<u64>,
    /// Pairs with some bit in `arriving`.
    next: Vec<u32>,
    work: u64,
}

impl Searches<'_> {
    /// Follows all edges from where the searches arrived.
    fn advance(&mut self) {
        let frontier = std::mem::take(&mut self.next);
        let arrived: Vec<u64> =
            frontier.iter().map(|pair| std::mem::take(&mut self.arriving[*pair as usize])).collect();
        let states = u32::from(self.pattern.states);
        for (pair, bits) in frontier.into_iter().zip(arrived) {
            let (node, state) = (pair / states, (pair % states) as u8);
            let range = self.graph.range(node);
            self.work += range.len() as u64;
            for at in range {
                let edge = self.graph.edges[at];
                if let Some(state) = self.pattern.after(state, edge.kind()).filter(|_| !self.removed[at]) {
                    self.reach(edge.target(), state, bits, node);
                }
            }
        }
    }

    /// Paths pass through hubs at once, but not back to the transaction they came from. That one is reached once a search
    /// comes to the hub from another transaction.
    fn reach(&mut self, node: u32, state: u8, bits: u64, came_from: u32) {
        let pair = node * u32::from(self.pattern.states) + u32::from(state);
        let new = bits & !self.seen[pair as usize];
        let again = bits & self.seen[pair as usize];
        if again != 0 && self.graph.is_hub(node) {
            self.reach_left_out(node, state, again, came_from);
        }
        if new == 0 {
            return;
        }
        self.seen[pair as usize] |= new;
        if self.graph.is_hub(node) {
            self.left_out.entry(pair).or_default().push((new, came_from));
            self.work += self.graph.range(node).len() as u64;
            for at in self.graph.range(node) {
                let to = self.graph.edges[at].target();
                if to != came_from {
                    self.reach(to, state, new, came_from);
                }
            }
            return;
        }
        if self.arriving[pair as usize] == 0 {
            self.next.push(pair);
        }
        self.arriving[pair as usize] |= new;
    }

    /// Searches come to a hub once more: they reach the transactions from which they came to it first.
    fn reach_left_out(&mut self, hub: u32, state: u8, bits: u64, came_from: u32) {
        let pair = hub * u32::from(self.pattern.states) + u32::from(state);
        let Some(left_out) = self.left_out.get_mut(&pair) else { return };
        let mut found = Vec::new();
        for (searches, transaction) in left_out.iter_mut().filter(|(_, transaction)| *transaction != came_from) {
            if *searches & bits != 0 {
                found.push((*searches & bits, *transaction));
                *searches &= !bits;
            }
        }
        left_out.retain(|(searches, _)| *searches != 0);
        for (searches, transaction) in found {
            self.work += self.graph.range(hub).len() as u64;
            if self.graph.range(hub).any(|at| self.graph.edges[at].target() == transaction) {
                self.reach(transaction, state, searches, came_from);
            }
        }
    }
}
