//! Compares the end of a run with the expectation of a test.

pub(crate) use crate::scenario::judge;
use crate::scenario::{Run, RunError};

/// Returns the run, whether it completed or was aborted.
///
/// # Errors
/// Fails if the run could not be started. No expectation is met by that.
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
    use crate::report::{Breakdown, FaultSummary};

    fn run(valid: Valid, anomalies: &[&str]) -> Run {
        let mut run = crate::scenario::sample_run();
        let finding = |name: &&str| Finding { anomaly: name.to_string(), proscribed: true, ..Finding::default() };
        let findings = anomalies.iter().map(finding).collect();
        run.verdict.add("workload", Verdict { valid, findings, ..Verdict::default() });
        run
    }

    /// Returns the expectations that a run meets.
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
        // An anomaly that the consistency model allows does not make a run invalid, so it does not meet an expectation.
        assert_eq!(met(&run(Valid::True, &["lost"])), ["valid"]);
    }

    #[test]
    fn an_aborted_run_meets_the_expectation_error_only() {
        let mut run = run(Valid::False, &["lost"]);
        run.breakdown = Some(Breakdown::default());
        assert_eq!(met(&run), ["error"]);
    }

    #[test]
    fn a_valid_run_fails_if_a_requested_fault_had_no_effect() {
        let mut run = run(Valid::True, &[]);
        run.faults = vec![
            FaultSummary { kind: "kill".into(), had_effect: true, ..FaultSummary::default() },
            FaultSummary { kind: "partition".into(), ..FaultSummary::default() },
        ];
        let why = judge("valid", true, &run).expect_err("partition had no effect");
        assert!(why.contains("took no effect: partition;"), "{why}");
        assert_eq!(judge("valid", false, &run), Ok(()));
    }

    #[test]
    fn the_failure_names_the_anomalies_that_were_found() {
        let why = judge("lost", true, &run(Valid::False, &["unexpected"])).expect_err("the anomaly differs");
        assert_eq!(why, "expected: lost; found: unexpected");
    }
}
