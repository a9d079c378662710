//! Virtual time on systems that it does not support.

use super::{NodeProgram, Observer, VirtualTimeStats};
use crate::simulation::{Failure, Simulation};

/// Why virtual time is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

fn unavailable() -> Unavailable {
    Unavailable("virtual time needs Linux on x86-64".into())
}

/// Checks whether virtual time is available.
///
/// # Errors
/// Always fails.
pub fn available() -> Result<(), Unavailable> {
    Err(unavailable())
}

/// Aborts the run.
pub fn run(simulation: &mut Simulation, _: &[NodeProgram], _: u64, _: &mut dyn Observer) -> VirtualTimeStats {
    simulation.fail(Failure::Machine(unavailable().to_string()));
    VirtualTimeStats::default()
}
