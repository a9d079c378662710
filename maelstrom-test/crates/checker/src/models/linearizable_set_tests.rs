//! Examples, and a comparison of random histories with all orders.

use proptest::prelude::*;

use super::LinearizableSet;
use crate::history::{History, OpType};
use crate::json::{Value, json};
use crate::small_histories::{RandomOp, history, intervals, is_linearizable, random_ops, verdict};
use crate::test_cases::cases;
use crate::{CheckContext, Checker, Evidence, Valid, Verdict};

/// Random operations. Reads return random subsets of a few elements, or what a single set would have returned.
fn operations(count: usize) -> impl Strategy<Value = Vec<RandomOp>> {
    let subset = |bits: u32| (0..4u32).filter(|element| bits >> element & 1 == 1).map(Value::from).collect::<Value>();
    let read = move |bits: u32| ("read", Value::Null, subset(bits));
    let operation = prop_oneof![
        4 => (0..4u32).prop_map(|element| ("add", json!(element), json!(element))),
        1 => (0..16u32).prop_map(read),
        3 => prop::sample::select(vec![0, 1, 3, 7, 15]).prop_map(read),
    ];
    random_ops(count, operation)
}

fn bits(list: &Value) -> u32 {
    let elements = list.as_array().expect("it was drawn").iter();
    elements.map(|element| 1 << element.as_u64().expect("it was drawn")).sum()
}

fn step(set: u32, op: &RandomOp) -> Option<u32> {
    match op.f {
        "add" => Some(set | 1 << op.argument.as_u64().expect("it was drawn")),
        _ => (bits(&op.result) == set).then_some(set),
    }
}

fn is_valid(history: &History) -> bool {
    LinearizableSet.check(history, &CheckContext::default()).valid != Valid::False
}

/// The history in which only these operations prove something: other reads are removed, and other additions may have taken
/// effect at any time after they began, or never.
fn weakened(history: &History, kept: &[&Evidence]) -> History {
    let is_kept = |at: usize| kept.iter().any(|line| line.completion == Some(at) || line.invocation == Some(at));
    let weak = history.ops.iter().enumerate().filter(|(at, op)| is_kept(*at) || &*op.f == "add");
    let weak = weak.map(|(at, op)| {
        let mut op = op.clone();
        if op.kind == OpType::Ok && !is_kept(at) {
            op.kind = OpType::Info;
        }
        op
    });
    History { ops: weak.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(4000)) })]

    #[test]
    fn verdicts_agree_with_brute_force(random_ops in operations(8)) {
        let expected = is_linearizable(&intervals(&random_ops), 0, &|set, index| step(*set, &random_ops[index]));
        let verdict = verdict(&LinearizableSet, &history(&random_ops));
        prop_assert_eq!(verdict.valid != Valid::False, expected, "{:?}", verdict);
    }

    #[test]
    fn evidence_is_minimal(random_ops in operations(10)) {
        let whole = history(&random_ops);
        let verdict = verdict(&LinearizableSet, &whole);
        for finding in &verdict.findings {
            let all: Vec<&Evidence> = finding.evidence.iter().collect();
            prop_assert!(!is_valid(&weakened(&whole, &all)), "no proof: {:?}", finding);
            // The invocation of an addition that began too late is part of the proof.
            let is_needed = |line: &&&Evidence| !line.note.starts_with("the first addition");
            for line in all.iter().filter(is_needed) {
                let others: Vec<&Evidence> = all.iter().copied().filter(|other| other != line).collect();
                prop_assert!(is_valid(&weakened(&whole, &others)), "{:?} is superfluous in {:?}", line, finding);
            }
        }
    }
}

fn check(text: &str) -> Verdict {
    verdict(&LinearizableSet, &History::read(text.as_bytes()).expect("it is a history"))
}

#[test]
fn stories_name_the_element() {
    for (text, story) in [
        (
            "{:type :invoke, :process 0, :f :add, :value 1} {:type :ok, :process 0, :f :add, :value 1}
             {:type :invoke, :process 1, :f :read} {:type :ok, :process 1, :f :read, :value []}",
            "process 1 read the set without 1, which had been added before.",
        ),
        (
            "{:type :invoke, :process 0, :f :add, :value 1}
             {:type :invoke, :process 1, :f :read} {:type :ok, :process 1, :f :read, :value [1]}
             {:type :invoke, :process 2, :f :read} {:type :ok, :process 2, :f :read, :value nil}",
            "process 2 read the set without 1, which a read before it shows.",
        ),
        (
            r#"{"type": "invoke", "process": 1, "f": "read"}
               {"type": "ok", "process": 1, "f": "read", "value": ["a"]}
               {"type": "invoke", "process": 0, "f": "add", "value": "a"}"#,
            "process 1 read \"a\", which was added only later.",
        ),
        (
            "{:type :invoke, :process 2, :f :read}
             {:type :invoke, :process 0, :f :add, :value 1} {:type :ok, :process 0, :f :add, :value 1}
             {:type :invoke, :process 1, :f :add, :value 2}
             {:type :ok, :process 2, :f :read, :value [2]}",
            "process 2 read the set with 2, but without 1, which had been added before.",
        ),
        (
            "{:type :invoke, :process 0, :f :add, :value 1} {:type :invoke, :process 1, :f :add, :value 2}
             {:type :invoke, :process 2, :f :read} {:type :invoke, :process 3, :f :read}
             {:type :ok, :process 2, :f :read, :value [2]} {:type :ok, :process 3, :f :read, :value [1]}",
            "Each of two reads shows an element that the other lacks.",
        ),
        (
            "{:type :invoke, :process 2, :f :read} {:type :ok, :process 2, :f :read, :value [3]}",
            "process 2 read 3, which nobody had added.",
        ),
        (
            "{:type :invoke, :process 0, :f :add, :value 1}
             {:type :invoke, :process 2, :f :read} {:type :ok, :process 2, :f :read, :value [1 1]}",
            "process 2 read a list with 1 in it twice.",
        ),
    ] {
        let verdict = check(text);
        assert_eq!(verdict.valid, Valid::False);
        let stories: Vec<&str> = verdict.findings.iter().map(|finding| finding.story.as_str()).collect();
        assert_eq!(stories, [story]);
    }
}

#[test]
fn nothing_is_said_where_nothing_can_be() {
    for (text, reason) in [
        ("{:type :ok, :f :add, :value 1}", "no read returned, so nothing was tested"),
        (
            "{:type :ok, :f :remove, :value 1}",
            "entry 0 of the history (process 0, ok remove): a set has only the functions add and read",
        ),
    ] {
        let verdict = check(text);
        assert_eq!((verdict.valid, verdict.reason.as_deref()), (Valid::Unknown, Some(reason)));
    }
}
