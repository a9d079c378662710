//! The record of every message.
//!
//! Events are turned into lines of `messages.jsonl` at once and handed on in chunks, so that they never pile up in
//! memory; only the first ones after initialisation are kept for the diagrams. A `send` event holds the whole message,
//! a `recv` event refers to it by its id:
//!
//! ```text
//! {"seq":6,"time":1500000,"type":"send","message":{"id":3,"src":"n1","dest":"n2","body":{…}}}
//! {"seq":9,"time":1620000,"type":"recv","id":3}
//! ```

use crate::history::Nanos;

/// How many events are kept in memory for the diagrams.
pub const KEPT_EVENTS: usize = 10_000;

/// Sending or receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// The message entered the network.
    Send,
    /// It reached its destination.
    Recv,
}

/// An event that was kept for the diagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEvent {
    /// Position among all events of the run.
    pub seq: u64,
    /// When.
    pub time: Nanos,
    /// Sending or receiving.
    pub kind: EventType,
    /// The message's id.
    pub id: u64,
    /// The message as JSON, for `send` events; empty for `recv`.
    pub message: Box<str>,
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
        self.keep(time, EventType::Send, id, line);
    }

    pub(super) fn recv(&mut self, time: Nanos, id: u64) {
        self.head(time);
        self.chunk.extend_from_slice(b",\"type\":\"recv\",\"id\":");
        self.number(id);
        self.chunk.extend_from_slice(b"}\n");
        self.keep(time, EventType::Recv, id, "");
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

    fn keep(&mut self, time: Nanos, kind: EventType, id: u64, message: &str) {
        if self.keeping && self.kept.len() < KEPT_EVENTS {
            self.kept.push(JournalEvent { seq: self.events, time, kind, id, message: message.into() });
        }
        self.events += 1;
    }
}
