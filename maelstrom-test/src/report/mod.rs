//! Reports: what people look at after a run.
//!
//! Someone who has never read a history must see what their system did wrong, and where to look. So every form of the
//! report says the verdict first, then shows the smallest set of operations that proves it, then where more is:
//!
//! - [`text`]: for the terminal and `report.txt`; [`snapshot`]: the part of it that is the same in every run;
//! - [`results`]: `results.json`, for programs.
//!
//! All of them draw on one [`RunView`], and none of them takes part in judging.

mod diagram;
mod escape;
mod faults;
mod latency;
mod picture;
pub mod results;
#[cfg(test)]
mod sample;
pub mod snapshot;
pub mod text;
mod units;
mod view;

pub use faults::{FaultSpan, fault_spans};
pub use latency::{Latencies, Latency};
pub use view::{Breakdown, FaultTally, NodeLog, Part, RunView, TimeMode};
