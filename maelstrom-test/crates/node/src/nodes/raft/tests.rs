//! Raft on a cluster in memory. The tests deliver messages and advance the time.

use std::time::Duration;

use crate::LocalNode;
use serde_json::{Value, json};

use super::super::lin_kv::LinKv;
use super::{Raft, Role, Storage};

const IDS: [&str; 3] = ["n0", "n1", "n2"];

struct Cluster {
    nodes: Vec<LocalNode<Raft<LinKv>>>,
    /// The node that is partitioned from the others.
    isolated: Option<usize>,
    responses: Vec<Value>,
}

/// A node with empty state.
fn start(id: &str) -> LocalNode<Raft<LinKv>> {
    LocalNode::new(id, &IDS, |node| Raft::with_storage(node, LinKv::default(), Storage::in_memory(), None))
}

impl Cluster {
    fn new() -> Cluster {
        Cluster { nodes: IDS.map(start).into(), isolated: None, responses: Vec::new() }
    }

    fn deliver(&mut self, messages: Vec<Value>) {
        for message in messages {
            let number = |name: &Value| IDS.iter().position(|id| name == id);
            let (src, dest) = (number(&message["src"]), number(&message["dest"]));
            match dest {
                Some(dest) if self.isolated.is_none_or(|isolated| src == Some(isolated) || dest != isolated) => {
                    if src.is_none_or(|src| self.isolated != Some(src)) {
                        let sent = self.nodes[dest].deliver(&message);
                        self.deliver(sent);
                    }
                }
                Some(_) => {}
                None => self.responses.push(message["body"].clone()),
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        for _ in 0..millis / 10 {
            for i in 0..self.nodes.len() {
                let sent = self.nodes[i].advance(Duration::from_millis(10));
                self.deliver(sent);
            }
        }
    }

    fn leaders(&self) -> Vec<usize> {
        (0..3).filter(|i| matches!(self.nodes[*i].server().role, Role::Leader { .. })).collect()
    }

    fn request(&mut self, node: usize, body: Value) -> Option<Value> {
        self.responses.clear();
        let sent = self.nodes[node].request("c1", body);
        self.deliver(sent);
        self.responses.pop()
    }
}

#[test]
fn one_leader_is_elected_and_keeps_its_role() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let leaders = cluster.leaders();
    assert_eq!(leaders.len(), 1);
    let term = cluster.nodes[0].server().storage.term();
    cluster.pass(20_000);
    assert_eq!((cluster.leaders(), cluster.nodes[0].server().storage.term()), (leaders, term));
}

#[test]
fn all_nodes_accept_requests_and_agree() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let written = cluster.request(0, json!({"type": "write", "msg_id": 1, "key": 1, "value": 7}));
    assert_eq!(written, Some(json!({"type": "write_ok", "in_reply_to": 1})));
    for node in 0..3 {
        let read = cluster.request(node, json!({"type": "read", "msg_id": 2 + node, "key": 1}));
        assert_eq!(read, Some(json!({"type": "read_ok", "in_reply_to": 2 + node, "value": 7})));
    }
    let swapped = cluster.request(1, json!({"type": "cas", "msg_id": 5, "key": 1, "from": 3, "to": 4})).unwrap();
    assert_eq!(swapped["code"], 22);
    cluster.pass(1000);
    let logs = cluster.nodes.iter().map(|node| node.server().storage.entries_after(0));
    assert!(logs.clone().all(|log| Some(log) == logs.clone().next()));
}

#[test]
fn without_a_leader_the_response_is_error_11() {
    let response = Cluster::new().request(0, json!({"type": "read", "msg_id": 1, "key": 1})).unwrap();
    assert_eq!(response["code"], 11);
}

#[test]
fn an_isolated_leader_steps_down_and_its_entries_are_replaced() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let old = cluster.leaders()[0];
    cluster.isolated = Some(old);
    assert_eq!(cluster.request(old, json!({"type": "write", "msg_id": 1, "key": 1, "value": "lost"})), None);
    cluster.pass(10_000);
    assert_eq!(cluster.responses.pop().unwrap()["code"], 0, "the outcome is indefinite");
    let new = cluster.leaders()[0];
    assert_ne!(old, new);
    assert!(cluster.request(new, json!({"type": "write", "msg_id": 2, "key": 1, "value": "kept"})).is_some());
    cluster.isolated = None;
    cluster.pass(10_000);
    let read = cluster.request(old, json!({"type": "read", "msg_id": 3, "key": 1}));
    assert_eq!(read, Some(json!({"type": "read_ok", "in_reply_to": 3, "value": "kept"})));
}

#[test]
fn a_duplicate_request_is_executed_once() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let leader = cluster.leaders()[0];
    let follower = (leader + 1) % 3;
    let write = |id, value| json!({"type": "write", "msg_id": id, "key": 1, "value": value});
    let sent = cluster.nodes[follower].request("c1", write(1, "first"));
    cluster.deliver(sent.clone());
    cluster.request(leader, write(2, "second"));
    cluster.deliver(sent);
    let read = cluster.request(leader, json!({"type": "read", "msg_id": 3, "key": 1})).unwrap();
    assert_eq!(read["value"], "second");
}

#[test]
fn a_follower_with_an_empty_log_catches_up_in_a_few_messages() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let leader = cluster.leaders()[0];
    for id in 1..=1200 {
        cluster.request(leader, json!({"type": "write", "msg_id": id, "key": id, "value": id}));
    }
    let follower = (leader + 1) % 3;
    cluster.nodes[follower] = start(IDS[follower]);
    // `pass` returns, although every message is delivered immediately: the nodes do not exchange messages endlessly.
    cluster.pass(500);
    let log = |node: usize| cluster.nodes[node].server().storage.last_index();
    assert_eq!(log(follower), log(leader));
    assert_eq!(cluster.leaders(), [leader]);
}
