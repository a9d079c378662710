//! [`LocalNode`]: a node without a process, for unit tests.

use std::time::Duration;

use serde_json::{Value, json};

use super::driver::Driver;
use super::{Node, Server};

/// A node without a process: the test delivers messages, advances the clock, and checks the messages that the node sends.
///
/// The clock stands still until [`advance`](LocalNode::advance) is called.
///
/// ```
/// use maelstrom_node::{LocalNode, Message, Node, Result, Server};
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
/// let mut node = LocalNode::new("n1", &["n1", "n2"], |_| Echo);
/// let sent = node.request("c1", json!({"type": "echo", "msg_id": 1, "echo": "hi"}));
/// assert_eq!(sent[0]["body"], json!({"type": "echo_ok", "in_reply_to": 1, "echo": "hi"}));
/// ```
pub struct LocalNode<S> {
    driver: Driver<S>,
    now: Duration,
    sent_at_start: Vec<Value>,
}

impl<S: Server> LocalNode<S> {
    /// Creates a node and initialises it.
    pub fn new(id: &str, ids: &[&str], start: impl FnOnce(&mut Node<S>) -> S + 'static) -> LocalNode<S> {
        let mut local = LocalNode { driver: Driver::new(start), now: Duration::ZERO, sent_at_start: Vec::new() };
        let mut sent = local.request("c0", json!({"type": "init", "msg_id": 1, "node_id": id, "node_ids": ids}));
        sent.retain(|message| message["body"]["type"] != "init_ok");
        local.sent_at_start = sent;
        local
    }

    /// The messages that the node sent during its initialisation.
    pub fn sent_at_start(&self) -> &[Value] {
        &self.sent_at_start
    }

    /// Delivers a body from the sender `src`. Returns the messages that the node sends.
    pub fn request(&mut self, src: &str, body: Value) -> Vec<Value> {
        self.deliver(&json!({"src": src, "dest": "", "body": body}))
    }

    /// Delivers a whole message, for example one that another node sent. Returns the messages that the node sends.
    pub fn deliver(&mut self, message: &Value) -> Vec<Value> {
        self.driver.receive(message.to_string().as_bytes());
        self.sent()
    }

    /// Advances the clock, and runs the timers that become due in order. Returns the messages that the node sends.
    pub fn advance(&mut self, time: Duration) -> Vec<Value> {
        let end = self.now + time;
        while let Some(due) = self.driver.next_timer().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.driver.advance(self.now);
            self.driver.run_due_tasks();
        }
        self.now = end;
        self.driver.advance(end);
        self.sent()
    }

    /// When the next timer is due, as time since the start of the node; `None` if there is none.
    pub fn next_timer(&self) -> Option<Duration> {
        self.driver.next_timer()
    }

    /// The time since the start of the node.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The server's state.
    pub fn server(&self) -> &S {
        self.driver.server().expect("a local node is initialised when it is created")
    }

    fn sent(&mut self) -> Vec<Value> {
        let bytes = self.driver.output().map(std::mem::take).unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a node's output is JSON")).collect()
    }
}
