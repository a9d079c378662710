//! Makes the table of the report from the shrunk run and the messages that matter in it.

use std::collections::{BTreeMap, BTreeSet};

use super::matter::Decisive;
use crate::history::{History, Nanos, OpType};
use crate::network::JournalEvent;
use crate::protocol::NodeKind;
use crate::report::cause::{Column, Fate, Fault, Matters, Message, Operation, Row, RowKind};
use crate::report::fault_spans;
use crate::scenario::Run;
use crate::scenario::journal::{Messages, Sent, describe, describe_body, describe_loss, sides};

/// Returns the columns and rows of the table.
pub(super) fn table(run: &Run, messages: &[Decisive], missing: Option<&Decisive>) -> (Vec<Column>, Vec<Row>) {
    let mut table = Table { run, journal: Journal::new(&run.journal), columns: Vec::new(), rows: Vec::new() };
    let all: Vec<&Decisive> = messages.iter().chain(missing).collect();
    table.add_columns(&all);
    table.add_operations();
    table.add_messages(&all);
    table.add_faults();
    table.rows.sort_by_key(|row| row.time);
    let rows = fold_requests(table.rows);
    (table.columns, rows)
}

/// Joins requests of one node to another that follow each other without anything between them: `read, then cas, cas`.
fn fold_requests(rows: Vec<Row>) -> Vec<Row> {
    let ends = |row: &Row| match &row.kind {
        RowKind::Message(message) if row.matters == Matters::Alone && !row.note.is_empty() => {
            Some((row.column, message.to))
        }
        _ => None,
    };
    let mut folded: Vec<Row> = Vec::new();
    let mut joined: Vec<String> = Vec::new();
    let finish = |folded: &mut Vec<Row>, joined: &mut Vec<String>| {
        if let Some(last) = folded.last_mut()
            && !joined.is_empty()
        {
            last.note = format!("{}, then {}", last.note, std::mem::take(joined).join(", "));
        }
    };
    for row in rows {
        match (folded.last().and_then(ends), ends(&row), &row.kind) {
            (Some(before), Some(now), RowKind::Message(message)) if before == now => joined.push(message.kind.clone()),
            _ => {
                finish(&mut folded, &mut joined);
                folded.push(row);
            }
        }
    }
    finish(&mut folded, &mut joined);
    folded
}

struct Table<'a> {
    run: &'a Run,
    journal: Journal,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

