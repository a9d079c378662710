//! Histories: what clients asked, what they were told, and when.
//!
//! A history is the list of all invocations and completions of operations in the order in which they happened. It is
//! all that a checker needs, so it can be recorded on one machine and checked on another.

mod op;

pub use op::{History, Op, OpType, Pair, Process};

/// Nanoseconds since the run began, on the run's own clock (simulated or not).
pub type Nanos = u64;
