//! Why there is no finished run.

use super::Run;

/// Why a scenario did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The options make no sense. One sentence each.
    #[error("{}", .0.join("\n"))]
    Options(Vec<String>),
    /// The run could not begin: a program that does not exist, a directory that cannot be written, …
    #[error("{0}")]
    Setup(String),
    /// The run broke off: a node crashed, did not answer `init`, … What happened until then was recorded and judged.
    #[error("{reason}")]
    Broke {
        /// What happened, where, and what to do about it.
        reason: String,
        /// The run as far as it went.
        run: Box<Run>,
    },
}

impl RunError {
    /// The run as far as it went, if it had begun.
    pub fn run(&self) -> Option<&Run> {
        match self {
            RunError::Broke { run, .. } => Some(run),
            RunError::Options(_) | RunError::Setup(_) => None,
        }
    }
}
