//! The intervals in which faults were active, from the nemesis entries of a history.

use std::collections::BTreeMap;

use crate::json::Value;

use super::units;
use crate::history::{History, Nanos, Op, Process};
use crate::nemesis::FaultKind;
use crate::network::{Cause, Reason};

/// An interval in which a fault was active.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultSpan {
    /// The kind: `partition`, `kill`, …
    pub kind: String,
    /// The index of the history entry that started it. The journal refers to a fault by this index.
    pub index: u64,
    /// When it started.
    pub start: Nanos,
    /// When it ended. `None` if it was active until the end of the run.
    pub end: Option<Nanos>,
    /// The targets: `(majority) {n0 n1} | {n2 n3 n4}`.
    pub what: String,
    /// The affected nodes. Empty for partitions, which affect the whole network.
    pub nodes: Vec<String>,
}

impl FaultSpan {
    /// Whether it was active at some time in an interval, both ends included.
    pub(crate) fn overlaps(&self, from: Nanos, to: Nanos) -> bool {
        self.start <= to && self.end.is_none_or(|end| from <= end)
    }

    /// Formats it as `partition (majority) {n0 n1} | {n2 n3 n4}, 10.2–19.8 s`.
    pub(super) fn describe(&self) -> String {
        let what = if self.what.is_empty() { String::new() } else { format!(" {}", self.what) };
        format!("{}{what}, {}", self.kind, units::interval(self.start, self.end))
    }
}

/// Returns the fault because of which the network lost or changed a message. A fault that is started again while it is active
/// is one span.
pub(crate) fn fault_of(spans: &[FaultSpan], cause: Cause) -> Option<&FaultSpan> {
    let kind = match cause.reason {
        Reason::Packet => FaultKind::Packet,
        Reason::Partition => FaultKind::Partition,
        Reason::Down | Reason::Killed | Reason::EarlierIncarnation => FaultKind::Kill,
        Reason::Loss
        | Reason::Duplication
        | Reason::Flaky
        | Reason::Slow
        | Reason::ClientClosed
        | Reason::NotAwaited
        | Reason::Plan => return None,
    };
    let index = cause.fault?;
    spans.iter().rfind(|span| span.kind == kind.name() && span.index <= index)
}

/// Returns every interval in which a fault was active, in the order of their starts.
///
/// ```
/// use maelstrom::history::{History, Op, OpType, Process};
/// use maelstrom::json::json;
/// let entry = |time, f, value| Op { time, process: Process::Nemesis, ..Op::new(0, OpType::Info, 0, f, value) };
/// let history = History { ops: vec![
///     entry(1_000, "kill", json!(["one", ["n2"]])),
///     entry(9_000, "start", json!(["n2"])),
/// ] };
/// let spans = maelstrom::report::fault_spans(&history);
/// assert_eq!((spans[0].start, spans[0].end, &*spans[0].what), (1_000, Some(9_000), "(one) {n2}"));
/// ```
pub fn fault_spans(history: &History) -> Vec<FaultSpan> {
    let mut spans: Vec<FaultSpan> = Vec::new();
    // Per kind: its latest span, and whether that is still open. Each action has two entries: its start and its completion.
    let mut latest: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for op in history.ops.iter().filter(|op| op.process == Process::Nemesis) {
        let Some((kind, begins)) = classify(&op.f) else { continue };
        match (latest.get(kind).copied(), begins) {
            (Some((at, true)), true) => fill(&mut spans[at], op),
            (_, true) => {
                latest.insert(kind, (spans.len(), true));
                spans.push(open(kind, op));
            }
            (Some((at, _)), false) => {
                spans[at].end = Some(op.time);
                latest.insert(kind, (at, false));
            }
            (None, false) => {}
        }
    }
    spans
}

/// Returns the kind of fault of a nemesis entry, and whether the entry starts it.
fn classify(f: &str) -> Option<(&'static str, bool)> {
    FaultKind::ALL.into_iter().find_map(|kind| {
        let (start, stop) = kind.functions();
        (f == start || f == stop).then_some((kind.name(), f == start))
    })
}

