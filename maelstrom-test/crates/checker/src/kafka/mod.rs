//! Logs (kafka): is every acknowledged message in its log, once, in order, and visible to every reader?
//!
//! A history does not contain the logs. But an acknowledged send shows the offset of its message, and a poll shows a part of
//! a log. Together they show, for each key, the message at each offset. Offsets may have gaps, so the checker compares
//! *positions*: the places of offsets among all known offsets.
//!
//! ```text
//!   sends and polls         ──parse──►  log of each key        offset    4   5   9
//!                                                              message   a   b   c
//!                                                              position  0   1   2
//!   log + operations        ──scan───►  anomalies of messages, within operations, between polls
//!   log + readers           ──reading►  lost and unseen messages that some reader must have seen
//!   log + real time         ──cycles─►  cycles of operations
//! ```
//!
//! A poll must show successive positions. A process must continue where it stopped. No two operations may disagree about an
//! offset. Acknowledged messages must be seen.

mod cycles;
mod explain;
mod lag;
mod log;
mod parse;
mod reading;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::json::{Map, Value, json};

use self::explain::LogExplainer;
use self::log::MessageId;
use self::parse::{OpId, Parsed};
use self::scan::{LogAnomaly, LogExample, Scan};
use super::describe::millis;
use super::stream::check_streamed;
use super::{CheckContext, Checker, Finding, Stream, Valid, Verdict};
use crate::history::{History, Op};

/// The checker of `kafka`: operations `send`, `poll` (or `txn` of several of these), `assign` and `crash`.
///
/// Results:
///
/// | entry | content |
/// | --- | --- |
/// | `worst_realtime_lag` | the longest time in ms that an acknowledged message was not returned to a process that had read everything before it: `lag`, `key`, `process`, and the `time` of the last poll without it; or null |
/// | `error_types` | the names of all anomalies |
/// | `bad_error_types` | the names of the anomalies that make the run invalid |
/// | the name of an anomaly | `count`, and up to eight examples `errs`: `key`, `offsets`, `messages`, and `ops`, the indices of the completions that show it; for cycles, `cycle` (indices of completions) and `types` (kinds of edges) |
/// | `send_count`, `poll_count` | the numbers of ok operations |
/// | `message_count` | the number of messages with a known offset |
/// | `key_count` | the number of keys |
///
/// In addition to the anomalies of Jepsen there is `unexpected`: a poll returned a message that was not sent, although the
/// history has sends to that key.
///
/// A `lost-write` or `unseen` message counts only if a reader must have seen it: a reader that polled an offset before the
/// message and next one that is not before it, or (`unseen`) a reader that was before the message and, after its
/// acknowledgement, polled and found nothing more. Otherwise the verdict is at best unknown. In histories without `assign`,
/// every reader may have seen every message.
///
/// After `subscribe`, or after a poll or an assignment with an unknown outcome, the next poll of a process may continue
/// anywhere: a group of consumers moves keys between consumers at any time.
///
/// Messages must be unique within a key. If one was sent twice, the verdict is at best unknown, and the message proves
/// nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kafka {
    /// Also assume that operations that sent successive messages of a log happened in that order. Cycles of these dependencies
    /// are reported and allowed.
    pub ww_deps: bool,
    /// As Jepsen's Maelstrom: `unexpected` is allowed.
    pub lenient: bool,
}

impl Kafka {
    fn allows(&self, kind: LogAnomaly) -> bool {
        kind == LogAnomaly::IntSendSkip || self.lenient && kind == LogAnomaly::Unexpected
    }
}

impl Checker for Kafka {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(KafkaStream { checker: self, context, parsed: Parsed::default() })
    }
}

/// A history that is checked entry by entry.
struct KafkaStream<'a> {
    checker: &'a Kafka,
    context: &'a CheckContext,
    parsed: Parsed,
}

