//! Examples, and a simulated log with planted faults.

mod definitions;
mod simulate;

use crate::json::json;
use maelstrom_random::Rng;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;

use self::simulate::{PlantedFault, simulate};
use super::*;
use crate::entry_points::judged;
use crate::history::{Op, OpType};
use crate::test_cases::cases;

/// A history in a notation for tests: operations one after another, a millisecond per entry, separated by `;`. `0 send x
/// 7@3`: process 0 sends 7 to key x and gets offset 3; `7!` the send fails; `7?` its fate is unknown. `0 poll x 3=7 4=8 y 0=1`
/// shows messages; `0 assign x y`, `0 seek x y` (from the beginning), `0 crash`. Several sends and polls in one operation are
/// joined by `&`.
fn history(text: &str) -> History {
    let mut ops: Vec<Op> = Vec::new();
    for line in text.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        let (process, rest) = line.split_once(' ').unwrap();
        let parts: Vec<&str> = rest.split('&').map(str::trim).collect();
        let mut kind = OpType::Ok;
        let (mut asked, mut told) = (Vec::new(), Vec::new());
        let mut extra = None;
        for part in &parts {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words[0] {
                "send" => {
                    let (value, offset) = match words[2].split_once('@') {
                        Some((value, offset)) => (value, Some(offset.parse::<i64>().unwrap())),
                        None => (words[2].trim_end_matches(['!', '?']), None),
                    };
                    let value: Value = crate::json::from_str(value).unwrap();
                    asked.push(json!(["send", words[1], value]));
                    told.push(match offset {
                        Some(offset) => json!(["send", words[1], [offset, value]]),
                        None => json!(["send", words[1], value]),
                    });
                    if offset.is_none() {
                        kind = if words[2].ends_with('!') { OpType::Fail } else { OpType::Info };
                    }
                }
                "poll" => {
                    let mut messages: Map<String, Value> = Map::new();
                    let mut key = String::new();
                    for word in &words[1..] {
                        match word.split_once('=') {
                            None => {
                                key = word.to_string();
                                messages.insert(key.clone(), json!([]));
                            }
                            Some((offset, value)) => {
                                let value: Value = crate::json::from_str(value).unwrap();
                                let list = messages.get_mut(&key).unwrap().as_array_mut().unwrap();
                                list.push(json!([offset.parse::<i64>().unwrap(), value]));
                            }
                        }
                    }
                    asked.push(json!(["poll"]));
                    told.push(json!(["poll", messages]));
                }
                "crash" => kind = OpType::Info,
                other => {
                    told = words[1..].iter().map(|key| json!(key)).collect();
                    asked = told.clone();
                    if other == "seek" {
                        extra = Some(Box::new(Map::from_iter([("seek_to_beginning".to_string(), json!(true))])));
                    }
                }
            }
        }
        let first = parts[0].split_whitespace().next().unwrap();
        let f = if parts.len() > 1 {
            "txn"
        } else if first == "seek" {
            "assign"
        } else {
            first
        };
        for (kind, value) in [(OpType::Invoke, asked), (kind, told)] {
            let index = ops.len() as u64;
            let op = Op::new(index, kind, process.parse().unwrap(), f, value.into());
            ops.push(Op { time: index * 1_000_000, extra: extra.clone(), ..op });
        }
    }
    History { ops }
}

fn check(text: &str) -> Verdict {
    Kafka::default().check(&history(text), &CheckContext::default())
}

fn found(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|finding| finding.anomaly.as_str()).collect()
}

#[test]
fn a_log_that_is_as_it_should_be() {
    let verdict = check(
        "0 send x 1@0; 0 send x 2@5; 1 send y 3@0; 2 send x 9!; 2 send x 8?;
         3 assign x y; 3 poll x 0=1 y 0=3; 3 poll x 5=2; 3 poll;
         4 seek x y; 4 poll x 0=1 5=2 6=8 y 0=3; 3 poll x 6=8",
    );
    assert_eq!((verdict.valid, found(&verdict)), (Valid::True, vec![]));
    assert_eq!(verdict.details["error_types"], json!([]));
    assert_eq!(verdict.details["message_count"], json!(4));
}

