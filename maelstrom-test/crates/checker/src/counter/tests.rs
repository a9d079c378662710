//! Examples, and a comparison with all subsets of the additions.

use proptest::prelude::*;

use super::*;
use crate::entry_points::judged;
use crate::history::{Op, OpType, Pair};
use crate::test_cases::cases;

/// The last entry of an operation.
fn entry(history: &History, pair: Pair) -> &Op {
    &history.ops[pair.completion.or(pair.invocation).unwrap()]
}

fn analysed(history: &History) -> CounterAnalysis {
    let mut operations = CounterOperations::default();
    history.ops.iter().for_each(|op| operations.push(op));
    analyse(operations)
}

/// A history in a notation for tests: `0+3` process 0 begins to add 3, `0!` that is acknowledged, `0?` info, `0~` failed;
/// `1r` a read begins, `1=3` it returns 3; `F` begins the final phase.
fn history(text: &str) -> History {
    let mut is_final = false;
    let mut ops: Vec<Op> = Vec::new();
    for word in text.split_whitespace() {
        if word == "F" {
            is_final = true;
            continue;
        }
        let process = u64::from(word.as_bytes()[0] - b'0');
        let begun = ops.iter().rev().find(|op| op.process.client() == Some(process)).map(|op| op.value.clone());
        let number = || word[2..].parse::<i64>().map(Value::from).unwrap();
        let (kind, f, value) = match &word[1..2] {
            "+" => (OpType::Invoke, "add", number()),
            "r" => (OpType::Invoke, "read", Value::Null),
            "=" => (OpType::Ok, "read", number()),
            "!" => (OpType::Ok, "add", begun.unwrap()),
            "?" => (OpType::Info, "add", begun.unwrap()),
            _ => (OpType::Fail, "add", begun.unwrap()),
        };
        ops.push(Op { is_final, ..Op::new(ops.len() as u64, kind, process, f, value) });
    }
    History { ops }
}

fn check(text: &str) -> Verdict {
    Counter::default().check(&history(text), &CheckContext::default())
}

#[test]
fn final_reads_are_sums_of_acknowledged_additions() {
    let verdict = check("0+3 0! 1+-1 1! 2+5 2~ F 0r 0=2 1r 1=2");
    assert_eq!(verdict.valid, Valid::True);
    let expected = json!({"acceptable": [[2, 2]], "final_reads": [2, 2], "errors": []});
    assert_eq!(Value::Object(verdict.details), expected);
}

#[test]
fn unknown_additions_may_count_or_not() {
    let with = |sum: i64| check(&format!("0+3 0! 1+10 1? 2+1 F 0r 0={sum}"));
    for sum in [3, 4, 13, 14] {
        assert_eq!(with(sum).valid, Valid::True, "{sum}");
    }
    for (sum, how) in [(2, "less than"), (8, "a sum that"), (15, "more than")] {
        let verdict = with(sum);
        assert_eq!(verdict.valid, Valid::False, "{sum}");
        assert_eq!(verdict.findings[0].anomaly, "wrong-sum");
        assert!(verdict.findings[0].shape.starts_with(&format!("a read returned {how}")));
        assert_eq!(verdict.details["acceptable"], json!([[3, 4], [13, 14]]));
        assert_eq!(verdict.details["errors"], json!([{"index": 5 + 1, "process": 0, "value": sum, "final": true}]));
    }
}

#[test]
fn earlier_reads_are_within_what_has_begun() {
    // The addition of 3 may count in a read that ends before it is acknowledged, and need not count in one after.
    assert_eq!(check("0+3 1r 1=3 0! 1r 1=0 F 0r 0=3").valid, Valid::True);
    let text = "1r 1=3 0+3 0! F 0r 0=3";
    let verdict = check(text);
    assert_eq!(verdict.valid, Valid::False);
    assert_eq!(verdict.findings[0].shape, "a read returned more than the additions can give");
    assert_eq!(verdict.findings[0].evidence[0].completion, Some(1));
    let lenient = Counter { lenient: true }.check(&history(text), &CheckContext::default());
    assert_eq!((lenient.valid, lenient.findings[0].proscribed), (Valid::True, false));
    assert_eq!(
        check("0+-2 0! 1r 1=-3 F 0r 0=-2").findings[0].shape,
        "a read returned less than the additions can give"
    );
    assert_eq!(check("0+3 0~ 1r 1=3 F 0r 0=0").valid, Valid::False);
}

#[test]
fn without_a_final_read_the_verdict_is_unknown() {
    assert_eq!(check("0+3 0! 1r 1=3").valid, Valid::Unknown);
    assert_eq!(check("").valid, Valid::Unknown);
    let lenient = Counter { lenient: true }.check(&history("0+3 0!"), &CheckContext::default());
    assert_eq!(lenient.valid, Valid::True);
}

#[test]
fn additions_acknowledged_during_the_final_reads_may_be_in_them_or_not() {
    for sum in [3, 7] {
        assert_eq!(check(&format!("0+3 0! 1+4 F 0r 1! 0={sum}")).valid, Valid::True);
    }
    assert_eq!(check("0+3 0! 1+4 F 0r 1! 0=4").valid, Valid::False);
}

