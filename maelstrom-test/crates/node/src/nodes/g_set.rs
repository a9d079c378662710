//! A grow-only set (M. Shapiro et al. 2011): every node tells the others its whole set now and then; sets merge by union.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, Result, Server};
use serde_json::{Value, json};

use super::disk::Log;

const GOSSIP: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Takes over a neighbour's set in place of its own: what was added since that was sent is gone.
    Forgets,
}

pub(super) struct GSet {
    /// By their JSON text, which gives any values an order.
    elements: BTreeMap<String, Value>,
    log: Log,
    bug: Option<Bug>,
}

impl GSet {
    pub(super) fn new(node: &mut Node<Self>, bug: Option<Bug>) -> GSet {
        let (log, elements) = Log::open::<Value>("elements").expect("the log can be read");
        node.every(GOSSIP, |set: &mut GSet, node| {
            let elements = json!({ "value": set.value() });
            for peer in node.peers().iter() {
                node.send(peer, "merge", &elements);
            }
        });
        let mut set = GSet { elements: BTreeMap::new(), log: Log::nowhere(), bug };
        set.merge(elements);
        GSet { log, ..set }
    }

    fn value(&self) -> Vec<&Value> {
        self.elements.values().collect()
    }

    fn merge(&mut self, elements: Vec<Value>) {
        for element in elements {
            if self.elements.insert(element.to_string(), element.clone()).is_none() {
                self.log.append(&[element]);
            }
        }
    }
}

impl Server for GSet {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "add" => {
                self.merge(vec![request.get("element")?]);
                node.reply(&request, ());
            }
            "merge" => {
                let theirs: Vec<Value> = request.get("value")?;
                if self.bug == Some(Bug::Forgets) && theirs.len() >= self.elements.len() {
                    self.elements.clear();
                }
                self.merge(theirs);
            }
            "read" => node.reply(&request, json!({ "value": self.value() })),
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
