//! Append-only logs, as in Kafka (`kafka`).

use std::collections::BTreeMap;

use super::{Client, ClientStep, Completion, Response, Settings, Workload, request, txn};
use crate::checker::{self, Checker};
use crate::generator::{self, Generator, Invocation, KafkaFinal};
use crate::history::OpType;
use crate::json::{Map, Value, json};
use crate::protocol::{Body, Malformed, Rpc, Type, shorten};

/// `send`, `poll`, `commit_offsets` and `list_committed_offsets`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kafka;

impl Workload for Kafka {
    fn name(&self) -> &str {
        "kafka"
    }

    fn doc(&self) -> &str {
        "Append-only logs, one per key. Each message has an offset. Clients read messages in order from an offset on, and commit the offsets that they have processed. No acknowledged message may be lost, skipped or returned in a different order."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        let offsets = || ("offsets", Type::map(Type::Int));
        let messages = Type::list(Type::Tuple(vec![Type::Int, Type::Any]));
        vec![
            Rpc {
                name: "send",
                doc: "Appends a message to the log of a key, and returns its offset.",
                request: vec![("key", Type::String), ("msg", Type::Any)],
                response: vec![("offset", Type::Int)],
            },
            Rpc {
                name: "poll",
                doc: "Returns messages of some keys from the given offsets on, as [[offset, message], …] in order. Any number of messages may be returned. Keys without messages may be omitted.",
                request: vec![offsets()],
                response: vec![("msgs", Type::map(messages))],
            },
            Rpc {
                name: "commit_offsets",
                doc: "Commits offsets: all messages up to and including these offsets are processed.",
                request: vec![offsets()],
                response: vec![],
            },
            Rpc {
                name: "list_committed_offsets",
                doc: "Returns the committed offsets of some keys. Keys without a committed offset are omitted.",
                request: vec![("keys", Type::list(Type::String))],
                response: vec![offsets()],
            },
        ]
    }

    fn generator(&self, settings: &Settings) -> Box<dyn Generator> {
        Box::new(generator::Kafka::new(txn::source(settings), settings.concurrency))
    }

    fn final_generator(&self, _settings: &Settings) -> Option<Box<dyn Generator>> {
        Some(Box::new(KafkaFinal::default()))
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        Box::new(Consumer::default())
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        Box::new(checker::Kafka { lenient: settings.lenient, ww_deps: settings.ww_deps })
    }
}

/// A client with the next offset to read of each assigned key.
///
/// A `poll` consists of two requests: `poll`, and `commit_offsets` for the received messages. It succeeds if both succeed.
/// If the commit fails, the operation ends with the completion of the commit, the history does not contain its messages,
/// and the next poll starts at the same offsets.
///
/// A response with messages of keys that were not requested is malformed. Committed offsets of such keys are ignored.
#[derive(Clone, Debug, Default)]
struct Consumer {
    positions: BTreeMap<String, i64>,
    /// The messages of a poll whose offsets are being committed.
    polled: Option<Map<String, Value>>,
}

impl Client for Consumer {
    fn invoke(&mut self, op: &Invocation) -> ClientStep {
        self.polled = None;
        match &*op.f {
            "send" => {
                let send = &op.value[0];
                ClientStep::Call(request("send", [("key", send[1].clone()), ("msg", send[2].clone())]))
            }
            "poll" => ClientStep::Call(request("poll", [("offsets", offsets(&self.positions))])),
            "assign" if from_beginning(op) => self.assign(op, |_| 0),
            "assign" => ClientStep::Call(request("list_committed_offsets", [("keys", op.value.clone())])),
            _ => ClientStep::Done(Completion { kind: OpType::Info, value: None, error: None }), // crash
        }
    }

    fn on_response(&mut self, op: &Invocation, response: Response) -> ClientStep {
        let Response::Ok(mut body) = response else {
            return ClientStep::Done(Completion::not_ok(&response, &*op.f == "assign"));
        };
        match &*op.f {
            "send" => {
                let send = &op.value[0];
                let Some(returned) = body.remove("offset") else {
                    return ClientStep::Malformed("offset is missing".into());
                };
                match offset(&returned, "offset") {
                    Ok(offset) => ClientStep::Done(Completion::ok(json!([["send", send[1], [offset, send[2]]]]))),
                    Err(wrong) => ClientStep::Malformed(wrong),
                }
            }
            "poll" => match self.polled.take() {
                None => self.on_messages(body),
                Some(messages) => self.on_committed(messages),
            },
            _ => {
                let Some(Value::Object(committed)) = body.remove("offsets") else {
                    return ClientStep::Malformed("offsets is missing".into());
                };
                // The original ignores keys that were not requested, and some nodes return all committed offsets.
                let is_requested = |key: &str| keys(op).any(|requested| requested == key);
                if let Some(wrong) = committed
                    .iter()
                    .filter(|(key, _)| is_requested(key))
                    .find_map(|(key, value)| offset(value, &format!("offsets.{key}")).err())
                {
                    return ClientStep::Malformed(wrong);
                }
                let positions = std::mem::take(&mut self.positions);
                self.assign(op, |key| match (positions.get(key), committed.get(key).and_then(Value::as_i64)) {
                    (Some(&position), _) => position,
                    (None, Some(committed)) => committed + 1,
                    (None, None) => 0,
                })
            }
        }
    }
}

