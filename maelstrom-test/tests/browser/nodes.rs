//! In-memory nodes for every workload, correct and incorrect.
//!
//! Correct nodes share one store, which is not possible in a real cluster. Incorrect nodes have separate stores. They send each
//! change to the others once and do not wait for a response. Both kinds send the same messages.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use maelstrom::history::Nanos;
use maelstrom::json::{Map, Value, json};
use maelstrom::simulation::in_memory::{MemoryNode, Sender};

/// The lines that nodes wrote to standard error, by node.
pub(crate) type Logs = Rc<RefCell<Vec<Vec<String>>>>;

/// The state behind every workload.
#[derive(Debug, Default)]
pub(crate) struct Store {
    set: Vec<Value>,
    sum: i64,
    registers: BTreeMap<String, Value>,
    lists: BTreeMap<String, Vec<Value>>,
    logs: BTreeMap<String, Vec<Value>>,
    committed: Map<String, Value>,
    ids: u64,
}

impl Store {
    /// Applies a request. An error is the code and the text of an error response.
    fn apply(&mut self, body: &Value) -> Result<Value, (i64, String)> {
        let key = body["key"].to_string();
        Ok(match body["type"].as_str().unwrap_or_default() {
            "echo" => json!({"echo": body["echo"]}),
            "generate" => {
                self.ids += 1;
                json!({"id": self.ids})
            }
            "broadcast" | "add" if body.get("delta").is_none() => {
                let element = body.get("message").or(body.get("element")).cloned().unwrap_or_default();
                if !self.set.contains(&element) {
                    self.set.push(element);
                }
                json!({})
            }
            "add" => {
                self.sum += body["delta"].as_i64().unwrap_or_default();
                json!({})
            }
            "write" => {
                self.registers.insert(key, body["value"].clone());
                json!({})
            }
            "cas" => match self.registers.get_mut(&key) {
                None => return Err((20, format!("there is no key {key}"))),
                Some(value) if *value != body["from"] => return Err((22, format!("the value is {value}"))),
                Some(value) => {
                    *value = body["to"].clone();
                    json!({})
                }
            },
            "send" => {
                let log = self.logs.entry(body["key"].as_str().unwrap_or_default().into()).or_default();
                log.push(body["msg"].clone());
                json!({"offset": log.len() - 1})
            }
            "poll" => json!({"msgs": self.poll(&body["offsets"])}),
            "commit_offsets" => {
                self.committed.extend(body["offsets"].as_object().cloned().unwrap_or_default());
                json!({})
            }
            "list_committed_offsets" => {
                let asked = |key: &&String| body["keys"].as_array().is_some_and(|keys| keys.iter().any(|k| k == *key));
                let known = self.committed.iter().filter(|(key, _)| asked(key));
                json!({"offsets": known.map(|(key, offset)| (key.clone(), offset.clone())).collect::<Map<_, _>>()})
            }
            "txn" => json!({"txn": self.transaction(&body["txn"])}),
            _ => json!({}),
        })
    }

    fn poll(&self, offsets: &Value) -> Map<String, Value> {
        let entries = offsets.as_object().into_iter().flatten().map(|(key, from)| {
            let from = from.as_u64().unwrap_or_default() as usize;
            let log = self.logs.get(key).map_or(&[][..], |log| log);
            let messages = log.iter().enumerate().skip(from).map(|(offset, message)| json!([offset, message]));
            (key.clone(), messages.collect())
        });
        entries.collect()
    }

    fn transaction(&mut self, operations: &Value) -> Value {
        let operations = operations.as_array().into_iter().flatten().map(|operation| {
            let (f, key, value) = (operation[0].as_str().unwrap_or_default(), operation[1].to_string(), &operation[2]);
            let result = match f {
                "append" => {
                    self.lists.entry(key).or_default().push(value.clone());
                    value.clone()
                }
                "w" => {
                    self.registers.insert(key, value.clone());
                    value.clone()
                }
                _ => self
                    .lists
                    .get(&key)
                    .map(|list| json!(list))
                    .or(self.registers.get(&key).cloned())
                    .unwrap_or_default(),
            };
            json!([operation[0], operation[1], result])
        });
        operations.collect()
    }

    /// Handles `read`, whose response depends on the workload.
    fn read(&self, workload: &str, body: &Value) -> Result<Value, (i64, String)> {
        Ok(match workload {
            "broadcast" => json!({"messages": self.set}),
            "g-set" => json!({"value": self.set}),
            "lin-kv" => {
                let key = body["key"].to_string();
                json!({"value": self.registers.get(&key).ok_or((20, format!("there is no key {key}")))?})
            }
            _ => json!({"value": self.sum}),
        })
    }
}

/// A node.
pub(crate) struct Node {
    pub(crate) workload: String,
    pub(crate) number: usize,
    pub(crate) nodes: Vec<String>,
    pub(crate) store: Rc<RefCell<Store>>,
    /// Whether it is incorrect.
    pub(crate) wrong: bool,
    /// Text in its messages to other nodes.
    pub(crate) noise: String,
    pub(crate) logs: Logs,
}

const CHANGES: [&str; 6] = ["broadcast", "add", "write", "cas", "send", "txn"];

impl MemoryNode for Node {
    fn on_message(&mut self, now: Nanos, message: &Value, out: &mut Sender) {
        let body = &message["body"];
        let kind = body["type"].as_str().unwrap_or_default();
        if out.acknowledge(message, &["topology", "replicate"]) {
            return;
        }
        if kind == "replicated" {
            if self.wrong {
                // The result of a replicated change does not matter.
                let _ = self.store.borrow_mut().apply(&body["change"]);
            }
            return;
        }
        if kind.ends_with("_ok") {
            return;
        }
        let answer = if kind == "read" {
            self.store.borrow().read(&self.workload, body)
        } else {
            self.store.borrow_mut().apply(body)
        };
        self.logs.borrow_mut()[self.number].push(format!("[{:8.3}] {kind} from {}", now as f64 / 1e9, message["src"]));
        match answer {
            Ok(mut answer) => {
                answer["type"] = format!("{kind}_ok").into();
                if self.wrong && kind == "echo" && self.logs.borrow()[self.number].len().is_multiple_of(9) {
                    answer["echo"] = json!("something else");
                }
                out.reply(message, answer);
                if CHANGES.contains(&kind) {
                    self.tell_others(body, out);
                }
            }
            Err((code, text)) => out.reply(message, json!({"type": "error", "code": code, "text": text})),
        }
    }
}

impl Node {
    fn tell_others(&self, change: &Value, out: &mut Sender) {
        for (number, node) in self.nodes.iter().enumerate().filter(|(number, _)| *number != self.number) {
            let mut body = json!({"type": "replicated", "change": change, "hop": number});
            if !self.noise.is_empty() {
                body["noise"] = self.noise.clone().into();
            }
            out.send(node, body);
        }
    }
}
