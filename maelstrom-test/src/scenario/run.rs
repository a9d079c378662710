//! Finished runs: what happened, and what the checkers say of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Pace;
use crate::checker::{CheckContext, Quantiles, Results, SetFull, Valid, anomalies};
use crate::history::{History, Nanos, OpType};
use crate::network::{self, JournalEvent};
use crate::report::{Breakdown, Expectation, FaultSummary, NodeLog, RunView, TimeMode, text};
use crate::workload::Settings;

/// A run that is over: its verdict, its history, its statistics. Its files are in [`Run::directory`].
///
/// `{run}` is the report as failing tests print it, with the seed and the place of `report.html`, in at most 40 lines;
/// `{run:#}` is the whole of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// How it is called: the test case's name, or the workload's.
    pub name: String,
    /// The workload's name.
    pub workload: String,
    /// Nodes, concurrency and whatever else the workload knew.
    pub settings: Settings,
    /// The seed of all its randomness.
    pub seed: u64,
    /// Which clock it went by.
    pub time_mode: TimeMode,
    /// What the checkers say, overall and part by part: `exceptions`, `stats`, `availability`, `workload`, …
    pub verdict: Results,
    /// Every invocation and completion of clients and nemesis.
    pub history: History,
    /// The first events of the network after initialisation; all of them are in `messages.jsonl`.
    pub journal: Vec<JournalEvent>,
    /// How many events there were.
    pub journal_events: u64,
    /// Messages that were sent and received.
    pub net: NetStats,
    /// Every requested kind of fault, and what it did.
    pub faults: Vec<FaultSummary>,
    /// What people should know: options that were adapted, faults that cannot exist, the reason for real time, …
    pub notes: Vec<String>,
    /// The note that says why the run is in real time, if `time = "auto"` would have preferred virtual time.
    pub real_time_fallback: Option<String>,
    /// The shape of the scenario, without seed and measure: `5 nodes`, `partition`, …
    pub scenario: Vec<String>,
    /// Every option with its value, as people write it.
    pub options: Vec<(String, String)>,
    /// The ends of the nodes' logs.
    pub logs: Vec<NodeLog>,
    /// The directory with its files.
    pub directory: PathBuf,
    /// False if the report could not be written there.
    pub has_report: bool,
    /// Whether `messages.jsonl` is kept.
    pub has_journal: bool,
    /// How long it took in its own time, in nanoseconds.
    pub duration: Nanos,
    /// How long it took on the wall clock.
    pub elapsed: Duration,
    /// How long its nodes ran on the wall clock.
    pub pace: Pace,
    /// Why it was aborted, if it was.
    pub breakdown: Option<Breakdown>,
    /// False if something was noticed that a second run with the same seed may do differently.
    pub reproducible: bool,
    /// The command that runs it again.
    pub again: Option<String>,
    /// The anomaly that a test expects of it by name, if one does.
    pub expected_anomaly: Option<String>,
    /// How it should have ended, and whether it did, if anybody said so.
    pub expectation: Option<Expectation>,
    /// Which worker talked to which node, for those who read the history.
    pub context: CheckContext,
}

/// Messages of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Messages sent.
    pub send_count: u64,
    /// Messages received, copies included.
    pub recv_count: u64,
    /// Distinct messages.
    pub msg_count: u64,
    /// Distinct messages per client operation invoked; infinite if there were messages and no operations.
    pub msgs_per_op: f64,
}

/// Message statistics of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NetStats {
    /// Everything.
    pub all: Traffic,
    /// Either side is a client.
    pub clients: Traffic,
    /// Neither side is a client.
    pub servers: Traffic,
    /// The network's own counts, what it lost, copied and cut included.
    pub counts: network::Stats,
}

