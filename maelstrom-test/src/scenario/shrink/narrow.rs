//! Operations that belong to the evidence, those that explain it, and the keys that they use.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::Finding;
use crate::history::{History, Op, OpType, Process};
use crate::json::Value;
use crate::plan::Operation;

/// An operation of a client in a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done<'a> {
    /// The position of its invocation in the history.
    pub(super) at: usize,
    pub(super) invocation: &'a Op,
    pub(super) completion: Option<(usize, &'a Op)>,
}

impl Done<'_> {
    /// What it returned, if it succeeded.
    fn result(&self) -> Option<&Value> {
        self.completion.filter(|(_, op)| op.kind == OpType::Ok).map(|(_, op)| &op.value)
    }

    /// Whether it may have had an effect.
    fn may_have_happened(&self) -> bool {
        self.completion.is_none_or(|(_, op)| op.kind != OpType::Fail)
    }

    /// Whether they were in progress at the same time.
    pub(super) fn overlaps(&self, other: &Done<'_>) -> bool {
        let before = |a: &Done<'_>, b: &Done<'_>| a.completion.is_some_and(|(end, _)| end < b.at);
        !before(self, other) && !before(other, self)
    }
}

/// Returns the operations of a history in the order of their invocations.
pub(super) fn operations(history: &History) -> Vec<Done<'_>> {
    let mut done: Vec<Done<'_>> = Vec::new();
    let mut open: BTreeMap<Process, usize> = BTreeMap::new();
    for (at, op) in history.ops.iter().enumerate().filter(|(_, op)| op.process.client().is_some()) {
        if op.kind == OpType::Invoke {
            open.insert(op.process, done.len());
            done.push(Done { at, invocation: op, completion: None });
        } else if let Some(number) = open.remove(&op.process) {
            done[number].completion = Some((at, op));
        }
    }
    done
}

/// Returns the numbers of the operations in the evidence of a finding.
pub(super) fn in_evidence(finding: &Finding, done: &[Done<'_>]) -> BTreeSet<usize> {
    let entries: BTreeSet<usize> =
        finding.evidence.iter().flat_map(|line| [line.invocation, line.completion]).flatten().collect();
    let is_named = |done: &Done<'_>| {
        entries.contains(&done.at) || done.completion.is_some_and(|(completion, _)| entries.contains(&completion))
    };
    (0..done.len()).filter(|number| is_named(&done[*number])).collect()
}

/// How far an explanation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// A `cas` is explained by what wrote the value that it replaced.
    Whole,
    /// A `cas` needs no explanation.
    EndsAtCas,
}

/// Returns the operation; a write of its new value if it is a `cas`.
pub(super) fn without_cas(operation: &Operation) -> Operation {
    let mut operation = operation.clone();
    if operation.f == "cas" {
        operation.f = "write".into();
        let (key, new) = (operation.value[0].clone(), operation.value[1][1].clone());
        operation.value = Value::Array(vec![key, new]);
    }
    operation
}

