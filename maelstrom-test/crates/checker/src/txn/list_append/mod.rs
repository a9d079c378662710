//! List-append: every read of a key shows all appends before it, in order.
//!
//! The version order of a key is therefore visible: it is the longest list that was read. Every other list should be a
//! prefix of it.
//!
//! ```text
//!   T1: append x 1      T2: append x 2      T3: r x [1]      T4: r x [1 2]
//!
//!   version order of x:  []  ──►  1  ──►  2
//!
//!   T1 ─ww─► T2     T2 appended the element after that of T1
//!   T1 ─wr─► T3     T3 read the list that ends in the element of T1
//!   T3 ─rw─► T2     T2 appended the element after the list that T3 read
//! ```
//!
//! Appends that nobody read come after the last known element, in unknown order.
//!
//! Reads of a transaction without an ok completion count only if it is known to have happened, because another
//! transaction read what it appended.
//!
//! # Files
//! Each file uses only files above it in this list.
//!
//! | file | content |
//! | --- | --- |
//! | `prefix_tree` | all lists that were read, as a tree of prefixes |
//! | `analysis` | the version order of every key, and who read which version |
//! | `anomalies` | anomalies that are not cycles |
//! | `dependencies` | the edges through a key, and their reasons in words |

mod analysis;
mod anomalies;
mod dependencies;
mod prefix_tree;

pub(super) use self::analysis::ListAnalysis;
pub(super) use self::prefix_tree::PrefixTree;
use super::explain::minimize;
use super::options::Options;
use super::store::StoreBuilder;
use super::verdict::judge;
use crate::history::{History, Op};
use crate::stream::check_streamed;
use crate::{CheckContext, Checker, Stream, Verdict};

/// Checks transactions of `["append", key, value]` and `["r", key, list]`.
#[derive(Clone, Debug, Default)]
pub struct ListAppend {
    options: Options,
}

impl ListAppend {
    /// A checker with these options. Options for registers have no effect.
    pub fn new(options: Options) -> ListAppend {
        ListAppend { options }
    }

    /// A checker that receives the history entry by entry. It keeps only what the analysis needs, about 100 bytes for each
    /// transaction.
    ///
    /// ```
    /// use maelstrom_checker::txn::ListAppend;
    /// use maelstrom_checker::Valid;
    /// use maelstrom_checker::history::HistoryReader;
    ///
    /// let file = r#"{"type": "ok", "value": [["append", "x", 1]]}
    /// {"type": "ok", "value": [["r", "x", [1, 2]]]}"#;
    /// let mut feed = ListAppend::default().feed();
    /// for op in HistoryReader::new(file.as_bytes())? {
    ///     feed.push(&op?);
    /// }
    /// let verdict = feed.finish();
    /// assert_eq!(verdict.valid, Valid::False);
    /// assert_eq!(verdict.findings[0].story, "A transaction read 2 from key x, but nobody ever appended that.");
    /// # Ok::<(), maelstrom_checker::history::ReadError>(())
    /// ```
    pub fn feed(&self) -> ListAppendFeed {
        ListAppendFeed { options: self.options.clone(), builder: StoreBuilder::default() }
    }
}

/// A list-append history that is checked entry by entry.
pub struct ListAppendFeed {
    options: Options,
    builder: StoreBuilder<PrefixTree>,
}

impl ListAppendFeed {
    /// Adds the next entry. Positions in the evidence of the verdict count these calls.
    pub fn push(&mut self, op: &Op) {
        self.builder.push(op);
    }

    /// Ends the history and judges it.
    pub fn finish(self) -> Verdict {
        let store = self.builder.finish();
        judge(&ListAnalysis::new(&store, &self.options), &self.options.promise)
    }
}

impl Stream for ListAppendFeed {
    fn push(&mut self, op: &Op) {
        self.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        (*self).finish()
    }
}

impl Checker for ListAppend {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, _: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(self.feed())
    }

    fn refine(&self, verdict: &mut Verdict, history: &History) {
        minimize(verdict, history, |part| self.check(part, &CheckContext::default()));
    }
}
