//! KafkaStream (kafka): is every acknowledged message there, once, in order, for everybody?
//!
//! Nobody shows us the logs themselves. But every acknowledged send says where its message came to stand, and every poll
//! shows a part of a log; together they give, for each key, the message at each offset. Offsets may have gaps, so what
//! counts is the *position*: the place of an offset among all that were seen. Then each operation is compared with that:
//! a poll must show successive positions, a process must go on where it left off, no two operations may disagree on an
//! offset, and what was acknowledged must be seen.

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
/// Results: `worst_realtime_lag` (how long, in ms, a message that was acknowledged stayed invisible to a process that
/// had read everything before it: `lag`, `key`, `process`, and the `time` of the poll that still did not return it; null
/// if that never happened), `error_types` (the names of all anomalies found), `bad_error_types` (those that make the
/// run invalid), and for each anomaly, under its name, `count` and up to eight examples (`errs`: `key`, `offsets`,
/// `messages`, and `ops`, the indices of the completions that show it), and the counts `send_count`, `poll_count` (of
/// ok operations), `message_count` (messages that are known to have an offset), `key_count`.
///
/// Besides the documented anomalies there is `unexpected`: a poll returned a message that nobody sent, although the
/// history has sends to that key. Cycles have `cycle` (indices of completions) and `types` (of the edges) as examples.
/// A `lost-write` or `unseen` message counts only if a reader must have seen it: one that polled an offset before and
/// then one that is not before the message, or (`unseen`) one that stood before it and, when it was acknowledged, was told
/// that there is nothing more. Otherwise the verdict is at best unknown. In histories that have no `assign`, every
/// reader could have seen everything.
///
/// Where a process has `subscribe`d, or where it is not known how its poll or assignment ended, its next poll may go on
/// anywhere: keys that a group shares pass from one consumer to another at any time.
///
/// Messages must be unique within a key; where one was sent twice the verdict is at best
/// unknown, and nothing is concluded from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kafka {
    /// Also take it that operations which sent successive messages of a log happened in that order. Cycles of such
    /// dependencies are reported, and allowed.
    pub ww_deps: bool,
    /// As the original: `unexpected` is allowed.
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

/// A history of logs on its way into the checker.
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
        "nobody polled message {value} of key {key}{others}, though acknowledged; but no reader came past or was told \
         that there is nothing more, so perhaps there was not enough time to catch up"
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
