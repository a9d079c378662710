//! Verdicts do not depend on the names of processes, keys and values.
//!
//! Each random history is checked twice: with small numbers, and with every number replaced by one that is as large as
//! possible, or that has more digits than machine numbers. If a checker confuses, overflows or rounds a number, the
//! verdict changes.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::*;
use crate::checker::{CheckContext, Valid, Verdict};
use crate::history::{History, HistoryFormat, Op, OpType, Process};
use crate::json::{Map, Number, Value, json};
use crate::random::{Rng, stream};

/// An injective mapping of numbers.
#[derive(Clone, Copy, Debug)]
enum Renaming {
    /// The highest machine numbers.
    Highest,
    /// The lowest machine numbers.
    Lowest,
    /// Integers that differ only in the last of 40 digits.
    Long,
    /// Decimal numbers that differ only in the last of 40 digits.
    Decimal,
    /// Numbers whose exponent exceeds that of machine numbers.
    Huge,
}

const RENAMINGS: [Renaming; 5] =
    [Renaming::Highest, Renaming::Lowest, Renaming::Long, Renaming::Decimal, Renaming::Huge];

impl Renaming {
    /// Renames a number below 1000.
    fn number(self, number: i64) -> Value {
        let text = match self {
            Renaming::Highest => (u64::MAX - number as u64).to_string(),
            Renaming::Lowest => (i64::MIN + number).to_string(),
            Renaming::Long => format!("1{:040}", number + 1),
            Renaming::Decimal => format!("0.1{:040}", number + 1),
            Renaming::Huge => format!("1.5e{}", 1000 + number),
        };
        Value::Number(text.parse::<Number>().expect("it is a number"))
    }

    /// Renames every number in a value, but not the names of functions.
    fn value(self, value: &Value) -> Value {
        match value {
            Value::Number(number) => self.number(number.as_i64().expect("the generators draw small integers")),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), self.value(value))).collect(),
            other => other.clone(),
        }
    }

    /// Renames an offset. Offsets have 64 bits, and their order must not change.
    fn offset(self, offset: i64) -> Value {
        match self {
            Renaming::Lowest => json!(i64::MIN + offset),
            _ => json!(i64::MAX - 1000 + offset),
        }
    }

    /// Renames the offsets and messages in micro-operations on logs.
    fn logs(self, value: &Value) -> Value {
        let message = |pair: &Value| match (pair[0].as_i64(), pair) {
            (Some(offset), Value::Array(_)) => json!([self.offset(offset), self.value(&pair[1])]),
            _ => self.value(pair),
        };
        let micro_op = |micro_op: &Value| match micro_op[0].as_str() {
            Some("send") => json!(["send", micro_op[1], message(&micro_op[2])]),
            Some("poll") if micro_op[1].is_object() => {
                let lists = micro_op[1].as_object().into_iter().flatten();
                let lists = lists.map(|(key, list)| {
                    (key.clone(), list.as_array().into_iter().flatten().map(message).collect::<Value>())
                });
                json!(["poll", lists.collect::<Map>()])
            }
            _ => micro_op.clone(),
        };
        value.as_array().map_or(Value::Null, |list| list.iter().map(micro_op).collect())
    }

    /// Multiplies every number by one factor, which preserves sums.
    fn sums(self, value: &Value) -> Value {
        let factor = if matches!(self, Renaming::Lowest) { -(1 << 85) } else { 1_i128 << 85 };
        value.as_i64().map_or(Value::Null, |number| json!(i128::from(number) * factor))
    }

    fn process(self, process: u64) -> u64 {
        if matches!(self, Renaming::Lowest) { u64::from(u32::MAX) + process } else { u64::MAX - process }
    }
}

