//! [`Kv`] and [`timestamp`]: requests to the services of the simulated network.

use serde_core::Serialize;
use serde_json::{Value, json};

use super::{Node, Result, Server};
use crate::protocol::ErrorCode;

/// A key-value service. The services have the same interface, and differ in their consistency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kv(&'static str);

impl Kv {
    /// Linearizable.
    pub const LIN: Kv = Kv("lin-kv");
    /// Sequentially consistent: a client may read past states, but its reads never go backwards.
    pub const SEQ: Kv = Kv("seq-kv");
    /// Eventually consistent: the last write wins.
    pub const LWW: Kv = Kv("lww-kv");

    /// The service's name on the network.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Reads a key. The result is `None` if the key does not exist.
    pub fn read<S: Server>(
        self,
        node: &mut Node<S>,
        key: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result<Option<Value>>) + 'static,
    ) {
        node.rpc(self.0, "read", json!({ "key": key }), |server, node, response| {
            let value = match response.and_then(|response| response.get("value")) {
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
        node.rpc(self.0, "write", json!({ "key": key, "value": value }), |server, node, response| {
            then(server, node, response.map(drop));
        });
    }

    /// Compare-and-set: changes a key from one value to another. The result is error 22, `precondition-failed`, if the key
    /// has another value than `from`. If the key does not exist, it is created if `from` is `None`; otherwise the result is
    /// error 20, `key-does-not-exist`.
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
        node.rpc(self.0, "cas", fields, |server, node, response| then(server, node, response.map(drop)));
    }
}

/// Requests a timestamp from the oracle `lin-tso`: 0, 1, 2, …, each once in the whole cluster.
pub fn timestamp<S: Server>(node: &mut Node<S>, then: impl FnOnce(&mut S, &mut Node<S>, Result<u64>) + 'static) {
    node.rpc("lin-tso", "ts", (), |server, node, response| {
        then(server, node, response.and_then(|response| response.get("ts")));
    });
}
