//! A workbench for learning and regression-testing distributed systems.
//!
//! You write *nodes*: programs in any language that read and write JSON lines. Maelstrom starts a cluster of nodes, connects
//! them by a simulated network, sends client requests, injects faults, and records a history of all operations. From the
//! history, it checks whether the system satisfies its specification.
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
//!     // The body is called only if the run is valid. It can assert further properties.
//!     assert!(run.net.servers.msgs_per_op < 30.0);
//! }
//!
//! maelstrom::main!();
//! ```
//!
//! Without `command`, the nodes are your package's own binary. If the outcome of a run is not the
//! expected one, the test fails with a report of at most 40 lines: the verdict, the operations that prove it, and the path of
//! `report.html`, which has all results and diagrams.
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
//! [`Scenario::run_seeds`] runs a scenario with many seeds and lists the seeds that fail.
//!
//! # Further documentation
//!
//! | topic | page |
//! | --- | --- |
//! | options, lists of values, expectations, snapshots | [`test`](macro@test) |
//! | the test runner, environment variables, file names | [`runner`] |
//! | built-in and custom workloads | [`workload`] |
//! | writing nodes in Rust | the crate `maelstrom-node`, or the module `node` (feature `node`) |
//! | verdicts, checking recorded histories | [`checker`], [`checker::linearizable`], [`checker::txn`] |
//! | virtual time: supported programs, availability | [`executor::virtual_time`] |
//! | the files of a run | [`report`] |
//! | the program `maelstrom` | `cli` (feature `cli`) |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cli")]
pub mod cli;
pub mod executor;
pub mod report;
pub mod runner;
pub mod scenario;

pub use maelstrom_checker::{self as checker, history};
pub use maelstrom_core::{generator, nemesis, network, plan, service, simulation, workload};
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
