//! Reduces a proof to the smallest set of transactions that still shows the anomaly.
//!
//! The shortest cycle in the graph of a long history is not always the shortest proof. The graph has an edge only from a
//! read to the *next* write, although the read precedes every later write as well. So a cycle may have three transactions
//! where two suffice. To find out, the checker judges a history of only the transactions of the proof, leaving out one at a
//! time, as long as the anomaly is still found.
//!
//! This is sound: what a part of a history proves of the version order, the whole history proves as well.

use crate::history::History;
use crate::{Evidence, Finding, Verdict};

/// The number of transactions of the longest proof that is reduced. Readers do not follow longer ones.
const LONGEST: usize = 24;

/// Makes each proof as small as possible, and sorts the proofs of an anomaly by length. Their order in the history depends
/// on timing, so snapshots would change with it.
pub(in crate::txn) fn minimize(verdict: &mut Verdict, history: &History, check: impl Fn(&History) -> Verdict) {
    for finding in &mut verdict.findings {
        while let Some(smaller) = smaller(finding, history, &check) {
            *finding = smaller;
        }
    }
    for same in verdict.findings.chunk_by_mut(|a, b| a.anomaly == b.anomaly) {
        same.sort_by(|a, b| (a.evidence.len(), &a.shape).cmp(&(b.evidence.len(), &b.shape)));
    }
}

/// A proof of the same anomaly with one transaction less.
fn smaller(finding: &Finding, history: &History, check: &impl Fn(&History) -> Verdict) -> Option<Finding> {
    let place = |line: &Evidence| line.completion.or(line.invocation);
    let mut proof: Vec<&Evidence> = finding.evidence.iter().filter(|line| place(line).is_some()).collect();
    proof.sort_by_key(|line| place(line));
    proof.dedup_by_key(|line| place(line));
    if !(2..=LONGEST).contains(&proof.len()) {
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
