//! Errors of scenarios.

use std::fmt;

use super::Run;
use super::options::OptionError;

/// The error of a scenario that did not complete.
///
/// Its `Debug` form is the message, or the report if the run was aborted. `unwrap` and tests that return errors print this form.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Options are invalid. Contains all errors.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Options(Vec<OptionError>),
    /// The run could not be started: the program does not exist, the directory is not writable, …
    #[error("{0}")]
    Setup(String),
    /// The run was aborted: a node crashed, did not respond to `init`, … The history up to that point was recorded and
    /// checked.
    #[error("{reason}")]
    Broke {
        /// The failure, the node, and what to do about it.
        reason: String,
        /// The run up to the failure.
        run: Box<Run>,
    },
}

impl RunError {
    /// Returns the run up to the failure, if it was started.
    pub fn run(&self) -> Option<&Run> {
        match self {
            RunError::Broke { run, .. } => Some(run),
            RunError::Options(_) | RunError::Setup(_) => None,
        }
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Options(_) | RunError::Setup(_) => fmt::Display::fmt(self, f),
            RunError::Broke { run, .. } => write!(f, "the run was aborted\n\n{run}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Breakdown;

    #[test]
    fn unwrap_prints_the_message() {
        let wrong = |message| OptionError::new(message, "leave it out");
        let options = RunError::Options(vec![wrong("one is wrong"), wrong("so is another")]);
        let text = "one is wrong\n  help: leave it out\nso is another\n  help: leave it out";
        assert_eq!(format!("{options:?}"), text);
        assert_eq!(format!("{:?}", RunError::Setup("no program".into())), "no program");
        let mut run = super::super::sample_run();
        run.breakdown =
            Some(Breakdown { headline: "n1 hangs".into(), story: "n1 hangs".into(), ..Breakdown::default() });
        let broke = RunError::Broke { reason: "n1 hangs".into(), run: Box::new(run.clone()) };
        assert_eq!(format!("{broke:?}"), format!("the run was aborted\n\n{run}"));
    }
}
