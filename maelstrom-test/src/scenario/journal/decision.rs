//! [`Decision`]: which node or service decided on the wrong answer.
//!
//! The answer is followed backwards. If the node that answered had asked somebody, and the response that it got carries the
//! answer, that one decided:
//!
//! ```text
//! client ── read 3 ──▶ n1 ── read 3 ──▶ n2      n2 is the deciding node
//! client ◀── 1 ────── n1 ◀── 1 ────── n2        n1 only passed its answer on
//! ```

use std::collections::BTreeSet;

use super::index::{Call, Index};
use super::mention::{holds, payload};
use super::messages::{Messages, Sent};
use crate::history::Nanos;
use crate::json::Map;
use crate::protocol::NodeKind;

/// The maximum number of nodes that pass an answer on.
const HOPS: usize = 8;

/// The place where the wrong answer was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// The node or service.
    pub(super) node: String,
    /// When it received the request.
    pub(super) asked: Nanos,
    /// When it sent the answer.
    pub(super) time: Nanos,
    /// The message with its answer.
    pub(super) answer: u64,
    /// The requests and responses between the node that the client asked and this one.
    pub(super) path: Vec<u64>,
    /// The other requests about it that it sent meanwhile, and the responses that it got.
    pub(super) exchanges: Vec<u64>,
    /// Whether it sent no message to a node or service meanwhile.
    pub(super) asked_nobody: bool,
}

/// Follows an answer backwards. `None` if its messages are not in the journal.
pub(super) fn decision(index: &Index, call: Call) -> Option<Decision> {
    let (mut request, mut answer) = (call.request?, call.response?);
    let mut path = Vec::new();
    let mut visited = BTreeSet::new();
    loop {
        let (asked, answered) = (index.get(request)?, index.get(answer)?);
        let node = &answered.src;
        let window = (asked.received?, answered.time);
        let is_new = visited.insert(node.clone());
        let exchanges = if NodeKind::of_name(node) == NodeKind::Service {
            Vec::new()
        } else {
            exchanges(index, node, window, asked)
        };
        let fields = payload(&answered.body);
        let carrier = exchanges.iter().copied().filter(|(_, response)| carries(index, *response, &fields));
        let carriers: Vec<(u64, u64)> = carrier.collect();
        let peers: BTreeSet<&str> =
            exchanges.iter().filter_map(|(request, _)| Some(&*index.get(*request)?.dest)).collect();
        match carriers.last() {
            // With several peers, the node chose between their responses.
            Some((next, response)) if peers.len() == 1 && is_new && visited.len() <= HOPS => {
                path.extend([*next, *response]);
                (request, answer) = (*next, *response);
            }
            _ => {
                let sent = || index.sent_between(node, window);
                return Some(Decision {
                    node: node.clone(),
                    asked: window.0,
                    time: window.1,
                    answer,
                    path,
                    exchanges: exchanges.into_iter().flat_map(|(request, response)| [request, response]).collect(),
                    asked_nobody: !sent().any(|(_, sent)| sent.is_between_servers()),
                });
            }
        }
    }
}

/// Returns the requests of a node about what it was asked, with the responses that it received in the same interval.
fn exchanges(index: &Index, node: &str, window: (Nanos, Nanos), asked: &Sent) -> Vec<(u64, u64)> {
    let topic = topic(asked);
    let is_about = |sent: &Sent| topic.is_empty() || holds(&sent.body, &topic);
    let requests = index
        .sent_between(node, window)
        .filter(|(_, sent)| sent.is_between_servers() && sent.body.get("msg_id").is_some() && is_about(sent));
    let response = |request: &Sent| {
        let within = |sent: &Sent| sent.received.is_some_and(|received| received <= window.1);
        let responses = index.sent_between(&request.dest, (request.time, window.1));
        responses.filter(|(_, sent)| within(sent) && Messages::is_response(sent, request)).last()
    };
    requests.filter_map(|(id, request)| Some((id, response(request)?.0))).collect()
}

/// Returns what a request is about: its key, or else all that it says.
fn topic(asked: &Sent) -> Map {
    let fields = payload(&asked.body);
    match fields.get("key") {
        Some(key) => Map::from_iter([("key".to_owned(), key.clone())]),
        None => fields,
    }
}

/// Whether a response holds all that an answer says.
fn carries(index: &Index, response: u64, answer: &Map) -> bool {
    index.get(response).is_some_and(|sent| !answer.is_empty() && holds(&sent.body, answer))
}
