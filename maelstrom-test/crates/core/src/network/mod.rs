//! The simulated network: one value that every message passes through.
//!
//! ```text
//! send ──► id ──► journal: send ──► loss, duplication ──► in flight ──► deadline ──► checks ──► journal: recv ──► receive
//!                                          │                                           │
//!                                    journal: lose                journal: drop (partition, destination down, …)
//! ```
//!
//! Partitions are checked when a message is due, not when it is sent: a message in flight does not cross a partition that
//! starts before its deadline. The network does no I/O and has no clock. The caller passes the time to every method and
//! polls for messages that are due.

mod config;
mod faults;
mod journal;
mod latency;
mod links;
mod message;
mod send;
mod stats;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use slab::Slab;

pub use config::NetworkConfig;
pub use journal::{Cause, EventType, Journal, JournalEvent, KEPT_EVENTS, Reason};
pub use latency::Distribution;
pub(crate) use message::{Delivery, Origin};
pub use stats::{Counts, Stats};

use self::faults::PacketFault;
use self::links::Links;
use self::message::InFlight;
use crate::history::Nanos;
use crate::plan::{OtherMessages, Overrides};
use crate::protocol::NodeKind;

/// Maximum number of message buffers that are kept for reuse.
const MAX_SPARE_BUFFERS: usize = 4096;
/// Larger buffers are freed, so that a burst of large messages does not stay allocated.
const MAX_SPARE_BUFFER_BYTES: usize = 1024;

/// A node, service or client, numbered in the order of creation. Nodes under test come first, so the endpoint of a node
/// equals its node number.
pub(crate) type EndpointId = usize;

#[derive(Debug)]
struct Endpoint {
    name: Box<str>,
    /// The name in [`MessageId`](crate::plan::MessageId), if it is another one.
    identity: Option<Box<str>>,
    kind: NodeKind,
    /// False for closed clients and for nodes that are down.
    open: bool,
    /// The client that initialises this node, until the node has acknowledged `init`. Other messages are held back.
    initialised_by: Option<EndpointId>,
    /// How many times the node was killed.
    incarnation: u32,
    /// The faults that killed the node; the fault at index `i` ended incarnation `i`.
    killed_by: Vec<u64>,
    /// Messages sent to other nodes since [`Network::reset_likely_leader`].
    sent_to_peers: u64,
}

impl Endpoint {
    /// The name in [`MessageId`](crate::plan::MessageId).
    fn identity(&self) -> &str {
        self.identity.as_ref().unwrap_or(&self.name)
    }
}

/// Delivery order: deadline, then a random number that belongs to the message, then the key in [`Network::in_flight`].
type Due = (Nanos, u64, usize);

/// The network of one run.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    endpoints: Vec<Endpoint>,
    by_name: FxHashMap<Box<str>, EndpointId>,
    node_count: usize,
    queue: BinaryHeap<Reverse<Due>>,
    /// Messages in flight; `queue` and `held` refer to them by key.
    in_flight: Slab<InFlight>,
    /// Keys of messages that are due, but whose destination has not acknowledged `init` yet.
    held: Vec<usize>,
    /// Buffers of delivered messages, for reuse.
    spare_buffers: Vec<String>,
    bytes_in_flight: usize,
    next_id: u64,
    links: Links,
    other_messages: OtherMessages,
    /// Whether `dest` drops messages from `src`, at `dest * node_count + src`.
    blocked: Vec<bool>,
    /// The fault that caused the current partition.
    partition: Option<u64>,
    latency_factor: f64,
    /// Replaces [`NetworkConfig::p_loss`] if it is above 0.
    p_loss_override: f64,
    packet_fault: Option<PacketFault>,
    messages_affected: u64,
    journal: Journal,
    stats: Stats,
}

impl Network {
    /// Creates a network of the given nodes and all services, without messages.
    pub(crate) fn new(config: NetworkConfig, nodes: &[String], seed: u64) -> Network {
        let mut network = Network {
            config,
            endpoints: Vec::new(),
            by_name: FxHashMap::default(),
            node_count: nodes.len(),
            queue: BinaryHeap::new(),
            in_flight: Slab::new(),
            held: Vec::new(),
            spare_buffers: Vec::new(),
            bytes_in_flight: 0,
            next_id: 0,
            links: Links::new(seed, &[]),
            other_messages: OtherMessages::Drawn,
            blocked: vec![false; nodes.len() * nodes.len()],
            partition: None,
            latency_factor: 1.0,
            p_loss_override: 0.0,
            packet_fault: None,
            messages_affected: 0,
            journal: Journal::default(),
            stats: Stats::default(),
        };
        for name in nodes.iter().map(String::as_str).chain(crate::protocol::SERVICE_NAMES) {
            network.add_endpoint(name, None);
        }
        network
    }

    /// Lets a plan decide on the fates of messages.
    pub(crate) fn obey(&mut self, plan: &Overrides, seed: u64) {
        self.links = Links::new(seed, &plan.messages);
        self.other_messages = plan.other_messages;
    }

    /// What the plan says of messages that were never sent.
    pub(crate) fn unmet_overrides(&self) -> Vec<String> {
        self.links.unmet()
    }

    /// Adds a client. `identity` names it in [`MessageId`](crate::plan::MessageId).
    pub(crate) fn add_client(&mut self, name: &str, identity: &str) -> EndpointId {
        self.add_endpoint(name, Some(identity.into()))
    }

    fn add_endpoint(&mut self, name: &str, identity: Option<Box<str>>) -> EndpointId {
        let id = self.endpoints.len();
        self.endpoints.push(Endpoint {
            name: name.into(),
            identity,
            kind: NodeKind::of_name(name),
            open: true,
            initialised_by: None,
            incarnation: 0,
            killed_by: Vec::new(),
            sent_to_peers: 0,
        });
        self.by_name.insert(name.into(), id);
        id
    }

