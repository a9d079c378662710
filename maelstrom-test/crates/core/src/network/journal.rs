//! The journal: a record of every message and of what the network did with it.
//!
//! Events are formatted as lines of `messages.jsonl` immediately, and the caller takes them in chunks. This bounds their
//! memory. Only the first events after initialisation are kept, for the diagrams. A `send` event contains the whole
//! message; every other event refers to the message by its id:
//!
//! ```text
//! {"seq":6,"time":1500000,"type":"send","number":12,"message":{"id":3,"src":"n1","dest":"n2","body":{…}}}
//! {"seq":7,"time":1500000,"type":"delay","id":3,"reason":"packet","fault":12,"delay_ns":90000}
//! {"seq":9,"time":1620000,"type":"recv","id":3}
//! {"seq":12,"time":1700000,"type":"drop","id":4,"reason":"partition","fault":15}
//! ```
//!
//! | type | when | meaning |
//! | --- | --- | --- |
//! | `send` | the message enters the network | |
//! | `recv` | the message reaches its destination | once per copy |
//! | `lose` | right after `send` | the message never arrives |
//! | `duplicate` | right after `send` | a second copy is in flight; both have the same id |
//! | `delay` | right after `send` | `delay_ns` were added to the delay of every copy |
//! | `drop` | when a copy is due at its destination | the copy does not arrive |
//! | `ignore` | right after `recv` | the client no longer waits for this response |
//!
//! The keys of a `send` event beside `message` are those of the message's identity, a [`MessageId`]: `number` is always there;
//! `incarnation` only if it is above 0; `src` and `dest` only if they differ from those in the message, as those of clients do:
//!
//! ```text
//! {"seq":8,"time":1520000,"type":"send","number":0,"src":"w3.1","message":{"id":4,"src":"c9","dest":"n0","body":{…}}}
//! ```
//!
//! `reason` is one of [`Reason`]. If a fault of the nemesis is the cause, `fault` is the `index` of the entry in
//! `history.jsonl` that started the fault.

use crate::history::Nanos;
use crate::plan::MessageId;

/// Maximum number of events that are kept in memory for the diagrams.
pub const KEPT_EVENTS: usize = 10_000;

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// The message entered the network.
    Send,
    /// The message reached its destination.
    Recv,
    /// The message was lost when it was sent.
    Lose,
    /// A second copy of the message was made.
    Duplicate,
    /// A fault delays the message.
    Delay,
    /// A copy was dropped when it was due at its destination.
    Drop,
    /// A client received the message but no longer waited for it.
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

    /// The event type with this name in `messages.jsonl`.
    pub fn from_name(name: &str) -> Option<EventType> {
        EventType::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why the network did not deliver a message exactly once and without extra delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The option `p_loss`.
    Loss,
    /// The option `p_duplicate`.
    Duplication,
    /// A loss probability set at run time ([`Network::set_loss`](super::Network::set_loss)).
    Flaky,
    /// A latency factor set at run time ([`Network::set_latency_factor`](super::Network::set_latency_factor)).
    Slow,
    /// A `packet` fault.
    Packet,
    /// A `partition` fault.
    Partition,
    /// The destination was down when the message was due.
    Down,
    /// The destination was killed while the message was in flight.
    Killed,
    /// The message responds to a request of an earlier incarnation of the destination.
    EarlierIncarnation,
    /// The client is closed: its request timed out.
    ClientClosed,
    /// The client is open, but its request timed out or already has a response.
    NotAwaited,
    /// The plan of the run spells out the fate of the message ([`Fate`](crate::plan::Fate)).
    Plan,
}

impl Reason {
    pub(super) const ALL: [Reason; 12] = [
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
        Reason::Plan,
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
            Reason::Plan => "plan",
        }
    }

    /// The reason with this name in `messages.jsonl`.
    pub fn from_name(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// The cause of an event other than `send` and `recv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The reason.
    pub reason: Reason,
    /// The fault that caused the event: the index of the history entry that started it.
    pub fault: Option<u64>,
    /// The delay that a `delay` event adds; 0 for other events.
    pub delay_ns: Nanos,
}

impl Cause {
    /// Creates a cause without a delay.
    pub fn new(reason: Reason, fault: Option<u64>) -> Cause {
        Cause { reason, fault, delay_ns: 0 }
    }
}

