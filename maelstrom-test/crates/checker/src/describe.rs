//! Text that several checkers share.

use super::{CheckContext, Evidence};
use crate::history::{History, Nanos, Op, Pair, Process};
use crate::json::Value;

impl Evidence {
    /// A line of evidence: an operation as text, and why it matters.
    pub fn new(pair: Pair, text: impl Into<String>, note: impl Into<String>) -> Evidence {
        Evidence {
            invocation: pair.invocation,
            completion: pair.completion,
            text: text.into(),
            note: note.into(),
            is_culprit: false,
            node: None,
        }
    }

    /// The same line, marked as the operation that breaks the promise.
    #[must_use]
    pub(crate) fn culprit(self) -> Evidence {
        Evidence { is_culprit: true, ..self }
    }

    /// A line of evidence without an operation.
    pub fn note(note: impl Into<String>) -> Evidence {
        Evidence { note: note.into(), ..Evidence::default() }
    }
}

/// A time in seconds: `12.031 s`.
pub(crate) fn seconds(time: Nanos) -> String {
    format!("{}.{:03} s", time / 1_000_000_000, time / 1_000_000 % 1000)
}

/// A time in milliseconds: an integer if it is whole, else a number with a fraction.
pub(crate) fn millis(time: Nanos) -> Value {
    if time.is_multiple_of(1_000_000) { Value::from(time / 1_000_000) } else { Value::from(time as f64 / 1e6) }
}

/// A value as JSON, without its middle if it is long.
pub(crate) fn brief(value: &Value) -> String {
    const SHOWN: usize = 60;
    let text = value.to_string();
    let count = text.chars().count();
    if count <= SHOWN {
        return text;
    }
    let head: String = text.chars().take(SHOWN / 2).collect();
    let tail: String = text.chars().skip(count - SHOWN / 2).collect();
    format!("{head} … {tail}")
}

/// The node that received an operation, or its process if the node is unknown.
pub(crate) fn who(process: Process, context: &CheckContext) -> String {
    let node = process.client().and_then(|process| context.node_of(process));
    node.map_or_else(|| format!("process {process}"), str::to_string)
}

/// The name of the error of an operation: the first element of `["abort", "why"]`, or the error itself if it is a name.
pub(crate) fn error_name(op: &Op) -> Option<&str> {
    match op.error.as_ref()? {
        Value::Array(items) => items.first().and_then(Value::as_str),
        other => other.as_str(),
    }
}

/// The entry that represents an operation in text: its completion, or else its invocation.
pub(crate) fn entry(history: &History, pair: Pair) -> &Op {
    let position = pair.completion.or(pair.invocation).expect("a pair has at least one entry");
    &history.ops[position]
}

/// A count with its noun: `1 element`, `3 elements`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
