//! Small histories and journals, and the tables that are chosen from them.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::checker::{Evidence, Finding};
use crate::history::{Nanos, Op, OpType, Pair, Process};
use crate::json::json;
use crate::network::{EventType, Reason};
use crate::plan::MessageId;
use crate::report::cause::{Cause, Fate, Matters, RowKind};

const MS: Nanos = 1_000_000;

/// What happens to a message, with the time in milliseconds.
#[derive(Clone, Copy)]
enum To {
    Arrives(u64),
    Twice(u64, u64),
    Cut(u64),
    Lost,
}

/// A run that is written down by hand. Times are in milliseconds; process *p* of *n* nodes is the client of node *p mod n*.
struct Story {
    nodes: usize,
    history: Vec<Op>,
    events: Vec<JournalEvent>,
    messages: u64,
}

impl Story {
    fn new(nodes: usize) -> Story {
        Story { nodes, history: Vec::new(), events: Vec::new(), messages: 0 }
    }

    fn event(&mut self, at: u64, kind: EventType, id: u64, cause: Option<Reason>) {
        let cause = cause.map(|reason| {
            let fault = (reason == Reason::Partition).then_some(0);
            crate::network::Cause::new(reason, fault)
        });
        let event = JournalEvent { seq: 0, time: at * MS, kind, id, message: "".into(), cause, identity: None };
        self.events.push(event);
    }

    fn send(&mut self, at: u64, src: &str, dest: &str, body: Value, to: To) {
        let id = self.messages;
        self.messages += 1;
        self.event(at, EventType::Send, id, None);
        let sent = self.events.last_mut().expect("an event was added");
        sent.message = json!({"id": id, "src": src, "dest": dest, "body": body}).to_string().into();
        let worker = src.strip_prefix('c').map(|process| format!("w{process}.0"));
        let src = worker.unwrap_or_else(|| src.to_owned());
        sent.identity = Some(MessageId { src, incarnation: 0, dest: dest.to_owned(), number: id });
        match to {
            To::Arrives(at) => self.event(at, EventType::Recv, id, None),
            To::Twice(first, second) => {
                self.event(first, EventType::Recv, id, None);
                self.event(second, EventType::Recv, id, None);
            }
            To::Cut(at) => self.event(at, EventType::Drop, id, Some(Reason::Partition)),
            To::Lost => self.event(at, EventType::Lose, id, Some(Reason::Loss)),
        }
    }

    /// An operation of a process that needs a millisecond each way to its node, with the bodies of request and response.
    fn operation(&mut self, process: u64, f: &str, from: (u64, Value, Value), to: (u64, Value, Value)) {
        let (client, node) = (format!("c{process}"), format!("n{}", process as usize % self.nodes));
        let ((began, argument, mut request), (ended, result, mut response)) = (from, to);
        let number = json!(self.messages);
        request["msg_id"] = number.clone();
        response["in_reply_to"] = number;
        self.send(began, &client, &node, request, To::Arrives(began + 1));
        self.send(ended - 1, &node, &client, response, To::Arrives(ended));
        let op = |at: u64, kind, value| Op { time: at * MS, ..Op::new(0, kind, process, f, value) };
        self.history.push(op(began, OpType::Invoke, argument));
        self.history.push(op(ended, OpType::Ok, result));
    }

    fn write(&mut self, process: u64, key: u64, value: u64, from: u64, to: u64) {
        let request = json!({"type": "write", "key": key, "value": value});
        let argument = json!([key, value]);
        self.operation(
            process,
            "write",
            (from, argument.clone(), request),
            (to, argument, json!({"type": "write_ok"})),
        );
    }

    fn read(&mut self, process: u64, key: u64, value: u64, from: u64, to: u64) {
        let request = (from, json!([key, null]), json!({"type": "read", "key": key}));
        self.operation(process, "read", request, (to, json!([key, value]), json!({"type": "read_ok", "value": value})));
    }

    fn fault(&mut self, f: &str, at: u64, value: Value) {
        let op = Op { time: at * MS, process: Process::Nemesis, ..Op::new(0, OpType::Info, 0, f, value) };
        self.history.push(op);
    }

    fn context(&self) -> CheckContext {
        let nodes: Vec<String> = (0..self.nodes).map(|node| format!("n{node}")).collect();
        CheckContext { concurrency: nodes.len(), nodes, ..CheckContext::default() }
    }

