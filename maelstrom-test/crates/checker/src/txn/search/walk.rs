//! The search for a shortest closed walk in a component that a pattern accepts.
//!
//! A pattern is an automaton with at most two states, so a search over pairs of transaction and state takes polynomial
//! time. An enumeration of paths would not.
//!
//! The search is a breadth-first search from each possible first edge, a *candidate*. Three facts keep it near linear in
//! practice:
//!
//! - Only edges inside of a component of the product graph can be part of a walk.
//! - A search can stop at the length of the shortest walk that is known.
//! - An edge can be removed once all walks through it were considered. That splits the component into smaller ones.

use super::batch::{BATCH, first_of_shortest};
use super::components::Component;
use super::landmarks::shortest_by_landmarks;
use super::pattern::{Pattern, ProductGraph};
use super::tarjan::strong_components;
use crate::entries::NONE;
use crate::txn::graph::EdgeKind;

/// A closed walk as a list of edges: the source and the kind of each.
pub(super) type Walk = Vec<(u32, EdgeKind)>;

/// The number of edges to follow before the search settles for the shortest walk that it has found. It bounds the time of
/// a search at a few seconds, at the price of a proof that may be longer than necessary. A search without a walk goes on.
const WORK_LIMIT: u64 = 1 << 29;

/// A shortest closed walk of the pattern.
pub(super) fn shortest(graph: &Component, pattern: Pattern) -> Option<Walk> {
    let mut search = WalkSearch::new(graph, pattern);
    let mut candidates = search.candidates();
    let mut best = search.probe(&mut candidates);
    if !pattern.first_may_repeat() && !search.is_settled(&best) {
        let allowed = |kind| pattern.after(0, kind).is_some();
        if let Some((from, edge)) = shortest_by_landmarks(graph, allowed, &mut candidates, &mut search.blocked) {
            let bound = best.as_ref().map_or(usize::MAX, Vec::len);
            best = search.shortest_from(from, edge, bound).or(best);
        }
    }
    candidates.sort_unstable();
    while !candidates.is_empty() && !search.is_settled(&best) {
        let batch = candidates.split_off(candidates.len().saturating_sub(BATCH));
        let bound = best.as_ref().map_or(usize::MAX, Vec::len);
        if let Some((from, edge)) = search.first_of_shortest(&batch, bound) {
            best = search.shortest_from(from, edge, bound).or(best);
        }
        search.remove(&batch, &mut candidates);
    }
    best
}

/// Breadth-first search over pairs of node and state.
struct WalkSearch<'a> {
    graph: &'a Component,
    pattern: Pattern,
    /// Edges through which every walk was considered.
    removed: Vec<bool>,
    /// Edges that [`WalkSearch::first_of_shortest`] leaves out, because all walks of the candidates through them were
    /// considered.
    blocked: Vec<bool>,
    /// By pair of node and state, the round of the search that reached it last.
    reached_in: Vec<u32>,
    /// By pair, the pair before it on the path, and the edge between them.
    predecessor: Vec<(u32, u32)>,
    /// By pair of a hub, the transaction from which the hub was reached first. The search has not gone back to it.
    skipped: Vec<u32>,
    round: u32,
    frontier: Vec<u32>,
    next: Vec<u32>,
    /// The number of edges followed.
    work: u64,
    /// `work` when impossible candidates were last dropped.
    work_at_last_check: u64,
}

