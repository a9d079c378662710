//! The data of the space-time diagram: the messages of a run and their delivery.
//!
//! Time runs downwards. Every node has a vertical line, and every message is an arrow from the line of its sender to the
//! line of its receiver (L. Lamport, *Time, Clocks, and the Ordering of Events in a Distributed System*, 1978). A run can
//! have many clients, so clients that do not overlap in time share a line:
//!
//! ```text
//!           c1 …      n1        n2      lin-kv
//!  0.010 s   │─read──▶│         │         │
//!  0.014 s   │        │─get─────┼────────▶│
//!  0.015 s   │        │─gossip──✕         │      dropped by a partition
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::faults::{FaultSpan, fault_of, fault_spans};
use super::{RunView, units};
use crate::history::Nanos;
use crate::network::{Cause, EventType, JournalEvent, Reason};
use crate::protocol::{NodeKind, compare_names, shorten};

/// A node, client or service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: NodeKind,
    /// The vertical line that it is drawn on, counted from the left.
    pub(super) lane: usize,
}

/// Returns the name of a kind of column in style sheets.
pub(super) fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Client => "client",
        NodeKind::Server => "server",
        NodeKind::Service => "service",
    }
}

/// The class of a message, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    Client,
    Server,
    Service,
    Error,
}

impl Class {
    pub(super) const ALL: [Class; 4] = [Class::Client, Class::Server, Class::Service, Class::Error];

    pub(super) fn name(self) -> &'static str {
        ["client", "server", "service", "error"][self as usize]
    }
}

/// The delivery of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Received,
    /// It was lost or dropped, and no copy was received.
    Lost,
    /// The diagram has no event about its delivery.
    Unknown,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) src: usize,
    pub(super) dest: usize,
    pub(super) kind: String,
    pub(super) class: Class,
    pub(super) body: String,
    /// The number of bytes of the body that are left out.
    pub(super) cut: usize,
    pub(super) msg_id: Option<String>,
    pub(super) in_reply_to: Option<String>,
    /// The position of its sending in [`Diagram::events`].
    pub(super) send: usize,
    /// The positions in [`Diagram::events`] at which it was received. A duplicated message can have several.
    pub(super) recvs: Vec<usize>,
    /// The positions in [`Diagram::events`] at which copies were dropped at the destination.
    pub(super) drops: Vec<usize>,
    pub(super) delivery: Delivery,
    /// Descriptions of its other events: losses, duplications, delays and drops, with their causes.
    pub(super) notes: Vec<String>,
}

/// An event with a row in the diagram: a message was sent, received, or dropped at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) time: Nanos,
    pub(super) message: usize,
    pub(super) kind: EventType,
    /// The number of events of the journal before this one that are not shown.
    pub(super) left_out: u64,
}

/// The content of the diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diagram {
    pub(super) columns: Vec<Column>,
    pub(super) lanes: usize,
    pub(super) messages: Vec<Message>,
    pub(super) events: Vec<Event>,
    /// The number of events of the whole run.
    pub(super) total: u64,
    /// The number of events that the diagram shows.
    pub(super) shown: u64,
}

/// The maximum number of bytes of all bodies together.
const BODIES: usize = 2_000_000;
/// The maximum number of bytes of one body.
const BODY: usize = 16_384;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Default, Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow)]
    in_reply_to: Option<&'a RawValue>,
}

impl Diagram {
    /// Builds the diagram of the events in [`RunView::journal`].
    pub(super) fn of(view: &RunView<'_>) -> Diagram {
        let mut diagram = Diagram { total: view.journal_events, ..Diagram::default() };
        let mut columns: HashMap<String, usize> = HashMap::new();
        for node in &view.context.nodes {
            diagram.column(&mut columns, node);
        }
        let limit = body_limit(view.journal.iter().map(|event| event.message.len()));
        let mut by_id: HashMap<u64, usize> = HashMap::new();
        let faults = fault_spans(view.history);
        let first = view.journal.first().map_or(0, |event| event.seq);
        for event in view.journal {
            let message = match event.kind {
                EventType::Send => {
                    let Ok(line) = serde_json::from_str::<Line<'_>>(&event.message) else { continue };
                    let (src, dest) =
                        (diagram.column(&mut columns, &line.src), diagram.column(&mut columns, &line.dest));
                    let message = diagram.message(event.id, src, dest, line.body.get(), limit);
                    by_id.insert(event.id, diagram.messages.len());
                    diagram.messages.push(message);
                    diagram.messages.len() - 1
                }
                // The message was sent before the first event in memory, so there is nothing to draw.
                _ => match by_id.get(&event.id) {
                    Some(message) => *message,
                    None => continue,
                },
            };
            let left_out = event.seq - first - diagram.shown;
            diagram.shown += 1;
            let row = diagram.events.len();
            let target = &mut diagram.messages[message];
            target.notes.extend(event.cause.map(|cause| describe(event, cause, &faults)));
            match event.kind {
                EventType::Send => {}
                EventType::Recv => {
                    target.recvs.push(row);
                    target.delivery = Delivery::Received;
                }
                EventType::Drop => {
                    target.drops.push(row);
                    if target.delivery == Delivery::Unknown {
                        target.delivery = Delivery::Lost;
                    }
                }
                EventType::Lose => {
                    target.delivery = Delivery::Lost;
                    continue;
                }
                EventType::Duplicate | EventType::Delay | EventType::Ignore => continue,
            }
            diagram.events.push(Event { seq: event.seq, time: event.time, message, kind: event.kind, left_out });
        }
        diagram.order_columns();
        diagram
    }

