//! Sample runs of every workload, valid, invalid and hostile.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use maelstrom::checker::{Availability, CheckContext, Checker, Part, Stats};
use maelstrom::nemesis::FaultKind;
use maelstrom::network::{Distribution, NetworkConfig};
use maelstrom::report::{self, FaultSummary, NodeLog, RunView, TimeMode};
use maelstrom::simulation::{Config, in_memory};
use maelstrom::workload::{self, Settings};

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
            cause: None,
        })
    }
}
