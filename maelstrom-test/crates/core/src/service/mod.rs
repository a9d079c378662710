//! The services that nodes can call over the simulated network: pure state machines.
//!
//! A distributed system is easier to build on top of existing services. Four are available, each with a different
//! consistency model:
//!
//! | service | consistency |
//! | --- | --- |
//! | `lin-kv` | linearizable: there is one map, and each request takes effect at one instant between its invocation and its response |
//! | `seq-kv` | sequential: all updates have one order; a client may read a past state, but its reads never go backwards |
//! | `lww-kv` | eventual: replicas exchange writes, and of conflicting writes the one with the highest timestamp wins |
//! | `lin-tso` | linearizable: returns the timestamps 0, 1, 2, … |
//!
//! The key-value services accept these requests. Keys and values are any JSON.
//!
//! | request | response | errors |
//! | --- | --- | --- |
//! | `read {key}` | `read_ok {value}` | 20: the key does not exist |
//! | `write {key, value}` | `write_ok {}` | |
//! | `cas {key, from, to}` (compare-and-set) | `cas_ok {}` | 20: the key does not exist; 22: its value is not `from` |
//!
//! With `create_if_not_exists: true`, `cas` creates a missing key. A malformed request is error 12, an unknown request
//! error 10.
//!
//! Objects are equal if they have equal entries in any order. `1` and `1.0` are different. Numbers of any size keep
//! their exact value (see [`json`](crate::json)). A request nested more than 127 levels deep gets no response; it is
//! reported among the `exceptions` of the run.
//!
//! ```
//! use maelstrom_core::{random::stream, service};
//! use maelstrom_core::json::{Value, json};
//! let mut kv = service::by_name("lin-kv").unwrap();
//! let mut call = |request: Value| kv.handle("n0", request.as_object().unwrap(), &mut stream(0, "services"));
//! assert_eq!(call(json!({"type": "read", "key": "x"}))["code"], 20);
//! assert_eq!(call(json!({"type": "write", "key": "x", "value": [1]}))["type"], "write_ok");
//! assert_eq!(call(json!({"type": "cas", "key": "x", "from": [1], "to": 2}))["type"], "cas_ok");
//! assert_eq!(call(json!({"type": "read", "key": "x"}))["value"], 2);
//! ```

mod kv;
mod lin_kv;
mod lin_tso;
mod lww_kv;
mod seq_kv;

pub(crate) use lin_kv::LinKv;
use lin_tso::LinTso;
use lww_kv::LwwKv;
use seq_kv::SeqKv;

use crate::protocol::Body;
use crate::random::Rng;

/// A service: maps requests to responses.
pub trait Service: Send {
    /// Executes a request of the node or client named `source`, and returns the body of the response without
    /// `in_reply_to`. Errors are bodies of type `error`.
    fn handle(&mut self, source: &str, request: &Body, rng: &mut Rng) -> Body;
}

