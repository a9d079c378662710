//! Completed and aborted runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Pace;
use crate::checker::{CheckContext, Quantiles, Results, SetFull, Valid, anomalies};
use crate::history::{History, Nanos, OpType};
use crate::network::{self, JournalEvent};
use crate::report::cause::Cause;
use crate::report::{Breakdown, Expectation, FaultSummary, NodeLog, RunView, TimeMode, text};
use crate::workload::Settings;

/// A run that completed or was aborted: verdict, history, statistics. Its files are in [`Run::directory`].
///
/// `{run}` is the report that failing tests print, with the seed and the path of `report.html`, in at most 40 lines.
/// `{run:#}` is the complete report.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// The name in reports: that of the test case, or of the workload.
    pub name: String,
    /// The name of the workload.
    pub workload: String,
    /// The settings of the workload: nodes, concurrency, …
    pub settings: Settings,
    /// The seed of all random decisions.
    pub seed: u64,
    /// The clock of the run.
    pub time_mode: TimeMode,
    /// The verdicts of the checkers: `exceptions`, `stats`, `availability`, `workload`, …
    pub verdict: Results,
    /// All invocations and completions of clients and nemesis.
    pub history: History,
    /// The first events of the network after initialisation. `messages.jsonl` has all events.
    pub journal: Vec<JournalEvent>,
    /// The number of all events of the network.
    pub journal_events: u64,
    /// Statistics of messages.
    pub net: NetStats,
    /// The requested faults with their effects.
    pub faults: Vec<FaultSummary>,
    /// Notes for the user: adapted options, impossible faults, the reason for real time, …
    pub notes: Vec<String>,
    /// The reason for real time, if `time = "auto"` fell back to it.
    pub real_time_fallback: Option<String>,
    /// The shape of the scenario: the number of nodes and the faults (`5 nodes`, `partition`, …).
    pub scenario: Vec<String>,
    /// The options with their values, as they are written in an attribute.
    pub options: Vec<(String, String)>,
    /// The last lines of the logs of the nodes.
    pub logs: Vec<NodeLog>,
    /// The directory with the files of the run.
    pub directory: PathBuf,
    /// Whether the report was written.
    pub has_report: bool,
    /// Whether `messages.jsonl` is kept.
    pub has_journal: bool,
    /// The duration on the clock of the run, in nanoseconds.
    pub duration: Nanos,
    /// The duration on the wall clock.
    pub elapsed: Duration,
    /// The wall-clock time of the nodes, in virtual time.
    pub pace: Pace,
    /// Why the run was aborted; `None` if it completed.
    pub breakdown: Option<Breakdown>,
    /// Why the run failed. `None` if it was not searched or not found.
    pub cause: Option<Cause>,
    /// Whether a second run with the same seed gives the same result: the run used virtual time, and no nondeterminism was
    /// detected.
    pub reproducible: bool,
    /// The command that repeats the run.
    pub again: Option<String>,
    /// The name of the anomaly that a test expects.
    pub expected_anomaly: Option<String>,
    /// The expected outcome, and whether the run has it.
    pub expectation: Option<Expectation>,
    /// The context of the history for checkers: nodes and concurrency.
    pub context: CheckContext,
}

/// Statistics of a class of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// The number of messages that were sent.
    pub send_count: u64,
    /// The number of messages that were received, including duplicates.
    pub recv_count: u64,
    /// The number of distinct messages.
    pub msg_count: u64,
    /// The number of distinct messages per invoked client operation. Infinite if there are messages but no operations.
    pub msgs_per_op: f64,
}

/// Statistics of the messages of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NetStats {
    /// All messages.
    pub all: Traffic,
    /// Messages from or to clients.
    pub clients: Traffic,
    /// Messages between nodes and services.
    pub servers: Traffic,
    /// The counts of the network, including lost, duplicated and blocked messages.
    pub counts: network::Stats,
}

impl NetStats {
    /// Creates the statistics from the counts of the network and the number of invoked client operations.
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

/// The number of operations by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpCounts {
    /// Operations that were invoked.
    pub invoked: u64,
    /// Operations that happened.
    pub ok: u64,
    /// Operations that did not happen.
    pub fail: u64,
    /// Operations with an indeterminate outcome.
    pub info: u64,
}

impl Run {
    /// Whether the run completed and its verdict is valid.
    pub fn is_valid(&self) -> bool {
        self.breakdown.is_none() && self.verdict.valid() == Valid::True
    }

    /// Whether the run ended as its expectation says; if it has none, whether it is valid.
    pub(super) fn is_as_expected(&self) -> bool {
        self.expectation.as_ref().map_or_else(|| self.is_valid(), |expectation| expectation.failure.is_none())
    }

    /// Asserts that the run is valid.
    ///
    /// # Panics
    /// If the run was aborted, or the verdict is invalid or unknown. The message is the report: the verdict with its evidence,
    /// the seed, and the path of `report.html`.
    #[track_caller]
    pub fn assert_valid(&self) {
        assert!(self.is_valid(), "{self}");
    }

    /// Returns a summary of the verdict: `valid`, `not linearizable (key 3)`, …
    pub fn headline(&self) -> String {
        self.view().headline()
    }

    /// Whether an anomaly with this name was found, or a special case of it (`G-single-item` is a `G-single`).
    pub fn has_anomaly(&self, name: &str) -> bool {
        self.verdict.findings().iter().any(|finding| anomalies::fulfils(&finding.anomaly, name))
    }

    /// Returns the view of the run from which reports are made.
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
            cause: self.cause.as_ref(),
        }
    }

    /// Counts the client operations of all functions.
    pub fn ops(&self) -> OpCounts {
        self.count(|_| true)
    }

    /// Counts the client operations of one function: `run.ops_of("read").ok`.
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

    /// Returns the latencies of the successful operations of all functions.
    pub fn latency(&self) -> Quantiles {
        self.latencies(|_| true)
    }

    /// Returns the latencies of the successful operations of one function.
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

    /// Returns the times from the moment when an element was known until the start of the last read without it. An element is
    /// known when its addition is acknowledged or when a read returns it. For broadcast and g-set.
    pub fn stable_latency(&self) -> Quantiles {
        SetFull { lenient: self.settings.lenient }.outcome(&self.history, &self.context).stable_latencies
    }

    /// Returns the names of the requested faults that took no effect.
    pub fn faults_without_effect(&self) -> Vec<&str> {
        self.faults.iter().filter(|fault| !fault.had_effect).map(|fault| fault.kind.as_str()).collect()
    }

    /// Returns the path of a file of the run: `run.file("history.jsonl")`.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::render(&self.view(), text::Style { full: f.alternate(), ..text::Style::PLAIN }))
    }
}

/// Returns an empty run, for tests.
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
        cause: None,
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
