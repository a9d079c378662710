//! Scenarios and runs.
//!
//! A [`Scenario`] has a workload, a node program and [options](options::OPTIONS). The attribute
//! [`test`](macro@crate::test) and the command line create scenarios, too. Running a scenario starts a cluster, sends client
//! requests to it and injects faults. The result is a [`Run`]: history, verdict, statistics.
//!
//! ```no_run
//! use maelstrom::Scenario;
//! # fn main() -> Result<(), maelstrom::RunError> {
//! let raft = Scenario::new("lin-kv").bin("target/debug/raft").nodes(5).nemesis("partition");
//! // One run. If it is invalid, the panic message is its report.
//! raft.clone().seed(7).run()?.assert_valid();
//! // One run for each seed. The panic message names the seeds that failed.
//! raft.run_seeds(0..200)?.assert_valid();
//! # Ok(())
//! # }
//! ```

mod builder;
mod config;
mod determinism;
mod environment;
mod error;
mod execute;
mod expectation;
mod journal;
mod pace;
mod paths;
mod program;
mod progress;
mod recorder;
mod run;
mod run_log;
mod seeds;
mod shrink;
mod store;
mod turns;

pub use crate::workload::WorkloadChoice;
pub use builder::Scenario;
pub use config::{Config, KeepJournal, TimeChoice, WorkingDirectory};
pub use determinism::Difference;
#[cfg(feature = "cli")]
pub(crate) use determinism::compare;
#[cfg(feature = "cli")]
pub(crate) use environment::differences;
pub use environment::{PASSED_ON, is_passed_on};
pub use error::RunError;

pub(crate) use expectation::judge;
pub use maelstrom_options::{self as options, Defaults};
pub use pace::Pace;
pub use program::Program;
pub use progress::{Interrupt, Progress, ProgressSink};
#[cfg(test)]
pub(crate) use run::sample_run;
pub use run::{NetStats, OpCounts, Run, Traffic};
pub use seeds::{SeedFailure, SeedSummary};
#[cfg(feature = "cli")]
pub(crate) use store::STORE;
pub(crate) use store::{named_output, target_directory};
