//! Sample runs of every workload, valid, invalid and hostile.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use maelstrom::checker::{Availability, CheckContext, Checker, Part, Stats};
use maelstrom::nemesis::FaultKind;
use maelstrom::network::{Distribution, EventType, JournalEvent, NetworkConfig};
use maelstrom::report::cause::{Cause, Column, Fate, Fault, Matters, Message, Reduction, Row, RowKind};
use maelstrom::report::{self, FaultSummary, NodeLog, RunView, TimeMode};
use maelstrom::simulation::{Config, in_memory};
use maelstrom::workload::{self, Settings};
use serde_json::Value;

use crate::nodes::{Node, Store};

/// A sample run.
#[derive(Clone)]
pub(crate) struct SampleRun {
    pub(crate) workload: &'static str,
    pub(crate) wrong: bool,
    pub(crate) seconds: u64,
    pub(crate) rate: f64,
    pub(crate) faults: Vec<FaultKind>,
    pub(crate) noise: String,
}

impl SampleRun {
    pub(crate) fn new(workload: &'static str, wrong: bool) -> SampleRun {
        let faults = vec![FaultKind::Partition, FaultKind::Kill, FaultKind::Pause];
        SampleRun { workload, wrong, seconds: 20, rate: 20.0, faults, noise: String::new() }
    }

    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.workload, if self.wrong { "wrong" } else { "right" })
    }

    /// Runs it, writes its files, and returns their directory.
    pub(crate) fn write(&self, gallery: &Path) -> PathBuf {
        let directory = gallery.join(self.name());
        self.write_to(&directory);
        directory
    }

    /// Runs it and writes its files into a directory.
    pub(crate) fn write_to(&self, directory: &Path) {
        std::fs::create_dir_all(directory).unwrap();
        self.view(directory, |view| report::write(view, directory).unwrap());
    }

    /// Runs it and calls `show` with the finished run.
    pub(crate) fn view<T>(&self, directory: &Path, show: impl FnOnce(&RunView<'_>) -> T) -> T {
        let workload = workload::by_name(self.workload).unwrap();
        let nodes: Vec<String> = (0..5).map(|number| format!("n{number}")).collect();
        let concurrency = workload.concurrency(None, nodes.len());
        let settings = Settings {
            nodes: nodes.clone(),
            concurrency,
            time_limit: self.seconds * 1_000_000_000,
            ..Settings::default()
        };
        let mut config = Config::new(workload.clone(), settings.clone());
        config.rate = self.rate;
        config.faults = self.faults.clone();
        config.nemesis_interval = 3_000_000_000;
        config.network.latency = 10_000_000;
        config.network.distribution = Distribution::Exponential;
        config.network.base_delay = NetworkConfig::VIRTUAL_BASE_DELAY;
        config.network.p_duplicate = 0.02;
        config.network.p_loss = 0.02;
        config.seed = 7;
        let shared = Rc::new(RefCell::new(Store::default()));
        let logs = Rc::new(RefCell::new(vec![Vec::new(); nodes.len()]));
        let mut simulation = in_memory::run(config, |number| Node {
            workload: self.workload.into(),
            number,
            nodes: nodes.clone(),
            store: if self.wrong { Rc::default() } else { shared.clone() },
            wrong: self.wrong,
            noise: self.noise.clone(),
            logs: logs.clone(),
        });
        let history = simulation.take_history();
        let context = CheckContext { nodes: nodes.clone(), concurrency, ..CheckContext::default() };
        let part = |name, verdict| Part { name, verdict };
        let parts = [
            part("exceptions", simulation.exceptions().verdict(false)),
            part("stats", Stats.check(&history, &context)),
            part("availability", Availability { required: None }.check(&history, &context)),
            part("workload", workload.checker(&settings).check(&history, &context)),
        ];
        let summary = |(kind, counts): (FaultKind, maelstrom::simulation::FaultCounts)| FaultSummary {
            kind: kind.name().into(),
            actions: counts.actions,
            had_effect: counts.had_effect(),
            counts: counts.effects.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect(),
        };
        let faults: Vec<FaultSummary> = simulation.fault_report().into_iter().map(summary).collect();
        let log = |(node, lines): (&String, &Vec<String>)| NodeLog {
            node: node.clone(),
            path: directory.join(format!("node-logs/{node}.log")),
            tail: lines.iter().rev().take(100).rev().map(|line| line.as_str().into()).collect(),
            skipped: 0,
        };
        let logs: Vec<NodeLog> = nodes.iter().zip(logs.borrow().iter()).map(log).collect();
        let journal = simulation.network().journal();
        let options: Vec<(String, String)> = [
            ("workload", self.workload.to_owned()),
            ("nodes", nodes.join(",")),
            ("rate", self.rate.to_string()),
            ("latency", "10ms".into()),
            ("seed", "7".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let cause = (self.workload == "lin-kv" && self.wrong).then(|| sample_cause(journal.kept(), &nodes));
        show(&RunView {
            name: &self.name(),
            workload: self.workload,
            context: &context,
            seed: Some(7),
            time_mode: TimeMode::Virtual,
            duration: simulation.now(),
            elapsed: Duration::from_millis(120),
            history: &history,
            counts: None,
            journal: journal.kept(),
            journal_events: journal.events(),
            net: simulation.network().stats(),
            parts: &parts,
            faults: &faults,
            notes: simulation.notes(),
            scenario: &["5 nodes".into()],
            options: &options,
            logs: &logs,
            has_journal: true,
            directory: Some(directory),
            again: Some("MAELSTROM_SEED=7 cargo test raft_is_linearizable"),
            expected_anomaly: None,
            expectation: None,
            breakdown: None,
            cause: cause.as_ref(),
        })
    }
}

/// The number of messages in the sample of a cause.
pub(crate) const CAUSE_MESSAGES: usize = 6;

/// Returns a cause that consists of the first messages between nodes, as the report of the reduced run itself has it.
fn sample_cause(journal: &[JournalEvent], nodes: &[String]) -> Cause {
    let column = |name: &Value| nodes.iter().position(|node| name == node.as_str());
    let row = |event: &JournalEvent| {
        let sent: Value = serde_json::from_str(&event.message).ok()?;
        let received = journal.iter().find(|other| other.id == event.id && other.kind == EventType::Recv)?;
        let message = Message {
            id: event.id,
            to: column(&sent["dest"])?,
            kind: sent["body"]["type"].as_str()?.into(),
            text: format!("number {}", event.id),
            body: sent["body"].to_string(),
            fate: Fate::Received { time: received.time },
            other_fate: None,
        };
        Some(Row::new(event.time, column(&sent["src"])?, RowKind::Message(message)))
    };
    let sends = journal.iter().filter(|event| event.kind == EventType::Send);
    let mut rows: Vec<Row> = sends.filter_map(row).take(CAUSE_MESSAGES).collect();
    let fault = Fault { number: 0, kind: "partition".into(), text: "n0 | n1".into() };
    rows.insert(0, Row::new(0, None, RowKind::FaultStart(fault)));
    let line = RowKind::Log("a line of the log of n0".into());
    rows.insert(1, Row { matters: Matters::Context, ..Row::new(rows[1].time, 0, line) });
    let last = rows.last_mut().expect("nodes send messages");
    (last.is_wrong, last.note) = (true, "answered from its own state".into());
    let mut cause = Cause::default();
    cause.headline = "not linearizable (key 3)".into();
    cause.sentence = Some("n0 answered a read from its own state, asking nobody.".into());
    cause.columns = nodes.iter().map(Column::node).collect();
    cause.rows = rows;
    cause.messages = Some(Reduction { total: journal.len() as u64, kept: CAUSE_MESSAGES as u64 });
    cause.directory = Some("".into());
    cause.plan = "plan.json".into();
    cause
}
