//! The table of a run that was not repeated: its events are chosen from the messages.
//!
//! The checker names the *answer* that is wrong, and what it should have known: the *origin*. From both, the messages tell how
//! the news could have spread:
//!
//! ```text
//! origin ──▶ node ── mentions it ──▶ node ── mentions it ──✗ deciding node ◀── asks ── node ──▶ answer
//! ```
//!
//! | step | what it chooses |
//! | --- | --- |
//! | backwards | what the answering node asked others while it handled the request; the last one that it asked decided |
//! | forwards | the first message to each node that mentions the origin, from a node that knew of it |
//! | edge | messages that mention it and did not reach the deciding node, or reached it after its decision |
//! | faults | those that cut one of these messages |
//!
//! A message *mentions* an operation if its body has the key and the value together, or the value in a list if there are no
//! keys. This is a guess, so the table says that it was chosen, and a sentence says only what the messages show.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::{self, Selection};
use super::failure::FailureKind;
use super::matter::Decisive;
use super::messages::{Messages, Sent};
use super::narrow::{self, Chain, Done};
use crate::checker::Finding;
use crate::history::Nanos;
use crate::json::Value;
use crate::network::Reason;
use crate::plan::{Fate, MessageId};
use crate::report::cause::{Cause, Reduction};
use crate::report::{file_names, journal_between, moment};
use crate::scenario::Run;

/// The most messages that are chosen.
const MESSAGES: usize = 24;
/// The most events of the network that are searched.
const EVENTS: usize = 300_000;
/// The most operations that are shown.
const OPERATIONS: usize = 8;
/// How many nodes an answer may come through.
const HOPS: usize = 5;

/// Chooses the events that may have caused a run's failure. Returns `None` if it has no evidence, or if its messages are not
/// known as far as the answer.
pub(in crate::scenario) fn choose(run: &Run) -> Option<Cause> {
    let failure = FailureKind::of(run, None)?;
    let finding = failure.find(&run.verdict)?;
    let done = narrow::operations(&run.history);
    let evidence = narrow::in_evidence(finding, &done);
    let all = narrow::explained(&run.workload, &done, &evidence, Chain::EndsAtCas, OPERATIONS);
    if evidence.is_empty() || evidence.len() > OPERATIONS {
        return None;
    }
    let answer = answer(finding, &evidence, &done)?;
    let began = all.iter().map(|number| done[*number].invocation.time).min()?;
    let ended = all.iter().filter_map(|number| done[*number].completion).map(|(_, op)| op.time).max()?;
    let path = run.file(file_names::MESSAGES);
    let journal = journal_between(&run.journal, run.journal_events, &path, (began, ended), EVENTS)?;
    let messages = Messages::new(&journal);
    let search = Search::new(run, &messages);
    let traced = search.trace(&done[answer])?;
    let origins = all.iter().filter(|number| **number != answer).map(|number| &done[*number]);
    let spread: Vec<Spread<'_>> = origins.filter_map(|origin| search.spread(origin, &traced)).collect();
    // The last of several operations is the one that should have been known. Those before it explain other answers.
    let sentence = spread.last().and_then(|last| search.sentence(last, &traced));
    let mut chosen: BTreeMap<u64, usize> = traced.asked.iter().map(|id| (*id, 1)).collect();
    for Spread { carriers, missed, .. } in &spread {
        chosen.extend(carriers.iter().chain(missed).copied());
    }
    let decisive: Vec<Decisive> =
        chosen.iter().filter_map(|(id, count)| messages.by_id[id].as_decisive(*id, *count)).collect();
    if decisive.is_empty() {
        // The table would only repeat the evidence.
        return None;
    }
    let decisive = &decisive[decisive.len().saturating_sub(MESSAGES)..];
    let lost: Vec<Nanos> =
        decisive.iter().filter_map(|chosen| Some(messages.by_id[&chosen.journal_id].lost?.0)).collect();
    let entries = all.iter().flat_map(|number| [Some(done[*number].at), done[*number].completion.map(|(at, _)| at)]);
    let selection = Selection { entries: entries.flatten().collect(), fault_times: lost };
    let (columns, rows) = cause::table(run, &journal, decisive, None, Some(&selection));
    let kept = |kept: usize, total: u64| Reduction { kept: kept as u64, total };
    Some(Cause {
        is_chosen: true,
        anomaly: failure.name().to_owned(),
        checker: failure.checker().to_owned(),
        headline: run.headline(),
        sentence,
        operations: kept(all.len(), run.ops().invoked),
        messages: kept(decisive.len(), run.net.servers.send_count),
        columns,
        rows,
        directory: Some(std::path::PathBuf::new()),
        ..Cause::default()
    })
}

