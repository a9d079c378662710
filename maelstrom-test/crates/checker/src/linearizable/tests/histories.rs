//! The whole checker on random histories: against brute force where they are small, and against the truth where they
//! come from a register that really is one.

use crate::json::{Value, json};
use proptest::prelude::*;

use super::super::decide::decide;
use super::super::problem::{Action, Operation, Problem, State};
use super::super::search::{SearchOutcome, search};
use super::super::zones;
use super::engine::{is_linearizable, unlimited};
use crate::entry_points::judged;
use crate::history::{History, Op, OpType};
use crate::linearizable::Linearizable;
use crate::test_cases::cases;
use crate::{CheckContext, Checker, Valid};

/// How an operation ends, and which of its entries the history has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OpFate {
    Ok,
    OkWithoutInvocation,
    Info,
    NeverCompletes,
    Fails,
    KeyDoesNotExist,
}

#[derive(Clone, Debug)]
struct RandomOp {
    key: u64,
    action: Action,
    start: u32,
    length: u32,
    fate: OpFate,
}

/// State 0 is "absent" and stands for `null`.
fn value(state: State) -> Value {
    if state == 0 { Value::Null } else { json!(state) }
}

fn random_ops() -> impl Strategy<Value = Vec<RandomOp>> {
    let action = prop_oneof![
        (0..3u32).prop_map(Action::Read),
        (1..3u32).prop_map(Action::Write),
        (1..3u32, 1..3u32).prop_map(|(from, to)| Action::Cas(from, to)),
    ];
    let fate = prop_oneof![
        6 => Just(OpFate::Ok),
        1 => Just(OpFate::OkWithoutInvocation),
        1 => Just(OpFate::Info),
        1 => Just(OpFate::NeverCompletes),
        1 => Just(OpFate::Fails),
        1 => Just(OpFate::KeyDoesNotExist),
    ];
    let op = (0..3u64, action, 0..1000u32, 1..400u32, fate).prop_map(|(key, action, start, length, fate)| RandomOp {
        key,
        action,
        start,
        length,
        fate,
    });
    prop::collection::vec(op, 1..12)
}

/// The entries of the operations in order of time: (time, is completion, operation).
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

fn history(random_ops: &[RandomOp]) -> History {
    let entry = |(position, (_, is_completion, index)): (usize, &(u32, bool, usize))| {
        let op = &random_ops[*index];
        let (f, argument) = match op.action {
            Action::Read(result) if *is_completion && matches!(op.fate, OpFate::Ok | OpFate::OkWithoutInvocation) => {
                ("read", value(result))
            }
            Action::Read(_) => ("read", Value::Null),
            Action::Write(to) => ("write", value(to)),
            Action::Cas(from, to) => ("cas", json!([value(from), value(to)])),
        };
        let kind = match (is_completion, op.fate) {
            (false, _) => OpType::Invoke,
            (true, OpFate::Ok | OpFate::OkWithoutInvocation) => OpType::Ok,
            (true, OpFate::Fails | OpFate::KeyDoesNotExist) => OpType::Fail,
            (true, OpFate::Info | OpFate::NeverCompletes) => OpType::Info,
        };
        let mut entry = Op::new(position as u64, kind, *index as u64, f, json!([op.key, argument]));
        if kind == OpType::Fail {
            let name = if op.fate == OpFate::Fails { "temporarily-unavailable" } else { "key-does-not-exist" };
            entry.error = Some(json!([name, "a text"]));
        }
        entry
    };
    History { ops: schedule(random_ops).iter().enumerate().map(entry).collect() }
}

/// What the specification makes of the operations of one key, worked out independently of the checker's own reading.
fn problem(random_ops: &[RandomOp], key: u64) -> Problem {
    let events = schedule(random_ops);
    let place = |index: usize, is_completion: bool| {
        events
            .iter()
            .position(|(_, completion, other)| *completion == is_completion && *other == index)
            .map(|at| at + 2)
    };
    let mut operations = Vec::new();
    for (index, op) in random_ops.iter().enumerate().filter(|(_, op)| op.key == key) {
        let is_read = matches!(op.action, Action::Read(_));
        let (action, end) = match op.fate {
            OpFate::Ok | OpFate::OkWithoutInvocation => (op.action, place(index, true)),
            OpFate::KeyDoesNotExist if is_read => (Action::Read(0), place(index, true)),
            OpFate::Info | OpFate::NeverCompletes if !is_read => (op.action, None),
            _ => continue,
        };
        operations.push(Operation { action, start: place(index, false).unwrap_or(1), end, id: index });
    }
    Problem { initial: 0, values: 3, operations }
}

