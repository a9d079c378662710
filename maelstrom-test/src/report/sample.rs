//! Sample runs for the tests of reports.

use std::path::PathBuf;
use std::time::Duration;

use crate::json::{Map, Value, json};

use super::cause::Cause;
use super::{Breakdown, FaultSummary, LogLine, NodeLog, Part, RunView, TimeMode};
use crate::checker::{CheckContext, Evidence, Finding, Valid, Verdict};
use crate::history::{History, Nanos, Op, OpType, Process};
use crate::network::{Counts, JournalEvent, Stats};

/// The data that a [`RunView`] borrows.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) workload: &'static str,
    pub(super) seed: u64,
    pub(super) context: CheckContext,
    pub(super) duration: Nanos,
    pub(super) elapsed: Duration,
    pub(super) history: History,
    pub(super) journal: Vec<JournalEvent>,
    pub(super) net: Stats,
    pub(super) parts: Vec<Part>,
    pub(super) faults: Vec<FaultSummary>,
    pub(super) notes: Vec<String>,
    pub(super) logs: Vec<NodeLog>,
    pub(super) directory: PathBuf,
    pub(super) expected_anomaly: Option<&'static str>,
    pub(super) breakdown: Option<Breakdown>,
    pub(super) cause: Option<Cause>,
    scenario: Vec<String>,
    options: Vec<(String, String)>,
}

impl Sample {
    pub(super) fn view(&self) -> RunView<'_> {
        RunView {
            name: &self.name,
            workload: self.workload,
            context: &self.context,
            seed: Some(self.seed),
            time_mode: TimeMode::Virtual,
            duration: self.duration,
            elapsed: self.elapsed,
            history: &self.history,
            counts: None,
            journal: &self.journal,
            journal_events: self.journal.len() as u64,
            net: &self.net,
            parts: &self.parts,
            faults: &self.faults,
            notes: &self.notes,
            scenario: &self.scenario,
            options: &self.options,
            logs: &self.logs,
            has_journal: true,
            directory: Some(&self.directory),
            again: Some("MAELSTROM_SEED=7 cargo test raft_is_linearizable"),
            expected_anomaly: self.expected_anomaly,
            expectation: None,
            breakdown: self.breakdown.as_ref(),
            cause: self.cause.as_ref(),
        }
    }
}

pub(super) const MS: Nanos = 1_000_000;

pub(super) fn op(time: Nanos, kind: OpType, process: u64, f: &str, value: Value) -> Op {
    Op { time, ..Op::new(0, kind, process, f, value) }
}

fn nemesis(time: Nanos, f: &str, value: Value) -> Op {
    Op { process: Process::Nemesis, ..op(time, OpType::Info, 0, f, value) }
}

fn history(mut ops: Vec<Op>) -> History {
    ops.iter_mut().enumerate().for_each(|(index, op)| op.index = index as u64);
    History { ops }
}

fn verdict(name: &'static str, valid: Valid, findings: Vec<Finding>) -> Part {
    Part { name, verdict: Verdict { valid, findings, ..Verdict::default() } }
}

fn fault(kind: &str, actions: u64, unit: &str, count: u64) -> FaultSummary {
    let counts = Map::from_iter([(unit.to_owned(), json!(count))]);
    FaultSummary { kind: kind.into(), actions, had_effect: count > 0, counts }
}

