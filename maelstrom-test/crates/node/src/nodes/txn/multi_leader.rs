//! Registers with multi-leader replication: every node executes transactions locally, so that all nodes are available
//! during partitions. The isolation level is read committed.
//!
//! All writes of a transaction have one version, which is higher than any version known to the node. Nodes send the writes
//! of whole transactions to each other until they are acknowledged. Of two values of a key, the one with the higher version
//! wins.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, Result, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, State, apply, written};

const GOSSIP_INTERVAL: Duration = Duration::from_millis(200);

/// A counter, and the number of the node as a tie-breaker.
type Version = (u64, usize);

/// The writes of one transaction.
#[derive(Clone, Serialize, Deserialize)]
struct Writes {
    version: Version,
    values: BTreeMap<String, Value>,
}

pub(crate) struct MultiLeader {
    clock: u64,
    values: BTreeMap<String, (Version, Value)>,
    /// The writes that each other node has not acknowledged yet.
    unacknowledged: BTreeMap<String, BTreeMap<Version, Writes>>,
}

impl MultiLeader {
    pub(crate) fn new(node: &mut Node<Self>) -> MultiLeader {
        node.every(GOSSIP_INTERVAL, |server: &mut MultiLeader, node| server.gossip(node));
        let unacknowledged = node.peers().iter().map(|peer| (peer.clone(), BTreeMap::new())).collect();
        MultiLeader { clock: 0, values: BTreeMap::new(), unacknowledged }
    }

    fn transact(&mut self, node: &mut Node<Self>, txn: &[Op]) -> Result<Vec<Op>> {
        let mut state: State = self.values.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect();
        let done = apply(&mut state, txn)?;
        let values: BTreeMap<String, Value> =
            written(txn).into_iter().map(|key| (key.clone(), state[&key].clone())).collect();
        if !values.is_empty() {
            let writes = Writes { version: (self.clock + 1, node.index()), values };
            for unacknowledged in self.unacknowledged.values_mut() {
                unacknowledged.insert(writes.version, writes.clone());
            }
            self.merge(writes);
        }
        Ok(done)
    }

    fn merge(&mut self, Writes { version, values }: Writes) {
        self.clock = self.clock.max(version.0);
        for (key, value) in values {
            if self.values.get(&key).is_none_or(|(known, _)| *known < version) {
                self.values.insert(key, (version, value));
            }
        }
    }

    fn gossip(&mut self, node: &mut Node<Self>) {
        for (peer, unacknowledged) in &self.unacknowledged {
            let writes: Vec<Writes> = unacknowledged.values().cloned().collect();
            let Some(last) = writes.last().map(|writes| writes.version) else { continue };
            let name = peer.clone();
            node.rpc(peer, "merge", json!({ "writes": writes }), move |server, _, response| {
                if response.is_ok()
                    && let Some(unacknowledged) = server.unacknowledged.get_mut(&name)
                {
                    unacknowledged.retain(|version, _| *version > last);
                }
            });
        }
    }
}

impl Server for MultiLeader {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "txn" => {
                let done = self.transact(node, &request.get::<Vec<Op>>("txn")?)?;
                node.reply(&request, json!({ "txn": done }));
            }
            "merge" => {
                for writes in request.get::<Vec<Writes>>("writes")? {
                    self.merge(writes);
                }
                node.reply(&request, ());
            }
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
