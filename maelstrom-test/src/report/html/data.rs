//! The data for the script of the page: compact lists, as JSON inside the page.

use std::collections::HashMap;

use crate::json::Value;
use serde::Serialize;

use crate::history::{Op, OpType, Pair};
use crate::network::EventType;
use crate::protocol::shorten;
use crate::report::cause::{Row, RowKind};
use crate::report::diagram::{Class, Delivery, Diagram, Event, Message, kind_name};
use crate::report::node_log::PlacedLine;
use crate::report::{FaultSpan, RunView};

/// The maximum number of history entries in the timeline, apart from those that prove something.
pub(super) const ENTRIES: usize = 10_000;
/// The maximum number of bytes of all values together, and of characters of one.
const VALUES: usize = 1_000_000;
const VALUE: usize = 2_000;

/// The data of a page.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    duration: u64,
    /// Whether `messages.jsonl` is beside the page.
    journal: bool,
    faults: Vec<FaultJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Messages<'a>>,
    operations: Operations,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<Logs<'a>>,
    /// What the failure needs, if this is known of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    matters: Option<Needed>,
}

/// The messages that matter.
#[derive(Serialize)]
struct Needed {
    messages: Vec<u64>,
    /// Whether this was only chosen, and not proved.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    chosen: bool,
}

impl Needed {
    fn of(view: &RunView<'_>) -> Option<Needed> {
        // The numbers of messages are those of the reduced run.
        let cause =
            view.cause.filter(|cause| cause.directory.as_ref().is_some_and(|path| path.as_os_str().is_empty()))?;
        let id = |row: &Row| match &row.kind {
            RowKind::Message(message) => Some(message.id),
            RowKind::Invoke(operation) | RowKind::Complete(operation) => operation.message,
            RowKind::FaultStart(_) | RowKind::FaultEnd(_) | RowKind::Log(_) => None,
        };
        Some(Needed { messages: cause.rows.iter().filter_map(id).collect(), chosen: cause.is_chosen })
    }
}

/// The lines of the nodes' logs.
#[derive(Serialize)]
struct Logs<'a> {
    nodes: Vec<&'a str>,
    /// Node, time, number of events before, text.
    lines: Vec<(usize, u64, u64, &'a str)>,
}

impl<'a> Logs<'a> {
    fn new(lines: &'a [PlacedLine]) -> Option<Logs<'a>> {
        let mut nodes = Names::default();
        let lines: Vec<_> =
            lines.iter().map(|line| (nodes.number(&line.node), line.time, line.events, &*line.text)).collect();
        (!lines.is_empty()).then_some(Logs { nodes: nodes.list, lines })
    }
}

#[derive(Serialize)]
struct FaultJson<'a> {
    kind: &'a str,
    start: u64,
    end: Option<u64>,
    what: &'a str,
    nodes: &'a [String],
}

impl<'a> Data<'a> {
    pub(super) fn new(
        view: &RunView<'_>,
        faults: &'a [FaultSpan],
        diagram: Option<&'a Diagram>,
        operations: Operations,
        lines: &'a [PlacedLine],
    ) -> Data<'a> {
        let fault = |span: &'a FaultSpan| FaultJson {
            kind: &span.kind,
            start: span.start,
            end: span.end,
            what: &span.what,
            nodes: &span.nodes,
        };
        Data {
            duration: view.duration,
            journal: view.directory.is_some() && view.has_journal,
            faults: faults.iter().map(fault).collect(),
            messages: diagram.map(Messages::new),
            operations,
            logs: Logs::new(lines),
            matters: Needed::of(view),
        }
    }

    /// Renders the data for a script element. The result contains nothing that ends this element.
    pub(super) fn to_json(&self) -> String {
        let json = serde_json::to_string(self).expect("lists and strings become JSON");
        json.replace('<', "\\u003c")
    }
}

/// The diagram: columns, messages, events.
#[derive(Serialize)]
struct Messages<'a> {
    columns: Vec<(&'a str, &'static str, usize)>,
    lanes: usize,
    classes: [&'static str; 4],
    types: Vec<&'a str>,
    list: Vec<MessageJson<'a>>,
    events: Events,
}

/// id, source, destination, type, class, body, bytes left out, `msg_id`, `in_reply_to`, delivery (0 received, 1 lost,
/// 2 unknown), and its other events, one per line.
type MessageJson<'a> = (u64, usize, usize, usize, usize, &'a str, usize, Option<&'a str>, Option<&'a str>, u8, String);

#[derive(Serialize)]
struct Events {
    seq: Vec<u64>,
    time: Vec<u64>,
    message: Vec<usize>,
    /// The events at which a copy was dropped.
    drops: Vec<usize>,
    /// Events, with the number of events that were left out before them.
    gaps: Vec<(usize, u64)>,
}