/// The example of the README: a read that returns an overwritten value.
pub(super) fn stale_read() -> Sample {
    let history = history(vec![
        op(12_031 * MS, OpType::Invoke, 4, "write", json!([3, 2])),
        op(12_035 * MS, OpType::Ok, 4, "write", json!([3, 2])),
        op(12_040 * MS, OpType::Invoke, 1, "read", json!([3, null])),
        op(12_042 * MS, OpType::Ok, 1, "read", json!([3, 1])),
        nemesis(10_200 * MS, "start-partition", json!(["majority", [["n0", "n1"], ["n2", "n3", "n4"]]])),
        nemesis(19_800 * MS, "stop-partition", json!("network healed")),
    ]);
    let logged = |millis: Nanos, text: &str| LogLine { time: Some(millis * MS), text: text.into() };
    let line = |at: usize, text: &str, note: &str| Evidence {
        invocation: Some(at),
        completion: Some(at + 1),
        text: text.into(),
        note: note.into(),
        is_culprit: at == 2,
        node: None,
    };
    let finding = Finding {
        anomaly: "nonlinearizable".into(),
        proscribed: true,
        headline: "not linearizable (key 3)".into(),
        story: "n1 answered a read with a value that had been overwritten:".into(),
        shape: "a read returned a value that had been overwritten".into(),
        evidence: vec![
            line(0, "write 3 ← 2", "ok"),
            line(
                2,
                "read  3 → 1",
                "no order of these operations explains it:\nthe write of 2 completed before this read began,\nand nothing wrote 1 after it",
            ),
        ],
        picture: None,
    };
    Sample {
        name: "raft_is_linearizable".into(),
        workload: "lin-kv",
        seed: 7,
        context: CheckContext {
            nodes: (0..5).map(|node| format!("n{node}")).collect(),
            concurrency: 5,
            ..CheckContext::default()
        },
        duration: 60_000 * MS,
        elapsed: Duration::from_millis(1_300),
        history,
        journal: Vec::new(),
        net: Stats { all: Counts { send_count: 40, recv_count: 38, msg_count: 40 }, ..Stats::default() },
        parts: vec![
            verdict("exceptions", Valid::True, vec![]),
            verdict("stats", Valid::True, vec![]),
            verdict("workload", Valid::False, vec![finding]),
        ],
        faults: vec![fault("partition", 5, "messages_cut", 212)],
        notes: vec![],
        logs: vec![NodeLog {
            node: "n1".into(),
            path: "node-logs/n1.log".into(),
            tail: vec![logged(10_912, "term 3: follower of n0"), logged(12_041, "read key 3 locally")],
            skipped: 0,
        }],
        directory: "target/maelstrom/cluster/raft_is_linearizable".into(),
        expected_anomaly: None,
        breakdown: None,
        cause: None,
        scenario: vec!["5 nodes".into(), "partition".into()],
        options: vec![("nodes".into(), "5".into()), ("nemesis".into(), "partition".into())],
    }
}

/// A valid run of echo.
pub(super) fn valid() -> Sample {
    let mut ops = Vec::new();
    for i in 0..100 {
        let start = i * 20 * MS;
        ops.push(op(start, OpType::Invoke, i % 5, "echo", json!("hello")));
        ops.push(op(start + (1 + i % 7) * MS, OpType::Ok, i % 5, "echo", json!("hello")));
    }
    let sample = stale_read();
    let parts = ["exceptions", "stats", "workload"].map(|name| verdict(name, Valid::True, vec![]));
    let net = Stats { all: Counts { send_count: 200, recv_count: 200, msg_count: 200 }, ..Stats::default() };
    Sample { name: "echo_works".into(), workload: "echo", history: history(ops), parts: parts.into(), net, ..sample }
}

/// A run that was aborted because a node crashed.
pub(super) fn crash() -> Sample {
    let breakdown = Breakdown {
        headline: "n1 crashed".into(),
        story: "n1 exited with status 101 at 3.201 s, while it should have been running.".into(),
        node: Some("n1".into()),
        time: Some(3_201 * MS),
        stdout: (0..40).map(|i| format!(r#"{{"src":"n1","dest":"c{i}","body":{{}}}}"#)).collect(),
        stderr: vec!["thread 'main' panicked at src/main.rs:12:5:".into(), "index out of bounds".into()],
        log: Some("target/maelstrom/cluster/echo_works/node-logs/n1.log".into()),
    };
    Sample { breakdown: Some(breakdown), parts: Vec::new(), ..valid() }
}