    /// Returns history and journal in the order of time.
    fn finish(&self) -> (History, Vec<JournalEvent>) {
        let (mut ops, mut events) = (self.history.clone(), self.events.clone());
        ops.sort_by_key(|op| op.time);
        events.sort_by_key(|event| event.time);
        ops.iter_mut().enumerate().for_each(|(index, op)| op.index = index as u64);
        events.iter_mut().enumerate().for_each(|(seq, event)| event.seq = seq as u64);
        (History { ops }, events)
    }

    /// Returns a finding with all operations as evidence, of which the last answer is wrong.
    fn finding(history: &History, anomaly: &str) -> Finding {
        let mut pairs: Vec<Pair> = history.pairs();
        pairs.sort_by_key(|pair| pair.completion);
        let line = |pair: &Pair| Evidence { is_culprit: Some(pair) == pairs.last(), ..Evidence::new(*pair, "", "") };
        Finding { anomaly: anomaly.into(), evidence: pairs.iter().map(line).collect(), ..Finding::default() }
    }

    fn chosen(&self, anomaly: &str) -> Option<Chosen> {
        let (history, events) = self.finish();
        let context = self.context();
        let question = Question::of(&Story::finding(&history, anomaly), &history, &context)?;
        choose_events(&question, &events, &history, &context)
    }

    /// Returns the chosen table as text.
    fn table(&self, anomaly: &str) -> String {
        show(&self.chosen(anomaly).expect("the journal has the answer"))
    }
}

fn show(chosen: &Chosen) -> String {
    let Chosen { table, sentence } = chosen;
    let name = |column: usize| &*table.columns[column].name;
    let heads: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let side = column.side.map(|side| format!(" side {side}")).unwrap_or_default();
            let informed = column.informed.map(|time| format!(" knows at {}", time / MS)).unwrap_or_default();
            format!("{}{side}{informed}", column.name)
        })
        .collect();
    let mut text = format!("{}\n[{}]\n", sentence.as_deref().unwrap_or("-"), heads.join(" | "));
    for row in &table.rows {
        assert_eq!(row.matters, Matters::Untested);
        let what = match (&row.kind, row.column) {
            (RowKind::Invoke(operation), Some(from)) => {
                format!("{} → {}: {}", name(from), operation.node.map_or("?", name), operation.text)
            }
            (RowKind::Complete(operation), Some(to)) => {
                format!("{} → {}: ok {}", operation.node.map_or("?", name), name(to), operation.text)
            }
            (RowKind::Message(message), Some(from)) => {
                let fate = match &message.fate {
                    Fate::Received { time } => format!("arrives at {}", time / MS),
                    Fate::Late { time } => format!("late, at {}", time / MS),
                    Fate::Lost { reason, .. } => reason.clone(),
                    Fate::InFlight => "in flight".into(),
                };
                format!("{} → {}: {} {}, {fate}", name(from), name(message.to), message.kind, message.text)
            }
            (RowKind::FaultStart(fault), _) => format!("{} starts", fault.kind),
            (RowKind::FaultEnd(fault), _) => format!("{} ends", fault.kind),
            other => format!("{other:?}"),
        };
        let (wrong, note) = (if row.is_wrong { "  ✗" } else { "" }, &row.note);
        let note = if note.is_empty() { String::new() } else { format!("  ({note})") };
        writeln!(text, "{:>6}  {what}{note}{wrong}", row.time / MS).expect("a string takes everything");
    }
    for remark in &table.remarks {
        writeln!(text, "{remark}").expect("a string takes everything");
    }
    text
}

fn append(key: u64, value: u64, number: u64) -> Value {
    json!({"type": "append", "msg_id": number, "entries": [{"term": 1, "op": {"key": key, "value": value}}]})
}

/// A leader that was cut off answers from its old state.
fn stale_leader() -> Story {
    let mut story = Story::new(3);
    story.fault("start-partition", 90, json!(["one", [["n0"], ["n1", "n2"]]]));
    story.send(50, "n1", "n0", json!({"type": "append_ok"}), To::Arrives(52));
    story.write(1, 3, 2, 100, 120);
    story.send(101, "n1", "n2", append(3, 2, 1), To::Arrives(105));
    for round in 0..8 {
        story.send(101 + 15 * round, "n1", "n0", append(3, 2, 2 + round), To::Cut(103 + 15 * round));
    }
    story.send(106, "n2", "n1", json!({"type": "append_ok", "in_reply_to": 1}), To::Arrives(110));
    story.send(115, "n1", "n2", json!({"type": "append", "entries": []}), To::Arrives(118));
    story.read(0, 3, 1, 300, 310);
    story.fault("stop-partition", 400, Value::Null);
    story
}

