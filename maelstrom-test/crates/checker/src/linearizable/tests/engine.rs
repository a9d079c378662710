//! The engine and the fast method against brute force on small random problems.

use proptest::prelude::*;

use super::super::budget::Budget;
use super::super::configurations::BeamLimits;
use super::super::decide::decide;
use super::super::orders::step;
use super::super::problem::{ANYTHING, Action, Operation, Problem, State};
use super::super::search::{SearchOutcome, search, search_with_limits};
use super::super::zones;
use crate::test_cases::cases;

/// Every order is tried.
pub(super) fn is_linearizable(problem: &Problem) -> bool {
    fn go(operations: &[Operation], done: &mut Vec<bool>, state: State) -> bool {
        let remaining = || operations.iter().zip(&*done).filter(|(_, done)| !**done).map(|(op, _)| op);
        let Some(first_end) = remaining().filter_map(|op| op.end).min() else { return true };
        for index in 0..operations.len() {
            let op = operations[index];
            if done[index] || op.start > first_end {
                continue;
            }
            let Some(after) = step(state, op.action) else { continue };
            done[index] = true;
            if go(operations, done, after) {
                return true;
            }
            done[index] = false;
        }
        false
    }
    // The special state is the engine's; here every value is tried, and one that nobody mentions.
    let initial =
        if problem.initial == ANYTHING { 0..=problem.values as State } else { problem.initial..=problem.initial };
    initial.into_iter().any(|state| go(&problem.operations, &mut vec![false; problem.operations.len()], state))
}

pub(super) fn unlimited() -> Budget {
    Budget::new(u64::MAX, usize::MAX, u64::MAX)
}

/// Up to `count` operations on values below `values`. Each has a rank at which it starts and at which it ends.
pub(super) fn problems(count: usize, values: State) -> impl Strategy<Value = Problem> {
    let action = prop_oneof![
        (0..values).prop_map(Action::Read),
        (0..values).prop_map(Action::Write),
        (0..values, 0..values).prop_map(|(from, to)| Action::Cas(from, to)),
    ];
    // A length around which operations overlap with a few others.
    let operation = (action, 0..1000u32, 1..400u32, 0..5u8);
    (prop::collection::vec(operation, 1..=count), 0..values).prop_map(move |(random_ops, initial)| {
        assemble(
            initial,
            values,
            random_ops.into_iter().map(|(action, at, length, end)| (action, at, (end > 0).then_some(at + length))),
        )
    })
}

/// A problem from operations with times, which are made distinct positions.
pub(super) fn assemble(
    initial: State,
    values: State,
    random_ops: impl Iterator<Item = (Action, u32, Option<u32>)>,
) -> Problem {
    let random_ops: Vec<_> = random_ops
        .filter(|(action, _, end)| match action {
            Action::Read(_) => end.is_some(),
            Action::Cas(from, to) => from != to,
            Action::Write(_) => true,
        })
        .collect();
    let mut times: Vec<(u32, bool, usize)> = Vec::new();
    for (index, (_, start, end)) in random_ops.iter().enumerate() {
        times.push((*start, false, index));
        times.extend(end.map(|end| (end, true, index)));
    }
    times.sort_unstable();
    let place = |key: (u32, bool, usize)| times.iter().position(|other| *other == key).expect("it is there") + 2;
    let mut operations: Vec<Operation> = random_ops
        .iter()
        .enumerate()
        .map(|(id, (action, start, end))| Operation {
            action: *action,
            start: place((*start, false, id)),
            end: end.map(|end| place((end, true, id))),
            id,
        })
        .collect();
    operations.sort_by_key(|op| op.start);
    Problem { initial, values: values as usize, operations }
}

