use std::time::Duration;

use serde_json::{Value, json};

use super::{Kv, LocalNode, Message, Node, Result, Server, timestamp};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Uses every part of the library, and logs events.
#[derive(Default)]
struct Logger(Vec<String>);

impl Server for Logger {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "ask" => {
                node.rpc(&request.get::<String>("whom")?, "question", (), move |logger: &mut Logger, node, response| {
                    logger.0.push(
                        response.as_ref().map_or_else(|error| error.name().into(), |response| response.kind().into()),
                    );
                    node.respond(&request, response.map(|response| response.fields()));
                })
            }
            "later" => {
                let millis: u64 = request.get("ms")?;
                node.after(ms(millis), move |logger, _| logger.0.push(format!("{millis} ms")));
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

fn logger() -> LocalNode<Logger> {
    LocalNode::new("n1", &["n1", "n2", "n3"], |_| Logger::default())
}

#[test]
fn init_provides_names_and_is_acknowledged() {
    let mut node = LocalNode::new("n2", &["n1", "n2", "n10"], |node| {
        node.send("n1", "hello", json!({ "ids": &*node.ids(), "peers": &*node.peers(), "index": node.index() }));
        Logger::default()
    });
    let body = json!({"type": "hello", "ids": ["n1", "n2", "n10"], "peers": ["n1", "n10"], "index": 1});
    assert_eq!(node.sent_at_start(), [json!({"src": "n2", "dest": "n1", "body": body})]);
    let again = node.request("c9", json!({"type": "init", "msg_id": 1, "node_id": "n2", "node_ids": ["n2"]}));
    assert_eq!(again[0]["body"], json!({"type": "init_ok", "in_reply_to": 1}));
}

#[test]
fn errors_of_a_handler_are_sent_as_responses() {
    let sent = logger().request("c1", json!({"type": "dance", "msg_id": 4}));
    assert_eq!(sent[0]["dest"], "c1");
    assert_eq!(sent[0]["body"]["type"], "error");
    assert_eq!(sent[0]["body"]["in_reply_to"], 4);
    assert_eq!(sent[0]["body"]["code"], 10);
    assert!(logger().request("n2", json!({"type": "dance"})).is_empty(), "the message has no msg_id");
}

#[test]
fn a_response_reaches_its_continuation_once() {
    let mut node = logger();
    let call = node.request("c1", json!({"type": "ask", "msg_id": 4, "whom": "n2"}));
    assert_eq!(call[0], json!({"src": "n1", "dest": "n2", "body": {"type": "question", "msg_id": 1}}));
    let response = json!({"type": "question_ok", "in_reply_to": 1, "value": 42});
    let sent = node.request("n2", response.clone());
    assert_eq!(sent[0]["body"], json!({"type": "ask_ok", "in_reply_to": 4, "value": 42}));
    assert!(node.request("n2", response).is_empty(), "a duplicate is ignored");
    assert!(node.advance(ms(5000)).is_empty(), "the timeout is cancelled");
    assert_eq!(node.server().0, ["question_ok"]);
}

#[test]
fn a_request_without_a_response_times_out() {
    let mut node = logger();
    node.request("c1", json!({"type": "ask", "msg_id": 4, "whom": "n2"}));
    assert!(node.advance(ms(999)).is_empty());
    let sent = node.advance(ms(1));
    assert_eq!(sent[0]["body"]["code"], 0);
    assert!(
        node.request("n2", json!({"type": "question_ok", "in_reply_to": 1})).is_empty(),
        "late responses are ignored"
    );
    assert_eq!(node.server().0, ["timeout"]);
}

#[test]
fn timers_run_in_the_order_of_their_due_times() {
    let mut node = logger();
    for millis in [30, 10, 20] {
        node.request("c1", json!({"type": "later", "ms": millis}));
    }
    assert_eq!(node.next_timer(), Some(ms(10)));
    node.advance(ms(100));
    assert_eq!(node.server().0, ["10 ms", "20 ms", "30 ms"]);
}

#[test]
fn periodic_tasks_run_after_each_period() {
    let mut node = LocalNode::new("n1", &["n1", "n2"], |node| {
        node.every(ms(100), |_, node| node.send("n2", "tick", json!({ "at": node.now().as_millis() })));
        Logger::default()
    });
    let ticks = node.advance(ms(350));
    assert_eq!(ticks.iter().map(|tick| &tick["body"]["at"]).collect::<Vec<_>>(), [100, 200, 300]);
}

#[test]
fn requests_to_key_value_services_have_the_right_format() {
    let mut node = logger();
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
fn requests_to_the_timestamp_oracle_have_the_right_format() {
    let mut node = logger();
    let call = node.request("c1", json!({"type": "stamp", "msg_id": 8}));
    assert_eq!(call[0]["body"], json!({"type": "ts", "msg_id": 1}));
    let sent = node.request("lin-tso", json!({"type": "ts_ok", "in_reply_to": 1, "ts": 5}));
    assert_eq!(sent[0]["body"], json!({"type": "stamp_ok", "in_reply_to": 8, "ts": 5}));
}
