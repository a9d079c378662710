//! [`Spread`]: which nodes and services an operation reached, and by which messages.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Decision;
use super::index::Index;
use super::mention::{Mentions, same};
use super::messages::{Messages, Sent};
use crate::history::Nanos;
use crate::network::{EventType, JournalEvent};
use crate::protocol::NodeKind;

/// How an operation spread until the decision.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// When each node and service received it, and by which message.
    pub(super) informed: BTreeMap<String, (Nanos, u64)>,
    /// The messages that mention it and did not arrive before the decision: those to the deciding node, or else those to nodes
    /// that never received it and could have passed it on.
    pub(super) missed: Vec<u64>,
    /// The last message that the deciding node received before the decision from each of the others who knew it; or the very
    /// last one, if it had heard nothing from them since anybody knew it.
    pub(super) contacts: Vec<u64>,
    /// If it had heard nothing from them: the messages that they had sent it meanwhile.
    pub(super) silenced: Vec<u64>,
    /// Later writes of the same key at the deciding service.
    pub(super) overwrites: Vec<u64>,
    /// Messages that arrived twice, or that repeat an earlier one.
    pub(super) doubles: Vec<u64>,
}

impl Spread {
    /// Follows an operation forwards from its request. `events` are the journal.
    pub(super) fn of(
        index: &Index,
        events: &[JournalEvent],
        request: u64,
        mentions: &Mentions<'_>,
        decision: &Decision,
        is_double: bool,
    ) -> Spread {
        let mut spread = Spread::default();
        let Some(Sent { dest, received: Some(received), .. }) = index.get(request) else { return spread };
        spread.informed.insert(dest.clone(), (*received, request));
        let mut mentioning = BTreeSet::new();
        // Requests to services by source, service and number.
        let mut asked: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
        for event in events {
            let Some(sent) = index.get(event.id).filter(|sent| sent.is_between_servers()) else { continue };
            match event.kind {
                EventType::Send if sent.time <= decision.time => {
                    if NodeKind::of_name(&sent.dest) == NodeKind::Service
                        && let Some(number) = sent.body.get("msg_id")
                    {
                        asked.insert((&sent.src, &sent.dest, number.to_string()), event.id);
                    }
                    let is_informed = spread.informed.get(&sent.src).is_some_and(|(time, _)| *time <= event.time);
                    if !is_informed {
                        continue;
                    }
                    let is_mentioned = mentions.is_in(&sent.body) || {
                        let number = sent.body.get("in_reply_to").map(ToString::to_string).unwrap_or_default();
                        let request = asked.get(&(&*sent.dest, &*sent.src, number)).and_then(|id| index.get(*id));
                        request.is_some_and(|request| mentions.is_in_response(&request.body, &sent.body))
                    };
                    if is_mentioned {
                        mentioning.insert(event.id);
                    }
                }
                EventType::Recv if event.time <= decision.time && mentioning.contains(&event.id) => {
                    spread.informed.entry(sent.dest.clone()).or_insert((event.time, event.id));
                }
                _ => {}
            }
        }
        if is_double {
            spread.doubles = doubles(index, &mentioning, decision);
        }
        spread.look_at(index, &mentioning, decision);
        spread
    }

    /// Whether the deciding node knew the operation.
    pub(super) fn has_reached(&self, decision: &Decision) -> bool {
        self.informed.get(&decision.node).is_some_and(|(time, _)| *time <= decision.time)
    }