/// Returns the number of the operation whose answer is wrong: the culprit, or else the last one that was answered.
fn answer(finding: &Finding, evidence: &BTreeSet<usize>, done: &[Done<'_>]) -> Option<usize> {
    let is_culprit = |number: &&usize| {
        let completion = done[**number].completion.map(|(at, _)| at);
        finding
            .evidence
            .iter()
            .any(|line| line.is_culprit && line.completion.is_some() && line.completion == completion)
    };
    let last = || {
        evidence
            .iter()
            .filter(|number| done[**number].completion.is_some())
            .max_by_key(|number| done[**number].completion.map(|(at, _)| at))
    };
    evidence.iter().find(is_culprit).or_else(last).copied()
}

impl Sent {
    /// Returns the message as one of `count` that could have changed the answer.
    fn as_decisive(&self, journal_id: u64, count: usize) -> Option<Decisive> {
        let id = self.identity.clone().unwrap_or_else(|| MessageId {
            src: self.src.clone(),
            incarnation: 0,
            dest: self.dest.clone(),
            number: 0,
        });
        Some(Decisive { journal_id, other_fate: Fate { id, delays_ns: Vec::new() }, group: count })
    }
}

/// How an answer came about.
struct Traced {
    /// The requests of nodes, and their answers.
    asked: Vec<u64>,
    /// The node or service that decided on the answer, and when.
    decided: (String, Nanos),
}

/// How the news of an operation spread.
struct Spread<'a> {
    origin: Done<'a>,
    /// When each node knew of it.
    knew: BTreeMap<String, Nanos>,
    /// The first messages that brought the news to a node, and how many others mention it.
    carriers: Vec<(u64, usize)>,
    /// The last message to the deciding node that did not bring the news in time, and how many there were.
    missed: Option<(u64, usize)>,
}

struct Search<'a> {
    run: &'a Run,
    messages: &'a Messages,
    /// The responses, by source, destination and number of the request.
    responses: BTreeMap<(&'a str, &'a str, String), Vec<u64>>,
}