/// A random operation: its function, the value of its invocation, and the value of its completion.
fn operation(workload: &str, number: i64, rng: &mut Rng) -> (&'static str, Value, Value) {
    let key = rng.random_range(0..2);
    let small = |rng: &mut Rng| rng.random_range(0..4_i64);
    let list = |rng: &mut Rng| (0..rng.random_range(0..4)).map(|_| small(rng)).collect::<Value>();
    match workload {
        "echo" => {
            let sent = json!([number]);
            let got = if rng.random_ratio(1, 20) { json!([number + 1]) } else { sent.clone() };
            ("echo", sent, got)
        }
        "unique-ids" => {
            let id = if rng.random_ratio(1, 20) { small(rng) } else { number };
            ("generate", Value::Null, json!(id))
        }
        "broadcast" | "g-set" => match rng.random() {
            true => ("add", json!(number), json!(number)),
            false => ("read", Value::Null, (0..=number).filter(|_| !rng.random_ratio(1, 20)).collect()),
        },
        "g-counter" | "pn-counter" => match rng.random() {
            true => ("add", json!(key), json!(key)),
            false => ("read", Value::Null, json!(small(rng))),
        },
        "lin-kv" => match rng.random_range(0..3) {
            0 => ("read", json!([key, null]), json!([key, small(rng)])),
            1 => {
                let write = json!([key, small(rng)]);
                ("write", write.clone(), write)
            }
            _ => {
                let cas = json!([key, [small(rng), small(rng)]]);
                ("cas", cas.clone(), cas)
            }
        },
        "kafka" => match rng.random() {
            true => ("send", json!([["send", "k", number]]), json!([["send", "k", [rng.random_range(0..20), number]]])),
            false => {
                let first = rng.random_range(0..20);
                let messages: Value =
                    (first..first + 3).map(|offset| json!([offset, rng.random_range(0..=number)])).collect();
                ("poll", json!([["poll"]]), json!([["poll", {"k": messages}]]))
            }
        },
        "txn-list-append" | "txn-rw-register" => {
            let is_list = workload == "txn-list-append";
            let micro_op = |rng: &mut Rng| match rng.random() {
                true if is_list => (json!(["append", key, number]), json!(["append", key, number])),
                true => (json!(["w", key, number]), json!(["w", key, number])),
                false if is_list => (json!(["r", 1 - key, null]), json!(["r", 1 - key, list(rng)])),
                false => (json!(["r", 1 - key, null]), json!(["r", 1 - key, rng.random_range(0..=number)])),
            };
            let (invoked, completed): (Vec<Value>, Vec<Value>) =
                (0..rng.random_range(1..3)).map(|_| micro_op(rng)).unzip();
            ("txn", invoked.into(), completed.into())
        }
        other => panic!("there is no generator for {other}"),
    }
}

/// A random history. Most of its operations are correct.
fn history(workload: &str, rng: &mut Rng) -> Vec<Op> {
    let count = rng.random_range(2..24);
    let mut open: Vec<Option<(&'static str, Value, Value)>> = vec![None; 4];
    let mut ops = Vec::new();
    for number in 0..count {
        let process = rng.random_range(0..open.len());
        let is_final = number > count * 3 / 4;
        let index = ops.len() as u64;
        let (kind, f, value) = match open[process].take() {
            Some((f, invoked, completed)) => {
                match *[OpType::Ok, OpType::Ok, OpType::Fail, OpType::Info].choose(rng).unwrap() {
                    OpType::Ok => (OpType::Ok, f, completed),
                    other => (other, f, invoked),
                }
            }
            None => {
                let (f, invoked, completed) = operation(workload, number, rng);
                open[process] = Some((f, invoked.clone(), completed));
                (OpType::Invoke, f, invoked)
            }
        };
        let mut op = Op { time: index * 1000, is_final, ..Op::new(index, kind, process as u64, f, value) };
        if rng.random_ratio(1, 20) {
            (op.process, op.kind, op.f, op.value) =
                (Process::Nemesis, OpType::Info, "start-partition".into(), Value::Null);
        }
        ops.push(op);
    }
    ops
}

fn renamed(workload: &str, ops: &[Op], renaming: Renaming) -> Vec<Op> {
    let value = |value: &Value| match workload {
        "kafka" => renaming.logs(value),
        "g-counter" | "pn-counter" => renaming.sums(value),
        _ => renaming.value(value),
    };
    let rename = |op: &Op| {
        let process =
            op.process.client().map_or(Process::Nemesis, |process| Process::Client(renaming.process(process)));
        let value = if op.process == Process::Nemesis { op.value.clone() } else { value(&op.value) };
        Op { process, value, index: u64::MAX - 100 + op.index, time: u64::MAX - 1_000_000 + op.time, ..op.clone() }
    };
    ops.iter().map(rename).collect()
}

/// The parts of a verdict that do not contain names.
fn without_names(verdict: &Verdict) -> (Valid, Vec<(&str, bool)>) {
    let mut findings: Vec<(&str, bool)> =
        verdict.findings.iter().map(|finding| (finding.anomaly.as_str(), finding.proscribed)).collect();
    findings.sort_unstable();
    (verdict.valid, findings)
}

fn check(workload: &dyn Workload, ops: Vec<Op>) -> Verdict {
    let settings = Settings::default();
    let context = CheckContext { nodes: vec!["n0".into(), "n1".into()], concurrency: 4, ..CheckContext::default() };
    workload.checker(&settings).check(&History { ops }, &context)
}

#[test]
fn verdicts_do_not_depend_on_names() {
    let mut invalid = 0;
    for workload in all() {
        let mut rng = stream(0, workload.name());
        for case in 0..cases() {
            let ops = history(workload.name(), &mut rng);
            let expected = check(&*workload, ops.clone());
            invalid += u32::from(expected.valid == Valid::False);
            for renaming in RENAMINGS {
                let other = renamed(workload.name(), &ops, renaming);
                let found = check(&*workload, other.clone());
                let name = workload.name();
                assert_eq!(
                    without_names(&found),
                    without_names(&expected),
                    "{name}, case {case}, {renaming:?}: {ops:#?}"
                );
            }
        }
    }
    assert!(invalid > 100, "only {invalid} histories were invalid");
}

#[test]
fn verdicts_do_not_depend_on_the_format_of_the_history() {
    for workload in all() {
        let mut rng = stream(1, workload.name());
        for case in 0..cases() / 4 {
            let ops = history(workload.name(), &mut rng);
            let ops = renamed(workload.name(), &ops, RENAMINGS[case as usize % RENAMINGS.len()]);
            let expected = check(&*workload, ops.clone());
            for format in [HistoryFormat::JsonLines, HistoryFormat::Edn] {
                let mut text = Vec::new();
                History { ops: ops.clone() }.write(&mut text, format).expect("a Vec takes everything");
                let read = History::read(&*text).expect("what is written can be read").ops;
                let found = check(&*workload, read);
                assert_eq!((&found.findings, &found.details), (&expected.findings, &expected.details), "{format:?}");
            }
        }
    }
}

/// Replaces a random part of a value.
fn corrupt(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Array(items) if !items.is_empty() && rng.random_ratio(3, 4) => {
            let at = rng.random_range(0..items.len());
            corrupt(&mut items[at], rng);
        }
        Value::Object(entries) if rng.random_ratio(3, 4) => entries.values_mut().for_each(|entry| corrupt(entry, rng)),
        _ => {
            let replacements = [
                json!(null),
                json!([]),
                json!({}),
                json!([[]]),
                json!(""),
                json!(true),
                json!(-1),
                json!(i64::MIN),
                json!(u64::MAX),
                json!(u128::MAX),
                json!(1.0),
                json!("nemesis"),
                json!({"k": [[i64::MAX, 1], [i64::MIN, null]]}),
                json!(["r", "append", "w", "send", "poll"]),
                "1e99999".parse::<Number>().expect("it is a number").into(),
            ];
            *value = replacements.choose(rng).expect("it is not empty").clone();
        }
    }
}

