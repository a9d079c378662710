//! Examples, and a comparison with the definitions.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::entry_points::judged;
use crate::history::{Nanos, Op, OpType};
use crate::test_cases::cases;

/// A history in a notation for tests: one entry per word, `0+a` process 0 invokes the addition of `a`, `0+a!` it is ok,
/// `0+a?` info, `0+a~` fail; `0r` a read begins, `0r=ab` it returns `a` and `b`, `0r?` it fails; `F` begins the final phase.
/// Each entry is a millisecond after the one before.
fn history(text: &str) -> History {
    let mut is_final = false;
    let mut ops = Vec::new();
    for word in text.split_whitespace() {
        if word == "F" {
            is_final = true;
            continue;
        }
        let process = u64::from(word.as_bytes()[0] - b'0');
        let (kind, f, value) = match (&word[1..2], &word[2..]) {
            ("+", rest) => {
                let kind = match &rest[1..] {
                    "" => OpType::Invoke,
                    "!" => OpType::Ok,
                    "?" => OpType::Info,
                    _ => OpType::Fail,
                };
                (kind, "add", json!(rest[..1]))
            }
            (_, "") => (OpType::Invoke, "read", Value::Null),
            (_, "?") => (OpType::Fail, "read", Value::Null),
            (_, list) => (OpType::Ok, "read", list[1..].chars().map(|c| json!(c.to_string())).collect()),
        };
        let index = ops.len() as u64;
        ops.push(Op { time: index * 1_000_000, is_final, ..Op::new(index, kind, process, f, value) });
    }
    History { ops }
}

fn check(text: &str) -> Verdict {
    SetFull::default().check(&history(text), &CheckContext::default())
}

fn anomalies(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|finding| finding.anomaly.as_str()).collect()
}

#[test]
fn a_set_that_keeps_its_elements() {
    let verdict = check("0+a 0+a! 0r 0r=a 1r 0+b 1r=a 0+b! 1r 1r=ab");
    assert_eq!((verdict.valid, anomalies(&verdict)), (Valid::True, vec![]));
    let expected = json!({
        "attempt_count": 2, "stable_count": 2, "lost": [], "lost_count": 0, "never_read": [], "never_read_count": 0,
        "stale": [], "stale_count": 0, "worst_stale": [],
        "stable_latencies": {"0": 0, "0.5": 0, "0.95": 0, "0.99": 0, "1": 0}, "lost_latencies": null,
        "duplicated": [], "duplicated_count": 0, "unexpected": [],
    });
    assert_eq!(Value::Object(verdict.details), expected);
}

#[test]
fn a_lost_element_and_its_proof() {
    let verdict = check("0+a 0+a! 1r 1r=a 1r 1r=");
    assert_eq!((verdict.valid, anomalies(&verdict)), (Valid::False, vec!["lost"]));
    assert_eq!(verdict.details["lost"], json!(["a"]));
    // Known at 1 ms, last seen in a read that ended at 3 ms.
    assert_eq!(verdict.details["lost_latencies"]["1"], json!(1));
    let positions: Vec<_> = verdict.findings[0].evidence.iter().map(|line| line.completion).collect();
    assert_eq!(positions, [Some(1), Some(5)]);
    assert_eq!(verdict.findings[0].shape, "an acknowledged element was missing from a later read");
}

#[test]
fn an_element_that_was_read_must_stay_even_if_its_addition_was_not_acknowledged() {
    let verdict = check("0+a 0+a? 1r 1r=a 1r 1r=");
    assert_eq!(anomalies(&verdict), ["lost"]);
    assert_eq!(verdict.findings[0].shape, "an element that had been read was missing from a later read");
    let positions: Vec<_> = verdict.findings[0].evidence.iter().map(|line| line.completion).collect();
    assert_eq!(positions, [Some(1), Some(3), Some(5)]);
}

#[test]
fn reads_that_began_before_an_element_was_known_prove_nothing() {
    for text in ["0+a 1r 0+a! 1r=", "1r 0+a 0+a! 1r=", "0+a 0+a? 1r 1r=", "0+a 1r 2r 2r=a 1r= 0+a!"] {
        assert_ne!(check(text).valid, Valid::False, "{text}");
    }
}

#[test]
fn stale_elements_appear_late() {
    let verdict = check("0+a 0+a! 1r 1r= 1r 1r=a");
    assert_eq!(verdict.valid, Valid::True);
    assert_eq!(verdict.details["stale"], json!(["a"]));
    assert_eq!(verdict.details["worst_stale"], json!([{"element": "a", "stable_latency": 1}]));
}

#[test]
fn nothing_stable_is_unknown() {
    for text in ["", "0+a 0+a!", "0+a 0+a? 1r 1r="] {
        let verdict = check(text);
        assert_eq!(verdict.valid, Valid::Unknown, "{text}");
        assert!(verdict.reason.is_some());
    }
}

