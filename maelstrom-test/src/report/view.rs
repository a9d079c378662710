//! What a report needs to know of a run.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::json::{Map, Value};

pub use crate::checker::Part;
use crate::checker::{CheckContext, Evidence, Finding, Valid, Verdict, anomalies};
use crate::executor::LogEnd;
use crate::history::{History, Nanos, Op, OpType, Process};
use crate::network::{JournalEvent, Stats};

/// Which clock a run went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeMode {
    /// A simulated one: the run can be repeated exactly.
    Virtual,
    /// That of the machine.
    #[default]
    Real,
}

impl TimeMode {
    /// The name as the option `time` spells it.
    pub fn name(self) -> &'static str {
        match self {
            TimeMode::Virtual => "virtual",
            TimeMode::Real => "real",
        }
    }
}

/// What one kind of fault did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultTally {
    /// `partition`, `kill`, …
    pub kind: String,
    /// How often it was started.
    pub actions: u64,
    /// Whether it changed anything: a partition that cut no message did not.
    pub had_effect: bool,
    /// What it did, counted: `messages_cut`, `processes_killed`, … The key is the unit.
    pub counts: Map<String, Value>,
}

/// Counts of a history that is too long to be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// All entries.
    pub entries: u64,
    /// Client operations invoked.
    pub invoked: u64,
    /// Ends of client operations, by function and kind.
    pub ends: BTreeMap<String, BTreeMap<OpType, u64>>,
    /// The latest time of any entry.
    pub duration: Nanos,
}

impl Tally {
    /// Counts an entry.
    pub fn add(&mut self, op: &Op) {
        self.entries += 1;
        self.duration = self.duration.max(op.time);
        if op.process == Process::Nemesis {
            return;
        }
        if op.kind == OpType::Invoke {
            self.invoked += 1;
            return;
        }
        match self.ends.get_mut(&*op.f) {
            Some(ends) => *ends.entry(op.kind).or_default() += 1,
            None => drop(self.ends.insert(op.f.to_string(), BTreeMap::from([(op.kind, 1)]))),
        }
    }
}

/// The end of what a node wrote to standard error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeLog {
    /// The node.
    pub node: String,
    /// The whole log.
    pub path: PathBuf,
    /// Its last lines.
    pub tail: Vec<String>,
    /// Bytes of the log before them.
    pub skipped: u64,
}

impl NodeLog {
    /// How much of a log's end is read.
    const TAIL_BYTES: u64 = 32 << 10;
    /// How many lines of it are kept.
    const TAIL_LINES: usize = 200;

    /// Reads the end of a node's log, whatever its length. Bytes that are not UTF-8 become `�`.
    ///
    /// # Errors
    /// Those of opening and reading the file.
    pub fn read(node: &str, path: &Path) -> io::Result<NodeLog> {
        let end = LogEnd::read(path, Self::TAIL_BYTES, Self::TAIL_LINES)?;
        Ok(NodeLog { node: node.to_owned(), path: path.to_owned(), tail: end.lines, skipped: end.skipped })
    }
}

/// Why a run broke off before its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breakdown {
    /// A few words for the first line: `n1 crashed`.
    pub headline: String,
    /// What happened, where, and what to do: one or more sentences.
    pub story: String,
    /// The node concerned.
    pub node: Option<String>,
    /// When, in the run's time.
    pub time: Option<Nanos>,
    /// The last lines that it wrote to standard output.
    pub stdout: Vec<String>,
    /// The last lines that it wrote to standard error.
    pub stderr: Vec<String>,
    /// Where all that it wrote to standard error is.
    pub log: Option<PathBuf>,
}

/// How a run should have ended, and whether it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// `valid`, `invalid`, `unknown`, `error`, or an anomaly's name.
    pub expect: String,
    /// Why it is not met; `None` if it is.
    pub failure: Option<String>,
}