#[test]
fn no_history_makes_a_checker_panic() {
    let extremes = [0, 1, u64::from(u32::MAX), i64::MAX as u64, u64::MAX - 1, u64::MAX];
    let mut unknown = 0;
    for workload in all() {
        let mut rng = stream(2, workload.name());
        for _ in 0..cases() * 2 {
            // Histories of other workloads are used as well.
            let source = all();
            let source = if rng.random_ratio(1, 8) { source.choose(&mut rng).unwrap() } else { &workload };
            let mut ops = history(source.name(), &mut rng);
            for op in &mut ops {
                if rng.random_ratio(1, 12) {
                    corrupt(&mut op.value, &mut rng);
                }
                if rng.random_ratio(1, 12) {
                    op.f = (*["read", "add", "txn", "poll", "assign", "crash", "cas", ""].choose(&mut rng).unwrap())
                        .into();
                }
                if rng.random_ratio(1, 12) {
                    op.kind = *[OpType::Invoke, OpType::Ok, OpType::Fail, OpType::Info].choose(&mut rng).unwrap();
                }
                if rng.random_ratio(1, 12) {
                    op.process = Process::Client(*extremes.choose(&mut rng).unwrap());
                }
                if rng.random_ratio(1, 12) {
                    (op.index, op.time) = (*extremes.choose(&mut rng).unwrap(), *extremes.choose(&mut rng).unwrap());
                }
                if rng.random_ratio(1, 12) {
                    op.error = Some(Value::Null);
                    corrupt(op.error.as_mut().unwrap(), &mut rng);
                }
            }
            unknown += u32::from(check(&*workload, ops).valid == Valid::Unknown);
        }
    }
    assert!(unknown > 100, "only {unknown} verdicts were unknown");
}

#[test]
fn values_may_be_nested_as_deep_as_in_a_file() {
    let deep = (0..150).fold(json!(7), |inner, _| json!([inner]));
    for workload in all() {
        let mut rng = stream(3, workload.name());
        for _ in 0..4 {
            let mut ops = history(workload.name(), &mut rng);
            for op in ops.iter_mut().filter(|op| op.process != Process::Nemesis) {
                op.value = match workload.name() {
                    "lin-kv" => json!([deep, deep]),
                    _ => deep.clone(),
                };
            }
            let read = |format| {
                let mut text = Vec::new();
                History { ops: ops.clone() }.write(&mut text, format).expect("a Vec takes everything");
                History::read(&*text).expect("what is written can be read").ops
            };
            assert_eq!(
                without_names(&check(&*workload, read(HistoryFormat::Edn))),
                without_names(&check(&*workload, ops.clone()))
            );
        }
    }
}

/// The number of histories per workload: 100 unless `PROPTEST_CASES` is set.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.map_or(100, |wanted| wanted.parse().expect("PROPTEST_CASES is a number"))
}
