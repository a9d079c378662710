//! Gossip: a client tells one node a message, and soon every node knows it, however the network behaves.
//!
//! At the start each node is told who its neighbours are. What a node hears for the first time it tells its neighbours,
//! all but the one that it has it from; so a message runs through the whole network and dies out where it is known.
//!
//! That would be all, if no message were ever lost. But a partition swallows what is sent across it, and the sender is not
//! told. So neighbours acknowledge, and a node keeps, for each neighbour, the set of messages that are *owed* to it: told
//! perhaps, but not acknowledged. Once a second it tells them again, all in one message. Telling something twice does no
//! harm, because sets do not mind; forgetting to tell it does.
//!
//! Two things to try: take the call of `every` out and see which message the test then misses; and send only once per
//! tick, without telling at once, and see messages per operation fall and latencies rise.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use maelstrom_node::{Message, Node, Result, Server};
use serde_json::json;

/// Longer than the way there and back usually takes, so that little is told twice for nothing.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Gossip {
    known: BTreeSet<u64>,
    /// What each neighbour has not acknowledged yet.
    owed: BTreeMap<String, BTreeSet<u64>>,
}

impl Gossip {
    fn start(node: &mut Node<Gossip>) -> Gossip {
        node.every(RETRY, |gossip: &mut Gossip, node| {
            for (neighbour, owed) in &gossip.owed {
                tell(node, neighbour, owed.clone());
            }
        });
        Gossip::default()
    }

    /// Takes messages in, and passes on those that are new.
    fn hear(&mut self, node: &mut Node<Gossip>, messages: BTreeSet<u64>, from: &str) {
        let news: BTreeSet<u64> = messages.difference(&self.known).copied().collect();
        self.known.extend(&news);
        for (neighbour, owed) in &mut self.owed {
            if neighbour != from {
                owed.extend(&news);
                tell(node, neighbour, news.clone());
            }
        }
    }
}

/// Tells a neighbour some messages; when it acknowledges them, they are no longer owed.
fn tell(node: &mut Node<Gossip>, neighbour: &str, messages: BTreeSet<u64>) {
    if messages.is_empty() {
        return;
    }
    let name = neighbour.to_owned();
    node.rpc(neighbour, "gossip", json!({ "messages": messages }), move |gossip, _, answer| {
        if answer.is_ok()
            && let Some(owed) = gossip.owed.get_mut(&name)
        {
            owed.retain(|message| !messages.contains(message));
        }
    });
}

impl Server for Gossip {
    fn handle(&mut self, node: &mut Node<Gossip>, request: Message) -> Result {
        match request.kind() {
            "topology" => {
                let mut topology: BTreeMap<String, Vec<String>> = request.get("topology")?;
                let neighbours = topology.remove(node.id()).unwrap_or_default();
                self.owed = neighbours.into_iter().map(|neighbour| (neighbour, self.known.clone())).collect();
                node.reply(&request, ());
            }
            "broadcast" => {
                self.hear(node, BTreeSet::from([request.get("message")?]), request.src());
                node.reply(&request, ());
            }
            "gossip" => {
                self.hear(node, request.get("messages")?, request.src());
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
