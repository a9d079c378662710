//! The smallest set of transactions that still shows an anomaly.
//!
//! A cycle that is the shortest in the graph of a long history is not always its shortest proof. The graph has an edge
//! from a read to the *next* write only, although the read precedes every later write as well; so three transactions may
//! stand in a cycle of which two suffice. Whether they do is tried out: a history of the transactions of the proof, and
//! nothing else, is judged again with each of them left out in turn, for as long as the anomaly is still found.
//!
//! This invents nothing, since fewer transactions never prove more: what a shorter history says of the order of versions,
//! the longer one says as well.

use crate::history::History;
use crate::{Evidence, Finding, Verdict};

/// Longer proofs are left as they are: nobody reads them.
const LONGEST: usize = 24;

/// Makes each proof as small as possible. Of several proofs of one anomaly the shortest comes first: which one is found
/// first depends on timing, so snapshots would change with it.
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

/// The same anomaly with a transaction less.
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
