//! [`FailureKind`]: which failure has to be found again in a repetition.

use crate::checker::{Finding, Results};
use crate::history::{History, Nanos};
use crate::scenario::Run;
use crate::simulation::Failure;

/// The parts of the verdict whose findings say that too little succeeded. Leaving out operations makes them fail in any
/// system, so they have no cause to search for.
const COUNTING_PARTS: [&str; 2] = ["stats", "availability"];

/// A kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// A checker found an anomaly.
    Anomaly { checker: &'static str, anomaly: String },
    /// A node's program exited.
    Exit { node: String },
}

impl FailureKind {
    /// Returns the failure of a run: that of its headline. `None` if it has none that can be searched for.
    pub(super) fn of(run: &Run, failure: Option<&Failure>) -> Option<FailureKind> {
        if let Some(failure) = failure {
            return match failure {
                Failure::NodeExited { node, .. } => Some(FailureKind::Exit { node: node.clone() }),
                _ => None,
            };
        }
        let headline = run.verdict.findings().into_iter().find(|finding| finding.proscribed)?;
        let part = run
            .verdict
            .parts()
            .iter()
            .find(|part| part.verdict.findings.iter().any(|other| std::ptr::eq(other, headline)))?;
        (!COUNTING_PARTS.contains(&part.name))
            .then(|| FailureKind::Anomaly { checker: part.name, anomaly: headline.anomaly.clone() })
    }

    /// Returns the name of the anomaly.
    pub(super) fn name(&self) -> &str {
        match self {
            FailureKind::Anomaly { anomaly, .. } => anomaly,
            FailureKind::Exit { .. } => "node exited",
        }
    }

    /// Returns the part of the verdict that has the failure.
    pub(super) fn checker(&self) -> &'static str {
        match self {
            FailureKind::Anomaly { checker, .. } => checker,
            FailureKind::Exit { .. } => "run",
        }
    }

    /// Whether a run failed in this way.
    pub(super) fn is_of(&self, run: &Run) -> bool {
        match self {
            FailureKind::Anomaly { .. } => self.find(&run.verdict).is_some(),
            FailureKind::Exit { node } => run.breakdown.as_ref().is_some_and(|why| why.node.as_ref() == Some(node)),
        }
    }

    /// Returns the finding of this failure in a verdict.
    pub(super) fn find<'a>(&self, verdict: &'a Results) -> Option<&'a Finding> {
        let FailureKind::Anomaly { checker, anomaly } = self else { return None };
        let findings = &verdict.get(checker)?.findings;
        findings.iter().find(|finding| finding.proscribed && finding.anomaly == *anomaly)
    }
}

/// Returns when a finding is proved: the time of the last completion in its evidence.
pub(super) fn proved_at(finding: &Finding, history: &History) -> Option<Nanos> {
    let entries = finding.evidence.iter().filter_map(|line| line.completion.or(line.invocation));
    entries.filter_map(|index| history.ops.get(index)).map(|op| op.time).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Valid, Verdict};
    use crate::scenario::sample_run;

    fn invalid(anomalies: &[&str]) -> Verdict {
        let finding = |name: &&str| Finding { anomaly: (*name).into(), proscribed: true, ..Finding::default() };
        Verdict { valid: Valid::False, findings: anomalies.iter().map(finding).collect(), ..Verdict::default() }
    }

    #[test]
    fn the_failure_is_that_of_the_headline() {
        let mut run = sample_run();
        assert_eq!(FailureKind::of(&run, None), None);
        run.verdict.add("availability", invalid(&["unavailable"]));
        assert_eq!(FailureKind::of(&run, None), None);
        run.verdict.add("workload", invalid(&["lost", "stale"]));
        let kind = FailureKind::of(&run, None).expect("an anomaly");
        assert_eq!(kind, FailureKind::Anomaly { checker: "workload", anomaly: "lost".into() });
        assert!(kind.find(&run.verdict).is_some());
        let mut other = sample_run();
        other.verdict.add("workload", invalid(&["stale"]));
        assert!(kind.find(&other.verdict).is_none());
    }
}
