//! Responds with the payload of the request.

use crate::{Message, Node, Result, Server};
use serde::Serialize;
use serde_json::value::RawValue;

pub(super) struct Echo;

#[derive(Serialize)]
struct EchoOk {
    echo: Box<RawValue>,
}

impl Server for Echo {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "echo" => node.reply(&request, EchoOk { echo: request.get("echo")? }),
            _ => return Err(request.not_supported()),
        }
        Ok(())
    }
}
