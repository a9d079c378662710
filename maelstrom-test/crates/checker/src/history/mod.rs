//! Histories: what clients asked, what they were told, and when.
//!
//! A history is the list of all invocations and completions of operations in the order in which they happened. It is
//! all that a checker needs, so it can be recorded on one machine and checked on another. A run stores its history in
//! three forms ([`HistoryFormat`]); two of them can be read again ([`HistoryReader`]), as can the histories of Jepsen's
//! own tools.

mod edn_number;
#[cfg(test)]
mod edn_oracle_tests;
mod edn_read;
mod edn_write;
mod entry;
mod error;
#[cfg(test)]
mod fuzz_tests;
mod json_read;
mod json_write;
mod op;
mod pairing;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod write;

#[doc(hidden)] // For `results.edn`, which another crate writes.
pub use edn_write::{push_name, push_value};
pub use error::ReadError;
pub use op::{History, Op, OpType, Pair, Process};
pub(crate) use pairing::{Mismatch, Pairing};
pub use read::HistoryReader;
pub use write::{HistoryFormat, HistoryWriter};

/// Nanoseconds since the run began, on the run's own clock (simulated or not).
pub type Nanos = u64;
