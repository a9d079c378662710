//! Messages: from a node's output into the network, and from the network to a node, a service or a client.

use super::state::{OUTPUT_LIMIT, Owner, Received, Timeout};
use super::{Event, Failure, Simulation};
use crate::checker::exceptions::{Exception, ExceptionKind};
use crate::history::Nanos;
use crate::json::Value;
use crate::network::{Delivery, EndpointId, Origin};
use crate::protocol::{Body, Envelope, Malformed, NodeKind, Rpc};
use crate::random::{choice, hash};
use crate::workload::Response;

/// Lines of a node that an error shows.
const LAST_LINES: usize = 3;
/// The parser of envelopes has seen that a body is JSON, but has not looked at its depth and numbers.
const UNREADABLE: &str = "the body cannot be read: a number is out of range, or it is nested more than 127 levels deep";

/// The kind of choice that a service makes for a request.
const SERVICE: u64 = hash("service");

impl Simulation {
    /// A node printed a line (given without its line feed).
    pub fn on_line(&mut self, now: Nanos, node: usize, line: &[u8]) {
        self.now = now;
        self.nodes.printed(node, line);
        self.end_if_planned();
        if line.trim_ascii().is_empty() || self.is_over() {
            return;
        }
        let sent = Envelope::parse(line).and_then(|envelope| self.send_from_node(node, &envelope));
        if let Err(malformed) = sent {
            let line = String::from_utf8_lossy(line);
            self.report_malformed(node, ExceptionKind::MalformedMessage, &malformed, &line, None);
        }
    }

    fn send_from_node(&mut self, node: usize, envelope: &Envelope<'_>) -> Result<(), Malformed> {
        let src = if envelope.src == self.network.name(node) {
            node
        } else {
            // As in the original, the name need only exist: in its demonstrations a Raft node forwards a client's request
            // unchanged.
            self.network.find(&envelope.src).ok_or_else(|| {
                let (own, found) = (self.network.name(node), &envelope.src);
                let reason =
                    format!("src should be the node's own name, {own}, but is {found}, and nobody has that name");
                Malformed::at_key("src", reason)
            })?
        };
        let dest = self
            .network
            .find(&envelope.dest)
            .ok_or_else(|| Malformed::at_key("dest", format!("dest is {}, but nobody has that name", envelope.dest)))?;
        if src != node && self.nodes.begins_to_send_for_others(node) {
            self.notes.push(format!(
                "{} sends messages in the name of others; they are delivered under the names that they bear",
                self.network.name(node)
            ));
        }
        if self.traffic.is_too_much(self.now, node, dest) {
            let failure = self.traffic.failure(&self.network, |node| self.nodes.last_lines(node, LAST_LINES));
            self.fail(failure);
            return Ok(());
        }
        let body = envelope.body();
        let incarnation = match self.requests.asking_incarnation(dest, src, body) {
            Some(incarnation) => incarnation,
            None => self.network.incarnation(dest),
        };
        self.network.send_as(self.now, Origin { sender: node, src }, dest, body, incarnation);
        if self.network.bytes_in_flight() > OUTPUT_LIMIT {
            let node = self.node_name(node);
            self.fail(Failure::NetworkFull { node, bytes: OUTPUT_LIMIT });
        }
        Ok(())
    }