impl<'a> Search<'a> {
    fn new(run: &'a Run, messages: &'a Messages) -> Search<'a> {
        let mut responses: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for (id, sent) in &messages.by_id {
            if let Some(number) = sent.body.get("in_reply_to").filter(|number| !number.is_null()) {
                responses.entry((&*sent.src, &*sent.dest, number.to_string())).or_default().push(*id);
            }
        }
        Search { run, messages, responses }
    }

    /// Returns the request of an operation, with its number.
    fn request(&self, done: &Done<'_>) -> Option<(u64, &Sent)> {
        let node = self.run.context.node_of(done.invocation.process.client()?)?;
        let is_request = |sent: &Sent| sent.is_from_client() && sent.dest == node && sent.time == done.invocation.time;
        self.messages.by_id.iter().find(|(_, sent)| is_request(sent)).map(|(id, sent)| (*id, sent))
    }

    /// Follows an answer to the node that decided on it.
    fn trace(&self, answer: &Done<'_>) -> Option<Traced> {
        let (mut request_id, request) = self.request(answer)?;
        let mut traced = Traced { asked: Vec::new(), decided: (request.dest.clone(), 0) };
        for _ in 0..HOPS {
            let request = &self.messages.by_id[&request_id];
            let node = &request.dest;
            let received = request.received.unwrap_or(Nanos::MAX);
            let answered = self.answer_to(request_id).map_or(Nanos::MAX, |(_, sent)| sent.time);
            traced.decided = (node.clone(), answered);
            // What the node asked while it handled the request, and what was answered in time.
            let handled = self.messages.by_id.range(request_id..).take_while(|(_, sent)| sent.time <= answered);
            let asked: Vec<u64> = handled
                .filter(|(_, sent)| sent.src == *node && sent.is_between_servers() && sent.time >= received)
                .filter(|(id, _)| {
                    let reply = self.answer_to(**id);
                    reply.is_some_and(|(_, reply)| reply.received.is_some_and(|time| time <= answered))
                })
                .map(|(id, _)| *id)
                .collect();
            let Some(last) = asked.last() else { break };
            traced.asked.extend(&asked);
            traced.asked.extend(asked.iter().filter_map(|id| Some(self.answer_to(*id)?.0)));
            request_id = *last;
        }
        Some(traced)
    }

    /// Returns the first response to a message.
    fn answer_to(&self, id: u64) -> Option<(u64, &Sent)> {
        let request = &self.messages.by_id[&id];
        let number = request.body.get("msg_id").filter(|number| !number.is_null())?;
        let responses = self.responses.get(&(&*request.dest, &*request.src, number.to_string()))?;
        let first = *responses.iter().find(|response| **response > id)?;
        Some((first, &self.messages.by_id[&first]))
    }

    /// Follows the news of an operation until the decision.
    fn spread<'d>(&self, origin: &Done<'d>, traced: &Traced) -> Option<Spread<'d>> {
        let (first, request) = self.request(origin)?;
        let news = News::of(&self.run.workload, origin)?;
        let (decider, decision) = &traced.decided;
        let mut spread = Spread { origin: *origin, knew: BTreeMap::new(), carriers: Vec::new(), missed: None };
        spread.knew.insert(request.dest.clone(), request.received?);
        let mut counts: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
        for (id, sent) in self.messages.by_id.range(first + 1..).filter(|(_, sent)| sent.is_between_servers()) {
            let knows = |name: &str, at: Nanos| spread.knew.get(name).is_some_and(|since| *since <= at);
            if sent.time > *decision || !knows(&sent.src, sent.time) || !news.is_in(&sent.body) {
                continue;
            }
            let in_time = sent.received.is_some_and(|time| time <= *decision);
            if in_time {
                let arrives = sent.received.unwrap_or_default();
                if !spread.knew.contains_key(&sent.dest) {
                    counts.insert(&sent.dest, (*id, 0));
                }
                let since = spread.knew.entry(sent.dest.clone()).or_insert(arrives);
                *since = arrives.min(*since);
                counts.entry(&sent.dest).or_insert((*id, 0)).1 += 1;
            } else if sent.dest == *decider {
                spread.missed = Some((*id, spread.missed.map_or(1, |(_, count)| count + 1)));
            }
        }
        spread.carriers = counts.into_values().collect();
        Some(spread)
    }

    /// Classifies the failure, as far as the messages show it.
    fn sentence(&self, spread: &Spread<'_>, traced: &Traced) -> Option<String> {
        let (decider, decision) = &traced.decided;
        if *decision == Nanos::MAX {
            return None;
        }
        let news = format!("{} {}", spread.origin.invocation.f, spread.origin.invocation.value);
        if let Some(knew) = spread.knew.get(decider).filter(|knew| **knew < *decision) {
            return Some(format!(
                "{decider} knew of {news} from {} on, and decided on its answer without it at {}",
                moment(*knew),
                moment(*decision)
            ));
        }
        let (id, count) = spread.missed?;
        let sent = &self.messages.by_id[&id];
        let (kind, src) = (sent.kind(), &sent.src);
        let others = if count > 1 { format!(", the last of {count} such messages,") } else { String::new() };
        match (sent.received, sent.lost.and_then(|(_, reason)| reason)) {
            (Some(arrived), _) => Some(format!(
                "{kind} from {src}{others} with {news} reached {decider} {} after it had decided on its answer",
                cause::milliseconds(arrived.saturating_sub(*decision))
            )),
            (None, Some(reason @ (Reason::Partition | Reason::Packet | Reason::Loss))) => Some(format!(
                "{decider} had not heard of {news} when it decided on its answer: {kind} from {src}{others} was {}",
                cause::describe_loss(reason)
            )),
            _ => None,
        }
    }
}

/// What an operation changed.
struct News {
    key: Option<Value>,
    value: Value,
}

