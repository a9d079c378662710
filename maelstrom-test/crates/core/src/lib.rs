//! The simulated cluster: a network, services, workloads, faults, and the state machine that ties them together.
//!
//! Nothing here starts a thread, opens a file or reads a clock. The [`simulation`] is told the time and what happened,
//! and says what to do and when it wants to be called again.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

pub mod generator;
pub mod nemesis;
pub mod network;
pub mod plan;
pub mod service;
pub mod simulation;
pub mod workload;

#[doc(no_inline)]
pub use maelstrom_checker::{self as checker, history};
#[doc(no_inline)]
pub use maelstrom_protocol::{self as protocol, json};
#[doc(no_inline)]
pub use maelstrom_random as random;

use maelstrom_options::suggest;