    fn column(&mut self, columns: &mut HashMap<String, usize>, name: &str) -> usize {
        if let Some(at) = columns.get(name) {
            return *at;
        }
        let at = self.columns.len();
        columns.insert(name.to_owned(), at);
        self.columns.push(Column { name: name.to_owned(), kind: NodeKind::of_name(name), lane: 0 });
        at
    }

    fn message(&self, id: u64, src: usize, dest: usize, body: &str, limit: usize) -> Message {
        let head: Head<'_> = serde_json::from_str(body).unwrap_or_default();
        let kind = head.kind.map(|kind| match serde_json::from_str::<String>(kind.get()) {
            Ok(text) => shorten(&text, 40),
            Err(_) => shorten(kind.get(), 40),
        });
        let kind = kind.unwrap_or_default();
        let kinds = [self.columns[src].kind, self.columns[dest].kind];
        let class = match kinds {
            _ if kind == "error" => Class::Error,
            _ if kinds.contains(&NodeKind::Client) => Class::Client,
            _ if kinds.contains(&NodeKind::Service) => Class::Service,
            _ => Class::Server,
        };
        let shown = &body[..body.floor_char_boundary(limit)];
        let number = |raw: Option<&RawValue>| raw.map(|raw| shorten(raw.get(), 40));
        Message {
            id,
            src,
            dest,
            kind,
            class,
            body: shown.to_owned(),
            cut: body.len() - shown.len(),
            msg_id: number(head.msg_id),
            in_reply_to: number(head.in_reply_to),
            send: self.events.len(),
            recvs: Vec::new(),
            drops: Vec::new(),
            delivery: Delivery::Unknown,
            notes: Vec::new(),
        }
    }

    /// Sorts the columns: clients left, nodes in the middle, services right. Updates the messages accordingly.
    fn order_columns(&mut self) {
        let rank = |kind: NodeKind| match kind {
            NodeKind::Client => 0,
            NodeKind::Server => 1,
            NodeKind::Service => 2,
        };
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&self.columns[a], &self.columns[b]);
            rank(a.kind).cmp(&rank(b.kind)).then_with(|| compare_names(&a.name, &b.name))
        });
        let mut new_index = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| new_index[old] = new);
        self.columns = order.iter().map(|&old| self.columns[old].clone()).collect();
        for message in &mut self.messages {
            (message.src, message.dest) = (new_index[message.src], new_index[message.dest]);
        }
        self.assign_lanes();
    }

    /// Assigns each client the leftmost line that is free at its first event, and every other column a separate line.
    fn assign_lanes(&mut self) {
        let mut lifetimes: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (at, event) in self.events.iter().enumerate() {
            let message = &self.messages[event.message];
            for column in [message.src, message.dest] {
                lifetimes.entry(column).or_insert((at, at)).1 = at;
            }
        }
        let is_client = |column: &Column| column.kind == NodeKind::Client;
        let mut clients: Vec<usize> = (0..self.columns.len()).filter(|&at| is_client(&self.columns[at])).collect();
        clients.sort_by_key(|at| lifetimes.get(at).map_or(usize::MAX, |(first, _)| *first));
        let mut busy_until: Vec<usize> = Vec::new();
        for client in clients {
            let (first, last) = lifetimes.get(&client).copied().unwrap_or_default();
            let lane = busy_until.iter().position(|until| *until < first).unwrap_or(busy_until.len());
            if lane == busy_until.len() {
                busy_until.push(last);
            }
            busy_until[lane] = last;
            self.columns[client].lane = lane;
        }
        let others = self.columns.iter_mut().filter(|column| column.kind != NodeKind::Client);
        let mut lane = busy_until.len();
        for column in others {
            column.lane = lane;
            lane += 1;
        }
        self.lanes = lane;
    }
}

