//! The interface between what knows dependencies and what collects them.

use super::edge::EdgeKind;

/// Receives dependencies, one or many at a time. Only explanations use the reason, of type `R`.
pub(crate) trait EdgeSink<R> {
    /// The transaction `from` precedes `to`. Has no effect if they are the same.
    fn edge(&mut self, from: u32, to: u32, kind: EdgeKind, reason: R);

    /// Each of `from` precedes each of `to`.
    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: EdgeKind, reason: R);
}

/// The edges of a dependency graph. Every call of [`Dependencies::for_each`] must report the same edges in the same
/// order, because the graph is built in two passes.
pub(crate) trait Dependencies {
    /// Why an edge exists.
    type Reason: Copy;

    /// Reports all edges to the sink.
    fn for_each(&self, sink: &mut impl EdgeSink<Self::Reason>);
}

/// Finds the reason of one edge among all dependencies.
pub(crate) struct ReasonFinder<R> {
    from: u32,
    to: u32,
    kind: EdgeKind,
    /// The first reason that was reported.
    pub(crate) reason: Option<R>,
}

impl<R> ReasonFinder<R> {
    /// A finder for the reason of this edge.
    pub(crate) fn new(from: u32, to: u32, kind: EdgeKind) -> ReasonFinder<R> {
        ReasonFinder { from, to, kind, reason: None }
    }
}

impl<R: Copy> EdgeSink<R> for ReasonFinder<R> {
    fn edge(&mut self, from: u32, to: u32, kind: EdgeKind, reason: R) {
        if self.reason.is_none() && (from, to, kind) == (self.from, self.to, self.kind) {
            self.reason = Some(reason);
        }
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: EdgeKind, reason: R) {
        if from.contains(&self.from) && to.contains(&self.to) {
            self.edge(self.from, self.to, kind, reason);
        }
    }
}
