//! The simulated network: one value that every message passes through.
//!
//! A message gets a number, is journaled as sent, perhaps lost or copied, waits until its delay is over, is checked
//! against the partitions *at that moment*, and is journaled as received. The network does no I/O and has no clock: it
//! is told the time, and asked for what is due.

mod journal;
mod latency;
mod stats;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt;
use rustc_hash::FxHashMap;
use slab::Slab;

pub use journal::{Cause, EventType, Journal, JournalEvent, KEPT_EVENTS, Reason};
pub use latency::{Distribution, exponential};
pub use stats::{Counts, Stats};

use crate::history::Nanos;
use crate::nemesis::{Grudge, PacketBehaviour};
use crate::protocol::{NodeKind, name_kind};
use crate::random::{Rng, stream};

/// Buffers that are kept for coming messages, at most.
const SPARE_BUFFERS: usize = 4096;
/// A larger buffer is not kept.
const SPARE_SIZE: usize = 1024;

/// A node, service or client, by the order of its creation. Nodes under test come first, so theirs are their numbers.
pub type EndpointId = usize;

/// How the network treats messages.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Mean delay between nodes, and between nodes and services.
    pub latency: Nanos,
    /// Distribution of all delays.
    pub distribution: Distribution,
    /// Mean delay between clients and nodes.
    pub client_latency: Nanos,
    /// Bounds of a further uniform delay of every message. Both are 0 in real time, where delivery takes time by itself;
    /// in virtual time they are [`NetworkConfig::VIRTUAL_BASE_DELAY`].
    pub base_delay: (Nanos, Nanos),
    /// Probability that a message between nodes is lost.
    pub p_loss: f64,
    /// Probability that it arrives twice.
    pub p_duplicate: f64,
}

impl NetworkConfig {
    /// The [base delay](NetworkConfig::base_delay) in virtual time, 50 to 150 µs. There every message must take time: if
    /// none did, nodes could exchange any number of messages without the clock moving.
    pub const VIRTUAL_BASE_DELAY: (Nanos, Nanos) = (50_000, 150_000);
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            latency: 0,
            distribution: Distribution::Constant,
            client_latency: 0,
            base_delay: (0, 0),
            p_loss: 0.0,
            p_duplicate: 0.0,
        }
    }
}

#[derive(Debug)]
struct Endpoint {
    name: Box<str>,
    kind: NodeKind,
    /// False: a client that was closed, or a node that is down.
    open: bool,
    /// A node that has not answered `init` yet: who asks it. Everything else waits for that.
    greeter: Option<EndpointId>,
    /// How often a node was killed, …
    incarnation: u32,
    /// … and by which faults: the first ended incarnation 0.
    killed_by: Vec<u64>,
    /// Messages sent to other nodes since [`Network::forget_talk`].
    talk: u64,
}

/// A message that has arrived.
#[derive(Debug)]
pub struct Delivery {
    /// Its number.
    pub id: u64,
    /// Whose name it bears.
    pub src: EndpointId,
    /// Who really sent it: a node may send in the name of another.
    pub sender: EndpointId,
    /// Who gets it.
    pub dest: EndpointId,
    /// Which life of the sender it comes from.
    pub src_incarnation: u32,
    line: String,
    body_at: usize,
}

impl Delivery {
    /// The whole message as one line of JSON, without line feed.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The body as the sender wrote it.
    pub fn body(&self) -> &str {
        &self.line[self.body_at..self.line.len() - 1]
    }
}

/// Who sends a message, and in whose name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Who sends it.
    pub node: EndpointId,
    /// Whose name it bears; as a rule the same.
    pub src: EndpointId,
}

/// Order of delivery: deadline, then chance, then key.
type Due = (Nanos, u64, usize);

#[derive(Debug)]
struct InFlight {
    delivery: Delivery,
    /// The only incarnation of the destination that may receive it.
    incarnation: u32,
    /// That incarnation was over when the message was sent.
    is_stale: bool,
}

