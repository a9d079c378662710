//! Compares the outcome of a run with the expected one.

use super::Run;
use crate::checker::Valid;

/// Compares the outcome of a run with the expected one.
///
/// # Errors
/// Fails if they differ. The message has both outcomes.
pub(crate) fn judge(expect: &str, require_faults: bool, run: &Run) -> Result<(), String> {
    let is_aborted = run.breakdown.is_some();
    let valid = run.verdict.valid();
    let met = match expect {
        "error" => is_aborted,
        "valid" => !is_aborted && valid == Valid::True,
        "invalid" => !is_aborted && valid == Valid::False,
        "unknown" => !is_aborted && valid == Valid::Unknown,
        anomaly => !is_aborted && valid == Valid::False && run.has_anomaly(anomaly),
    };
    let idle = run.faults_without_effect();
    match expect {
        "valid" if met && require_faults && !idle.is_empty() => Err(format!(
            "valid, but requested faults took no effect: {}; make the run longer or the faults more frequent (`time_limit`, \
             `nemesis_interval`), remove faults that are impossible with these nodes, or allow it (`require_faults = false`)",
            idle.join(", ")
        )),
        _ if met => Ok(()),
        "error" => Err("expected the run to abort, but it completed".into()),
        _ if is_aborted => Err(format!("expected: {expect}, but the run was aborted")),
        "valid" | "invalid" | "unknown" => Err(format!("expected: {expect}")),
        anomaly => {
            let found = run.verdict.anomalies();
            let found =
                if found.is_empty() { "nothing was found".into() } else { format!("found: {}", found.join(", ")) };
            Err(format!("expected: {anomaly}; {found}"))
        }
    }
}
