//! A counter that goes up and down (M. Shapiro et al. 2011). Every node counts what it was asked to add, ups and downs
//! apart, so that both only grow; nodes tell one another all counts that they know, and the higher one is the newer one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, Result, Server};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::disk::Cell;

const GOSSIP: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Sends every change to the others, and again if no answer comes, though it may have arrived.
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
            node.every(GOSSIP, |counter: &mut Counter, node| {
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

/// Sends a change until it is acknowledged. An acknowledgement that gets lost makes the change count twice.
fn tell(node: &mut Node<Counter>, peer: String, delta: i64) {
    let name = peer.clone();
    node.rpc_within(GOSSIP, &peer, "change", json!({ "delta": delta }), move |_, node, answer| {
        if answer.is_err() {
            tell(node, name, delta);
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
                        tell(node, peer.clone(), delta);
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
