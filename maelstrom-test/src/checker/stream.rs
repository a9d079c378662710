//! Histories on their way into a checker, entry by entry.
//!
//! A history may be longer than what fits into memory. So checkers take its entries one at a time, and keep only what
//! they need of each.

use super::{CheckContext, Checker, Verdict};
use crate::history::{History, Op};

/// A history on its way into a checker. What the checker keeps of it is much smaller.
pub trait Stream {
    /// Takes the next entry. Positions in the verdict's evidence count these calls.
    fn push(&mut self, op: &Op);

    /// Judges what was taken.
    fn finish(self: Box<Self>) -> Verdict;
}

/// Judges a history that is in memory as if it came entry by entry.
pub(super) fn check_streamed(checker: &impl Checker, history: &History, context: &CheckContext) -> Verdict {
    let mut stream = checker.stream(context);
    history.ops.iter().for_each(|op| stream.push(op));
    let mut verdict = stream.finish();
    checker.refine(&mut verdict, history);
    verdict
}

/// For checkers that need all of a history at once: keeps it.
pub(super) struct Whole<'a, C: ?Sized> {
    pub(super) checker: &'a C,
    pub(super) context: &'a CheckContext,
    pub(super) history: History,
}

impl<C: Checker + ?Sized> Stream for Whole<'_, C> {
    fn push(&mut self, op: &Op) {
        self.history.ops.push(op.clone());
    }

    fn finish(self: Box<Self>) -> Verdict {
        self.checker.check(&self.history, self.context)
    }
}
