//! Clients of the services that the workbench provides.

use serde_core::Serialize;
use serde_json::{Value, json};

use super::{Node, Result, Server};
use crate::protocol::ErrorCode;

/// One of the key-value services, by name. They share one interface and differ in what they promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kv(&'static str);

impl Kv {
    /// Linearizable.
    pub const LIN: Kv = Kv("lin-kv");
    /// Sequential: reads may be old, but never go back for one client.
    pub const SEQ: Kv = Kv("seq-kv");
    /// Eventually consistent: the last write wins, some day.
    pub const LWW: Kv = Kv("lww-kv");

    /// The service's name on the network.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Reads a key; `None` if the service does not have it.
    pub fn read<S: Server>(
        self,
        node: &mut Node<S>,
        key: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result<Option<Value>>) + 'static,
    ) {
        node.rpc(self.0, "read", json!({ "key": key }), |server, node, answer| {
            let value = match answer.and_then(|answer| answer.get("value")) {
                Err(error) if error.code == ErrorCode::KEY_DOES_NOT_EXIST.code => Ok(None),
                value => value.map(Some),
            };
            then(server, node, value);
        });
    }

    /// Writes a key.
    pub fn write<S: Server>(
        self,
        node: &mut Node<S>,
        key: impl Serialize,
        value: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result) + 'static,
    ) {
        node.rpc(self.0, "write", json!({ "key": key, "value": value }), |server, node, answer| {
            then(server, node, answer.map(drop));
        });
    }

    /// Changes a key from one value to another, if it has that value: else error 22, `precondition-failed`. A key that
    /// is absent is created if `from` is `None`; if something is expected there, the answer is error 20,
    /// `key-does-not-exist`.
    pub fn cas<S: Server>(
        self,
        node: &mut Node<S>,
        key: impl Serialize,
        from: Option<Value>,
        to: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result) + 'static,
    ) {
        let create = from.is_none();
        let fields = json!({ "key": key, "from": from, "to": to, "create_if_not_exists": create });
        node.rpc(self.0, "cas", fields, |server, node, answer| then(server, node, answer.map(drop)));
    }
}

/// Asks the timestamp oracle, `lin-tso`, for the next number: 0, 1, 2, …, each once in the whole cluster.
pub fn timestamp<S: Server>(node: &mut Node<S>, then: impl FnOnce(&mut S, &mut Node<S>, Result<u64>) + 'static) {
    node.rpc("lin-tso", "ts", (), |server, node, answer| {
        then(server, node, answer.and_then(|answer| answer.get("ts")));
    });
}
