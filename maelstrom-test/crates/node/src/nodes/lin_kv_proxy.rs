//! Forwards all requests to the service `lin-kv`.

use std::collections::BTreeMap;

use crate::{ErrorCode, Kv, Message, Node, Result, RpcError, Server};
use serde_json::{Value, json};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Bug {
    /// Uses the service `seq-kv`, which is only sequentially consistent.
    SeqKv,
    /// Caches its own writes, and responds to reads from the cache.
    StaleReads,
    /// Implements compare-and-set as a read and a write, between which other nodes may write.
    NonAtomicCas,
}

pub(super) struct Proxy {
    /// The last values that this node wrote, by key.
    cache: BTreeMap<String, Value>,
    bug: Option<Bug>,
}

impl Proxy {
    pub(super) fn new(bug: Option<Bug>) -> Proxy {
        Proxy { cache: BTreeMap::new(), bug }
    }

    fn service(&self) -> &'static str {
        if self.bug == Some(Bug::SeqKv) { Kv::SEQ.name() } else { Kv::LIN.name() }
    }

    /// Forwards a request, and caches the value that it writes.
    fn write_through(&mut self, node: &mut Node<Self>, request: Message) {
        let kind = request.kind().to_owned();
        node.rpc(self.service(), &kind, request.fields(), move |proxy: &mut Proxy, node, response| {
            if response.is_ok() {
                proxy.cache(&request);
            }
            node.respond(&request, response.map(|response| response.fields()));
        });
    }

    /// Caches the value that a successful request wrote.
    fn cache(&mut self, request: &Message) {
        let field = if request.kind() == "write" { "value" } else { "to" };
        if let (Ok(key), Ok(value)) = (request.get::<Value>("key"), request.get(field)) {
            self.cache.insert(key.to_string(), value);
        }
    }

    fn compare_then_set(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let (key, from, to): (Value, Value, Value) = (request.get("key")?, request.get("from")?, request.get("to")?);
        Kv::LIN.read(node, key.clone(), move |_, node, current| match current {
            Ok(Some(current)) if current == from => {
                Kv::LIN.write(node, key, to, move |_, node, done| node.respond(&request, done));
            }
            Ok(Some(current)) => {
                let text = format!("the value is {current}, not {from}");
                node.reply_error(&request, &RpcError::new(ErrorCode::PRECONDITION_FAILED, text));
            }
            Ok(None) => node.reply_error(&request, &RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, "no such key")),
            Err(error) => node.reply_error(&request, &error),
        });
        Ok(())
    }
}

impl Server for Proxy {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match (request.kind(), self.bug) {
            ("read", Some(Bug::StaleReads)) => match self.cache.get(&request.get::<Value>("key")?.to_string()) {
                Some(value) => node.reply(&request, json!({ "value": value })),
                None => node.forward(self.service(), request),
            },
            ("write" | "cas", Some(Bug::StaleReads)) => self.write_through(node, request),
            ("cas", Some(Bug::NonAtomicCas)) => self.compare_then_set(node, request)?,
            ("read" | "write" | "cas", _) => node.forward(self.service(), request),
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
