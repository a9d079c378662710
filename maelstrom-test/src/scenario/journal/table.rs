//! [`Table`]: the columns and rows that show a wrong answer.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Decision;
use super::index::{Call, Index};
use super::messages::Sent;
use super::question::Question;
use super::sides::sides;
use super::spread::Spread;
use super::words::{describe, describe_body, describe_loss};
use crate::checker::CheckContext;
use crate::history::{History, Nanos, OpType, Pair};
use crate::protocol::{NodeKind, compare_names, shorten};
use crate::report::cause::{Column, Fate, Fault, Matters, Message, Operation, Row, RowKind};
use crate::report::{FaultSpan, counted, fault_of, fault_spans, length};

/// The maximum number of rows, without lines of logs, and of faults and of messages of one kind among them.
const ROWS: usize = 34;
const FAULTS: usize = 4;
const OF_A_KIND: usize = 6;
/// The maximum length of the text of an operation, in characters. The remark after it should be seen.
const TEXT: usize = 40;
/// The maximum length of a body, in bytes.
const BODY: usize = 4_000;

/// What is known of a wrong answer.
pub(super) struct Found<'a> {
    pub(super) history: &'a History,
    pub(super) context: &'a CheckContext,
    pub(super) question: &'a Question,
    pub(super) index: &'a Index,
    pub(super) answer: Call,
    pub(super) lacked: Call,
    pub(super) decision: Decision,
    pub(super) spread: Spread,
}

/// The columns and rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// The number of operations, faults and messages that are shown.
    pub(super) operations: u64,
    pub(super) faults: u64,
    pub(super) messages: u64,
    /// What was left out.
    pub(super) remarks: Vec<String>,
}

/// A message with those that repeat it.
struct Folded {
    id: u64,
    note: String,
    is_wrong: bool,
}

impl Table {
    pub(super) fn of(found: &Found<'_>) -> Table {
        let mut table = Table::default();
        let mut operations: Vec<(Pair, Call)> = Vec::new();
        for pair in found.question.operations() {
            operations.push((pair, found.index.call(pair, found.history, found.context)));
        }
        table.operations = operations.len() as u64;
        let room = ROWS.saturating_sub(2 * operations.len() + 2);
        let (messages, left_out) = messages(found, room);
        let faults = faults(found, &messages);
        table.messages = messages.len() as u64;
        table.faults = faults.len() as u64;
        table.columns = columns(found, &operations, &messages, &faults);
        for (pair, call) in operations {
            table.add_operation(found, pair, call);
        }
        for folded in messages {
            table.add_message(found, &folded);
        }
        for (number, span) in faults.into_iter().enumerate() {
            table.add_fault(number, &span);
        }
        table.rows.sort_by_key(|row| row.time);
        if left_out > 0 {
            table.remarks.push(format!("{} not shown", counted(left_out as u64, "further message")));
        }
        table
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn push(&mut self, row: Row) {
        self.rows.push(Row { matters: Matters::Untested, ..row });
    }

    fn add_operation(&mut self, found: &Found<'_>, pair: Pair, call: Call) {
        let is_answer = pair == found.question.answer;
        let ends = [(pair.invocation, call.request), (pair.completion, call.response)];
        for (at, message) in ends {
            let Some(op) = at.and_then(|at| found.history.ops.get(at)) else { continue };
            let Some(process) = op.process.client() else { continue };
            let (column, node) = (self.column(&format!("p{process}")), found.context.node_of(process));
            let is_request = op.kind == OpType::Invoke;
            let sent = message.and_then(|id| found.index.get(id));
            let client = sent.map(|sent| if is_request { &sent.src } else { &sent.dest });
            if let (Some(column), Some(client)) = (column, client) {
                self.columns[column].client = Some(client.clone());
            }
            let operation = Operation {
                index: op.index,
                f: op.f.to_string(),
                kind: Some(op.kind),
                text: shorten(&describe(op), TEXT),
                node: node.and_then(|node| self.column(node)),
                message,
                node_time: sent.and_then(|sent| if is_request { sent.received } else { Some(sent.time) }),
                body: sent.map(|sent| shorten(&sent.body.to_string(), BODY)).unwrap_or_default(),
            };
            let decides = call.response == Some(found.decision.answer) || is_service(&found.decision.node);
            let is_wrong = is_answer && !is_request && decides && found.question.is_certain;
            let note = if is_answer && !is_request {
                let after = format!("after {}", length(duration(found.history, pair)));
                if found.question.is_certain { format!("the wrong answer, {after}") } else { after }
            } else {
                String::new()
            };
            let kind = if is_request { RowKind::Invoke(operation) } else { RowKind::Complete(operation) };
            self.push(Row { is_wrong, note, ..Row::new(op.time, column, kind) });
        }
    }

    fn add_message(&mut self, found: &Found<'_>, folded: &Folded) {
        let Some(sent) = found.index.get(folded.id) else { return };
        let (Some(from), Some(to)) = (self.column(&sent.src), self.column(&sent.dest)) else { return };
        let message = Message {
            id: folded.id,
            to,
            kind: sent.kind().to_owned(),
            text: describe_body(&sent.body),
            body: shorten(&sent.body.to_string(), BODY),
            fate: fate(sent, found.is_missed(folded.id)),
            other_fate: None,
        };
        let (is_wrong, note) = (folded.is_wrong, folded.note.clone());
        self.push(Row { is_wrong, note, ..Row::new(sent.time, from, RowKind::Message(message)) });
    }

    fn add_fault(&mut self, number: usize, span: &FaultSpan) {
        let fault = Fault { number, kind: span.kind.clone(), text: span.what.clone() };
        let column = match &span.nodes[..] {
            [node] => self.column(node),
            _ => None,
        };
        self.push(Row::new(span.start, column, RowKind::FaultStart(fault.clone())));
        if let Some(end) = span.end {
            self.push(Row::new(end, column, RowKind::FaultEnd(fault)));
        }
    }
}

impl Found<'_> {
    fn is_missed(&self, id: u64) -> bool {
        self.spread.missed.contains(&id)
    }
}

