//! Sending: what becomes of a message between its sender and its deadline.

use std::cmp::Reverse;

use rand::{RngExt, SeedableRng};

use super::faults::PacketFault;
use super::journal::Identity;
use super::latency::exponential;
use super::links::{FateId, Sent};
use super::message::InFlight;
use super::{
    Cause, Delivery, EndpointId, EventType, MAX_SPARE_BUFFER_BYTES, MAX_SPARE_BUFFERS, Network, Origin, Reason,
};
use crate::history::Nanos;
use crate::plan::{OtherMessages, PacketBehaviour};
use crate::protocol::NodeKind;
use crate::random::{Rng, choice, hash};

/// The kind of choice that the effect of a `packet` fault on a message is.
const PACKET: u64 = hash("packet");
/// The kind of choice that the constant delay of a link is.
const LINK: u64 = hash("link");
/// By how much, relative to the mean latency, the constant delays of links differ from it at most.
const SPREAD: f64 = 0.1;

impl Network {
    /// Sends a message. The body must be a JSON object. Returns the message id.
    pub(crate) fn send(&mut self, now: Nanos, src: EndpointId, dest: EndpointId, body: &str) -> u64 {
        let incarnation = self.endpoints[dest].incarnation;
        self.send_to_incarnation(now, src, dest, body, incarnation)
    }

    /// Sends a message that only one incarnation of its destination may receive: the response to a request of that
    /// incarnation.
    pub(crate) fn send_to_incarnation(
        &mut self,
        now: Nanos,
        src: EndpointId,
        dest: EndpointId,
        body: &str,
        incarnation: u32,
    ) -> u64 {
        self.send_as(now, Origin { sender: src, src }, dest, body, incarnation)
    }

    /// Sends a message whose `src` may name another endpoint than the sender.
    ///
    /// The message travels on the link between its sender and its destination: latency, loss, duplication, packet faults
    /// and partitions are those of that link. The journal and the statistics use `src` and `dest`, as the original does.
    pub(crate) fn send_as(
        &mut self,
        now: Nanos,
        origin: Origin,
        dest: EndpointId,
        body: &str,
        incarnation: u32,
    ) -> u64 {
        let Origin { sender, src } = origin;
        let id = self.next_id;
        self.next_id += 1;
        let (line, body_start) = self.compose(id, src, dest, body);
        let Sent { key, fate, .. } = self.identify(now, id, origin, dest, &line);
        let kinds = (self.endpoints[src].kind, self.endpoints[dest].kind);
        self.stats.sent(kinds.0, kinds.1);
        let src_incarnation = self.endpoints[src].incarnation;
        let delivery = Delivery { id, src, sender, dest, key, src_incarnation, line, body_start };
        let link = (self.endpoints[sender].kind, kinds.1);
        let is_between_nodes = link == (NodeKind::Server, NodeKind::Server);
        if is_between_nodes && sender != dest {
            self.endpoints[sender].sent_to_peers += 1;
        }
        let is_stale = incarnation != self.endpoints[dest].incarnation;
        // The order of these draws is part of what a seed means: each of them is the same, whatever becomes of the later ones.
        let mut rng = Rng::seed_from_u64(key);
        let order = rng.random();
        let message = InFlight { delivery, incarnation, is_stale, is_planned: fate.is_some(), order };
        if let Some(fate) = fate {
            self.send_by_plan(now, message, fate, rng);
        } else if is_between_nodes {
            self.send_between_nodes(now, message, rng);
        } else {
            let (delay, extra) = self.delay(sender, dest, &mut rng);
            self.record_delay(now, id, Reason::Slow, None, extra);
            self.enqueue(now + delay, message);
        }
        id
    }