impl Table<'_> {
    /// Clients are outside, nodes and services between them: the process of the last answer is on the right.
    fn add_columns(&mut self, messages: &[&Decisive]) {
        let history = &self.run.history;
        let nodes = &self.run.settings.nodes;
        let mut processes: Vec<u64> = Vec::new();
        let mut servers: BTreeSet<&str> = BTreeSet::new();
        for process in history.ops.iter().filter_map(|op| op.process.client()) {
            if !processes.contains(&process) {
                processes.push(process);
            }
            servers.extend(self.run.context.node_of(process));
        }
        for decisive in messages {
            if let Some(sent) = self.journal.messages.by_id.get(&decisive.journal_id) {
                servers.extend([&*sent.src, &*sent.dest]);
            }
        }
        for span in fault_spans(history) {
            servers.extend(nodes.iter().filter(|node| span.nodes.contains(node)).map(String::as_str));
        }
        let partition = fault_spans(history).into_iter().find(|span| span.kind == "partition");
        let sides = partition.map(|span| sides(history, &span)).unwrap_or_default();
        // Nodes by the sides of the partition, in the order of the cluster, then services.
        let order = |name: &str| {
            let position = nodes.iter().position(|node| node == name).unwrap_or(usize::MAX);
            (NodeKind::of_name(name), sides.get(name).copied(), position)
        };
        let mut servers: Vec<&str> = servers.into_iter().collect();
        servers.sort_by_key(|name| (order(name), *name));
        let server = |name: &str| Column { side: sides.get(name).copied(), ..Column::node(name) };
        let servers = servers.into_iter().map(server);
        let split = if processes.len() > 1 { processes.len() - 1 } else { processes.len() };
        let clients =
            |processes: &[u64]| processes.iter().map(|process| Column::process(*process, None)).collect::<Vec<_>>();
        let (left, right) = (clients(&processes[..split]), clients(&processes[split..]));
        self.columns = left.into_iter().chain(servers).chain(right).collect();
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn add_operations(&mut self) {
        let run = self.run;
        let culprits: BTreeSet<usize> = (run.verdict.findings().into_iter())
            .filter(|finding| finding.proscribed)
            .take(1)
            .flat_map(|finding| finding.evidence.iter().filter(|line| line.is_culprit))
            .filter_map(|line| line.completion)
            .collect();
        for (index, op) in run.history.ops.iter().enumerate() {
            let Some(process) = op.process.client() else { continue };
            let Some(node) = run.context.node_of(process) else { continue };
            let column = self.column(&format!("p{process}"));
            let is_request = op.kind == OpType::Invoke;
            let message =
                if is_request { self.journal.request(op.time, node) } else { self.journal.response(op.time, node) };
            if let (Some(message), Some(column)) = (message, column) {
                self.columns[column].client = Some(message.client.clone());
            }
            let operation = Operation {
                index: op.index,
                f: op.f.to_string(),
                kind: Some(op.kind),
                text: describe(op),
                node: self.column(node),
                message: message.map(|message| message.id),
                node_time: message.map(|message| message.node_time),
                body: message.map(|message| message.body.clone()).unwrap_or_default(),
            };
            let kind = if is_request { RowKind::Invoke(operation) } else { RowKind::Complete(operation) };
            let is_wrong = culprits.contains(&index);
            self.rows.push(Row { is_wrong, ..Row::new(op.time, column, kind) });
        }
    }

    fn add_messages(&mut self, messages: &[&Decisive]) {
        let decisive_ids: BTreeSet<u64> = messages.iter().map(|decisive| decisive.journal_id).collect();
        for decisive in messages
            .iter()
            .filter(|message| self.journal.messages.request_of(message.journal_id, &decisive_ids).is_none())
        {
            let Some(sent) = self.journal.messages.by_id.get(&decisive.journal_id) else { continue };
            let (Some(from), Some(to)) = (self.column(&sent.src), self.column(&sent.dest)) else { continue };
            let fate = match (&sent.received, &sent.lost) {
                (Some(time), _) => Fate::Received { time: *time },
                (None, Some((time, reason))) => {
                    Fate::Lost { reason: reason.map(describe_loss).unwrap_or_default(), time: Some(*time) }
                }
                (None, None) => Fate::InFlight,
            };
            let message = Message {
                id: decisive.journal_id,
                to,
                kind: sent.kind().to_owned(),
                text: describe_body(&sent.body),
                body: sent.body.to_string(),
                fate,
                other_fate: Some(decisive.other_fate.clone()),
            };
            let matters = match decisive.group {
                0 | 1 => Matters::Alone,
                // Of two, each was lost alone. Of more, only halves were.
                several if several > 2 && decisive.other_fate.delays_ns.is_empty() => Matters::SomeOf(several as u64),
                several => Matters::OneOf(several as u64),
            };
            let response =
                |id: &&u64| self.journal.messages.request_of(**id, &decisive_ids) == Some(decisive.journal_id);
            let note = match decisive_ids.iter().find(response).map(|id| &self.journal.messages.by_id[id]) {
                Some(answer @ Sent { received: Some(received), .. }) => format!(
                    "answered {} after {}",
                    format!("{} {}", answer.kind(), describe_body(&answer.body)).trim_end(),
                    milliseconds(received - sent.time)
                ),
                _ => String::new(),
            };
            self.rows.push(Row { matters, note, ..Row::new(sent.time, from, RowKind::Message(message)) });
        }
    }

    fn add_faults(&mut self) {
        for (number, span) in fault_spans(&self.run.history).into_iter().enumerate() {
            let fault = Fault { number, kind: span.kind.clone(), text: span.what.clone() };
            let column = match &span.nodes[..] {
                [node] => self.column(node),
                _ => None,
            };
            self.rows.push(Row::new(span.start, column, RowKind::FaultStart(fault.clone())));
            if let Some(end) = span.end {
                self.rows.push(Row::new(end, column, RowKind::FaultEnd(fault)));
            }
        }
    }
}

