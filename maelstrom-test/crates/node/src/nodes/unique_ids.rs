//! Unique ids without coordination: the name of the node, a random number for its incarnation, and a counter.

use crate::{Message, Node, Result, Server};
use serde_json::json;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Ids consist only of the counter: all nodes generate the same ids.
    BareCounter,
}

pub(super) struct Ids {
    prefix: String,
    count: u64,
    bug: Option<Bug>,
}

impl Ids {
    pub(super) fn new(node: &mut Node<Self>, bug: Option<Bug>) -> Ids {
        let incarnation = node.random(0..u64::MAX);
        Ids { prefix: format!("{}-{incarnation:x}", node.id()), count: 0, bug }
    }
}

impl Server for Ids {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "generate" => {
                self.count += 1;
                let id = match self.bug {
                    Some(Bug::BareCounter) => json!(self.count),
                    None => json!(format!("{}-{}", self.prefix, self.count)),
                };
                node.reply(&request, json!({ "id": id }));
            }
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
