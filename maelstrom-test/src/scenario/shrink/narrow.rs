//! Operations that belong to the evidence, and the keys that they use.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::Finding;
use crate::history::{History, OpType, Process};
use crate::json::Value;
use crate::plan::Operation;

/// Returns the numbers of the operations in the evidence of a finding. Operations are numbered in the order of their
/// invocations.
pub(super) fn in_evidence(finding: &Finding, history: &History) -> BTreeSet<usize> {
    // By position in the history: the operation that the entry belongs to.
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open: BTreeMap<Process, usize> = BTreeMap::new();
    let mut count = 0;
    for (index, op) in history.ops.iter().enumerate().filter(|(_, op)| op.process.client().is_some()) {
        if op.kind == OpType::Invoke {
            open.insert(op.process, count);
            count += 1;
        }
        if let Some(number) = open.get(&op.process) {
            numbers.insert(index, *number);
        }
    }
    let entries = finding.evidence.iter().flat_map(|line| [line.invocation, line.completion]).flatten();
    entries.filter_map(|index| numbers.get(&index).copied()).collect()
}

/// Returns the keys that an operation uses; `None` if operations of this workload have no keys.
pub(super) fn keys(workload: &str, operation: &Operation) -> Option<Vec<String>> {
    let text = |key: &Value| key.to_string();
    match workload {
        "lin-kv" => Some(vec![text(&operation.value[0])]),
        "txn-list-append" | "txn-rw-register" => {
            Some(micro_operations(operation)?.iter().map(|micro| text(&micro[1])).collect())
        }
        "kafka" if matches!(&*operation.f, "assign" | "subscribe") => {
            Some(operation.value.as_array()?.iter().map(text).collect())
        }
        _ => None,
    }
}

fn micro_operations(operation: &Operation) -> Option<&Vec<Value>> {
    operation.value.as_array().filter(|_| operation.f == "txn")
}

/// Returns the operations that use any of the keys. Transactions keep only what they do with these keys.
pub(super) fn on_keys(workload: &str, operations: &[Operation], wanted: &BTreeSet<String>) -> Vec<Operation> {
    let mut narrowed = Vec::new();
    for operation in operations {
        match keys(workload, operation) {
            Some(keys) if !keys.iter().any(|key| wanted.contains(key)) => {}
            _ => {
                let mut operation = operation.clone();
                if workload.starts_with("txn-")
                    && let Value::Array(micro) = &mut operation.value
                {
                    micro.retain(|micro| wanted.contains(&micro[1].to_string()));
                }
                narrowed.push(operation);
            }
        }
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
        assert_eq!(in_evidence(&finding, &history), [1, 2].into());
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
}
