//! A workbench for learning and regression-testing distributed systems.
//!
//! You write *nodes*: programs in any language that speak JSON lines over standard input and output. Maelstrom starts a
//! cluster of them, puts a simulated network between them, sends client requests, breaks things on purpose, records a
//! history of every operation, and proves from the history whether the system kept its promise.

pub mod checker;
#[cfg(feature = "cli")]
pub mod cli;
pub mod executor;
pub mod generator;
pub mod history;
pub mod nemesis;
pub mod network;
#[cfg(feature = "node")]
pub mod node;
pub mod protocol;
pub mod random;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod service;
pub mod simulation;
pub mod suggest;
pub mod workload;

pub use maelstrom_macros::test;
pub use scenario::{Run, RunError, Scenario};
pub use workload::Workload;

/// What the expansion of `#[maelstrom::test]` uses. Not for people.
#[doc(hidden)]
pub mod __private {
    pub use crate::runner::{Failure, Function, Outcome, Source, run_function};
    pub use {insta, inventory};
}