impl Consumer {
    /// Replaces the assigned keys by those of the operation, at these positions.
    fn assign(&mut self, op: &Invocation, position: impl Fn(&str) -> i64) -> ClientStep {
        self.positions = keys(op).map(|key| (key.to_owned(), position(key))).collect();
        ClientStep::Done(Completion::ok(op.value.clone()))
    }

    /// Handles the response to a `poll` request: commits the highest offsets, if there are messages.
    fn on_messages(&mut self, mut body: Body) -> ClientStep {
        let Some(Value::Object(messages)) = body.remove("msgs") else {
            return ClientStep::Malformed("msgs is missing".into());
        };
        if let Some(key) = messages.keys().find(|key| !self.positions.contains_key(*key)) {
            return ClientStep::Malformed(format!("msgs contains the key {key}, which was not requested").into());
        }
        let highest = match highest_offsets(&messages) {
            Ok(highest) => highest,
            Err(wrong) => return ClientStep::Malformed(wrong),
        };
        if highest.is_empty() {
            return ClientStep::Done(Completion::ok(json!([["poll", messages]])));
        }
        self.polled = Some(messages);
        ClientStep::Call(request("commit_offsets", [("offsets", offsets(&highest))]))
    }

    /// Handles the response to a commit: completes the poll. The next poll continues after its messages.
    fn on_committed(&mut self, messages: Map<String, Value>) -> ClientStep {
        for (key, offset) in highest_offsets(&messages).unwrap_or_default() {
            self.positions.insert(key, offset + 1);
        }
        ClientStep::Done(Completion::ok(json!([["poll", messages]])))
    }
}

/// The highest offset of each key that has messages.
///
/// # Errors
/// If a message has an invalid offset.
fn highest_offsets(messages: &Map<String, Value>) -> Result<BTreeMap<String, i64>, Malformed> {
    let mut highest = BTreeMap::new();
    for (key, list) in messages {
        for (i, message) in list.as_array().into_iter().flatten().enumerate() {
            let offset = offset(&message[0], &format!("msgs.{key}[{i}][0]"))?;
            let known = highest.entry(key.clone()).or_insert(offset);
            *known = offset.max(*known);
        }
    }
    Ok(highest)
}

/// Parses an offset: an integer of 64 bits, as in Kafka. The maximum is excluded, since the next poll starts at the offset
/// plus one.
fn offset(value: &Value, path: &str) -> Result<i64, Malformed> {
    value.as_i64().filter(|offset| *offset < i64::MAX).ok_or_else(|| {
        let (end, found) = (i64::MAX, shorten(&value.to_string(), 60));
        format!("{path} should be an offset (an integer of 64 bits, below {end}), but is {found}").into()
    })
}

fn offsets(offsets: &BTreeMap<String, i64>) -> Value {
    offsets.iter().map(|(key, offset)| (key.clone(), Value::from(*offset))).collect()
}

