//! The first node: it returns what it receives.
//!
//! A node is a program that reads messages from standard input and writes messages to standard output, one JSON object
//! per line. This is a request and its response; `c1` is a client, and `n0` is this node:
//!
//! ```json
//! {"src": "c1", "dest": "n0", "body": {"type": "echo", "msg_id": 7, "echo": "Hello!"}}
//! {"src": "n0", "dest": "c1", "body": {"type": "echo_ok", "in_reply_to": 7, "echo": "Hello!"}}
//! ```
//!
//! The library reads and writes the lines, answers the first message, `init`, fills in `type` and `in_reply_to`, and calls
//! [`handle`](Server::handle) for each request. To try it by hand, run `cargo run` and type
//! `{"src":"me","dest":"n0","body":{"type":"init","msg_id":1,"node_id":"n0","node_ids":["n0"]}}`, then a request like the one
//! above.

use std::process::ExitCode;

use maelstrom_node::{Message, Node, Result, Server};
use serde_json::{Value, json};

struct Echo;

impl Server for Echo {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "echo" => {
                let words: Value = request.get("echo")?;
                node.reply(&request, json!({ "echo": words }));
                Ok(())
            }
            // An error is also a response. This one has code 10, `not-supported`.
            _ => Err(request.not_supported()),
        }
    }
}

fn main() -> ExitCode {
    maelstrom_node::run(|_| Echo)
}