#[test]
fn each_anomaly_has_its_name() {
    for (text, expected) in [
        ("0 send x 1!; 1 poll x 0=1", vec!["G1a"]),
        ("0 send x 1@0; 0 send x 2@1; 1 poll x 1=2", vec!["lost-write", "unseen"]),
        ("0 send x 1@0; 1 poll x 0=1; 2 send x 2@0; 1 poll", vec!["lost-write", "inconsistent-offsets", "unseen"]),
        ("0 send x 1@0; 0 send x 2@1; 1 poll x 0=1 1=2; 2 poll x 0=2", vec!["inconsistent-offsets", "duplicate"]),
        ("0 send x 1@0; 1 poll x 0=1 3=1", vec!["duplicate"]),
        ("0 send x 1@0; 1 poll x 0=1 1=7", vec!["unexpected"]),
        ("1 poll x 0=1 1=7", vec![]),
        ("0 send x 1@0; 0 send x 2@3; 0 send x 3@4; 1 poll x 0=1 4=3; 2 poll x 3=2", vec!["int-poll-skip"]),
        ("0 send x 1@0; 0 send x 2@3; 1 poll x 3=2 0=1", vec!["int-nonmonotonic-poll"]),
        ("0 send x 1@0; 1 poll x 0=1 0=1", vec!["int-nonmonotonic-poll"]),
        ("0 send x 1@0; 0 send x 2@3; 0 send x 3@4; 1 poll x 0=1; 1 poll x 4=3; 2 poll x 3=2", vec!["poll-skip"]),
        ("0 send x 1@0; 1 poll x 0=1; 1 poll x 0=1", vec!["nonmonotonic-poll"]),
        ("0 send x 1@4; 0 send x 2@3; 1 poll x 3=2 4=1", vec!["nonmonotonic-send"]),
        ("0 send x 1@4 & send x 2@3; 1 poll x 3=2 4=1", vec!["int-nonmonotonic-send"]),
        ("0 send x 1@1 & send x 2@3; 1 send x 3@2; 1 poll x 1=1 2=3 3=2", vec!["int-send-skip"]),
        ("0 send x 1@1 & poll x 1=1", vec!["precommitted-read"]),
        ("0 send x 1@0", vec!["unseen"]),
    ] {
        let verdict = check(text);
        assert_eq!(found(&verdict), expected, "{text}");
        let bad = expected.iter().any(|name| *name != "int-send-skip");
        assert_eq!(verdict.valid, if bad { Valid::False } else { Valid::True }, "{text}");
        assert_eq!(verdict.details["bad_error_types"].as_array().unwrap().is_empty(), !bad, "{text}");
        for name in expected {
            assert_eq!(verdict.details[name]["count"], json!(1), "{text}");
            assert!(!verdict.details[name]["errs"][0]["ops"].as_array().unwrap().is_empty(), "{text}");
        }
    }
}

#[test]
fn assignments_forget_positions() {
    let sends = "0 send x 1@0; 0 send x 2@1; 0 send x 3@2; 0 send y 4@0; 9 poll x 0=1 1=2 2=3 y 0=4;";
    for (polls, expected) in [
        ("1 assign x; 1 poll x 0=1; 1 assign x y; 1 poll x 2=3", vec!["poll-skip"]),
        ("1 assign x; 1 poll x 0=1; 1 assign y; 1 assign x; 1 poll x 2=3", vec![]),
        ("1 assign x; 1 poll x 0=1; 1 seek x; 1 poll x 0=1", vec![]),
        ("1 assign x; 1 poll x 0=1; 2 assign x; 2 poll x 2=3", vec![]),
    ] {
        assert_eq!(found(&check(&format!("{sends}{polls}"))), expected, "{polls}");
    }
}