fn is_service(name: &str) -> bool {
    NodeKind::of_name(name) == NodeKind::Service
}

/// Returns the time from the invocation of an operation to its completion.
fn duration(history: &History, pair: Pair) -> Nanos {
    let time = |at: Option<usize>| at.and_then(|at| history.ops.get(at)).map_or(0, |op| op.time);
    time(pair.completion).saturating_sub(time(pair.invocation))
}

fn fate(sent: &Sent, is_missed: bool) -> Fate {
    match (sent.received, sent.lost) {
        (Some(time), _) if is_missed => Fate::Late { time },
        (Some(time), _) => Fate::Received { time },
        (None, Some((time, reason))) => {
            Fate::Lost { reason: reason.map(describe_loss).unwrap_or_default(), time: Some(time) }
        }
        (None, None) => Fate::InFlight,
    }
}

/// Returns the messages that are shown, and how many were left out for lack of room.
fn messages(found: &Found<'_>, room: usize) -> (Vec<Folded>, usize) {
    let Found { index, spread, decision, .. } = found;
    let decided_by_message =
        found.question.is_certain && Some(decision.answer) != found.answer.response && !is_service(&decision.node);
    // The requests and responses of operations are rows of their own.
    let is_shown_already =
        |id: &u64| [found.answer.request, found.answer.response, found.lacked.request].contains(&Some(*id));
    let way = |name: &str| spread.way_to(index, name);
    let source = |id: &u64| index.get(*id).map_or("", |sent| &*sent.src);
    let senders = spread.missed.iter().chain(&spread.contacts).chain(&spread.silenced).map(source);
    let senders: BTreeSet<&str> = senders.collect();
    let mut ways: Vec<u64> = senders.into_iter().flat_map(way).collect();
    ways.extend(if spread.has_reached(decision) { way(&decision.node) } else { Vec::new() });
    let mut informing: Vec<u64> = spread.informed.values().map(|(_, id)| *id).collect();
    informing.sort_unstable();
    // The most important ones first, with the number of rows that they may have.
    let groups = [
        (decision.path.clone(), 16),
        (spread.doubles.clone(), 2),
        (spread.missed.clone(), OF_A_KIND),
        (spread.overwrites.clone(), 2),
        (spread.contacts.clone(), OF_A_KIND),
        (spread.silenced.clone(), 2),
        (ways, OF_A_KIND),
        (decision.exchanges.clone(), OF_A_KIND),
        (informing, OF_A_KIND),
    ];
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut shown: Vec<Folded> = Vec::new();
    let mut left_out = 0;
    for (number, (group, limit)) in groups.into_iter().enumerate() {
        let new: Vec<u64> = group.into_iter().filter(|id| !is_shown_already(id) && seen.insert(*id)).collect();
        // The way of the answer is shown message by message.
        let folded = if number < 2 { new.into_iter().map(single).collect() } else { fold(index, &new) };
        let limit = room.min(shown.len() + limit);
        for mut folded in folded {
            folded.is_wrong = decided_by_message && folded.id == decision.answer;
            if shown.len() < limit {
                shown.push(folded);
            } else {
                left_out += 1;
            }
        }
    }
    for folded in shown.iter_mut().filter(|folded| spread.contacts.contains(&folded.id)) {
        folded.note = format!("the last one to {} before its answer", decision.node);
    }
    for (number, id) in spread.doubles.iter().enumerate() {
        let again = index.get(*id).and_then(|sent| sent.received_again);
        if let Some(folded) = shown.iter_mut().find(|folded| folded.id == *id) {
            folded.note = match again {
                Some(_) => "arrives twice".into(),
                None if number > 0 => "the same again".into(),
                None => String::new(),
            };
        }
    }
    (shown, left_out)
}

fn single(id: u64) -> Folded {
    Folded { id, note: String::new(), is_wrong: false }
}