impl Stream for KafkaStream<'_> {
    fn push(&mut self, op: &Op) {
        self.parsed.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        let KafkaStream { checker, context, mut parsed } = *self;
        parsed.finish();
        let scan = Scan::of(&parsed);
        let teller = LogExplainer { context, parsed: &parsed };
        let mut findings: Vec<Finding> =
            scan.cases().map(|(kind, cases)| teller.finding(kind, cases, !checker.allows(kind))).collect();
        let cycles = cycles::find(&parsed, checker.ww_deps);
        let named = cycles::by_name(&cycles);
        findings.extend(named.iter().map(|(_, cycles)| teller.cycle(cycles[0], checker.ww_deps)));
        findings.sort_by_key(|finding| !finding.proscribed);
        let doubt = doubt(&parsed, &scan);
        let (valid, reason) = if findings.iter().any(|finding| finding.proscribed) {
            (Valid::False, None)
        } else if doubt.is_some() {
            (Valid::Unknown, doubt)
        } else {
            (Valid::True, None)
        };
        let mut details = details(&parsed, &scan, &findings);
        for (anomaly, cycles) in named {
            let examples: Vec<Value> =
                cycles.iter().take(Scan::EXAMPLES).map(|cycle| teller.cycle_json(cycle)).collect();
            details.insert(anomaly.name().into(), json!({"count": cycles.len(), "errs": examples}));
        }
        let mut verdict = Verdict { valid, reason, findings, details };
        verdict.add_mismatch(parsed.mismatch());
        verdict
    }
}

fn doubt(parsed: &Parsed, scan: &Scan) -> Option<String> {
    if let Some(message) = parsed.messages.iter().find(|message| message.send_count > 1) {
        let (key, value) = (&parsed.keys[message.key as usize], message.content.to_json());
        return Some(format!(
            "message {value} was sent to key {key} more than once, so its copies cannot be told apart"
        ));
    }
    if let Some(first) = &parsed.first_malformed {
        let count = parsed.malformed;
        return Some(format!(
            "{count} sends or polls have an unknown form, or offsets beyond 64 bits; the first one is {first}"
        ));
    }
    let (count, first) = scan.unread?;
    let message = &parsed.messages[first as usize];
    let (key, value) = (&parsed.keys[message.key as usize], message.content.to_json());
    let others = if count > 1 { format!(" and {} others", count - 1) } else { String::new() };
    Some(format!(
        "the acknowledged message {value} of key {key}{others} was never polled; but no client polled beyond it or \
         reached the end of the log, so perhaps there was not enough time to catch up"
    ))
}

fn details(parsed: &Parsed, scan: &Scan, findings: &[Finding]) -> Map<String, Value> {
    let names = |bad_only: bool| -> BTreeSet<&str> {
        let named = findings.iter().filter(|finding| !bad_only || finding.proscribed);
        named.map(|finding| finding.anomaly.as_str()).collect()
    };
    let placed = parsed.logs.iter().map(|log| log.offsets().len()).sum::<usize>();
    let mut details = Map::new();
    let mut insert = |name: &str, value: Value| drop(details.insert(name.to_string(), value));
    insert("worst_realtime_lag", worst_lag(parsed));
    insert("error_types", json!(names(false)));
    insert("bad_error_types", json!(names(true)));
    insert("send_count", json!(parsed.ok_sends));
    insert("poll_count", json!(parsed.ok_polls));
    insert("message_count", json!(placed));
    insert("key_count", json!(parsed.key_count()));
    for (kind, cases) in scan.cases() {
        let examples: Vec<Value> = cases.examples.iter().map(|case| example(parsed, case)).collect();
        insert(kind.name(), json!({"count": cases.count, "errs": examples}));
    }
    details
}

fn worst_lag(parsed: &Parsed) -> Value {
    let Some(worst) = lag::worst(parsed) else { return Value::Null };
    let poll = &parsed.operations[worst.poll as usize];
    let time = poll.invocation().map_or(0, |at| parsed.stamp(at).time);
    json!({
        "lag": millis(worst.lag),
        "key": parsed.keys[worst.key as usize],
        "process": poll.process,
        "time": millis(time),
    })
}

fn example(parsed: &Parsed, example: &LogExample) -> Value {
    let index = |id: &OpId| parsed.stamp(parsed.operations[*id as usize].last_entry()).index;
    let message = |message: &MessageId| parsed.messages[*message as usize].content.to_json();
    json!({
        "key": parsed.keys[example.key as usize],
        "offsets": example.offsets,
        "messages": example.messages.iter().map(message).collect::<Vec<_>>(),
        "ops": example.operations.iter().map(index).collect::<Vec<u64>>(),
    })
}