#[test]
fn never_heard() {
    insta::assert_snapshot!(stale_leader().table("nonlinearizable"));
}

#[test]
fn too_late() {
    let mut story = Story::new(2);
    story.write(0, 3, 2, 100, 110);
    story.send(101, "n0", "n1", json!({"type": "copy", "db": {"3": 2}}), To::Arrives(145));
    story.read(1, 3, 1, 120, 130);
    insta::assert_snapshot!(story.table("nonlinearizable"));
}

#[test]
fn heard_but_not_acted_on() {
    let mut story = Story::new(2);
    story.operation(
        0,
        "add",
        (100, json!(7), json!({"type": "add", "element": 7})),
        (105, json!(7), json!({"type": "add_ok"})),
    );
    story.send(102, "n0", "n1", json!({"type": "gossip", "elements": [5, 7]}), To::Arrives(108));
    let response = json!({"type": "read_ok", "value": [5]});
    story.operation(1, "read", (200, Value::Null, json!({"type": "read"})), (210, json!([5]), response));
    insta::assert_snapshot!(story.table("lost"));
}

#[test]
fn the_answer_is_followed_to_the_node_that_decided() {
    let mut story = Story::new(3);
    story.write(0, 3, 2, 100, 110);
    story.send(101, "n0", "n1", json!({"type": "copy", "key": 3, "value": 2}), To::Arrives(103));
    story.send(102, "n0", "n2", json!({"type": "copy", "key": 3, "value": 2}), To::Lost);
    story.read(1, 3, 1, 120, 160);
    // A request about another key is none of it.
    story.send(122, "n1", "n0", json!({"type": "read", "key": 4, "msg_id": 20}), To::Arrives(125));
    story.send(123, "n1", "n2", json!({"type": "read", "key": 3, "msg_id": 21}), To::Arrives(130));
    story.send(126, "n0", "n1", json!({"type": "read_ok", "value": 9, "in_reply_to": 20}), To::Arrives(128));
    story.send(131, "n2", "n1", json!({"type": "read_ok", "value": 1, "in_reply_to": 21}), To::Arrives(140));
    insta::assert_snapshot!(story.table("nonlinearizable"));
}

#[test]
fn a_quorum_decides_where_its_responses_meet() {
    let mut story = Story::new(3);
    story.write(0, 3, 2, 100, 110);
    story.read(1, 3, 1, 120, 160);
    for (peer, number) in [("n0", 30), ("n2", 31)] {
        story.send(122, "n1", peer, json!({"type": "query", "key": 3, "msg_id": number}), To::Arrives(125));
        let response = json!({"type": "query_ok", "value": 1, "in_reply_to": number});
        story.send(126, peer, "n1", response, To::Arrives(130));
    }
    insta::assert_snapshot!(story.table("nonlinearizable"));
}

#[test]
fn overwritten_at_a_service() {
    let mut story = Story::new(2);
    let call = |number: u64, body: Value| {
        let mut body = body;
        body["msg_id"] = json!(number);
        body
    };
    let ok = |number: u64, kind: &str| json!({"type": kind, "in_reply_to": number});
    story.operation(
        0,
        "add",
        (100, json!(7), json!({"type": "add", "element": 7})),
        (130, json!(7), json!({"type": "add_ok"})),
    );
    story.send(102, "n0", "lin-kv", call(1, json!({"type": "write", "key": "set", "value": [5, 7]})), To::Arrives(110));
    story.send(110, "lin-kv", "n0", ok(1, "write_ok"), To::Arrives(120));
    story.send(115, "n1", "lin-kv", call(2, json!({"type": "write", "key": "set", "value": [5, 6]})), To::Arrives(125));
    story.send(125, "lin-kv", "n1", ok(2, "write_ok"), To::Arrives(135));
    // This one fails.
    story.send(126, "n1", "lin-kv", call(3, json!({"type": "cas", "key": "set", "to": [8]})), To::Arrives(136));
    story.send(136, "lin-kv", "n1", json!({"type": "error", "code": 22, "in_reply_to": 3}), To::Arrives(146));
    let response = json!({"type": "read_ok", "value": [5, 6]});
    story.operation(1, "read", (200, Value::Null, json!({"type": "read"})), (230, json!([5, 6]), response));
    story.send(202, "n1", "lin-kv", call(4, json!({"type": "read", "key": "set"})), To::Arrives(210));
    let response = json!({"type": "read_ok", "value": [5, 6], "in_reply_to": 4});
    story.send(210, "lin-kv", "n1", response, To::Arrives(220));
    insta::assert_snapshot!(story.table("lost"));
}

