//! The record of every message and of what the network did with it.
//!
//! Events are turned into lines of `messages.jsonl` at once and handed on in chunks, which bounds the memory they
//! take; only the first ones after initialisation are kept for the diagrams. A `send` event holds the whole message,
//! every other event refers to it by its id:
//!
//! ```text
//! {"seq":6,"time":1500000,"type":"send","message":{"id":3,"src":"n1","dest":"n2","body":{…}}}
//! {"seq":7,"time":1500000,"type":"delay","id":3,"reason":"packet","fault":12,"delay_ns":90000}
//! {"seq":9,"time":1620000,"type":"recv","id":3}
//! {"seq":12,"time":1700000,"type":"drop","id":4,"reason":"partition","fault":15}
//! ```
//!
//! | type | when | meaning |
//! | --- | --- | --- |
//! | `send` | the message enters the network | |
//! | `recv` | it reaches its destination | once per copy |
//! | `lose` | right after `send` | the message never arrives |
//! | `duplicate` | right after `send` | a second copy is on its way; both have the same id |
//! | `delay` | right after `send` | `delay_ns` were added to the delay of every copy |
//! | `drop` | when it was due at its destination | this copy does not arrive |
//! | `ignore` | right after `recv` | the client no longer waits for this answer |
//!
//! `reason` is one of [`Reason`]. Where a fault of the nemesis is the cause, `fault` is the `index` of the entry of
//! `history.jsonl` with which it began.

use crate::history::Nanos;

/// How many events are kept in memory for the diagrams.
pub const KEPT_EVENTS: usize = 10_000;

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// The message entered the network.
    Send,
    /// It reached its destination.
    Recv,
    /// It was lost as soon as it was sent.
    Lose,
    /// A second copy of it was made.
    Duplicate,
    /// It takes longer than it would have without a fault.
    Delay,
    /// A copy was dropped when it was due at its destination.
    Drop,
    /// A client that no longer waited for it received it.
    Ignore,
}

impl EventType {
    pub(super) const ALL: [EventType; 7] = [
        EventType::Send,
        EventType::Recv,
        EventType::Lose,
        EventType::Duplicate,
        EventType::Delay,
        EventType::Drop,
        EventType::Ignore,
    ];

    /// The name in `messages.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            EventType::Send => "send",
            EventType::Recv => "recv",
            EventType::Lose => "lose",
            EventType::Duplicate => "duplicate",
            EventType::Delay => "delay",
            EventType::Drop => "drop",
            EventType::Ignore => "ignore",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<EventType> {
        EventType::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why the network did not simply deliver a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The option `p_loss`.
    Loss,
    /// The option `p_duplicate`.
    Duplication,
    /// The network is flaky ([`Network::flaky`](super::Network::flaky)).
    Flaky,
    /// The network is slow ([`Network::slow`](super::Network::slow)).
    Slow,
    /// A `packet` fault.
    Packet,
    /// A `partition` fault.
    Partition,
    /// The destination was down when the message was due.
    Down,
    /// The destination was killed while the message was on its way.
    Killed,
    /// The message answers a request that the destination made before it was killed.
    EarlierIncarnation,
    /// The client has closed: it has given up on its request.
    ClientClosed,
    /// The client is there, but has given up on the request, or has its answer.
    NotAwaited,
}

impl Reason {
    pub(super) const ALL: [Reason; 11] = [
        Reason::Loss,
        Reason::Duplication,
        Reason::Flaky,
        Reason::Slow,
        Reason::Packet,
        Reason::Partition,
        Reason::Down,
        Reason::Killed,
        Reason::EarlierIncarnation,
        Reason::ClientClosed,
        Reason::NotAwaited,
    ];

