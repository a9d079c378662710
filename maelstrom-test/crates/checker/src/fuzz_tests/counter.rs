//! Counters: every sum is that of the acknowledged additions and of some of those whose fate is unknown.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::clients::{Request, System, history};
use super::damage::odd_values;
use super::operations::{Operation, has_unknown_effect, operations};
use super::{judge, run, same, with_doubts};
use crate::Counter;
use crate::history::{Op, OpType};
use crate::json::{Value, json};
use crate::random::Rng;

/// Nodes that tell one another of additions.
struct Nodes {
    deltas: Vec<Value>,
    added: Vec<i128>,
    /// How many of the additions each worker's node knows.
    known: Vec<usize>,
    /// Everybody knows everything at once.
    is_settled: bool,
}

impl System for Nodes {
    fn request(&mut self, _worker: usize, rng: &mut Rng) -> Request {
        match rng.random() {
            true => Request::new("add", self.deltas.choose(rng).expect("there are some").clone()),
            false => Request::new("read", Value::Null),
        }
    }

    fn final_request(&mut self, worker: usize, rng: &mut Rng) -> Option<Request> {
        match rng.random_range(0..8) {
            0 => Some(self.request(worker, rng)),
            _ => Some(Request::new("read", Value::Null)),
        }
    }

    fn perform(&mut self, worker: usize, request: &Request, _rng: &mut Rng) -> Result<Value, Value> {
        if request.f == "add" {
            let delta =
                request.value.as_number().filter(|number| number.is_integer()).and_then(|number| number.as_i128());
            self.added.push(
                delta
                    .filter(|delta| delta.unsigned_abs() < 1 << 100)
                    .ok_or_else(|| json!(["malformed-request", ""]))?,
            );
            return Ok(request.value.clone());
        }
        let known = if self.is_settled { self.added.len() } else { self.known[worker] };
        Ok(json!(self.added[..known].iter().sum::<i128>()))
    }

    fn tick(&mut self, rng: &mut Rng) {
        let worker = rng.random_range(0..self.known.len());
        self.known[worker] = rng.random_range(self.known[worker]..=self.added.len());
    }

    fn settle(&mut self) {
        self.is_settled = true;
    }
}

fn deltas(rng: &mut Rng) -> Vec<Value> {
    let factor: i128 = if rng.random() { 1 } else { 1 << 86 };
    let mut deltas: Vec<Value> = (-3..6).map(|number| json!(number * factor)).collect();
    if rng.random_ratio(1, 6) {
        deltas.push(odd_values().choose(rng).expect("there are some").clone());
        deltas.extend([90, 91].map(|bits| json!((1_i128 << bits) - 1)));
        deltas.extend([json!(1_i128 << 90), json!((1_i128 << 90) + 1), json!(-(1_i128 << 90))]);
    }
    deltas
}

fn integer(value: &Value) -> Option<&crate::json::Number> {
    value.as_number().filter(|number| number.is_integer())
}

/// Every sum of `certain` and a subset of `possible`.
fn sums(certain: i128, possible: &[i128]) -> BTreeSet<i128> {
    possible
        .iter()
        .fold(BTreeSet::from([certain]), |sums, delta| sums.iter().flat_map(|sum| [*sum, sum + delta]).collect())
}

fn intervals(sums: &BTreeSet<i128>) -> Vec<[i128; 2]> {
    let lows = sums.iter().filter(|sum| !sums.contains(&(**sum - 1)));
    lows.map(|low| [*low, (*low..).find(|sum| !sums.contains(&(sum + 1))).expect("the set is finite")]).collect()
}

fn compare(ops: &[Op], lenient: bool) -> Result<crate::Valid, String> {
    let all = operations(ops);
    let additions: Vec<&Operation<'_>> = all.iter().filter(|op| op.f == "add" && op.outcome != OpType::Fail).collect();
    let delta = |operation: &&Operation<'_>| {
        let (_, asked) = operation.invocation.or(operation.completion)?;
        integer(&asked.value)?.as_i128().filter(|delta| delta.unsigned_abs() <= 1 << 90)
    };
    let has_odd_additions = additions.iter().any(|addition| delta(addition).is_none());
    let is_read = |operation: &&Operation<'_>| operation.is_ok("read");
    let mut reads: Vec<&Operation<'_>> =
        all.iter().filter(is_read).filter(|read| integer(read.result()).is_some()).collect();
    let has_odd_reads = reads.len() < all.iter().filter(is_read).count();
    reads.sort_by_key(|read| read.completed());
    let (final_reads, others): (Vec<_>, Vec<_>) = reads.into_iter().partition(|read| read.is_final());
    let phase = final_reads.iter().filter_map(|read| read.invocation.or(read.completion)).map(|(at, _)| at).min();

    let is_certain = |addition: &&Operation<'_>| {
        addition.is_ok("add") && phase.is_none_or(|phase| addition.completed() < Some(phase))
    };
    let certain: Vec<i128> = additions.iter().copied().filter(is_certain).filter_map(|op| delta(&op)).collect();
    let possible: Vec<i128> =
        additions.iter().copied().filter(|op| !is_certain(op)).filter_map(|op| delta(&op)).collect();
    let sums = sums(certain.iter().sum(), &possible);
    let sum = |read: &Operation<'_>| integer(read.result()).and_then(|number| number.as_i128());
    let is_wrong = |read: &&Operation<'_>| {
        let Some(sum) = sum(read) else { return true };
        if read.is_final() {
            return !sums.contains(&sum);
        }
        // Where the invocation is missing, the addition may have begun before everything else.
        let begun = additions.iter().filter(|op| op.invocation.map(|(at, _)| at) < read.completed());
        let deltas: Vec<i128> = begun.filter_map(delta).collect();
        let low: i128 = deltas.iter().filter(|delta| **delta < 0).sum();
        let high: i128 = deltas.iter().filter(|delta| **delta > 0).sum();
        sum < low || high < sum
    };
    let mut wrong: Vec<&Operation<'_>> =
        final_reads.iter().chain(&others).copied().filter(|read| is_wrong(read)).collect();
    if has_odd_additions {
        wrong.clear();
    }
    let errors = wrong.iter().map(|read| {
        let (_, completion) = read.completion.expect("it is ok");
        json!({"index": completion.index, "process": read.process, "value": read.result(), "final": read.is_final()})
    });
    let is_invalid = wrong.iter().any(|read| read.is_final() || !lenient);
    let is_doubtful = has_odd_additions || has_odd_reads || has_unknown_effect(&all);
    let expected = with_doubts(is_invalid, is_doubtful || final_reads.is_empty() && !lenient);

    let verdict = judge(&Counter { lenient }, ops)?;
    for (name, expected) in [
        ("final_reads", final_reads.iter().map(|read| read.result().clone()).collect()),
        ("errors", errors.collect()),
        ("acceptable", json!(intervals(&sums))),
    ] {
        same(name, &verdict.details[name], &expected)?;
    }
    same("verdict", &verdict.valid, &expected)?;
    Ok(verdict.valid)
}

#[test]
fn sums_are_judged_as_defined() {
    let draw = |rng: &mut Rng| {
        let (workers, length) = (rng.random_range(1..5), rng.random_range(1..26));
        let mut nodes = Nodes { deltas: deltas(rng), added: Vec::new(), known: vec![0; workers], is_settled: false };
        (history(&mut nodes, workers, length, rng), rng.random_ratio(1, 5))
    };
    run("counter", 1000, draw, |ops, lenient| compare(ops, *lenient));
}