/// Returns the numbers of the operations that explain others, and these: what wrote the values that they read, what wrote the
/// values that these read, and so on, as far as `limit` operations.
pub(super) fn explained(
    workload: &str,
    done: &[Done<'_>],
    wanted: &BTreeSet<usize>,
    chain: Chain,
    limit: usize,
) -> BTreeSet<usize> {
    let mut all = wanted.clone();
    let mut queue: Vec<usize> = wanted.iter().copied().collect();
    while let Some(number) = queue.pop() {
        let mut explaining: Vec<usize> = Vec::new();
        if chain == Chain::EndsAtCas && &*done[number].invocation.f == "cas" {
            continue;
        }
        for seen in observed(workload, &done[number]) {
            let ends = done[number].completion.map_or(usize::MAX, |(at, _)| at);
            let earlier = done.iter().enumerate().take_while(|(_, other)| other.at < ends);
            let wrote = |other: &Done<'_>| other.may_have_happened() && written(workload, other).contains(&seen);
            explaining
                .extend(earlier.filter(|(other, op)| *other != number && wrote(op)).map(|(other, _)| other).last());
        }
        explaining.extend(assignment(workload, done, number));
        for other in explaining {
            if all.len() < limit && all.insert(other) {
                queue.push(other);
            }
        }
    }
    all
}

/// Returns the numbers of operations, and of those that were in progress at the same time at the same node, as far as `limit`
/// operations.
pub(super) fn with_overlapping(
    done: &[Done<'_>],
    wanted: &BTreeSet<usize>,
    node: impl Fn(u64) -> Option<String>,
    limit: usize,
) -> BTreeSet<usize> {
    let node_of = |done: &Done<'_>| done.invocation.process.client().and_then(&node);
    let mut all = wanted.clone();
    for number in wanted {
        let own = &done[*number];
        let others = done.iter().enumerate().filter(|(_, other)| own.overlaps(other) && node_of(own) == node_of(other));
        for (other, _) in others {
            if all.len() < limit {
                all.insert(other);
            }
        }
    }
    all
}

/// A key and one of its values.
type Written = (String, String);

/// Returns what an operation read. Of long lists, only the end.
fn observed(workload: &str, done: &Done<'_>) -> Vec<Written> {
    /// How many of the messages that a poll returned are explained.
    const MESSAGES: usize = 3;
    let mut seen = Vec::new();
    if (workload, &*done.invocation.f) == ("lin-kv", "cas") && done.may_have_happened() {
        let value = &done.invocation.value;
        return vec![(value[0].to_string(), value[1][0].to_string())];
    }
    let Some(result) = done.result() else { return Vec::new() };
    match (workload, &*done.invocation.f) {
        ("lin-kv", "read") => seen.push((&result[0], &result[1])),
        ("txn-list-append" | "txn-rw-register", "txn") => {
            for micro in result.as_array().into_iter().flatten().filter(|micro| micro[0] == "r") {
                match &micro[2] {
                    Value::Array(list) => seen.extend(list.last().map(|last| (&micro[1], last))),
                    value => seen.push((&micro[1], value)),
                }
            }
        }
        ("kafka", _) => {
            let polls = result.as_array().into_iter().flatten().filter(|micro| micro[0] == "poll");
            let logs = polls.filter_map(|micro| micro[1].as_object()).flatten();
            let written = logs.flat_map(|(key, messages)| {
                let messages = messages.as_array().into_iter().flatten();
                messages.rev().take(MESSAGES).map(move |message| (key.to_string(), message[1].to_string()))
            });
            return written.collect();
        }
        _ => {}
    }
    let seen = seen.into_iter().filter(|(_, value)| !value.is_null());
    seen.map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Returns what an operation writes.
fn written(workload: &str, done: &Done<'_>) -> Vec<Written> {
    let value = &done.invocation.value;
    let text = |key: &Value, value: &Value| (key.to_string(), value.to_string());
    match (workload, &*done.invocation.f) {
        ("lin-kv", "write") => vec![text(&value[0], &value[1])],
        ("lin-kv", "cas") => vec![text(&value[0], &value[1][1])],
        ("txn-list-append" | "txn-rw-register", "txn") => {
            let micro = value.as_array().into_iter().flatten().filter(|micro| micro[0] != "r");
            micro.map(|micro| text(&micro[1], &micro[2])).collect()
        }
        ("kafka", _) => {
            let micro = value.as_array().into_iter().flatten().filter(|micro| micro[0] == "send");
            micro.map(|micro| (key_text(&micro[1]), micro[2].to_string())).collect()
        }
        _ => Vec::new(),
    }
}

/// Keys are texts in some places, and numbers in others.
fn key_text(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// A poll returns messages only of keys that its client was assigned before.
fn assignment(workload: &str, done: &[Done<'_>], number: usize) -> Option<usize> {
    let is_assignment = |f: &str| matches!(f, "assign" | "subscribe");
    let invocation = done[number].invocation;
    if workload != "kafka" || is_assignment(&invocation.f) {
        return None;
    }
    (0..number).rev().find(|earlier| {
        let earlier = done[*earlier].invocation;
        earlier.process == invocation.process && is_assignment(&earlier.f)
    })
}

/// Returns the keys that an operation uses; `None` if it is not bound to keys.
pub(super) fn keys(workload: &str, operation: &Operation) -> Option<Vec<String>> {
    match workload {
        "lin-kv" => Some(vec![key_text(&operation.value[0])]),
        "txn-list-append" | "txn-rw-register" => {
            Some(micro_operations(operation)?.iter().map(|micro| key_text(&micro[1])).collect())
        }
        "kafka" if matches!(&*operation.f, "assign" | "subscribe") => {
            Some(operation.value.as_array()?.iter().map(key_text).collect())
        }
        "kafka" => {
            let sends = operation.value.as_array()?.iter().filter(|micro| micro[0] == "send");
            Some(sends.map(|micro| key_text(&micro[1])).collect::<Vec<_>>()).filter(|keys| !keys.is_empty())
        }
        _ => None,
    }
}

/// Returns the keys that at least two of the operations use; all keys if there are none of these.
pub(super) fn common_keys<'a>(workload: &str, operations: impl IntoIterator<Item = &'a Operation>) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for operation in operations {
        let keys: BTreeSet<String> = keys(workload, operation).into_iter().flatten().collect();
        keys.into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
    }
    let common: BTreeSet<String> = counts.iter().filter(|(_, count)| **count > 1).map(|(key, _)| key.clone()).collect();
    if common.is_empty() { counts.into_keys().collect() } else { common }
}

fn micro_operations(operation: &Operation) -> Option<&Vec<Value>> {
    operation.value.as_array().filter(|_| operation.f == "txn")
}

/// Returns the operations that use any of the keys, or none at all. They keep only what they do with these keys.
pub(super) fn on_keys(workload: &str, operations: &[Operation], wanted: &BTreeSet<String>) -> Vec<Operation> {
    let mut narrowed = Vec::new();
    for operation in operations {
        let mut operation = operation.clone();
        if let Some(keys) = keys(workload, &operation) {
            if !keys.iter().any(|key| wanted.contains(key)) {
                continue;
            }
            if let Value::Array(parts) = &mut operation.value {
                match (workload, &*operation.f) {
                    (_, "txn") => {
                        parts.retain(|micro| micro[0] == "poll" || wanted.contains(&key_text(&micro[1])));
                    }
                    ("kafka", "assign" | "subscribe") => parts.retain(|key| wanted.contains(&key_text(key))),
                    _ => {}
                }
            }
        }
        narrowed.push(operation);
    }
    narrowed
}

/// A part of a transaction: the position of its operation, and its own position in it.
pub(super) type Part = (usize, usize);

/// Returns the parts of all transactions that have several.
pub(super) fn parts(operations: &[Operation]) -> Vec<Part> {
    let several = operations.iter().enumerate().filter_map(|(index, operation)| {
        let count = micro_operations(operation)?.len();
        (count > 1).then(|| (0..count).map(move |part| (index, part)))
    });
    several.flatten().collect()
}

/// Returns the operations whose parts are only those of `left`, where they had several. Empty transactions are left out.
pub(super) fn with_parts(operations: &[Operation], all: &[Part], left: &[Part]) -> Vec<Operation> {
    let mut narrowed = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let mut operation = operation.clone();
        if all.iter().any(|(of, _)| *of == index)
            && let Value::Array(micro) = &mut operation.value
        {
            let mut position = 0;
            micro.retain(|_| {
                position += 1;
                left.contains(&(index, position - 1))
            });
            if micro.is_empty() {
                continue;
            }
        }
        narrowed.push(operation);
    }
    narrowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::Evidence;
    use crate::history::Op;
    use crate::json::{Map, json};
    use crate::plan::OperationPhase;

    fn operation(f: &str, value: Value) -> Operation {
        Operation {
            phase: OperationPhase::Main,
            time_ns: 0,
            worker: 0,
            f: f.into(),
            value,
            is_final: false,
            extra: Map::new(),
        }
    }

    #[test]
    fn evidence_is_found_by_either_entry_of_an_operation() {
        let mut history = History::default();
        let nemesis = Op { process: Process::Nemesis, ..Op::new(0, OpType::Info, 0, "kill", json!(null)) };
        history.ops = vec![
            Op::new(0, OpType::Invoke, 0, "a", json!(null)),
            nemesis,
            Op::new(0, OpType::Invoke, 1, "b", json!(null)),
            Op::new(0, OpType::Ok, 0, "a", json!(null)),
            Op::new(0, OpType::Invoke, 0, "c", json!(null)),
            Op::new(0, OpType::Ok, 0, "c", json!(null)),
        ];
        let line = |invocation, completion| Evidence { invocation, completion, ..Evidence::default() };
        let evidence = vec![line(Some(2), None), line(None, Some(5)), line(Some(1), None)];
        let finding = Finding { evidence, ..Finding::default() };
        assert_eq!(in_evidence(&finding, &operations(&history)), [1, 2].into());
    }

    #[test]
    fn transactions_keep_what_they_do_with_the_keys() {
        let operations = [
            operation("txn", json!([["r", 1, null], ["append", 2, 5]])),
            operation("txn", json!([["r", 3, null]])),
            operation("txn", json!([["append", 2, 6]])),
        ];
        let narrowed = on_keys("txn-list-append", &operations, &["2".to_string()].into());
        let values: Vec<String> = narrowed.iter().map(|operation| operation.value.to_string()).collect();
        assert_eq!(values, [r#"[["append",2,5]]"#, r#"[["append",2,6]]"#]);
        let all = parts(&operations);
        assert_eq!(all, [(0, 0), (0, 1)]);
        let narrowed = with_parts(&operations, &all, &[(0, 1)]);
        assert_eq!(narrowed[0].value, json!([["append", 2, 5]]));
        assert_eq!(with_parts(&operations, &all, &[]).len(), 2);
    }

    #[test]
    fn registers_are_narrowed_by_key_and_other_workloads_are_not() {
        let operations = [operation("read", json!([1, null])), operation("write", json!([2, 7]))];
        assert_eq!(on_keys("lin-kv", &operations, &["2".to_string()].into()), operations[1..]);
        assert_eq!(on_keys("broadcast", &operations, &["2".to_string()].into()), operations);
    }

    /// Makes a history of operations that follow each other: process, function, argument, result.
    fn history(operations: &[(u64, &str, Value, Value)]) -> History {
        let mut history = History::default();
        for (number, (process, f, argument, result)) in operations.iter().enumerate() {
            let time = 10 * number as u64;
            history.ops.push(Op::new(time, OpType::Invoke, *process, f, argument.clone()));
            history.ops.push(Op::new(time + 1, OpType::Ok, *process, f, result.clone()));
        }
        history
    }

    #[test]
    fn a_read_is_explained_by_the_last_write_of_its_value_and_what_that_needs() {
        let history = history(&[
            (0, "write", json!([1, 5]), json!([1, 5])),
            (0, "write", json!([2, 5]), json!([2, 5])),
            (0, "write", json!([1, 5]), json!([1, 5])),
            (1, "cas", json!([1, [5, 6]]), json!([1, [5, 6]])),
            (1, "read", json!([1, null]), json!([1, 6])),
            (0, "write", json!([1, 6]), json!([1, 6])),
        ]);
        let done = operations(&history);
        let explained = |chain, limit| explained("lin-kv", &done, &[4].into(), chain, limit);
        assert_eq!(explained(Chain::Whole, 9), [2, 3, 4].into());
        assert_eq!(explained(Chain::EndsAtCas, 9), [3, 4].into());
        assert_eq!(explained(Chain::Whole, 2), [3, 4].into());
    }

    #[test]
    fn a_list_is_explained_by_its_last_element() {
        let history = history(&[
            (0, "txn", json!([["append", 1, 5]]), json!([["append", 1, 5]])),
            (0, "txn", json!([["append", 1, 6], ["r", 2, null]]), json!([["append", 1, 6], ["r", 2, null]])),
            (1, "txn", json!([["r", 1, null]]), json!([["r", 1, [5, 6]]])),
        ]);
        let done = operations(&history);
        assert_eq!(explained("txn-list-append", &done, &[2].into(), Chain::Whole, 9), [1, 2].into());
    }

    #[test]
    fn a_poll_is_explained_by_its_messages_and_the_assignment() {
        let history = history(&[
            (1, "assign", json!(["7"]), json!(["7"])),
            (0, "send", json!([["send", "7", 3]]), json!([["send", "7", [0, 3]]])),
            (0, "send", json!([["send", "8", 3]]), json!([["send", "8", [0, 3]]])),
            (1, "poll", json!([["poll"]]), json!([["poll", {"7": [[0, 3]]}]])),
        ]);
        let done = operations(&history);
        assert_eq!(explained("kafka", &done, &[3].into(), Chain::Whole, 9), [0, 1, 3].into());
    }

    #[test]
    fn operations_at_another_node_do_not_overlap() {
        let mut history = History::default();
        for (process, kind) in [(0, OpType::Invoke), (1, OpType::Invoke), (2, OpType::Invoke), (0, OpType::Ok)] {
            history.ops.push(Op::new(0, kind, process, "add", json!(1)));
        }
        history.ops.push(Op::new(1, OpType::Invoke, 2, "add", json!(2)));
        let done = operations(&history);
        let node = |process: u64| Some(format!("n{}", process % 2));
        assert_eq!(with_overlapping(&done, &[0].into(), node, 9), [0, 2].into());
        assert_eq!(with_overlapping(&done, &[0].into(), node, 1), [0].into());
    }

    #[test]
    fn a_write_replaces_a_cas() {
        let write = without_cas(&operation("cas", json!([1, [5, 6]])));
        assert_eq!((&*write.f, write.value), ("write", json!([1, 6])));
        assert_eq!(without_cas(&operation("read", json!([1, null]))), operation("read", json!([1, null])));
    }

    #[test]
    fn keys_that_operations_share_come_first() {
        let txn = |keys: [u64; 2]| operation("txn", json!([["r", keys[0], null], ["r", keys[1], null]]));
        assert_eq!(common_keys("txn-list-append", &[txn([1, 2]), txn([2, 3])]), ["2".to_owned()].into());
        assert_eq!(common_keys("txn-list-append", &[txn([1, 2])]), ["1".to_owned(), "2".to_owned()].into());
    }
}
