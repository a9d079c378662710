//! The key-value store of the workload `lin-kv`, as a state machine.

use std::collections::BTreeMap;

use crate::json::{Value, json};
use crate::protocol::Body;
use crate::{ErrorCode, Result, RpcError};

use super::raft::{Command, Machine};

/// Values by the JSON text of their key.
#[derive(Default)]
pub(super) struct LinKv {
    values: BTreeMap<String, Value>,
}

impl LinKv {
    fn cas(&mut self, key: String, from: &Value, to: Value) -> Result {
        match self.values.get_mut(&key) {
            Some(value) if value == from => *value = to,
            Some(value) => {
                let text = format!("the value is {value}, not {from}");
                return Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, text));
            }
            None => return Err(missing(&key)),
        }
        Ok(())
    }
}

fn missing(key: &str) -> RpcError {
    RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, format!("there is no key {key}"))
}

impl Machine for LinKv {
    fn supports(&self, kind: &str) -> bool {
        ["read", "write", "cas"].contains(&kind)
    }

    fn is_read(&self, command: &Command) -> bool {
        command.kind == "read"
    }

    fn apply(&mut self, command: &Command) -> Result<Body> {
        let field = |name: &str| {
            let missing = || RpcError::new(ErrorCode::MALFORMED_REQUEST, format!("there is no `{name}`"));
            command.fields.get(name).ok_or_else(missing)
        };
        let key = field("key")?.to_string();
        match command.kind.as_str() {
            "read" => {
                let value = self.values.get(&key).ok_or_else(|| missing(&key))?;
                return Ok(Body::from_iter([("value".to_owned(), json!(value))]));
            }
            "write" => {
                self.values.insert(key, field("value")?.clone());
            }
            _ => self.cas(key, field("from")?, field("to")?.clone())?,
        }
        Ok(Body::new())
    }
}
