//! Latencies of operations.

use std::collections::BTreeMap;

use crate::checker::Quantiles;
use crate::history::{History, Nanos, OpType};

/// The latency of a completed operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latency {
    /// When it was invoked.
    pub(super) start: Nanos,
    /// The time from invocation to completion.
    pub(super) length: Nanos,
    /// The type of the completion.
    pub(super) kind: OpType,
}

/// The latencies of all completed operations of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Latencies {
    /// By function, in the order of invocation.
    pub(super) by_f: BTreeMap<String, Vec<Latency>>,
}

impl Latencies {
    /// Measures the operations of a history.
    pub(super) fn of(history: &History) -> Latencies {
        let mut by_f: BTreeMap<String, Vec<Latency>> = BTreeMap::new();
        for pair in history.pairs() {
            let (Some(invocation), Some(completion)) = (pair.invocation, pair.completion) else { continue };
            let (begun, ended) = (&history.ops[invocation], &history.ops[completion]);
            let length = ended.time.saturating_sub(begun.time);
            let latency = Latency { start: begun.time, length, kind: history.outcome(pair) };
            match by_f.get_mut(&*begun.f) {
                Some(list) => list.push(latency),
                None => drop(by_f.insert(begun.f.to_string(), vec![latency])),
            }
        }
        Latencies { by_f }
    }

    /// Returns the number of operations.
    pub(super) fn len(&self) -> usize {
        self.by_f.values().map(Vec::len).sum()
    }

    /// Whether no operation was completed.
    pub(super) fn is_empty(&self) -> bool {
        self.by_f.is_empty()
    }

    /// Returns the quantiles of all operations that were completed with `ok`.
    pub(super) fn of_ok(&self) -> Quantiles {
        let ok = self.by_f.values().flatten().filter(|latency| latency.kind == OpType::Ok);
        Quantiles::new(ok.map(|latency| latency.length).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::json::Value;

    use super::*;
    use crate::history::Op;

    #[test]
    fn only_completed_operations_count() {
        let op = |time, kind, process| Op { time, ..Op::new(0, kind, process, "read", Value::Null) };
        let history = History {
            ops: vec![
                op(1, OpType::Invoke, 0),
                op(2, OpType::Invoke, 1),
                op(5, OpType::Ok, 0),
                op(6, OpType::Fail, 7),
                op(8, OpType::Invoke, 0),
                op(9, OpType::Info, 0),
            ],
        };
        let latencies = Latencies::of(&history);
        assert_eq!(latencies.of_ok(), Quantiles::new(vec![4]));
        assert_eq!(latencies.by_f["read"].iter().map(|l| l.length).collect::<Vec<_>>(), [4, 1]);
    }
}