/// In a group, keys pass from one consumer to another: what one does not see, another one may have.
#[test]
fn consumers_that_share_keys_may_continue_anywhere() {
    let sends = "0 send x 1@0; 0 send x 2@1; 0 send x 3@2; 9 poll x 0=1 1=2 2=3;";
    for (polls, expected) in [
        ("1 subscribe x; 1 poll x 0=1; 1 poll x 2=3", vec![]),
        ("1 subscribe x; 1 poll x 1=2; 1 poll x 0=1", vec![]),
        ("1 subscribe x; 1 poll x 0=1 2=3", vec!["int-poll-skip"]),
        ("1 assign x; 1 poll x 0=1; 1 subscribe x; 1 poll x 2=3", vec![]),
        ("1 subscribe x; 1 poll x 0=1; 1 assign x; 1 poll x 1=2; 1 poll x 1=2", vec!["nonmonotonic-poll"]),
    ] {
        assert_eq!(found(&check(&format!("{sends}{polls}"))), expected, "{polls}");
    }
    // Nor is a message lost or unseen that some poll has returned whose answer got lost.
    let sends = "0 send x 1@0; 0 send x 2@1; 0 send x 3@2;";
    let verdict = check(&format!("{sends}1 subscribe x; 1 poll x 0=1; 1 poll x 2=3; 1 poll"));
    assert_eq!((verdict.valid, found(&verdict)), (Valid::Unknown, vec![]));
}

#[test]
fn nobody_knows_where_a_process_stands_after_a_poll_of_unknown_end() {
    let mut history = history(
        "0 send x 1@0; 0 send x 2@1; 0 send x 3@2; 9 poll x 0=1 1=2 2=3; 1 assign x; 1 poll x 0=1; 1 poll; 1 poll x 2=3",
    );
    assert_eq!(found(&Kafka::default().check(&history, &CheckContext::default())), ["poll-skip"]);
    history.ops[13].kind = OpType::Info;
    assert_eq!(found(&Kafka::default().check(&history, &CheckContext::default())), Vec::<&str>::new());
}

#[test]
fn transactions_show_what_was_passed_over() {
    let sends = "0 send x 1@0; 0 send x 2@1; 0 send x 3@2;";
    let verdict = check(&format!("{sends}1 seek x; 1 poll x 0=1 & send y 1@0; 1 poll x 2=3 & send y 2@1"));
    assert_eq!(found(&verdict), ["lost-write", "poll-skip", "unseen"]);
    // Among other things, a poll that shows nothing does not say that there is nothing.
    let verdict = check(&format!("{sends}1 seek x; 1 poll x 0=1; 1 poll & send y 1@0"));
    assert_eq!((verdict.valid, found(&verdict)), (Valid::Unknown, vec![]));
}

#[test]
fn messages_that_no_reader_can_have_seen_are_neither_lost_nor_unseen() {
    let sends = "0 send x 1@0; 0 send x 2@1; 0 send x 3@2;";
    for (polls, expected) in [
        // Had no time to read on.
        ("1 seek x; 1 poll x 0=1", vec![]),
        ("1 seek x; 1 poll x 0=1; 1 crash", vec![]),
        ("1 seek x", vec![]),
        // Was told that there is nothing more.
        ("1 seek x; 1 poll x 0=1; 1 poll", vec!["unseen"]),
        ("1 seek x; 1 poll x 0=1; 1 poll; 1 poll x 1=2; 2 seek x; 2 poll x 0=1 1=2 2=3", vec![]),
        ("1 seek x; 1 poll x 0=1; 1 poll; 1 assign x; 1 assign y", vec!["unseen"]),
        ("1 seek x; 1 poll", vec!["unseen"]),
        // Began with the first offset, as nobody can have committed another one.
        ("1 assign x; 1 poll", vec!["unseen"]),
        ("1 assign x; 1 poll x 1=2; 1 poll x 2=3", vec!["lost-write", "unseen"]),
        // May have begun anywhere, as another reader may have committed offsets.
        ("2 poll; 2 poll x 1=2; 1 assign x; 1 poll x 1=2; 1 poll x 2=3", vec![]),
        ("2 poll x 1=2; 1 assign x; 1 poll x 2=3; 1 poll", vec![]),
        // Came past.
        ("1 assign x; 1 poll x 0=1; 1 poll x 2=3", vec!["lost-write", "poll-skip", "unseen"]),
        ("1 seek x; 1 poll x 1=2 2=3", vec!["lost-write", "unseen"]),
        ("1 seek x; 1 poll x 0=1 1=7 2=3", vec!["lost-write", "inconsistent-offsets", "unexpected", "unseen"]),
    ] {
        let verdict = check(&format!("{sends}{polls}"));
        assert_eq!(found(&verdict), expected, "{polls}");
        if expected.is_empty() && !polls.contains("2=3") {
            assert_eq!(verdict.valid, Valid::Unknown, "{polls}");
            assert!(verdict.reason.unwrap().starts_with("the acknowledged message"), "{polls}");
        }
    }
    // Asked before the message was there.
    assert_eq!(check("1 seek x; 1 poll; 0 send x 1@0; 2 seek x").valid, Valid::Unknown);
}

