//! Cycles of operations, each of which must precede the next.
//!
//! An operation that sent a message precedes one that polled it. An operation that was complete precedes one that began
//! later. A cycle of these means that a message was polled before it could have been sent.
//!
//! With the option `ww_deps`, operations that sent successive messages of a log precede one another as well. But in a system
//! like Kafka, logs of different keys are independent. So cycles of these dependencies are reported and allowed.

use crate::json::{Value, json};

use super::explain::LogExplainer;
use super::log::MessageId;
use super::parse::{LogOperation, OpId, Parsed};
use crate::describe::{brief, seconds};
use crate::history::OpType;
use crate::txn::{
    Anomaly, Dependencies, DependencyCycle, EdgeKind, EdgeSink, Graph, Promise, ReasonFinder, TransactionTimeline,
    find_cycles, rotated, shape,
};
use crate::{Finding, Picture};

/// The dependencies through messages. A reason is the message of the first operation, and that of the second one.
struct MessageDependencies<'a> {
    parsed: &'a Parsed,
    ww: bool,
}

impl MessageDependencies<'_> {
    /// The operation that sent a message, if it is known and did not fail.
    fn sender(&self, message: MessageId) -> Option<OpId> {
        let message = &self.parsed.messages[message as usize];
        let sender = message.sender().filter(|_| message.send_count == 1);
        sender.filter(|&id| self.parsed.operations[id as usize].kind != OpType::Fail)
    }

    /// The operations that polled messages.
    fn polls(&self) -> impl Iterator<Item = (OpId, &LogOperation)> {
        let all = (0..).zip(&self.parsed.operations);
        all.filter(|(_, operation)| operation.polled_any())
    }
}

impl Dependencies for MessageDependencies<'_> {
    type Reason = (MessageId, MessageId);

    fn for_each(&self, sink: &mut impl EdgeSink<Self::Reason>) {
        for (id, poll) in self.polls() {
            for row in self.parsed.polled_of(poll) {
                if let Some(sender) = self.sender(row.message) {
                    sink.edge(sender, id, EdgeKind::Wr, (row.message, row.message));
                }
            }
        }
        for log in self.parsed.logs.iter().filter(|_| self.ww) {
            let messages: Vec<MessageId> = log.offsets().iter().filter_map(|offset| log.at(*offset)).collect();
            for pair in messages.windows(2) {
                if let (Some(before), Some(after)) = (self.sender(pair[0]), self.sender(pair[1])) {
                    sink.edge(before, after, EdgeKind::Ww, (pair[0], pair[1]));
                }
            }
        }
    }
}

/// Finds one cycle of each kind in each component.
pub(super) fn find(parsed: &Parsed, ww: bool) -> Vec<DependencyCycle> {
    let edges = MessageDependencies { parsed, ww };
    if !is_possible(&edges) {
        return Vec::new();
    }
    let graph = Graph::new(parsed.operations.len() as u32, &edges);
    let nothing: [&str; 0] = [];
    let promise = Promise::new(&nothing, &["G1c-realtime"]).expect("the anomaly has this name");
    find_cycles(&graph, &timeline(parsed), &promise).cycles
}

/// Whether there can be a cycle. If each operation only sends or only polls, every second edge of a cycle without
/// write-write edges is a real-time edge from a poll to a send. If in addition no poll of a message ended before its send
/// began, each sender of a cycle began before the next one. So there is no cycle.
fn is_possible(edges: &MessageDependencies<'_>) -> bool {
    let operations = &edges.parsed.operations;
    let is_backwards = |sender: OpId, poll: &LogOperation| {
        let begun = operations[sender as usize].invocation();
        begun.is_some() && poll.completion() < begun
    };
    edges.ww
        || edges.polls().any(|(_, poll)| {
            let mut senders = edges.parsed.polled_of(poll).filter_map(|row| edges.sender(row.message));
            poll.sends_any() || senders.any(|sender| is_backwards(sender, poll))
        })
}

/// The beginnings and ends of operations. Only ok operations have an end.
fn timeline(parsed: &Parsed) -> TransactionTimeline {
    let mut events: Vec<(u32, u32)> = Vec::new();
    for (operation, id) in parsed.operations.iter().zip(0..) {
        let is_concerned = operation.sends_any() || operation.polled_any();
        if !is_concerned || operation.kind == OpType::Fail {
            continue;
        }
        events.extend(operation.invocation().map(|at| (at, 2 * id)));
        let completion = operation.completion().filter(|_| operation.kind == OpType::Ok);
        events.extend(completion.map(|at| (at, 2 * id + 1)));
    }
    events.sort_unstable();
    TransactionTimeline { events: events.into_iter().map(|(_, event)| event).collect() }
}

