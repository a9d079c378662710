//! The key `cause` of `results.json`.

use super::{Cause, Fate, Matters, Operation, Reduction, Row, RowKind};
use crate::json::{Map, Value, json};
use crate::protocol::NodeKind;

impl Cause {
    /// Returns the cause for `results.json`. It does not depend on the wall clock.
    pub(in crate::report) fn to_json(&self) -> Value {
        let count = |Reduction { total, kept }: Reduction| json!({"total": total, "kept": kept});
        let kind = |kind: NodeKind| match kind {
            NodeKind::Client => "client",
            NodeKind::Server => "node",
            NodeKind::Service => "service",
        };
        let columns = self.columns.iter().map(|column| {
            let mut map = object(json!({"name": column.name, "kind": kind(column.kind)}));
            insert(&mut map, "client", column.client.as_deref());
            insert(&mut map, "side", column.side);
            insert(&mut map, "informed", column.informed);
            Value::Object(map)
        });
        json!({
            "proved": !self.is_chosen,
            "anomaly": self.anomaly,
            "part": self.checker,
            "headline": self.headline,
            "sentence": self.sentence,
            "operations": count(self.operations),
            "faults": count(self.faults),
            "messages": self.messages.map(count),
            "reruns": self.reruns,
            "budget": self.budget,
            "incomplete": self.incomplete,
            "plan": self.plan.display().to_string(),
            "remarks": self.remarks,
            "columns": columns.collect::<Vec<_>>(),
            "rows": self.rows.iter().map(|row| self.row_json(row)).collect::<Vec<_>>(),
        })
    }

    fn row_json(&self, row: &Row) -> Value {
        let name = |column: Option<usize>| Some(self.columns.get(column?)?.name.as_str());
        let mut map = Map::new();
        map.insert("time".into(), row.time.into());
        insert(&mut map, "column", name(row.column));
        let mut put = |key: &str, value: Value| drop(map.insert(key.into(), value));
        let mut end = |kind: &str, operation: &Operation| {
            put("type", kind.into());
            put("f", operation.f.as_str().into());
            put("text", operation.text.as_str().into());
            put("index", operation.index.into());
            let ends =
                [("node", name(operation.node).map(Value::from)), ("message", operation.message.map(Value::from))];
            let ends = ends.into_iter().chain([("node_time", operation.node_time.map(Value::from))]);
            ends.for_each(|(key, value)| value.into_iter().for_each(|value| put(key, value)));
            if !operation.body.is_empty() {
                put("body", operation.body.as_str().into());
            }
        };
        match &row.kind {
            RowKind::Invoke(operation) => end("invoke", operation),
            RowKind::Complete(operation) => end(operation.kind.map_or("ok", |kind| kind.as_str()), operation),
            RowKind::Message(message) => {
                put("type", "message".into());
                put("id", message.id.into());
                put("to", name(Some(message.to)).into());
                put("message_type", message.kind.as_str().into());
                put("text", message.text.as_str().into());
                put("body", message.body.as_str().into());
                let (fate, time, reason) = match &message.fate {
                    Fate::Received { time } => ("received", Some(*time), None),
                    Fate::Late { time } => ("late", Some(*time), None),
                    Fate::Lost { reason, time } => ("lost", *time, Some(reason.as_str())),
                    Fate::InFlight => ("in-flight", None, None),
                };
                put("fate", fate.into());
                time.into_iter().for_each(|time| put("arrives", time.into()));
                reason.into_iter().for_each(|reason| put("reason", reason.into()));
            }
            RowKind::FaultStart(fault) | RowKind::FaultEnd(fault) => {
                let is_start = matches!(row.kind, RowKind::FaultStart(_));
                put("type", if is_start { "fault-start" } else { "fault-end" }.into());
                put("fault", fault.kind.as_str().into());
                put("number", fault.number.into());
                put("text", fault.text.as_str().into());
            }
            RowKind::Log(line) => {
                put("type", "log".into());
                put("text", line.as_str().into());
            }
        }
        match row.matters {
            Matters::Alone => put("matters", "alone".into()),
            Matters::OneOf(number) => {
                put("matters", "one-of".into());
                put("one_of", number.into());
            }
            Matters::SomeOf(number) => {
                put("matters", "some-of".into());
                put("some_of", number.into());
            }
            Matters::Untested => put("matters", "untested".into()),
            Matters::Context => {}
        }
        if row.is_wrong {
            put("wrong", true.into());
        }
        if !row.note.is_empty() {
            put("note", row.note.as_str().into());
        }
        Value::Object(map)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn insert(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.into(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use crate::report::cause::sample;

    #[test]
    fn all_rows_are_in_the_results() {
        let json = sample::stale_leader().to_json();
        insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
    }
}