#[test]
fn copies_of_a_message_cannot_be_told_apart() {
    let verdict = check("0 send x 1@0; 0 send x 1@1; 1 poll x 0=1 1=1");
    assert_eq!((verdict.valid, found(&verdict)), (Valid::Unknown, vec![]));
    assert_eq!(
        verdict.reason.as_deref(),
        Some("message 1 was sent to key x more than once, so its copies cannot be told apart")
    );
}

#[test]
fn malformed_operations_are_doubts() {
    let mut history = history("0 send x 1@0; 1 poll x 0=1");
    history.ops[1].value = json!([["send", "x", "no offset"]]);
    assert_eq!(Kafka::default().check(&history, &CheckContext::default()).valid, Valid::Unknown);
    history.ops[1].value = json!("nonsense");
    history.ops[3].value = json!([["poll", {"x": [[0]]}], 5, ["dance"]]);
    assert_eq!(Kafka::default().check(&history, &CheckContext::default()).valid, Valid::Unknown);
}

#[test]
fn the_worst_lag_is_that_of_the_last_poll_without_the_message() {
    // Acknowledged at 5 ms; still not there for the poll that began at 10 ms; there at 12 ms.
    let verdict = check("1 seek x; 0 send y 1@0; 0 send x 2@0; 1 poll; 9 poll y 0=1; 1 poll; 1 poll x 0=2");
    assert_eq!(verdict.valid, Valid::True);
    assert_eq!(verdict.details["worst_realtime_lag"], json!({"lag": 5, "key": "x", "process": 1, "time": 10}));
    // Without an assignment nobody knows that the process wanted the key at all.
    let verdict = check("0 send x 2@0; 1 poll; 1 poll x 0=2");
    assert_eq!(verdict.details["worst_realtime_lag"], Value::Null);
}

