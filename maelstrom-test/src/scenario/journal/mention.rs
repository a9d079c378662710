//! [`Mentions`]: which messages mention an operation.
//!
//! What a system sends to replicate an operation is its own business. So a message mentions an operation if its body holds the
//! request of it, without what belongs to the messaging, anywhere inside; or its key and its value together:
//!
//! ```text
//! request        {"type":"write","msg_id":7,"key":3,"value":2}
//! same fields    {"type":"append","entries":[{"term":1,"op":{"key":3,"value":2}}]}
//! together       {"type":"gossip","db":{"3":2}}      {"ops":[["w",3,2]]}
//! ```

use super::question::Written;
use crate::json::{Map, Value};

/// Fields that belong to the messaging.
const ENVELOPE: [&str; 3] = ["type", "msg_id", "in_reply_to"];
/// Usual names of fields with a key, and with a value.
const KEYS: [&str; 2] = ["key", "k"];
const VALUES: [&str; 6] = ["value", "v", "to", "msg", "message", "element"];

/// Recognises messages that mention an operation.
pub(super) struct Mentions<'a> {
    /// The fields of its request, without those of the messaging.
    request: Map,
    written: &'a [Written],
    /// The name of the field of its request with the value of a set.
    field: Option<String>,
}

impl<'a> Mentions<'a> {
    /// `request` is the body of the request of the operation that wrote `written`.
    pub(super) fn new(request: &Value, written: &'a [Written]) -> Mentions<'a> {
        let request = payload(request);
        let is_value = |value: &Value| written.iter().any(|written| written.key.is_none() && written.value == *value);
        let field = request.iter().find(|(_, value)| is_value(value)).map(|(name, _)| name.clone());
        Mentions { request, written, field }
    }

    /// Whether a body mentions the operation.
    pub(super) fn is_in(&self, body: &Value) -> bool {
        let Some(object) = body.as_object() else { return false };
        self.is_in_object(object, true)
    }

    /// Whether a response of a service to a request mentions the operation: the key is in the request, the value in the
    /// response.
    pub(super) fn is_in_response(&self, request: &Value, response: &Value) -> bool {
        let value = |written: &Written| holds_value(response, &written.value);
        self.is_in(response)
            || self.written.iter().any(|written| match &written.key {
                Some(key) => {
                    KEYS.iter().any(|name| request.get(*name).is_some_and(|other| same(other, key))) && value(written)
                }
                None => value(written),
            })
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::Object(object) => self.is_in_object(object, false),
            Value::Array(elements) => {
                self.written.iter().any(|written| written.is_in_list(elements))
                    || elements.iter().any(|element| self.is_in_value(element))
            }
            _ => false,
        }
    }

    fn is_in_object(&self, object: &Map, is_body: bool) -> bool {
        let has_request =
            !self.request.is_empty() && self.request.iter().all(|(name, value)| object.get(name) == Some(value));
        let has_field = |written: &Written| {
            let names = self.field.as_deref().into_iter().chain(["value"]);
            written.key.is_none() && names.filter_map(|name| object.get(name)).any(|value| *value == written.value)
        };
        has_request
            || self.written.iter().any(|written| written.is_in_object(object) || has_field(written))
            || object
                .iter()
                .filter(|(name, _)| !(is_body && ENVELOPE.contains(&name.as_str())))
                .any(|(_, value)| self.is_in_value(value))
    }
}

impl Written {
    /// Whether an object holds key and value together: in two fields, or as a field of a map.
    fn is_in_object(&self, object: &Map) -> bool {
        let Some(key) = &self.key else { return false };
        let mut keys = KEYS.iter().filter_map(|name| object.get(*name));
        let value = |value: &Value| is_or_has(value, &self.value) || holds_value(value, &self.value);
        let is_together = || {
            object.iter().any(|(name, inside)| {
                !KEYS.contains(&name.as_str())
                    && match inside {
                        Value::Object(_) | Value::Array(_) => value(inside),
                        inside => VALUES.contains(&name.as_str()) && *inside == self.value,
                    }
            })
        };
        keys.any(|other| same(other, key)) && is_together() || object.get(&text(key)).is_some_and(value)
    }

    /// Whether a body writes another value to the key, anywhere inside. Elements that are added to a set replace nothing.
    pub(super) fn is_replaced_in(&self, body: &Value) -> bool {
        let Some(key) = &self.key else { return false };
        let is_here = match body {
            Value::Object(object) => {
                KEYS.iter().filter_map(|name| object.get(*name)).any(|other| same(other, key))
                    && VALUES.iter().filter_map(|name| object.get(*name)).any(|value| *value != self.value)
            }
            Value::Array(elements) => match &elements[..] {
                [Value::String(f), other, value] => {
                    matches!(&**f, "w" | "write") && same(other, key) && *value != self.value
                }
                _ => false,
            },
            _ => false,
        };
        is_here
            || match body {
                Value::Object(object) => object.values().any(|inside| self.is_replaced_in(inside)),
                Value::Array(elements) => elements.iter().any(|inside| self.is_replaced_in(inside)),
                _ => false,
            }
    }

    /// Whether a list holds key and value next to each other, `["append", 3, 2]` or `[3, 2]`; or the value of a set.
    fn is_in_list(&self, elements: &[Value]) -> bool {
        match (&self.key, elements) {
            (None, elements) => elements.contains(&self.value),
            (Some(key), [Value::String(_), other, value]) => same(other, key) && is_or_has(value, &self.value),
            (Some(key), [other, value]) => same(other, key) && is_or_has(value, &self.value),
            _ => false,
        }
    }
}

