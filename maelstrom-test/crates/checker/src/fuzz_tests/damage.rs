//! Values that are easily taken for something else, and changes to a history.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::history::{Op, OpType, Process};
use crate::json::{Number, Value, json};
use crate::random::Rng;

/// Values that differ from one another, but look alike to a program that converts them, or equal a number that it uses
/// for something else.
pub(super) fn odd_values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(""),
        json!("null"),
        json!("nemesis"),
        json!("1"),
        json!([]),
        json!([null]),
        json!({}),
        json!({"a": 1}),
        json!({"type": "echo_ok", "echo": 1}),
    ];
    let numbers = [
        "0",
        "1",
        "1.0",
        "-1",
        "4294967294",
        "4294967295",
        "-9223372036854775808",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551614",
        "18446744073709551615",
        "18446744073709551616",
        "-170141183460469231731687303715884105728",
        "10000000000000000000000000000000000000000000000001",
        "10000000000000000000000000000000000000000000000002",
        "0.1",
        "1e400",
    ];
    values.extend(numbers.map(|text| Value::Number(text.parse::<Number>().expect("it is a number"))));
    values
}

/// Different values for a history: small numbers in half of all histories, odd values in the others.
pub(super) fn names(rng: &mut Rng) -> Vec<Value> {
    if rng.random() {
        return (0..28_i64).map(|number| json!(number)).collect();
    }
    let mut values = odd_values();
    values.shuffle(rng);
    values
}

/// Numbers for processes: small ones, or the largest ones. Those of a worker have the same remainder by the number of
/// workers.
pub(super) fn rename_processes(ops: &mut [Op], rng: &mut Rng) {
    let base =
        *[0, 0, u64::MAX - 60, i64::MAX as u64 - 3, u64::from(u32::MAX) - 3].choose(rng).expect("there are some");
    for op in ops {
        if let Process::Client(process) = &mut op.process {
            *process += base;
        }
    }
}

/// Leaves half of all histories as they are, and changes some entries of the others.
pub(super) fn damage(ops: &mut Vec<Op>, rng: &mut Rng) {
    if rng.random() {
        return;
    }
    for _ in 0..rng.random_range(1..7) {
        if !ops.is_empty() {
            change(ops, rng);
        }
    }
}

fn change(ops: &mut Vec<Op>, rng: &mut Rng) {
    let at = rng.random_range(0..ops.len());
    let other = ops[rng.random_range(0..ops.len())].clone();
    match rng.random_range(0..14) {
        // Most changes are to what clients were told.
        0..6 => {
            let is_ok = |at: &usize| ops[*at].kind == OpType::Ok;
            let answers: Vec<usize> = (0..ops.len()).filter(is_ok).collect();
            let at = answers.choose(rng).copied().unwrap_or(at);
            let others = ops.iter().map(|op| op.value.clone()).collect::<Vec<_>>();
            damage_value(&mut ops[at].value, &others, rng);
        }
        6 => drop(ops.remove(at)),
        7 => ops.insert(rng.random_range(0..=ops.len()), other),
        8 if at > 0 => ops.swap(at, at - 1),
        9 => {
            let op = ops.remove(at);
            ops.insert(rng.random_range(0..=ops.len()), op);
        }
        10 => {
            ops[at].kind =
                *[OpType::Invoke, OpType::Ok, OpType::Fail, OpType::Info].choose(rng).expect("there are some")
        }
        11 => ops[at].f = other.f,
        12 => ops[at].process = other.process,
        _ => ops[at].is_final = !ops[at].is_final,
    }
}

/// Loses, doubles, exchanges or replaces a part of a value.
fn damage_value(value: &mut Value, others: &[Value], rng: &mut Rng) {
    match value {
        Value::Array(items) if !items.is_empty() && rng.random_ratio(5, 6) => {
            let at = rng.random_range(0..items.len());
            match rng.random_range(0..6) {
                0 => drop(items.remove(at)),
                1 => items.insert(rng.random_range(0..=items.len()), items[at].clone()),
                2 => items.swap(at, 0),
                _ => damage_value(&mut items[at], others, rng),
            }
        }
        Value::Object(entries) if !entries.is_empty() && rng.random_ratio(5, 6) => {
            let at = rng.random_range(0..entries.len());
            if let Some((_, value)) = entries.iter_mut().nth(at) {
                damage_value(value, others, rng);
            }
        }
        // A number near it, or one that stands elsewhere.
        _ if value.as_i64().is_some_and(|number| number.unsigned_abs() < 1 << 50) && rng.random_ratio(2, 3) => {
            *value = json!(value.as_i64().unwrap_or_default() + rng.random_range(-2..3_i64));
        }
        _ if rng.random() => *value = odd_values().choose(rng).expect("there are some").clone(),
        _ => *value = part(others.choose(rng).unwrap_or(&Value::Null), rng).clone(),
    }
}

/// Some value within a value.
fn part<'a>(value: &'a Value, rng: &mut Rng) -> &'a Value {
    match value {
        Value::Array(items) => items.choose(rng).map_or(value, |item| part(item, rng)),
        _ => value,
    }
}