fn open(kind: &str, op: &Op) -> FaultSpan {
    let mut span = FaultSpan {
        kind: kind.to_owned(),
        index: op.index,
        start: op.time,
        end: None,
        what: String::new(),
        nodes: Vec::new(),
    };
    fill(&mut span, op);
    span
}

/// Fills in the targets from the value of an entry, `[spec, targets, behaviour?]`.
fn fill(span: &mut FaultSpan, op: &Op) {
    let Value::Array(words) = &op.value else {
        if let Value::String(text) = &op.value {
            span.what = text.clone();
        }
        return;
    };
    let parts: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, word)| match word {
            Value::String(spec) if at == 0 => format!("({spec})"),
            other => targets(other),
        })
        .collect();
    span.what = parts.join(" ");
    span.nodes = match words.get(1) {
        Some(Value::Array(nodes)) if span.kind != "partition" => strings(nodes),
        Some(Value::Object(nodes)) if span.kind != "partition" => nodes.keys().cloned().collect(),
        _ => Vec::new(),
    };
}

/// Formats targets: `{n0 n1}`, `{n0 n1} | {n2}`, `n0 drops n1 n2; …`, `n0 +5 ms`.
fn targets(value: &Value) -> String {
    match value {
        Value::Array(groups) if groups.iter().any(Value::is_array) => {
            groups.iter().map(targets).collect::<Vec<_>>().join(" | ")
        }
        Value::Array(nodes) => format!("{{{}}}", strings(nodes).join(" ")),
        Value::Object(map) => {
            let entry = |(node, value): (&String, &Value)| match value {
                Value::Array(dropped) if dropped.is_empty() => None,
                Value::Array(dropped) => Some(format!("{node} drops {}", strings(dropped).join(" "))),
                Value::String(text) => Some(format!("{node} {text}")),
                other => Some(format!("{node} {other}")),
            };
            map.iter().filter_map(entry).collect::<Vec<_>>().join("; ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn strings(values: &[Value]) -> Vec<String> {
    values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;
    use crate::history::OpType;

    fn history(entries: &[(Nanos, &str, Value)]) -> History {
        let entry = |(time, f, value): &(Nanos, &str, Value)| Op {
            time: *time,
            process: Process::Nemesis,
            ..Op::new(0, OpType::Info, 0, f, value.clone())
        };
        History { ops: entries.iter().map(entry).collect() }
    }

    #[test]
    fn start_and_completion_of_an_action_are_one_span() {
        let cut = json!(["majority", [["n0", "n1"], ["n2"]]]);
        let spans = fault_spans(&history(&[
            (5, "start-partition", Value::Null),
            (6, "start-partition", cut),
            (8, "stop-partition", Value::Null),
            (9, "stop-partition", json!("network healed")),
        ]));
        assert_eq!(spans.len(), 1);
        assert_eq!((spans[0].start, spans[0].end), (5, Some(9)));
        assert_eq!(spans[0].what, "(majority) {n0 n1} | {n2}");
        assert!(spans[0].overlaps(9, 20) && !spans[0].overlaps(10, 20) && !spans[0].overlaps(0, 4));
    }

    #[test]
    fn faults_of_several_kinds_can_overlap_and_stay_active() {
        let spans = fault_spans(&history(&[
            (1, "resume", json!([])),
            (2, "kill", json!(["one", ["n1"]])),
            (3, "start-packet", json!(["all", ["n0", "n1"], "lose 20%"])),
            (4, "start", json!(["n1"])),
            (5, "bump-clock", json!(["one", {"n0": "+12 ms"}])),
            (6, "start-partition", json!(["majorities-ring", {"n0": ["n1", "n2"], "n1": []}])),
        ]));
        let texts: Vec<String> = spans.iter().map(|span| format!("{} {}", span.kind, span.what)).collect();
        assert_eq!(
            texts,
            [
                "kill (one) {n1}",
                "packet (all) {n0 n1} lose 20%",
                "clock (one) n0 +12 ms",
                "partition (majorities-ring) n0 drops n1 n2"
            ]
        );
        assert_eq!(spans[0].end, Some(4));
        assert_eq!(spans[0].nodes, ["n1"]);
        assert_eq!(spans[1].end, None);
        assert_eq!(spans[2].nodes, ["n0"]);
    }
}
