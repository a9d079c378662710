//! [`Node`]: what a server can do: answer, send, call, and wait.

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

/// How long [`Node::rpc`] waits for an answer.
pub const RPC_TIMEOUT: Duration = Duration::from_secs(1);

type Once<S> = Box<dyn FnOnce(&mut S, &mut Node<S>)>;
type Again<S> = Box<dyn FnMut(&mut S, &mut Node<S>)>;
type Continuation<S> = Box<dyn FnOnce(&mut S, &mut Node<S>, Result<Message>)>;

enum Task<S> {
    Once(Once<S>),
    Every(Duration, Again<S>),
    GiveUp(u64),
}

struct Call<S> {
    timeout: TimerId,
    then: Continuation<S>,
}

/// The node's place in its cluster: its name, its neighbours, its clock, and everything it can do to the outside.
///
/// What is sent is collected, and written as soon as there is no more input at hand.
pub struct Node<S> {
    id: String,
    ids: Rc<[String]>,
    peers: Rc<[String]>,
    now: Duration,
    calls: BTreeMap<u64, Call<S>>,
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
            calls: BTreeMap::new(),
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

    /// This node's number: its place among [`ids`](Node::ids).
    pub fn index(&self) -> usize {
        self.ids.iter().position(|id| *id == self.id).unwrap_or(0)
    }

    /// Time since the node started, as of the event that is being handled.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A random number from the range. Panics if the range is empty.
    pub fn random(&mut self, range: Range<u64>) -> u64 {
        self.random.u64(range)
    }

    /// A random time from the range, for timeouts that should not expire everywhere at once. Panics if the range is empty.
    pub fn random_duration(&mut self, range: Range<Duration>) -> Duration {
        assert!(range.start < range.end, "the range is empty");
        range.start + (range.end - range.start).mul_f64(self.random.f64())
    }

    /// Sends a message that wants no answer. `fields` is what the body holds beside `type`: `json!({…})`, a struct of
    /// your own, or `()`. Panics if it does not serialise to a JSON object.
    pub fn send(&mut self, dest: &str, kind: &str, fields: impl Serialize) {
        self.write(dest, kind, None, None, fields);
    }

    /// Answers a request with a message of type `<request>_ok`. `fields` is as for [`send`](Node::send). A request that
    /// carries no `msg_id` wants no answer and gets none.
    pub fn reply(&mut self, request: &Message, fields: impl Serialize) {
        if let Some(msg_id) = request.msg_id() {
            self.write(request.src(), &format!("{}_ok", request.kind()), None, Some(msg_id), fields);
        }
    }

    /// Answers a request with an error.
    pub fn reply_error(&mut self, request: &Message, error: &RpcError) {
        if let Some((src, msg_id)) = request.return_address() {
            self.write_error(&src, msg_id, error);
        }
    }

    /// Answers a request with what came out: [`reply`](Node::reply) or [`reply_error`](Node::reply_error).
    pub fn respond(&mut self, request: &Message, result: Result<impl Serialize>) {
        match result {
            Ok(fields) => self.reply(request, fields),
            Err(error) => self.reply_error(request, &error),
        }
    }

    /// Sends a request, and calls `then` once: with the answer, with the error that was answered, or, after
    /// [`RPC_TIMEOUT`], with error 0 (`timeout`), which leaves open whether the request was carried out.
    pub fn rpc(
        &mut self,
        dest: &str,
        kind: &str,
        fields: impl Serialize,
        then: impl FnOnce(&mut S, &mut Node<S>, Result<Message>) + 'static,
    ) {
        self.rpc_within(RPC_TIMEOUT, dest, kind, fields, then);
    }

    /// As [`rpc`](Node::rpc), with a timeout of your own.
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
        let timeout = self.timers.add(self.now + timeout, Task::GiveUp(msg_id));
        self.calls.insert(msg_id, Call { timeout, then: Box::new(then) });
        self.write(dest, kind, Some(msg_id), None, fields);
    }

    /// Passes a request on to somebody else, as it is, and the answer back to whoever asked.
    pub fn forward(&mut self, dest: &str, request: Message) {
        let kind = request.kind().to_owned();
        self.rpc(dest, &kind, request.fields(), move |_, node, answer| {
            node.respond(&request, answer.map(|answer| answer.fields()));
        });
    }

    /// Does something once, after this time.
    pub fn after(&mut self, delay: Duration, task: impl FnOnce(&mut S, &mut Node<S>) + 'static) {
        self.timers.add(self.now + delay, Task::Once(Box::new(task)));
    }

    /// Does something again and again, with this time between.
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
        // The fields follow: an object without its first brace. (A derived `flatten` would need `serde`'s macros.)
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

    /// Events older than this are the past; the clock never goes back.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.timers.next_due()
    }

    /// Runs everything that is due.
    pub(super) fn fire(&mut self, server: &mut S) {
        let now = self.now;
        while let Some((due, task)) = self.timers.pop(now) {
            match task {
                Task::Once(task) => task(server, self),
                Task::Every(period, mut task) => {
                    task(server, self);
                    // A node that was asleep for long does not make up for all that it missed.
                    let next = (due + period).max(now + period / 2);
                    self.timers.add(next, Task::Every(period, task));
                }
                Task::GiveUp(msg_id) => {
                    if let Some(call) = self.calls.remove(&msg_id) {
                        (call.then)(server, self, Err(RpcError::new(ErrorCode::TIMEOUT, "no answer in time")));
                    }
                }
            }
        }
    }

    /// Hands a message to whom it concerns: the continuation of a call, or the server.
    pub(super) fn dispatch(&mut self, server: &mut S, message: Message) {
        match message.in_reply_to() {
            Some(msg_id) => {
                // An answer that nobody waits for any more is late, or a duplicate.
                if let Some(call) = self.calls.remove(&msg_id) {
                    self.timers.cancel(call.timeout);
                    (call.then)(server, self, message.into_answer());
                }
            }
            None => {
                let return_address = message.return_address();
                if let (Err(error), Some((src, msg_id))) = (server.handle(self, message), return_address) {
                    self.write_error(&src, msg_id, &error);
                }
            }
        }
    }
}