/// A message between a client and a node.
struct ClientMessage {
    id: u64,
    client: String,
    /// When the node received or sent it.
    node_time: Nanos,
    body: String,
}

/// The journal by message, and the messages of clients by their times.
struct Journal {
    messages: Messages,
    /// Requests by node and the time when the client sent them.
    requests: BTreeMap<(String, Nanos), ClientMessage>,
    /// Responses by node and the time when the client received them.
    responses: BTreeMap<(String, Nanos), ClientMessage>,
}

impl Journal {
    fn new(events: &[JournalEvent]) -> Journal {
        let messages = Messages::new(events);
        let (mut requests, mut responses) = (BTreeMap::new(), BTreeMap::new());
        for (id, sent) in &messages.by_id {
            let Some(received) = sent.received else { continue };
            let message = |client: &str, node_time| ClientMessage {
                id: *id,
                client: client.to_owned(),
                node_time,
                body: sent.body.to_string(),
            };
            if sent.is_from_client() {
                requests.insert((sent.dest.clone(), sent.time), message(&sent.src, received));
            } else if sent.is_for_client() {
                responses.insert((sent.src.clone(), received), message(&sent.dest, sent.time));
            }
        }
        Journal { messages, requests, responses }
    }

    fn request(&self, time: Nanos, node: &str) -> Option<&ClientMessage> {
        self.requests.get(&(node.to_owned(), time))
    }

    fn response(&self, time: Nanos, node: &str) -> Option<&ClientMessage> {
        self.responses.get(&(node.to_owned(), time))
    }
}

/// Returns one sentence that classifies the failure.
pub(super) fn sentence(rows: &[Row], columns: &[Column], history: &History, is_complete: bool) -> Option<String> {
    let name = |column: usize| columns[column].name.as_str();
    let undelivered = rows.iter().find_map(|row| match &row.kind {
        RowKind::Message(message) if matches!(message.fate, Fate::Lost { .. }) => Some((row, message)),
        _ => None,
    });
    if let Some((row, message)) = undelivered {
        let Fate::Lost { reason, .. } = &message.fate else { return None };
        let (from, to) = (name(row.column?), name(message.to));
        return Some(format!(
            "{to} never received {kind} from {from} ({reason}); with it delivered, the failure disappears",
            kind = message.kind
        ));
    }
    let wrong = rows.iter().find(|row| row.is_wrong)?;
    let RowKind::Complete(operation) = &wrong.kind else { return None };
    let node = name(operation.node?);
    // An incomplete search may have missed messages.
    let talks = !is_complete || rows.iter().any(|row| matches!(row.kind, RowKind::Message(_)));
    let invoked = history.ops.iter().rev().find(|op| {
        op.kind == OpType::Invoke
            && op.index < operation.index
            && Some(format!("p{}", op.process)) == wrong.column.map(|at| columns[at].name.clone())
    })?;
    let took = wrong.time.saturating_sub(invoked.time);
    (!talks).then(|| {
        format!(
            "{node} answered in {}; the failure stays even if no message between nodes and services arrives",
            milliseconds(took)
        )
    })
}

fn milliseconds(time: Nanos) -> String {
    format!("{}.{:02} ms", time / 1_000_000, time / 10_000 % 100)
}
