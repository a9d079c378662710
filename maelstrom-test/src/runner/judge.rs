//! Whether a run ended as a test expects.

pub(crate) use crate::scenario::judge;
use crate::scenario::{Run, RunError};

/// The run, whether it came to its end or broke off.
///
/// # Errors
/// What hindered it from beginning: no expectation is met by that.
pub(super) fn ended(result: Result<Run, RunError>) -> Result<Run, String> {
    match result {
        Ok(run) => Ok(run),
        Err(RunError::Broke { run, .. }) => Ok(*run),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Finding, Valid, Verdict};
    use crate::report::{Breakdown, FaultTally};

    fn run(valid: Valid, anomalies: &[&str]) -> Run {
        let mut run = crate::scenario::sample_run();
        let finding = |name: &&str| Finding { anomaly: name.to_string(), proscribed: true, ..Finding::default() };
        let findings = anomalies.iter().map(finding).collect();
        run.verdict.add("workload", Verdict { valid, findings, ..Verdict::default() });
        run
    }

    /// The expectations of a list that a run meets.
    fn met(run: &Run) -> Vec<&'static str> {
        let all = ["valid", "invalid", "unknown", "error", "lost", "G-single"];
        all.into_iter().filter(|expect| judge(expect, true, run).is_ok()).collect()
    }

    #[test]
    fn each_outcome_meets_its_own_expectation_only() {
        assert_eq!(met(&run(Valid::True, &[])), ["valid"]);
        assert_eq!(met(&run(Valid::Unknown, &[])), ["unknown"]);
        assert_eq!(met(&run(Valid::False, &[])), ["invalid"]);
        assert_eq!(met(&run(Valid::False, &["duplicated", "lost"])), ["invalid", "lost"]);
        assert_eq!(met(&run(Valid::False, &["G-single-item"])), ["invalid", "G-single"]);
        // An anomaly that the asked model allows does not make a run invalid, so it is not what was expected.
        assert_eq!(met(&run(Valid::True, &["lost"])), ["valid"]);
    }

    #[test]
    fn a_run_that_broke_off_is_an_error_and_nothing_else() {
        let mut run = run(Valid::False, &["lost"]);
        run.breakdown = Some(Breakdown::default());
        assert_eq!(met(&run), ["error"]);
    }

    #[test]
    fn a_valid_run_must_have_survived_what_was_asked_for() {
        let mut run = run(Valid::True, &[]);
        run.faults = vec![
            FaultTally { kind: "kill".into(), had_effect: true, ..FaultTally::default() },
            FaultTally { kind: "partition".into(), ..FaultTally::default() },
        ];
        let why = judge("valid", true, &run).expect_err("partition did nothing");
        assert!(why.contains("survived nothing: partition never"), "{why}");
        assert_eq!(judge("valid", false, &run), Ok(()));
    }

    #[test]
    fn what_was_found_instead_is_said() {
        let why = judge("lost", true, &run(Valid::False, &["unexpected"])).expect_err("another anomaly");
        assert_eq!(why, "expected: lost; found: unexpected");
    }
}
