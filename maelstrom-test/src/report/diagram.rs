//! The space-time diagram as data: who said what to whom, and whether it arrived.
//!
//! Time runs downwards; every node has a vertical line, every message is an arrow from the line of its sender to that
//! of its receiver (L. Lamport, *Time, Clocks, and the Ordering of Events in a Distributed System*, 1978). Clients come
//! and go, so several that do not overlap in time share a line.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::RunView;
use crate::history::Nanos;
use crate::network::EventType;
use crate::protocol::{NodeKind, compare_names, name_kind, shorten};

/// A node, client or service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: NodeKind,
    /// Which vertical line it is drawn on, from the left.
    pub(super) lane: usize,
}

/// How a message is coloured.
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

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Received,
    /// It never arrived: lost, cut off by a partition, or its destination was gone.
    Lost,
    /// It may have arrived after the last event that is shown.
    Open,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) src: usize,
    pub(super) dest: usize,
    pub(super) kind: String,
    pub(super) class: Class,
    pub(super) body: String,
    /// Bytes of the body that are not shown.
    pub(super) cut: usize,
    pub(super) msg_id: Option<String>,
    pub(super) in_reply_to: Option<String>,
    /// Positions in [`Diagram::events`]; several if it was duplicated.
    pub(super) send: usize,
    pub(super) recvs: Vec<usize>,
    pub(super) fate: Fate,
}

/// A sending or receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) time: Nanos,
    pub(super) message: usize,
    pub(super) kind: EventType,
}

/// Everything that is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diagram {
    pub(super) columns: Vec<Column>,
    pub(super) lanes: usize,
    pub(super) messages: Vec<Message>,
    pub(super) events: Vec<Event>,
    /// Events of the whole run.
    pub(super) total: u64,
}

