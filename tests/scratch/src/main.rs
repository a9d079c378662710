//! Generates ids. With the argument `bad` they are not unique; with `crash` the node exits after the first request.

use maelstrom_node::{Message, Node, Result, Server};
use serde_json::json;

struct Ids {
    count: u64,
    mode: Option<String>,
}

impl Server for Ids {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match (request.kind(), self.mode.as_deref()) {
            ("generate", Some("crash")) => {
                eprintln!("about to crash");
                std::process::exit(3);
            }
            ("generate", mode) => {
                self.count += 1;
                let id = if mode == Some("bad") { json!(self.count) } else { json!([node.id(), self.count]) };
                node.reply(&request, json!({ "id": id }));
                Ok(())
            }
            _ => Err(request.not_supported()),
        }
    }
}

fn main() -> std::process::ExitCode {
    maelstrom_node::run(|_| Ids { count: 0, mode: std::env::args().nth(1) })
}
