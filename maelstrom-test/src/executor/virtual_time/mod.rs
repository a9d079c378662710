//! Runs nodes in virtual time: drives a [`Simulation`](crate::simulation::Simulation) on a [`Machine`], in lockstep.
//!
//! The documentation of the crate `maelstrom-virtual-time` explains how unmodified programs run on a simulated clock.

mod drive;

pub use drive::run;
pub use maelstrom_virtual_time::*;
