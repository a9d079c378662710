//! Reports on finished runs.
//!
//! A reader who has never seen a history must understand what their system did wrong. So every report shows the verdict,
//! then the smallest set of operations that proves it, then where to find more:
//!
//! | report | for |
//! | --- | --- |
//! | [`text`] | the terminal, and `report.txt` |
//! | [`snapshot`] | regression tests: the part of a report that is the same in every run |
//! | [`results`] | programs: `results.json` |
//! | `report.html` | a browser: messages, timeline, plots and pictures of anomalies in one file |
//! | [`index`] | a browser: the list of all runs |
//!
//! [`write`][write()] writes all of them but the index into the directory of the run. [`file_names`] has their names.
//!
//! Every report is made from one [`RunView`]. Reports only show verdicts; [`checker`](crate::checker) decides them.

pub mod cause;
mod diagram;
mod escape;
mod faults;
pub mod file_names;
mod files;
mod html;
pub mod index;
mod journal;
mod latency;
mod lines;
mod node_log;
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

pub(crate) use journal::between as journal_between;
pub(crate) use units::{counted, length, moment};

pub(crate) use faults::fault_of;
pub use faults::{FaultSpan, fault_spans};
pub use files::write;
pub use node_log::{LogLine, NodeLog};
#[cfg(feature = "cli")]
pub use serve::{ServeError, StoreServer};
pub use view::{Breakdown, Expectation, FaultSummary, HistoryCounts, Part, RunView, TimeMode};

use latency::{Latencies, Latency};
