//! Latency and throughput of operations.

use std::collections::BTreeMap;

use crate::json::{Map, Value, json};

use super::{CheckContext, Checker, Quantiles, Verdict};
use crate::history::{History, Nanos, OpType};

/// Measures the latency and the rate of operations. The verdict is always valid.
///
/// Results, by function and outcome: `latency` (`count` and quantiles in milliseconds, from invocation to completion) and
/// `rate` (completions per second, between the first and the last entry of the history).
#[derive(Clone, Copy, Debug, Default)]
pub struct Perf;

/// The client operations with one function and one outcome.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PerfRow {
    /// The function.
    pub f: String,
    /// The outcome.
    pub outcome: OpType,
    /// The times from invocation to completion.
    pub latencies: Quantiles,
    /// Completions per second, between the first and the last entry of the history; 0 if these have the same time.
    pub rate: f64,
}

impl Perf {
    /// The latencies and rates of client operations, ordered by function and outcome.
    pub fn rows(history: &History) -> Vec<PerfRow> {
        let times = || history.ops.iter().map(|op| op.time);
        let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
        let rate = |count: usize| if span == 0 { 0.0 } else { count as f64 * 1e9 / span as f64 };
        let mut latencies: BTreeMap<(&str, OpType), Vec<Nanos>> = BTreeMap::new();
        for pair in history.pairs() {
            if let (Some(invocation), Some(completion)) = history.entries(pair) {
                let latency = completion.time.saturating_sub(invocation.time);
                latencies.entry((history.function(pair), history.outcome(pair))).or_default().push(latency);
            }
        }
        let row = |((f, outcome), list): ((&str, OpType), Vec<Nanos>)| PerfRow {
            f: f.to_owned(),
            outcome,
            rate: rate(list.len()),
            latencies: Quantiles::new(list),
        };
        latencies.into_iter().map(row).collect()
    }
}

impl Checker for Perf {
    fn check(&self, history: &History, _context: &CheckContext) -> Verdict {
        let (mut latency, mut rate) = (Map::new(), Map::new());
        for row in Perf::rows(history) {
            let mut quantiles = row.latencies.to_json();
            quantiles["count"] = json!(row.latencies.count());
            insert(&mut latency, &row, quantiles);
            insert(&mut rate, &row, json!((row.rate * 1000.0).round() / 1000.0));
        }
        let details = [("latency".to_string(), latency.into()), ("rate".to_string(), rate.into())];
        Verdict { details: Map::from_iter(details), ..Verdict::default() }
    }
}

fn insert(table: &mut Map<String, Value>, row: &PerfRow, value: Value) {
    table.entry(row.f.clone()).or_insert_with(|| json!({}))[row.outcome.as_str()] = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Op;

    #[test]
    fn latency_and_rate_by_function_and_outcome() {
        let entry = |millis: u64, kind, process| Op {
            time: millis * 1_000_000,
            ..Op::new(0, kind, process, "read", Value::Null)
        };
        let ops = vec![
            entry(0, OpType::Invoke, 0),
            entry(10, OpType::Ok, 0),
            entry(10, OpType::Invoke, 1),
            entry(40, OpType::Ok, 1),
            entry(1000, OpType::Invoke, 2),
            entry(2000, OpType::Fail, 2),
            entry(2000, OpType::Invoke, 3),
        ];
        let verdict = Perf.check(&History { ops }, &CheckContext::default());
        let expected = json!({
            "latency": {"read": {
                "ok": {"count": 2, "0": 10, "0.5": 30, "0.95": 30, "0.99": 30, "1": 30},
                "fail": {"count": 1, "0": 1000, "0.5": 1000, "0.95": 1000, "0.99": 1000, "1": 1000},
            }},
            "rate": {"read": {"ok": 1.0, "fail": 0.5}},
        });
        assert_eq!(Value::Object(verdict.details), expected);
    }

    #[test]
    fn a_history_without_operations_has_no_rows() {
        let verdict = Perf.check(&History::default(), &CheckContext::default());
        assert_eq!(Value::Object(verdict.details), json!({"latency": {}, "rate": {}}));
    }
}
