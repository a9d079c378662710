//! Runs nodes in virtual time: drives a [`Simulation`](crate::simulation::Simulation) on a [`Machine`], in lockstep.
//!
//! How unmodified programs are put on a simulated clock is told in the documentation of the crate
//! `maelstrom-virtual-time`.

mod drive;

pub use drive::run;
pub use maelstrom_virtual_time::*;
