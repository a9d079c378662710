//! The services that nodes can call over the simulated network: pure state machines.
//!
//! A distributed system is easier to build on top of another one. These four stand ready, each under its name, and each
//! with a different promise:
//!
//! | service | promise |
//! | --- | --- |
//! | [`lin-kv`](LinKv) | linearizable: as if there were one map, and every request took effect at one moment while it was under way |
//! | [`seq-kv`](SeqKv) | sequential: one order of all updates, of which a client may see an old prefix, but never goes back |
//! | [`lww-kv`](LwwKv) | eventually consistent: of conflicting writes the one with the highest timestamp survives |
//! | [`lin-tso`](LinTso) | linearizable: hands out timestamps 0, 1, 2, … |
//!
//! Key-value services understand `read {key}`, `write {key, value}` and `cas {key, from, to}` (compare-and-set), the last one
//! with `create_if_not_exists: true` if it should create missing keys. A missing key is error 20, a `cas` that finds
//! another value error 22, a request that lacks something error 12, anything else error 10. Keys and values are any JSON;
//! `1` and `1.0` are different, `{"a": 1, "b": 2}` and `{"b": 2, "a": 1}` are equal. Numbers of any size keep
//! their exact value (see [`json`](crate::json)). A request nested more than 127 levels deep is not read at all, which
//! the run's `exceptions` report.
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

pub use lin_kv::LinKv;
pub use lin_tso::LinTso;
pub use lww_kv::LwwKv;
pub use seq_kv::SeqKv;

use crate::protocol::Body;
use crate::random::Rng;

/// A service: from a request to a response.
pub trait Service: Send {
    /// Answers a request of the node or client named `source`. The response has `type` and the result's keys;
    /// `in_reply_to` is added by the caller. Errors are bodies of type `error`.
    fn handle(&mut self, source: &str, request: &Body, rng: &mut Rng) -> Body;
}

/// A fresh service by its name, one of [`SERVICE_NAMES`](crate::protocol::SERVICE_NAMES).
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
        let answer = call(service, source, json!({"type": "write", "key": key, "value": value}), rng);
        assert_eq!(answer, json!({"type": "write_ok"}));
    }

    /// The value; `None` if there is none.
    pub(super) fn read(service: &mut dyn Service, source: &str, key: Value, rng: &mut Rng) -> Option<Value> {
        let answer = call(service, source, json!({"type": "read", "key": key}), rng);
        match answer["type"].as_str() {
            Some("read_ok") => Some(answer["value"].clone()),
            _ => {
                assert_eq!(answer["code"], 20);
                None
            }
        }
    }

    #[test]
    fn every_name_has_its_service() {
        assert!(SERVICE_NAMES.iter().all(|name| by_name(name).is_some()));
        assert!(by_name("n0").is_none());
    }

    #[test]
    fn bad_requests_get_the_right_error() {
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
                let odd = json!({"type": "cas", "key": 1, "from": 1, "to": 2, "create_if_not_exists": 1});
                assert_eq!(code(odd), Some(12));
            }
        }
    }

    #[test]
    fn cas_creates_only_if_asked() {
        let mut rng = stream(0, "test");
        for name in ["lin-kv", "seq-kv", "lww-kv"] {
            let mut service = by_name(name).unwrap();
            let request = json!({"type": "cas", "key": 1, "from": 1, "to": 2, "create_if_not_exists": true});
            assert_eq!(call(&mut *service, "n0", request, &mut rng), json!({"type": "cas_ok"}));
        }
    }

    #[test]
    fn numbers_are_equal_as_written_and_objects_in_any_order() {
        let mut rng = stream(0, "test");
        let mut kv = LinKv::default();
        write(&mut kv, "n0", json!(1), json!({"a": 1, "b": 2}), &mut rng);
        assert_eq!(read(&mut kv, "n0", json!(1.0), &mut rng), None);
        let swapped: Value = crate::json::from_str(r#"{"b": 2, "a": 1}"#).unwrap();
        let wrong = json!({"type": "cas", "key": 1, "from": {"a": 1.0, "b": 2}, "to": 1});
        let answer = call(&mut kv, "n0", wrong, &mut rng);
        assert_eq!(answer["code"], 22);
        assert_eq!(answer["text"], r#"current value {"a":1,"b":2} is not {"a":1.0,"b":2}"#);
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
                    // All replicas learn of the write.
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
        /// lin-kv is a map, whoever asks.
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
                let answer = call(&mut kv, &source, request, &mut rng);
                match (f, map.get(&key).copied()) {
                    (0, Some(value)) => prop_assert_eq!(answer, json!({"type": "read_ok", "value": value})),
                    (1, _) => prop_assert_eq!(answer, json!({"type": "write_ok"})),
                    (2, Some(value)) if value == from => prop_assert_eq!(answer, json!({"type": "cas_ok"})),
                    (2, Some(_)) => prop_assert_eq!(&answer["code"], &json!(22)),
                    _ => prop_assert_eq!(&answer["code"], &json!(20)),
                }
                if f == 1 || (f == 2 && map.get(&key) == Some(&from)) {
                    map.insert(key, to);
                }
            }
        }
    }
}
