//! A PN-counter (M. Shapiro et al. 2011). Every node counts the additions that it received, with separate sums of positive
//! and negative deltas, so that both only grow. Nodes exchange the sums of all nodes; a merge takes the maximum.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, Result, Server};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::disk::Cell;

const GOSSIP_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Sends each delta to the other nodes, and again after a timeout, although the first message may have arrived.
    CountsTwice,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Count {
    up: i64,
    down: i64,
}

pub(super) struct Counter {
    counts: BTreeMap<String, Count>,
    cell: Cell,
    bug: Option<Bug>,
}

impl Counter {
    pub(super) fn new(node: &mut Node<Self>, bug: Option<Bug>) -> Counter {
        let (cell, counts) = Cell::open("counts").expect("the counts can be read");
        if bug.is_none() {
            node.every(GOSSIP_INTERVAL, |counter: &mut Counter, node| {
                for peer in node.peers().iter() {
                    node.send(peer, "merge", json!({ "counts": counter.counts }));
                }
            });
        }
        Counter { counts: counts.unwrap_or_default(), cell, bug }
    }

    fn value(&self) -> i64 {
        self.counts.values().map(|count| count.up - count.down).sum()
    }

    fn add(&mut self, name: &str, delta: i64) {
        let count = self.counts.entry(name.to_owned()).or_default();
        count.up += delta.max(0);
        count.down -= delta.min(0);
        self.cell.set(&self.counts);
    }

    fn merge(&mut self, counts: BTreeMap<String, Count>) {
        for (name, theirs) in counts {
            let ours = self.counts.entry(name).or_default();
            ours.up = ours.up.max(theirs.up);
            ours.down = ours.down.max(theirs.down);
        }
    }
}

/// Sends a delta until it is acknowledged. If an acknowledgement is lost, the delta counts twice.
fn send_delta(node: &mut Node<Counter>, peer: String, delta: i64) {
    let name = peer.clone();
    node.rpc_within(GOSSIP_INTERVAL, &peer, "change", json!({ "delta": delta }), move |_, node, response| {
        if response.is_err() {
            send_delta(node, name, delta);
        }
    });
}

impl Server for Counter {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "add" => {
                let delta = request.get("delta")?;
                self.add(node.id(), delta);
                if self.bug == Some(Bug::CountsTwice) {
                    for peer in node.peers().iter() {
                        send_delta(node, peer.clone(), delta);
                    }
                }
                node.reply(&request, ());
            }
            "change" => {
                self.add(request.src(), request.get("delta")?);
                node.reply(&request, ());
            }
            "merge" => self.merge(request.get("counts")?),
            "read" => node.reply(&request, json!({ "value": self.value() })),
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
