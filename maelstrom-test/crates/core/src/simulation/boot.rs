//! Starting nodes: `init`, then the workload's own set-up, each node by itself and all in parallel.

use crate::json::{Value, json};

use super::clients::Owner;
use super::{Command, Failure, Phase, Simulation};
use crate::network::EndpointId;
use crate::protocol::{Body, Rpc, shorten};

/// How long a node may take to answer `init`, and each set-up request.
const PATIENCE: u64 = 10_000_000_000;

/// A node that is not ready yet.
#[derive(Debug)]
pub(super) struct Boot {
    client: EndpointId,
    /// Type of the request that it has to answer now.
    request: String,
    /// What comes after that.
    rest: Vec<Body>,
}

impl Simulation {
    /// Starts these nodes; they are ready when none of them has a [`Boot`] left.
    pub(super) fn boot(&mut self, nodes: Vec<usize>) {
        for node in nodes {
            self.nodes[node].complaint = None;
            let name = self.new_client_name();
            let client = self.network.add(&name);
            self.clients.open(client, Owner::Boot(node));
            // No other message is to come before `init`.
            self.network.await_greeting(node, client);
            let mut rest = self.config.workload.setup(node, &self.config.settings);
            rest.reverse();
            self.nodes[node].boot = Some(Boot { client, request: "init".into(), rest });
            self.commands.push_back(Command::Start(node));
        }
    }

    /// The program runs: send `init`.
    pub(super) fn begin_init(&mut self, node: usize) {
        let nodes = &self.config.settings.nodes;
        let body = json!({"type": "init", "node_id": nodes[node], "node_ids": nodes});
        let Value::Object(body) = body else { unreachable!("an object literal") };
        self.boot_request(node, body);
    }

    fn boot_request(&mut self, node: usize, body: Body) {
        let Some(boot) = &mut self.nodes[node].boot else { return };
        boot.request = body.get("type").and_then(Value::as_str).unwrap_or("(a request without type)").to_owned();
        let client = boot.client;
        self.request(client, node, body, PATIENCE);
    }

    /// A booting node answered.
    pub(super) fn boot_answered(&mut self, node: usize, answer: &Body) {
        let Some(boot) = &mut self.nodes[node].boot else { return };
        if let Err(why) = check(&boot.request, answer, &self.clients) {
            let (request, expected) = (boot.request.clone(), expected(&boot.request));
            let answer = shorten(&Value::Object(answer.clone()).to_string(), 400);
            let node = self.config.settings.nodes[node].clone();
            return self.fail(Failure::WrongAnswer { node, request, answer, expected, why });
        }
        if boot.request == "init" {
            self.network.admit(self.now, node);
        }
        if let Some(next) = boot.rest.pop() {
            return self.boot_request(node, next);
        }
        let client = boot.client;
        self.nodes[node].boot = None;
        self.close_client(client);
        if self.nodes.iter().all(|node| node.boot.is_none()) {
            self.all_booted();
        }
    }

    fn all_booted(&mut self) {
        if self.phase == Phase::Boot {
            self.begin_main_phase();
        } else {
            self.fault_effect();
        }
    }

    /// A booting node did not answer in time.
    pub(super) fn boot_timed_out(&mut self, node: usize) {
        let Some(boot) = &self.nodes[node].boot else { return };
        let failure = Failure::NoAnswer {
            node: self.config.settings.nodes[node].clone(),
            request: boot.request.clone(),
            expected: expected(&boot.request),
            patience: PATIENCE,
            stdout: self.nodes[node].tail(),
            complaint: self.nodes[node].complaint.take().map(Box::new),
        };
        self.fail(failure);
    }
}

fn expected(request: &str) -> String {
    format!(r#"{{"type": "{request}_ok", "in_reply_to": …}}"#)
}

/// `init_ok` may hold whatever the node likes; set-up answers are checked against the workload's schema.
fn check(request: &str, answer: &Body, clients: &super::clients::Clients) -> Result<(), String> {
    let found = answer.get("type").and_then(Value::as_str);
    if found == Some("error") {
        return Err("an error where none is possible".into());
    }
    if found != Some(&*format!("{request}_ok")) {
        return Err("the type is wrong".into());
    }
    clients.schema(request).map_or(Ok(()), |rpc: &Rpc| rpc.check_response(answer))
}