/// A `packet` fault that is going on.
#[derive(Debug)]
struct PacketFault {
    targets: Vec<bool>,
    behaviour: PacketBehaviour,
    fault: u64,
}

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
    /// Messages whose time has come, but whose destination has not got its first message yet.
    held: Vec<usize>,
    /// Buffers of messages that have arrived, to be used again.
    spare: Vec<String>,
    queued_bytes: usize,
    next_id: u64,
    /// `drops[dest * node_count + src]`
    drops: Vec<bool>,
    /// The fault that made the present drops, unless [`Network::drop_from`] did.
    partition: Option<u64>,
    slow: f64,
    flaky: f64,
    packet: Option<PacketFault>,
    packets_affected: u64,
    journal: Journal,
    stats: Stats,
    rng: Rng,
    packet_rng: Rng,
}

impl Network {
    /// A network of these nodes and the services, without messages.
    pub fn new(config: NetworkConfig, nodes: &[String], seed: u64) -> Network {
        let mut network = Network {
            config,
            endpoints: Vec::new(),
            by_name: FxHashMap::default(),
            node_count: nodes.len(),
            queue: BinaryHeap::new(),
            in_flight: Slab::new(),
            held: Vec::new(),
            spare: Vec::new(),
            queued_bytes: 0,
            next_id: 0,
            drops: vec![false; nodes.len() * nodes.len()],
            partition: None,
            slow: 1.0,
            flaky: 0.0,
            packet: None,
            packets_affected: 0,
            journal: Journal::default(),
            stats: Stats::default(),
            rng: stream(seed, "network"),
            packet_rng: stream(seed, "packet"),
        };
        for name in nodes.iter().map(String::as_str).chain(crate::protocol::SERVICE_NAMES) {
            network.add(name);
        }
        network
    }

    /// Adds a client (or, at the beginning, a node or service).
    pub fn add(&mut self, name: &str) -> EndpointId {
        let id = self.endpoints.len();
        self.endpoints.push(Endpoint {
            name: name.into(),
            kind: name_kind(name),
            open: true,
            greeter: None,
            incarnation: 0,
            killed_by: Vec::new(),
            talk: 0,
        });
        self.by_name.insert(name.into(), id);
        id
    }

    /// Who has this name.
    pub fn find(&self, name: &str) -> Option<EndpointId> {
        self.by_name.get(name).copied()
    }

    /// The name of an endpoint.
    pub fn name(&self, endpoint: EndpointId) -> &str {
        &self.endpoints[endpoint].name
    }

    /// Node, service or client.
    pub fn kind(&self, endpoint: EndpointId) -> NodeKind {
        self.endpoints[endpoint].kind
    }

    /// The client is gone: what still comes for it is dropped without complaint.
    pub fn close(&mut self, client: EndpointId) {
        self.endpoints[client].open = false;
    }

    /// The node was killed by a fault: what is queued for it, and what comes for it, is dropped.
    pub fn take_down(&mut self, node: usize, fault: u64) {
        self.endpoints[node].open = false;
        self.endpoints[node].incarnation += 1;
        self.endpoints[node].killed_by.push(fault);
    }

    /// The node runs, perhaps again.
    pub fn bring_up(&mut self, node: usize) {
        self.endpoints[node].open = true;
    }

    /// Whatever comes for a node waits until it is [admitted](Network::admit), except for messages from this client, and
    /// from services, which only answer: a node may want to read something there before it answers `init`.
    pub fn await_greeting(&mut self, node: usize, greeter: EndpointId) {
        self.endpoints[node].greeter = Some(greeter);
    }

    /// The node has answered `init`: it gets what was held back, and all that comes.
    pub fn admit(&mut self, now: Nanos, node: usize) {
        if self.endpoints[node].greeter.take().is_some() {
            // Others' messages only go around once more.
            for key in std::mem::take(&mut self.held) {
                self.queue.push(Reverse((now, self.rng.random(), key)));
            }
        }
    }

    /// How often a node was killed so far.
    pub fn incarnation(&self, endpoint: EndpointId) -> u32 {
        self.endpoints[endpoint].incarnation
    }

