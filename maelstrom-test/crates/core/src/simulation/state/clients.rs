//! [`Clients`]: which client waits for which response, and until when.

use std::collections::BTreeMap;

use crate::history::Nanos;
use crate::json::Value;
use crate::network::EndpointId;
use crate::protocol::{Body, Malformed, Rpc, RpcError};
use crate::workload::Response;

/// On whose behalf a client sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Owner {
    /// The start of a node.
    Boot(usize),
    /// The operations of a worker.
    Worker(usize),
}

/// What a message means to the client that received it.
#[derive(Debug)]
pub(in super::super) enum Received {
    /// The client is closed.
    Closed,
    /// A response to a request that was answered before or timed out.
    Late,
    /// No response to any request of this client.
    Unexpected(Malformed),
    /// The response that this client waits for.
    Response { owner: Owner, request: String },
}

/// What a timer means to its client.
#[derive(Debug)]
pub(in super::super) enum Timeout {
    /// Nothing: the response has come.
    Idle,
    /// It belongs to an earlier request; the present one times out at this time.
    NotYet(Nanos),
    /// The request timed out.
    Expired(Owner),
}

#[derive(Debug)]
struct Waiting {
    msg_id: u64,
    request: String,
    deadline: Nanos,
}

#[derive(Debug)]
struct Client {
    owner: Owner,
    last_msg_id: u64,
    waiting: Option<Waiting>,
    /// A timer of this client is on the agenda. One is enough: it is renewed if it comes too early.
    has_timer: bool,
}

/// All clients of a run, closed ones included. Their endpoints follow those of nodes and services.
#[derive(Debug)]
pub(in super::super) struct Clients {
    first: EndpointId,
    clients: Vec<Option<Client>>,
    /// How many clients each owner has had.
    counts: BTreeMap<Owner, u32>,
    rpcs: Vec<Rpc>,
}

impl Clients {
    pub(in super::super) fn new(first: EndpointId, rpcs: Vec<Rpc>) -> Clients {
        Clients { first, clients: Vec::new(), counts: BTreeMap::new(), rpcs }
    }

    /// The name of the client that is opened next.
    pub(in super::super) fn next_name(&self) -> String {
        format!("c{}", self.clients.len())
    }

    /// The name of an owner's next client in the identities of messages: that of the owner, and the number of the client if
    /// the owner has had others.
    pub(in super::super) fn next_identity(&mut self, owner: Owner, owner_name: &str) -> String {
        let count = self.counts.entry(owner).or_default();
        *count += 1;
        if *count == 1 { owner_name.to_owned() } else { format!("{owner_name}.{}", *count - 1) }
    }

    pub(in super::super) fn open(&mut self, client: EndpointId, owner: Owner) {
        debug_assert_eq!(client, self.first + self.clients.len());
        self.clients.push(Some(Client { owner, last_msg_id: 0, waiting: None, has_timer: false }));
    }

    pub(in super::super) fn close(&mut self, client: EndpointId) {
        self.clients[client - self.first] = None;
    }

    pub(in super::super) fn rpc(&self, request: &str) -> Option<&Rpc> {
        self.rpcs.iter().find(|rpc| rpc.name == request)
    }

    fn get(&mut self, client: EndpointId) -> Option<&mut Client> {
        self.clients.get_mut(client - self.first)?.as_mut()
    }

    /// A client is about to send this request: gives it a `msg_id`, and tells whether the deadline has to be put on the
    /// agenda. `None` if the client is closed.
    pub(in super::super) fn request(&mut self, client: EndpointId, body: &mut Body, deadline: Nanos) -> Option<bool> {
        let client = self.get(client)?;
        client.last_msg_id += 1;
        let request = body.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        client.waiting = Some(Waiting { msg_id: client.last_msg_id, request, deadline });
        body.insert("msg_id".into(), client.last_msg_id.into());
        Some(!std::mem::replace(&mut client.has_timer, true))
    }

    /// A message has reached a client.
    pub(in super::super) fn receive(&mut self, client: EndpointId, body: &Body) -> Received {
        let Some(client) = self.get(client) else { return Received::Closed };
        let unexpected = |reason: &str| Received::Unexpected(Malformed::at_key("in_reply_to", reason));
        let number = match body.get("in_reply_to") {
            None => return unexpected("in_reply_to is missing: a response must hold the msg_id of its request"),
            Some(value) => match value.as_u64() {
                Some(number) if (1..=client.last_msg_id).contains(&number) => number,
                None if !value.is_integer() => {
                    return unexpected("in_reply_to should be the integer msg_id of the request");
                }
                _ => return unexpected("in_reply_to is a number that the client never used as msg_id"),
            },
        };
        match client.waiting.take_if(|waiting| waiting.msg_id == number) {
            Some(waiting) => Received::Response { owner: client.owner, request: waiting.request },
            None => Received::Late,
        }
    }

    /// Reads the response to a request: a good one, an error, or one that does not match the schema.
    pub(in super::super) fn read_response(&self, request: &str, mut body: Body) -> Response {
        if body.get("type").and_then(Value::as_str) == Some("error") {
            return match take_error(&mut body) {
                Ok(error) => Response::Error(error),
                Err(malformed) => Response::Malformed(malformed),
            };
        }
        if let Some(rpc) = self.rpc(request) {
            if let Err(malformed) = rpc.check_response(&body) {
                return Response::Malformed(malformed);
            }
            rpc.replace_nulls(&mut body);
        }
        Response::Ok(body)
    }

    /// The timer of a client has expired.
    pub(in super::super) fn timer_expired(&mut self, client: EndpointId, now: Nanos) -> Timeout {
        let Some(client) = self.get(client) else { return Timeout::Idle };
        client.has_timer = false;
        match &client.waiting {
            None => Timeout::Idle,
            Some(waiting) if waiting.deadline > now => {
                client.has_timer = true;
                Timeout::NotYet(waiting.deadline)
            }
            Some(_) => {
                client.waiting = None;
                Timeout::Expired(client.owner)
            }
        }
    }
}

fn take_error(body: &mut Body) -> Result<RpcError, Malformed> {
    let code = match body.remove("code") {
        None => return Err("code is missing in an error body".into()),
        Some(code) => code
            .as_i64()
            .ok_or_else(|| Malformed::at_key("code", format!("code should be an integer of 64 bits, but is {code}")))?,
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