    /// Gives the message its identity and records that it was sent.
    fn identify(&mut self, now: Nanos, id: u64, origin: Origin, dest: EndpointId, line: &str) -> Sent {
        let [sender, src, to] = [origin.sender, origin.src, dest].map(|endpoint| &self.endpoints[endpoint]);
        let (from, incarnation) = (sender.identity(), sender.incarnation);
        let sent = self.links.next((origin.sender, incarnation, dest), from, to.identity());
        let identity = Identity { src: from, incarnation, dest: to.identity(), number: sent.number };
        self.journal.send(now, id, line, identity, (&src.name, &to.name));
        sent
    }

    /// Sends the copies of a message whose fate is spelled out.
    fn send_by_plan(&mut self, now: Nanos, message: InFlight, fate: FateId, mut rng: Rng) {
        let id = message.delivery.id;
        let delays = self.links.delays(fate).to_vec();
        let Some((&first, others)) = delays.split_first() else {
            self.stats.lost += 1;
            return self.journal.record(now, id, EventType::Lose, Cause::new(Reason::Plan, None));
        };
        for &delay in others {
            self.stats.duplicated += 1;
            self.journal.record(now, id, EventType::Duplicate, Cause::new(Reason::Plan, None));
            self.enqueue(now.saturating_add(delay), message.copy(rng.random()));
        }
        self.enqueue(now.saturating_add(first), message);
    }

