//! Histories on their way into a checker, entry by entry.
//!
//! A history may be longer than what fits into memory. So checkers take its entries one at a time, and keep only what
//! they need of each.

use super::{CheckContext, Checker, Valid, Verdict};
use crate::history::{History, Mismatch, Op};

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

impl Verdict {
    /// Says that a completion names another function than its invocation. If it is `ok`, then something happened of which
    /// nobody knows what it was.
    pub(super) fn add_mismatch(&mut self, mismatch: Option<&Mismatch>) {
        let Some(mismatch) = mismatch else { return };
        if mismatch.is_ok {
            self.valid = self.valid.max(Valid::Unknown);
        }
        self.reason.get_or_insert_with(|| mismatch.text.clone());
    }
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
