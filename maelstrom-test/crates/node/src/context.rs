//! [`Node`]: sends messages and requests, responds to requests, and sets timers for a server.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use serde_core::Serialize;

use super::message::Message;
use super::timer::{TimerId, Timers};
use super::{Result, Server};
use crate::protocol::{ErrorCode, RpcError};

/// The timeout of [`Node::rpc`].
pub const RPC_TIMEOUT: Duration = Duration::from_secs(1);

type OnceTask<S> = Box<dyn FnOnce(&mut S, &mut Node<S>)>;
type PeriodicTask<S> = Box<dyn FnMut(&mut S, &mut Node<S>)>;
type Continuation<S> = Box<dyn FnOnce(&mut S, &mut Node<S>, Result<Message>)>;

enum Task<S> {
    Once(OnceTask<S>),
    Every(Duration, PeriodicTask<S>),
    /// The request with this `msg_id` times out.
    Timeout(u64),
}

/// A request of this node that has no response yet.
struct PendingRequest<S> {
    timeout: TimerId,
    then: Continuation<S>,
}

/// A node of the cluster, as its [`Server`] sees it: its name, the other nodes, the clock, and methods to send messages and
/// to set timers.
///
/// Messages are buffered, and written when no more input is available.
pub struct Node<S> {
    id: String,
    ids: Rc<[String]>,
    peers: Rc<[String]>,
    now: Duration,
    pending: BTreeMap<u64, PendingRequest<S>>,
    last_msg_id: u64,
    timers: Timers<Task<S>>,
    random: Rng,
    pub(super) output: Vec<u8>,
}

impl<S: Server> Node<S> {
    pub(super) fn new(id: String, ids: Vec<String>, now: Duration) -> Node<S> {
        Node {
            peers: ids.iter().filter(|other| **other != id).cloned().collect(),
            ids: ids.into(),
            id,
            now,
            pending: BTreeMap::new(),
            last_msg_id: 0,
            timers: Timers::new(),
            random: Rng::new(),
            output: Vec::new(),
        }
    }

    /// This node's name: `n1`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The names of all nodes of the cluster, this one included, in order.
    pub fn ids(&self) -> Rc<[String]> {
        self.ids.clone()
    }

    /// The names of all other nodes, in order.
    pub fn peers(&self) -> Rc<[String]> {
        self.peers.clone()
    }

    /// This node's number: its position in [`ids`](Node::ids).
    pub fn index(&self) -> usize {
        self.ids.iter().position(|id| *id == self.id).unwrap_or(0)
    }

