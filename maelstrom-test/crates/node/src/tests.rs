use std::time::Duration;

use serde_json::{Value, json};

use super::{Kv, Local, Message, Node, Result, Server, timestamp};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Does a bit of everything, and keeps a diary.
#[derive(Default)]
struct Diary(Vec<String>);

impl Server for Diary {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "ask" => {
                node.rpc(&request.get::<String>("whom")?, "question", (), move |diary: &mut Diary, node, answer| {
                    diary
                        .0
                        .push(answer.as_ref().map_or_else(|error| error.name().into(), |answer| answer.kind().into()));
                    node.respond(&request, answer.map(|answer| answer.fields()));
                })
            }
            "later" => {
                let millis: u64 = request.get("ms")?;
                node.after(ms(millis), move |diary, _| diary.0.push(format!("{millis} ms")));
            }
            "increment" => Kv::SEQ.read(node, "n", move |_, node, value| {
                let value = value.unwrap();
                let next = value.as_ref().and_then(Value::as_u64).unwrap_or(0) + 1;
                Kv::SEQ.cas(node, "n", value, next, move |_, node, done| {
                    node.respond(&request, done.map(|()| json!({ "n": next })));
                });
            }),
            "stamp" => timestamp(node, move |_, node, ts| node.respond(&request, ts.map(|ts| json!({ "ts": ts })))),
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}

fn diary() -> Local<Diary> {
    Local::new("n1", &["n1", "n2", "n3"], |_| Diary::default())
}

#[test]
fn init_tells_names_and_is_answered() {
    let mut node = Local::new("n2", &["n1", "n2", "n10"], |node| {
        node.send("n1", "hello", json!({ "ids": &*node.ids(), "peers": &*node.peers(), "index": node.index() }));
        Diary::default()
    });
    let body = json!({"type": "hello", "ids": ["n1", "n2", "n10"], "peers": ["n1", "n10"], "index": 1});
    assert_eq!(node.started(), [json!({"src": "n2", "dest": "n1", "body": body})]);
    let again = node.request("c9", json!({"type": "init", "msg_id": 1, "node_id": "n2", "node_ids": ["n2"]}));
    assert_eq!(again[0]["body"], json!({"type": "init_ok", "in_reply_to": 1}));
}

#[test]
fn errors_of_a_handler_are_answered() {
    let sent = diary().request("c1", json!({"type": "dance", "msg_id": 4}));
    assert_eq!(sent[0]["dest"], "c1");
    assert_eq!(sent[0]["body"]["type"], "error");
    assert_eq!(sent[0]["body"]["in_reply_to"], 4);
    assert_eq!(sent[0]["body"]["code"], 10);
    assert!(diary().request("n2", json!({"type": "dance"})).is_empty(), "nobody asked for an answer");
}

#[test]
fn an_answer_reaches_the_continuation_once() {
    let mut node = diary();
    let call = node.request("c1", json!({"type": "ask", "msg_id": 4, "whom": "n2"}));
    assert_eq!(call[0], json!({"src": "n1", "dest": "n2", "body": {"type": "question", "msg_id": 1}}));
    let answer = json!({"type": "question_ok", "in_reply_to": 1, "value": 42});
    let sent = node.request("n2", answer.clone());
    assert_eq!(sent[0]["body"], json!({"type": "ask_ok", "in_reply_to": 4, "value": 42}));
    assert!(node.request("n2", answer).is_empty(), "a duplicate is ignored");
    assert!(node.advance(ms(5000)).is_empty(), "the timeout is off");
    assert_eq!(node.server().0, ["question_ok"]);
}

#[test]
fn a_call_without_answer_times_out() {
    let mut node = diary();
    node.request("c1", json!({"type": "ask", "msg_id": 4, "whom": "n2"}));
    assert!(node.advance(ms(999)).is_empty());
    let sent = node.advance(ms(1));
    assert_eq!(sent[0]["body"]["code"], 0);
    assert!(node.request("n2", json!({"type": "question_ok", "in_reply_to": 1})).is_empty(), "late");
    assert_eq!(node.server().0, ["timeout"]);
}

#[test]
fn timers_fire_in_order_of_time() {
    let mut node = diary();
    for millis in [30, 10, 20] {
        node.request("c1", json!({"type": "later", "ms": millis}));
    }
    assert_eq!(node.next_timer(), Some(ms(10)));
    node.advance(ms(100));
    assert_eq!(node.server().0, ["10 ms", "20 ms", "30 ms"]);
}

#[test]
fn periodic_tasks_go_on() {
    let mut node = Local::new("n1", &["n1", "n2"], |node| {
        node.every(ms(100), |_, node| node.send("n2", "tick", json!({ "at": node.now().as_millis() })));
        Diary::default()
    });
    let ticks = node.advance(ms(350));
    assert_eq!(ticks.iter().map(|tick| &tick["body"]["at"]).collect::<Vec<_>>(), [100, 200, 300]);
}

#[test]
fn key_value_services_are_called() {
    let mut node = diary();
    let read = node.request("c1", json!({"type": "increment", "msg_id": 8}));
    assert_eq!(read[0]["dest"], "seq-kv");
    assert_eq!(read[0]["body"], json!({"type": "read", "msg_id": 1, "key": "n"}));
    let cas = node.request("seq-kv", json!({"type": "error", "in_reply_to": 1, "code": 20, "text": "not there"}));
    let expected = json!({"type": "cas", "msg_id": 2, "key": "n", "from": null, "to": 1, "create_if_not_exists": true});
    assert_eq!(cas[0]["body"], expected);
    let sent = node.request("seq-kv", json!({"type": "cas_ok", "in_reply_to": 2}));
    assert_eq!(sent[0]["body"], json!({"type": "increment_ok", "in_reply_to": 8, "n": 1}));
}

#[test]
fn the_timestamp_oracle_is_called() {
    let mut node = diary();
    let call = node.request("c1", json!({"type": "stamp", "msg_id": 8}));
    assert_eq!(call[0]["body"], json!({"type": "ts", "msg_id": 1}));
    let sent = node.request("lin-tso", json!({"type": "ts_ok", "in_reply_to": 1, "ts": 5}));
    assert_eq!(sent[0]["body"], json!({"type": "stamp_ok", "in_reply_to": 8, "ts": 5}));
}
