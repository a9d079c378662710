//! Everything that has a name which people type: options, workloads, faults, anomalies.
//!
//! The attribute is a procedural macro, which cannot depend on the library whose attribute it is. This crate is what
//! both know:
//!
//! ```text
//! literal ──► Options (checked) ──► configuration of the run
//!    ▲            ▲
//!    └── a row of the table says how ──┘
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | the root | the table of options, from which attribute, builder, command line and documentation come |
//! | [`literal`] | the types of the builder's parameters |
//! | [`anomalies`] | the anomalies of each workload |
//! | [`suggest`] | "did you mean": the likeliest name behind a mistyped one |

#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

#[macro_use]
mod table;

pub mod anomalies;
mod checks;
mod defaults;
mod duration;
mod error;
mod kind;
mod latency;
pub mod literal;
mod names;
mod nodes;
mod options;
mod row;
pub mod suggest;
mod value;

pub use checks::{check_expect, check_workload, parse_seeds};
pub use defaults::{Defaults, FALLBACK_TIME_LIMIT};
pub use duration::format_nanos;
pub use error::OptionError;
pub use kind::{Bare, Kind, Unit};
pub use latency::{
    LATENCIES, LATENCY_DISTRIBUTIONS, LatencyDistribution, LatencyShape, check_latency_shape,
    default_latency_distribution,
};
pub use names::{
    CONSISTENCY_MODELS, FAULTS, JOURNALS, OUTCOMES, TIME_MODES, TOPOLOGIES, WORKING_DIRECTORIES, WORKLOADS,
};
pub use nodes::Nodes;
pub use options::Options;
pub use row::{DefaultValue, Flag, OPTIONS, OptionRow, SPECIAL, all, find, of_command, of_workload, unknown_option};
pub use value::{Concurrency, FrontEnd, Value};
