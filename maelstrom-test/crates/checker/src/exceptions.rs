//! Malformed messages and responses: output of nodes that the protocol does not allow.
//!
//! The simulation reports each occurrence as it happens. Equal occurrences are grouped, with a count and the first example,
//! so a node that prints malformed lines without end costs no memory.

use std::collections::BTreeMap;

use super::{Evidence, Finding, Valid, Verdict};
use crate::history::Nanos;
use crate::json::{Value, json};
use crate::protocol::shorten;

/// The number of groups that are kept. Occurrences of further groups are only counted.
const MOST_GROUPS: usize = 200;
/// The number of characters of an example that are kept.
const EXAMPLE_LENGTH: usize = 400;

/// The kind of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExceptionKind {
    /// A line on standard output that is not a message.
    MalformedMessage,
    /// A message that cannot be an answer, sent to a client.
    UnexpectedMessage,
    /// An answer that does not match its RPC's schema or its request.
    MalformedResponse,
    /// A node closed its standard output and kept running.
    ClosedStdout,
}

impl ExceptionKind {
    /// The name in `results.json`.
    pub fn name(self) -> &'static str {
        match self {
            ExceptionKind::MalformedMessage => "malformed-message",
            ExceptionKind::UnexpectedMessage => "unexpected-message",
            ExceptionKind::MalformedResponse => "malformed-response",
            ExceptionKind::ClosedStdout => "closed-stdout",
        }
    }
}

/// An occurrence of malformed output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception<'a> {
    /// The kind of the occurrence.
    pub kind: ExceptionKind,
    /// The node that printed it.
    pub node: &'a str,
    /// What is wrong. Occurrences with the same cause are grouped.
    pub cause: &'a str,
    /// For responses: the RPC, and the schema of its response.
    pub expected: Option<(&'a str, &'a str)>,
    /// The line or body, as printed.
    pub example: &'a str,
    /// The line number in the standard output of the node, from 1.
    pub line_number: u64,
    /// When it happened.
    pub time: Nanos,
}

/// Equal occurrences, grouped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    /// The number of occurrences.
    pub count: u64,
    /// The RPC and the schema of the first one.
    pub expected: Option<(String, String)>,
    /// The text of the first one, shortened.
    pub example: String,
    /// The line number of the first one.
    pub line_number: u64,
    /// When the first one happened.
    pub time: Nanos,
}

/// All malformed output of the nodes of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    groups: BTreeMap<(ExceptionKind, String, String), Group>,
    count: u64,
}

impl Exceptions {
    /// Adds an occurrence.
    pub fn record(&mut self, exception: &Exception<'_>) {
        self.count += 1;
        let key = (exception.kind, exception.node.to_owned(), shorten(exception.cause, EXAMPLE_LENGTH));
        if let Some(group) = self.groups.get_mut(&key) {
            group.count += 1;
        } else if self.groups.len() < MOST_GROUPS {
            let group = Group {
                count: 1,
                expected: exception.expected.map(|(rpc, schema)| (rpc.to_owned(), schema.to_owned())),
                example: shorten(exception.example, EXAMPLE_LENGTH),
                line_number: exception.line_number,
                time: exception.time,
            };
            self.groups.insert(key, group);
        }
    }

    /// The number of occurrences.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The verdict: invalid if there was any occurrence. With `lenient`, occurrences are only listed, as by Jepsen's Maelstrom.
    pub fn verdict(&self, lenient: bool) -> Verdict {
        let rows: Vec<Value> =
            self.groups.iter().map(|((kind, node, cause), group)| row(*kind, node, cause, group)).collect();
        let mut verdict = Verdict::default();
        if self.count > 0 && !lenient {
            verdict.valid = Valid::False;
        }
        let kept: u64 = self.groups.values().map(|group| group.count).sum();
        verdict.details.insert("count".into(), self.count.into());
        verdict.details.insert("left_out".into(), (self.count - kept).into());
        verdict.details.insert("exceptions".into(), rows.into());
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(_, group)| group.time);
        verdict.findings = groups
            .into_iter()
            .map(|((kind, node, cause), group)| finding(*kind, node, cause, group, !lenient))
            .collect();
        verdict
    }
}

fn row(kind: ExceptionKind, node: &str, cause: &str, group: &Group) -> Value {
    let mut row = json!({
        "type": kind.name(), "node": node, "cause": cause, "count": group.count,
        "example": group.example, "line_number": group.line_number, "time": group.time,
    });
    if let Some((rpc, schema)) = &group.expected {
        row["rpc"] = rpc.as_str().into();
        row["schema"] = schema.as_str().into();
    }
    row
}

fn finding(kind: ExceptionKind, node: &str, cause: &str, group: &Group, proscribed: bool) -> Finding {
    let (what, shape) = match kind {
        ExceptionKind::MalformedMessage => {
            ("printed a line that is not a message", "a node printed a line that is not a message")
        }
        ExceptionKind::UnexpectedMessage => {
            ("sent a client an invalid response", "a node sent a client an invalid response")
        }
        ExceptionKind::MalformedResponse => ("sent a malformed response", "a node sent a malformed response"),
        ExceptionKind::ClosedStdout => ("closed its standard output", "a node closed its standard output"),
    };
    let note = |text: String| Evidence { note: text, node: Some(node.to_owned()), ..Evidence::default() };
    let times = if group.count == 1 { "once".to_owned() } else { format!("{} times, first", group.count) };
    let mut evidence = if kind == ExceptionKind::ClosedStdout {
        let seconds = group.time as f64 / 1e9;
        vec![note(format!("{times} at {seconds:.3} s, after line {} of it", group.line_number))]
    } else {
        let place = note(format!("{times} in line {} of its standard output:", group.line_number));
        vec![place, note(format!("  {}", group.example))]
    };
    if let Some((rpc, schema)) = &group.expected {
        evidence.push(note(format!("expected response to {rpc}: {schema}")));
    }
    Finding {
        anomaly: "malformed".into(),
        proscribed,
        headline: format!("{node} {what}"),
        story: format!("{node} {what}: {cause}."),
        shape: shape.into(),
        evidence,
        picture: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(cause: &str) -> Exception<'_> {
        Exception {
            kind: ExceptionKind::MalformedMessage,
            node: "n1",
            cause,
            expected: None,
            example: "hello",
            line_number: 3,
            time: 5,
        }
    }

    #[test]
    fn any_occurrence_is_invalid() {
        let mut exceptions = Exceptions::default();
        assert_eq!(exceptions.verdict(false).valid, Valid::True);
        exceptions.record(&exception("not JSON"));
        exceptions.record(&exception("not JSON"));
        let verdict = exceptions.verdict(false);
        assert_eq!(verdict.valid, Valid::False);
        assert_eq!(verdict.details["exceptions"][0]["count"], 2);
        assert_eq!(exceptions.verdict(true).valid, Valid::True);
    }

    #[test]
    fn memory_is_bounded_and_further_occurrences_are_counted() {
        let mut exceptions = Exceptions::default();
        for number in 0..MOST_GROUPS + 50 {
            exceptions.record(&exception(&format!("cause {number}")));
        }
        let details = exceptions.verdict(false).details;
        assert_eq!(details["left_out"], 50);
        assert_eq!(details["exceptions"].as_array().unwrap().len(), MOST_GROUPS);
    }
}