impl LogExplainer<'_> {
    /// Explains a cycle, edge by edge.
    pub(super) fn cycle(&self, cycle: &DependencyCycle, ww: bool) -> Finding {
        let steps = rotated(cycle);
        let names: Vec<String> = (1..=steps.len()).map(|number| format!("T{number}")).collect();
        let mut evidence = Vec::new();
        let mut picture = crate::Cycle::default();
        for (at, &(from, kind)) in steps.iter().enumerate() {
            let next = (at + 1) % steps.len();
            let because = self.because((from, &names[at]), (steps[next].0, &names[next]), kind, ww);
            let close = if next == 0 { ": a contradiction" } else { "" };
            let mut line = self.whole(from);
            picture.vertices.push(line.text.clone());
            picture.edges.push((at, next, kind.name().into(), because.clone()));
            line.text = format!("{}: {}", names[at], line.text);
            line.note = format!("{} < {}, because {because}{close}", names[at], names[next]);
            evidence.push(line);
        }
        let count = steps.len();
        let why = if ww {
            "the order of their messages in several logs contradicts itself"
        } else {
            "a message was seen before it could have been sent"
        };
        Finding {
            anomaly: cycle.anomaly.name().into(),
            proscribed: !ww,
            headline: format!("operations in a circle ({})", cycle.anomaly),
            story: format!("These {count} operations cannot have happened in any order: {why}."),
            shape: shape(&steps),
            evidence,
            picture: Some(Picture::Cycle(picture)),
        }
    }

    fn because(&self, from: (OpId, &str), to: (OpId, &str), kind: EdgeKind, ww: bool) -> String {
        let mut finder = ReasonFinder::new(from.0, to.0, kind);
        MessageDependencies { parsed: self.parsed, ww }.for_each(&mut finder);
        let describe = |id: MessageId| {
            let message = &self.parsed.messages[id as usize];
            (brief(&message.content.to_json()), &self.parsed.keys[message.key as usize])
        };
        match (kind, finder.reason) {
            (EdgeKind::Wr, Some((message, _))) => {
                let (value, key) = describe(message);
                format!("{} polled message {value} of key {key}, which {} sent", to.1, from.1)
            }
            (EdgeKind::Ww, Some((before, after))) => {
                let ((one, key), (other, _)) = (describe(before), describe(after));
                format!("{}'s message {one} stands right before {}'s {other} in key {key}", from.1, to.1)
            }
            _ => {
                let [one, other] = [from.0, to.0].map(|id| &self.parsed.operations[id as usize]);
                let time = |at: Option<u32>| at.map_or(0, |at| self.parsed.stamp(at).time);
                let (ended, begun) = (time(one.completion()), time(other.invocation()));
                format!("{} was complete at {}, before {} began at {}", from.1, seconds(ended), to.1, seconds(begun))
            }
        }
    }

    /// A cycle as in `results.json`: the indices of the completions of its operations, and the kinds of its edges.
    pub(super) fn cycle_json(&self, cycle: &DependencyCycle) -> Value {
        let steps = rotated(cycle);
        let index = |id: OpId| self.parsed.stamp(self.parsed.operations[id as usize].last_entry()).index;
        let ops: Vec<_> = steps.iter().chain(steps.first()).map(|(id, _)| index(*id)).collect();
        let types: Vec<&str> = steps.iter().map(|(_, kind)| kind.name()).collect();
        json!({"cycle": ops, "types": types})
    }
}

/// The cycles, grouped by name.
pub(super) fn by_name(cycles: &[DependencyCycle]) -> Vec<(Anomaly, Vec<&DependencyCycle>)> {
    let mut named: Vec<(Anomaly, Vec<&DependencyCycle>)> = Vec::new();
    for cycle in cycles {
        match named.iter_mut().find(|(anomaly, _)| *anomaly == cycle.anomaly) {
            Some((_, list)) => list.push(cycle),
            None => named.push((cycle.anomaly, vec![cycle])),
        }
    }
    named.sort_by_key(|(anomaly, _)| *anomaly);
    named
}
