//! The search for a witness: it finds one if and only if there is one, given the steps, and long chains in few.

use proptest::prelude::*;

use super::super::budget::Budget;
use super::super::chains;
use super::super::decide::decide;
use super::super::problem::{Action, Operation, Problem, State};
use super::super::search::SearchOutcome;
use super::super::witness;
use super::engine::{is_linearizable, problems};
use crate::test_cases::cases;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3000)))]

    #[test]
    fn a_witness_exists_exactly_if_some_order_explains_all(problem in problems(7, 3)) {
        prop_assert_eq!(witness::exists(&problem, u64::MAX), is_linearizable(&problem));
    }

}

/// Problems without writes, in which counting often shows something.
fn walks() -> impl Strategy<Value = Problem> {
    problems(7, 3).prop_map(|problem| {
        let operations = problem.operations.iter().filter(|operation| operation.end.is_some());
        let operations = operations.filter(|operation| !matches!(operation.action, Action::Write(_)));
        problem.with(operations.copied().collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3000)))]

    #[test]
    fn counting_shows_only_what_no_order_explains(problem in prop_oneof![problems(7, 3), walks()]) {
        if let Some(index) = chains::contradiction(&problem) {
            prop_assert!(!is_linearizable(&problem));
            let known = problem.until(problem.operations[index].end.expect("it returns"));
            prop_assert!(!is_linearizable(&known), "it contradicts what was before");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(8)))]

    #[test]
    fn concurrent_chains_are_decided(values in prop::collection::vec(0..10 as State, 30..60)) {
        let problem = chain(&values);
        prop_assert!(witness::exists(&problem, 100_000));
        prop_assert_eq!(decide(&problem, &mut Budget::new(u64::MAX, 1 << 30, 1_000_000)), SearchOutcome::Linearizable);
    }
}

/// A walk from value to value by compare-and-sets, all of them open at the same time; and a read of the last value.
fn chain(values: &[State]) -> Problem {
    let steps: Vec<(State, State)> = values.windows(2).map(|pair| (pair[0], pair[1])).filter(|(a, b)| a != b).collect();
    let count = steps.len();
    // Invoked in another order than that of the walk.
    let order = (0..count).map(|at| (at * 7 + 3) % count.max(1));
    let mut sorted: Vec<(State, State)> = order.map(|at| steps[at]).collect();
    if count.is_multiple_of(7) {
        sorted = steps.iter().rev().copied().collect();
    }
    let cas = |(at, (from, to)): (usize, &(State, State))| Operation {
        action: Action::Cas(*from, *to),
        start: 2 + at,
        end: Some(2 + count + at),
        id: at,
    };
    let mut operations: Vec<Operation> = sorted.iter().enumerate().map(cas).collect();
    let last = *values.last().expect("some values");
    let read = Operation { action: Action::Read(last), start: 2 + 2 * count, end: Some(3 + 2 * count), id: count };
    operations.push(read);
    Problem { initial: values[0], values: 10, operations }
}

#[test]
fn a_search_for_a_witness_ends_after_its_steps() {
    // No order: the last read is of a value where no walk ends.
    let mut problem = chain(&(0..60).map(|n| n * n % 10).collect::<Vec<State>>());
    let last = problem.operations.last_mut().expect("a read");
    last.action = match last.action {
        Action::Read(value) => Action::Read((value + 1) % 10),
        other => other,
    };
    assert!(!witness::exists(&problem, 10_000));
}