#[test]
fn every_final_read_must_be_complete() {
    // Another worker's final read shows the element, and even began later.
    let text = "0+a 0+a! F 0r 0r= 1r 1r=a";
    let verdict = check(text);
    assert_eq!(anomalies(&verdict), ["lost"]);
    assert_eq!(verdict.findings[0].shape, "an acknowledged element was missing from a final read");
    let lenient = SetFull { lenient: true }.check(&history(text), &CheckContext::default());
    assert_eq!(lenient.valid, Valid::True);
    // Added during the final phase: the rule does not apply.
    assert_eq!(check("0+b 0+b! F 2+a 0r 2+a! 0r=b 1r 1r=ab").valid, Valid::True);
}

#[test]
fn every_worker_needs_a_final_read() {
    let context = CheckContext { nodes: vec!["n0".into(), "n1".into()], concurrency: 2, ..CheckContext::default() };
    let check = |text: &str| SetFull::default().check(&history(text), &context);
    assert_eq!(check("0+a 0+a! F 0r 0r=a 1r 1r=a").valid, Valid::True);
    assert_eq!(check("0+a 0+a! F 0r 0r=a 3r 3r=a").valid, Valid::True);
    let verdict = check("0+a 0+a! F 0r 0r=a 1r 1r?");
    assert_eq!(verdict.valid, Valid::Unknown);
    let expected = "worker 1 (client of n1) has no successful final read, so elements may be missing there";
    assert_eq!(verdict.reason.as_deref(), Some(expected));
    assert_eq!(check("0+a 0+a! F 0r 0r=a").valid, Valid::Unknown);
    // Without a final phase there is nothing to ask for.
    assert_eq!(check("0+a 0+a! 0r 0r=a").valid, Valid::True);
}

#[test]
fn duplicated_and_unexpected_elements() {
    let text = "0+a 0+a! 0r 0r=axaya 0r 0r=aa";
    let verdict = check(text);
    assert_eq!((verdict.valid, anomalies(&verdict)), (Valid::False, vec!["duplicated", "unexpected"]));
    assert_eq!(verdict.details["duplicated"], json!([["a", 3]]));
    assert_eq!(verdict.details["unexpected"], json!(["x", "y"]));
    let lenient = SetFull { lenient: true }.check(&history(text), &CheckContext::default());
    assert_eq!((lenient.valid, lenient.findings.len()), (Valid::True, 2));
    // Nobody had tried to add `a` when this read ended.
    assert_eq!(anomalies(&check("1r 1r=a 0+a 0+a! 1r 1r=a")), ["unexpected"]);
    // A failed addition was a try.
    assert_eq!(check("0+a 0+a~ 1r 1r=a").valid, Valid::True);
}

#[test]
fn missing_invocations_are_doubts_not_faults() {
    let mut reads = history("0+a 0+a! 0r 0r=a 0r 0r=");
    assert_eq!(SetFull::default().check(&reads, &CheckContext::default()).valid, Valid::False);
    reads.ops.remove(4);
    let verdict = SetFull::default().check(&reads, &CheckContext::default());
    assert_eq!(verdict.valid, Valid::Unknown);
    assert!(verdict.reason.unwrap().starts_with("1 reads have no invocation"));
    let mut additions = history("0+a 0+a! 0r 0r=a");
    additions.ops.remove(0);
    assert_eq!(SetFull::default().check(&additions, &CheckContext::default()).valid, Valid::True);
}

#[test]
fn elements_compare_as_values() {
    let ops = vec![
        Op::new(0, OpType::Invoke, 0, "add", json!({"a": 1, "b": [1.0]})),
        Op::new(1, OpType::Ok, 0, "add", json!({"a": 1, "b": [1.0]})),
        Op::new(2, OpType::Invoke, 0, "read", Value::Null),
        Op::new(3, OpType::Ok, 0, "read", json!([{"b": [1.0], "a": 1}])),
    ];
    let mut history = History { ops };
    assert_eq!(SetFull::default().check(&history, &CheckContext::default()).valid, Valid::True);
    history.ops[3].value = json!([{"b": [1], "a": 1}]);
    let verdict = SetFull::default().check(&history, &CheckContext::default());
    assert_eq!(anomalies(&verdict), ["lost", "unexpected"]);
}

const MILLISECOND: Nanos = 1_000_000;