    fn compose(&mut self, id: u64, src: EndpointId, dest: EndpointId, body: &str) -> (String, usize) {
        let mut line = self.spare_buffers.pop().unwrap_or_default();
        let (src, dest) = (&self.endpoints[src].name, &self.endpoints[dest].name);
        line.reserve(body.len() + src.len() + dest.len() + 56);
        line.push_str("{\"id\":");
        line.push_str(itoa::Buffer::new().format(id));
        line.push_str(",\"src\":\"");
        line.push_str(src);
        line.push_str("\",\"dest\":\"");
        line.push_str(dest);
        line.push_str("\",\"body\":");
        let body_start = line.len();
        if memchr::memchr2(b'\n', b'\r', body.as_bytes()).is_none() {
            line.push_str(body);
        } else {
            // A message is one line. In valid JSON, line feeds are only white space between tokens.
            line.extend(body.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        }
        line.push('}');
        (line, body_start)
    }

    /// Takes back the buffer of a delivered message for reuse.
    pub(crate) fn reuse_buffer(&mut self, delivery: Delivery) {
        let mut line = delivery.line;
        if self.spare_buffers.len() < MAX_SPARE_BUFFERS && line.capacity() <= MAX_SPARE_BUFFER_BYTES {
            line.clear();
            self.spare_buffers.push(line);
        }
    }

    /// Sends a message between two nodes. Only these messages are subject to loss, duplication and the `packet` fault.
    fn send_between_nodes(&mut self, now: Nanos, message: InFlight, mut rng: Rng) {
        let Delivery { id, sender: src, dest, key, .. } = message.delivery;
        let (delay, by_factor) = self.delay(src, dest, &mut rng);
        let (mut extra, mut copies) = (0, 1);
        let mut cause = None;
        let is_constant = self.other_messages == OtherMessages::Constant;
        let (p_loss, reason) = if self.p_loss_override > 0.0 {
            (self.p_loss_override, Reason::Flaky)
        } else {
            (self.config.p_loss, Reason::Loss)
        };
        if is_constant {
            // Only faults lose and duplicate messages.
        } else if p_loss > 0.0 && rng.random_bool(p_loss) {
            self.stats.lost += 1;
            (copies, cause) = (0, Some(Cause::new(reason, None)));
        } else if self.config.p_duplicate > 0.0 && rng.random_bool(self.config.p_duplicate) {
            (copies, cause) = (2, Some(Cause::new(Reason::Duplication, None)));
        }
        if let Some(PacketFault { targets, behaviour, fault }) = &self.packet_fault
            && (targets[src] || targets[dest])
            && copies > 0
        {
            // A generator of its own, so that the fault does not change what is drawn without it.
            let rng = &mut choice(key, PACKET, &[]);
            let by_fault = Some(Cause::new(Reason::Packet, Some(*fault)));
            let affected = match *behaviour {
                PacketBehaviour::Lose { probability } => {
                    rng.random_bool(probability).then(|| (copies, cause) = (0, by_fault))
                }
                PacketBehaviour::Duplicate { probability } => {
                    rng.random_bool(probability).then(|| (copies, cause) = (2, by_fault))
                }
                PacketBehaviour::Delay { mean_ns } => {
                    extra = exponential(mean_ns, rng);
                    Some(())
                }
                PacketBehaviour::Reorder { probability, max_delay_ns } => {
                    rng.random_bool(probability).then(|| extra = rng.random_range(0..=max_delay_ns))
                }
            };
            self.messages_affected += u64::from(affected.is_some());
        }
        if let Some(cause) = cause {
            let kind = if copies == 0 { EventType::Lose } else { EventType::Duplicate };
            self.journal.record(now, id, kind, cause);
        }
        if copies > 0 && extra > 0 {
            let fault = self.packet_fault.as_ref().map(|packet| packet.fault);
            self.record_delay(now, id, Reason::Packet, fault, extra);
        }
        if copies == 2 {
            self.stats.duplicated += 1;
            let copy = message.copy(rng.random());
            let (delay, by_factor) = self.delay(src, dest, &mut rng);
            self.send_copy(now, copy, delay + extra, by_factor);
        }
        if copies > 0 {
            self.send_copy(now, message, delay + extra, by_factor);
        }
    }

    fn send_copy(&mut self, now: Nanos, message: InFlight, delay: Nanos, by_factor: Nanos) {
        self.record_delay(now, message.delivery.id, Reason::Slow, None, by_factor);
        self.enqueue(now + delay, message);
    }

    fn record_delay(&mut self, now: Nanos, id: u64, reason: Reason, fault: Option<u64>, delay_ns: Nanos) {
        if delay_ns > 0 {
            self.journal.record(now, id, EventType::Delay, Cause { reason, fault, delay_ns });
        }
    }

    /// Draws the delay of a message. Also returns how much of it comes from [`Network::set_latency_factor`].
    fn delay(&self, src: EndpointId, dest: EndpointId, rng: &mut Rng) -> (Nanos, Nanos) {
        let with_client = [src, dest].iter().any(|end| self.endpoints[*end].kind == NodeKind::Client);
        let factor = if with_client { 1.0 } else { self.latency_factor };
        let mean = if with_client {
            self.config.client_latency
        } else if factor == 1.0 {
            self.config.latency
        } else {
            (self.config.latency as f64 * factor) as Nanos
        };
        let (low, high) = self.config.base_delay;
        let (base, drawn) = if self.other_messages == OtherMessages::Constant {
            // Not the same for all links: nodes that do the same at the same time would never get out of step.
            let share = self.share(src, dest);
            let between = |low: f64, high: f64| (low + share * (high - low)) as Nanos;
            let mean = mean as f64;
            (between(low as f64, high as f64), between(mean * (1.0 - SPREAD), mean * (1.0 + SPREAD)))
        } else {
            let base = if high > low { rng.random_range(low..=high) } else { low };
            (base, self.config.distribution.draw(mean, rng))
        };
        let by_factor = if factor > 1.0 { drawn - (drawn as f64 / factor) as Nanos } else { 0 };
        (base + drawn, by_factor)
    }

    /// A constant of a link, from 0 to 1. It is the same for all clients of a node.
    fn share(&self, src: EndpointId, dest: EndpointId) -> f64 {
        let [src, dest] = [src, dest].map(|end| &self.endpoints[end]).map(|end| match end.kind {
            NodeKind::Client => 0,
            _ => hash(end.identity()),
        });
        choice(self.links.seed(), LINK, &[src, dest]).random()
    }

    fn enqueue(&mut self, deadline: Nanos, message: InFlight) {
        self.bytes_in_flight += message.delivery.line.len();
        let order = message.order;
        let key = self.in_flight.insert(message);
        self.queue.push(Reverse((deadline, order, key)));
    }
}