impl<'a> Messages<'a> {
    fn new(diagram: &'a Diagram) -> Messages<'a> {
        let mut types = Names::default();
        let list = diagram.messages.iter().map(|message| message_json(message, &mut types)).collect();
        Messages {
            columns: diagram
                .columns
                .iter()
                .map(|column| (&*column.name, kind_name(column.kind), column.lane))
                .collect(),
            lanes: diagram.lanes,
            classes: Class::ALL.map(Class::name),
            types: types.list,
            list,
            events: Events {
                seq: diagram.events.iter().map(|event| event.seq).collect(),
                time: diagram.events.iter().map(|event| event.time).collect(),
                message: diagram.events.iter().map(|event| event.message).collect(),
                drops: positions(diagram, |event| event.kind == EventType::Drop),
                gaps: gaps(diagram),
            },
        }
    }
}

fn positions(diagram: &Diagram, is_wanted: impl Fn(&Event) -> bool) -> Vec<usize> {
    diagram.events.iter().enumerate().filter(|(_, event)| is_wanted(event)).map(|(at, _)| at).collect()
}

fn gaps(diagram: &Diagram) -> Vec<(usize, u64)> {
    let pairs = diagram.events.windows(2).enumerate();
    let gap = |(at, pair): (usize, &[Event])| (at + 1, pair[1].left_out - pair[0].left_out);
    pairs.map(gap).filter(|(_, left_out)| *left_out > 0).collect()
}

fn message_json<'a>(message: &'a Message, types: &mut Names<'a>) -> MessageJson<'a> {
    (
        message.id,
        message.src,
        message.dest,
        types.number(&message.kind),
        message.class as usize,
        &message.body,
        message.cut,
        message.msg_id.as_deref(),
        message.in_reply_to.as_deref(),
        match message.delivery {
            Delivery::Received => 0,
            Delivery::Lost => 1,
            Delivery::Unknown => 2,
        },
        message.notes.join("\n"),
    )
}

/// Numbers for strings that occur often.
#[derive(Default)]
struct Names<'a> {
    list: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a str) -> usize {
        *self.numbers.entry(name).or_insert_with(|| {
            self.list.push(name);
            self.list.len() - 1
        })
    }
}

/// The timeline: tracks, times of entries, operations.
#[derive(Serialize)]
pub(super) struct Operations {
    tracks: Vec<Track>,
    functions: Vec<String>,
    kinds: [&'static str; 4],
    times: Vec<u64>,
    /// Rows, with the number of client entries that were left out before them.
    gaps: Vec<(usize, usize)>,
    list: Vec<Operation>,
    /// The number of client entries in the whole history.
    #[serde(skip)]
    pub(super) total: usize,
}

#[derive(Serialize)]
struct Track {
    name: String,
    /// The name for narrow tracks.
    short: String,
    node: Option<String>,
}

/// position, process (a string, because JavaScript rounds large numbers), track, function, kind, first row, last row,
/// argument, result, error, and whether it is part of a proof
type Operation =
    (usize, String, usize, usize, usize, usize, Option<usize>, String, Option<String>, Option<String>, bool);

impl Operations {
    /// Returns the number of entries in the timeline.
    pub(super) fn shown(&self) -> usize {
        self.times.len()
    }