/// An event that is kept for the diagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEvent {
    /// Position among all events of the run.
    pub seq: u64,
    /// When it happened.
    pub time: Nanos,
    /// What happened.
    pub kind: EventType,
    /// The message's id.
    pub id: u64,
    /// The message as JSON for `send` events; empty for others.
    pub message: Box<str>,
    /// The cause; `None` for `send` and `recv`.
    pub cause: Option<Cause>,
    /// The identity of the message, for `send` events.
    pub identity: Option<MessageId>,
}

/// The identity of a message that is being sent: a [`MessageId`] with borrowed names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a> {
    pub(super) src: &'a str,
    pub(super) incarnation: u32,
    pub(super) dest: &'a str,
    pub(super) number: u64,
}

impl Identity<'_> {
    fn to_owned(self) -> MessageId {
        let Identity { src, incarnation, dest, number } = self;
        MessageId { src: src.to_owned(), incarnation, dest: dest.to_owned(), number }
    }
}

/// Formats and counts all events, and keeps the first ones.
#[derive(Debug, Default)]
pub struct Journal {
    chunk: Vec<u8>,
    kept: Vec<JournalEvent>,
    keeping: bool,
    events: u64,
}

impl Journal {
    /// Starts to keep events for the diagrams. Called when initialisation is complete.
    pub(crate) fn start_keeping(&mut self) {
        self.keeping = true;
    }

    /// The kept events.
    pub fn kept(&self) -> &[JournalEvent] {
        &self.kept
    }

    /// How many events were recorded.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The formatted lines that were not taken yet.
    pub fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    /// The size of the lines that were not taken yet.
    pub fn pending_bytes(&self) -> usize {
        self.chunk.len()
    }

    /// Takes the formatted lines. The buffer `empty` is cleared and used for the next lines.
    pub fn take(&mut self, mut empty: Vec<u8>) -> Vec<u8> {
        empty.clear();
        std::mem::replace(&mut self.chunk, empty)
    }

    /// Records that a message is sent, in which `names` are source and destination.
    pub(super) fn send(&mut self, time: Nanos, id: u64, line: &str, identity: Identity<'_>, names: (&str, &str)) {
        self.head(time);
        self.chunk.extend_from_slice(b",\"type\":\"send\",\"number\":");
        self.number(identity.number);
        if identity.incarnation > 0 {
            self.chunk.extend_from_slice(b",\"incarnation\":");
            self.number(identity.incarnation.into());
        }
        self.name(b",\"src\":\"", identity.src, names.0);
        self.name(b",\"dest\":\"", identity.dest, names.1);
        self.chunk.extend_from_slice(b",\"message\":");
        self.chunk.extend_from_slice(line.as_bytes());
        self.chunk.extend_from_slice(b"}\n");
        let kept = self.keep(time, EventType::Send, id, line, None);
        if let Some(event) = kept {
            event.identity = Some(identity.to_owned());
        }
    }

    fn name(&mut self, key: &[u8], name: &str, name_in_message: &str) {
        if name != name_in_message {
            self.chunk.extend_from_slice(key);
            self.chunk.extend_from_slice(name.as_bytes());
            self.chunk.push(b'"');
        }
    }

    pub(super) fn recv(&mut self, time: Nanos, id: u64) {
        self.head(time);
        self.chunk.extend_from_slice(b",\"type\":\"recv\",\"id\":");
        self.number(id);
        self.chunk.extend_from_slice(b"}\n");
        self.keep(time, EventType::Recv, id, "", None);
    }

    /// Records an event other than `send` and `recv`.
    pub(super) fn record(&mut self, time: Nanos, id: u64, kind: EventType, cause: Cause) {
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

    fn keep(
        &mut self,
        time: Nanos,
        kind: EventType,
        id: u64,
        message: &str,
        cause: Option<Cause>,
    ) -> Option<&mut JournalEvent> {
        let seq = self.events;
        self.events += 1;
        if !self.keeping || self.kept.len() >= KEPT_EVENTS {
            return None;
        }
        self.kept.push(JournalEvent { seq, time, kind, id, message: message.into(), cause, identity: None });
        self.kept.last_mut()
    }
}