    /// Sends a message whose body is a JSON object; gives its id.
    pub fn send(&mut self, now: Nanos, src: EndpointId, dest: EndpointId, body: &str) -> u64 {
        let incarnation = self.endpoints[dest].incarnation;
        self.send_to_incarnation(now, src, dest, body, incarnation)
    }

    /// Sends a message that only a certain life of its destination may get: an answer to a request of that life.
    pub fn send_to_incarnation(
        &mut self,
        now: Nanos,
        src: EndpointId,
        dest: EndpointId,
        body: &str,
        incarnation: u32,
    ) -> u64 {
        self.send_for(now, Sender { node: src, src }, dest, body, incarnation)
    }

    /// Sends a message perhaps in the name of another. It travels on the link between those who really send and receive
    /// it: latency, loss, copies, packet faults and partitions are those of that link. Journal and statistics go by
    /// the names that it bears, as in the original.
    pub fn send_for(&mut self, now: Nanos, from: Sender, dest: EndpointId, body: &str, incarnation: u32) -> u64 {
        let Sender { node: sender, src } = from;
        let id = self.next_id;
        self.next_id += 1;
        let (line, body_at) = self.compose(id, src, dest, body);
        self.journal.send(now, id, &line);
        let kinds = (self.endpoints[src].kind, self.endpoints[dest].kind);
        self.stats.sent(kinds.0, kinds.1);
        let src_incarnation = self.endpoints[src].incarnation;
        let delivery = Delivery { id, src, sender, dest, src_incarnation, line, body_at };
        let link = (self.endpoints[sender].kind, kinds.1);
        let is_stale = incarnation != self.endpoints[dest].incarnation;
        let message = InFlight { delivery, incarnation, is_stale };
        if link == (NodeKind::Server, NodeKind::Server) {
            self.send_between_nodes(now, message);
        } else {
            let (delay, extra) = self.delay(link.0, link.1);
            self.note_delay(now, id, Reason::Slow, None, extra);
            self.enqueue(now + delay, message);
        }
        id
    }

