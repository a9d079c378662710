//! Reports: what people look at after a run.
//!
//! Someone who has never read a history must see what their system did wrong, and where to look. So every form of the
//! report says the verdict first, then shows the smallest set of operations that proves it, then where more is:
//!
//! - [`text`]: for the terminal and `report.txt`; [`snapshot`]: the part of it that is the same in every run;
//! - [`results`]: `results.json`, for programs;
//! - `report.html`, complete in itself, with the diagram of messages, the timeline, plots and pictures of anomalies.
//!
//! [`write`][write()] leaves all of them in the run's directory. [`file_names`] has their names.
//!
//! All of them draw on one [`RunView`], and none of them takes part in judging.

mod diagram;
mod escape;
mod faults;
pub mod file_names;
mod files;
mod html;
pub mod index;
mod journal;
mod latency;
mod picture;
pub mod results;
#[cfg(test)]
mod sample;
#[cfg(feature = "cli")]
mod serve;
pub mod snapshot;
pub mod text;
mod units;
mod view;

#[cfg(feature = "cli")]
pub(crate) use units::counted;
pub(crate) use units::length;

pub use faults::{FaultSpan, fault_spans};
pub use files::write;

pub use latency::{Latencies, Latency};
#[cfg(feature = "cli")]
pub use serve::StoreServer;
pub use view::{Breakdown, Expectation, FaultTally, NodeLog, Part, RunView, Tally, TimeMode};