/// Returns the fields of a body that do not belong to the messaging.
pub(super) fn payload(body: &Value) -> Map {
    let fields = body.as_object().into_iter().flatten();
    fields
        .filter(|(name, _)| !ENVELOPE.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether a body holds all these fields, itself or anywhere inside.
pub(super) fn holds(body: &Value, fields: &Map) -> bool {
    match body {
        Value::Object(object) => {
            fields.iter().all(|(name, value)| object.get(name) == Some(value))
                || object.values().any(|value| holds(value, fields))
        }
        Value::Array(elements) => elements.iter().any(|element| holds(element, fields)),
        _ => false,
    }
}

/// Whether a field for values has this value anywhere inside.
fn holds_value(inside: &Value, value: &Value) -> bool {
    match inside {
        Value::Object(object) => object.iter().any(|(name, inside)| {
            VALUES.contains(&name.as_str()) && is_or_has(inside, value) || holds_value(inside, value)
        }),
        Value::Array(elements) => elements.iter().any(|element| holds_value(element, value)),
        _ => false,
    }
}

fn is_or_has(inside: &Value, value: &Value) -> bool {
    inside == value || inside.as_array().is_some_and(|elements| elements.contains(value))
}

/// Whether two keys are the same. As names of fields, numbers are strings.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    one == other || text(one) == text(other)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn mentions(request: &Value, written: &Written, bodies: &[Value]) -> Vec<bool> {
        let written = std::slice::from_ref(written);
        let mentions = Mentions::new(request, written);
        bodies.iter().map(|body| mentions.is_in(body)).collect()
    }

    #[test]
    fn key_and_value_are_mentioned_together() {
        let written = Written { key: Some(json!(3)), value: json!(7) };
        let request = json!({"type": "write", "msg_id": 4, "key": 3, "value": 7});
        let bodies = [
            json!({"type": "copy", "key": 3, "value": 7}),
            json!({"type": "append", "entries": [[1, {"client": "c3", "key": 3, "value": 7}]]}),
            json!({"type": "state", "values": {"3": 7}}),
            json!({"type": "state", "logs": {"3": [5, 7]}}),
            json!({"type": "state", "3": {"value": 7, "version": 1}}),
            json!({"type": "execute", "txn": [["r", 3, null], ["append", 3, 7]]}),
            json!({"type": "cas", "key": "3", "from": 5, "to": 7}),
        ];
        assert_eq!(mentions(&request, &written, &bodies), [true; 7]);
        let others = [
            json!({"type": "copy", "key": 3, "value": 8}),
            json!({"type": "copy", "key": 7, "value": 3}),
            json!({"type": "copy", "key": 7, "msg_id": 3}),
            json!({"type": "copy", "key": 3, "value": 8, "term": 7}),
            json!({"type": "state", "values": {"3": 8, "4": 7}}),
            json!({"type": "execute", "txn": [["append", 3, 8], ["append", 4, 7]]}),
            json!({"type": "nodes", "alive": [1, 3, 7]}),
            json!("3 7"),
        ];
        assert_eq!(mentions(&request, &written, &others), [false; 8]);
    }

    #[test]
    fn other_values_of_a_key_replace_it() {
        let written = Written { key: Some(json!(3)), value: json!(7) };
        let replaces = |body: Value| written.is_replaced_in(&body);
        assert!(replaces(json!({"type": "write", "key": 3, "value": 8})));
        assert!(replaces(json!({"type": "copy", "ops": [{"key": 3, "to": 8, "from": 7}]})));
        assert!(replaces(json!({"type": "execute", "txn": [["w", 3, 8]]})));
        assert!(!replaces(json!({"type": "read", "key": 3})) && !replaces(json!({"key": 3, "value": 7})));
        assert!(!replaces(json!({"txn": [["append", 3, 8]]})) && !replaces(json!({"key": 4, "value": 8})));
    }

    #[test]
    fn elements_of_sets_are_mentioned_in_lists_and_in_fields_of_the_same_name() {
        let written = Written { key: None, value: json!(7) };
        let request = json!({"type": "broadcast", "msg_id": 4, "message": 7});
        let bodies = [
            json!({"type": "gossip", "messages": [1, 7]}),
            json!({"type": "gossip", "state": {"n1": [[1, 7]]}}),
            json!({"type": "forward", "message": 7, "hops": 2}),
        ];
        assert_eq!(mentions(&request, &written, &bodies), [true; 3]);
        let others = [json!({"type": "gossip", "messages": [1], "msg_id": 7}), json!({"type": "ack", "count": 7})];
        assert_eq!(mentions(&request, &written, &others), [false; 2]);
    }

    #[test]
    fn a_response_of_a_service_has_its_key_in_the_request() {
        let written = [Written { key: Some(json!(3)), value: json!(7) }];
        let mentions = Mentions::new(&Value::Null, &written);
        let response = json!({"type": "read_ok", "value": 7});
        assert!(mentions.is_in_response(&json!({"type": "read", "key": "3"}), &response));
        assert!(!mentions.is_in_response(&json!({"type": "read", "key": "4"}), &response));
        assert!(!mentions.is_in(&response));
    }
}
