//! Contradictions that counting shows, in parts of a history in which many compare-and-sets are open at once.
//!
//! Where a part of a history, between two moments at which nothing is open, has nothing but compare-and-sets and reads, the
//! compare-and-sets are the edges of a graph of values, and they must all be passed in one walk that begins at the value
//! before (L. Euler, 1736). Such a walk exists only if every value is entered as often as it is left, but for the first and
//! the last one, and if all edges hang together. Where it ends is known as well, and so the value before the next part.

use rustc_hash::FxHashMap;

use super::problem::{ANYTHING, Action, Operation, Problem, State};
use super::witness::{hang_together, parts};

/// An operation that could not return, if counting shows that there is one.
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

/// No order explains a part.
struct Impossible;

/// The value after all operations of a part, if it can be told.
fn end_of(operations: &[Operation], start: Option<State>) -> Result<Option<State>, Impossible> {
    // How much more often a value is left than entered.
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
    if start.is_some_and(|start| !hang_together(&mut edges.clone(), start)) {
        return Err(Impossible);
    }
    let only_read = edges.is_empty().then(|| reads().next()).flatten();
    Ok(uneven(-1).next().or(start).or(only_read))
}
