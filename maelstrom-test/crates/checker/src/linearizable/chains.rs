//! Contradictions that counting finds, in parts of a history with many concurrent compare-and-sets.
//!
//! A part of a history begins and ends at moments without open operations. If it contains only compare-and-sets and reads,
//! the compare-and-sets are the edges of a graph of values. An order of them is a walk that uses every edge once (an Euler
//! path) and begins at the value before the part. It exists only if the graph is connected, and every value is entered as
//! often as it is left, except for the first and the last one. The last value is then the value before the next part.

use rustc_hash::FxHashMap;

use super::problem::{ANYTHING, Action, Operation, Problem, State};
use super::witness::{are_connected, parts};

/// An operation that cannot have returned, if counting finds one.
pub(super) fn contradiction(problem: &Problem) -> Option<usize> {
    let operations = &problem.operations;
    if operations.iter().any(|operation| operation.end.is_none()) {
        return None; // it may have changed the value at any time
    }
    let (part_of, is_chain) = parts(operations);
    let mut state = Some(problem.initial).filter(|state| *state != ANYTHING);
    let mut first = 0;
    for part in part_of.chunk_by(|one, other| one == other) {
        let last = first + part.len();
        state = match (&operations[first..last], is_chain[part[0]]) {
            ([Operation { action: Action::Write(value), .. }], _) => Some(*value),
            (walk, true) => match end_of(walk, state) {
                Ok(end) => end,
                Err(Impossible) => return (first..last).max_by_key(|&index| operations[index].end),
            },
            _ => None,
        };
        first = last;
    }
    None
}

/// The error that no order explains a part.
struct Impossible;

/// The value after all operations of a part, if it can be determined.
fn end_of(operations: &[Operation], start: Option<State>) -> Result<Option<State>, Impossible> {
    // By value, how much more often it is left than entered.
    let mut surplus: FxHashMap<State, i64> = FxHashMap::default();
    let mut edges: Vec<(State, State)> = Vec::new();
    for operation in operations {
        if let Action::Cas(from, to) = operation.action {
            *surplus.entry(from).or_default() += 1;
            *surplus.entry(to).or_default() -= 1;
            edges.push((from, to));
        }
    }
    let uneven = |by: i64| surplus.iter().filter(move |(_, surplus)| **surplus == by).map(|(value, _)| *value);
    let is_walk = surplus.values().all(|surplus| surplus.abs() <= 1) && uneven(1).count() <= 1;
    if !is_walk {
        return Err(Impossible);
    }
    let start = match (start, uneven(1).next()) {
        (Some(start), Some(first)) if start != first => return Err(Impossible),
        (start, first) => start.or(first),
    };
    let visited = |value: State| start == Some(value) || edges.iter().any(|(from, to)| [from, to].contains(&&value));
    let reads = || {
        operations.iter().filter_map(|operation| match operation.action {
            Action::Read(value) => Some(value),
            _ => None,
        })
    };
    if (start.is_some() || !edges.is_empty()) && !reads().all(visited) {
        return Err(Impossible);
    }
    if start.is_some_and(|start| !are_connected(&mut edges.clone(), start)) {
        return Err(Impossible);
    }
    let only_read = edges.is_empty().then(|| reads().next()).flatten();
    Ok(uneven(-1).next().or(start).or(only_read))
}