#[test]
fn done_twice() {
    let mut story = Story::new(2);
    story.operation(
        0,
        "broadcast",
        (100, json!(7), json!({"type": "broadcast", "message": 7})),
        (105, json!(7), json!({"type": "broadcast_ok"})),
    );
    story.send(102, "n0", "n1", json!({"type": "forward", "message": 7}), To::Twice(110, 150));
    let response = json!({"type": "read_ok", "messages": [7, 7]});
    story.operation(1, "read", (200, Value::Null, json!({"type": "read"})), (210, json!([7, 7]), response));
    insta::assert_snapshot!(story.table("duplicated"));
}

#[test]
fn the_last_contact_is_shown_if_nobody_told_the_deciding_node() {
    let mut story = Story::new(3);
    story.fault("kill", 130, json!(["one", ["n1"]]));
    story.fault("start", 140, json!(["n1"]));
    story.fault("pause", 131, json!(["one", ["n2"]]));
    story.fault("resume", 139, json!(["n2"]));
    story.send(60, "n0", "n1", json!({"type": "ping"}), To::Arrives(70));
    story.write(0, 3, 2, 100, 110);
    story.send(101, "n0", "n2", json!({"type": "copy", "key": 3, "value": 2}), To::Arrives(103));
    story.read(1, 3, 1, 150, 160);
    insta::assert_snapshot!(story.table("nonlinearizable"));
}

#[test]
fn an_answer_that_is_not_certainly_wrong_is_not_called_so() {
    let story = stale_leader();
    let (history, events) = story.finish();
    let mut finding = Story::finding(&history, "nonlinearizable");
    finding.evidence.iter_mut().for_each(|line| line.is_culprit = false);
    let question = Question::of(&finding, &history, &story.context()).expect("there are answers");
    let chosen = choose_events(&question, &events, &history, &story.context()).expect("the journal is whole");
    assert!(chosen.table.rows.iter().all(|row| !row.is_wrong && !row.note.contains("wrong")), "{}", show(&chosen));
}

#[test]
fn a_node_that_heard_of_a_later_value_is_not_blamed() {
    let mut story = Story::new(2);
    story.write(0, 3, 2, 100, 110);
    story.send(101, "n0", "n1", json!({"type": "copy", "key": 3, "value": 2}), To::Arrives(103));
    story.read(1, 3, 1, 120, 130);
    let sentence = |story: &Story| story.chosen("nonlinearizable").and_then(|chosen| chosen.sentence);
    assert!(sentence(&story).is_some_and(|text| text.starts_with("Heard but not acted on: n1")));
    story.send(105, "n0", "n1", json!({"type": "copy", "key": 3, "value": 1}), To::Arrives(108));
    assert_eq!(sentence(&story), None);
}

#[test]
fn a_value_that_several_writes_may_explain_is_not_followed() {
    let mut story = Story::new(3);
    story.write(0, 3, 2, 100, 110);
    story.read(1, 3, 2, 112, 116);
    story.read(2, 3, 1, 120, 130);
    let lacked = |story: &Story| {
        let (history, _) = story.finish();
        let question = Question::of(&Story::finding(&history, "nonlinearizable"), &history, &story.context());
        question.expect("there is an answer").lacks.map(|lacking| lacking.operation.invocation)
    };
    assert_eq!(lacked(&story), Some(Some(0)));
    // Another client writes the same value at the same time.
    story.write(3, 3, 2, 105, 111);
    assert_eq!(lacked(&story), None);
}

#[test]
fn tables_have_few_rows_and_say_what_is_missing() {
    let mut story = Story::new(60);
    story.operation(
        0,
        "broadcast",
        (100, json!(7), json!({"type": "broadcast", "message": 7})),
        (105, json!(7), json!({"type": "broadcast_ok"})),
    );
    for node in 1..59 {
        let name = format!("n{node}");
        story.send(102, "n0", &name, json!({"type": "gossip", "messages": [7]}), To::Arrives(110));
        story.send(120, &name, "n59", json!({"type": "gossip", "messages": [7]}), To::Cut(130));
    }
    let response = json!({"type": "read_ok", "messages": []});
    story.operation(59, "read", (200, Value::Null, json!({"type": "read"})), (210, json!([]), response));
    let chosen = story.chosen("lost").expect("the journal is whole");
    assert!(chosen.table.rows.len() <= 40, "{}", show(&chosen));
    assert_eq!(chosen.table.remarks, ["104 further messages not shown"]);
}

