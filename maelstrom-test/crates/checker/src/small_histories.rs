//! Small random histories, and a search of all orders of their operations, as an oracle for tests of checkers.

use proptest::prelude::*;

use super::entry_points::judged;
use super::{Checker, Verdict};
use crate::history::{History, Op, OpType};
use crate::json::Value;

/// The outcome of an operation, and which entries it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OpFate {
    Ok,
    OkWithoutInvocation,
    Info,
    NeverCompletes,
    Fails,
}

/// A random operation. Each has its own process.
#[derive(Clone, Debug)]
pub(crate) struct RandomOp {
    pub(crate) f: &'static str,
    /// The value of its invocation.
    pub(crate) argument: Value,
    /// The value of its completion if that is `ok`.
    pub(crate) result: Value,
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) fate: OpFate,
}

/// The positions between which an operation takes effect. Without an end, it may take effect at any time after the start,
/// or never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) start: usize,
    pub(crate) end: Option<usize>,
}

/// At most `count` operations with these functions, arguments and results.
pub(crate) fn random_ops(
    count: usize,
    operation: impl Strategy<Value = (&'static str, Value, Value)>,
) -> impl Strategy<Value = Vec<RandomOp>> {
    let fate = prop_oneof![
        8 => Just(OpFate::Ok),
        1 => Just(OpFate::OkWithoutInvocation),
        1 => Just(OpFate::Info),
        1 => Just(OpFate::NeverCompletes),
        1 => Just(OpFate::Fails),
    ];
    let operation = (operation, 0..1000u32, 1..400u32, fate)
        .prop_map(|((f, argument, result), start, length, fate)| RandomOp { f, argument, result, start, length, fate });
    prop::collection::vec(operation, 1..=count)
}

/// The entries in the order of time: (time, is completion, operation).
fn schedule(random_ops: &[RandomOp]) -> Vec<(u32, bool, usize)> {
    let mut events = Vec::new();
    for (index, op) in random_ops.iter().enumerate() {
        if op.fate != OpFate::OkWithoutInvocation {
            events.push((op.start, false, index));
        }
        if op.fate != OpFate::NeverCompletes {
            events.push((op.start + op.length, true, index));
        }
    }
    events.sort_unstable();
    events
}

/// The history of these operations.
pub(crate) fn history(random_ops: &[RandomOp]) -> History {
    let entry = |(position, (time, is_completion, index)): (usize, &(u32, bool, usize))| {
        let op = &random_ops[*index];
        let (kind, value) = match (is_completion, op.fate) {
            (false, _) => (OpType::Invoke, &op.argument),
            (true, OpFate::Ok | OpFate::OkWithoutInvocation) => (OpType::Ok, &op.result),
            (true, OpFate::Fails) => (OpType::Fail, &op.argument),
            (true, OpFate::Info | OpFate::NeverCompletes) => (OpType::Info, &op.argument),
        };
        Op { time: u64::from(*time), ..Op::new(position as u64, kind, *index as u64, op.f, value.clone()) }
    };
    History { ops: schedule(random_ops).iter().enumerate().map(entry).collect() }
}

/// The interval of each operation; `None` for failed ones.
pub(crate) fn intervals(random_ops: &[RandomOp]) -> Vec<Option<Interval>> {
    let events = schedule(random_ops);
    let place = |index: usize, is_completion: bool| {
        events.iter().position(|(_, completion, other)| *completion == is_completion && *other == index)
    };
    let interval = |(index, op): (usize, &RandomOp)| {
        let end = place(index, true).map(|at| at + 1);
        let end = end.filter(|_| matches!(op.fate, OpFate::Ok | OpFate::OkWithoutInvocation));
        let start = place(index, false).map_or(0, |at| at + 1);
        (op.fate != OpFate::Fails).then_some(Interval { start, end })
    };
    random_ops.iter().enumerate().map(interval).collect()
}

/// Whether some order of the operations is possible. `step` returns the state after an operation, if it is possible.
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

/// The verdict on a history, which is the same for every entry point.
pub(crate) fn verdict(checker: &dyn Checker, history: &History) -> Verdict {
    judged(checker, history)
}