/// Creates the service with this name, one of [`SERVICE_NAMES`](crate::protocol::SERVICE_NAMES). `None` if there is none.
pub fn by_name(name: &str) -> Option<Box<dyn Service>> {
    match name {
        "lin-kv" => Some(Box::new(LinKv::default())),
        "seq-kv" => Some(Box::new(SeqKv::default())),
        "lww-kv" => Some(Box::new(LwwKv::default())),
        "lin-tso" => Some(Box::new(LinTso::default())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::json::{Value, json};
    use proptest::{collection, prop_assert_eq, proptest};

    use super::*;
    use crate::protocol::SERVICE_NAMES;
    use crate::random::stream;

    pub(super) fn call(service: &mut dyn Service, source: &str, request: Value, rng: &mut Rng) -> Value {
        Value::Object(service.handle(source, request.as_object().expect("an object"), rng))
    }

    pub(super) fn write(service: &mut dyn Service, source: &str, key: Value, value: Value, rng: &mut Rng) {
        let response = call(service, source, json!({"type": "write", "key": key, "value": value}), rng);
        assert_eq!(response, json!({"type": "write_ok"}));
    }

    /// The value of a key; `None` if the key does not exist.
    pub(super) fn read(service: &mut dyn Service, source: &str, key: Value, rng: &mut Rng) -> Option<Value> {
        let response = call(service, source, json!({"type": "read", "key": key}), rng);
        match response["type"].as_str() {
            Some("read_ok") => Some(response["value"].clone()),
            _ => {
                assert_eq!(response["code"], 20);
                None
            }
        }
    }

    #[test]
    fn every_service_name_has_a_service() {
        assert!(SERVICE_NAMES.iter().all(|name| by_name(name).is_some()));
        assert!(by_name("n0").is_none());
    }

    #[test]
    fn malformed_and_unknown_requests_are_errors() {
        let mut rng = stream(0, "test");
        for name in SERVICE_NAMES {
            let mut service = by_name(name).unwrap();
            let mut code = |request| call(&mut *service, "n0", request, &mut rng)["code"].as_i64();
            assert_eq!(code(json!({"type": "frobnicate"})), Some(10));
            assert_eq!(code(json!({})), Some(12));
            assert_eq!(code(json!({"type": 3})), Some(12));
            if name != "lin-tso" {
                assert_eq!(code(json!({"type": "read"})), Some(12));
                assert_eq!(code(json!({"type": "write", "key": 1})), Some(12));
                assert_eq!(code(json!({"type": "cas", "key": 1, "to": 1})), Some(12));
                assert_eq!(code(json!({"type": "read", "key": 1})), Some(20));
                assert_eq!(code(json!({"type": "cas", "key": 1, "from": 1, "to": 2})), Some(20));
                let malformed = json!({"type": "cas", "key": 1, "from": 1, "to": 2, "create_if_not_exists": 1});
                assert_eq!(code(malformed), Some(12));
            }
        }
    }

    #[test]
    fn cas_creates_a_missing_key_with_create_if_not_exists() {
        let mut rng = stream(0, "test");
        for name in ["lin-kv", "seq-kv", "lww-kv"] {
            let mut service = by_name(name).unwrap();
            let request = json!({"type": "cas", "key": 1, "from": 1, "to": 2, "create_if_not_exists": true});
            assert_eq!(call(&mut *service, "n0", request, &mut rng), json!({"type": "cas_ok"}));
        }
    }

    #[test]
    fn values_are_compared_exactly_and_objects_in_any_order() {
        let mut rng = stream(0, "test");
        let mut kv = LinKv::default();
        write(&mut kv, "n0", json!(1), json!({"a": 1, "b": 2}), &mut rng);
        assert_eq!(read(&mut kv, "n0", json!(1.0), &mut rng), None);
        let swapped: Value = crate::json::from_str(r#"{"b": 2, "a": 1}"#).unwrap();
        let wrong = json!({"type": "cas", "key": 1, "from": {"a": 1.0, "b": 2}, "to": 1});
        let response = call(&mut kv, "n0", wrong, &mut rng);
        assert_eq!(response["code"], 22);
        assert_eq!(response["text"], r#"current value {"a":1,"b":2} is not {"a":1.0,"b":2}"#);
        let right = json!({"type": "cas", "key": 1, "from": swapped, "to": 1});
        assert_eq!(call(&mut kv, "n0", right, &mut rng)["type"], "cas_ok");
    }

    #[test]
    fn numbers_of_any_size_are_kept_and_compared_exactly() {
        let number = |text: &str| crate::json::from_str(text).unwrap();
        let digits = [
            ["18446744073709551617", "18446744073709551616"],
            ["-9223372036854775809", "-9223372036854775808"],
            ["0.1000000000000000055511151231257827", "0.1"],
            ["1e400", "1e401"],
            ["340282366920938463463374607431768211456340282366920938463463374607431768211457", "0"],
        ];
        let mut rng = stream(0, "test");
        for name in ["lin-kv", "seq-kv", "lww-kv"] {
            for [value, other] in digits {
                let mut kv = by_name(name).unwrap();
                write(&mut *kv, "n0", number(value), number(value), &mut rng);
                let cas = |from: &str| json!({"type": "cas", "key": number(value), "from": number(from), "to": number(other)});
                if name == "lww-kv" {
                    // After these requests, all replicas have the write.
                    (0..100).for_each(|_| drop(read(&mut *kv, "n0", json!("other"), &mut rng)));
                }
                let text = call(&mut *kv, "n0", json!({"type": "read", "key": number(value)}), &mut rng).to_string();
                assert_eq!(text, format!("{{\"type\":\"read_ok\",\"value\":{value}}}"), "{name}");
                assert_eq!(read(&mut *kv, "n0", number(other), &mut rng), None, "{name}");
                assert_eq!(call(&mut *kv, "n0", cas(other), &mut rng)["code"], 22, "{name}");
                assert_eq!(call(&mut *kv, "n0", cas(value), &mut rng)["type"], "cas_ok", "{name}");
            }
        }
    }

    #[test]
    fn timestamps_count_up() {
        let mut rng = stream(0, "test");
        let mut tso = LinTso::default();
        for ts in 0..10 {
            assert_eq!(call(&mut tso, "n0", json!({"type": "ts"}), &mut rng), json!({"type": "ts_ok", "ts": ts}));
        }
    }

    proptest! {
        /// `lin-kv` behaves as one map for all clients.
        #[test]
        fn behaves_like_a_map(steps in collection::vec((0..3u8, 0..3u8, 0..3u8, 0..3u8), 0..60)) {
            let mut rng = stream(0, "test");
            let mut kv = LinKv::default();
            let mut map: HashMap<u8, u8> = HashMap::new();
            for (i, (f, key, from, to)) in steps.into_iter().enumerate() {
                let source = format!("n{}", i % 3);
                let request = match f {
                    0 => json!({"type": "read", "key": key}),
                    1 => json!({"type": "write", "key": key, "value": to}),
                    _ => json!({"type": "cas", "key": key, "from": from, "to": to}),
                };
                let response = call(&mut kv, &source, request, &mut rng);
                match (f, map.get(&key).copied()) {
                    (0, Some(value)) => prop_assert_eq!(response, json!({"type": "read_ok", "value": value})),
                    (1, _) => prop_assert_eq!(response, json!({"type": "write_ok"})),
                    (2, Some(value)) if value == from => prop_assert_eq!(response, json!({"type": "cas_ok"})),
                    (2, Some(_)) => prop_assert_eq!(&response["code"], &json!(22)),
                    _ => prop_assert_eq!(&response["code"], &json!(20)),
                }
                if f == 1 || (f == 2 && map.get(&key) == Some(&from)) {
                    map.insert(key, to);
                }
            }
        }
    }
}
