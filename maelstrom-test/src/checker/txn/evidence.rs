//! The smallest set of transactions that still shows an anomaly.
//!
//! A cycle that is the shortest in the graph of a long history is not always its shortest proof. The graph has an edge
//! from a read to the *next* write only, although the read precedes every later write as well; so three transactions may
//! stand in a cycle of which two suffice. Whether they do is tried out: a history of the transactions of the proof, and
//! nothing else, is judged again with each of them left out in turn, for as long as the anomaly is still found.
//!
//! This invents nothing, since fewer transactions never prove more: what a shorter history says of the order of versions,
//! the longer one says as well.

use crate::checker::{Evidence, Finding, Verdict};
use crate::history::History;

/// Proofs of other sizes are left as they are: two transactions are the fewest, and nobody reads very long proofs.
const TRANSACTIONS: std::ops::RangeInclusive<usize> = 3..=24;

/// Makes the proof of the first cycle of each kind, which is the one that reports show, as small as possible.
pub(super) fn minimize(verdict: &mut Verdict, history: &History, check: impl Fn(&History) -> Verdict) {
    let mut seen: Vec<String> = Vec::new();
    for finding in &mut verdict.findings {
        if finding.picture.is_none() || seen.contains(&finding.anomaly) {
            continue;
        }
        seen.push(finding.anomaly.clone());
        while let Some(smaller) = smaller(finding, history, &check) {
            *finding = smaller;
        }
    }
}

/// The same anomaly with a transaction less.
fn smaller(finding: &Finding, history: &History, check: &impl Fn(&History) -> Verdict) -> Option<Finding> {
    let proof: Vec<&Evidence> =
        finding.evidence.iter().filter(|line| line.invocation.or(line.completion).is_some()).collect();
    if !TRANSACTIONS.contains(&proof.len()) {
        return None;
    }
    (0..proof.len()).find_map(|left_out| {
        let kept = proof.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, line)| line);
        let mut positions: Vec<usize> = kept.flat_map(|line| [line.invocation, line.completion]).flatten().collect();
        positions.sort_unstable();
        let part = History { ops: positions.iter().map(|at| history.ops[*at].clone()).collect() };
        let mut found = check(&part).findings.into_iter().find(|other| other.anomaly == finding.anomaly)?;
        for line in &mut found.evidence {
            line.invocation = line.invocation.map(|at| positions[at]);
            line.completion = line.completion.map(|at| positions[at]);
        }
        Some(found)
    })
}