impl News {
    fn of(workload: &str, origin: &Done<'_>) -> Option<News> {
        let argument = &origin.invocation.value;
        let (key, value) = match (workload, &*origin.invocation.f) {
            ("lin-kv", "write") => (Some(argument[0].clone()), argument[1].clone()),
            ("lin-kv", "cas") => (Some(argument[0].clone()), argument[1][1].clone()),
            ("txn-list-append" | "txn-rw-register", "txn") => {
                let write = argument.as_array()?.iter().rev().find(|micro| micro[0] != "r")?;
                (Some(write[1].clone()), write[2].clone())
            }
            ("kafka", "send") => (Some(argument[0][1].clone()), argument[0][2].clone()),
            ("broadcast", "broadcast") | ("g-set", "add") => (None, argument.clone()),
            _ => return None,
        };
        Some(News { key, value })
    }

    /// Whether a body mentions it.
    fn is_in(&self, body: &Value) -> bool {
        let Some(entries) = body.as_object() else { return false };
        let own = entries.iter().filter(|(name, _)| !matches!(&***name, "type" | "msg_id" | "in_reply_to"));
        own.clone().any(|(_, value)| self.is_below(value)) || self.is_together(&mut own.map(|(_, value)| value))
    }

    fn is_below(&self, value: &Value) -> bool {
        match value {
            Value::Array(values) => {
                self.is_together(&mut values.iter()) || values.iter().any(|value| self.is_below(value))
            }
            Value::Object(entries) => {
                let by_key = self.key.as_ref().is_some_and(|key| {
                    entries.get(&*text(key)).is_some_and(|value| *value == self.value || contains(value, &self.value))
                });
                by_key || self.is_together(&mut entries.values()) || entries.values().any(|value| self.is_below(value))
            }
            _ => false,
        }
    }

    fn is_together(&self, values: &mut dyn Iterator<Item = &Value>) -> bool {
        let (mut has_key, mut has_value) = (self.key.is_none(), false);
        for value in values {
            // The first of two equal values is the key.
            if !has_key && self.key.as_ref().is_some_and(|key| key == value || text(key) == text(value)) {
                has_key = true;
            } else if *value == self.value || (self.key.is_none() && contains(value, &self.value)) {
                has_value = true;
            }
        }
        has_key && has_value
    }
}

fn contains(value: &Value, wanted: &Value) -> bool {
    value.as_array().is_some_and(|values| values.contains(wanted))
}

fn text(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    #[test]
    fn bodies_mention_key_and_value_together() {
        let news = News { key: Some(json!(3)), value: json!(7) };
        let mentions = [
            json!({"type": "copy", "key": 3, "value": 7}),
            json!({"type": "append", "entries": [[1, {"client": "c3", "key": 3, "value": 7}]]}),
            json!({"type": "state", "values": {"3": 7}}),
            json!({"type": "state", "logs": {"3": [5, 7]}}),
            json!({"type": "execute", "txn": [["r", 3, null], ["append", 3, 7]]}),
        ];
        for body in mentions {
            assert!(news.is_in(&body), "{body}");
        }
        let others = [
            json!({"type": "copy", "key": 3, "value": 8}),
            json!({"type": "copy", "key": 7, "value": 8}),
            json!({"type": "copy", "key": 7, "msg_id": 3}),
            json!({"type": "state", "values": {"3": 8, "4": 7}}),
            json!({"type": "execute", "txn": [["append", 3, 8], ["append", 4, 7]]}),
            json!("3 7"),
        ];
        for body in others {
            assert!(!news.is_in(&body), "{body}");
        }
        let same = News { key: Some(json!(3)), value: json!(3) };
        assert!(same.is_in(&json!({"key": 3, "value": 3})) && !same.is_in(&json!({"key": 3, "value": 4})));
    }

    #[test]
    fn elements_are_mentioned_in_lists() {
        let news = News { key: None, value: json!(7) };
        assert!(news.is_in(&json!({"type": "gossip", "messages": [1, 7]})));
        assert!(news.is_in(&json!({"type": "forward", "message": 7})));
        assert!(!news.is_in(&json!({"type": "gossip", "messages": [1], "msg_id": 7})));
    }
}
