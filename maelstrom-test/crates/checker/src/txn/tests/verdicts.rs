//! Verdicts in special situations, and explanations as people read them.

use crate::json::{Value, json};

use crate::history::{History, Op, OpType};
use crate::txn::{ListAppend, Options, Promise, RwRegister};
use crate::{CheckContext, Checker, Valid, Verdict};

/// Entries of (type, process, value), each 10 ms after the one before.
fn history(entries: &[(OpType, u64, Value)]) -> History {
    let op = |(at, (kind, process, value)): (usize, &(OpType, u64, Value))| Op {
        time: at as u64 * 10_000_000,
        ..Op::new(at as u64, *kind, *process, "txn", value.clone())
    };
    History { ops: entries.iter().enumerate().map(op).collect() }
}

fn oks(values: &[Value]) -> History {
    let entries: Vec<_> =
        values.iter().enumerate().map(|(process, value)| (OpType::Ok, process as u64, value.clone())).collect();
    history(&entries)
}

fn options(models: &str) -> Options {
    Options { promise: models.parse().unwrap(), ..Options::default() }
}

fn lists(history: &History, models: &str) -> Verdict {
    ListAppend::new(options(models)).check(history, &CheckContext::default())
}

fn registers(history: &History, models: &str) -> Verdict {
    RwRegister::new(options(models)).check(history, &CheckContext::default())
}

fn notes(verdict: &Verdict) -> Vec<String> {
    verdict.findings[0].evidence.iter().map(|line| format!("{} | {}", line.text, line.note)).collect()
}

#[test]
fn a_stale_read_is_explained_by_times() {
    use OpType::{Invoke, Ok};
    let history = history(&[
        (Invoke, 0, json!([["append", 5, 1]])),
        (Ok, 0, json!([["append", 5, 1]])),
        (Invoke, 1, json!([["r", 5, null], ["append", 6, 1]])),
        (Ok, 1, json!([["r", 5, []], ["append", 6, 1]])),
        (Invoke, 2, json!([["r", 5, null]])),
        (Ok, 2, json!([["r", 5, [1]]])),
    ]);
    let verdict = lists(&history, "strict-serializable");
    assert_eq!(verdict.valid, Valid::False);
    let finding = &verdict.findings[0];
    assert_eq!(finding.headline, "not strict-serializable: stale read (G-single-item-realtime)");
    assert_eq!(finding.shape, "T1 -rw-> T2 -realtime-> T1");
    assert_eq!(
        notes(&verdict),
        [
            "T1: r 5 [], append 6 1 | T1 < T2, because T2 appended 1 after T1 had read key 5 without it, as []",
            "T2: append 5 1 | T2 < T1, because T2 was complete at 0.01 s, before T1 began at 0.02 s: a contradiction",
        ]
    );
    assert_eq!(verdict.details["not"], json!(["strong-snapshot-isolation"]));
    // Serializability does not care about time: the second transaction may have come first.
    assert_eq!(lists(&history, "serializable").valid, Valid::True);
}

#[test]
fn registers_say_how_the_order_of_values_is_known() {
    let history = oks(&[
        json!([["w", "x", 1]]),
        json!([["r", "x", 1], ["w", "x", 2], ["w", "y", 1]]),
        json!([["r", "y", 1], ["r", "x", 1]]),
    ]);
    let checker = RwRegister::new(Options { wfr_keys: true, ..options("serializable") });
    let verdict = checker.check(&history, &CheckContext::default());
    assert_eq!(
        notes(&verdict),
        [
            "T1: r y 1, r x 1 | T1 < T2, because T2 overwrote 1, which T1 had read from key x, with 2 (a transaction read \
         the one and then wrote the other)",
            "T2: r x 1, w x 2, w y 1 | T2 < T1, because T1 read 1 from key y, which T2 wrote: a contradiction",
        ]
    );
}

#[test]
fn values_written_twice_leave_doubt_and_name_both_writers() {
    let history = oks(&[json!([["append", "x", 1]]), json!([["append", "x", 1]]), json!([["r", "x", [1]]])]);
    let verdict = lists(&history, "serializable");
    assert_eq!(verdict.valid, Valid::Unknown);
    assert!(verdict.reason.unwrap().contains("1 was written to key x twice, at 0 and at 1"));
    assert_eq!(verdict.details["repeated_writes"], json!([{"key": "x", "value": 1, "writers": [0, 1]}]));

    let history = oks(&[json!([["w", "x", null]]), json!([["r", "x", null]])]);
    let verdict = registers(&history, "serializable");
    assert_eq!(verdict.valid, Valid::Unknown);
    assert!(verdict.reason.unwrap().contains("null was written to key x, at 0, and is its initial state"));
}