impl NetStats {
    /// From the network's counts and the number of client operations invoked.
    pub fn new(stats: &network::Stats, ops: u64) -> NetStats {
        let traffic = |counts: &network::Counts| Traffic {
            send_count: counts.send_count,
            recv_count: counts.recv_count,
            msg_count: counts.msg_count,
            msgs_per_op: if counts.msg_count == 0 { 0.0 } else { counts.msg_count as f64 / ops as f64 },
        };
        NetStats {
            all: traffic(&stats.all),
            clients: traffic(&stats.clients),
            servers: traffic(&stats.servers),
            counts: *stats,
        }
    }
}

/// Operations of one kind, counted by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpCounts {
    /// Begun.
    pub invoked: u64,
    /// Happened.
    pub ok: u64,
    /// Did not happen.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

impl Run {
    /// Whether every part of the verdict is valid.
    pub fn is_valid(&self) -> bool {
        self.breakdown.is_none() && self.verdict.valid() == Valid::True
    }

    /// Does nothing if the run is valid.
    ///
    /// # Panics
    /// If the verdict is invalid or unknown. The message is the report: the verdict with its proof, the seed, and where
    /// `report.html` is.
    #[track_caller]
    pub fn assert_valid(&self) {
        assert!(self.is_valid(), "{self}");
    }

    /// The verdict in a few words: `valid`, `not linearizable (key 3)`, …
    pub fn headline(&self) -> String {
        self.view().headline()
    }

    /// Whether an anomaly was found: one of this name, or a case of it (`G-single-item` is a `G-single`).
    pub fn has_anomaly(&self, name: &str) -> bool {
        self.verdict.findings().iter().any(|finding| anomalies::fulfils(&finding.anomaly, name))
    }

    /// The run as reports see it.
    pub fn view(&self) -> RunView<'_> {
        RunView {
            name: &self.name,
            workload: &self.workload,
            context: &self.context,
            seed: Some(self.seed),
            time_mode: self.time_mode,
            duration: self.duration,
            elapsed: self.elapsed,
            history: &self.history,
            counts: None,
            journal: &self.journal,
            journal_events: self.journal_events,
            net: &self.net.counts,
            parts: self.verdict.parts(),
            faults: &self.faults,
            notes: &self.notes,
            scenario: &self.scenario,
            options: &self.options,
            logs: &self.logs,
            directory: self.has_report.then_some(&self.directory),
            has_journal: self.has_journal,
            again: self.again.as_deref(),
            expected_anomaly: self.expected_anomaly.as_deref(),
            expectation: self.expectation.as_ref(),
            breakdown: self.breakdown.as_ref(),
        }
    }

    /// How many client operations there were, of all kinds together.
    pub fn ops(&self) -> OpCounts {
        self.count(|_| true)
    }

    /// How many client operations of one kind there were: `run.ops_of("read").ok`.
    pub fn ops_of(&self, f: &str) -> OpCounts {
        self.count(|other| other == f)
    }

    fn count(&self, wanted: impl Fn(&str) -> bool) -> OpCounts {
        let mut counts = OpCounts::default();
        for op in self.history.ops.iter().filter(|op| op.process.client().is_some() && wanted(&op.f)) {
            match op.kind {
                OpType::Invoke => counts.invoked += 1,
                OpType::Ok => counts.ok += 1,
                OpType::Fail => counts.fail += 1,
                OpType::Info => counts.info += 1,
            }
        }
        counts
    }

    /// How long the successful operations took, all kinds together.
    pub fn latency(&self) -> Quantiles {
        self.latencies(|_| true)
    }

    /// How long the successful operations of one kind took.
    pub fn latency_of(&self, f: &str) -> Quantiles {
        self.latencies(|other| other == f)
    }

    fn latencies(&self, wanted: impl Fn(&str) -> bool) -> Quantiles {
        let pairs = self.history.pairs().into_iter().filter_map(|pair| match self.history.entries(pair) {
            (Some(from), Some(to)) if self.history.outcome(pair) == OpType::Ok && wanted(&from.f) => {
                Some(to.time.saturating_sub(from.time))
            }
            _ => None,
        });
        Quantiles::new(pairs.collect())
    }

    /// How long it took from the moment when an element was known (its addition acknowledged, or read somewhere) until
    /// the last read without it began: broadcast and g-set.
    pub fn stable_latency(&self) -> Quantiles {
        SetFull { lenient: self.settings.lenient }.outcome(&self.history, &self.context).stable_latencies
    }

    /// Requested faults that took no effect.
    pub fn faults_without_effect(&self) -> Vec<&str> {
        self.faults.iter().filter(|fault| !fault.had_effect).map(|fault| fault.kind.as_str()).collect()
    }

    /// One of its files: `run.file("history.jsonl")`.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::render(&self.view(), text::Style { colour: false, full: f.alternate() }))
    }
}

