//! Verdicts as users see them.

use crate::json::{Value, json};

use crate::history::OpType::{Fail, Info, Invoke, Ok};
use crate::history::{History, Op, OpType};
use crate::linearizable::Linearizable;
use crate::{CheckContext, Checker, Finding, Picture, Valid, Verdict};

/// A history of (type, process, function, value).
fn history(entries: &[(OpType, u64, &str, Value)]) -> History {
    let entry = |(index, (kind, process, f, value)): (usize, &(OpType, u64, &str, Value))| {
        let mut op = Op::new(index as u64, *kind, *process, f, value.clone());
        op.time = index as u64 * 1_000_000;
        op
    };
    History { ops: entries.iter().enumerate().map(entry).collect() }
}

/// The same for operations that follow each other: (process, function, argument, result).
fn sequence(operations: &[(u64, &str, Value, Value)]) -> History {
    let entries: Vec<_> = operations
        .iter()
        .flat_map(|(process, f, argument, result)| {
            [(Invoke, *process, *f, argument.clone()), (Ok, *process, *f, result.clone())]
        })
        .collect();
    history(&entries)
}

/// Three nodes, six workers.
fn context() -> CheckContext {
    let nodes = ["n0", "n1", "n2"].map(str::to_owned).to_vec();
    CheckContext { nodes, concurrency: 6, ..CheckContext::default() }
}

fn check(history: &History) -> Verdict {
    Linearizable::per_key().check(history, &context())
}

/// The only finding of an invalid history.
fn finding(history: &History) -> Finding {
    let verdict = check(history);
    assert_eq!(verdict.valid, Valid::False);
    let [finding] = verdict.findings.as_slice() else { panic!("one finding expected: {:#?}", verdict.findings) };
    assert_eq!(finding.anomaly, "nonlinearizable");
    assert!(finding.proscribed);
    finding.clone()
}

/// The shape of all faults that depend on timing for the rest of what they look like.
const CONTRADICTS: &str = "a response contradicts an operation that had completed before it";