#[test]
fn a_journal_without_the_answer_gives_no_table() {
    let story = stale_leader();
    let (history, events) = story.finish();
    let question = Question::of(&Story::finding(&history, "nonlinearizable"), &history, &story.context());
    let question = question.expect("there is an answer");
    let chosen = choose_events(&question, &events[..events.len() / 2], &history, &story.context());
    assert!(chosen.is_none());
}

#[test]
fn transactions_lack_what_others_wrote() {
    use crate::checker::{Cycle, Picture};
    let op = |index, kind, process, value: Value| Op::new(index, kind, process, "txn", value);
    let history = History {
        ops: vec![
            op(0, OpType::Invoke, 0, json!([["append", 3, 1], ["append", 4, 5]])),
            op(1, OpType::Ok, 0, json!([["append", 3, 1], ["append", 4, 5]])),
            op(2, OpType::Invoke, 1, json!([["r", 3, null], ["r", 4, null]])),
            op(3, OpType::Ok, 1, json!([["r", 3, []], ["r", 4, [5]]])),
        ],
    };
    let line = |at| Evidence { invocation: Some(at), completion: Some(at + 1), ..Evidence::default() };
    let edge = |from, to, kind: &str| (from, to, kind.to_owned(), String::new());
    let cycle = Cycle { vertices: Vec::new(), edges: vec![edge(0, 1, "wr"), edge(1, 0, "rw")] };
    let finding = Finding {
        anomaly: "G-single".into(),
        evidence: vec![line(0), line(2)],
        picture: Some(Picture::Cycle(cycle)),
        ..Finding::default()
    };
    let question = Question::of(&finding, &history, &Story::new(2).context()).expect("there is an anti-dependency");
    let lacks = question.lacks.expect("the reader misses a write");
    assert_eq!(question.answer.invocation, Some(2));
    let written: Vec<String> =
        lacks.written.iter().map(|written| format!("{:?} {}", written.key, written.value)).collect();
    assert_eq!(written, [format!("{:?} 1", Some(json!(3)))]);
}

/// Returns a cause, as reports get it.
fn cause(chosen: Chosen) -> Cause {
    let Chosen { table, sentence } = chosen;
    Cause { is_chosen: true, columns: table.columns, rows: table.rows, sentence, ..Cause::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Events are missing, out of order, or have other messages, and evidence names entries at random.
    #[test]
    fn any_journal_gives_a_table_or_none(
        picks in proptest::collection::vec(any::<u8>(), 1..80),
        evidence in proptest::collection::vec((0usize..12, 0usize..12), 0..6),
        text in "[\\PC]{0,30}",
    ) {
        for story in [stale_leader(), { let mut story = stale_leader(); story.read(2, 3, 1, 305, 315); story }] {
            let (history, mut events) = story.finish();
            let mut turn = 0;
            events.retain_mut(|event| {
                turn += 1;
                let pick = picks[turn % picks.len()];
                match pick % 16 {
                    0 => return false,
                    1 => event.message = text.as_str().into(),
                    2 => event.message = event.message.replace("in_reply_to", "msg_id").into(),
                    3 => event.time = event.time.wrapping_mul(u64::from(pick)),
                    4 => event.id = u64::from(pick) % 20,
                    5 => event.message = event.message.replace("n1", "n0").replace('3', "lin-kv").into(),
                    6 => event.message = event.message.replace("\"body\":{", "\"body\":[{").into(),
                    _ => {}
                }
                true
            });
            if picks[0] % 2 == 0 {
                events.reverse();
            }
            let lines = evidence.iter().enumerate().map(|(number, (from, to))| Evidence {
                invocation: Some(*from).filter(|at| at % 11 != 0),
                completion: Some(*to).filter(|at| at % 11 != 0),
                is_culprit: number == 1,
                ..Evidence::default()
            });
            let random = Finding { anomaly: "duplicated".into(), evidence: lines.collect(), ..Finding::default() };
            for finding in [Story::finding(&history, "nonlinearizable"), random] {
                let Some(question) = Question::of(&finding, &history, &story.context()) else { continue };
                let choose = || choose_events(&question, &events, &history, &story.context());
                let (Some(chosen), Some(again)) = (choose(), choose()) else { continue };
                prop_assert_eq!(show_any(&chosen), show_any(&again));
                let cause = cause(chosen);
                prop_assert!(cause.rows.len() <= 40);
                prop_assert!(cause.rows.iter().all(|row| row.column.is_none_or(|column| column < cause.columns.len())));
            }
        }
    }
}

fn show_any(chosen: &Chosen) -> String {
    format!("{chosen:?}")
}