    fn compose(&mut self, id: u64, src: EndpointId, dest: EndpointId, body: &str) -> (String, usize) {
        let mut line = self.spare.pop().unwrap_or_default();
        let (src, dest) = (&self.endpoints[src].name, &self.endpoints[dest].name);
        line.reserve(body.len() + src.len() + dest.len() + 56);
        line.push_str("{\"id\":");
        line.push_str(itoa::Buffer::new().format(id));
        line.push_str(",\"src\":\"");
        line.push_str(src);
        line.push_str("\",\"dest\":\"");
        line.push_str(dest);
        line.push_str("\",\"body\":");
        let body_at = line.len();
        if memchr::memchr2(b'\n', b'\r', body.as_bytes()).is_none() {
            line.push_str(body);
        } else {
            // A message is one line. In a valid body, line feeds are white space between its parts.
            line.extend(body.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        }
        line.push('}');
        (line, body_at)
    }

    /// Takes a message back that was delivered, because its buffer is good for another.
    pub fn recycle(&mut self, delivery: Delivery) {
        let mut line = delivery.line;
        if self.spare.len() < SPARE_BUFFERS && line.capacity() <= SPARE_SIZE {
            line.clear();
            self.spare.push(line);
        }
    }

    /// Loss, duplication and the `packet` fault concern messages between nodes only.
    fn send_between_nodes(&mut self, now: Nanos, message: InFlight) {
        let Delivery { id, sender: src, dest, .. } = message.delivery;
        if src != dest {
            self.endpoints[src].talk += 1;
        }
        let (mut extra, mut copies) = (0, 1);
        let mut cause = None;
        let (p_loss, reason) =
            if self.flaky > 0.0 { (self.flaky, Reason::Flaky) } else { (self.config.p_loss, Reason::Loss) };
        if p_loss > 0.0 && self.rng.random_bool(p_loss) {
            self.stats.lost += 1;
            (copies, cause) = (0, Some(Cause::new(reason, None)));
        } else if self.config.p_duplicate > 0.0 && self.rng.random_bool(self.config.p_duplicate) {
            (copies, cause) = (2, Some(Cause::new(Reason::Duplication, None)));
        }
        if let Some(PacketFault { targets, behaviour, fault }) = &self.packet
            && (targets[src] || targets[dest])
            && copies > 0
        {
            let rng = &mut self.packet_rng;
            let by_fault = Some(Cause::new(Reason::Packet, Some(*fault)));
            let hit = match *behaviour {
                PacketBehaviour::Lose(p) => rng.random_bool(p).then(|| (copies, cause) = (0, by_fault)),
                PacketBehaviour::Duplicate(p) => rng.random_bool(p).then(|| (copies, cause) = (2, by_fault)),
                PacketBehaviour::Delay(mean) => {
                    extra = exponential(mean, rng);
                    Some(())
                }
                PacketBehaviour::Reorder(p, most) => rng.random_bool(p).then(|| extra = rng.random_range(0..=most)),
            };
            self.packets_affected += u64::from(hit.is_some());
        }
        if let Some(cause) = cause {
            let kind = if copies == 0 { EventType::Lose } else { EventType::Duplicate };
            self.journal.note(now, id, kind, cause);
        }
        if copies > 0 && extra > 0 {
            let fault = self.packet.as_ref().map(|packet| packet.fault);
            self.note_delay(now, id, Reason::Packet, fault, extra);
        }
        if copies == 2 {
            self.stats.duplicated += 1;
            let copy = Delivery { line: message.delivery.line.clone(), ..message.delivery };
            self.send_copy(now, InFlight { delivery: copy, ..message }, extra);
        }
        if copies > 0 {
            self.send_copy(now, message, extra);
        }
    }

    fn send_copy(&mut self, now: Nanos, message: InFlight, extra: Nanos) {
        let (delay, by_slowness) = self.delay(NodeKind::Server, NodeKind::Server);
        self.note_delay(now, message.delivery.id, Reason::Slow, None, by_slowness);
        self.enqueue(now + delay + extra, message);
    }

    fn note_delay(&mut self, now: Nanos, id: u64, reason: Reason, fault: Option<u64>, delay_ns: Nanos) {
        if delay_ns > 0 {
            self.journal.note(now, id, EventType::Delay, Cause { reason, fault, delay_ns });
        }
    }

    /// The delay of a message, and how much of it the factor of [`Network::slow`] adds.
    fn delay(&mut self, src: NodeKind, dest: NodeKind) -> (Nanos, Nanos) {
        let with_client = src == NodeKind::Client || dest == NodeKind::Client;
        let slow = if with_client { 1.0 } else { self.slow };
        let mean = if with_client {
            self.config.client_latency
        } else if slow == 1.0 {
            self.config.latency
        } else {
            (self.config.latency as f64 * slow) as Nanos
        };
        let (low, high) = self.config.base_delay;
        let base = if high > low { self.rng.random_range(low..=high) } else { low };
        let drawn = self.config.distribution.draw(mean, &mut self.rng);
        let extra = if slow > 1.0 { drawn - (drawn as f64 / slow) as Nanos } else { 0 };
        (base + drawn, extra)
    }

    fn enqueue(&mut self, deadline: Nanos, message: InFlight) {
        self.queued_bytes += message.delivery.line.len();
        let key = self.in_flight.insert(message);
        self.queue.push(Reverse((deadline, self.rng.random(), key)));
    }

    /// When the next message is due.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.queue.peek().map(|Reverse((deadline, ..))| *deadline)
    }

    /// Bytes of all messages on their way.
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// The next message that arrives at or before `now`. Messages that are dropped on the way are passed over.
    pub fn receive(&mut self, now: Nanos) -> Option<Delivery> {
        while let Some(Reverse((deadline, _, key))) = self.queue.peek().copied()
            && deadline <= now
        {
            self.queue.pop();
            if self.must_wait(key) {
                self.held.push(key);
                continue;
            }
            let message = self.in_flight.remove(key);
            self.queued_bytes -= message.delivery.line.len();
            let obstacle = self.obstacle(&message);
            let delivery = message.delivery;
            if let Some(cause) = obstacle {
                self.journal.note(now, delivery.id, EventType::Drop, cause);
                self.recycle(delivery);
            } else {
                self.journal.recv(now, delivery.id);
                self.stats.received(self.endpoints[delivery.src].kind, self.endpoints[delivery.dest].kind);
                return Some(delivery);
            }
        }
        None
    }

