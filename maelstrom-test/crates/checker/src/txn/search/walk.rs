//! Shortest closed walks in a component that a small automaton accepts.
//!
//! Every kind of cycle is a pattern of edges, and every pattern is a finite automaton with at most two states. So a
//! search over pairs (transaction, state) decides in polynomial time what an enumeration of paths could not.
//!
//! A walk is looked for by breadth-first search from each of its possible first edges. Three observations keep that
//! near linear in practice: only edges inside a component of the *product* of graph and automaton can be part of a
//! walk; nothing longer than the best walk so far need be followed; and once all walks through an edge were
//! considered, the edge can go, which breaks the component into smaller ones.

use crate::entries::NONE;
use crate::txn::graph::Kind;
use crate::txn::search::batch::{BATCH, closest};
use crate::txn::search::components::Local;
use crate::txn::search::landmarks::by_landmarks;
use crate::txn::search::tarjan::{Digraph, Step, strong_components};

/// Edges of a closed walk: where each begins, and its kind.
pub(in crate::txn) type Walk = Vec<(u32, Kind)>;

/// Beyond so many steps of search, the shortest walk found so far is taken for the shortest.
const PATIENCE: u64 = 1 << 29;

const DEAD: u8 = u8::MAX;

/// A pattern of edges around a cycle. A walk begins with an edge of `first`, continues as `step` allows, and is closed
/// where it returns to its beginning in state 0.
#[derive(Clone, Copy, Debug)]
pub(in crate::txn) struct Pattern {
    pub(in crate::txn) states: u8,
    /// Kinds of the first edge, as bits, and the state after it.
    first: u8,
    pub(in crate::txn) after_first: u8,
    /// The state after an edge, by state and kind.
    step: [[u8; 5]; 2],
    /// Whether the first edge may also occur later, so that walks are cycles of the product graph.
    first_is_step: bool,
    /// Whether it is enough to begin with edges that lead to an earlier transaction: every cycle has one.
    backward: bool,
}

impl Pattern {
    /// Any cycle of edges of these kinds.
    pub(in crate::txn) fn any(kinds: u8) -> Pattern {
        let step = [steps(kinds, 0), [DEAD; 5]];
        Pattern { states: 1, first: kinds, after_first: 0, step, first_is_step: true, backward: true }
    }

    /// Exactly one read-write edge, the others of these kinds.
    pub(in crate::txn) fn one_rw(kinds: u8) -> Pattern {
        let step = [steps(kinds, 0), [DEAD; 5]];
        let first = Kind::Rw.bit();
        Pattern { states: 1, first, after_first: 0, step, first_is_step: false, backward: false }
    }

    /// At least one read-write edge, never two in a row; the others of these kinds. State 1: the last edge was one.
    pub(in crate::txn) fn separate_rw(kinds: u8) -> Pattern {
        let mut step = [steps(kinds, 0), steps(kinds, 0)];
        step[0][Kind::Rw as usize] = 1;
        let first = Kind::Rw.bit();
        Pattern { states: 2, first, after_first: 1, step, first_is_step: true, backward: false }
    }

    /// At least one read-write edge, the others of these kinds or read-write as well.
    pub(in crate::txn) fn some_rw(kinds: u8) -> Pattern {
        let step = [steps(kinds | Kind::Rw.bit(), 0), [DEAD; 5]];
        let first = Kind::Rw.bit();
        Pattern { states: 1, first, after_first: 0, step, first_is_step: true, backward: false }
    }

    /// The state after an edge, if the pattern allows it.
    pub(in crate::txn) fn after(&self, state: u8, kind: Kind) -> Option<u8> {
        match kind {
            Kind::Through => Some(state),
            kind => Some(self.step[usize::from(state)][kind as usize]).filter(|state| *state != DEAD),
        }
    }

    fn may_begin(&self, kind: Kind) -> bool {
        kind != Kind::Through && self.first & kind.bit() != 0
    }
}

fn steps(kinds: u8, state: u8) -> [u8; 5] {
    std::array::from_fn(|kind| if kinds & (1 << kind) != 0 { state } else { DEAD })
}

/// A shortest closed walk of the pattern.
pub(in crate::txn) fn shortest(graph: &Local, pattern: Pattern) -> Option<Walk> {
    let mut search = Search::new(graph, pattern);
    let mut candidates = search.candidates();
    let mut best = search.probe(&mut candidates);
    if !pattern.first_is_step && !search.is_settled(&best) {
        let allowed = |kind| pattern.after(0, kind).is_some();
        if let Some((from, edge)) = by_landmarks(graph, allowed, &mut candidates, &mut search.blocked) {
            let bound = best.as_ref().map_or(usize::MAX, Vec::len);
            best = search.close(from, edge, bound).or(best);
        }
    }
    candidates.sort_unstable();
    while !candidates.is_empty() && !search.is_settled(&best) {
        let batch = candidates.split_off(candidates.len().saturating_sub(BATCH));
        let bound = best.as_ref().map_or(usize::MAX, Vec::len);
        if let Some((from, edge)) = search.closest(&batch, bound) {
            best = search.close(from, edge, bound).or(best);
        }
        search.remove(&batch, &mut candidates);
    }
    best
}

