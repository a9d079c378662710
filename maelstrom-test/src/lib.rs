//! A workbench for learning and regression-testing distributed systems.
//!
//! You write *nodes*: programs in any language that read and write JSON lines. Maelstrom starts a cluster of them, puts a
//! simulated network between them, sends client requests, injects faults, records a history of every operation, and checks
//! from the history whether the system kept its promise.
//!
//! # As a test
//!
//! A cluster test is an ordinary test of your package: a function in `tests/`, with the attribute [`test`](macro@test).
//!
//! ```no_run
//! // tests/cluster.rs
//! #[maelstrom::test(
//!     workload = "broadcast",
//!     command = ["python3", "nodes/gossip.py"],
//!     nodes = 5,
//!     nemesis = "partition",
//! )]
//! fn gossip_reaches_everyone(run: &maelstrom::Run) {
//!     // The run is valid, or the body would not run. Assert what else you expect of it.
//!     assert!(run.net.servers.msgs_per_op < 30.0);
//! }
//!
//! maelstrom::main!();
//! ```
//!
//! Without `command`, the nodes are your package's own binary. If a run is not as expected, the test fails with a report
//! of at most forty lines: the verdict, the few operations that prove it, and the path of `report.html`, which has
//! everything, with pictures.
//!
//! # As a builder
//!
//! [`Scenario`] has the same options:
//!
//! ```no_run
//! let raft = maelstrom::Scenario::new("lin-kv").bin("target/debug/raft");
//! let run = raft.nodes(5).nemesis("partition").seed(7).run()?;
//! println!("{run}");
//! run.assert_valid();
//! # Ok::<(), maelstrom::RunError>(())
//! ```
//!
//! [`Scenario::run_seeds`] runs it with many seeds and names those that fail.
//!
//! # Where to read on
//!
//! | for | see |
//! | --- | --- |
//! | all options, lists that make several cases, expectations, snapshots | [`test`](macro@test) |
//! | the runner, its environment variables, file names | [`runner`] |
//! | the built-in workloads, and how to write one | [`workload`] |
//! | writing nodes in Rust | the crate `maelstrom-node`, or the module `node` (feature `node`) |
//! | what a verdict means; judging histories recorded elsewhere | [`checker`], [`checker::linearizable`], [`checker::txn`] |
//! | the simulated clock, what it can run, and when it is not available | [`executor::virtual_time`] |
//! | the files that a run leaves behind | [`report`] |
//! | the program `maelstrom` | `cli` (feature `cli`) |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cli")]
pub mod cli;
pub mod executor;
pub mod report;
pub mod runner;
pub mod scenario;

pub use maelstrom_checker::{self as checker, history};
pub use maelstrom_core::{generator, nemesis, network, service, simulation, workload};
pub use maelstrom_macros::test;
#[cfg(feature = "node")]
pub use maelstrom_node as node;
pub use maelstrom_options::suggest;
pub use maelstrom_protocol::{self as protocol, json};
pub use maelstrom_random as random;
pub use scenario::{Run, RunError, Scenario};
pub use workload::Workload;

/// Items that the expansion of `#[maelstrom::test]` uses. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::runner::body::IntoTestResult;
    pub use crate::runner::function::{Function, ProgramSpec, TestFailure};
    pub use crate::runner::run_function;
    pub use {insta, inventory};
}