/// The keys of an `assign` operation.
fn keys(op: &Invocation) -> impl Iterator<Item = &str> {
    op.value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn from_beginning(op: &Invocation) -> bool {
    op.extra.as_ref().and_then(|extra| extra.get("seek_to_beginning")) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ErrorCode, RpcError};

    fn poll() -> Invocation {
        Invocation::new("poll", json!([["poll"]]))
    }

    fn assign(keys: Value) -> Invocation {
        Invocation::new("assign", keys)
    }

    fn call(step: ClientStep) -> Value {
        match step {
            ClientStep::Call(body) => Value::Object(body),
            other => panic!("{other:?}"),
        }
    }

    fn ok(body: Value) -> Response {
        Response::Ok(body.as_object().cloned().unwrap())
    }

    fn done(value: Value) -> ClientStep {
        ClientStep::Done(Completion::ok(value))
    }

    /// A client that has assigned `a` from 5 (committed: 4) and `b` from the beginning.
    fn consumer() -> Consumer {
        let mut client = Consumer::default();
        let op = assign(json!(["a", "b"]));
        assert_eq!(call(client.invoke(&op)), json!({"type": "list_committed_offsets", "keys": ["a", "b"]}));
        let response = ok(json!({"type": "list_committed_offsets_ok", "offsets": {"a": 4}}));
        assert_eq!(client.on_response(&op, response), done(json!(["a", "b"])));
        client
    }

    #[test]
    fn a_send_completes_with_its_offset() {
        let mut client = Consumer::default();
        let op = Invocation::new("send", json!([["send", "a", 7]]));
        assert_eq!(call(client.invoke(&op)), json!({"type": "send", "key": "a", "msg": 7}));
        let response = ok(json!({"type": "send_ok", "offset": 3}));
        assert_eq!(client.on_response(&op, response), done(json!([["send", "a", [3, 7]]])));
    }

    #[test]
    fn a_poll_reads_from_its_positions_commits_and_advances() {
        let mut client = consumer();
        assert_eq!(call(client.invoke(&poll())), json!({"type": "poll", "offsets": {"a": 5, "b": 0}}));
        let messages = json!({"a": [[5, 50], [9, 90]], "b": []});
        let step = client.on_response(&poll(), ok(json!({"type": "poll_ok", "msgs": messages})));
        assert_eq!(call(step), json!({"type": "commit_offsets", "offsets": {"a": 9}}));
        let step = client.on_response(&poll(), ok(json!({"type": "commit_offsets_ok"})));
        assert_eq!(step, done(json!([["poll", messages]])));
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 10, "b": 0}));
        let step = client.on_response(&poll(), ok(json!({"type": "poll_ok", "msgs": {}})));
        assert_eq!(step, done(json!([["poll", {}]])));
    }

    #[test]
    fn a_failed_commit_fails_the_poll_and_keeps_the_positions() {
        let mut client = consumer();
        client.invoke(&poll());
        client.on_response(&poll(), ok(json!({"type": "poll_ok", "msgs": {"a": [[5, 50]]}})));
        let unavailable = Response::Error(RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, ""));
        let ClientStep::Done(completion) = client.on_response(&poll(), unavailable) else {
            panic!("the poll completes")
        };
        assert_eq!(completion.kind, OpType::Fail);
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "b": 0}));
    }

    #[test]
    fn assign_keeps_positions_and_can_seek_to_the_beginning() {
        let mut client = consumer();
        let op = assign(json!(["c", "a"]));
        client.invoke(&op);
        client.on_response(&op, ok(json!({"type": "list_committed_offsets_ok", "offsets": {"a": 8, "c": 0}})));
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "c": 1}));
        let mut op = assign(json!(["a", "b"]));
        op.extra = Some(Box::new(Map::from_iter([("seek_to_beginning".to_owned(), json!(true))])));
        assert_eq!(client.invoke(&op), done(json!(["a", "b"])));
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 0, "b": 0}));
    }

    #[test]
    fn a_failed_assign_changes_nothing() {
        let mut client = consumer();
        let op = assign(json!(["c"]));
        client.invoke(&op);
        let ClientStep::Done(completion) = client.on_response(&op, Response::Timeout) else {
            panic!("the assign completes")
        };
        assert_eq!(completion.kind, OpType::Fail);
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "b": 0}));
    }

    #[test]
    fn messages_of_keys_that_were_not_requested_are_malformed() {
        let mut client = consumer();
        client.invoke(&poll());
        let step = client.on_response(&poll(), ok(json!({"type": "poll_ok", "msgs": {"x": []}})));
        assert_eq!(step, ClientStep::Malformed("msgs contains the key x, which was not requested".into()));
    }

    #[test]
    fn committed_offsets_of_keys_that_were_not_requested_are_ignored() {
        let mut client = consumer();
        let op = assign(json!(["a", "c"]));
        client.invoke(&op);
        let offsets = json!({"c": 6, "x": 1, "y": 1u128 << 80});
        let step = client.on_response(&op, ok(json!({"type": "list_committed_offsets_ok", "offsets": offsets})));
        assert_eq!(step, done(json!(["a", "c"])));
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "c": 7}));
    }

    #[test]
    fn offsets_that_are_too_large_are_malformed() {
        let mut client = consumer();
        for (offset, shown) in [(json!(1u128 << 64), "18446744073709551616"), (json!(i64::MAX), "9223372036854775807")]
        {
            let wrong = |path: &str| {
                let what = "should be an offset (an integer of 64 bits, below 9223372036854775807), but is";
                ClientStep::Malformed(format!("{path} {what} {shown}").into())
            };
            let op = Invocation::new("send", json!([["send", "a", 7]]));
            client.invoke(&op);
            assert_eq!(client.on_response(&op, ok(json!({"type": "send_ok", "offset": offset}))), wrong("offset"));
            client.invoke(&poll());
            let messages = json!({"a": [[5, 50], [offset, 51]]});
            let step = client.on_response(&poll(), ok(json!({"type": "poll_ok", "msgs": messages})));
            assert_eq!(step, wrong("msgs.a[1][0]"));
            let op = assign(json!(["c"]));
            client.invoke(&op);
            let step =
                client.on_response(&op, ok(json!({"type": "list_committed_offsets_ok", "offsets": {"c": offset}})));
            assert_eq!(step, wrong("offsets.c"));
            assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "b": 0}));
        }
    }

    #[test]
    fn a_crash_completes_immediately() {
        let step = Consumer::default().invoke(&Invocation::new("crash", Value::Null));
        assert_eq!(step, ClientStep::Done(Completion { kind: OpType::Info, value: None, error: None }));
    }
}