#[test]
fn values_that_are_not_integers_are_doubts() {
    let mut history = history("0+3 0! F 0r 0=3");
    history.ops[3].value = json!("three");
    let verdict = Counter::default().check(&history, &CheckContext::default());
    assert_eq!((verdict.valid, verdict.reason.as_deref()), (Valid::Unknown, Some("1 reads did not return an integer")));
    history.ops[3].value = json!(7);
    history.ops[0].value = json!(3.5);
    assert_eq!(Counter::default().check(&history, &CheckContext::default()).valid, Valid::Unknown);
}

#[test]
fn very_large_numbers_add_up() {
    let mut history = history("0+3 0! 1+3 1! F 0r 0=3");
    for op in &mut history.ops[..4] {
        op.value = json!(u64::MAX);
    }
    let verdict = Counter::default().check(&history, &CheckContext::default());
    assert_eq!(verdict.valid, Valid::False);
    assert_eq!(verdict.details["acceptable"], json!([[2 * u128::from(u64::MAX), 2 * u128::from(u64::MAX)]]));
}

#[test]
fn numbers_that_are_too_large_to_be_summed_are_named() {
    for value in [json!(1i128 << 91), json!(-(1i128 << 100)), json!(u128::MAX)] {
        let mut history = history("0+3 0! 1+3 1! F 0r 0=6");
        history.ops[0].value = value.clone();
        let verdict = Counter::default().check(&history, &CheckContext::default());
        assert_eq!(verdict.valid, Valid::Unknown, "{value}");
        let expected = format!("the addition of {value} is too large to be summed: the limit is 2^90");
        assert_eq!(verdict.reason, Some(expected));
    }
    let mut history = history("0+3 0! 1+3 1! F 0r 0=6");
    (history.ops[0].value, history.ops[5].value) = (json!(-(1i128 << 90)), json!(3 - (1i128 << 90)));
    assert_eq!(Counter::default().check(&history, &CheckContext::default()).valid, Valid::True);
    history.ops[5].value = json!(4 - (1i128 << 90));
    assert_eq!(Counter::default().check(&history, &CheckContext::default()).valid, Valid::False);
}

#[test]
fn reads_beyond_all_sums_are_wrong() {
    let long = |text: &str| crate::json::from_str(text).unwrap();
    let nines = "9".repeat(60);
    for (value, how) in [
        (json!((1i128 << 126) + 1), "far more"),
        (long(&nines), "far more"),
        (long(&format!("-{nines}")), "far less"),
        (json!((1i128 << 126) - 1), "85070591730234615865843651857942052857 more"),
    ] {
        let mut history = history("0+3 0! 1+3 1! 2+9 2~ F 0r 0=6");
        (history.ops[4].value, history.ops[7].value) = (json!(u128::MAX), value.clone());
        let verdict = Counter::default().check(&history, &CheckContext::default());
        assert_eq!(verdict.valid, Valid::False, "{value}");
        assert_eq!(verdict.details["final_reads"], json!([value]));
        assert!(
            verdict.findings[0].story.contains(&format!("{how} than the additions give")),
            "{:?}",
            verdict.findings[0]
        );
    }
}

/// The definitions taken literally: every subset of the additions.
fn by_definition(history: &History) -> bool {
    let subset_sums = |deltas: Vec<i64>| {
        deltas.iter().fold(vec![0], |sums, delta| sums.iter().flat_map(|sum| [*sum, sum + delta]).collect())
    };
    let pairs = history.pairs();
    let kind = |pair: &Pair| pair.completion.map_or(OpType::Info, |at| history.ops[at].kind);
    let of = |f: &'static str| pairs.iter().filter(move |pair| &*entry(history, **pair).f == f);
    let deltas = |choose: &dyn Fn(&Pair) -> bool| -> Vec<i64> {
        of("add").filter(|pair| choose(pair)).map(|pair| entry(history, *pair).value.as_i64().unwrap()).collect()
    };
    of("read").filter(|pair| kind(pair) == OpType::Ok).all(|read| {
        let op = entry(history, *read);
        let sum = op.value.as_i64().unwrap();
        if op.is_final {
            let certain: i64 = deltas(&|pair| kind(pair) == OpType::Ok).iter().sum();
            subset_sums(deltas(&|pair| kind(pair) == OpType::Info)).contains(&(sum - certain))
        } else {
            let begun = deltas(&|pair| kind(pair) != OpType::Fail && pair.invocation < read.completion);
            let sums = subset_sums(begun);
            (*sums.iter().min().unwrap()..=*sums.iter().max().unwrap()).contains(&sum)
        }
    })
}

/// Completions of acknowledged additions, without which nobody knows whether they count.
fn forget(history: &History, additions: &[Pair]) -> History {
    let is_forgotten = |at: usize| additions.iter().any(|pair| pair.completion == Some(at));
    let kept = history.ops.iter().enumerate().filter(|(at, _)| !is_forgotten(*at));
    History { ops: kept.map(|(_, op)| op.clone()).collect() }
}