#[test]
fn other_keys_are_judged_where_one_is_ambiguous() {
    let history = oks(&[
        json!([["append", "x", 1], ["r", "a", []], ["append", "b", 1]]),
        json!([["append", "x", 1], ["r", "b", []], ["append", "a", 1]]),
    ]);
    assert_eq!(lists(&history, "serializable").valid, Valid::False);
}

#[test]
fn what_is_no_transaction_leaves_doubt_and_is_named() {
    let history = oks(&[json!([["w", "x", 1]]), json!([["r", "x", [1]]])]);
    let verdict = lists(&history, "serializable");
    assert_eq!(verdict.valid, Valid::Unknown);
    assert!(
        verdict
            .reason
            .unwrap()
            .contains(r#"entry 0: ["w","x",1] is neither ["r", key, value] nor ["append", key, value]"#)
    );
    assert_eq!(registers(&oks(&[json!("x")]), "serializable").valid, Valid::Unknown);
}

#[test]
fn models_that_rule_out_nothing_we_know_leave_doubt() {
    let history = oks(&[json!([["append", "x", 1]]), json!([["r", "x", [1]]])]);
    let verdict = lists(&history, "causal");
    assert_eq!(verdict.valid, Valid::Unknown);
    assert_eq!(verdict.reason.unwrap(), "none of the anomalies that this checker knows would break causal");
    assert_eq!(lists(&history, "serializable, causal").valid, Valid::True);
}

#[test]
fn an_empty_graph_leaves_doubt_but_hides_no_anomaly() {
    assert_eq!(lists(&History::default(), "serializable").valid, Valid::Unknown);
    assert_eq!(lists(&History::default(), "serializable").details["anomaly_types"], json!(["empty-transaction-graph"]));
    let unwritten = oks(&[json!([["r", "x", [1]]])]);
    assert_eq!(lists(&unwritten, "serializable").valid, Valid::False);
    // False under every model, even those of which nothing else is known.
    assert_eq!(lists(&unwritten, "causal").valid, Valid::False);
}

#[test]
fn transactions_without_answers_may_or_may_not_have_happened() {
    use OpType::{Invoke, Ok};
    let with = |answer: Value| {
        history(&[
            (Invoke, 0, json!([["append", "x", 1], ["append", "y", 1]])),
            (Ok, 0, answer),
            (Invoke, 1, json!([["r", "x", null], ["r", "y", null]])),
            (Ok, 1, json!([["r", "x", []], ["r", "y", []]])),
        ])
    };
    // Had it happened, the reader would have missed it.
    assert_eq!(
        lists(&with(json!([["append", "x", 1], ["append", "y", 1]])), "strict-serializable").valid,
        Valid::False
    );
    assert_ne!(lists(&with(Value::Null), "strict-serializable").valid, Valid::False);
    // An append without reads has its answer in full; a read without a value has not.
    let history = history(&[
        (Ok, 0, json!([["append", "x", 1], ["r", "y"]])),
        (Ok, 1, json!([["r", "x", []]])),
        (Ok, 2, json!([["r", "x", [1]]])),
    ]);
    assert_eq!(lists(&history, "serializable").valid, Valid::True);
}

#[test]
fn info_transactions_count_once_an_effect_was_read() {
    use OpType::{Info, Ok};
    let info = (Info, 0, json!([["append", "x", 1], ["append", "y", 1]]));
    let unseen = history(&[info.clone(), (Ok, 1, json!([["r", "y", []]])), (Ok, 2, json!([["r", "x", []]]))]);
    assert_eq!(lists(&unseen, "serializable").details["anomaly_types"], json!(["empty-transaction-graph"]));
    let torn = history(&[info, (Ok, 1, json!([["r", "x", [1]], ["r", "y", []]]))]);
    assert_eq!(lists(&torn, "serializable").details["anomaly_types"], json!(["G-single-item"]));
}

#[test]
fn a_process_may_have_several_transactions_under_way() {
    use OpType::{Invoke, Ok};
    let appends = |n: u64| json!([["append", "x", n], ["append", "y", n]]);
    let asks = [appends(1), appends(2), json!([["r", "x", null], ["r", "y", null]])];
    let answers = [appends(1), appends(2), json!([["r", "x", [1, 2]], ["r", "y", [2, 1]]])];
    let entries = asks.map(|ask| (Invoke, 0, ask)).into_iter().chain(answers.map(|answer| (Ok, 0, answer)));
    let verdict = lists(&history(&entries.collect::<Vec<_>>()), "read-uncommitted");
    assert_eq!((verdict.valid, anomaly_types(&verdict)), (Valid::False, json!(["G0"])));
}

#[test]
fn appends_of_a_transaction_stand_in_its_order() {
    let appends = (OpType::Ok, 0, json!([["append", "x", 1], ["append", "x", 2], ["append", "x", 3]]));
    let other = (OpType::Ok, 1, json!([["append", "x", 9]]));
    for (list, valid) in [
        (json!([1, 2, 3, 9]), Valid::True),
        (json!([9, 1, 2, 3]), Valid::True),
        (json!([2, 1, 3]), Valid::False),
        (json!([1, 3]), Valid::False),
        (json!([1, 2, 9]), Valid::False),
        (json!([1, 9, 2, 3]), Valid::False),
        (json!([9, 2, 3]), Valid::False),
    ] {
        let read = (OpType::Ok, 2, json!([["r", "x", list]]));
        let history = in_turn(&[appends.clone(), other.clone(), read]);
        assert_eq!(lists(&history, "serializable").valid, valid, "{list}");
    }
    let history = in_turn(&[appends, (OpType::Ok, 2, json!([["r", "x", [2, 1, 3]]]))]);
    let finding = &lists(&history, "read-committed").findings[0];
    assert_eq!((&*finding.anomaly, finding.evidence.len()), ("incompatible-order", 2));
    assert_eq!(finding.story, "A transaction appended 1 and then 2 to key x, yet it was read as [2 1 3].");
}

#[test]
fn an_order_in_real_time_is_enough_for_a_verdict_if_it_was_promised() {
    let append = json!([["append", "x", 1]]);
    for second in [OpType::Ok, OpType::Info] {
        let history = in_turn(&[(OpType::Ok, 0, append.clone()), (second, 1, json!([["append", "y", 1]]))]);
        assert_eq!(lists(&history, "strict-serializable").valid, Valid::True, "{second:?}");
        assert_eq!(lists(&history, "serializable").valid, Valid::Unknown, "{second:?}");
    }
    let alone = in_turn(&[(OpType::Ok, 0, append), (OpType::Fail, 1, json!([["append", "y", 1]]))]);
    assert_eq!(lists(&alone, "strict-serializable").valid, Valid::Unknown);
}

#[test]
fn a_write_skew_does_not_hide_an_order_in_real_time() {
    use OpType::{Invoke, Ok};
    // The second begins after the first has ended, and both miss the other's append. Seen as a cycle of two read-write
    // edges that is a write skew, which strong snapshot isolation allows; but the second must see the first.
    let history = history(&[
        (Invoke, 0, json!([["r", "x", null], ["append", "y", 1]])),
        (Ok, 0, json!([["r", "x", []], ["append", "y", 1]])),
        (Invoke, 1, json!([["r", "y", null], ["append", "x", 1]])),
        (Ok, 1, json!([["r", "y", []], ["append", "x", 1]])),
    ]);
    let verdict = lists(&history, "strong-snapshot-isolation");
    assert_eq!(verdict.valid, Valid::False);
    assert_eq!(verdict.details["anomaly_types"], json!(["G-single-item-realtime"]));
    assert_eq!(lists(&history, "snapshot-isolation").valid, Valid::True);
}

#[test]
fn a_transaction_of_many_operations_takes_no_quadratic_time() {
    let mops: Vec<Value> = (0..20_000).map(|at| json!(["append", at, at])).collect();
    let reads: Vec<Value> = (0..20_000).map(|at| json!(["r", at, [at]])).collect();
    assert_eq!(lists(&oks(&[json!(mops), json!(reads)]), "serializable").valid, Valid::True);
}

#[test]
fn wrong_names_are_errors() {
    assert!(Promise::new(&["serializable"], &["G-sngle"]).unwrap_err().to_string().contains("`G-single`"));
    assert_eq!(Promise::new(&[] as &[&str], &[] as &[&str]), Ok(Promise::default()));
    assert_eq!("PL-SS,strict-serializable".parse::<Promise>().unwrap().model_names(), ["PL-SS"]);
}

/// A history of transactions one after another: how they ended, who performed them, and what they did.
fn in_turn(txns: &[(OpType, u64, Value)]) -> History {
    let entries = txns
        .iter()
        .flat_map(|(kind, process, value)| [OpType::Invoke, *kind].map(|kind| (kind, *process, value.clone())));
    history(&entries.collect::<Vec<_>>())
}

#[test]
fn where_aborted_reads_are_allowed_a_read_does_not_prove_that_its_writer_committed() {
    // The first was rolled back after the second had read what it had written to x.
    let history = in_turn(&[
        (OpType::Info, 0, json!([["append", "x", 1], ["append", "y", 1]])),
        (OpType::Ok, 1, json!([["r", "x", [1]]])),
        (OpType::Ok, 2, json!([["append", "x", 2], ["append", "y", 2]])),
        (OpType::Ok, 3, json!([["r", "y", [2]]])),
    ]);
    assert_eq!(lists(&history, "read-uncommitted").valid, Valid::True);
    assert_eq!(
        lists(&history, "read-committed").valid,
        Valid::False,
        "it was an aborted read, or else the order is impossible"
    );
}

#[test]
fn what_rests_on_a_read_of_an_unknown_write_rules_out_no_model_that_allows_aborted_reads() {
    // Either the first happened, and its writes and those of the third are mixed up; or the second made an aborted read.
    let history = in_turn(&[
        (OpType::Info, 0, json!([["append", "x", 1], ["append", "y", 1]])),
        (OpType::Ok, 1, json!([["r", "x", [1]]])),
        (OpType::Ok, 2, json!([["append", "x", 2], ["append", "y", 2]])),
        (OpType::Ok, 3, json!([["r", "y", [2]]])),
    ]);
    let verdict = lists(&history, "read-committed");
    assert_eq!(verdict.details["anomaly_types"], json!(["G0"]));
    assert_eq!(verdict.details["not"], json!(["read-committed"]));
}

/// What a transaction of unknown fate was told may stem from a state that was given up together with it: a leader that
/// was none any more had taken 2 into its log before 3.
#[test]
fn reads_of_unknown_fate_prove_nothing() {
    use OpType::{Info, Ok};
    let told = |values: Value| (Info, 3, json!([["r", "x", values]]));
    let append = |process: u64, value: u64| (Ok, process, json!([["append", "x", value], ["append", "y", value]]));
    for (info, expected) in [(told(json!([1, 2, 3])), Valid::True), (told(json!([3, 2, 1, 9])), Valid::True)] {
        let rest = [append(0, 1), append(1, 3), append(2, 2), info, (Ok, 4, json!([["r", "x", [1, 3, 2]]]))];
        let verdict = lists(&history(&rest), "serializable");
        assert_eq!((verdict.valid, &verdict.details["not"]), (expected, &json!([])), "{:?}", verdict.findings);
    }
    // Nobody else read any of it: all three appended something that no proof mentions.
    let longest = [append(0, 1), append(1, 2), told(json!([1, 2])), (Ok, 4, json!([["r", "x", [2]]]))];
    assert_eq!(lists(&history(&longest), "serializable").valid, Valid::True);
}

#[test]
fn reads_of_a_transaction_that_must_have_happened_count() {
    use OpType::{Info, Ok};
    let info = |told: Value| (Info, 0, json!([["r", "x", told], ["append", "z", 1]]));
    let append = |process: u64, value: u64| (Ok, process, json!([["append", "x", value], ["append", "y", value]]));
    let rest = |seen: bool| {
        let read = if seen { json!([["r", "z", [1]]]) } else { json!([["r", "z", []]]) };
        history(&[append(1, 1), append(2, 2), info(json!([1, 2])), (Ok, 3, json!([["r", "y", [2, 1]]])), (Ok, 4, read)])
    };
    assert_eq!(lists(&rest(false), "serializable").valid, Valid::True);
    let verdict = lists(&rest(true), "serializable");
    assert_eq!(verdict.details["anomaly_types"], json!(["G0"]));
    assert_eq!(verdict.details["not"], json!(["read-committed"]), "it may have been an aborted read instead");
}

#[test]
fn the_order_of_a_process_includes_what_it_did_last() {
    let history = in_turn(&[
        (OpType::Ok, 0, json!([["append", "x", 2]])),
        (OpType::Info, 0, json!([["append", "y", 1]])),
        (OpType::Ok, 1, json!([["r", "y", [1]], ["append", "x", 1]])),
        (OpType::Ok, 2, json!([["r", "x", [1, 2]]])),
    ]);
    assert_eq!(lists(&history, "serializable").valid, Valid::True);
    assert_eq!(lists(&history, "strong-session-serializable").valid, Valid::False);
}

fn anomaly_types(verdict: &Verdict) -> Value {
    verdict.details["anomaly_types"].clone()
}

#[test]
fn a_register_that_is_read_before_the_same_transaction_writes_it_is_a_future_read() {
    let history = oks(&[json!([["r", "x", 1], ["w", "x", 1]])]);
    for (models, valid) in
        [("read-committed", Valid::False), ("strict-serializable", Valid::False), ("read-uncommitted", Valid::True)]
    {
        let verdict = registers(&history, models);
        assert_eq!(verdict.valid == Valid::False, valid == Valid::False, "{models}");
        assert_eq!(verdict.findings[0].anomaly, "future-read");
    }
    // After its own write a transaction reads what it wrote.
    let right = oks(&[json!([["w", "x", 1], ["r", "x", 1], ["w", "x", 2]]), json!([["r", "x", 2]])]);
    assert_eq!(registers(&right, "strict-serializable").findings.len(), 0);
}

#[test]
fn cycles_that_need_a_hub_twice_are_found() {
    let history = oks(&(1..=12).map(|n| json!([["r", "x", null], ["w", "x", n]])).collect::<Vec<_>>());
    assert_eq!(anomaly_types(&registers(&history, "serializable")), json!(["G2-item", "lost-update"]));
}

#[test]
fn an_intermediate_value_of_a_failed_transaction_is_both_kinds_of_read() {
    use OpType::{Fail, Invoke, Ok};
    let history = history(&[
        (Invoke, 0, json!([["w", "x", 1], ["w", "x", 2]])),
        (Fail, 0, json!([["w", "x", 1], ["w", "x", 2]])),
        (Ok, 1, json!([["r", "x", 1]])),
    ]);
    assert_eq!(anomaly_types(&registers(&history, "read-committed"))[0], json!("G1a"));
    assert_eq!(anomaly_types(&registers(&history, "read-committed"))[1], json!("G1b"));
}

#[test]
fn values_that_nobody_wrote_break_read_committed_but_nothing_weaker() {
    let zero = oks(&[json!([["r", 8, 0]]), json!([["w", 8, 1]]), json!([["r", 8, 1]])]);
    let strong = registers(&zero, "read-committed");
    assert_eq!(strong.valid, Valid::False);
    assert_eq!(strong.reason, None);
    assert_eq!(
        strong.findings[0].story,
        "A transaction read 0 from key 8, but no transaction wrote it. A missing key is null."
    );
    for verdict in [registers(&zero, "read-uncommitted"), lists(&oks(&[json!([["r", 8, [7]]])]), "read-uncommitted")] {
        assert_ne!(verdict.valid, Valid::False);
        assert_eq!(verdict.details["allowed_anomalies"], json!(["unexpected"]));
    }
    let lenient = Options { promise: Promise::default().lenient(), ..Options::default() };
    let verdict = RwRegister::new(lenient).check(&zero, &CheckContext::default());
    assert_eq!((verdict.valid, verdict.findings.len()), (Valid::True, 1));
    // A model that is neither weaker nor stronger than read-committed allows no such value either.
    assert_eq!(registers(&zero, "PRAM").valid, Valid::False);
}

#[test]
fn an_element_that_another_transaction_appended_as_well_is_no_future_read() {
    // The read may have seen the other append; what then follows is in doubt.
    let verdict = lists(&oks(&[json!([["append", 1, 7]]), json!([["r", 1, [7]], ["append", 1, 7]])]), "serializable");
    assert_eq!(verdict.valid, Valid::Unknown);
    assert!(verdict.findings.is_empty(), "{verdict:#?}");
}
