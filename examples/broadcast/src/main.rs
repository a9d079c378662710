//! A gossip protocol: a client sends a message to one node, and it reaches every node.
//!
//! At the start, each node receives the list of its neighbours. When a node receives a message for the first time, it sends
//! the message to all neighbours except the one that it came from. So the message spreads through the whole network, and stops
//! at nodes that know it already.
//!
//! This is sufficient if no message is lost. But a partition drops messages, and the sender gets no error. So neighbours
//! acknowledge messages. For each neighbour, a node keeps the set of *unacknowledged* messages, and sends it again once a
//! second, in one message. A message that is received twice does no harm, because the state of a node is a set.
//!
//! Two experiments:
//!
//! - Remove the call of `every`. The report of the test then shows the lost message.
//! - Send messages only once per tick, and not immediately. The number of messages per operation falls, and latencies rise.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use maelstrom_node::{Message, Node, Result, Server};
use serde_json::json;

/// Longer than the usual round trip, so that few messages are sent again without need.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Gossip {
    known: BTreeSet<u64>,
    /// The messages that each neighbour has not acknowledged yet.
    unacknowledged: BTreeMap<String, BTreeSet<u64>>,
}

impl Gossip {
    fn start(node: &mut Node<Gossip>) -> Gossip {
        node.every(RETRY, |gossip: &mut Gossip, node| {
            for (neighbour, messages) in &gossip.unacknowledged {
                send(node, neighbour, messages.clone());
            }
        });
        Gossip::default()
    }

    /// Stores messages, and sends the new ones to the other neighbours.
    fn receive(&mut self, node: &mut Node<Gossip>, messages: BTreeSet<u64>, from: &str) {
        let new: BTreeSet<u64> = messages.difference(&self.known).copied().collect();
        self.known.extend(&new);
        for (neighbour, unacknowledged) in &mut self.unacknowledged {
            if neighbour != from {
                unacknowledged.extend(&new);
                send(node, neighbour, new.clone());
            }
        }
    }
}

/// Sends messages to a neighbour, and removes them from `unacknowledged` when it acknowledges them.
fn send(node: &mut Node<Gossip>, neighbour: &str, messages: BTreeSet<u64>) {
    if messages.is_empty() {
        return;
    }
    let name = neighbour.to_owned();
    node.rpc(neighbour, "gossip", json!({ "messages": messages }), move |gossip, _, answer| {
        if answer.is_ok()
            && let Some(unacknowledged) = gossip.unacknowledged.get_mut(&name)
        {
            unacknowledged.retain(|message| !messages.contains(message));
        }
    });
}

impl Server for Gossip {
    fn handle(&mut self, node: &mut Node<Gossip>, request: Message) -> Result {
        match request.kind() {
            "topology" => {
                let mut topology: BTreeMap<String, Vec<String>> = request.get("topology")?;
                let neighbours = topology.remove(node.id()).unwrap_or_default();
                self.unacknowledged = neighbours.into_iter().map(|neighbour| (neighbour, self.known.clone())).collect();
                node.reply(&request, ());
            }
            "broadcast" => {
                self.receive(node, BTreeSet::from([request.get("message")?]), request.src());
                node.reply(&request, ());
            }
            "gossip" => {
                self.receive(node, request.get("messages")?, request.src());
                node.reply(&request, ());
            }
            "read" => node.reply(&request, json!({ "messages": self.known })),
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    maelstrom_node::run(Gossip::start)
}
