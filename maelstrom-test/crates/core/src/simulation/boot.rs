//! Starting nodes: each gets `init` and then the workload's set-up requests, all nodes in parallel.

use super::state::{Boot, Owner};
use super::{Command, Failure, Phase, Simulation};
use crate::history::Nanos;
use crate::json::{Value, json};
use crate::protocol::{Body, Malformed, shorten};

/// Timeout of `init` and of each set-up request.
const BOOT_TIMEOUT: Nanos = 10_000_000_000;
/// Number of characters of a wrong response in an error message.
const RESPONSE_WIDTH: usize = 400;

impl Simulation {
    /// Starts these nodes. They are ready when none of them boots any more.
    pub(super) fn boot(&mut self, nodes: Vec<usize>) {
        for node in nodes {
            let client = self.open_client(Owner::Boot(node));
            // Nothing else may arrive before `init`.
            self.network.begin_initialisation(node, client);
            let mut rest = self.config.workload.setup(node, &self.config.settings);
            rest.reverse();
            self.nodes.begin_boot(node, Boot { client, request: "init".into(), rest });
            self.commands.push_back(Command::Start(node));
        }
    }

    /// The program runs: send `init`.
    pub(super) fn send_init(&mut self, node: usize) {
        let nodes = &self.config.settings.nodes;
        let body = json!({"type": "init", "node_id": nodes[node], "node_ids": nodes});
        let Value::Object(body) = body else { unreachable!("an object literal") };
        self.send_boot_request(node, body);
    }

    fn send_boot_request(&mut self, node: usize, body: Body) {
        let Some(boot) = self.nodes.boot_of(node) else { return };
        boot.request = body.get("type").and_then(Value::as_str).unwrap_or("(a request without type)").to_owned();
        let client = boot.client;
        self.send_request(client, node, body, BOOT_TIMEOUT);
    }

    /// A booting node responded.
    pub(super) fn boot_responded(&mut self, node: usize, response: &Body) {
        let Some(boot) = self.nodes.boot_of(node) else { return };
        let request = boot.request.clone();
        if let Err(malformed) = self.check_boot_response(&request, response) {
            let response = shorten(&Value::Object(response.clone()).to_string(), RESPONSE_WIDTH);
            let (node, expected) = (self.node_name(node), expected(&request));
            return self.fail(Failure::WrongResponse { node, request, response, expected, why: malformed.to_string() });
        }
        if request == "init" {
            self.network.end_initialisation(self.now, node);
        }
        let Some(boot) = self.nodes.boot_of(node) else { return };
        if let Some(next) = boot.rest.pop() {
            return self.send_boot_request(node, next);
        }
        let client = boot.client;
        self.nodes.end_boot(node);
        self.close_client(client);
        if self.nodes.is_any_booting() {
            return;
        }
        match self.phase {
            Phase::Boot => self.begin_main_phase(),
            _ => self.fault_effect(),
        }
    }

    /// `init_ok` may have additional keys. Responses to set-up requests are checked against the workload's schema.
    fn check_boot_response(&self, request: &str, response: &Body) -> Result<(), Malformed> {
        let found = response.get("type").and_then(Value::as_str);
        if found == Some("error") {
            return Err("an error where none is possible".into());
        }
        if found != Some(&*format!("{request}_ok")) {
            return Err("the type is wrong".into());
        }
        self.clients.rpc(request).map_or(Ok(()), |rpc| rpc.check_response(response))
    }

    /// A request to a booting node timed out.
    pub(super) fn boot_timed_out(&mut self, node: usize) {
        let Some(boot) = self.nodes.boot_of(node) else { return };
        let request = boot.request.clone();
        let failure = Failure::NoResponse {
            node: self.node_name(node),
            expected: expected(&request),
            request,
            timeout: BOOT_TIMEOUT,
            stdout: self.nodes.tail(node),
            malformed: self.nodes.take_malformed(node).map(Box::new),
        };
        self.fail(failure);
    }
}

fn expected(request: &str) -> String {
    format!(r#"{{"type": "{request}_ok", "in_reply_to": …}}"#)
}
