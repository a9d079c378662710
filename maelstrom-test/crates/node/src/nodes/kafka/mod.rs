//! Logs of messages by key, as a state machine for Raft.

use std::collections::BTreeMap;

use crate::json::{from_value, json, to_value};
use crate::protocol::Body;
use crate::{ErrorCode, Result, RpcError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::raft::{Command, Machine};

pub(crate) mod on_lin_kv;

/// The offset of a message is its position in the log.
#[derive(Default)]
pub(crate) struct Logs {
    logs: BTreeMap<String, Vec<Value>>,
    committed: BTreeMap<String, u64>,
}

impl Logs {
    fn send(&mut self, key: String, message: Value) -> usize {
        let log = self.logs.entry(key).or_default();
        log.push(message);
        log.len() - 1
    }

    fn poll(&self, offsets: BTreeMap<String, usize>) -> BTreeMap<String, Vec<(usize, &Value)>> {
        let poll = |(key, offset)| {
            let log = self.logs.get(&key)?;
            Some((key, log.iter().enumerate().skip(offset).collect()))
        };
        offsets.into_iter().filter_map(poll).collect()
    }

    fn commit(&mut self, offsets: BTreeMap<String, u64>) {
        for (key, offset) in offsets {
            let committed = self.committed.entry(key).or_default();
            *committed = offset.max(*committed);
        }
    }

    fn committed(&self, keys: &[String]) -> BTreeMap<String, u64> {
        keys.iter().filter_map(|key| Some((key.clone(), *self.committed.get(key)?))).collect()
    }
}

impl Machine for Logs {
    fn supports(&self, kind: &str) -> bool {
        ["send", "poll", "commit_offsets", "list_committed_offsets"].contains(&kind)
    }

    fn is_read(&self, command: &Command) -> bool {
        ["poll", "list_committed_offsets"].contains(&command.kind.as_str())
    }

    fn apply(&mut self, command: &Command) -> Result<Body> {
        let (key, value) = match command.kind.as_str() {
            "send" => ("offset", self.send(field(command, "key")?, field(command, "msg")?).into()),
            "poll" => ("msgs", to_value(&self.poll(field(command, "offsets")?)).expect("messages are JSON")),
            "commit_offsets" => {
                self.commit(field(command, "offsets")?);
                return Ok(Body::new());
            }
            _ => ("offsets", json!(self.committed(&field::<Vec<String>>(command, "keys")?))),
        };
        Ok(Body::from_iter([(key.to_owned(), value)]))
    }
}

fn field<T: DeserializeOwned>(command: &Command, name: &str) -> Result<T> {
    let value = command.fields.get(name).cloned().unwrap_or_default();
    from_value(&value).map_err(|error| RpcError::new(ErrorCode::MALFORMED_REQUEST, format!("`{name}`: {error}")))
}
