//! The small checkers against a literal reading of their definitions, on random histories of every kind: operations that
//! fail, end with `info` or never end, completions without invocations or with the function of another operation, values
//! of every type.

use proptest::prelude::*;

use super::doors::judged;
use super::long_tests::cases;
use super::{Availability, Echo, Stats, UniqueIds, Valid};
use crate::history::{History, Op, OpType};
use crate::json::{Value, json};

const KINDS: [OpType; 6] = [OpType::Invoke, OpType::Ok, OpType::Ok, OpType::Ok, OpType::Fail, OpType::Info];

/// Values of every type, some of which are almost equal.
fn values() -> Vec<Value> {
    let long = |text: &str| crate::json::from_str(text).expect("it is JSON");
    vec![
        Value::Null,
        json!(0),
        json!(1),
        json!(1.0),
        json!("1"),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(u128::MAX),
        long("100000000000000000000000000000000000000000000000001"),
        long("100000000000000000000000000000000000000000000000002"),
        json!([1]),
        json!({"a": 1, "b": 2}),
        json!({"type": "echo_ok", "echo": 1}),
    ]
}

/// An operation by the rule that a process does one thing at a time.
#[derive(Debug)]
struct Operation {
    f: String,
    kind: OpType,
    request: Option<Value>,
    response: Value,
    error: Option<Value>,
}

/// Whether a completion that is `ok` names another function than its invocation: nobody knows what happened then.
type IsDoubtful = bool;

fn operations(history: &History) -> (Vec<Operation>, IsDoubtful) {
    let mut is_doubtful = false;
    let mut operations: Vec<Operation> = Vec::new();
    for (position, op) in history.ops.iter().enumerate() {
        let is_same_process = |other: &&Op| other.process == op.process;
        if op.kind == OpType::Invoke {
            let completion = history.ops[position + 1..].iter().find(is_same_process);
            let mut operation = Operation {
                f: op.f.to_string(),
                kind: OpType::Info,
                request: Some(op.value.clone()),
                response: Value::Null,
                error: None,
            };
            match completion.filter(|completion| completion.kind != OpType::Invoke) {
                Some(completion) if completion.f == op.f => {
                    operation.kind = completion.kind;
                    operation.response = completion.value.clone();
                    operation.error = completion.error.clone();
                }
                Some(completion) => {
                    is_doubtful |= completion.kind == OpType::Ok;
                    operation.kind = if completion.kind == OpType::Fail { OpType::Fail } else { OpType::Info };
                }
                None => {}
            }
            operations.push(operation);
        } else {
            let before = history.ops[..position].iter().rfind(is_same_process);
            if before.is_none_or(|before| before.kind != OpType::Invoke) {
                operations.push(Operation {
                    f: op.f.to_string(),
                    kind: op.kind,
                    request: None,
                    response: op.value.clone(),
                    error: op.error.clone(),
                });
            }
        }
    }
    (operations, is_doubtful)
}

/// Entries of three processes, mostly of the functions that are given.
fn any_history(functions: &'static [&'static str]) -> impl Strategy<Value = History> {
    let entry = (0..3_u64, 0..KINDS.len(), 0..functions.len(), 0..values().len(), 0..8_u8, 0..5_u8);
    prop::collection::vec(entry, 0..24).prop_map(move |entries| {
        let values = values();
        let mut open: [Option<Op>; 3] = [None, None, None];
        let mut ops: Vec<Op> = Vec::new();
        for (process, kind, f, value, odd, error) in entries {
            let (mut f, mut kind, mut value) = (functions[f], KINDS[kind], values[value].clone());
            let begun = open[process as usize].take();
            match (&begun, odd) {
                // What comes in no history of ours: a second invocation, or a completion of nothing.
                (_, 0) => {}
                (None, _) => kind = OpType::Invoke,
                (Some(_), _) if kind == OpType::Invoke => kind = OpType::Ok,
                (Some(_), _) => {}
            }
            if let Some(begun) = begun.as_ref().filter(|_| odd > 1) {
                f = functions.iter().find(|f| **f == &*begun.f).expect("it is one of these");
                if odd > 3 {
                    value = begun.value.clone();
                }
            }
            let mut op = Op::new(ops.len() as u64, kind, process, f, value);
            if kind != OpType::Invoke && kind != OpType::Ok {
                op.error = [
                    None,
                    Some(json!("timeout")),
                    Some(json!("precondition-failed")),
                    Some(json!(["key-does-not-exist", "x"])),
                    Some(json!(22)),
                ][error as usize]
                    .clone();
            }
            if kind == OpType::Invoke {
                open[process as usize] = Some(op.clone());
            }
            ops.push(op);
        }
        History { ops }
    })
}