    /// Looks at the deciding node.
    fn look_at(&mut self, index: &Index, mentioning: &BTreeSet<u64>, decision: &Decision) {
        let node = &decision.node;
        let in_time = |sent: &Sent| sent.received.is_some_and(|received| received <= decision.time);
        if self.has_reached(decision) {
            if NodeKind::of_name(node) == NodeKind::Service {
                self.overwrites = overwrites(index, mentioning, self.informed[node], decision);
            }
            return;
        }
        let missed = |is_dest: &dyn Fn(&str) -> bool| -> Vec<u64> {
            let is_missed = |id: &u64| index.get(*id).is_some_and(|sent| is_dest(&sent.dest) && !in_time(sent));
            mentioning.iter().copied().filter(is_missed).collect()
        };
        self.missed = missed(&|dest| dest == node);
        if self.missed.is_empty() {
            self.missed = missed(&|dest| !self.informed.contains_key(dest));
        }
        if !self.missed.is_empty() {
            return;
        }
        let mut last: BTreeMap<&str, (Option<Nanos>, u64)> = BTreeMap::new();
        for (id, sent) in index.to(node).filter(|(_, sent)| self.informed.contains_key(&sent.src) && in_time(sent)) {
            let contact = last.entry(&sent.src).or_insert((sent.received, id));
            *contact = (*contact).max((sent.received, id));
        }
        let known = self.informed.values().map(|(time, _)| *time).min();
        match last.values().max() {
            Some((received, id)) if *received < known => {
                self.contacts = vec![*id];
                let is_later = |sent: &Sent| Some(sent.time) > *received && sent.time <= decision.time;
                let from_them = index.to(node).filter(|(_, sent)| self.informed.contains_key(&sent.src));
                self.silenced =
                    from_them.filter(|(_, sent)| is_later(sent) && !in_time(sent)).map(|(id, _)| id).collect();
            }
            _ => self.contacts = last.into_values().map(|(_, id)| id).collect(),
        }
    }

    /// Returns the messages by which a node was informed, from the request of the operation on.
    pub(super) fn way_to(&self, index: &Index, name: &str) -> Vec<u64> {
        let mut way = Vec::new();
        let mut name = name;
        while let Some((_, id)) = self.informed.get(name) {
            if way.contains(id) {
                break;
            }
            way.push(*id);
            match index.get(*id) {
                Some(sent) => name = &sent.src,
                None => break,
            }
        }
        way.reverse();
        way
    }
}

/// Returns the successful writes of the same key at the deciding service, after it had been informed, which do not mention
/// the operation.
fn overwrites(
    index: &Index,
    mentioning: &BTreeSet<u64>,
    (informed, by): (Nanos, u64),
    decision: &Decision,
) -> Vec<u64> {
    let Some(key) = index.get(by).and_then(|write| write.body.get("key")) else { return Vec::new() };
    let is_between = |sent: &Sent| sent.received.is_some_and(|time| time > informed && time <= decision.time);
    let is_write = |sent: &Sent| {
        matches!(sent.kind(), "write" | "cas") && sent.body.get("key").is_some_and(|other| same(other, key))
    };
    let has_succeeded = |sent: &Sent| {
        let until = (sent.received.unwrap_or_default(), decision.time);
        let mut responses = index.sent_between(&decision.node, until);
        responses.any(|(_, response)| Messages::is_response(response, sent) && response.kind().ends_with("_ok"))
    };
    let writes =
        index.to(&decision.node).filter(|(id, sent)| is_between(sent) && is_write(sent) && !mentioning.contains(id));
    writes.filter(|(_, sent)| has_succeeded(sent)).map(|(id, _)| id).take(2).collect()
}

/// Returns messages that mention the operation and arrived twice before the decision, or repeat an earlier one that arrived.
fn doubles(index: &Index, mentioning: &BTreeSet<u64>, decision: &Decision) -> Vec<u64> {
    let mut seen: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    for id in mentioning {
        let Some(sent) = index.get(*id) else { continue };
        if sent.received.is_none_or(|received| received > decision.time) {
            continue;
        }
        if sent.received_again.is_some_and(|received| received <= decision.time) {
            return vec![*id];
        }
        let fields = super::mention::payload(&sent.body);
        let text = format!("{} {fields:?}", sent.kind());
        if let Some(first) = seen.insert((&sent.src, &sent.dest, text), *id) {
            return vec![first, *id];
        }
    }
    Vec::new()
}