    /// Hands a message to its destination.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        match self.network.kind(delivery.dest) {
            NodeKind::Server => {
                self.requests.delivered(&delivery);
                self.write_to_node(delivery.dest, delivery.line());
            }
            NodeKind::Service => self.serve(&delivery),
            NodeKind::Client => self.client_received(&delivery),
        }
        self.network.reuse_buffer(delivery);
    }

    fn write_to_node(&mut self, node: usize, line: &str) {
        if !self.nodes.write(node, line) {
            let node = self.node_name(node);
            self.fail(Failure::NodeDoesNotRead { node, bytes: OUTPUT_LIMIT });
        }
    }

    fn serve(&mut self, delivery: &Delivery) {
        let Ok(request) = crate::json::object_from_str(delivery.body()) else {
            return self.report_response(delivery, ExceptionKind::UnexpectedMessage, &UNREADABLE.into(), None);
        };
        let service = &mut self.services[delivery.dest - self.nodes.len()];
        let mut response =
            service.handle(self.network.name(delivery.src), &request, &mut choice(delivery.key, SERVICE, &[]));
        if let Some(msg_id) = request.get("msg_id") {
            response.insert("in_reply_to".into(), msg_id.clone());
        }
        let body = Value::Object(response).to_string();
        self.network.send_to_incarnation(self.now, delivery.dest, delivery.src, &body, delivery.src_incarnation);
    }

    // Clients.

    pub(super) fn open_client(&mut self, owner: Owner) -> EndpointId {
        let owner_name = match owner {
            Owner::Boot(node) => format!("boot {}", self.config.settings.nodes[node]),
            Owner::Worker(worker) => format!("w{worker}"),
        };
        let identity = self.clients.next_identity(owner, &owner_name);
        let client = self.network.add_client(&self.clients.next_name(), &identity);
        self.clients.open(client, owner);
        client
    }

    pub(super) fn close_client(&mut self, client: EndpointId) {
        self.network.close_client(client);
        self.clients.close(client);
    }

    /// Sends a request of a client, which then waits for the response.
    pub(super) fn send_request(&mut self, client: EndpointId, node: usize, mut body: Body, timeout: Nanos) {
        let deadline = self.now.saturating_add(timeout);
        let Some(needs_timer) = self.clients.request(client, &mut body, deadline) else { return };
        if needs_timer {
            self.agenda.add(deadline, Event::Timeout(client));
        }
        self.network.send(self.now, client, node, &Value::Object(body).to_string());
    }

    fn client_received(&mut self, delivery: &Delivery) {
        let Ok(body) = crate::json::object_from_str(delivery.body()) else {
            return self.report_response(delivery, ExceptionKind::UnexpectedMessage, &UNREADABLE.into(), None);
        };
        match self.clients.receive(delivery.dest, &body) {
            Received::Closed => {}
            Received::Late => self.network.record_ignored(self.now, delivery),
            Received::Unexpected(malformed) => {
                self.report_response(delivery, ExceptionKind::UnexpectedMessage, &malformed, None);
            }
            Received::Response { owner: Owner::Boot(node), .. } => self.boot_responded(node, &body),
            Received::Response { owner: Owner::Worker(worker), request } => {
                let response = self.clients.read_response(&request, body);
                if let Response::Malformed(malformed) = &response {
                    let schema = self.clients.rpc(&request).map(Rpc::response_schema);
                    let expected = schema.as_ref().map(|schema| (&*request, &**schema));
                    self.report_response(delivery, ExceptionKind::MalformedResponse, malformed, expected);
                }
                self.worker_responded(worker, response, delivery.body());
            }
        }
    }

    /// The timer of a client has expired.
    pub(super) fn client_timer_expired(&mut self, client: EndpointId) {
        match self.clients.timer_expired(client, self.now) {
            Timeout::Idle => {}
            Timeout::NotYet(deadline) => self.agenda.add(deadline, Event::Timeout(client)),
            Timeout::Expired(Owner::Boot(node)) => self.boot_timed_out(node),
            Timeout::Expired(Owner::Worker(worker)) => self.worker_responded(worker, Response::Timeout, ""),
        }
    }

    // Reports.

    /// Reports a message that reached a service or a client, if a node sent it.
    fn report_response(
        &mut self,
        delivery: &Delivery,
        kind: ExceptionKind,
        malformed: &Malformed,
        expected: Option<(&str, &str)>,
    ) {
        if delivery.sender < self.nodes.len() {
            self.report_malformed(delivery.sender, kind, malformed, delivery.body(), expected);
        }
    }

    /// Reports something malformed that a node printed.
    pub(super) fn report_malformed(
        &mut self,
        node: usize,
        kind: ExceptionKind,
        malformed: &Malformed,
        example: &str,
        expected: Option<(&str, &str)>,
    ) {
        self.nodes.keep_malformed(node, malformed, example);
        self.exceptions.record(&Exception {
            kind,
            node: &self.config.settings.nodes[node],
            cause: &malformed.to_string(),
            expected,
            example,
            line_number: self.nodes.lines_printed(node),
            time: self.now,
        });
    }
}