/// A finished run as reports see it.
#[derive(Clone, Debug)]
pub struct RunView<'a> {
    /// The test case's name, or the workload's.
    pub name: &'a str,
    /// The workload's name.
    pub workload: &'a str,
    /// Which node and which worker is which.
    pub context: &'a CheckContext,
    /// The seed; `None` for a history that was recorded elsewhere.
    pub seed: Option<u64>,
    /// Which clock.
    pub time_mode: TimeMode,
    /// How long the run took on its own clock.
    pub duration: Nanos,
    /// How long it took on the wall's clock; zero where that should not be told.
    pub elapsed: Duration,
    /// What clients and nemesis did.
    pub history: &'a History,
    /// Where `history` holds only those entries that findings point to: counts of all.
    pub tally: Option<&'a Tally>,
    /// The first events of the network after initialisation.
    pub journal: &'a [JournalEvent],
    /// How many events there were in all.
    pub journal_events: u64,
    /// Message counts.
    pub net: &'a Stats,
    /// The verdicts, in the order in which `results.json` shows them.
    pub parts: &'a [Part],
    /// What each kind of fault that was asked for did.
    pub faults: &'a [FaultTally],
    /// What people should know of how the run was made: fallback to real time, rounding, …
    pub notes: &'a [String],
    /// The shape of the scenario, for the snapshot: `5 nodes`, `partition`, … without seed and measure.
    pub scenario: &'a [String],
    /// Every option and its value, for the list of options.
    pub options: &'a [(String, String)],
    /// The ends of the nodes' logs, in the order of nodes.
    pub logs: &'a [NodeLog],
    /// Where the run's files are.
    pub directory: Option<&'a Path>,
    /// Whether `messages.jsonl` stays there.
    pub has_journal: bool,
    /// The command that repeats the run.
    pub again: Option<&'a str>,
    /// The anomaly that the case expects, if it expects one by name.
    pub expected_anomaly: Option<&'a str>,
    /// How it should have ended, if anybody said so.
    pub expectation: Option<&'a Expectation>,
    /// Why the run broke off, if it did.
    pub breakdown: Option<&'a Breakdown>,
}

impl<'a> RunView<'a> {
    /// The worst verdict of all parts.
    pub fn valid(&self) -> Valid {
        self.parts.iter().map(|part| part.verdict.valid).max().unwrap_or_default()
    }

