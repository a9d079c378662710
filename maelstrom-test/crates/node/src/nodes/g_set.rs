//! A grow-only set (M. Shapiro et al. 2011). Every node sends its whole set to the others periodically; a merge is the
//! union of two sets.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, Result, Server};
use serde_json::{Value, json};

use super::disk::Log;

const GOSSIP_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Replaces the set by the set of another node, and loses elements added in the meantime.
    Forgets,
}

pub(super) struct GSet {
    /// Elements by their JSON text, which orders values of any type.
    elements: BTreeMap<String, Value>,
    log: Log,
    bug: Option<Bug>,
}

impl GSet {
    pub(super) fn new(node: &mut Node<Self>, bug: Option<Bug>) -> GSet {
        let (log, elements) = Log::open::<Value>("elements").expect("the log can be read");
        node.every(GOSSIP_INTERVAL, |set: &mut GSet, node| {
            let elements = json!({ "value": set.value() });
            for peer in node.peers().iter() {
                node.send(peer, "merge", &elements);
            }
        });
        let mut set = GSet { elements: BTreeMap::new(), log: Log::in_memory(), bug };
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
