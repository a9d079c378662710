//! Virtual time on systems that it has not been brought to: it says so.

use super::{NodeProgram, Observer, Traced};
use crate::simulation::{Failure, Simulation};

/// Why virtual time is not possible here: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

fn unavailable() -> Unavailable {
    Unavailable("virtual time needs Linux on x86-64".into())
}

/// Whether runs can be in virtual time here: never.
///
/// # Errors
/// Always.
pub fn available() -> Result<(), Unavailable> {
    Err(unavailable())
}

/// Breaks the run off.
pub fn run(simulation: &mut Simulation, _: &[NodeProgram], _: u64, _: &mut dyn Observer) -> Traced {
    simulation.fail(Failure::Machine(unavailable().to_string()));
    Traced::default()
}