/// Breadth-first search over pairs of node and state.
struct Search<'a> {
    graph: &'a Local,
    pattern: Pattern,
    /// Edges through which every walk was considered.
    removed: Vec<bool>,
    /// Edges to leave out of the search of [`Search::closest`], because all walks of the candidates through them were
    /// considered.
    blocked: Vec<bool>,
    /// By pair: the search that saw it last, the pair before it, and the edge between them.
    seen: Vec<u32>,
    origin: Vec<(u32, u32)>,
    /// By pair of a hub: the transaction that this search came from first, and so has not gone back to through the hub.
    left_out: Vec<u32>,
    round: u32,
    frontier: Vec<u32>,
    next: Vec<u32>,
    /// Edges followed so far, and when the candidates were last reconsidered.
    work: u64,
    work_before: u64,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Local, pattern: Pattern) -> Search<'a> {
        let pairs = graph.nodes() as usize * usize::from(pattern.states);
        Search {
            graph,
            pattern,
            removed: vec![false; graph.edges.len()],
            blocked: vec![false; if pattern.first_is_step { 0 } else { graph.edges.len() }],
            seen: vec![0; pairs],
            origin: vec![(NONE, NONE); pairs],
            left_out: vec![NONE; if graph.nodes() > graph.vertices { pairs } else { 0 }],
            round: 0,
            frontier: Vec::new(),
            next: Vec::new(),
            work: 0,
            work_before: 0,
        }
    }

    /// Whether no shorter walk can be found, or enough was tried.
    fn is_settled(&self, best: &Option<Walk>) -> bool {
        best.as_ref().is_some_and(|best| best.len() == 2 || self.work > PATIENCE)
    }

    /// Tries a few candidates one by one: those between transactions near in time, which tend to be on short walks and
    /// so bound all other searches, and in turn those between transactions far apart, without which the component
    /// often falls to pieces.
    fn probe(&mut self, candidates: &mut Vec<(u32, u32)>) -> Option<Walk> {
        // Few in tests, so that tiny graphs take every path through this file.
        const PROBES: usize = if cfg!(test) { 2 } else { 16 };
        let distance = |(from, edge): &(u32, u32)| self.graph.edges[*edge as usize].target().abs_diff(*from);
        candidates.sort_by_key(distance);
        let mut best: Option<Walk> = None;
        for probe in 0..PROBES {
            if candidates.is_empty() || self.is_settled(&best) {
                break;
            }
            let place = if probe % 2 == 0 { 0 } else { candidates.len() - 1 };
            let (from, edge) = candidates.remove(place);
            let bound = best.as_ref().map_or(usize::MAX, Vec::len);
            best = self.close(from, edge, bound).or(best);
            self.remove(&[(from, edge)], candidates);
        }
        best
    }

    /// Takes edges out of the graph, if all walks through them were considered; and once the searches since the last
    /// time took longer than that does, drops the candidates that can no longer be part of a walk.
    fn remove(&mut self, edges: &[(u32, u32)], candidates: &mut Vec<(u32, u32)>) {
        if !self.pattern.first_is_step {
            return;
        }
        edges.iter().for_each(|(_, edge)| self.removed[*edge as usize] = true);
        if self.work - self.work_before > 2 * self.graph.edges.len() as u64 {
            self.work_before = self.work;
            self.keep_possible(candidates);
        }
    }

    fn pair(&self, node: u32, state: u8) -> u32 {
        node * u32::from(self.pattern.states) + u32::from(state)
    }

    fn node_and_state(&self, pair: u32) -> (u32, u8) {
        let states = u32::from(self.pattern.states);
        (pair / states, (pair % states) as u8)
    }

    /// The first edges that some walk begins with, as pairs of source and edge.
    fn candidates(&self) -> Vec<(u32, u32)> {
        let mut candidates = Vec::new();
        for from in 0..self.graph.vertices {
            for at in self.graph.range(from) {
                let edge = self.graph.edges[at];
                let leads_back = edge.target() < from || self.graph.is_hub(edge.target());
                if self.pattern.may_begin(edge.kind()) && (leads_back || !self.pattern.backward) {
                    candidates.push((from, at as u32));
                }
            }
        }
        self.keep_possible(&mut candidates);
        candidates
    }

    /// Drops candidates whose ends are not in one component of the product graph.
    fn keep_possible(&self, candidates: &mut Vec<(u32, u32)>) {
        if candidates.is_empty() {
            return;
        }
        // One read-write edge is a special case of separate ones, and only those are cycles of a product graph.
        let others = (0..5).filter(|kind| self.pattern.step[0][*kind] != DEAD).fold(0, |bits, kind| bits | 1 << kind);
        let pattern = if self.pattern.first_is_step { self.pattern } else { Pattern::separate_rw(others) };
        let product = Product { graph: self.graph, pattern, removed: &self.removed };
        let number = strong_components(&product);
        let number_of = |node: u32, state: u8| number[(node * u32::from(pattern.states) + u32::from(state)) as usize];
        candidates.retain(|(from, edge)| {
            let to = self.graph.edges[*edge as usize].target();
            number_of(*from, 0) == number_of(to, pattern.after_first)
        });
    }

    /// Which of the edges begins the shortest walk, if that has fewer edges than `bound`.
    fn closest(&mut self, batch: &[(u32, u32)], bound: usize) -> Option<(u32, u32)> {
        let left_out = if self.pattern.first_is_step { &self.removed } else { &self.blocked };
        let (closest, work) = closest(self.graph, &self.pattern, left_out, batch, bound);
        self.work += work;
        closest
    }

    /// The shortest walk that begins with this edge, if it has fewer edges than `bound`.
    fn close(&mut self, from: u32, edge: u32, bound: usize) -> Option<Walk> {
        self.round += 1;
        self.frontier.clear();
        self.next.clear();
        let goal = self.pair(from, 0);
        let first = self.graph.edges[edge as usize];
        self.reach(first.target(), self.pattern.after_first, (NONE, edge), from);
        let mut length = 1;
        while !self.next.is_empty() && length + 1 < bound {
            length += 1;
            std::mem::swap(&mut self.frontier, &mut self.next);
            self.next.clear();
            for at in 0..self.frontier.len() {
                self.follow(self.frontier[at]);
                if self.seen[goal as usize] == self.round {
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
            let edge = self.graph.edges[at];
            if let Some(state) = self.pattern.after(state, edge.kind()).filter(|_| !self.removed[at]) {
                self.reach(edge.target(), state, (pair, at as u32), node);
            }
        }
    }

    /// Notes how a pair was reached. Paths pass through hubs at once, but not back to the transaction they came from. That
    /// one is reached once the search comes to the hub from another transaction.
    fn reach(&mut self, node: u32, state: u8, origin: (u32, u32), came_from: u32) {
        let pair = self.pair(node, state);
        if self.seen[pair as usize] == self.round {
            if self.graph.is_hub(node) && ![came_from, NONE].contains(&self.left_out[pair as usize]) {
                let left_out = std::mem::replace(&mut self.left_out[pair as usize], NONE);
                if self.graph.range(node).any(|at| self.graph.edges[at].target() == left_out) {
                    // As if by an edge: the hub itself was entered from elsewhere.
                    self.reach(left_out, state, origin, came_from);
                }
            }
            return;
        }
        self.seen[pair as usize] = self.round;
        self.origin[pair as usize] = origin;
        if !self.graph.is_hub(node) {
            self.next.push(pair);
            return;
        }
        self.left_out[pair as usize] = came_from;
        for at in self.graph.range(node) {
            let to = self.graph.edges[at].target();
            if to != came_from {
                self.reach(to, state, (pair, at as u32), came_from);
            }
        }
        self.work += self.graph.range(node).len() as u64;
    }

    /// The walk whose last edge reached the goal.
    fn walk_to(&self, goal: u32, start: u32) -> Walk {
        let mut walk = Vec::new();
        let mut pair = goal;
        while pair != NONE {
            let (before, edge) = self.origin[pair as usize];
            let kind = self.graph.edges[edge as usize].kind();
            let from = if before == NONE { start } else { self.node_and_state(before).0 };
            if kind != Kind::Through {
                walk.push((from, kind));
            }
            pair = before;
        }
        walk.reverse();
        walk
    }
}

/// The product of a component and a pattern.
struct Product<'a> {
    graph: &'a Local,
    pattern: Pattern,
    removed: &'a [bool],
}

impl Digraph for Product<'_> {
    fn len(&self) -> usize {
        self.graph.nodes() as usize * usize::from(self.pattern.states)
    }

    fn successor(&self, pair: u32, place: u32) -> Step {
        let states = u32::from(self.pattern.states);
        let range = self.graph.range(pair / states);
        let at = range.start + place as usize;
        if at >= range.end {
            return Step::End;
        }
        let edge = self.graph.edges[at];
        match self.pattern.after((pair % states) as u8, edge.kind()) {
            Some(state) if !self.removed[at] => Step::To(edge.target() * states + u32::from(state)),
            _ => Step::Skip,
        }
    }
}
