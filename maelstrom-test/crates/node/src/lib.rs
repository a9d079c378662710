//! A small library for writing nodes in Rust.
//!
//! A node is a program that reads messages, one JSON object per line, from standard input and writes messages to
//! standard output. This library does the input and output. You implement [`Server`], a value that handles one message at
//! a time, and [`run`] it. Everything happens in one thread, so a server needs no locks. Operations that wait take a
//! closure, which receives the server when the response arrives ([`Node::rpc`]) or the time has passed ([`Node::after`],
//! [`Node::every`]).
//!
//! ```no_run
//! use maelstrom_node::{Message, Node, Result, Server};
//! use serde_json::json;
//!
//! /// A counter.
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
//! An error that a handler returns is sent to the sender of the request. Requests to other nodes, and to the
//! [services](Kv), take a closure that receives the response:
//!
//! ```
//! use maelstrom_node::{Kv, Message, Node, Result, Server};
//! use serde_json::json;
//!
//! /// Reads all values from `lin-kv`.
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
//! In unit tests, [`LocalNode`] runs a server without a process.

#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub use local::LocalNode;
pub use maelstrom_protocol::{self as protocol, json};
pub use message::Message;
pub use stdio::run;

pub use crate::protocol::{ErrorCode, RpcError};

/// The result of handlers and requests. The error is an error of the protocol.
pub type Result<T = ()> = std::result::Result<T, RpcError>;

/// The logic of a node: its state, and how it handles messages.
pub trait Server: Sized + 'static {
    /// Handles a message that is not a response to one of the node's own requests.
    ///
    /// The response may be sent later: keep the request and [`reply`](Node::reply) to it.
    ///
    /// # Errors
    /// An error is sent as the response to the message.
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result;
}

// The example in the README is compiled like those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
