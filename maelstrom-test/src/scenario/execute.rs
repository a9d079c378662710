//! From a configuration to a finished run: simulation × executor, then checkers and files.

use super::{Config, Run, RunError};

/// Runs, checks, and writes the run's files.
pub(super) fn execute(config: Config) -> Result<Run, RunError> {
    Err(RunError::Setup(format!("{}: running scenarios is under construction", config.name)))
}