    /// The time since the node started, at the event that is being handled.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A random number in the range.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn random(&mut self, range: Range<u64>) -> u64 {
        self.random.u64(range)
    }

    /// A random duration in the range: for timeouts that should not expire on all nodes at the same time.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn random_duration(&mut self, range: Range<Duration>) -> Duration {
        assert!(range.start < range.end, "the range is empty");
        range.start + (range.end - range.start).mul_f64(self.random.f64())
    }

    /// Sends a message that needs no response. `fields` contains the keys of the body other than `type`: `json!({…})`, a
    /// struct, or `()`.
    ///
    /// # Panics
    /// If `fields` does not serialise to a JSON object.
    pub fn send(&mut self, dest: &str, kind: &str, fields: impl Serialize) {
        self.write(dest, kind, None, None, fields);
    }

    /// Responds to a request with a message of type `<request>_ok`. `fields` is as for [`send`](Node::send). Does nothing
    /// if the request has no `msg_id`.
    ///
    /// # Panics
    /// If `fields` does not serialise to a JSON object.
    pub fn reply(&mut self, request: &Message, fields: impl Serialize) {
        if let Some(msg_id) = request.msg_id() {
            self.write(request.src(), &format!("{}_ok", request.kind()), None, Some(msg_id), fields);
        }
    }

    /// Responds to a request with an error. Does nothing if the request has no `msg_id`.
    pub fn reply_error(&mut self, request: &Message, error: &RpcError) {
        if let Some((src, msg_id)) = request.reply_to() {
            self.write_error(&src, msg_id, error);
        }
    }

    /// Responds to a request with a result: [`reply`](Node::reply) or [`reply_error`](Node::reply_error).
    ///
    /// # Panics
    /// If the fields do not serialise to a JSON object.
    pub fn respond(&mut self, request: &Message, result: Result<impl Serialize>) {
        match result {
            Ok(fields) => self.reply(request, fields),
            Err(error) => self.reply_error(request, &error),
        }
    }

    /// Sends a request, and calls `then` with the response or its error. After [`RPC_TIMEOUT`] without a response, `then`
    /// receives error 0 (`timeout`): the request may or may not have been executed.
    ///
    /// # Panics
    /// If `fields` does not serialise to a JSON object.
    pub fn rpc(
        &mut self,
        dest: &str,
        kind: &str,
        fields: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result<Message>) + 'static,
    ) {
        self.rpc_within(RPC_TIMEOUT, dest, kind, fields, then);
    }

    /// Sends a request like [`rpc`](Node::rpc), with another timeout.
    ///
    /// # Panics
    /// If `fields` does not serialise to a JSON object.
    pub fn rpc_within(
        &mut self,
        timeout: Duration,
        dest: &str,
        kind: &str,
        fields: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result<Message>) + 'static,
    ) {
        self.last_msg_id += 1;
        let msg_id = self.last_msg_id;
        let timeout = self.timers.add(self.now + timeout, Task::Timeout(msg_id));
        self.pending.insert(msg_id, PendingRequest { timeout, then: Box::new(then) });
        self.write(dest, kind, Some(msg_id), None, fields);
    }

    /// Forwards a request to another endpoint, and its response to the sender of the request.
    pub fn forward(&mut self, dest: &str, request: Message) {
        let kind = request.kind().to_owned();
        self.rpc(dest, &kind, request.fields(), move |_, node, response| {
            node.respond(&request, response.map(|response| response.fields()));
        });
    }

    /// Runs a task once, after a delay.
    pub fn after(&mut self, delay: Duration, task: impl FnOnce(&mut S, &mut Node<S>) + 'static) {
        self.timers.add(self.now + delay, Task::Once(Box::new(task)));
    }

    /// Runs a task periodically. The first run is after one period.
    pub fn every(&mut self, period: Duration, task: impl FnMut(&mut S, &mut Node<S>) + 'static) {
        self.timers.add(self.now + period, Task::Every(period, Box::new(task)));
    }

    fn write_error(&mut self, dest: &str, msg_id: u64, error: &RpcError) {
        let mut fields = error.extra.clone();
        fields.insert("code".into(), error.code.into());
        fields.insert("text".into(), error.text.as_str().into());
        self.write(dest, "error", None, Some(msg_id), fields);
    }

    fn write(&mut self, dest: &str, kind: &str, msg_id: Option<u64>, in_reply_to: Option<u64>, fields: impl Serialize) {
        let output = &mut self.output;
        let mut push = |before: &str, value: &str| {
            output.extend_from_slice(before.as_bytes());
            serde_json::to_writer(&mut *output, value).expect("a string can be written");
        };
        push(r#"{"src":"#, &self.id);
        push(r#","dest":"#, dest);
        push(r#","body":{"type":"#, kind);
        for (key, number) in [("msg_id", msg_id), ("in_reply_to", in_reply_to)] {
            if let Some(number) = number {
                write!(output, r#","{key}":{number}"#).expect("a Vec takes everything");
            }
        }
        // The fields are appended as an object without its opening brace: a derived `flatten` would need the macros of
        // `serde`.
        let start = output.len();
        serde_json::to_writer(&mut *output, &fields).expect("a body must serialise to a JSON object");
        match &output[start..] {
            b"null" | b"{}" => {
                output.truncate(start);
                output.push(b'}');
            }
            [b'{', ..] => output[start] = b',',
            _ => panic!("a body must serialise to a JSON object"),
        }
        output.extend_from_slice(b"}\n");
    }

    /// Advances the clock. It never goes backwards.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.timers.next_due()
    }

    /// Runs all tasks that are due.
    pub(super) fn run_due_tasks(&mut self, server: &mut S) {
        let now = self.now;
        while let Some((due, task)) = self.timers.pop(now) {
            match task {
                Task::Once(task) => task(server, self),
                Task::Every(period, mut task) => {
                    task(server, self);
                    // After a long pause, missed runs are skipped.
                    let next = (due + period).max(now + period / 2);
                    self.timers.add(next, Task::Every(period, task));
                }
                Task::Timeout(msg_id) => {
                    if let Some(request) = self.pending.remove(&msg_id) {
                        (request.then)(server, self, Err(RpcError::new(ErrorCode::TIMEOUT, "no response in time")));
                    }
                }
            }
        }
    }

    /// Passes a response to its continuation, and any other message to the server.
    pub(super) fn dispatch(&mut self, server: &mut S, message: Message) {
        match message.in_reply_to() {
            Some(msg_id) => {
                // Late and duplicate responses are ignored.
                if let Some(request) = self.pending.remove(&msg_id) {
                    self.timers.cancel(request.timeout);
                    (request.then)(server, self, message.into_result());
                }
            }
            None => {
                let reply_to = message.reply_to();
                if let (Err(error), Some((src, msg_id))) = (server.handle(self, message), reply_to) {
                    self.write_error(&src, msg_id, &error);
                }
            }
        }
    }
}
