//! Sends new messages to the neighbours, and retries until they acknowledge them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Message, Node, Result, Server};
use serde_json::{Value, json};

use super::disk::Log;

const RETRY: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Messages are sent to a neighbour only once.
    NoRetry,
}

pub(super) struct Broadcast {
    /// Messages by their JSON text, which orders values of any type.
    messages: BTreeMap<String, Value>,
    /// Keys of the messages that each neighbour has not acknowledged yet.
    unacknowledged: BTreeMap<String, BTreeSet<String>>,
    log: Log,
}

impl Broadcast {
    pub(super) fn new(node: &mut Node<Self>, bug: Option<Bug>) -> Broadcast {
        let (log, messages) = Log::open::<Value>("messages").expect("the log can be read");
        let messages = messages.into_iter().map(|message| (message.to_string(), message)).collect();
        if bug != Some(Bug::NoRetry) {
            node.every(RETRY, |server: &mut Broadcast, node| server.retry(node));
        }
        Broadcast { messages, unacknowledged: BTreeMap::new(), log }
    }

    /// A new neighbour may lack any message of this node, so all of them count as unacknowledged.
    fn set_neighbours(&mut self, neighbours: Vec<String>) {
        let known: BTreeSet<String> = self.messages.keys().cloned().collect();
        self.unacknowledged = neighbours.into_iter().map(|neighbour| (neighbour, known.clone())).collect();
    }

    /// Adds new messages, and sends them to all neighbours except the one that they came from.
    fn add(&mut self, node: &mut Node<Self>, messages: Vec<Value>, from: &str) {
        let mut new = Vec::new();
        for message in messages {
            if self.messages.insert(message.to_string(), message.clone()).is_none() {
                new.push(message);
            }
        }
        if new.is_empty() {
            return;
        }
        self.log.append(&new);
        let keys: Vec<String> = new.iter().map(Value::to_string).collect();
        for (neighbour, unacknowledged) in &mut self.unacknowledged {
            if neighbour != from {
                unacknowledged.extend(keys.iter().cloned());
                send(node, neighbour, &new, keys.clone());
            }
        }
    }

    fn retry(&mut self, node: &mut Node<Self>) {
        for (neighbour, unacknowledged) in &self.unacknowledged {
            if !unacknowledged.is_empty() {
                let messages: Vec<Value> = unacknowledged.iter().map(|key| self.messages[key].clone()).collect();
                send(node, neighbour, &messages, unacknowledged.iter().cloned().collect());
            }
        }
    }
}

fn send(node: &mut Node<Broadcast>, neighbour: &str, messages: &[Value], keys: Vec<String>) {
    let name = neighbour.to_owned();
    node.rpc(neighbour, "gossip", json!({ "messages": messages }), move |server, _, response| {
        if response.is_ok()
            && let Some(unacknowledged) = server.unacknowledged.get_mut(&name)
        {
            for key in &keys {
                unacknowledged.remove(key);
            }
        }
    });
}

impl Server for Broadcast {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "topology" => {
                let topology: BTreeMap<String, Vec<String>> = request.get("topology")?;
                self.set_neighbours(topology.get(node.id()).cloned().unwrap_or_default());
                node.reply(&request, ());
            }
            "broadcast" => {
                self.add(node, vec![request.get("message")?], request.src());
                node.reply(&request, ());
            }
            "gossip" => {
                self.add(node, request.get("messages")?, request.src());
                node.reply(&request, ());
            }
            "read" => {
                let messages: Vec<&Value> = self.messages.values().collect();
                node.reply(&request, json!({ "messages": messages }));
            }
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