    /// The verdict in the words of `results.json`, and of lists: `valid`, `invalid`, `unknown` or `error`.
    pub fn outcome(&self) -> &'static str {
        match self.valid() {
            _ if self.breakdown.is_some() => "error",
            Valid::True => "valid",
            Valid::Unknown => "unknown",
            Valid::False => "invalid",
        }
    }

    /// The verdict beside what was expected: a word for its colour (an outcome), and a text with a sign.
    pub(super) fn badge(&self) -> (&'static str, String) {
        let expectation = self.expectation.map(|told| (&*told.expect, told.failure.is_none()));
        badge(self.outcome(), expectation)
    }

    /// A part's verdict.
    pub fn part(&self, name: &str) -> Option<&'a Verdict> {
        self.parts.iter().find(|part| part.name == name).map(|part| &part.verdict)
    }

    /// Everything that makes the run invalid, the most telling first: the anomaly that was expected, what else the
    /// workload's checker found, then the rest.
    pub fn faults_found(&self) -> Vec<&'a Finding> {
        let of = |part: &'a Part| part.verdict.findings.iter().filter(|finding| finding.proscribed);
        let (workload, others): (Vec<_>, Vec<_>) = self.parts.iter().partition(|part| part.name == "workload");
        let mut found: Vec<&Finding> = workload.into_iter().chain(others).flat_map(of).collect();
        found.sort_by_key(|finding| !self.is_expected(finding));
        found
    }

    /// Whether a finding is the anomaly that the case expects.
    pub fn is_expected(&self, finding: &Finding) -> bool {
        self.expected_anomaly.is_some_and(|expected| anomalies::fulfils(&finding.anomaly, expected))
    }

    /// The verdict in a few words, and faults that were asked for and never had an effect.
    pub fn headline(&self) -> String {
        if let Some(breakdown) = self.breakdown {
            return breakdown.headline.clone();
        }
        let idle: Vec<&str> = self.faults.iter().filter(|tally| !tally.had_effect).map(|tally| &*tally.kind).collect();
        let idle = if idle.is_empty() { String::new() } else { format!(" ({} had no effect)", idle.join(", ")) };
        self.verdict_in_words() + &idle
    }

    fn verdict_in_words(&self) -> String {
        match self.valid() {
            Valid::True => "valid".into(),
            Valid::Unknown => format!("unknown: {}", self.reason().unwrap_or("no checker said why")),
            Valid::False => match self.faults_found().first() {
                Some(finding) if !finding.headline.is_empty() => finding.headline.clone(),
                Some(finding) => finding.anomaly.clone(),
                None => {
                    let invalid = self.parts.iter().filter(|part| part.verdict.valid == Valid::False);
                    format!("invalid ({})", invalid.map(|part| part.name).collect::<Vec<_>>().join(", "))
                }
            },
        }
    }

    /// Why the verdict is what it is, if a checker said so.
    pub fn reason(&self) -> Option<&'a str> {
        let worst = self.valid();
        self.parts.iter().filter(|part| part.verdict.valid == worst).find_map(|part| part.verdict.reason.as_deref())
    }

    /// Client operations that were invoked.
    pub fn invoked(&self) -> u64 {
        let is_invocation = |op: &&Op| op.process != Process::Nemesis && op.kind == OpType::Invoke;
        let here = || self.history.ops.iter().filter(is_invocation).count() as u64;
        self.tally.map_or_else(here, |tally| tally.invoked)
    }

    /// Entries of the whole history.
    pub fn entries(&self) -> u64 {
        self.tally.map_or(self.history.ops.len() as u64, |tally| tally.entries)
    }

    /// The interval of time that the operations of a finding span.
    pub fn span_of(&self, finding: &Finding) -> Option<(Nanos, Nanos)> {
        let positions = finding.evidence.iter().flat_map(|line| [line.invocation, line.completion]).flatten();
        let times: Vec<Nanos> = positions.filter_map(|at| self.history.ops.get(at)).map(|op| op.time).collect();
        Some((*times.iter().min()?, *times.iter().max()?))
    }

    /// The nodes that a finding is about: those that its operations were sent to, or else those that its text names.
    pub fn nodes_of(&self, finding: &Finding) -> Vec<&'a str> {
        let process = |line: &Evidence| self.history.ops.get(line.invocation.or(line.completion)?)?.process.client();
        let asked = finding.evidence.iter().rev().filter_map(|line| self.context.node_of(process(line)?));
        let mut nodes: Vec<&str> = asked.collect();
        if nodes.is_empty() {
            let lines = finding.evidence.iter().flat_map(|line| [&line.text, &line.note]);
            let texts = [&finding.headline, &finding.story].into_iter().chain(lines);
            let words = texts.flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))));
            nodes =
                words.filter_map(|word| self.context.nodes.iter().find(|node| *node == word)).map(|n| &**n).collect();
        }
        let mut seen = std::collections::BTreeSet::new();
        nodes.retain(|node| seen.insert(*node));
        nodes
    }
}

/// See [`RunView::badge`].
pub(super) fn badge(outcome: &'static str, expectation: Option<(&str, bool)>) -> (&'static str, String) {
    match expectation {
        None | Some(("valid", true)) => (outcome, format!("{} {outcome}", mark_of(outcome))),
        Some((_, true)) => ("valid", format!("✓ {outcome}, as expected")),
        Some(("valid", false)) if outcome == "valid" => ("invalid", "✗ valid, but a fault had no effect".into()),
        Some(("valid", false)) => (outcome, format!("{} {outcome}", mark_of(outcome))),
        Some((expect, false)) => ("invalid", format!("✗ {outcome}, expected {expect}")),
    }
}

/// A sign for an outcome, for those who do not see colours.
pub(super) fn mark_of(outcome: &str) -> &'static str {
    match outcome {
        "valid" => "✓",
        "unknown" => "?",
        "error" => "!",
        _ => "✗",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn green_is_what_ended_as_expected() {
        let told = |outcome, expectation| badge(outcome, expectation);
        assert_eq!(told("invalid", None), ("invalid", "✗ invalid".into()));
        assert_eq!(told("valid", Some(("valid", true))), ("valid", "✓ valid".into()));
        assert_eq!(told("error", Some(("valid", false))), ("error", "! error".into()));
        assert_eq!(told("invalid", Some(("lost", true))), ("valid", "✓ invalid, as expected".into()));
        assert_eq!(told("valid", Some(("lost", false))), ("invalid", "✗ valid, expected lost".into()));
        assert_eq!(told("valid", Some(("valid", false))), ("invalid", "✗ valid, but a fault had no effect".into()));
    }
}
