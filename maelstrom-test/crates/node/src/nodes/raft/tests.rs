//! A cluster in memory: messages and time are moved by hand.

use std::time::Duration;

use crate::Local;
use serde_json::{Value, json};

use super::super::lin_kv::LinKv;
use super::{Raft, Role, Storage};

const IDS: [&str; 3] = ["n0", "n1", "n2"];

struct Cluster {
    nodes: Vec<Local<Raft<LinKv>>>,
    /// Who is cut off from the others.
    alone: Option<usize>,
    answers: Vec<Value>,
}

/// A node that has never run before.
fn start(id: &str) -> Local<Raft<LinKv>> {
    Local::new(id, &IDS, |node| Raft::with_storage(node, LinKv::default(), Storage::nowhere(), None))
}

impl Cluster {
    fn new() -> Cluster {
        Cluster { nodes: IDS.map(start).into(), alone: None, answers: Vec::new() }
    }

    fn deliver(&mut self, messages: Vec<Value>) {
        for message in messages {
            let place = |name: &Value| IDS.iter().position(|id| name == id);
            let (src, dest) = (place(&message["src"]), place(&message["dest"]));
            match dest {
                Some(dest) if self.alone.is_none_or(|alone| src == Some(alone) || dest != alone) => {
                    if src.is_none_or(|src| self.alone != Some(src)) {
                        let sent = self.nodes[dest].deliver(&message);
                        self.deliver(sent);
                    }
                }
                Some(_) => {}
                None => self.answers.push(message["body"].clone()),
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

    fn ask(&mut self, node: usize, body: Value) -> Option<Value> {
        self.answers.clear();
        let sent = self.nodes[node].request("c1", body);
        self.deliver(sent);
        self.answers.pop()
    }
}

#[test]
fn one_leader_is_elected_and_stays() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let leaders = cluster.leaders();
    assert_eq!(leaders.len(), 1);
    let term = cluster.nodes[0].server().storage.term();
    cluster.pass(20_000);
    assert_eq!((cluster.leaders(), cluster.nodes[0].server().storage.term()), (leaders, term));
}

#[test]
fn every_node_answers_and_all_agree() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let written = cluster.ask(0, json!({"type": "write", "msg_id": 1, "key": 1, "value": 7}));
    assert_eq!(written, Some(json!({"type": "write_ok", "in_reply_to": 1})));
    for node in 0..3 {
        let read = cluster.ask(node, json!({"type": "read", "msg_id": 2 + node, "key": 1}));
        assert_eq!(read, Some(json!({"type": "read_ok", "in_reply_to": 2 + node, "value": 7})));
    }
    let swapped = cluster.ask(1, json!({"type": "cas", "msg_id": 5, "key": 1, "from": 3, "to": 4})).unwrap();
    assert_eq!(swapped["code"], 22);
    cluster.pass(1000);
    let logs = cluster.nodes.iter().map(|node| node.server().storage.entries_after(0));
    assert!(logs.clone().all(|log| Some(log) == logs.clone().next()));
}

#[test]
fn without_leader_there_is_error_11() {
    let answer = Cluster::new().ask(0, json!({"type": "read", "msg_id": 1, "key": 1})).unwrap();
    assert_eq!(answer["code"], 11);
}

#[test]
fn a_leader_cut_off_steps_down_and_its_entries_give_way() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let old = cluster.leaders()[0];
    cluster.alone = Some(old);
    assert_eq!(cluster.ask(old, json!({"type": "write", "msg_id": 1, "key": 1, "value": "lost"})), None);
    cluster.pass(10_000);
    assert_eq!(cluster.answers.pop().unwrap()["code"], 0, "nobody knows what will become of it");
    let new = cluster.leaders()[0];
    assert_ne!(old, new);
    assert!(cluster.ask(new, json!({"type": "write", "msg_id": 2, "key": 1, "value": "kept"})).is_some());
    cluster.alone = None;
    cluster.pass(10_000);
    let read = cluster.ask(old, json!({"type": "read", "msg_id": 3, "key": 1}));
    assert_eq!(read, Some(json!({"type": "read_ok", "in_reply_to": 3, "value": "kept"})));
}

#[test]
fn a_request_that_arrives_twice_is_carried_out_once() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let leader = cluster.leaders()[0];
    let follower = (leader + 1) % 3;
    let write = |id, value| json!({"type": "write", "msg_id": id, "key": 1, "value": value});
    let sent = cluster.nodes[follower].request("c1", write(1, "first"));
    cluster.deliver(sent.clone());
    cluster.ask(leader, write(2, "second"));
    cluster.deliver(sent);
    let read = cluster.ask(leader, json!({"type": "read", "msg_id": 3, "key": 1})).unwrap();
    assert_eq!(read["value"], "second");
}

#[test]
fn a_follower_that_forgot_its_log_gets_it_again_in_a_few_messages() {
    let mut cluster = Cluster::new();
    cluster.pass(5000);
    let leader = cluster.leaders()[0];
    for id in 1..=1200 {
        cluster.ask(leader, json!({"type": "write", "msg_id": id, "key": id, "value": id}));
    }
    let follower = (leader + 1) % 3;
    cluster.nodes[follower] = start(IDS[follower]);
    // Nobody loops: `pass` returns, although every message is answered at once.
    cluster.pass(500);
    let log = |node: usize| cluster.nodes[node].server().storage.last_index();
    assert_eq!(log(follower), log(leader));
    assert_eq!(cluster.leaders(), [leader]);
}