impl<'a> WalkSearch<'a> {
    fn new(graph: &'a Component, pattern: Pattern) -> WalkSearch<'a> {
        let pairs = graph.node_count() as usize * usize::from(pattern.states());
        WalkSearch {
            graph,
            pattern,
            removed: vec![false; graph.edges().len()],
            blocked: vec![false; if pattern.first_may_repeat() { 0 } else { graph.edges().len() }],
            reached_in: vec![0; pairs],
            predecessor: vec![(NONE, NONE); pairs],
            skipped: vec![NONE; if graph.node_count() > graph.vertices() { pairs } else { 0 }],
            round: 0,
            frontier: Vec::new(),
            next: Vec::new(),
            work: 0,
            work_at_last_check: 0,
        }
    }

    /// Whether `best` is the result: no walk is shorter, or the work limit is reached.
    fn is_settled(&self, best: &Option<Walk>) -> bool {
        best.as_ref().is_some_and(|best| best.len() == 2 || self.work > WORK_LIMIT)
    }

    /// Searches from a few candidates one by one. Candidates between transactions that are close in time tend to be on
    /// short walks, which bound all later searches. In turn with them come candidates between transactions far apart:
    /// without these the component often falls apart.
    fn probe(&mut self, candidates: &mut Vec<(u32, u32)>) -> Option<Walk> {
        // Few in tests, because the graphs there are tiny and must take every path through this file.
        const PROBES: usize = if cfg!(test) { 2 } else { 16 };
        let distance = |(from, edge): &(u32, u32)| self.graph.edge(*edge as usize).target().abs_diff(*from);
        candidates.sort_by_key(distance);
        let mut best: Option<Walk> = None;
        for probe in 0..PROBES {
            if candidates.is_empty() || self.is_settled(&best) {
                break;
            }
            let place = if probe % 2 == 0 { 0 } else { candidates.len() - 1 };
            let (from, edge) = candidates.remove(place);
            let bound = best.as_ref().map_or(usize::MAX, Vec::len);
            best = self.shortest_from(from, edge, bound).or(best);
            self.remove(&[(from, edge)], candidates);
        }
        best
    }

    /// Removes edges through which all walks were considered. Then drops candidates that can no longer be part of a walk,
    /// if the searches since the last time took longer than finding out does.
    fn remove(&mut self, edges: &[(u32, u32)], candidates: &mut Vec<(u32, u32)>) {
        if !self.pattern.first_may_repeat() {
            return;
        }
        edges.iter().for_each(|(_, edge)| self.removed[*edge as usize] = true);
        if self.work - self.work_at_last_check > 2 * self.graph.edges().len() as u64 {
            self.work_at_last_check = self.work;
            self.keep_possible(candidates);
        }
    }

    fn pair(&self, node: u32, state: u8) -> u32 {
        node * u32::from(self.pattern.states()) + u32::from(state)
    }

    fn node_and_state(&self, pair: u32) -> (u32, u8) {
        let states = u32::from(self.pattern.states());
        (pair / states, (pair % states) as u8)
    }

    /// The edges with which walks may begin, as pairs of source and edge.
    fn candidates(&self) -> Vec<(u32, u32)> {
        let mut candidates = Vec::new();
        for from in 0..self.graph.vertices() {
            for at in self.graph.range(from) {
                let edge = self.graph.edge(at);
                let leads_back = edge.target() < from || self.graph.is_hub(edge.target());
                if self.pattern.may_begin(edge.kind()) && (leads_back || !self.pattern.begins_backward()) {
                    candidates.push((from, at as u32));
                }
            }
        }
        self.keep_possible(&mut candidates);
        candidates
    }

    /// Drops candidates that do not lie inside of a component of the product graph.
    fn keep_possible(&self, candidates: &mut Vec<(u32, u32)>) {
        if candidates.is_empty() {
            return;
        }
        let pattern = self.pattern.cyclic();
        let product = ProductGraph { graph: self.graph, pattern, removed: &self.removed };
        let number = strong_components(&product);
        let number_of = |node: u32, state: u8| number[(node * u32::from(pattern.states()) + u32::from(state)) as usize];
        candidates.retain(|(from, edge)| {
            let to = self.graph.edge(*edge as usize).target();
            number_of(*from, 0) == number_of(to, pattern.after_first())
        });
    }

    /// The candidate that begins the shortest walk, if that has fewer edges than `bound`.
    fn first_of_shortest(&mut self, batch: &[(u32, u32)], bound: usize) -> Option<(u32, u32)> {
        let left_out = if self.pattern.first_may_repeat() { &self.removed } else { &self.blocked };
        let (first, work) = first_of_shortest(self.graph, &self.pattern, left_out, batch, bound);
        self.work += work;
        first
    }

    /// The shortest walk that begins with this edge, if it has fewer edges than `bound`.
    fn shortest_from(&mut self, from: u32, edge: u32, bound: usize) -> Option<Walk> {
        self.round += 1;
        self.frontier.clear();
        self.next.clear();
        let goal = self.pair(from, 0);
        let first = self.graph.edge(edge as usize);
        self.reach(first.target(), self.pattern.after_first(), (NONE, edge), from);
        let mut length = 1;
        while !self.next.is_empty() && length + 1 < bound {
            length += 1;
            std::mem::swap(&mut self.frontier, &mut self.next);
            self.next.clear();
            for at in 0..self.frontier.len() {
                self.follow(self.frontier[at]);
                if self.reached_in[goal as usize] == self.round {
                    return Some(self.walk_to(goal, from));
                }
            }
        }
        None
    }

    /// Follows all edges from a pair.
    fn follow(&mut self, pair: u32) {
        let (node, state) = self.node_and_state(pair);
        let range = self.graph.range(node);
        self.work += range.len() as u64;
        for at in range {
            let edge = self.graph.edge(at);
            if let Some(state) = self.pattern.after(state, edge.kind()).filter(|_| !self.removed[at]) {
                self.reach(edge.target(), state, (pair, at as u32), node);
            }
        }
    }

    /// Records how a pair was reached. A path passes through a hub without becoming longer, but not back to the
    /// transaction that it came from. That transaction is reached when the search enters the hub from another one.
    fn reach(&mut self, node: u32, state: u8, predecessor: (u32, u32), came_from: u32) {
        let pair = self.pair(node, state);
        if self.reached_in[pair as usize] == self.round {
            if self.graph.is_hub(node) && ![came_from, NONE].contains(&self.skipped[pair as usize]) {
                let skipped = std::mem::replace(&mut self.skipped[pair as usize], NONE);
                if self.graph.range(node).any(|at| self.graph.edge(at).target() == skipped) {
                    // The predecessor is not the hub, whose own predecessor is another transaction.
                    self.reach(skipped, state, predecessor, came_from);
                }
            }
            return;
        }
        self.reached_in[pair as usize] = self.round;
        self.predecessor[pair as usize] = predecessor;
        if !self.graph.is_hub(node) {
            self.next.push(pair);
            return;
        }
        self.skipped[pair as usize] = came_from;
        for at in self.graph.range(node) {
            let to = self.graph.edge(at).target();
            if to != came_from {
                self.reach(to, state, (pair, at as u32), came_from);
            }
        }
        self.work += self.graph.range(node).len() as u64;
    }

    /// The walk that ends at the goal.
    fn walk_to(&self, goal: u32, start: u32) -> Walk {
        let mut walk = Vec::new();
        let mut pair = goal;
        while pair != NONE {
            let (before, edge) = self.predecessor[pair as usize];
            let kind = self.graph.edge(edge as usize).kind();
            let from = if before == NONE { start } else { self.node_and_state(before).0 };
            if kind != EdgeKind::HubExit {
                walk.push((from, kind));
            }
            pair = before;
        }
        walk.reverse();
        walk
    }
}