fn lines(finding: &Finding) -> Vec<&str> {
    finding.evidence.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn a_stale_read_is_explained() {
    let finding = finding(&sequence(&[
        (3, "write", json!([3, 1]), json!([3, 1])),
        (4, "write", json!([3, 2]), json!([3, 2])),
        (0, "read", json!([3, null]), json!([3, 2])),
        (1, "read", json!([3, null]), json!([3, 1])),
    ]));
    assert_eq!(finding.headline, "not linearizable (key 3)");
    assert_eq!(finding.story, "n1 answered a read with a value that had been overwritten:");
    assert_eq!(finding.shape, CONTRADICTS);
    assert_eq!(lines(&finding), ["read 3 → 2", "read 3 → 1"]);
    assert_eq!(finding.evidence[0].note, "ok");
    assert_eq!((finding.evidence[1].invocation, finding.evidence[1].completion), (Some(6), Some(7)));
    assert_eq!(
        finding.evidence[1].note,
        "no order of these operations explains it:\nthe read of 2 completed before this read began,\n\
         and nothing wrote 1 after it"
    );
    let Some(Picture::Intervals(picture)) = finding.picture else { panic!("a picture of intervals") };
    let labels: Vec<&str> = picture.bars.iter().map(|bar| bar.label.as_str()).collect();
    assert_eq!(labels, ["read → 2", "read → 1"]);
    assert_eq!((picture.bars[1].process, picture.bars[1].start, picture.bars[1].end), (1, 6_000_000, Some(7_000_000)));
    assert_eq!(picture.orders, [vec![(0, "2".to_owned())]]);
    assert_eq!(picture.stuck, Some(1));
}

#[test]
fn a_write_that_may_come_later_is_no_excuse_before_it_is_invoked() {
    let finding = finding(&history(&[
        (Invoke, 0, "read", json!([0, null])),
        (Ok, 0, "read", json!([0, 7])),
        (Invoke, 4, "write", json!([0, 7])),
        (Info, 4, "write", json!([0, 7])),
    ]));
    assert_eq!(finding.story, "n0 answered a read with a value that was written only later:");
    assert_eq!(lines(&finding), ["read 0 → 7"]);
    assert_eq!(finding.evidence[0].note, "the first write of 7 began after this read completed");
}

#[test]
fn a_value_from_nowhere_is_explained() {
    let finding = finding(&sequence(&[
        (3, "write", json!(["k", 1]), json!(["k", 1])),
        (2, "read", json!(["k", null]), json!(["k", 9])),
    ]));
    assert_eq!(finding.headline, "not linearizable (key \"k\")");
    assert_eq!(finding.shape, "a response shows a value that nobody wrote");
    assert_eq!(lines(&finding), ["read \"k\" → 9"]);
    assert_eq!(finding.evidence[0].note, "no operation writes 9");
}

#[test]
fn a_failed_write_must_not_be_seen() {
    let finding = finding(&history(&[
        (Invoke, 3, "write", json!([0, 5])),
        (Fail, 3, "write", json!([0, 5])),
        (Invoke, 0, "read", json!([0, null])),
        (Ok, 0, "read", json!([0, 5])),
    ]));
    assert_eq!(finding.shape, "a response shows the value of a write that had failed");
}

#[test]
fn an_acknowledged_write_must_not_disappear() {
    let write = (3, "write", json!([0, 5]), json!([0, 5]));
    let absent = finding(&sequence(&[write.clone(), (1, "read", json!([0, null]), json!([0, null]))]));
    assert_eq!(absent.shape, CONTRADICTS);
    assert_eq!(lines(&absent), ["write 0 ← 5", "read 0 → absent"]);

    let lost = finding(&sequence(&[
        (3, "write", json!([0, 4]), json!([0, 4])),
        write,
        (1, "read", json!([0, null]), json!([0, 4])),
        (2, "read", json!([0, null]), json!([0, 4])),
    ]));
    assert_eq!(lost.shape, CONTRADICTS);
    assert_eq!(lines(&lost), ["write 0 ← 5", "read 0 → 4"]);
}

#[test]
fn a_read_that_failed_because_the_key_is_missing_is_a_read_of_nothing() {
    let mut history = sequence(&[(3, "write", json!([0, 5]), json!([0, 5]))]);
    history.ops.push(Op::new(2, Invoke, 1, "read", json!([0, null])));
    let mut completion = Op::new(3, Fail, 1, "read", json!([0, null]));
    completion.error = Some(json!(["key-does-not-exist", "no such key"]));
    history.ops.push(completion);
    assert_eq!(finding(&history).shape, CONTRADICTS);

    history.ops.last_mut().expect("the completion").error = Some(json!(["temporarily-unavailable", "no leader"]));
    assert_eq!(check(&history).valid, Valid::True);
}

#[test]
fn compare_and_sets_are_explained() {
    let write = |value: u64| (3, "write", json!([0, value]), json!([0, value]));
    let cas = |process: u64, from: u64, to: u64| (process, "cas", json!([0, [from, to]]), json!([0, [from, to]]));

    let overwritten = finding(&sequence(&[write(1), write(2), cas(4, 1, 3)]));
    assert_eq!(overwritten.shape, CONTRADICTS);
    assert_eq!(overwritten.story, "the answers of n0 (write 0 ← 2) and n1 (cas 0: 1 → 3) contradict each other:");
    assert_eq!(lines(&overwritten), ["write 0 ← 2", "cas 0: 1 → 3"]);

    let twice = finding(&sequence(&[write(1), cas(4, 1, 2), cas(5, 1, 3)]));
    assert_eq!(twice.shape, CONTRADICTS);
    assert_eq!(lines(&twice), ["cas 0: 1 → 2", "cas 0: 1 → 3"]);
    assert_eq!(
        twice.evidence[1].note,
        "no order of these operations explains it:\neach of them replaces 1,\nand nothing wrote 1 in between"
    );

    let nowhere = finding(&sequence(&[write(1), cas(4, 8, 3)]));
    assert_eq!(nowhere.shape, "a response shows a value that nobody wrote");
}

#[test]
fn what_may_have_happened_is_shown_where_it_matters() {
    let mut history = history(&[(Invoke, 3, "write", json!([0, 1])), (Info, 3, "write", json!([0, 1]))]);
    let rest = sequence(&[
        (4, "write", json!([0, 2]), json!([0, 2])),
        (0, "read", json!([0, null]), json!([0, 1])),
        (4, "write", json!([0, 3]), json!([0, 3])),
        (0, "read", json!([0, null]), json!([0, 1])),
    ]);
    history.ops.extend(rest.ops);
    let finding = finding(&history);
    assert_eq!(lines(&finding), ["write 0 ← 1", "read 0 → 1", "write 0 ← 3", "read 0 → 1"]);
    assert_eq!(finding.evidence[0].note, "may have happened at any time after its beginning, or never");
    assert_eq!(
        finding.evidence[3].note,
        "no order of these operations explains it:\n\
         after write 1, read → 1, write 3 it holds 3, so read → 1 is impossible"
    );
}

fn culprits(finding: &Finding) -> Vec<&str> {
    finding.evidence.iter().filter(|line| line.is_culprit).map(|line| line.text.as_str()).collect()
}

#[test]
fn a_node_is_blamed_only_if_others_contradict_it() {
    let write = |process: u64, value: u64| (process, "write", json!([0, value]), json!([0, value]));
    let read = |process: u64, value: u64| (process, "read", json!([0, null]), json!([0, value]));
    let told = |operations: &[(u64, &str, Value, Value)]| {
        let finding = finding(&sequence(operations));
        (finding.story.clone(), culprits(&finding).join(", "))
    };
    // Nobody else says anything: either n1 lost the write, or n2 does not know it.
    let neither = "the answers of n1 (write 0 ← 2) and n2 (read 0 → 1) contradict each other:";
    assert_eq!(told(&[write(0, 1), write(1, 2), read(2, 1)]), (neither.into(), String::new()));
    // A third node has seen the write: the read is stale.
    let stale = "n2 answered a read with a value that had been overwritten:";
    assert_eq!(told(&[write(0, 1), write(1, 2), read(0, 2), read(2, 1)]), (stale.into(), "read 0 → 1".into()));
    // A third node sees it only later.
    assert_eq!(told(&[write(0, 1), write(1, 2), read(2, 1), read(0, 2)]), (stale.into(), "read 0 → 1".into()));
    // The other two never saw it, or lost it when they were killed: nobody knows whose fault that is.
    let lost = "n1 answered the write of 2 with success, but n0 and n2 agree that 1 was there after it:";
    let (story, culprit) = told(&[write(0, 1), write(1, 2), read(2, 1), read(0, 1)]);
    assert_eq!((story.as_str(), culprit.as_str()), (lost, ""));
    // Another write makes the reads after it no evidence about this one.
    let lost_later = told(&[write(0, 1), write(1, 2), read(2, 1), write(0, 3), read(0, 1)]);
    assert_eq!(lost_later, (neither.into(), String::new()));
    // A write of the old value makes the later reads no evidence.
    let (story, culprit) = told(&[write(0, 1), write(1, 2), read(2, 1), write(0, 1), read(0, 1)]);
    assert_eq!((story.as_str(), culprit.as_str()), (neither, ""));
    // One node contradicts itself.
    let (_, culprit) = told(&[write(0, 1), write(1, 2), read(1, 1)]);
    assert_eq!(culprit, "read 0 → 1");
}

#[test]
fn results_name_every_key() {
    let verdict = check(&sequence(&[
        (3, "write", json!(["a", 1]), json!(["a", 1])),
        (3, "write", json!([3, 1]), json!([3, 1])),
        (3, "write", json!(["3", 1]), json!(["3", 1])),
        (0, "read", json!([3, null]), json!([3, 2])),
    ]));
    assert_eq!(verdict.details["failures"], json!([3]));
    assert_eq!(
        verdict.details["results"],
        json!({
            "a": {"valid": true, "op_count": 1},
            "\"3\"": {"valid": true, "op_count": 1},
            "3": {
                "valid": false,
                "op_count": 2,
                "op": {"index": 7, "time": 7_000_000, "type": "ok", "process": 0, "f": "read", "value": [3, 2]},
                "proof": [{"index": 7, "time": 7_000_000, "type": "ok", "process": 0, "f": "read", "value": [3, 2]}],
                "proof_is_minimal": true,
            },
        })
    );
}

#[test]
fn numbers_are_equal_only_if_written_alike_and_objects_in_any_order() {
    let read = |value: &str| {
        let value: Value = crate::json::from_str(value).expect("JSON");
        check(&sequence(&[
            (3, "write", json!([0, {"a": 1, "b": 2}]), json!([0, {"a": 1, "b": 2}])),
            (0, "read", json!([0, null]), json!([0, value])),
        ]))
        .valid
    };
    assert_eq!(read(r#"{"b": 2, "a": 1}"#), Valid::True);
    assert_eq!(read(r#"{"b": 2.0, "a": 1}"#), Valid::False);
}

#[test]
fn incomplete_histories_are_accepted() {
    let completions_only = history(&[(Ok, 0, "read", json!([0, 1])), (Ok, 3, "write", json!([0, 1]))]);
    assert_eq!(check(&completions_only).valid, Valid::True);

    let never_answered = history(&[
        (Invoke, 3, "write", json!([0, 1])),
        (Invoke, 4, "read", json!([0, null])),
        (Invoke, 0, "read", json!([0, null])),
        (Ok, 0, "read", json!([0, 1])),
    ]);
    assert_eq!(check(&never_answered).valid, Valid::True);

    assert_eq!(check(&History::default()).valid, Valid::True);
}

#[test]
fn what_is_no_register_operation_is_said() {
    let verdict = check(&sequence(&[
        (0, "txn", json!([0, 1]), json!([0, 1])),
        (1, "write", json!([1, 1]), json!([1, 1])),
        (1, "read", json!([1, null]), json!([1, 2])),
    ]));
    assert_eq!(verdict.valid, Valid::False, "key 1 is not concerned");
    assert_eq!(
        verdict.reason.as_deref(),
        Some(
            "key 0: entry 0 of the history (process 0, invoke txn): \
             a register has only the functions read, write and cas"
        )
    );

    let verdict = check(&sequence(&[(0, "write", json!(1), json!(1)), (1, "read", json!([1, null]), json!([1, 2]))]));
    assert_eq!(verdict.valid, Valid::Unknown, "the write may have been to any key");
    let reason = verdict.reason.expect("unknown always says why");
    assert!(reason.contains("the value is not [key, value]"), "{reason}");
}

#[test]
fn an_exhausted_budget_is_unknown_and_says_where() {
    let mut entries = Vec::new();
    for process in 0..10 {
        entries.push((Invoke, process, "write", json!([0, process % 3])));
        entries.push((Invoke, process + 10, "read", json!([0, null])));
    }
    for process in 0..10 {
        entries.push((Ok, process + 10, "read", json!([0, process % 3])));
        entries.push((Ok, process, "write", json!([0, process % 3])));
    }
    let verdict = Linearizable::per_key().max_configurations(3).check(&history(&entries), &context());
    assert_eq!(verdict.valid, Valid::Unknown);
    let reason = verdict.reason.expect("unknown always says why");
    assert!(
        reason.starts_with("key 0: the allowed number of configurations ran out after 4 configurations, at "),
        "{reason}"
    );
    let result = &verdict.details["results"]["0"];
    assert_eq!((&result["valid"], &result["configurations"]), (&json!("unknown"), &json!(4)));
}

#[test]
fn only_some_keys_are_explained_and_all_are_listed() {
    let operations: Vec<_> = (0..20).map(|key| (0, "read", json!([key, null]), json!([key, 1]))).collect();
    let verdict = check(&sequence(&operations));
    assert_eq!(verdict.findings.len(), 8);
    assert_eq!(verdict.details["failures"].as_array().map(Vec::len), Some(20));
}

/// The library's verdict, which is also that of the history taken entry by entry.
fn check_both_ways(checker: &Linearizable, history: &History) -> Verdict {
    let context = context();
    let mut stream = checker.stream(&context);
    history.ops.iter().for_each(|op| stream.push(op));
    let (verdict, streamed) = (checker.check(history, &context), stream.finish());
    assert_eq!((verdict.valid, &verdict.reason), (streamed.valid, &streamed.reason));
    verdict
}

#[test]
fn operations_are_paired_before_they_are_divided_by_key() {
    let history = history(&[
        (Invoke, 0, "write", json!(["a", 1])),
        (Invoke, 0, "read", json!(["b", null])),
        (Ok, 0, "read", json!(["b", null])),
        // Not the end of the write of 1, which process 0 has left.
        (Ok, 0, "write", json!(["a", 2])),
        (Invoke, 1, "read", json!(["a", null])),
        (Ok, 1, "read", json!(["a", 2])),
    ]);
    assert_eq!(check_both_ways(&Linearizable::per_key(), &history).valid, Valid::True);
}

#[test]
fn a_failed_write_has_failed_whatever_its_completion_is_called() {
    let mut history = history(&[
        (Invoke, 0, "write", json!(1)),
        (Fail, 0, "read", json!(null)),
        (Invoke, 1, "read", json!(null)),
        (Ok, 1, "read", json!(null)),
    ]);
    history.ops[1].error = Some(json!("key-does-not-exist"));
    let verdict = check_both_ways(&Linearizable::register(), &history);
    assert_eq!(verdict.valid, Valid::True);
    let reason = "entry 1 of the history (process 0, fail read) completes an operation with another function, write";
    assert_eq!(verdict.reason.as_deref(), Some(reason));

    history.ops[0].f = "read".into();
    history.ops[1].f = "write".into();
    history.ops.insert(0, Op::new(9, Ok, 0, "write", json!(1)));
    history.ops[4].value = json!(1);
    assert_eq!(check_both_ways(&Linearizable::register(), &history).valid, Valid::True, "nothing read absent");
}

#[test]
fn an_acknowledgement_of_another_function_is_no_answer() {
    let history = history(&[
        (Invoke, 0, "write", json!([0, 1])),
        (Ok, 0, "read", json!([0, 1])),
        (Invoke, 1, "read", json!([0, null])),
        (Ok, 1, "read", json!([0, 1])),
    ]);
    let verdict = check_both_ways(&Linearizable::per_key(), &history);
    assert_eq!(verdict.valid, Valid::Unknown);
    let reason = "key 0: entry 0 of the history (process 0, invoke write): it was completed as another function";
    assert_eq!(verdict.reason.as_deref(), Some(reason));
}