/// Describes an event with its cause: `dropped at 12.031 s: partition (majority) {n0 n1} | {n2}, 10.2–19.8 s`.
fn describe(event: &JournalEvent, cause: Cause, faults: &[FaultSpan]) -> String {
    let fault = fault_of(faults, cause).map(FaultSpan::describe);
    let with_fault = |text: &str| match &fault {
        Some(fault) => format!("{text} ({fault})"),
        None => text.to_owned(),
    };
    let reason = match cause.reason {
        Reason::Loss => "option p_loss".to_owned(),
        Reason::Duplication => "option p_duplicate".to_owned(),
        Reason::Flaky => "the network is flaky".to_owned(),
        Reason::Slow => "the network is slow".to_owned(),
        Reason::Packet => fault.unwrap_or_else(|| "packet fault".to_owned()),
        Reason::Partition => fault.unwrap_or_else(|| "partition".to_owned()),
        Reason::Down => with_fault("the destination was down"),
        Reason::Killed => with_fault("the destination was killed while the message was in flight"),
        Reason::EarlierIncarnation => with_fault("it answers a request that the destination sent before it was killed"),
        Reason::ClientClosed => "the client was closed after a timeout".to_owned(),
        Reason::NotAwaited => "the client no longer waited for it".to_owned(),
        Reason::Plan => "the plan of the run says so".to_owned(),
    };
    let what = match event.kind {
        EventType::Send | EventType::Recv => String::new(),
        EventType::Lose => "lost".to_owned(),
        EventType::Duplicate => "duplicated".to_owned(),
        EventType::Delay => format!("delayed by {}", units::length(cause.delay_ns)),
        EventType::Drop => format!("dropped at {}", units::moment(event.time)),
        EventType::Ignore => format!("ignored at {}", units::moment(event.time)),
    };
    format!("{what}: {reason}")
}