/// The definitions, element by element and read by read.
fn by_definition(history: &History) -> BTreeMap<String, (&'static str, Nanos)> {
    struct SetRead<'a>(usize, usize, &'a [Value], bool);
    let pairs = history.pairs();
    let reads: Vec<SetRead<'_>> = pairs
        .iter()
        .filter_map(|pair| {
            let op = &history.ops[pair.completion?];
            let list = op.value.as_array().filter(|_| op.kind == OpType::Ok && &*op.f == "read")?;
            Some(SetRead(pair.invocation?, pair.completion?, list, op.is_final))
        })
        .collect();
    let phase = history.ops.iter().position(|op| op.is_final).unwrap_or(usize::MAX);
    let mut outcome = BTreeMap::new();
    for pair in &pairs {
        let invoked = pair.invocation.unwrap();
        let element = &history.ops[invoked].value;
        if &*history.ops[invoked].f == "read" || outcome.contains_key(&element.to_string()) {
            continue;
        }
        let acknowledged = pairs.iter().filter_map(|pair| {
            let op = &history.ops[pair.completion?];
            (op.kind == OpType::Ok && &*op.f == "add" && op.value == *element).then_some(pair.completion?)
        });
        let relevant: Vec<&SetRead<'_>> = reads.iter().filter(|read| read.1 > invoked).collect();
        let shown = relevant.iter().filter(|read| read.2.contains(element)).map(|read| read.1);
        let known = acknowledged.chain(shown).min();
        let present = relevant.iter().filter(|read| read.2.contains(element)).map(|read| read.0).max();
        let absent = relevant.iter().filter(|read| !read.2.contains(element)).map(|read| read.0).max();
        let finally_missing =
            known.is_some_and(|known| known < phase) && reads.iter().any(|read| read.3 && !read.2.contains(element));
        let lost = known.is_some() && absent > known && absent > present;
        let fate = if lost || finally_missing {
            "lost"
        } else if present.is_some() && present > absent {
            "stable"
        } else {
            "never"
        };
        let last = if fate == "lost" { present } else { absent };
        let latency = match (known, last) {
            (Some(known), Some(last)) => history.ops[last].time.saturating_sub(history.ops[known].time),
            _ => 0,
        };
        outcome.insert(element.to_string(), (fate, latency));
    }
    outcome
}

/// Random interleavings of three processes that add and read; reads return random subsets, mostly of what was added.
fn any_history() -> impl Strategy<Value = History> {
    let step = (0..3_u64, 0..8_u8, prop::collection::vec(0..5_u64, 0..5), 0..4_u8);
    (prop::collection::vec(step, 0..40), 0..60_usize).prop_map(|(steps, phase)| {
        let mut open: BTreeMap<u64, Op> = BTreeMap::new();
        let mut ops: Vec<Op> = Vec::new();
        for (process, choice, list, outcome) in steps {
            let index = ops.len() as u64;
            let mut op = match open.remove(&process) {
                None if choice < 4 => Op::new(index, OpType::Invoke, process, "add", json!(list.len())),
                None => Op::new(index, OpType::Invoke, process, "read", Value::Null),
                Some(invocation) if &*invocation.f == "add" => {
                    let kind = [OpType::Ok, OpType::Ok, OpType::Info, OpType::Fail][outcome as usize];
                    Op { kind, ..invocation }
                }
                Some(invocation) => Op { kind: OpType::Ok, value: json!(list), ..invocation },
            };
            op.is_final = ops.len() >= phase;
            op.time = index * MILLISECOND;
            if op.kind == OpType::Invoke {
                open.insert(process, op.clone());
            }
            ops.push(op);
        }
        History { ops }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(4000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_definitions(history in any_history()) {
        let outcome = SetFull::default().outcome(&history, &CheckContext::default());
        let fates = [(&outcome.lost, "lost"), (&outcome.stable, "stable"), (&outcome.never_read, "never")];
        let fates = fates.into_iter().flat_map(|(list, fate)| list.iter().map(move |value| (value.to_string(), fate)));
        let expected = by_definition(&history);
        let fate = |(value, (fate, _)): (&String, &(&'static str, Nanos))| (value.clone(), *fate);
        prop_assert_eq!(fates.collect::<BTreeMap<_, _>>(), expected.iter().map(fate).collect());
        prop_assert_eq!(outcome.attempt_count, expected.len());
        for (latencies, name) in [(&outcome.stable_latencies, "stable"), (&outcome.lost_latencies, "lost")] {
            let expected = expected.values().filter(|(fate, _)| *fate == name).map(|(_, latency)| *latency);
            prop_assert_eq!(latencies, &Quantiles::new(expected.collect()));
        }
    }

    #[test]
    fn the_evidence_alone_proves_the_fault(history in any_history()) {
        let verdict = judged(&SetFull::default(), &history);
        for finding in &verdict.findings {
            let mut positions: Vec<usize> = finding.evidence.iter().flat_map(|line| [line.invocation, line.completion]).flatten().collect();
            positions.sort_unstable();
            let alone = History { ops: positions.iter().map(|&position| history.ops[position].clone()).collect() };
            let again = judged(&SetFull::default(), &alone);
            let shown = again.findings.iter().any(|other| other.anomaly == finding.anomaly);
            // Without its addition, an element that is duplicated is unexpected already.
            let shown_otherwise = finding.anomaly == "duplicated" && again.valid == Valid::False;
            prop_assert!(shown || shown_otherwise, "{:?} in {:?}", finding, alone);
        }
    }
}

#[test]
fn a_read_of_null_is_a_read_of_the_empty_list() {
    for text in ["0r 0r= 0+a 0+a! F 1r 1r=a", "0+a 0+a! F 0r 0r= 1r 1r=", "0+a 0+a? F 0r 0r="] {
        let mut history = history(text);
        let expected = SetFull::default().check(&history, &CheckContext::default());
        for op in history.ops.iter_mut().filter(|op| op.value == json!([])) {
            op.value = Value::Null;
        }
        let found = SetFull::default().check(&history, &CheckContext::default());
        assert_eq!((found.valid, &found.details), (expected.valid, &expected.details), "{text}");
    }
}