#[test]
fn a_loss_is_proved_by_the_additions_that_are_missing() {
    let verdict = check("0+1 0! 1+4 1! 2+2 2! F 0r 0=2 1r 1=7");
    let evidence = &verdict.findings[0].evidence;
    let texts: Vec<&str> = evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["add 4", "read → 2"]);
    assert_eq!(evidence[1].note, "3 additions acknowledged, together 7; possible: 7");
    assert_eq!(
        verdict.findings[0].story,
        "process 0 answered a final read at 0.000 s with 2: 5 less than the additions give, counting each of them once."
    );
}

/// Interleavings of additions and reads, then a final read.
fn any_history() -> impl Strategy<Value = History> {
    let step = (0..3_usize, any::<bool>(), -6..7_i64, 0..4_u8);
    (prop::collection::vec(step, 0..24), -8..9_i64).prop_map(|(steps, last)| {
        let mut words = Vec::new();
        let mut open = [None; 3];
        for (process, is_read, number, outcome) in steps {
            words.push(match open[process].take() {
                Some(true) => format!("{process}={number}"),
                Some(false) => format!("{process}{}", ["!", "!", "?", "~"][outcome as usize]),
                None => {
                    open[process] = Some(is_read);
                    if is_read { format!("{process}r") } else { format!("{process}+{number}") }
                }
            });
        }
        history(&format!("{} F 9r 9={last}", words.join(" ")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(4000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_all_subsets(history in any_history()) {
        let verdict = judged(&Counter::default(), &history);
        let expected = if by_definition(&history) { Valid::True } else { Valid::False };
        prop_assert_eq!(verdict.valid, expected, "{:?}", history);
        prop_assert_eq!(verdict.findings.is_empty(), verdict.valid == Valid::True);
    }

    #[test]
    fn proofs_are_minimal(history in any_history()) {
        let analysis = analysed(&history);
        let wrong: Vec<&Error> = analysis.errors.iter().filter(|error| error.read.is_final).collect();
        for error in wrong {
            let needed: Vec<Pair> = analysis.needed(error.read.sum).iter().map(|addition| addition.pair()).collect();
            let others: Vec<Pair> = analysis.certain().map(|addition| addition.pair()).filter(|pair| !needed.contains(pair)).collect();
            let is_wrong = |forgotten: &[Pair]| !analysed(&forget(&history, forgotten)).sums.contains(error.read.sum);
            prop_assert!(is_wrong(&others), "these do not prove it: {:?}", needed);
            for pair in needed {
                prop_assert!(!is_wrong(&[&others[..], &[pair]].concat()), "{:?} is superfluous", pair);
            }
        }
    }
}

#[test]
fn an_addition_without_an_invocation_may_have_begun_before_the_first_entry() {
    let mut history = history("0r 0=2 1+4 1!");
    history.ops.retain(|op| op.kind != OpType::Invoke);
    let verdict = Counter::default().check(&history, &CheckContext::default());
    assert_eq!((verdict.valid, verdict.findings.len()), (Valid::Unknown, 0));
}

/// Every read against the additions that were over before it and those that had begun before its end.
fn within_bounds(history: &History) -> bool {
    let pairs = history.pairs();
    let additions = |happened: &dyn Fn(&Pair) -> bool| -> Vec<i64> {
        let chosen = pairs.iter().filter(|pair| history.function(**pair) == "add" && happened(pair));
        chosen.map(|pair| history.ops[pair.invocation.unwrap()].value.as_i64().unwrap()).collect()
    };
    let is_read = |pair: &&Pair| history.function(**pair) == "read" && history.outcome(**pair) == OpType::Ok;
    pairs.iter().filter(is_read).all(|read| {
        let sum = history.ops[read.completion.unwrap()].value.as_i64().unwrap();
        let is_certain = |pair: &Pair| history.outcome(*pair) == OpType::Ok && pair.completion < read.invocation;
        let is_possible = |pair: &Pair| {
            history.outcome(*pair) != OpType::Fail && pair.invocation < read.completion && !is_certain(pair)
        };
        let certain: i64 = additions(&is_certain).iter().sum();
        let part = |part: fn(i64) -> i64| additions(&is_possible).into_iter().map(part).sum::<i64>();
        (certain + part(|delta| delta.min(0))..=certain + part(|delta| delta.max(0))).contains(&sum)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(1000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_that_are_up_to_date_are_within_bounds(history in any_history()) {
        let ops: Vec<Op> = history.ops.iter().filter(|op| !op.is_final).cloned().collect();
        let history = History { ops };
        let has_read = history.ops.iter().any(|op| &*op.f == "read" && op.kind == OpType::Ok);
        let expected = match within_bounds(&history) {
            false => Valid::False,
            true if has_read => Valid::True,
            true => Valid::Unknown,
        };
        let verdict = judged(&BoundedCounter, &history);
        prop_assert_eq!(verdict.valid, expected, "{:?}", history);
    }

    #[test]
    fn final_reads_are_judged_by_their_sums(history in any_history()) {
        prop_assert_eq!(judged(&BoundedCounter, &history), judged(&Counter::default(), &history));
    }
}