    /// The endpoint with this name.
    pub(crate) fn find(&self, name: &str) -> Option<EndpointId> {
        self.by_name.get(name).copied()
    }

    /// The name of an endpoint.
    pub(crate) fn name(&self, endpoint: EndpointId) -> &str {
        &self.endpoints[endpoint].name
    }

    /// Whether an endpoint is a node, a service or a client.
    pub(crate) fn kind(&self, endpoint: EndpointId) -> NodeKind {
        self.endpoints[endpoint].kind
    }

    /// Closes a client. Messages that arrive for it later are dropped, and do not count in [`Stats::dropped`].
    pub(crate) fn close_client(&mut self, client: EndpointId) {
        self.endpoints[client].open = false;
    }

    /// Records that a fault killed a node. Messages in flight to it, and messages that arrive while it is down, are
    /// dropped.
    pub(crate) fn node_killed(&mut self, node: usize, fault: u64) {
        self.endpoints[node].open = false;
        self.endpoints[node].incarnation += 1;
        self.endpoints[node].killed_by.push(fault);
    }

    /// Records that a node was started or restarted.
    pub(crate) fn node_started(&mut self, node: usize) {
        self.endpoints[node].open = true;
    }

    /// Holds back all messages to a node until [`end_initialisation`](Network::end_initialisation), except those from
    /// `client` and from services. Services only send responses, and a node may read from one before it acknowledges
    /// `init`.
    pub(crate) fn begin_initialisation(&mut self, node: usize, client: EndpointId) {
        self.endpoints[node].initialised_by = Some(client);
    }

    /// Records that a node acknowledged `init`, and releases the messages that were held back.
    pub(crate) fn end_initialisation(&mut self, now: Nanos, node: usize) {
        if self.endpoints[node].initialised_by.take().is_some() {
            // Messages held back for other nodes are due at once, and are held back again.
            for key in std::mem::take(&mut self.held) {
                self.queue.push(Reverse((now, self.in_flight[key].order, key)));
            }
        }
    }

    /// The current incarnation of a node: how many times it was killed. Always 0 for clients and services.
    pub(crate) fn incarnation(&self, endpoint: EndpointId) -> u32 {
        self.endpoints[endpoint].incarnation
    }

    /// The deadline of the next message.
    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        self.queue.peek().map(|Reverse((deadline, ..))| *deadline)
    }

    /// The size of all messages in flight, in bytes.
    pub(crate) fn bytes_in_flight(&self) -> usize {
        self.bytes_in_flight
    }

    /// Takes the next message that is due at or before `now`. Drops messages that cannot be delivered.
    pub(crate) fn receive(&mut self, now: Nanos) -> Option<Delivery> {
        while let Some(Reverse((deadline, _, key))) = self.queue.peek().copied()
            && deadline <= now
        {
            self.queue.pop();
            if self.is_held_back(key) {
                self.held.push(key);
                continue;
            }
            let message = self.in_flight.remove(key);
            self.bytes_in_flight -= message.delivery.line.len();
            let drop_cause = self.drop_cause(&message);
            let delivery = message.delivery;
            if let Some(cause) = drop_cause {
                self.journal.record(now, delivery.id, EventType::Drop, cause);
                self.reuse_buffer(delivery);
            } else {
                self.journal.recv(now, delivery.id);
                self.stats.received(self.endpoints[delivery.src].kind, self.endpoints[delivery.dest].kind);
                return Some(delivery);
            }
        }
        None
    }

    fn is_held_back(&self, key: usize) -> bool {
        let message = &self.in_flight[key];
        let dest = &self.endpoints[message.delivery.dest];
        let sender = message.delivery.sender;
        let may_pass = |client| client == sender || self.endpoints[sender].kind == NodeKind::Service;
        dest.open && dest.initialised_by.is_some_and(|client| !may_pass(client))
    }

    /// Why a message that is due must be dropped; `None` if it can be delivered. Counts dropped messages.
    fn drop_cause(&mut self, message: &InFlight) -> Option<Cause> {
        let Delivery { sender: src, dest, .. } = message.delivery;
        if !message.is_planned
            && src < self.node_count
            && dest < self.node_count
            && self.blocked[dest * self.node_count + src]
        {
            self.stats.cut += 1;
            return Some(Cause::new(Reason::Partition, self.partition));
        }
        let endpoint = &self.endpoints[dest];
        if endpoint.open && endpoint.incarnation == message.incarnation {
            return None;
        }
        if endpoint.kind == NodeKind::Client {
            return Some(Cause::new(Reason::ClientClosed, None));
        }
        self.stats.dropped += 1;
        let killed_by = |incarnation: u32| endpoint.killed_by.get(incarnation as usize).copied();
        Some(if endpoint.incarnation == message.incarnation {
            // The message was sent while the node was already down: the latest kill is the cause.
            Cause::new(Reason::Down, endpoint.killed_by.last().copied())
        } else if message.is_stale {
            Cause::new(Reason::EarlierIncarnation, killed_by(message.incarnation))
        } else {
            Cause::new(Reason::Killed, killed_by(message.incarnation))
        })
    }

    /// Records that a client ignored a response because it no longer waits for it.
    pub(crate) fn record_ignored(&mut self, now: Nanos, delivery: &Delivery) {
        self.journal.record(now, delivery.id, EventType::Ignore, Cause::new(Reason::NotAwaited, None));
    }

    /// Message counts.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal, for taking its lines.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }
}

#[cfg(test)]
mod tests;
