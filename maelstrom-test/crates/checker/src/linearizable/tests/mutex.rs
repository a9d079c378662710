//! Mutexes: verdicts and their words, and random histories against brute force.

use proptest::prelude::*;

use super::super::Linearizable;
use crate::history::History;
use crate::json::Value;
use crate::small_histories::{RandomOp, history, intervals, is_linearizable, random_ops, verdict};
use crate::test_cases::cases;
use crate::{Finding, Valid};

fn operations(count: usize) -> impl Strategy<Value = Vec<RandomOp>> {
    let f = prop_oneof![Just("acquire"), Just("release")];
    random_ops(count, f.prop_map(|f| (f, Value::Null, Value::Null)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(2000)) })]

    #[test]
    fn verdicts_agree_with_brute_force(random_ops in operations(9)) {
        let step = |is_held: &bool, index: usize| ((random_ops[index].f == "acquire") != *is_held).then_some(!is_held);
        let expected = is_linearizable(&intervals(&random_ops), false, &step);
        let verdict = verdict(&Linearizable::mutex(), &history(&random_ops));
        prop_assert_eq!(verdict.valid == Valid::True, expected, "{:?}", verdict);
        prop_assert_eq!(verdict.findings.len(), usize::from(!expected));
    }
}

fn finding(text: &str) -> Finding {
    let history = History::read(text.as_bytes()).expect("it is a history");
    let verdict = verdict(&Linearizable::mutex(), &history);
    assert_eq!(verdict.valid, Valid::False);
    verdict.findings[0].clone()
}

#[test]
fn faults_are_told_in_the_words_of_a_mutex() {
    let held = finding(
        "{:type :invoke, :process 0, :f :acquire} {:type :ok, :process 0, :f :acquire}
         {:type :invoke, :process 1, :f :acquire} {:type :ok, :process 1, :f :acquire}",
    );
    assert_eq!(held.headline, "not linearizable");
    assert_eq!(held.story, "an acquire of p1 succeeded, although the mutex was held:");
    assert_eq!(held.shape, "the mutex was acquired while it was held");
    let lines: Vec<(&str, &str)> = held.evidence.iter().map(|line| (line.text.as_str(), line.note.as_str())).collect();
    let note = "no order of these operations explains it:\nthere was another acquire, and no release between the two";
    assert_eq!(lines, [("acquire", "ok"), ("acquire", note)]);

    let free = finding(
        r#"{"type": "invoke", "process": 0, "f": "acquire"}
           {"type": "fail", "process": 0, "f": "acquire", "error": "timeout"}
           {"type": "invoke", "process": 1, "f": "release"}
           {"type": "ok", "process": 1, "f": "release"}"#,
    );
    assert_eq!(free.story, "a release of p1 succeeded, although the mutex was free:");
    assert_eq!(free.shape, "the mutex was released while it was free");
    assert_eq!(free.evidence[0].note, "no acquire had begun before");
}

#[test]
fn other_functions_make_the_verdict_unknown() {
    let history = History::read(&b"{:type :invoke, :f :read} {:type :ok, :f :read, :value 1}"[..]).expect("a history");
    let verdict = verdict(&Linearizable::mutex(), &history);
    assert_eq!(verdict.valid, Valid::Unknown);
    assert_eq!(
        verdict.reason.as_deref(),
        Some("entry 0 of the history (process 0, invoke read): a mutex has only the functions acquire and release")
    );
}
