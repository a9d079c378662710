//! A small library for writing nodes in Rust.
//!
//! A node is a program that reads messages, one JSON object per line, from standard input and writes messages to
//! standard output. This module takes care of that: you write a [`Server`], a value that handles one message after the
//! other, and [`run`] it. Everything happens in one thread, so a server needs no locks; what takes longer is continued in
//! a closure, which gets the server back when the answer has come ([`Node::rpc`]) or the time has passed
//! ([`Node::after`], [`Node::every`]).
//!
//! ```no_run
//! use maelstrom_node::{Message, Node, Result, Server};
//! use serde_json::json;
//!
//! /// Counts what it is given, and tells.
//! #[derive(Default)]
//! struct Counter {
//!     sum: i64,
//! }
//!
//! impl Server for Counter {
//!     fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
//!         match request.kind() {
//!             "add" => {
//!                 self.sum += request.get::<i64>("delta")?;
//!                 node.reply(&request, ());
//!             }
//!             "read" => node.reply(&request, json!({ "value": self.sum })),
//!             _ => return Err(request.not_supported()),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     maelstrom_node::run(|_| Counter::default())
//! }
//! ```
//!
//! An error that a handler returns is sent to whoever asked. Calls to other nodes, and to the [services](Kv), take a
//! closure that is given the answer:
//!
//! ```
//! use maelstrom_node::{Kv, Message, Node, Result, Server};
//! use serde_json::json;
//!
//! /// Leaves the storing to `lin-kv`.
//! struct Cache;
//!
//! impl Server for Cache {
//!     fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
//!         Kv::LIN.read(node, request.get::<String>("key")?, move |_, node, value| {
//!             node.respond(&request, value.map(|value| json!({ "value": value })));
//!         });
//!         Ok(())
//!     }
//! }
//! ```
//!
//! In unit tests [`Local`] drives a server without any process.

mod context;
mod driver;
mod kv;
mod local;
mod message;
#[cfg(feature = "nodes")]
pub mod nodes;
mod stdio;
#[cfg(test)]
mod tests;
mod timer;

pub use context::{Node, RPC_TIMEOUT};
pub use kv::{Kv, timestamp};
pub use local::Local;
pub use maelstrom_protocol::{self as protocol, json};
pub use message::Message;
pub use stdio::run;

pub use crate::protocol::{ErrorCode, RpcError};

/// What handlers and calls return; the error is one of the protocol's.
pub type Result<T = ()> = std::result::Result<T, RpcError>;

/// How a node answers: the part of it that is yours.
pub trait Server: Sized + 'static {
    /// Handles a message that is not an answer to one of the node's own requests. It need not be answered right away;
    /// keep the request, and [`reply`](Node::reply) when there is something to say. An error that is returned is sent as
    /// the answer.
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result;
}
