//! Transactions: which consistency models does a history rule out?
//!
//! # The idea
//! A database promises that its transactions behave as if they had run in some order. That order cannot be observed, but
//! a history reveals parts of it:
//!
//! - T2 read what T1 wrote, so T1 came before T2: a *write-read* dependency, `wr`.
//! - T2 overwrote what T1 wrote, so T1 came before T2: a *write-write* dependency, `ww`.
//! - T2 overwrote what T1 read, so T1 came before T2, or T1 would have read what T2 wrote: a *read-write* dependency, `rw`.
//!
//! These dependencies form a graph. Where the graph has a cycle, no order exists: each transaction of the cycle would have
//! to come before itself.
//!
//! The edges of a cycle decide which promises it breaks. In a cycle of `ww` edges (`G0`), writes of several transactions
//! are mixed; not even *read uncommitted* allows that. A cycle with two adjacent `rw` edges (`G2-item`, write skew) breaks
//! *serializable*, but *snapshot isolation* allows it. There are some fifty models of different strength.
//! Besides cycles, there are values that no transaction should have seen: reads of failed writes (`G1a`), transactions
//! that contradict themselves (`internal`), and others.
//!
//! The method is that of A. Adya (*Weak Consistency*, 1999) and of Elle (K. Kingsbury and P. Alvaro, *Elle: Inferring
//! Isolation Anomalies from Experimental Observations*, VLDB 2020). Names of models and anomalies are those of Elle.
//!
//! # Two kinds of histories
//! Dependencies can be inferred only if the order of the values of a key, its *version order*, is known. With
//! [`ListAppend`], keys are lists and writes append to them, so every read shows all writes before it. With
//! [`RwRegister`], keys are registers, and the version order is inferred as far as assumptions allow ([`Options`]). Both
//! need values that are unique per key.
//!
//! # From history to verdict
//! ```text
//!       history, entry by entry
//!          │
//!          ▼  store          transactions, keys and values as numbers in flat arrays
//!          │
//!          ├─────────────────────────────────────┐
//!          ▼  list_append   or   rw_register     │
//!       version order of each key                │
//!          │                                     │
//!          ├───────────────────────┐             │
//!          ▼  graph                ▼  anomalies  ▼  lost_update
//!       ww, wr, rw, process     G1a, G1b, internal, …
//!       and realtime edges         │
//!          │                       │
//!          ▼  search               │
//!       cycles: G0, G1c, …         │
//!          │                       │
//!          ▼  explain              ▼
//!       examples in words ──► findings
//!                                  │
//!                                  ▼  verdict     compared with the promise: which models are ruled out?
//!                               Verdict
//! ```
//!
//! # Modules
//! A module uses only modules above it in this list.
//!
//! | module | content |
//! | --- | --- |
//! | `anomaly`, `model`, `promise` | names: of anomalies, of consistency models, and what a system promised |
//! | `options` | the options of the checkers |
//! | `store` | the transactions of a history in flat arrays |
//! | `graph` | dependency graphs |
//! | `search` | from a graph to its cycles |
//! | `findings` | the anomalies of a history, counted, with examples |
//! | `analysis` | the interface that a workload implements |
//! | `explain` | transactions, cycles and proofs in words |
//! | `lost_update` | an anomaly that both workloads share |
//! | `verdict` | from the analysis of a workload to a verdict |
//! | `list_append`, `rw_register` | the two workloads and their checkers |
//!
//! [`simulated`] stands apart: a database with a chosen isolation level, to test and measure checkers.
//!
//! # Use
//! ```
//! use maelstrom_checker::txn::{ListAppend, Options};
//! use maelstrom_checker::{CheckContext, Checker, Valid};
//! use maelstrom_checker::history::{History, Op, OpType};
//! use maelstrom_checker::json::json;
//!
//! // Two doctors are on call. Each sees that the other one is on call, and goes off duty.
//! let ok = |index, process, value| Op::new(index, OpType::Ok, process, "txn", value);
//! let history = History { ops: vec![
//!     ok(0, 0, json!([["r", "alice-off", []], ["append", "bob-off", 1]])),
//!     ok(1, 1, json!([["r", "bob-off", []], ["append", "alice-off", 1]])),
//! ] };
//!
//! let serializable = ListAppend::new(Options { promise: "serializable".parse()?, ..Options::default() });
//! let verdict = serializable.check(&history, &CheckContext::default());
//! assert_eq!(verdict.valid, Valid::False);
//! assert_eq!(verdict.findings[0].anomaly, "G2-item");
//! assert_eq!(verdict.findings[0].shape, "T1 -rw-> T2 -rw-> T1");
//! assert_eq!(
//!     verdict.findings[0].evidence[0].note,
//!     "T1 < T2, because T2 appended 1 after T1 had read key alice-off without it, as []"
//! );
//!
//! // Snapshot isolation allows that.
//! let snapshots = ListAppend::new(Options { promise: "snapshot-isolation".parse()?, ..Options::default() });
//! let verdict = snapshots.check(&history, &CheckContext::default());
//! assert_eq!(verdict.valid, Valid::True);
//! assert_eq!(verdict.details["allowed_anomalies"], json!(["G2-item"]));
//! assert_eq!(verdict.details["not"], json!(["repeatable-read"]));
//! # Ok::<(), maelstrom_checker::txn::UnknownName>(())
//! ```
//!
//! A history that does not fit into memory can be checked entry by entry, see
//! [`Checker::stream`](crate::Checker::stream).
//!
//! # Results
//! [`Verdict::details`](crate::Verdict::details) holds:
//!
//! | entry | content |
//! | --- | --- |
//! | `anomaly_types` | anomalies that break the promise; `empty-transaction-graph` if no transaction depends on another |
//! | `allowed_anomalies` | anomalies that the promise allows |
//! | `anomalies` | up to eight examples of each anomaly, with the indices of their operations |
//! | `anomaly_counts` | the number of occurrences of each anomaly |
//! | `not` | the weakest models that the history rules out |
//! | `also_not` | the stronger models that are therefore ruled out too |
//! | `transaction_count` | the number of transactions |
//! | `component_count` | the number of strongly connected components with at least two transactions |
//! | `repeated_writes` | values that were written twice, if there are any |
//!
//! # Cost
//! Time is nearly linear in the length of the history: a million transactions take a few seconds. The search for cycles is
//! polynomial and has no time limit. Where it would take very long to prove that a cycle is the shortest, the verdict shows
//! the shortest one found so far. So the same history always gets the same verdict.

mod analysis;
mod anomaly;
mod explain;
mod findings;
mod graph;
mod list_append;
mod lost_update;
mod model;
mod options;
mod promise;
mod rw_register;
mod search;
pub mod simulated;
mod store;
#[cfg(test)]
mod tests;
mod unknown_name;
mod verdict;

pub use list_append::ListAppend;
pub use options::Options;
pub use promise::Promise;
pub use rw_register::RwRegister;
pub use unknown_name::UnknownName;

// The Kafka checker searches for cycles of dependencies, too.
pub(crate) use anomaly::Anomaly;
pub(crate) use explain::{rotated, shape};
pub(crate) use graph::{Dependencies, EdgeKind, EdgeSink, Graph, ReasonFinder, TransactionTimeline};
pub(crate) use search::{DependencyCycle, find_cycles};
