//! Transactions in `lin-kv`: the whole database is one value, and a transaction is one compare-and-set.

use crate::{Message, Node, Result, Server};
use serde_json::{Value, json};

use super::super::update::update;
use super::{Op, State, apply};

pub(crate) struct OnLinKv;

impl Server for OnLinKv {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        if request.kind() != "txn" {
            return Err(request.not_supported());
        }
        let txn: Vec<Op> = request.get("txn")?;
        let change = move |state: Option<Value>| {
            let mut state: State = serde_json::from_value(state.unwrap_or(json!({}))).expect("only we write here");
            let done = apply(&mut state, &txn)?;
            Ok((json!(state), done))
        };
        update(node, "database".into(), change, move |_, node, done| {
            node.respond(&request, done.map(|txn| json!({ "txn": txn })));
        });
        Ok(())
    }
}
