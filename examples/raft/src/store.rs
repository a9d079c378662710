//! The state machine: a map from keys to values. Nodes that apply the same requests in the same order have the same map. Raft
//! ensures this order.

use std::collections::BTreeMap;

use maelstrom_node::{ErrorCode, Result, RpcError};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Store {
    /// The values by the JSON text of the key, because a key can be any JSON value.
    values: BTreeMap<String, Value>,
}

impl Store {
    /// Applies a request, and returns the content of the response.
    pub fn apply(&mut self, request: &Value) -> Result<Value> {
        let key = request["key"].to_string();
        match request["type"].as_str() {
            Some("read") => {
                let value = self.values.get(&key).ok_or_else(|| missing(&key))?;
                return Ok(json!({ "value": value }));
            }
            Some("write") => {
                self.values.insert(key, request["value"].clone());
            }
            _ => {
                let value = self.values.get_mut(&key).ok_or_else(|| missing(&key))?;
                if *value != request["from"] {
                    let text = format!("the value is {value}, not {}", request["from"]);
                    return Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, text));
                }
                *value = request["to"].clone();
            }
        }
        Ok(json!({}))
    }
}

fn missing(key: &str) -> RpcError {
    RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, format!("there is no key {key}"))
}
