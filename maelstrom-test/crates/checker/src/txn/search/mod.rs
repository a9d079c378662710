//! From a dependency graph to the cycles in it.
//!
//! ```text
//!   Graph + TransactionTimeline
//!      │  components: strongly connected components; a cycle lies inside of one
//!      ▼
//!   Component, Component, …
//!      │  pattern: one automaton for each kind of cycle (G0, G1c, G-single, …)
//!      ▼
//!   Component × Pattern
//!      │  walk: a shortest closed walk that the automaton accepts
//!      ▼
//!   closed walk, split into simple cycles, each named by its edges: DependencyCycle
//! ```
//!
//! An edge may have several kinds, and a walk may demand two of them. So a shortest closed walk may visit a transaction
//! twice. It is then split into simple cycles, each of which is reported under the name of its own edges.
//!
//! # Files
//! Each file uses only files above it in this list.
//!
//! | file | content |
//! | --- | --- |
//! | `tarjan` | strongly connected components of any graph |
//! | `components` | the components of the dependency graph, each as a graph of its own |
//! | `pattern` | kinds of cycles as automata, and the product of an automaton and a component |
//! | `reachability` | which edges can be closed to a cycle at all, for 64 edges at a time |
//! | `landmarks` | shortest cycles through one transaction, for many edges at a time |
//! | `batch` | breadth-first search from 64 edges at a time |
//! | `walk` | the search for a shortest closed walk, which uses all of these |
//! | `cycles` | which kinds of cycles to search for, and their names |

mod batch;
mod components;
mod cycles;
mod landmarks;
mod pattern;
mod reachability;
mod tarjan;
mod walk;

pub(in crate::txn) use cycles::Cycles;
pub(crate) use cycles::{DependencyCycle, find_cycles};
pub(in crate::txn) use tarjan::cyclic_components;