/// Joins messages with the same ends, type and fate: `8 times, every 150 ms`.
fn fold(index: &Index, ids: &[u64]) -> Vec<Folded> {
    let mut folded: Vec<(u64, Vec<Nanos>)> = Vec::new();
    let mut known: BTreeMap<(&str, &str, &str, u8, String), usize> = BTreeMap::new();
    for id in ids {
        let Some(sent) = index.get(*id) else { continue };
        let (class, reason) = match (sent.received, sent.lost) {
            (Some(_), _) => (0, String::new()),
            (None, Some((_, reason))) => (1, reason.map(describe_loss).unwrap_or_default()),
            (None, None) => (2, String::new()),
        };
        let at = *known.entry((&sent.src, &sent.dest, sent.kind(), class, reason)).or_insert_with(|| {
            folded.push((*id, Vec::new()));
            folded.len() - 1
        });
        folded[at].1.push(sent.time);
    }
    let note = |times: &[Nanos]| match times {
        [first, .., last] => {
            let interval = last.saturating_sub(*first) / (times.len() as u64 - 1);
            format!("{} times, every {}", times.len(), length(interval))
        }
        _ => String::new(),
    };
    folded.into_iter().map(|(id, times)| Folded { note: note(&times), ..single(id) }).collect()
}

/// Returns the faults that disturbed a message that is shown, or stopped a node in the time of the operations.
fn faults(found: &Found<'_>, messages: &[Folded]) -> Vec<FaultSpan> {
    let spans = fault_spans(found.history);
    let mut shown: BTreeSet<u64> = BTreeSet::new();
    let mut nodes: BTreeSet<&str> = BTreeSet::from([&*found.decision.node]);
    let ids = messages.iter().map(|folded| folded.id);
    let ids = ids.chain([found.answer.request, found.answer.response, found.lacked.request].into_iter().flatten());
    for sent in ids.filter_map(|id| found.index.get(id)) {
        nodes.extend([&*sent.src, &*sent.dest]);
        if let Some(span) = sent.fault.and_then(|cause| fault_of(&spans, cause)) {
            shown.insert(span.index);
        }
    }
    let (from, to) = interval(found.question, found.history);
    let has_stopped = |span: &FaultSpan| {
        matches!(&*span.kind, "kill" | "pause")
            && span.overlaps(from, to)
            && span.nodes.iter().any(|node| nodes.contains(&**node))
    };
    let mut shown: Vec<FaultSpan> =
        spans.iter().filter(|span| shown.contains(&span.index) || has_stopped(span)).cloned().collect();
    shown.drain(..shown.len().saturating_sub(FAULTS));
    shown
}

/// Returns when the answer and what it lacks began, and when the answer was given.
pub(super) fn interval(question: &Question, history: &History) -> (Nanos, Nanos) {
    let time = |at: Option<usize>| Some(history.ops.get(at?)?.time);
    let lacked = question.lacks.as_ref().map(|lacking| lacking.operation);
    let begins = [Some(question.answer), lacked].into_iter().flatten().filter_map(|pair| time(pair.invocation));
    let end = time(question.answer.completion).unwrap_or_default();
    (begins.min().unwrap_or(end).min(end), end)
}

/// Clients are outside: on the left that of what the answer lacks, on the right that of the answer. Nodes are grouped by the
/// sides of the partition.
fn columns(found: &Found<'_>, operations: &[(Pair, Call)], messages: &[Folded], faults: &[FaultSpan]) -> Vec<Column> {
    let process = |pair: Pair| found.history.ops.get(pair.invocation?)?.process.client();
    let answers = process(found.question.answer);
    let mut processes: Vec<u64> = operations.iter().rev().filter_map(|(pair, _)| process(*pair)).collect();
    if let Some(lacked) = found.question.lacks.as_ref().and_then(|lacking| process(lacking.operation)) {
        processes.insert(0, lacked);
    }
    let mut left: Vec<u64> = Vec::new();
    for process in processes {
        if Some(process) != answers && !left.contains(&process) {
            left.push(process);
        }
    }
    let mut servers: BTreeSet<&str> = BTreeSet::from([&*found.decision.node]);
    servers.extend(operations.iter().filter_map(|(pair, _)| found.context.node_of(process(*pair)?)));
    for sent in messages.iter().filter_map(|folded| found.index.get(folded.id)) {
        servers.extend([&*sent.src, &*sent.dest]);
    }
    servers.retain(|name| NodeKind::of_name(name) != NodeKind::Client);
    let partition = faults.iter().rfind(|span| span.kind == "partition");
    let sides = partition.map(|span| sides(found.history, span)).unwrap_or_default();
    let mut servers: Vec<&str> = servers.into_iter().collect();
    let order = |name: &str| (is_service(name), sides.get(name).copied());
    servers.sort_by(|one, other| order(one).cmp(&order(other)).then_with(|| compare_names(one, other)));
    let server = |name: &&str| Column {
        side: sides.get(*name).copied(),
        informed: found.spread.informed.get(*name).map(|(time, _)| *time),
        ..Column::node(*name)
    };
    let client = |process: &u64| Column::process(*process, None);
    left.iter().map(client).chain(servers.iter().map(server)).chain(answers.iter().map(client)).collect()
}
