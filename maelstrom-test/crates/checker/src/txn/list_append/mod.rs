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
use crate::stream::{check_streamed, stream_whole};
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
}

/// A list-append history that is checked entry by entry.
struct ListAppendStream {
    options: Options,
    builder: StoreBuilder<PrefixTree>,
}

impl Stream for ListAppendStream {
    fn push(&mut self, op: &Op) {
        self.builder.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        let store = self.builder.finish();
        judge(&ListAnalysis::new(&store, &self.options), &self.options.promise)
    }
}

impl Checker for ListAppend {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, _: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(ListAppendStream { options: self.options.clone(), builder: StoreBuilder::default() })
    }

    fn refine(&self, verdict: &mut Verdict, history: &History) {
        minimize(verdict, history, |part| stream_whole(self, part, &CheckContext::default()));
    }
}