    fn must_wait(&self, key: usize) -> bool {
        let message = &self.in_flight[key];
        let dest = &self.endpoints[message.delivery.dest];
        let sender = message.delivery.sender;
        let may_pass = |greeter| greeter == sender || self.endpoints[sender].kind == NodeKind::Service;
        dest.open && dest.greeter.is_some_and(|greeter| !may_pass(greeter))
    }

    /// Why a message that is due is dropped, and counts it.
    fn obstacle(&mut self, message: &InFlight) -> Option<Cause> {
        let Delivery { sender: src, dest, .. } = message.delivery;
        if src < self.node_count && dest < self.node_count && self.drops[dest * self.node_count + src] {
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
            // Sent while the node was down already: the latest kill is the cause.
            Cause::new(Reason::Down, endpoint.killed_by.last().copied())
        } else if message.is_stale {
            Cause::new(Reason::EarlierIncarnation, killed_by(message.incarnation))
        } else {
            Cause::new(Reason::Killed, killed_by(message.incarnation))
        })
    }

    /// A client got an answer for which it no longer waits.
    pub fn ignored(&mut self, now: Nanos, delivery: &Delivery) {
        self.journal.note(now, delivery.id, EventType::Ignore, Cause::new(Reason::NotAwaited, None));
    }

    /// From now on `dest` drops everything from `src`.
    pub fn drop_from(&mut self, src: usize, dest: usize) {
        self.drops[dest * self.node_count + src] = true;
    }

    /// Replaces all partitions by the grudge of a fault.
    pub fn partition(&mut self, grudge: &Grudge, fault: u64) {
        self.heal();
        self.partition = Some(fault);
        for (dest, sources) in grudge.iter().enumerate() {
            sources.iter().for_each(|&src| self.drop_from(src, dest));
        }
    }

    /// No drops.
    pub fn heal(&mut self) {
        self.drops.fill(false);
        self.partition = None;
    }

    /// Multiplies the latency between nodes by a factor; 1 restores it.
    pub fn slow(&mut self, factor: f64) {
        self.slow = factor;
    }

    /// Sets the loss between nodes; 0 restores the configured one.
    pub fn flaky(&mut self, p_loss: f64) {
        self.flaky = p_loss;
    }

    /// Mistreats messages to and from the targets: a fault begins.
    pub fn mistreat(&mut self, nodes: &[usize], behaviour: PacketBehaviour, fault: u64) {
        let mut targets = vec![false; self.node_count];
        nodes.iter().for_each(|&node| targets[node] = true);
        self.packet = Some(PacketFault { targets, behaviour, fault });
    }

    /// Mistreats messages no longer.
    pub fn stop_mistreating(&mut self) {
        self.packet = None;
    }

    /// Messages that the `packet` fault touched so far.
    pub fn packets_affected(&self) -> u64 {
        self.packets_affected
    }

    /// The node that sent most messages to other nodes since the last [`Network::forget_talk`]: the likely leader.
    /// The lowest number wins a tie; `None` if nobody spoke.
    pub fn most_talkative(&self) -> Option<usize> {
        let talk = |node: &usize| (self.endpoints[*node].talk, Reverse(*node));
        (0..self.node_count).filter(|node| self.endpoints[*node].talk > 0).max_by_key(talk)
    }

    /// Begins to count anew who speaks most.
    pub fn forget_talk(&mut self) {
        self.endpoints[..self.node_count].iter_mut().for_each(|node| node.talk = 0);
    }

    /// Message counts so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal, to take lines from.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }
}

#[cfg(test)]
mod tests;
