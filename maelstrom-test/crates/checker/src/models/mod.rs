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