    /// The name in `messages.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Loss => "p-loss",
            Reason::Duplication => "p-duplicate",
            Reason::Flaky => "flaky",
            Reason::Slow => "slow",
            Reason::Packet => "packet",
            Reason::Partition => "partition",
            Reason::Down => "down",
            Reason::Killed => "killed",
            Reason::EarlierIncarnation => "earlier-incarnation",
            Reason::ClientClosed => "client-closed",
            Reason::NotAwaited => "not-awaited",
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Why an event happened, for all but `send` and `recv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The reason.
    pub reason: Reason,
    /// The fault concerned: the index of the history's entry with which it began.
    pub fault: Option<u64>,
    /// How much longer a `delay` makes the message's way; 0 for other events.
    pub delay_ns: Nanos,
}

impl Cause {
    /// A reason with the fault concerned.
    pub fn new(reason: Reason, fault: Option<u64>) -> Cause {
        Cause { reason, fault, delay_ns: 0 }
    }
}

/// An event that was kept for the diagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEvent {
    /// Position among all events of the run.
    pub seq: u64,
    /// When.
    pub time: Nanos,
    /// What happened.
    pub kind: EventType,
    /// The message's id.
    pub id: u64,
    /// The message as JSON, for `send` events; empty for others.
    pub message: Box<str>,
    /// Why, for all but `send` and `recv`.
    pub cause: Option<Cause>,
}

/// Formats events, keeps the first ones, and counts them all.
#[derive(Debug, Default)]
pub struct Journal {
    chunk: Vec<u8>,
    kept: Vec<JournalEvent>,
    keeping: bool,
    events: u64,
}

impl Journal {
    /// Begins to keep events for the diagrams: initialisation is over.
    pub fn keep_from_now(&mut self) {
        self.keeping = true;
    }

    /// The kept events.
    pub fn kept(&self) -> &[JournalEvent] {
        &self.kept
    }

    /// How many events there were in all.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Lines not yet taken.
    pub fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    /// Lines not yet taken, in bytes.
    pub fn pending(&self) -> usize {
        self.chunk.len()
    }

    /// Takes the formatted lines, leaving `empty` (cleared) in their place so that buffers can be used again.
    pub fn take(&mut self, mut empty: Vec<u8>) -> Vec<u8> {
        empty.clear();
        std::mem::replace(&mut self.chunk, empty)
    }

    pub(super) fn send(&mut self, time: Nanos, id: u64, line: &str) {
        self.head(time);
        self.chunk.extend_from_slice(b",\"type\":\"send\",\"message\":");
        self.chunk.extend_from_slice(line.as_bytes());
        self.chunk.extend_from_slice(b"}\n");
        self.keep(time, EventType::Send, id, line, None);
    }

    pub(super) fn recv(&mut self, time: Nanos, id: u64) {
        self.head(time);
        self.chunk.extend_from_slice(b",\"type\":\"recv\",\"id\":");
        self.number(id);
        self.chunk.extend_from_slice(b"}\n");
        self.keep(time, EventType::Recv, id, "", None);
    }

    /// An event that is neither `send` nor `recv`.
    pub(super) fn note(&mut self, time: Nanos, id: u64, kind: EventType, cause: Cause) {
        self.head(time);
        self.chunk.extend_from_slice(b",\"type\":\"");
        self.chunk.extend_from_slice(kind.name().as_bytes());
        self.chunk.extend_from_slice(b"\",\"id\":");
        self.number(id);
        self.chunk.extend_from_slice(b",\"reason\":\"");
        self.chunk.extend_from_slice(cause.reason.name().as_bytes());
        self.chunk.push(b'"');
        if let Some(fault) = cause.fault {
            self.chunk.extend_from_slice(b",\"fault\":");
            self.number(fault);
        }
        if kind == EventType::Delay {
            self.chunk.extend_from_slice(b",\"delay_ns\":");
            self.number(cause.delay_ns);
        }
        self.chunk.extend_from_slice(b"}\n");
        self.keep(time, kind, id, "", Some(cause));
    }

    fn head(&mut self, time: Nanos) {
        self.chunk.extend_from_slice(b"{\"seq\":");
        self.number(self.events);
        self.chunk.extend_from_slice(b",\"time\":");
        self.number(time);
    }

    fn number(&mut self, number: u64) {
        self.chunk.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    fn keep(&mut self, time: Nanos, kind: EventType, id: u64, message: &str, cause: Option<Cause>) {
        if self.keeping && self.kept.len() < KEPT_EVENTS {
            self.kept.push(JournalEvent { seq: self.events, time, kind, id, message: message.into(), cause });
        }
        self.events += 1;
    }
}