/// The last operation of a skip only shows that there was something to skip.
#[test]
fn the_culprit_is_the_operation_that_was_answered_wrongly() {
    for (text, expected) in [
        ("0 send x 1@0; 0 send x 2@3; 0 send x 3@4; 1 poll x 0=1 4=3; 2 poll x 3=2", vec!["poll x → 0: 1, 4: 3"]),
        ("0 send x 1@0; 0 send x 2@3; 0 send x 3@4; 1 poll x 0=1; 1 poll x 4=3; 2 poll x 3=2", vec!["poll x → 4: 3"]),
        (
            "0 send x 1@1 & send x 2@3; 1 send x 3@2; 1 poll x 1=1 2=3 3=2",
            vec!["send 1 to x → offset 1, send 2 to x → offset 3"],
        ),
        ("0 send x 1!; 1 poll x 0=1", vec!["poll x → 0: 1"]),
        ("0 send x 1@0; 1 poll x 0=1; 1 poll x 0=1", vec!["poll x → 0: 1"]),
        // Either of the two places may be the right one.
        ("0 send x 1@0; 1 poll x 0=1 3=1", vec![]),
    ] {
        let verdict = check(text);
        let lines = verdict.findings[0].evidence.iter().filter(|line| line.is_culprit);
        assert_eq!(lines.map(|line| line.text.as_str()).collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn findings_are_sentences() {
    let context = CheckContext { nodes: vec!["n0".into(), "n1".into()], concurrency: 2, ..CheckContext::default() };
    let verdict = Kafka::default().check(&history("0 send x 1@0; 0 send x 2@1; 1 poll x 1=2"), &context);
    let lost = &verdict.findings[0];
    assert_eq!(lost.headline, "lost an acknowledged message (key x)");
    assert_eq!(
        lost.story,
        "n0 acknowledged message 1 of key x at offset 0, but no poll ever returned it, though polls went on to offset 1."
    );
    let lines: Vec<_> =
        lost.evidence.iter().map(|line| (line.completion, line.text.as_str(), line.note.as_str())).collect();
    assert_eq!(
        lines,
        [
            (Some(1), "send 1 to x → offset 0", "acknowledged"),
            (Some(5), "poll x → 1: 2", "reads on at offset 1 without it")
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(200), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn correct_logs_are_valid(seed in any::<u64>(), length in 0..600_usize) {
        let verdict = judged(&Kafka::default(), &simulate(seed, length));
        prop_assert_eq!(found(&verdict), Vec::<&str>::new(), "{:?}", verdict.findings);
        prop_assert_eq!(verdict.valid, Valid::True);
    }

    #[test]
    fn a_beginning_of_a_correct_history_shows_no_fault(seed in any::<u64>(), length in 0..600_usize, end in 0.0..1.0) {
        let mut history = simulate(seed, length);
        history.ops.truncate((history.ops.len() as f64 * end) as usize);
        prop_assume!(history.ops.iter().any(|op| &*op.f == "assign"));
        let verdict = judged(&Kafka::default(), &history);
        prop_assert_eq!(found(&verdict), Vec::<&str>::new(), "{:?}", verdict.findings);
    }

    #[test]
    fn planted_faults_are_found_under_their_names(seed in any::<u64>(), fault in prop::sample::select(PlantedFault::ALL.to_vec())) {
        let mut history = simulate(seed, 600);
        prop_assume!(fault.plant(&mut history, seed));
        let verdict = judged(&Kafka::default(), &history);
        prop_assert!(found(&verdict).contains(&fault.anomaly()), "{:?}: {:?}", fault, found(&verdict));
    }

    #[test]
    fn the_evidence_alone_proves_the_fault(seed in any::<u64>(), fault in prop::sample::select(PlantedFault::ALL.to_vec())) {
        let mut history = simulate(seed, 300);
        prop_assume!(fault.plant(&mut history, seed));
        let verdict = judged(&Kafka::default(), &history);
        for finding in verdict.findings.iter().filter(|finding| finding.anomaly != "unexpected") {
            let alone = |leave_out: Option<usize>| {
                let kept = finding.evidence.iter().enumerate().filter(|(i, _)| Some(*i) != leave_out);
                let mut positions: Vec<usize> = kept.flat_map(|(_, line)| [line.invocation, line.completion]).flatten().collect();
                positions.sort_unstable();
                let history = History { ops: positions.iter().map(|&position| history.ops[position].clone()).collect() };
                let verdict = judged(&Kafka::default(), &history);
                found(&verdict).contains(&finding.anomaly.as_str())
            };
            prop_assert!(alone(None), "{:?}", finding);
            for i in 0..finding.evidence.len() {
                prop_assert!(!alone(Some(i)), "{} of {:?}", i, finding);
            }
        }
    }
}

#[test]
fn a_message_that_was_seen_before_it_was_sent_closes_a_cycle() {
    let verdict = check("1 poll x 0=1; 0 send x 1@0");
    assert_eq!((verdict.valid, found(&verdict)), (Valid::False, vec!["G1c-realtime"]));
    let finding = &verdict.findings[0];
    assert_eq!(finding.shape, "T1 -realtime-> T2 -wr-> T1");
    let notes: Vec<&str> = finding.evidence.iter().map(|line| line.note.as_str()).collect();
    let expected = [
        "T1 < T2, because T1 was complete at 0.001 s, before T2 began at 0.002 s",
        "T2 < T1, because T1 polled message 1 of key x, which T2 sent: a contradiction",
    ];
    assert_eq!(notes, expected);
    assert_eq!(finding.evidence[1].text, "T2: send 1 to x → offset 0");
    let json = json!({"count": 1, "errs": [{"cycle": [1, 3, 1], "types": ["realtime", "wr"]}]});
    assert_eq!(verdict.details["G1c-realtime"], json);
}

/// Two operations that send and poll, each seeing what the other one sent; begun before either ended.
fn crossed(text: &str) -> History {
    let mut history = history(text);
    history.ops.swap(1, 2);
    history
}

#[test]
fn operations_that_see_each_other_close_a_cycle() {
    let history = crossed("0 send x 1@0 & poll y 0=2; 1 send y 2@0 & poll x 0=1");
    let verdict = Kafka::default().check(&history, &CheckContext::default());
    assert_eq!((verdict.valid, found(&verdict)), (Valid::False, vec!["G1c"]));
    assert_eq!(verdict.findings[0].shape, "T1 -wr-> T2 -wr-> T1");
}

#[test]
fn orders_of_logs_count_only_if_asked_and_are_allowed_to_contradict() {
    let history = crossed("0 send x 1@0 & send y 2@1; 1 send x 3@1 & send y 4@0; 2 poll x 0=1 1=3 y 0=4 1=2");
    let verdict = Kafka::default().check(&history, &CheckContext::default());
    assert_eq!((verdict.valid, found(&verdict)), (Valid::True, vec![]));
    let ww_deps = Kafka { ww_deps: true, ..Kafka::default() };
    let verdict = ww_deps.check(&history, &CheckContext::default());
    assert_eq!((verdict.valid, found(&verdict)), (Valid::True, vec!["G0"]));
    assert_eq!(verdict.details["error_types"], json!(["G0"]));
    assert_eq!(verdict.details["bad_error_types"], json!([]));
}

/// Of each operation: when it began and ended, which messages it polled, and whether it sent its own.
type Operations = Vec<(usize, usize, Vec<usize>, bool)>;

/// Overlapping operations of one process each, that send one message or poll some, or both; and for each when it began
/// and ended, which messages it polled, and whether it sent the message of its own number.
fn any_operations() -> impl Strategy<Value = (History, Operations)> {
    let shape = prop::collection::vec((0..4_u8, prop::collection::vec(0..6_usize, 0..4)), 1..6);
    (shape, any::<u64>(), any::<bool>()).prop_map(|(shape, seed, mixed)| {
        let mut random = Rng::seed_from_u64(seed);
        let mut entries: Vec<usize> = (0..shape.len()).flat_map(|id| [id, id]).collect();
        entries.shuffle(&mut random);
        let mut operations: Vec<(usize, usize, Vec<usize>, bool)> = Vec::new();
        let mut ops: Vec<Op> = vec![Op::new(0, OpType::Invoke, 0, "txn", Value::Null); entries.len()];
        for (id, (choice, messages)) in shape.iter().enumerate() {
            let sends = *choice < 2 || mixed;
            let mut polled = if sends && !mixed { Vec::new() } else { messages.clone() };
            polled.sort_unstable();
            polled.dedup();
            let begin = entries.iter().position(|entry| *entry == id).unwrap();
            let end = entries.iter().rposition(|entry| *entry == id).unwrap();
            let rows: Vec<Value> = polled.iter().map(|message| json!([message, message])).collect();
            let (mut asked, mut told) = (vec![json!(["poll"])], vec![json!(["poll", {"x": rows}])]);
            if sends {
                asked.push(json!(["send", "x", id]));
                told.push(json!(["send", "x", [id, id]]));
            }
            ops[begin] = Op::new(begin as u64, OpType::Invoke, id as u64, "txn", asked.into());
            ops[end] = Op::new(end as u64, OpType::Ok, id as u64, "txn", told.into());
            operations.push((begin, end, polled, sends));
        }
        (History { ops }, operations)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cycles_are_found_where_there_are_any((history, operations) in any_operations()) {
        let count = operations.len();
        let precedes = |a: usize, b: usize| {
            a != b && (operations[a].1 < operations[b].0 || operations[a].3 && operations[b].2.contains(&a))
        };
        let mut reaches: Vec<Vec<bool>> = (0..count).map(|a| (0..count).map(|b| precedes(a, b)).collect()).collect();
        for via in 0..count {
            for a in 0..count {
                for b in 0..count {
                    reaches[a][b] |= reaches[a][via] && reaches[via][b];
                }
            }
        }
        let expected = (0..count).any(|a| reaches[a][a]);
        let verdict = judged(&Kafka::default(), &history);
        let cycles = found(&verdict).iter().any(|name| name.starts_with("G1c"));
        prop_assert_eq!(cycles, expected, "{:?}", operations);
    }
}

#[test]
fn null_is_an_empty_list_of_messages() {
    for text in
        ["0 send x 1@0; 1 seek x; 1 poll x; 1 poll x 0=1; 1 poll x", "0 send x 1@0; 1 seek x; 1 poll x; 1 poll x"]
    {
        let mut with_null = history(text);
        let mut count = 0;
        for op in with_null.ops.iter_mut().filter(|op| &*op.f == "poll" && op.kind == OpType::Ok) {
            for micro_op in op.value.as_array_mut().unwrap() {
                for list in micro_op[1].as_object_mut().into_iter().flat_map(|lists| lists.values_mut()) {
                    if *list == json!([]) {
                        *list = Value::Null;
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 0, "{text}");
        let found = Kafka::default().check(&with_null, &CheckContext::default());
        let expected = check(text);
        assert_eq!((found.valid, found.reason, found.details), (expected.valid, expected.reason, expected.details));
    }
}

#[test]
fn an_offset_that_is_too_large_is_named() {
    let mut history = history("0 send x 1@0; 1 seek x; 1 poll x 0=1");
    for op in history.ops.iter_mut().filter(|op| &*op.f == "send" && op.kind == OpType::Ok) {
        op.value[0][2][0] = json!(1u128 << 64);
    }
    let verdict = Kafka::default().check(&history, &CheckContext::default());
    assert_eq!(verdict.valid, Valid::Unknown);
    let reason = verdict.reason.unwrap();
    assert!(reason.ends_with(r#"the first one is entry 1: ["send","x",[18446744073709551616,1]]"#), "{reason}");
}

#[test]
fn a_reader_begins_at_the_first_offset_if_nobody_can_have_committed_one() {
    let text = "0 send x 1@0; 0 send x 2@1; 1 assign x; 1 poll x 1=2";
    let verdict = Kafka::default().check(&history(text), &CheckContext::default());
    assert_eq!(verdict.valid, Valid::False);
    assert!(verdict.findings.iter().any(|finding| finding.anomaly == "lost-write"), "{:?}", verdict.findings);
    // Another client polled the key before, and so may have committed what it got.
    let text = "0 send x 1@0; 0 send x 2@1; 2 assign x; 2 poll x 0=1; 0 send x 3@2; 1 assign x; 1 poll x 1=2 2=3";
    assert_ne!(Kafka::default().check(&history(text), &CheckContext::default()).valid, Valid::False);
    let text = "0 send x 1@0; 0 send x 2@1; 0 send x 3@2; 2 assign x; 2 poll x 1=2; 1 assign x; 1 poll x 2=3";
    let verdict = Kafka::default().check(&history(text), &CheckContext::default());
    assert!(!verdict.findings.iter().any(|finding| finding.anomaly == "poll-skip"), "{:?}", verdict.findings);
}
