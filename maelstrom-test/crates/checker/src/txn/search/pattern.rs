//! The kinds of cycles as finite automata over edges.

use super::components::Component;
use super::tarjan::{Digraph, Successor};
use crate::txn::graph::EdgeKind;

/// The state after an edge that the pattern does not allow.
const DEAD: u8 = u8::MAX;

/// A kind of cycle as a finite automaton over the kinds of its edges. A walk begins with an edge of a kind in `first`. It
/// is accepted if it returns to its beginning in state 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    states: u8,
    /// The kinds of the first edge, as bits.
    first: u8,
    /// The state after the first edge.
    after_first: u8,
    /// The state after an edge, by state and kind.
    transitions: [[u8; 5]; 2],
    /// Whether the kind of the first edge may occur again. If so, walks are cycles of the product graph.
    first_may_repeat: bool,
    /// Whether it suffices to begin with edges to an earlier transaction. Every cycle has one of these.
    backward: bool,
}

impl Pattern {
    /// Any cycle of edges of these kinds.
    pub(super) fn any(kinds: u8) -> Pattern {
        let transitions = [transitions_to(kinds, 0), [DEAD; 5]];
        Pattern { states: 1, first: kinds, after_first: 0, transitions, first_may_repeat: true, backward: true }
    }

    /// Exactly one read-write edge; all others are of these kinds.
    pub(super) fn one_rw(kinds: u8) -> Pattern {
        let transitions = [transitions_to(kinds, 0), [DEAD; 5]];
        let first = EdgeKind::Rw.bit();
        Pattern { states: 1, first, after_first: 0, transitions, first_may_repeat: false, backward: false }
    }

    /// At least one read-write edge, never two adjacent ones; all others are of these kinds. In state 1, the last edge was
    /// a read-write edge.
    pub(super) fn separate_rw(kinds: u8) -> Pattern {
        let mut transitions = [transitions_to(kinds, 0), transitions_to(kinds, 0)];
        transitions[0][EdgeKind::Rw as usize] = 1;
        let first = EdgeKind::Rw.bit();
        Pattern { states: 2, first, after_first: 1, transitions, first_may_repeat: true, backward: false }
    }

    /// At least one read-write edge; all others are read-write edges or of these kinds.
    pub(super) fn some_rw(kinds: u8) -> Pattern {
        let transitions = [transitions_to(kinds | EdgeKind::Rw.bit(), 0), [DEAD; 5]];
        let first = EdgeKind::Rw.bit();
        Pattern { states: 1, first, after_first: 0, transitions, first_may_repeat: true, backward: false }
    }

    /// The number of states.
    pub(super) fn states(&self) -> u8 {
        self.states
    }

    /// The state after the first edge.
    pub(super) fn after_first(&self) -> u8 {
        self.after_first
    }

    /// Whether the kind of the first edge may occur again. If so, walks are cycles of the product graph.
    pub(super) fn first_may_repeat(&self) -> bool {
        self.first_may_repeat
    }

    /// Whether a search for all walks may begin with this edge only if it leads to an earlier transaction.
    pub(super) fn begins_backward(&self) -> bool {
        self.backward
    }

    /// The pattern, or one that accepts more, such that all its walks are cycles of the product graph.
    pub(super) fn cyclic(&self) -> Pattern {
        if self.first_may_repeat {
            return *self;
        }
        // A single read-write edge is a special case of separate ones.
        let others = (0..5).filter(|kind| self.transitions[0][*kind] != DEAD).fold(0, |bits, kind| bits | 1 << kind);
        Pattern::separate_rw(others)
    }

    /// The state after an edge, if the pattern allows it.
    pub(super) fn after(&self, state: u8, kind: EdgeKind) -> Option<u8> {
        match kind {
            EdgeKind::HubExit => Some(state),
            kind => Some(self.transitions[usize::from(state)][kind as usize]).filter(|state| *state != DEAD),
        }
    }

    /// Whether a walk may begin with an edge of this kind.
    pub(super) fn may_begin(&self, kind: EdgeKind) -> bool {
        kind != EdgeKind::HubExit && self.first & kind.bit() != 0
    }
}

/// The transitions of a state in which edges of these kinds lead to one other state.
fn transitions_to(kinds: u8, state: u8) -> [u8; 5] {
    std::array::from_fn(|kind| if kinds & (1 << kind) != 0 { state } else { DEAD })
}

/// The product of a component and a pattern: its nodes are pairs of a node and a state, without edges that were removed.
pub(super) struct ProductGraph<'a> {
    pub(super) graph: &'a Component,
    pub(super) pattern: Pattern,
    pub(super) removed: &'a [bool],
}

impl Digraph for ProductGraph<'_> {
    fn len(&self) -> usize {
        self.graph.node_count() as usize * usize::from(self.pattern.states)
    }

    fn successor(&self, pair: u32, place: u32) -> Successor {
        let states = u32::from(self.pattern.states);
        let range = self.graph.range(pair / states);
        let at = range.start + place as usize;
        if at >= range.end {
            return Successor::End;
        }
        let edge = self.graph.edge(at);
        match self.pattern.after((pair % states) as u8, edge.kind()) {
            Some(state) if !self.removed[at] => Successor::Node(edge.target() * states + u32::from(state)),
            _ => Successor::Skip,
        }
    }
}