/// Returns the number of bytes to show of each body, so that all bodies together have about [`BODIES`] bytes.
fn body_limit(lengths: impl Iterator<Item = usize> + Clone) -> usize {
    let mut limit = BODY;
    while limit > 100 && lengths.clone().map(|length| length.min(limit)).sum::<usize>() > BODIES {
        limit /= 2;
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn send(seq: u64, time: Nanos, id: u64, message: &str) -> JournalEvent {
        JournalEvent { seq, time, kind: EventType::Send, id, message: message.into(), cause: None, identity: None }
    }

    fn recv(seq: u64, time: Nanos, id: u64) -> JournalEvent {
        JournalEvent { seq, time, kind: EventType::Recv, id, message: "".into(), cause: None, identity: None }
    }

    fn note(seq: u64, time: Nanos, kind: EventType, id: u64, reason: Reason, fault: Option<u64>) -> JournalEvent {
        let cause = Some(Cause { reason, fault, delay_ns: 1_500_000 });
        JournalEvent { seq, time, kind, id, message: "".into(), cause, identity: None }
    }

    fn line(src: &str, dest: &str, body: &str) -> String {
        format!(r#"{{"id":1,"src":"{src}","dest":"{dest}","body":{body}}}"#)
    }

    fn diagram(journal: Vec<JournalEvent>, total: u64) -> Diagram {
        let sample = sample::stale_read();
        let view = RunView { journal: &journal, journal_events: total, duration: 1000, ..sample.view() };
        Diagram::of(&view)
    }

    #[test]
    fn messages_have_a_class_and_a_delivery() {
        let diagram = diagram(
            vec![
                send(0, 0, 7, &line("c3", "n1", r#"{"type":"read","msg_id":1}"#)),
                recv(1, 10, 7),
                send(2, 20, 8, &line("n1", "n2", r#"{"term":1}"#)),
                note(3, 20, EventType::Lose, 8, Reason::Loss, None),
                send(4, 20, 9, &line("n1", "c3", r#"{"type":"error","in_reply_to":1}"#)),
                recv(5, 30, 9),
                recv(6, 40, 9),
                send(7, 995, 10, &line("n1", "lin-kv", "{}")),
            ],
            8,
        );
        let messages = diagram.messages.iter().map(|m| (m.kind.as_str(), m.class, m.delivery, m.recvs.len()));
        assert_eq!(
            messages.collect::<Vec<_>>(),
            [
                ("read", Class::Client, Delivery::Received, 1),
                ("", Class::Server, Delivery::Lost, 0),
                ("error", Class::Error, Delivery::Received, 2),
                ("", Class::Service, Delivery::Unknown, 0),
            ]
        );
        let names: Vec<&str> = diagram.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["c3", "n0", "n1", "n2", "n3", "n4", "lin-kv"]);
        assert_eq!(diagram.messages[2].in_reply_to.as_deref(), Some("1"));
        assert_eq!((diagram.messages[0].src, diagram.messages[0].dest), (0, 2));
    }

    #[test]
    fn a_message_in_flight_is_not_called_lost() {
        let diagram = diagram(vec![send(0, 500, 1, &line("n1", "n2", "{}"))], 1);
        assert_eq!(diagram.messages[0].delivery, Delivery::Unknown);
    }

    #[test]
    fn every_event_of_the_journal_is_described_with_its_cause() {
        let fault = sample::stale_read().history.ops.iter().find(|op| &*op.f == "start-partition").unwrap().index;
        let notes: [(EventType, Reason, Option<u64>); 12] = [
            (EventType::Lose, Reason::Loss, None),
            (EventType::Lose, Reason::Flaky, None),
            (EventType::Lose, Reason::Packet, Some(99)),
            (EventType::Duplicate, Reason::Duplication, None),
            (EventType::Delay, Reason::Slow, None),
            (EventType::Drop, Reason::Partition, Some(fault)),
            (EventType::Drop, Reason::Down, None),
            (EventType::Drop, Reason::Killed, None),
            (EventType::Drop, Reason::EarlierIncarnation, None),
            (EventType::Drop, Reason::ClientClosed, None),
            (EventType::Ignore, Reason::NotAwaited, None),
            (EventType::Lose, Reason::Plan, None),
        ];
        let events = notes.into_iter().zip(0..).flat_map(|((kind, reason, fault), id)| {
            let sent = send(2 * id, 12_000_000_000, id, &line("n1", "n2", "{}"));
            [sent, note(2 * id + 1, 12_031_000_000, kind, id, reason, fault)]
        });
        let diagram = diagram(events.collect(), 24);
        let notes: Vec<String> = diagram.messages.iter().map(|message| message.notes.join("; ")).collect();
        insta::assert_snapshot!(notes.join("\n"), @r"
        lost: option p_loss
        lost: the network is flaky
        lost: packet fault
        duplicated: option p_duplicate
        delayed by 1.5 ms: the network is slow
        dropped at 12.031 s: partition (majority) {n0 n1} | {n2 n3 n4}, 10.2–19.8 s
        dropped at 12.031 s: the destination was down
        dropped at 12.031 s: the destination was killed while the message was in flight
        dropped at 12.031 s: it answers a request that the destination sent before it was killed
        dropped at 12.031 s: the client was closed after a timeout
        ignored at 12.031 s: the client no longer waited for it
        lost: the plan of the run says so
        ");
        // Drops have rows. Losses, duplications and delays happen when the message is sent, so they have none.
        assert_eq!((diagram.events.len(), diagram.shown), (12 + 5, 24));
        assert!(diagram.events.iter().all(|event| event.left_out == 0));
    }

    #[test]
    fn gaps_are_counted_without_events_that_have_no_row() {
        let diagram = diagram(
            vec![
                send(0, 0, 1, &line("n1", "n2", "{}")),
                note(1, 0, EventType::Delay, 1, Reason::Packet, None),
                recv(2, 5, 1),
                send(9, 7, 2, &line("n1", "n2", "{}")),
            ],
            10,
        );
        assert_eq!(diagram.events.iter().map(|event| event.left_out).collect::<Vec<_>>(), [0, 0, 6]);
    }

    #[test]
    fn clients_that_do_not_overlap_share_a_line() {
        let journal = (0..6).map(|i| send(i, i, i, &line(&format!("c{}", i / 2), "n0", "{}"))).collect();
        let diagram = diagram(journal, 6);
        assert_eq!(diagram.columns.iter().map(|column| column.lane).collect::<Vec<_>>(), [0, 0, 0, 1, 2, 3, 4, 5]);
        assert_eq!(diagram.lanes, 6);
    }

    #[test]
    fn long_bodies_are_shortened_and_invalid_events_are_skipped() {
        let long = format!(r#"{{"type":"x","text":"{}"}}"#, "ä".repeat(500_000));
        let journal = vec![send(0, 0, 0, &line("n1", "n2", &long)), send(1, 0, 1, "nonsense"), recv(2, 0, 99)];
        let diagram = diagram(journal, 3);
        let message = &diagram.messages[0];
        assert_eq!(diagram.messages.len(), 1);
        assert_eq!(message.kind, "x");
        assert_eq!(message.body.len() + message.cut, long.len());
        assert!(message.body.len() <= BODY);
        assert!(body_limit([1 << 20; 10_000].into_iter()) <= 200);
    }
}
