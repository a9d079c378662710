//! Clients: who waits for which answer, and since when.

use crate::json::Value;

use super::{Event, ExceptionKind, Simulation};
use crate::history::Nanos;
use crate::network::{Delivery, EndpointId};
use crate::protocol::{Body, Rpc, RpcError};
use crate::workload::Answer;

/// The envelope's parser has seen that a body is JSON, but has not looked at its depth and numbers.
pub(super) const UNREADABLE: &str =
    "the body cannot be read: a number is out of range, or it is nested more than 127 levels deep";

/// On whose behalf a client sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A node's start.
    Boot(usize),
    /// A worker's operations.
    Worker(usize),
}

#[derive(Debug)]
struct Waiting {
    msg_id: u64,
    request: String,
    deadline: Nanos,
}

#[derive(Debug)]
struct ClientState {
    owner: Owner,
    last_msg_id: u64,
    waiting: Option<Waiting>,
    /// A timeout is on the agenda; one per client is enough, it is renewed when it comes too early.
    timeout_set: bool,
}

/// All clients of a run.
#[derive(Debug)]
pub(super) struct Clients {
    /// Endpoints below this are nodes and services.
    first: EndpointId,
    states: Vec<Option<ClientState>>,
    rpcs: Vec<Rpc>,
}

impl Clients {
    pub(super) fn new(first: EndpointId, rpcs: &[Rpc]) -> Clients {
        Clients { first, states: Vec::new(), rpcs: rpcs.to_vec() }
    }

    pub(super) fn open(&mut self, client: EndpointId, owner: Owner) {
        debug_assert_eq!(client, self.first + self.states.len());
        self.states.push(Some(ClientState { owner, last_msg_id: 0, waiting: None, timeout_set: false }));
    }

    pub(super) fn schema(&self, request: &str) -> Option<&Rpc> {
        self.rpcs.iter().find(|rpc| rpc.name == request)
    }

    fn get(&mut self, client: EndpointId) -> Option<&mut ClientState> {
        self.states.get_mut(client - self.first)?.as_mut()
    }
}

impl Simulation {
    pub(super) fn new_client_name(&self) -> String {
        format!("c{}", self.clients.states.len())
    }

    pub(super) fn close_client(&mut self, client: EndpointId) {
        self.network.close(client);
        self.clients.states[client - self.clients.first] = None;
    }

    /// Sends a request of a client, which then waits for the answer.
    pub(super) fn request(&mut self, client: EndpointId, node: usize, mut body: Body, patience: Nanos) {
        let deadline = self.now.saturating_add(patience);
        let Some(state) = self.clients.get(client) else { return };
        state.last_msg_id += 1;
        let request = body.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        state.waiting = Some(Waiting { msg_id: state.last_msg_id, request, deadline });
        body.insert("msg_id".into(), state.last_msg_id.into());
        if !std::mem::replace(&mut state.timeout_set, true) {
            self.agenda.add(deadline, Event::Timeout(client));
        }
        let text = Value::Object(body).to_string();
        self.network.send(self.now, client, node, &text);
    }

    /// A message reached a client.
    pub(super) fn client_received(&mut self, delivery: &Delivery) {
        let text = delivery.body();
        let Ok(body) = crate::json::object_from_str(text) else {
            return self.complain_of(delivery, ExceptionKind::UnexpectedMessage, UNREADABLE, None);
        };
        let Some(state) = self.clients.get(delivery.dest) else { return };
        let in_reply_to = match body.get("in_reply_to") {
            None => Err("in_reply_to is missing: an answer must hold the msg_id of its request".to_owned()),
            Some(value) => match value.as_u64() {
                Some(number) if (1..=state.last_msg_id).contains(&number) => Ok(number),
                Some(_) => Err("in_reply_to is a number that the client never used as msg_id".to_owned()),
                None if value.is_integer() => {
                    Err("in_reply_to is a number that the client never used as msg_id".to_owned())
                }
                None => Err("in_reply_to should be the integer msg_id of the request".to_owned()),
            },
        };
        match in_reply_to {
            Err(cause) => self.complain_of(delivery, ExceptionKind::UnexpectedMessage, &cause, None),
            Ok(number) => {
                if let Some(waiting) = state.waiting.take_if(|waiting| waiting.msg_id == number) {
                    let owner = state.owner;
                    self.answered(delivery, owner, waiting.request, body);
                } else {
                    self.network.ignored(self.now, delivery);
                }
            }
        }
    }

    fn answered(&mut self, delivery: &Delivery, owner: Owner, request: String, body: Body) {
        match owner {
            Owner::Boot(node) => self.boot_answered(node, &body),
            Owner::Worker(worker) => {
                let answer = self.judge(delivery, &request, body);
                self.worker_answered(worker, answer, delivery.body());
            }
        }
    }

    /// Tells good answers, errors and malformed ones apart; reports the last.
    fn judge(&mut self, delivery: &Delivery, request: &str, mut body: Body) -> Answer {
        let rpc = self.clients.schema(request);
        let wrong = if body.get("type").and_then(Value::as_str) == Some("error") {
            match take_error(&mut body) {
                Ok(error) => return Answer::Error(error),
                Err(why) => why,
            }
        } else {
            match rpc.map_or(Ok(()), |rpc| rpc.check_response(&body)) {
                Ok(()) => {
                    if let Some(rpc) = rpc {
                        rpc.replace_nulls(&mut body);
                    }
                    return Answer::Ok(body);
                }
                Err(why) => why,
            }
        };
        let schema = rpc.map_or_else(String::new, Rpc::response_schema);
        let expected = Some((request, &*schema)).filter(|_| rpc.is_some());
        self.complain_of(delivery, ExceptionKind::MalformedResponse, &wrong, expected);
        Answer::Malformed(wrong)
    }

    pub(super) fn complain_of(
        &mut self,
        delivery: &Delivery,
        kind: ExceptionKind,
        cause: &str,
        rpc: Option<(&str, &str)>,
    ) {
        if delivery.sender < self.nodes.len() {
            self.complain(delivery.sender, kind, cause, delivery.body(), rpc);
        }
    }

    /// A client's time may be up: the timeout may belong to an earlier request.
    pub(super) fn timeout_due(&mut self, client: EndpointId) {
        let now = self.now;
        let Some(state) = self.clients.get(client) else { return };
        state.timeout_set = false;
        match &state.waiting {
            None => {}
            Some(waiting) if waiting.deadline > now => {
                state.timeout_set = true;
                let deadline = waiting.deadline;
                self.agenda.add(deadline, Event::Timeout(client));
            }
            Some(_) => {
                state.waiting = None;
                match state.owner {
                    Owner::Boot(node) => self.boot_timed_out(node),
                    Owner::Worker(worker) => self.worker_answered(worker, Answer::Timeout, ""),
                }
            }
        }
    }
}

fn take_error(body: &mut Body) -> Result<RpcError, String> {
    let code = match body.remove("code") {
        None => return Err("code is missing in an error body".into()),
        Some(code) => code.as_i64().ok_or_else(|| format!("code should be an integer of 64 bits, but is {code}"))?,
    };
    let text = match body.remove("text") {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    for key in ["type", "in_reply_to", "msg_id"] {
        body.remove(key);
    }
    Ok(RpcError { code, text, extra: std::mem::take(body) })
}