/// Problems in which hardly any value is written twice.
fn unique_problems(count: usize) -> impl Strategy<Value = Problem> {
    let operation = (0..3u8, 0..8 as State, 0..1000u32, 1..400u32, 0..5u8);
    prop::collection::vec(operation, 1..=count).prop_map(|random_ops| {
        let mut next = 0;
        let operations = random_ops.into_iter().map(|(kind, value, at, length, end)| {
            let mut fresh = || {
                next += 1;
                next
            };
            let action = match kind {
                0 => Action::Read(value),
                1 => Action::Write(fresh()),
                _ => Action::Cas(value, fresh()),
            };
            (action, at, (end > 0).then_some(at + length))
        });
        let operations: Vec<_> = operations.collect();
        assemble(0, 40, operations.into_iter())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3000)))]

    #[test]
    fn verdicts_agree_with_brute_force(problem in problems(8, 3)) {
        let expected = is_linearizable(&problem);
        prop_assert_eq!(decide(&problem, &mut unlimited()) == SearchOutcome::Linearizable, expected);
    }

    #[test]
    fn engine_agrees_with_brute_force(problem in problems(8, 3)) {
        let expected = is_linearizable(&problem);
        prop_assert_eq!(search(&problem, &mut unlimited()) == SearchOutcome::Linearizable, expected);
    }

    #[test]
    fn engine_agrees_with_brute_force_from_any_state(problem in problems(7, 3)) {
        let problem = Problem { initial: ANYTHING, ..problem };
        let expected = is_linearizable(&problem);
        prop_assert_eq!(search(&problem, &mut unlimited()) == SearchOutcome::Linearizable, expected);
    }

    #[test]
    fn keeping_few_configurations_never_invents_an_order(problem in problems(8, 3), few in 1..3usize) {
        let limits = BeamLimits { alternatives: few, configurations: few + 1 };
        let found = search_with_limits(&problem, limits, &mut unlimited());
        if found.is_complete || found.outcome == SearchOutcome::Linearizable {
            prop_assert_eq!(found.outcome == SearchOutcome::Linearizable, is_linearizable(&problem));
        }
    }

    #[test]
    fn fast_method_agrees_with_brute_force(problem in unique_problems(8)) {
        if let Some(decision) = zones::decide(&problem) {
            prop_assert_eq!(decision, is_linearizable(&problem));
        }
    }

    #[test]
    fn fast_method_agrees_with_the_engine(problem in unique_problems(30)) {
        if zones::decide(&problem).is_some() {
            let found = decide(&problem, &mut unlimited());
            prop_assert_eq!(search(&problem, &mut unlimited()), found);
        }
    }

    #[test]
    fn forgetting_never_invents_a_contradiction(problem in problems(8, 3), position in 0..20usize) {
        if !is_linearizable(&problem.since(position)) || !is_linearizable(&problem.until(position)) {
            prop_assert!(!is_linearizable(&problem));
        }
    }

    #[test]
    fn the_first_operation_that_cannot_return_is_named(problem in problems(8, 3)) {
        if let SearchOutcome::Stuck(index) = search(&problem, &mut unlimited()) {
            let end = problem.operations[index].end.expect("it returns");
            prop_assert!(!is_linearizable(&problem.until(end)));
            prop_assert!(is_linearizable(&problem.until(end - 1)));
        }
    }
}

#[test]
fn more_operations_can_be_open_than_a_word_has_bits() {
    // A hundred writes overlap; every value was there at some time, in an order that no write's place determines.
    let write = |n: usize| Operation { action: Action::Write(n as State), start: n, end: Some(1000 + n), id: n };
    let read = |n: usize, value: usize| Operation {
        action: Action::Read(value as State),
        start: 200 + 2 * n,
        end: Some(201 + 2 * n),
        id: 100 + n,
    };
    let mut operations: Vec<Operation> = (1..=100).map(write).collect();
    operations.extend((0..100).map(|n| read(n, 1 + n * 37 % 100)));
    let problem = Problem { initial: 0, values: 101, operations };
    assert_eq!(search(&problem, &mut unlimited()), SearchOutcome::Linearizable);

    let mut again = problem.clone();
    again.operations.push(read(100, 1));
    assert_eq!(search(&again, &mut unlimited()), SearchOutcome::Stuck(200), "each value can be there only once");
}

#[test]
fn a_budget_of_configurations_is_kept() {
    let write = |n: usize| Operation { action: Action::Write(n as State), start: n, end: Some(100 + n), id: n };
    let read = |n: usize| Operation { action: Action::Read(n as State), start: 20 + n, end: Some(200 + n), id: 20 + n };
    let problem = Problem { initial: 0, values: 20, operations: (1..20).map(write).chain((1..20).map(read)).collect() };
    let mut budget = Budget::new(u64::MAX, usize::MAX, 100);
    assert!(matches!(search(&problem, &mut budget), SearchOutcome::Exhausted(..)));
    assert_eq!(budget.explored, 101);
}
