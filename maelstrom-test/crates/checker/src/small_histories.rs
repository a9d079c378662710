//! Small random histories of any operations, and brute force over their orders, for tests of checkers.

use proptest::prelude::*;

use super::doors::judged;
use super::{Checker, Verdict};
use crate::history::{History, Op, OpType};
use crate::json::Value;

/// How an operation ends, and which of its entries the history has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Ok,
    OkWithoutInvocation,
    Info,
    NeverCompletes,
    Fails,
}

/// An operation to be put into a history. Each has a process of its own.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) f: &'static str,
    /// What its invocation says.
    pub(crate) argument: Value,
    /// What its completion says if it is `ok`.
    pub(crate) result: Value,
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) fate: Fate,
}

/// When an operation may take effect: between these positions. Without an end: at any time after the start, or never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) start: usize,
    pub(crate) end: Option<usize>,
}

/// Up to `count` operations with these functions, arguments and results.
pub(crate) fn drawn(
    count: usize,
    operation: impl Strategy<Value = (&'static str, Value, Value)>,
) -> impl Strategy<Value = Vec<Drawn>> {
    let fate = prop_oneof![
        8 => Just(Fate::Ok),
        1 => Just(Fate::OkWithoutInvocation),
        1 => Just(Fate::Info),
        1 => Just(Fate::NeverCompletes),
        1 => Just(Fate::Fails),
    ];
    let operation = (operation, 0..1000u32, 1..400u32, fate)
        .prop_map(|((f, argument, result), start, length, fate)| Drawn { f, argument, result, start, length, fate });
    prop::collection::vec(operation, 1..=count)
}

/// The entries in the order of time: (time, is completion, operation).
fn schedule(drawn: &[Drawn]) -> Vec<(u32, bool, usize)> {
    let mut events = Vec::new();
    for (index, op) in drawn.iter().enumerate() {
        if op.fate != Fate::OkWithoutInvocation {
            events.push((op.start, false, index));
        }
        if op.fate != Fate::NeverCompletes {
            events.push((op.start + op.length, true, index));
        }
    }
    events.sort_unstable();
    events
}

/// The history of these operations.
pub(crate) fn history(drawn: &[Drawn]) -> History {
    let entry = |(position, (time, is_completion, index)): (usize, &(u32, bool, usize))| {
        let op = &drawn[*index];
        let (kind, value) = match (is_completion, op.fate) {
            (false, _) => (OpType::Invoke, &op.argument),
            (true, Fate::Ok | Fate::OkWithoutInvocation) => (OpType::Ok, &op.result),
            (true, Fate::Fails) => (OpType::Fail, &op.argument),
            (true, Fate::Info | Fate::NeverCompletes) => (OpType::Info, &op.argument),
        };
        Op { time: u64::from(*time), ..Op::new(position as u64, kind, *index as u64, op.f, value.clone()) }
    };
    History { ops: schedule(drawn).iter().enumerate().map(entry).collect() }
}

/// When each operation may take effect; `None` for those that failed.
pub(crate) fn intervals(drawn: &[Drawn]) -> Vec<Option<Interval>> {
    let events = schedule(drawn);
    let place = |index: usize, is_completion: bool| {
        events.iter().position(|(_, completion, other)| *completion == is_completion && *other == index)
    };
    let interval = |(index, op): (usize, &Drawn)| {
        let end = place(index, true).map(|at| at + 1);
        let end = end.filter(|_| matches!(op.fate, Fate::Ok | Fate::OkWithoutInvocation));
        let start = place(index, false).map_or(0, |at| at + 1);
        (op.fate != Fate::Fails).then_some(Interval { start, end })
    };
    drawn.iter().enumerate().map(interval).collect()
}

/// Tries every order. `step` gives the state after an operation (by index), if it is possible.
pub(crate) fn is_linearizable<S: Clone>(
    intervals: &[Option<Interval>],
    initial: S,
    step: &impl Fn(&S, usize) -> Option<S>,
) -> bool {
    fn go<S: Clone>(
        intervals: &[Option<Interval>],
        done: &mut Vec<bool>,
        state: &S,
        step: &impl Fn(&S, usize) -> Option<S>,
    ) -> bool {
        let left = |index: &usize| !done[*index] && intervals[*index].is_some();
        let indices: Vec<usize> = (0..intervals.len()).filter(left).collect();
        let Some(first_end) = indices.iter().filter_map(|index| intervals[*index]?.end).min() else { return true };
        indices.into_iter().any(|index| {
            if intervals[index].is_some_and(|interval| interval.start > first_end) {
                return false;
            }
            let Some(after) = step(state, index) else { return false };
            done[index] = true;
            let found = go(intervals, done, &after, step);
            done[index] = false;
            found
        })
    }
    go(intervals, &mut vec![false; intervals.len()], &initial, step)
}

/// The verdict on a history, by every way in.
pub(crate) fn verdict(checker: &dyn Checker, history: &History) -> Verdict {
    judged(checker, history)
}