fn worst(is_wrong: bool, is_doubtful: bool) -> Valid {
    match (is_wrong, is_doubtful) {
        (true, _) => Valid::False,
        (false, true) => Valid::Unknown,
        (false, false) => Valid::True,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(1000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_unique_if_no_two_are_equal(history in any_history(&["generate"])) {
        let (operations, is_doubtful) = operations(&history);
        let ids: Vec<&Value> = operations.iter().filter(|op| op.kind == OpType::Ok).map(|op| &op.response).collect();
        let duplicated: Vec<&Value> = (0..ids.len()).filter(|i| ids[..*i].contains(&ids[*i])).map(|i| ids[i]).collect();
        let verdict = judged(&UniqueIds, &history);
        prop_assert_eq!(verdict.valid, worst(!duplicated.is_empty(), is_doubtful));
        prop_assert_eq!(&verdict.details["acknowledged_count"], &json!(ids.len()));
        prop_assert_eq!(&verdict.details["attempted_count"], &json!(operations.len()));
        for row in verdict.details["duplicated"].as_array().expect("a list") {
            prop_assert_eq!(&row[1], &json!(ids.iter().filter(|id| **id == &row[0]).count()));
        }
    }

    #[test]
    fn an_echo_is_wrong_if_it_differs_from_its_request(history in any_history(&["echo"])) {
        let (operations, is_doubtful) = operations(&history);
        let is_wrong = |op: &&Operation| {
            let Some(request) = op.request.as_ref().filter(|_| op.kind == OpType::Ok) else { return false };
            let body = op.response.get("type").is_some_and(|name| name == "echo_ok");
            *request != op.response && !(body && op.response.get("echo") == Some(request))
        };
        let wrong = operations.iter().filter(is_wrong).count();
        let verdict = judged(&Echo, &history);
        prop_assert_eq!(verdict.valid, worst(wrong > 0, is_doubtful));
        prop_assert_eq!(&verdict.details["error_count"], &json!(wrong));
    }

    #[test]
    fn every_function_must_have_succeeded_once(history in any_history(&["read", "write", "cas", "crash"])) {
        let (operations, _) = operations(&history);
        let name = |error: &Value| error.as_str().or_else(|| error.get(0)?.as_str()).map(str::to_owned);
        let telling = |op: &Operation| {
            let name = op.error.as_ref().and_then(name);
            ["key-does-not-exist", "key-already-exists", "precondition-failed"].iter().any(|known| name.as_deref() == Some(known))
        };
        let has_failed = |f: &str| {
            f != "crash" && !operations.iter().filter(|op| op.f == f).any(|op| op.kind == OpType::Ok || telling(op))
        };
        let failed: Vec<String> = ["cas", "crash", "read", "write"].into_iter()
            .filter(|f| operations.iter().any(|op| op.f == *f) && has_failed(f))
            .map(|f| format!("no {f} ever succeeded"))
            .collect();
        let verdict = judged(&Stats, &history);
        prop_assert_eq!(verdict.valid, match operations.is_empty() { true => Valid::Unknown, false => worst(!failed.is_empty(), false) });
        prop_assert_eq!(verdict.findings.iter().map(|finding| finding.headline.clone()).collect::<Vec<_>>(), failed);
        for (kind, field) in [(OpType::Ok, "ok_count"), (OpType::Fail, "fail_count"), (OpType::Info, "info_count")] {
            prop_assert_eq!(&verdict.details[field], &json!(operations.iter().filter(|op| op.kind == kind).count()));
        }
    }

    #[test]
    fn availability_is_the_share_that_succeeded(
        history in any_history(&["read", "write", "crash"]),
        required in prop::sample::select(vec![None, Some(0.0), Some(0.5), Some(2.0 / 3.0), Some(1.0)])
    ) {
        let (operations, _) = operations(&history);
        let requests: Vec<&Operation> = operations.iter().filter(|op| op.f != "crash").collect();
        let ok = requests.iter().filter(|op| op.kind == OpType::Ok).count();
        let is_enough = match required {
            None => true,
            Some(required) if requests.is_empty() => required <= 1.0,
            Some(required) => ok as f64 / requests.len() as f64 >= required,
        };
        prop_assert_eq!(judged(&Availability { required }, &history).valid, worst(!is_enough, false));
    }
}