/// Bytes of all bodies together.
const BODIES: usize = 2_000_000;
/// Characters of one body.
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
    /// Reads the events that were kept of a run.
    pub(super) fn of(view: &RunView<'_>) -> Diagram {
        let mut diagram = Diagram { total: view.journal_events, ..Diagram::default() };
        let mut columns: HashMap<String, usize> = HashMap::new();
        for node in &view.context.nodes {
            diagram.column(&mut columns, node);
        }
        let limit = body_limit(view.journal.iter().map(|event| event.message.len()));
        let mut by_id: HashMap<u64, usize> = HashMap::new();
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
                // Sent before the first event that was kept: there is nothing to draw.
                EventType::Recv => match by_id.get(&event.id) {
                    Some(message) => *message,
                    None => continue,
                },
            };
            if event.kind == EventType::Recv {
                diagram.messages[message].recvs.push(diagram.events.len());
            }
            diagram.events.push(Event { seq: event.seq, time: event.time, message, kind: event.kind });
        }
        diagram.decide_fates(view.duration);
        diagram.order_columns();
        diagram
    }

    fn column(&mut self, columns: &mut HashMap<String, usize>, name: &str) -> usize {
        if let Some(at) = columns.get(name) {
            return *at;
        }
        let at = self.columns.len();
        columns.insert(name.to_owned(), at);
        self.columns.push(Column { name: name.to_owned(), kind: name_kind(name), lane: 0 });
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
            fate: Fate::Lost,
        }
    }

    /// What was sent shortly before a gap, or the end, may have arrived in it: after no longer than any other took.
    fn decide_fates(&mut self, duration: Nanos) {
        let time = |at: usize| self.events[at].time;
        let longest =
            self.messages.iter().filter_map(|m| Some(time(*m.recvs.last()?) - time(m.send))).max().unwrap_or(0);
        let mut ends: Vec<Nanos> =
            self.events.windows(2).filter(|w| w[1].seq != w[0].seq + 1).map(|w| w[0].time).collect();
        ends.push(self.events.last().map_or(0, |event| event.time));
        let complete = self.events.last().is_some_and(|event| event.seq + 1 == self.total);
        if complete && let Some(last) = ends.last_mut() {
            *last = duration.max(*last);
        }
        for message in &mut self.messages {
            let sent = self.events[message.send].time;
            let end = ends[ends.partition_point(|end| *end < sent).min(ends.len() - 1)];
            message.fate = match message.recvs.is_empty() {
                false => Fate::Received,
                true if sent + longest >= end => Fate::Open,
                true => Fate::Lost,
            };
        }
    }

    /// Clients left, nodes in the middle, services right; messages are renumbered accordingly.
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
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
        self.columns = order.iter().map(|&old| self.columns[old].clone()).collect();
        for message in &mut self.messages {
            (message.src, message.dest) = (place[message.src], place[message.dest]);
        }
        self.assign_lanes();
    }

    /// Gives each client the leftmost line that is free from its first event on.
    fn assign_lanes(&mut self) {
        let mut life: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (at, event) in self.events.iter().enumerate() {
            let message = &self.messages[event.message];
            for column in [message.src, message.dest] {
                life.entry(column).or_insert((at, at)).1 = at;
            }
        }
        let is_client = |column: &Column| column.kind == NodeKind::Client;
        let mut clients: Vec<usize> = (0..self.columns.len()).filter(|&at| is_client(&self.columns[at])).collect();
        clients.sort_by_key(|at| life.get(at).map_or(usize::MAX, |(first, _)| *first));
        let mut busy_until: Vec<usize> = Vec::new();
        for client in clients {
            let (first, last) = life.get(&client).copied().unwrap_or_default();
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

/// How many bytes of each body may be shown so that all together stay within bounds.
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
    use crate::network::JournalEvent;
    use crate::report::sample;

    fn send(seq: u64, time: Nanos, id: u64, message: &str) -> JournalEvent {
        JournalEvent { seq, time, kind: EventType::Send, id, message: message.into() }
    }

    fn recv(seq: u64, time: Nanos, id: u64) -> JournalEvent {
        JournalEvent { seq, time, kind: EventType::Recv, id, message: "".into() }
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
    fn messages_are_classified_and_their_fate_is_known() {
        let diagram = diagram(
            vec![
                send(0, 0, 7, &line("c3", "n1", r#"{"type":"read","msg_id":1}"#)),
                recv(1, 10, 7),
                send(2, 20, 8, &line("n1", "n2", r#"{"term":1}"#)),
                send(3, 20, 9, &line("n1", "c3", r#"{"type":"error","in_reply_to":1}"#)),
                recv(4, 30, 9),
                recv(5, 40, 9),
                send(6, 995, 10, &line("n1", "lin-kv", "{}")),
            ],
            7,
        );
        let told: Vec<_> = diagram.messages.iter().map(|m| (m.kind.as_str(), m.class, m.fate, m.recvs.len())).collect();
        assert_eq!(
            told,
            [
                ("read", Class::Client, Fate::Received, 1),
                ("", Class::Server, Fate::Lost, 0),
                ("error", Class::Error, Fate::Received, 2),
                ("", Class::Service, Fate::Open, 0),
            ]
        );
        let names: Vec<&str> = diagram.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["c3", "n0", "n1", "n2", "n3", "n4", "lin-kv"]);
        assert_eq!(diagram.messages[2].in_reply_to.as_deref(), Some("1"));
        assert_eq!((diagram.messages[0].src, diagram.messages[0].dest), (0, 2));
    }

    #[test]
    fn what_may_have_arrived_after_the_last_event_is_not_called_lost() {
        let diagram = diagram(vec![send(0, 500, 1, &line("n1", "n2", "{}"))], 400);
        assert_eq!(diagram.messages[0].fate, Fate::Open);
    }

    #[test]
    fn clients_that_do_not_overlap_share_a_line() {
        let journal = (0..6).map(|i| send(i, i, i, &line(&format!("c{}", i / 2), "n0", "{}"))).collect();
        let diagram = diagram(journal, 6);
        assert_eq!(diagram.columns.iter().map(|column| column.lane).collect::<Vec<_>>(), [0, 0, 0, 1, 2, 3, 4, 5]);
        assert_eq!(diagram.lanes, 6);
    }

    #[test]
    fn long_bodies_are_shortened_and_nonsense_is_passed_over() {
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
