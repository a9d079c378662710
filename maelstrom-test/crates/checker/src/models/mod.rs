//! Checkers of histories that no built-in workload records, for `maelstrom check --model` and workloads of your own.
//!
//! | checker | promise | known from |
//! | --- | --- | --- |
//! | [`UnorderedQueue`] | every dequeued element was enqueued, and is dequeued once | Knossos, Jepsen's `queue` |
//! | [`LinearizableSet`] | reads show all that was added before them, and nothing else | Knossos, Jepsen's `set-full` |
//! | [`Bank`] | every read of all accounts has the same total | Jepsen, elle-cli |

mod bank;
mod linearizable_set;
#[cfg(test)]
mod linearizable_set_tests;
mod unordered_queue;

pub use bank::Bank;
pub use linearizable_set::LinearizableSet;
pub use unordered_queue::UnorderedQueue;

use crate::entries::NONE;
use crate::history::Pair;

/// Positions of an operation's entries, or [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    invocation: u32,
    completion: u32,
}

impl Place {
    fn pair(self) -> Pair {
        let position = |at: u32| Some(at as usize).filter(|_| at != NONE);
        Pair { invocation: position(self.invocation), completion: position(self.completion) }
    }

    /// When the operation began, on a line on which position *p* of the history is *p* + 1, and 0 is before everything:
    /// an operation whose invocation is missing may have begun at any time before.
    fn start(self) -> u32 {
        if self.invocation == NONE { 0 } else { self.invocation + 1 }
    }

    /// When it ended, on the same line; only of operations that did.
    fn end(self) -> u32 {
        self.completion + 1
    }
}
