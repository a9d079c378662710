//! Transactions on lists (`append`) and on registers (`w`). Both are read with `r`.

use std::collections::BTreeMap;

use crate::json;
use crate::protocol::Body;
use crate::{ErrorCode, Result, RpcError};
use serde_json::{Value, json};

use super::raft::{Command, Machine};

pub(crate) mod isolation;
pub(crate) mod leader;
pub(crate) mod multi_leader;
pub(crate) mod on_lin_kv;

/// One operation of a transaction: `["r", key, null]`, `["append", key, value]` or `["w", key, value]`.
pub(crate) type Op = (String, Value, Value);

/// Values by the JSON text of their key.
pub(crate) type State = BTreeMap<String, Value>;

/// Executes one operation. Returns it with the value of a read.
pub(crate) fn apply_op(state: &mut State, (f, key, value): &Op) -> Result<Op> {
    let place = key.to_string();
    let value = match f.as_str() {
        "r" => state.get(&place).cloned().unwrap_or(Value::Null),
        "w" => {
            state.insert(place, value.clone());
            value.clone()
        }
        "append" => {
            let list = state.entry(place).or_insert_with(|| json!([]));
            list.as_array_mut().ok_or_else(|| malformed("the key holds no list"))?.push(value.clone());
            value.clone()
        }
        _ => return Err(malformed(&format!("there is no operation `{f}`"))),
    };
    Ok((f.clone(), key.clone(), value))
}

/// Executes a whole transaction.
pub(crate) fn apply(state: &mut State, txn: &[Op]) -> Result<Vec<Op>> {
    txn.iter().map(|op| apply_op(state, op)).collect()
}

pub(crate) fn is_read((f, ..): &Op) -> bool {
    f == "r"
}

/// The keys that a transaction writes, each once.
pub(crate) fn written(txn: &[Op]) -> std::collections::BTreeSet<String> {
    txn.iter().filter(|op| !is_read(op)).map(|(_, key, _)| key.to_string()).collect()
}

fn malformed(text: &str) -> RpcError {
    RpcError::new(ErrorCode::MALFORMED_REQUEST, text)
}

/// Serial transactions, as a state machine for Raft.
#[derive(Default)]
pub(crate) struct Transactions {
    state: State,
}

impl Machine for Transactions {
    fn supports(&self, kind: &str) -> bool {
        kind == "txn"
    }

    fn is_read(&self, command: &Command) -> bool {
        parse(command).is_ok_and(|txn| txn.iter().all(is_read))
    }

    fn apply(&mut self, command: &Command) -> Result<Body> {
        let txn = apply(&mut self.state, &parse(command)?)?;
        Ok(Body::from_iter([("txn".to_owned(), json::to_value(&txn).expect("transactions are JSON"))]))
    }
}

fn parse(command: &Command) -> Result<Vec<Op>> {
    let txn = command.fields.get("txn").cloned().unwrap_or_default();
    json::from_value(&txn).map_err(|error| malformed(&error.to_string()))
}
