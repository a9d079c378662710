//! Histories that are checked entry by entry.
//!
//! A history may not fit into memory. So checkers receive its entries one at a time, and keep only what they need.

use super::{CheckContext, Checker, Valid, Verdict};
use crate::history::{History, Mismatch, Op};

/// A checker that receives a history entry by entry.
pub trait Stream {
    /// Adds the next entry. Positions in the evidence of the verdict count these calls.
    fn push(&mut self, op: &Op);

    /// Ends the history and judges it.
    fn finish(self: Box<Self>) -> Verdict;
}

/// Checks a history in memory with the streaming implementation of a checker, then refines the proofs.
pub(super) fn check_streamed(checker: &impl Checker, history: &History, context: &CheckContext) -> Verdict {
    let mut verdict = stream_whole(checker, history, context);
    checker.refine(&mut verdict, history);
    verdict
}

/// Checks a history in memory with the streaming implementation of a checker. The proofs are not refined.
pub(super) fn stream_whole(checker: &(impl Checker + ?Sized), history: &History, context: &CheckContext) -> Verdict {
    let mut stream = checker.stream(context);
    history.ops.iter().for_each(|op| stream.push(op));
    stream.finish()
}

impl Verdict {
    /// Adds the reason that a completion has another function than its invocation. If the completion is `ok`, something
    /// unknown happened, so the verdict is at best unknown.
    pub(super) fn add_mismatch(&mut self, mismatch: Option<&Mismatch>) {
        let Some(mismatch) = mismatch else { return };
        if mismatch.is_ok {
            self.valid = self.valid.max(Valid::Unknown);
        }
        self.reason.get_or_insert_with(|| mismatch.text.clone());
    }
}

/// The stream of a checker that needs the whole history: it keeps the history.
pub(super) struct WholeHistory<'a, C: ?Sized> {
    pub(super) checker: &'a C,
    pub(super) context: &'a CheckContext,
    pub(super) history: History,
}

impl<C: Checker + ?Sized> Stream for WholeHistory<'_, C> {
    fn push(&mut self, op: &Op) {
        self.history.ops.push(op.clone());
    }

    fn finish(self: Box<Self>) -> Verdict {
        self.checker.check(&self.history, self.context)
    }
}