    pub(super) fn of(view: &RunView<'_>) -> Operations {
        let ops = &view.history.ops;
        let total = ops.iter().filter(|op| op.process.client().is_some()).count();
        let (pairs, proof) = chosen(view);
        // Each entry of an operation in the list has a row.
        let mut positions: Vec<usize> =
            pairs.iter().flat_map(|pair| [pair.invocation, pair.completion]).flatten().collect();
        positions.sort_unstable();
        let row = |position: usize| positions.partition_point(|other| *other < position);
        let limit = value_limit(positions.iter().map(|&at| &ops[at].value));
        let json = |value: &Value| shorten(&value.to_string(), limit);
        let mut tracks = Tracks::new(view);
        let mut functions: Vec<String> =
            pairs.iter().filter_map(|pair| Some(ops[first(*pair)?].f.to_string())).collect();
        functions.sort_unstable();
        functions.dedup();
        let operation = |pair: &Pair| {
            let position = first(*pair)?;
            let (begun, ended) = (&ops[position], pair.completion.map(|at| &ops[at]));
            let process = begun.process.client()?;
            let kind = ended.map_or(3, |op| match op.kind {
                OpType::Ok => 0,
                OpType::Fail => 1,
                OpType::Info | OpType::Invoke => 2,
            });
            Some((
                position,
                process.to_string(),
                tracks.of(process),
                functions.binary_search_by(|f| (**f).cmp(&begun.f)).ok()?,
                kind,
                row(position),
                pair.completion.map(row),
                json(&begun.value),
                ended.filter(|op| op.kind == OpType::Ok).map(|op| json(&op.value)),
                ended.and_then(|op| op.error.as_ref()).map(|error| shorten(&error.to_string(), 400)),
                proof.binary_search(&position).is_ok(),
            ))
        };
        let list = pairs.iter().filter_map(operation).collect();
        let gaps = missing_entries(ops, &positions);
        let times = positions.iter().map(|&at| ops[at].time).collect();
        Operations { tracks: tracks.list, functions, kinds: ["ok", "fail", "info", "open"], times, gaps, list, total }
    }
}

/// Returns the rows before which client entries are missing, with their number.
fn missing_entries(ops: &[Op], positions: &[usize]) -> Vec<(usize, usize)> {
    let pairs = positions.windows(2).enumerate();
    let gap = |(at, pair): (usize, &[usize])| {
        let between = &ops[pair[0] + 1..pair[1]];
        (at + 1, between.iter().filter(|op| op.process.client().is_some()).count())
    };
    pairs.map(gap).filter(|(_, missing)| *missing > 0).collect()
}

fn first(pair: Pair) -> Option<usize> {
    pair.invocation.or(pair.completion)
}

/// Returns the first operations of the run and those that prove something, in order, and the positions of the latter.
fn chosen(view: &RunView<'_>) -> (Vec<Pair>, Vec<usize>) {
    let findings = view.violations();
    let mut proof: Vec<usize> = findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .filter_map(|line| line.invocation.or(line.completion))
        .collect();
    proof.sort_unstable();
    proof.dedup();
    let mut pairs = view.history.pairs();
    let mut room = ENTRIES;
    pairs.retain(|pair| {
        let proves = first(*pair).is_some_and(|at| proof.binary_search(&at).is_ok());
        let keep = proves || room > 1;
        room = room.saturating_sub(if keep { 2 } else { 0 });
        keep
    });
    (pairs, proof)
}

fn value_limit<'a>(values: impl Iterator<Item = &'a Value>) -> usize {
    let lengths: Vec<usize> = values.map(|value| value.to_string().len()).collect();
    let mut limit = VALUE;
    while limit > 60 && lengths.iter().map(|length| length.min(&limit)).sum::<usize>() > VALUES {
        limit /= 2;
    }
    limit
}

/// The tracks of the timeline: one per worker if the workers are known, otherwise one per process.
struct Tracks {
    list: Vec<Track>,
    workers: u64,
    by_process: HashMap<u64, usize>,
}

/// The maximum number of tracks for processes. Further processes share the last one.
const TRACKS: usize = 200;

impl Tracks {
    fn new(view: &RunView<'_>) -> Tracks {
        let workers = view.context.concurrency as u64;
        let track = |worker: u64| Track {
            name: format!("worker {worker}"),
            short: format!("w{worker}"),
            node: view.context.node_of(worker).map(str::to_owned),
        };
        Tracks { list: (0..workers).map(track).collect(), workers, by_process: HashMap::new() }
    }

    fn of(&mut self, process: u64) -> usize {
        if let Some(worker) = process.checked_rem(self.workers) {
            return worker as usize;
        }
        *self.by_process.entry(process).or_insert_with(|| {
            if self.list.len() < TRACKS {
                let name = format!("p{process}");
                self.list.push(Track { short: name.clone(), name, node: None });
            }
            self.list.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn data_cannot_end_the_script_element() {
        let mut sample = sample::stale_read();
        sample.history.ops[0].value = "</script><script>alert(1)</script><!--".into();
        let faults = crate::report::fault_spans(&sample.history);
        let view = sample.view();
        let json = Data::new(&view, &faults, None, Operations::of(&view), &[]).to_json();
        assert!(!json.contains('<'), "{json}");
        let parsed: Value = crate::json::from_str(&json).unwrap();
        assert_eq!(parsed["operations"]["list"][0][7], "\"</script><script>alert(1)</script><!--\"");
    }

    #[test]
    fn long_histories_are_cut_but_keep_the_proof() {
        let mut sample = sample::valid();
        let op = |i: u64, kind| crate::history::Op::new(i, kind, i % 5, "echo", "x".repeat(500).into());
        sample.history.ops = (0..50_000).flat_map(|i| [op(i, OpType::Invoke), op(i, OpType::Ok)]).collect();
        let mut finding = sample::stale_read().parts[2].verdict.findings[0].clone();
        finding.evidence[0].invocation = Some(99_998);
        sample.parts[2].verdict.findings.push(finding);
        let operations = Operations::of(&sample.view());
        assert_eq!((operations.total, operations.shown()), (100_000, ENTRIES + 2));
        assert_eq!(operations.gaps, [(ENTRIES, 99_998 - ENTRIES)]);
        let last = operations.list.last().unwrap();
        assert_eq!((last.0, last.10), (99_998, true));
        assert!(serde_json::to_string(&operations).unwrap().len() < 2_000_000);
    }
}
