//! A node without a process, for unit tests.

use std::time::Duration;

use serde_json::{Value, json};

use super::driver::Driver;
use super::{Node, Server};

/// Drives a server by hand: give it messages and time, and look at what it sends. Nothing runs by itself, and the clock
/// stands still until it is [advanced](Local::advance).
///
/// ```
/// use maelstrom_node::{Local, Message, Node, Result, Server};
/// use serde_json::{Value, json};
///
/// struct Echo;
///
/// impl Server for Echo {
///     fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
///         node.reply(&request, json!({ "echo": request.get::<Value>("echo")? }));
///         Ok(())
///     }
/// }
///
/// let mut node = Local::new("n1", &["n1", "n2"], |_| Echo);
/// let sent = node.request("c1", json!({"type": "echo", "msg_id": 1, "echo": "hi"}));
/// assert_eq!(sent[0]["body"], json!({"type": "echo_ok", "in_reply_to": 1, "echo": "hi"}));
/// ```
pub struct Local<S> {
    driver: Driver<S>,
    now: Duration,
    started: Vec<Value>,
}

impl<S: Server> Local<S> {
    /// A node that was just initialised.
    pub fn new(id: &str, ids: &[&str], start: impl FnOnce(&mut Node<S>) -> S + 'static) -> Local<S> {
        let mut local = Local { driver: Driver::new(start), now: Duration::ZERO, started: Vec::new() };
        let mut sent = local.request("c0", json!({"type": "init", "msg_id": 1, "node_id": id, "node_ids": ids}));
        sent.retain(|message| message["body"]["type"] != "init_ok");
        local.started = sent;
        local
    }

    /// What the node sent while it started.
    pub fn started(&self) -> &[Value] {
        &self.started
    }

    /// Delivers a body from this sender; returns the messages that the node then sends.
    pub fn request(&mut self, src: &str, body: Value) -> Vec<Value> {
        self.deliver(&json!({"src": src, "dest": "", "body": body}))
    }

    /// Delivers a whole message, for example what another node sent; returns the messages that the node then sends.
    pub fn deliver(&mut self, message: &Value) -> Vec<Value> {
        self.driver.receive(message.to_string().as_bytes());
        self.sent()
    }

    /// Lets time pass, step by step from timer to timer; returns the messages that the node sends meanwhile.
    pub fn advance(&mut self, time: Duration) -> Vec<Value> {
        let end = self.now + time;
        while let Some(due) = self.driver.next_timer().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.driver.advance(self.now);
            self.driver.fire();
        }
        self.now = end;
        self.driver.advance(end);
        self.sent()
    }

    /// When the node next wants to do something by itself, as time since its start; `None`: never.
    pub fn next_timer(&self) -> Option<Duration> {
        self.driver.next_timer()
    }

    /// The time since the node's start.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The server's state.
    pub fn server(&self) -> &S {
        self.driver.server().expect("a local node is initialised when it is made")
    }

    fn sent(&mut self) -> Vec<Value> {
        let bytes = self.driver.output().map(std::mem::take).unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a node's output is JSON")).collect()
    }
}
