//! Append-only logs, as Kafka has them.

use std::collections::BTreeMap;

use super::{Answer, Client, Completion, Settings, Step, Workload, request, txn};
use crate::checker::{self, Checker};
use crate::generator::{self, Generator, Invocation, KafkaFinal};
use crate::history::OpType;
use crate::json::{Map, Value, json};
use crate::protocol::{Body, Malformed, Rpc, Type, shorten};

/// `send`, `poll`, `commit_offsets` and `list_committed_offsets`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kafka;

impl Workload for Kafka {
    fn name(&self) -> &str {
        "kafka"
    }

    fn doc(&self) -> &str {
        "Append-only logs, one per key. Each message gets an offset; clients read messages in order from an offset on, and let the nodes remember how far they have come. No acknowledged message may be lost, skipped or shown in another order."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        let offsets = || ("offsets", Type::map(Type::Int));
        let messages = Type::list(Type::Tuple(vec![Type::Int, Type::Any]));
        vec![
            Rpc {
                name: "send",
                doc: "Appends a message to the log of a key; the answer is its offset.",
                request: vec![("key", Type::String), ("msg", Type::Any)],
                response: vec![("offset", Type::Int)],
            },
            Rpc {
                name: "poll",
                doc: "Asks for messages of some keys from these offsets on: [[offset, message], …] in order, any number of them. Keys without any may be left out.",
                request: vec![offsets()],
                response: vec![("msgs", Type::map(messages))],
            },
            Rpc {
                name: "commit_offsets",
                doc: "Says that messages up to and including these offsets have been processed.",
                request: vec![offsets()],
                response: vec![],
            },
            Rpc {
                name: "list_committed_offsets",
                doc: "Asks for the committed offsets of some keys. Keys without any are left out.",
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

/// A client with the next offset to read of each key that it has assigned.
///
/// A `poll` is two requests: one for messages, one that commits what was received. It is ok if both are; if the commit
/// fails, the whole operation ends as that did, its messages do not stand in the history, and the client stays where it
/// was, to ask for them again. Messages of keys that were not asked for make an answer malformed, as no client could know
/// what to do with them. Committed offsets of such keys are ignored.
#[derive(Clone, Debug, Default)]
struct Consumer {
    positions: BTreeMap<String, i64>,
    /// The messages of a poll whose offsets are being committed.
    polled: Option<Map<String, Value>>,
}

impl Client for Consumer {
    fn invoke(&mut self, op: &Invocation) -> Step {
        self.polled = None;
        match &*op.f {
            "send" => {
                let send = &op.value[0];
                Step::Call(request("send", [("key", send[1].clone()), ("msg", send[2].clone())]))
            }
            "poll" => Step::Call(request("poll", [("offsets", offsets(&self.positions))])),
            "assign" if from_beginning(op) => self.assign(op, |_| 0),
            "assign" => Step::Call(request("list_committed_offsets", [("keys", op.value.clone())])),
            _ => Step::Done(Completion { kind: OpType::Info, value: None, error: None }), // crash
        }
    }

    fn answer(&mut self, op: &Invocation, answer: Answer) -> Step {
        let Answer::Ok(mut body) = answer else {
            return Step::Done(Completion::not_ok(&answer, &*op.f == "assign"));
        };
        match &*op.f {
            "send" => {
                let send = &op.value[0];
                let Some(answered) = body.remove("offset") else { return Step::Malformed("offset is missing".into()) };
                match offset(&answered, "offset") {
                    Ok(offset) => Step::Done(Completion::ok(json!([["send", send[1], [offset, send[2]]]]))),
                    Err(wrong) => Step::Malformed(wrong),
                }
            }
            "poll" => match self.polled.take() {
                None => self.polled(body),
                Some(messages) => self.committed(messages),
            },
            _ => {
                let Some(Value::Object(committed)) = body.remove("offsets") else {
                    return Step::Malformed("offsets is missing".into());
                };
                // The original ignores keys that were not asked for, and some nodes answer with all that they know.
                let asked = |key: &str| keys(op).any(|asked| asked == key);
                if let Some(wrong) = committed
                    .iter()
                    .filter(|(key, _)| asked(key))
                    .find_map(|(key, value)| offset(value, &format!("offsets.{key}")).err())
                {
                    return Step::Malformed(wrong);
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
    /// The keys of the operation become the client's, at these positions.
    fn assign(&mut self, op: &Invocation, position: impl Fn(&str) -> i64) -> Step {
        self.positions = keys(op).map(|key| (key.to_owned(), position(key))).collect();
        Step::Done(Completion::ok(op.value.clone()))
    }

    /// Messages arrived: their highest offsets are committed, if there are any.
    fn polled(&mut self, mut body: Body) -> Step {
        let Some(Value::Object(messages)) = body.remove("msgs") else {
            return Step::Malformed("msgs is missing".into());
        };
        if let Some(key) = messages.keys().find(|key| !self.positions.contains_key(*key)) {
            return Step::Malformed(format!("msgs has the key {key}, which was not asked for").into());
        }
        let highest = match highest_offsets(&messages) {
            Ok(highest) => highest,
            Err(wrong) => return Step::Malformed(wrong),
        };
        if highest.is_empty() {
            return Step::Done(Completion::ok(json!([["poll", messages]])));
        }
        self.polled = Some(messages);
        Step::Call(request("commit_offsets", [("offsets", offsets(&highest))]))
    }

    /// The commit succeeded too: the poll is over, and the next one continues after it.
    fn committed(&mut self, messages: Map<String, Value>) -> Step {
        for (key, offset) in highest_offsets(&messages).unwrap_or_default() {
            self.positions.insert(key, offset + 1);
        }
        Step::Done(Completion::ok(json!([["poll", messages]])))
    }
}

/// The highest offset of each key that has messages; an error names the first that is none.
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

/// Offsets have 64 bits, as those of Kafka. The one after each must be an offset too, since it is asked for next.
fn offset(value: &Value, path: &str) -> Result<i64, Malformed> {
    value.as_i64().filter(|offset| *offset < i64::MAX).ok_or_else(|| {
        let (end, found) = (i64::MAX, shorten(&value.to_string(), 60));
        format!("{path} should be an offset (an integer of 64 bits, below {end}), but is {found}").into()
    })
}

fn offsets(offsets: &BTreeMap<String, i64>) -> Value {
    offsets.iter().map(|(key, offset)| (key.clone(), Value::from(*offset))).collect()
}

/// The keys that an `assign` is about.
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

    fn call(step: Step) -> Value {
        match step {
            Step::Call(body) => Value::Object(body),
            other => panic!("{other:?}"),
        }
    }

    fn good(body: Value) -> Answer {
        Answer::Ok(body.as_object().cloned().unwrap())
    }

    fn done(value: Value) -> Step {
        Step::Done(Completion::ok(value))
    }

    /// A client that has assigned `a` from 5 (committed: 4) and `b` from the beginning.
    fn consumer() -> Consumer {
        let mut client = Consumer::default();
        let op = assign(json!(["a", "b"]));
        assert_eq!(call(client.invoke(&op)), json!({"type": "list_committed_offsets", "keys": ["a", "b"]}));
        let answer = good(json!({"type": "list_committed_offsets_ok", "offsets": {"a": 4}}));
        assert_eq!(client.answer(&op, answer), done(json!(["a", "b"])));
        client
    }

    #[test]
    fn send_learns_its_offset() {
        let mut client = Consumer::default();
        let op = Invocation::new("send", json!([["send", "a", 7]]));
        assert_eq!(call(client.invoke(&op)), json!({"type": "send", "key": "a", "msg": 7}));
        let answer = good(json!({"type": "send_ok", "offset": 3}));
        assert_eq!(client.answer(&op, answer), done(json!([["send", "a", [3, 7]]])));
    }

    #[test]
    fn poll_reads_from_its_positions_commits_and_moves_on() {
        let mut client = consumer();
        assert_eq!(call(client.invoke(&poll())), json!({"type": "poll", "offsets": {"a": 5, "b": 0}}));
        let messages = json!({"a": [[5, 50], [9, 90]], "b": []});
        let step = client.answer(&poll(), good(json!({"type": "poll_ok", "msgs": messages})));
        assert_eq!(call(step), json!({"type": "commit_offsets", "offsets": {"a": 9}}));
        let step = client.answer(&poll(), good(json!({"type": "commit_offsets_ok"})));
        assert_eq!(step, done(json!([["poll", messages]])));
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 10, "b": 0}));
        let step = client.answer(&poll(), good(json!({"type": "poll_ok", "msgs": {}})));
        assert_eq!(step, done(json!([["poll", {}]])));
    }

    #[test]
    fn a_failed_commit_fails_the_poll_and_moves_nothing() {
        let mut client = consumer();
        client.invoke(&poll());
        client.answer(&poll(), good(json!({"type": "poll_ok", "msgs": {"a": [[5, 50]]}})));
        let refused = Answer::Error(RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, ""));
        let Step::Done(completion) = client.answer(&poll(), refused) else { panic!("the poll is over") };
        assert_eq!(completion.kind, OpType::Fail);
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "b": 0}));
    }

