//! Histories: what clients requested, what they were answered, and when.
//!
//! A history is the list of all invocations and completions of operations, in the order in which they happened:
//!
//! ```text
//!   index  process  type    f      value
//!   0      p0       invoke  write  1          p0 requests a write
//!   1      p1       invoke  read
//!   2      p0       ok      write  1          the write happened
//!   3      p1       info    read              p1 got no answer
//! ```
//!
//! A checker needs nothing else, so a history can be recorded on one machine and checked on another. A run stores its
//! history in three formats ([`HistoryFormat`]). [`HistoryReader`] reads two of them, and histories of Jepsen's tools.

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

#[doc(hidden)] // For `results.edn`, which the crate `maelstrom-test` writes.
pub use edn_write::{push_name, push_value};
pub use error::ReadError;
pub use op::{History, Op, OpType, Pair, Process};
pub(crate) use pairing::{Mismatch, Pairing};
pub use read::HistoryReader;
pub use write::{HistoryFormat, HistoryWriter};

/// Nanoseconds since the beginning of the run, on the clock of the run (real or simulated).
pub type Nanos = u64;
