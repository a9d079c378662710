//! Moves operations and faults in time.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::Candidate;
use crate::history::Nanos;
use crate::plan::{Operation, OperationPhase};

/// Returns the candidate with other times between the moments of its main phase at which something begins or ends. `gap` is
/// called with the number of each moment and the time since the one before it, and returns the new one.
pub(super) fn with_gaps(candidate: &Candidate, mut gap: impl FnMut(usize, Nanos) -> Nanos) -> Candidate {
    let mut moved = candidate.clone();
    let in_main = |operation: &&Operation| operation.phase == OperationPhase::Main;
    let mut times: Vec<Nanos> = candidate.operations().iter().filter(in_main).map(|op| op.time_ns).collect();
    times.extend(candidate.faults().iter().flat_map(|fault| [Some(fault.start_ns), fault.stop_ns]).flatten());
    times.sort_unstable();
    times.dedup();
    let (mut before, mut now) = (0, 0);
    let mut new_times = BTreeMap::new();
    for (number, time) in times.into_iter().enumerate() {
        now += gap(number, time - before);
        before = time;
        new_times.insert(time, now);
    }
    let new_time = |time: &mut Nanos| *time = new_times[time];
    let operations = moved.overrides.operations.iter_mut().flatten();
    operations.filter(|op| op.phase == OperationPhase::Main).for_each(|op| new_time(&mut op.time_ns));
    for fault in moved.overrides.faults.iter_mut().flatten() {
        new_time(&mut fault.start_ns);
        fault.stop_ns.iter_mut().for_each(new_time);
    }
    // What is sooner than before ends sooner, too.
    moved.overrides.end_ns = candidate.overrides.end_ns.map(|end| (end + now).saturating_sub(before));
    moved
}

/// Returns the candidate with all operations begun at the same time that began less than `within` after the first of them.
pub(super) fn together(candidate: &Candidate, within: Nanos) -> Candidate {
    let mut moved = candidate.clone();
    let mut first = None;
    for operation in moved.overrides.operations.iter_mut().flatten() {
        if operation.phase != OperationPhase::Main {
            continue;
        }
        match first {
            Some(first) if operation.time_ns - first < within => operation.time_ns = first,
            _ => first = Some(operation.time_ns),
        }
    }
    moved
}

/// Returns the candidate with its operations of the main phase spread over the workers. `None` if each already has its own.
pub(super) fn spread(candidate: &Candidate) -> Option<Candidate> {
    let in_main = |operation: &&Operation| operation.phase == OperationPhase::Main;
    let workers: Vec<usize> = candidate.operations().iter().filter(in_main).map(|operation| operation.worker).collect();
    let distinct: BTreeSet<usize> = workers.iter().copied().collect();
    if distinct.len() == workers.len() || workers.len() > candidate.concurrency {
        return None;
    }
    let mut moved = candidate.clone();
    let operations = moved.overrides.operations.iter_mut().flatten();
    operations.filter(|op| op.phase == OperationPhase::Main).enumerate().for_each(|(number, op)| op.worker = number);
    Some(moved)
}

/// Returns the candidate with all faults begun before its first operation of the main phase.
pub(super) fn faults_first(candidate: &Candidate) -> Candidate {
    /// How long before.
    const BEFORE: Nanos = 5_000_000;
    let mut moved = candidate.clone();
    let in_main = |operation: &&Operation| operation.phase == OperationPhase::Main;
    if let Some(first) = candidate.operations().iter().find(in_main) {
        for fault in moved.overrides.faults.iter_mut().flatten() {
            fault.start_ns = fault.start_ns.min(first.time_ns.saturating_sub(BEFORE));
        }
        moved.overrides.faults.iter_mut().for_each(|faults| faults.sort_by_key(|fault| fault.start_ns));
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Map, Value};
    use crate::plan::{Fault, FaultEffect, Overrides};

    fn candidate() -> Candidate {
        let operation = |time_ns| Operation {
            phase: OperationPhase::Main,
            time_ns,
            worker: 0,
            f: "read".into(),
            value: Value::Null,
            is_final: false,
            extra: Map::new(),
        };
        let last = Operation { phase: OperationPhase::Final, ..operation(3) };
        let fault =
            Fault { start_ns: 200, stop_ns: Some(900), does: FaultEffect::Kill(Vec::new()), value: Value::Null };
        let overrides = Overrides {
            operations: Some(vec![operation(100), operation(110), operation(500), last]),
            faults: Some(vec![fault]),
            end_ns: Some(1_000),
            ..Overrides::default()
        };
        Candidate { nodes: vec!["n0".into()], concurrency: 1, time_limit: 2_000, overrides }
    }

    fn times(candidate: &Candidate) -> (Vec<Nanos>, Nanos, Option<Nanos>, Option<Nanos>) {
        let fault = &candidate.faults()[0];
        let operations = candidate.operations().iter().map(|operation| operation.time_ns).collect();
        (operations, fault.start_ns, fault.stop_ns, candidate.overrides.end_ns)
    }

    #[test]
    fn gaps_become_shorter_and_the_run_ends_sooner() {
        let moved = with_gaps(&candidate(), |_, gap| gap.min(50));
        assert_eq!(times(&moved), (vec![50, 60, 160, 3], 110, Some(210), Some(310)));
        assert_eq!(with_gaps(&candidate(), |_, gap| gap), candidate());
    }

    #[test]
    fn operations_that_are_close_begin_together() {
        assert_eq!(times(&together(&candidate(), 20)).0, [100, 100, 500, 3]);
        assert_eq!(times(&together(&candidate(), 1_000)).0, [100, 100, 100, 3]);
    }

    #[test]
    fn operations_are_spread_over_workers() {
        let mut several = candidate();
        assert_eq!(spread(&several), None, "there is one worker");
        several.concurrency = 3;
        let workers: Vec<usize> = spread(&several).unwrap().operations().iter().map(|op| op.worker).collect();
        assert_eq!(workers, [0, 1, 2, 0]);
        assert_eq!(spread(&spread(&several).unwrap()), None);
    }

    #[test]
    fn faults_begin_before_operations() {
        assert_eq!(times(&faults_first(&candidate())).1, 0);
    }
}