    #[test]
    fn assign_keeps_positions_and_can_start_over() {
        let mut client = consumer();
        let op = assign(json!(["c", "a"]));
        client.invoke(&op);
        client.answer(&op, good(json!({"type": "list_committed_offsets_ok", "offsets": {"a": 8, "c": 0}})));
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
        let Step::Done(completion) = client.answer(&op, Answer::Timeout) else { panic!("the assign is over") };
        assert_eq!(completion.kind, OpType::Fail);
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "b": 0}));
    }

    #[test]
    fn messages_that_were_not_asked_for_are_malformed() {
        let mut client = consumer();
        client.invoke(&poll());
        let step = client.answer(&poll(), good(json!({"type": "poll_ok", "msgs": {"x": []}})));
        assert_eq!(step, Step::Malformed("msgs has the key x, which was not asked for".into()));
    }

    #[test]
    fn committed_offsets_that_were_not_asked_for_are_ignored() {
        let mut client = consumer();
        let op = assign(json!(["a", "c"]));
        client.invoke(&op);
        let offsets = json!({"c": 6, "x": 1, "y": 1u128 << 80});
        let step = client.answer(&op, good(json!({"type": "list_committed_offsets_ok", "offsets": offsets})));
        assert_eq!(step, done(json!(["a", "c"])));
        assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "c": 7}));
    }

    #[test]
    fn offsets_that_are_too_large_are_malformed() {
        let mut client = consumer();
        for (offset, told) in [(json!(1u128 << 64), "18446744073709551616"), (json!(i64::MAX), "9223372036854775807")] {
            let wrong = |path: &str| {
                let what = "should be an offset (an integer of 64 bits, below 9223372036854775807), but is";
                Step::Malformed(format!("{path} {what} {told}").into())
            };
            let op = Invocation::new("send", json!([["send", "a", 7]]));
            client.invoke(&op);
            assert_eq!(client.answer(&op, good(json!({"type": "send_ok", "offset": offset}))), wrong("offset"));
            client.invoke(&poll());
            let messages = json!({"a": [[5, 50], [offset, 51]]});
            let step = client.answer(&poll(), good(json!({"type": "poll_ok", "msgs": messages})));
            assert_eq!(step, wrong("msgs.a[1][0]"));
            let op = assign(json!(["c"]));
            client.invoke(&op);
            let step = client.answer(&op, good(json!({"type": "list_committed_offsets_ok", "offsets": {"c": offset}})));
            assert_eq!(step, wrong("offsets.c"));
            assert_eq!(call(client.invoke(&poll()))["offsets"], json!({"a": 5, "b": 0}));
        }
    }

    #[test]
    fn a_crash_is_over_at_once() {
        let step = Consumer::default().invoke(&Invocation::new("crash", Value::Null));
        assert_eq!(step, Step::Done(Completion { kind: OpType::Info, value: None, error: None }));
    }
}