/// An empty run, for tests.
#[cfg(test)]
pub(crate) fn sample_run() -> Run {
    Run {
        name: "sample".into(),
        workload: "echo".into(),
        settings: Settings::default(),
        seed: 7,
        time_mode: TimeMode::Virtual,
        verdict: Results::default(),
        history: History::default(),
        journal: Vec::new(),
        journal_events: 0,
        net: NetStats::default(),
        faults: Vec::new(),
        notes: Vec::new(),
        real_time_fallback: None,
        scenario: Vec::new(),
        options: Vec::new(),
        logs: Vec::new(),
        directory: PathBuf::from("unused"),
        has_report: true,
        has_journal: true,
        duration: 0,
        elapsed: Duration::ZERO,
        pace: Pace::default(),
        breakdown: None,
        reproducible: true,
        again: None,
        expected_anomaly: None,
        expectation: None,
        context: CheckContext::default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;
    use crate::checker::Verdict;
    use crate::history::{Op, Process};

    #[test]
    fn an_invalid_run_panics_with_its_report() {
        let mut run = sample_run();
        run.assert_valid();
        run.verdict.add("workload", Verdict { valid: Valid::False, ..Verdict::default() });
        let panic = std::panic::catch_unwind(|| run.assert_valid()).expect_err("the run is invalid");
        let message = panic.downcast_ref::<String>().expect("a formatted message");
        assert_eq!(*message, run.to_string());
        for part in ["sample: ", "seed 7", "report  unused/report.html"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(format!("{run:#}").lines().count() > format!("{run}").lines().count());
    }

    #[test]
    fn operations_are_counted_and_timed_without_the_nemesis() {
        let mut run = sample_run();
        let op = |time, kind, f: &str| Op { time, ..Op::new(0, kind, 1, f, json!(null)) };
        run.history.ops = vec![
            op(10, OpType::Invoke, "read"),
            op(40, OpType::Ok, "read"),
            Op { process: Process::Nemesis, ..op(45, OpType::Info, "kill") },
            op(50, OpType::Invoke, "write"),
            op(70, OpType::Fail, "write"),
            op(80, OpType::Invoke, "write"),
        ];
        assert_eq!(run.ops(), OpCounts { invoked: 3, ok: 1, fail: 1, info: 0 });
        assert_eq!(run.ops_of("write"), OpCounts { invoked: 2, ok: 0, fail: 1, info: 0 });
        assert_eq!((run.latency().count(), run.latency().quantile(1.0)), (1, Duration::from_nanos(30)));
        assert_eq!(run.latency_of("write").count(), 0);
    }

    #[test]
    fn messages_per_operation_are_infinite_without_operations() {
        let counts = network::Counts { send_count: 4, recv_count: 4, msg_count: 4 };
        let stats = network::Stats { all: counts, servers: counts, ..network::Stats::default() };
        assert_eq!(NetStats::new(&stats, 2).servers.msgs_per_op, 2.0);
        assert_eq!(NetStats::new(&stats, 0).servers.msgs_per_op, f64::INFINITY);
        assert_eq!(NetStats::new(&stats, 0).clients.msgs_per_op, 0.0);
    }
}
