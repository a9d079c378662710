//! Everything that has a name which people type: options, workloads, faults, anomalies.
//!
//! The attribute is a procedural macro, which cannot depend on the library whose attribute it is. This crate is what
//! both know:
//!
//! | module | content |
//! | --- | --- |
//! | the root | the table of options, from which attribute, builder, command line and documentation come |
//! | [`anomalies`] | the anomalies of each workload |
//! | [`suggest`] | "did you mean": the likeliest name behind a mistyped one |

// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

pub mod anomalies;
mod latency;
mod names;
pub mod suggest;
mod table;
mod value;

pub use latency::{
    LATENCIES, LATENCY_DISTRIBUTIONS, LatencyDistribution, LatencyShape, check_latency_shape,
    default_latency_distribution,
};
pub use names::{
    CONSISTENCY_MODELS, FAULTS, JOURNALS, OUTCOMES, TIME_MODES, TOPOLOGIES, WORKING_DIRECTORIES, WORKLOADS,
};
pub use table::{
    OPTIONS, OptionRow, SPECIAL, all, check_expect, check_workload, english, find, parse_seeds, unknown_option,
};
pub use value::{Kind, Value, Written, check_node_name, format_nanos, parse_duration};
