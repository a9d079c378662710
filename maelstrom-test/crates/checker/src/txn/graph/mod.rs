//! Dependency graphs: which transaction precedes which, and why.
//!
//! | edge | T1 precedes T2, because |
//! | --- | --- |
//! | `ww` | T2 overwrote what T1 wrote |
//! | `wr` | T2 read what T1 wrote |
//! | `rw` | T2 overwrote what T1 read |
//! | `process` | one process performed T1 and then T2 |
//! | `realtime` | T1 was complete before T2 began |
//!
//! A workload knows the dependencies ([`Dependencies`]) and reports them to an [`EdgeSink`]. [`Graph`] is such a sink: it
//! stores an edge in 32 bits, its target and its [`EdgeKind`], and forgets the reason. [`ReasonFinder`] is another one: it
//! recovers the reason of a single edge when a report needs it. So a graph of a million transactions takes only a few
//! megabytes.
//!
//! # Hubs
//! Where each of many transactions precedes each of many others, the graph holds a *hub* between them instead of all
//! pairs. A hub is a node that is not a transaction. A path through a hub counts as one edge, whose kind is that of the
//! edge into the hub.
//!
//! ```text
//!     T1 ─rw─┐       ┌──► T4
//!     T2 ─rw─┼─► hub ┼──► T5        6 edges instead of 9
//!     T3 ─rw─┘       └──► T6
//! ```
//!
//! # Real time
//! Real-time edges are not part of [`Graph`]: there are too many of them. A [`TransactionTimeline`] keeps the order of
//! beginnings and ends, and produces the edges of one component at a time, transitively reduced.

mod compressed;
mod dependencies;
mod edge;
mod timeline;

pub(crate) use compressed::Graph;
pub(crate) use dependencies::{Dependencies, EdgeSink, ReasonFinder};
pub(in crate::txn) use edge::Edge;
pub(crate) use edge::EdgeKind;
pub(crate) use timeline::TransactionTimeline;
