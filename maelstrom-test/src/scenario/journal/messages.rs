//! [`Messages`]: the journal, by message.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::Nanos;
use crate::json::{self, Value};
use crate::network::{Cause, EventType, JournalEvent, Reason};
use crate::plan::MessageId;
use crate::protocol::NodeKind;

/// What happened to a message.
#[derive(Debug)]
pub(in crate::scenario) struct Sent {
    pub(in crate::scenario) src: String,
    pub(in crate::scenario) dest: String,
    pub(in crate::scenario) body: Value,
    pub(in crate::scenario) identity: Option<MessageId>,
    /// The number of the event in the journal.
    pub(in crate::scenario) seq: u64,
    pub(in crate::scenario) time: Nanos,
    /// When its first copy arrived.
    pub(in crate::scenario) received: Option<Nanos>,
    /// When its second copy arrived.
    pub(in crate::scenario) received_again: Option<Nanos>,
    /// What the network last did to it because of a fault.
    pub(in crate::scenario) fault: Option<Cause>,
    /// When it was lost, and why.
    pub(in crate::scenario) lost: Option<(Nanos, Option<Reason>)>,
}

impl Sent {
    pub(in crate::scenario) fn is_from_client(&self) -> bool {
        NodeKind::of_name(&self.src) == NodeKind::Client
    }

    pub(in crate::scenario) fn is_for_client(&self) -> bool {
        NodeKind::of_name(&self.dest) == NodeKind::Client
    }

    /// Whether it is between nodes and services.
    pub(in crate::scenario) fn is_between_servers(&self) -> bool {
        !self.is_from_client() && !self.is_for_client()
    }

    /// The type of its body.
    pub(in crate::scenario) fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }
}

/// The messages of a journal, by number.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Messages {
    pub(in crate::scenario) by_id: BTreeMap<u64, Sent>,
}

impl Messages {
    pub(in crate::scenario) fn new(journal: &[JournalEvent]) -> Messages {
        let mut by_id: BTreeMap<u64, Sent> = BTreeMap::new();
        for event in journal {
            match event.kind {
                EventType::Send => {
                    let Ok(message) = json::from_str(&event.message) else { continue };
                    let name = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
                    let sent = Sent {
                        src: name("src"),
                        dest: name("dest"),
                        body: message["body"].clone(),
                        identity: event.identity.clone(),
                        seq: event.seq,
                        time: event.time,
                        received: None,
                        received_again: None,
                        fault: None,
                        lost: None,
                    };
                    by_id.insert(event.id, sent);
                }
                EventType::Recv => {
                    if let Some(sent) = by_id.get_mut(&event.id) {
                        match sent.received {
                            None => sent.received = Some(event.time),
                            Some(_) => drop(sent.received_again.get_or_insert(event.time)),
                        }
                    }
                }
                EventType::Lose | EventType::Drop => {
                    if let Some(sent) = by_id.get_mut(&event.id) {
                        sent.lost = Some((event.time, event.cause.map(|cause| cause.reason)));
                    }
                }
                EventType::Duplicate | EventType::Delay | EventType::Ignore => {}
            }
            if let Some(cause) = event.cause.filter(|cause| cause.fault.is_some())
                && let Some(sent) = by_id.get_mut(&event.id)
            {
                sent.fault = Some(cause);
            }
        }
        Messages { by_id }
    }

    /// Whether a message responds to another one.
    pub(in crate::scenario) fn is_response(response: &Sent, request: &Sent) -> bool {
        let number = response.body.get("in_reply_to").filter(|number| !number.is_null());
        number.is_some()
            && request.src == response.dest
            && request.dest == response.src
            && request.body.get("msg_id") == number
    }

    /// Returns the message of a set that this one responds to.
    pub(in crate::scenario) fn request_of(&self, id: u64, among: &BTreeSet<u64>) -> Option<u64> {
        let response = self.by_id.get(&id)?;
        let asked = |request: &Sent| Messages::is_response(response, request);
        among.range(..id).rev().copied().find(|earlier| self.by_id.get(earlier).is_some_and(asked))
    }

    /// Returns the messages in the *causal past* of the clients' responses, in ascending order (L. Lamport: Time, clocks, and
    /// the ordering of events in a distributed system, 1978).
    pub(in crate::scenario) fn past_of_responses(&self, journal: &[JournalEvent]) -> BTreeSet<u64> {
        // For each endpoint: the last event of it that can have had an influence.
        let mut horizon: BTreeMap<&str, u64> = BTreeMap::new();
        let mut past = BTreeSet::new();
        for event in journal.iter().rev().filter(|event| event.kind == EventType::Recv) {
            let Some(sent) = self.by_id.get(&event.id) else { continue };
            let in_past = sent.is_for_client() || horizon.get(&*sent.dest).is_some_and(|last| event.seq < *last);
            if in_past {
                past.insert(event.id);
                let last = horizon.entry(&sent.src).or_default();
                *last = (*last).max(sent.seq);
            }
        }
        past
    }
}