/// Clients of a register that works: every operation takes effect at some moment while it is open.
fn real(unique: bool) -> impl Strategy<Value = Problem> {
    // (kind, value, start, when it takes effect, end, is it indeterminate)
    let op = (0..3u8, 0..4u32, 0..2000u32, 1..150u32, 1..150u32, prop::bool::weighted(0.15));
    prop::collection::vec(op, 1..80).prop_map(move |random_ops| {
        let mut effects: Vec<(u32, usize)> =
            random_ops.iter().enumerate().map(|(index, op)| (op.2 + op.3, index)).collect();
        effects.sort_unstable();
        let mut state = 0;
        let mut actions = vec![None; random_ops.len()];
        for (step, (_, index)) in effects.into_iter().enumerate() {
            let (kind, value, ..) = random_ops[index];
            let to = if unique { step as State + 1 } else { value };
            let action = match kind {
                0 => Action::Read(state),
                1 => Action::Write(to),
                _ if state != to => Action::Cas(state, to),
                _ => continue,
            };
            state = action.writes().unwrap_or(state);
            actions[index] = Some(action);
        }
        let operations =
            random_ops.iter().zip(actions).filter_map(|((_, _, start, before, after, is_info), action)| {
                let action = action?;
                let end = (!is_info).then_some(start + before + after);
                (end.is_some() || action.writes().is_some()).then_some((action, *start, end))
            });
        let values = if unique { random_ops.len() as State + 1 } else { 4 };
        super::engine::assemble(0, values, operations)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(2000),
        max_global_rejects: u32::MAX,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn verdicts_on_histories_agree_with_brute_force(random_ops in random_ops()) {
        let wrong: Vec<u64> = (0..3).filter(|key| !is_linearizable(&problem(&random_ops, *key))).collect();
        let verdict = judged(&Linearizable::per_key(), &history(&random_ops));
        prop_assert_eq!(verdict.valid, if wrong.is_empty() { Valid::True } else { Valid::False });
        let mut failures: Vec<u64> =
            verdict.details["failures"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        failures.sort_unstable();
        prop_assert_eq!(&failures, &wrong);
        prop_assert_eq!(verdict.findings.len(), wrong.len());
    }

    #[test]
    fn entry_by_entry_is_the_same(random_ops in random_ops(), odd in prop::option::of((0..40_usize, any::<bool>()))) {
        let mut history = history(&random_ops);
        match odd.and_then(|(at, is_value)| Some((history.ops.get_mut(at)?, is_value))) {
            Some((op, true)) => op.value = json!("no key"),
            Some((op, false)) => op.f = "write".into(),
            None => {}
        }
        let (checker, context) = (Linearizable::per_key(), CheckContext::default());
        let mut stream = checker.stream(&context);
        history.ops.iter().for_each(|op| stream.push(op));
        let mut verdicts = [checker.check(&history, &context), stream.finish()];
        // In pictures, only the order of operations counts, not their positions.
        verdicts.iter_mut().flat_map(|verdict| &mut verdict.findings).for_each(|finding| finding.picture = None);
        prop_assert_eq!(&verdicts[0], &verdicts[1]);
    }

    #[test]
    fn a_register_that_works_is_never_accused(problem in real(false)) {
        prop_assert_eq!(decide(&problem, &mut unlimited()), SearchOutcome::Linearizable);
    }

    #[test]
    fn a_register_that_works_on_unique_values_is_never_accused(problem in real(true)) {
        prop_assert_eq!(zones::decide(&problem), Some(true));
        prop_assert_eq!(search(&problem, &mut unlimited()), SearchOutcome::Linearizable);
    }

    #[test]
    fn the_methods_agree_on_slightly_wrong_answers(problem in real(true), which in any::<prop::sample::Index>(), by in 1..4u32) {
        let mut problem = problem;
        let is_read = |op: &Operation| matches!(op.action, Action::Read(_));
        let reads: Vec<usize> =
            (0..problem.operations.len()).filter(|index| is_read(&problem.operations[*index])).collect();
        prop_assume!(!reads.is_empty());
        if let Action::Read(value) = &mut problem.operations[*which.get(&reads)].action {
            *value = value.saturating_sub(by);
        }
        if let Some(decision) = zones::decide(&problem) {
            prop_assert_eq!(search(&problem, &mut unlimited()) == SearchOutcome::Linearizable, decision);
        }
    }
}
