//! The input of every report: a finished run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cause::Cause;
use super::node_log::NodeLog;
use crate::json::{Map, Value};

pub use crate::checker::Part;
use crate::checker::{CheckContext, Evidence, Finding, Valid, Verdict, anomalies};
use crate::history::{History, Nanos, Op, OpType, Process};
use crate::network::{JournalEvent, Stats};

/// The clock of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeMode {
    /// A simulated clock. The run can be repeated exactly.
    Virtual,
    /// The clock of the machine.
    #[default]
    Real,
}

impl TimeMode {
    /// Returns the value of the option `time`.
    pub fn name(self) -> &'static str {
        match self {
            TimeMode::Virtual => "virtual",
            TimeMode::Real => "real",
        }
    }
}

/// The effects of one kind of fault in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultSummary {
    /// The kind: `partition`, `kill`, …
    pub kind: String,
    /// The number of times that the fault was started.
    pub actions: u64,
    /// Whether the fault had an effect. A partition that dropped no message had none.
    pub had_effect: bool,
    /// The effects by unit: `messages_cut`, `processes_killed`, …
    pub counts: Map<String, Value>,
}

/// Counts of a history that is too long to be kept.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HistoryCounts {
    /// The number of entries.
    pub entries: u64,
    /// The number of client operations that were invoked.
    pub invoked: u64,
    /// The number of completions of client operations, by function and type.
    pub completions: BTreeMap<String, BTreeMap<OpType, u64>>,
    /// The latest time of any entry.
    pub duration: Nanos,
}

impl HistoryCounts {
    /// Adds an entry.
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
        match self.completions.get_mut(&*op.f) {
            Some(counts) => *counts.entry(op.kind).or_default() += 1,
            None => drop(self.completions.insert(op.f.to_string(), BTreeMap::from([(op.kind, 1)]))),
        }
    }
}

/// Why a run was aborted.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Breakdown {
    /// A few words for the first line of a report: `n1 crashed`.
    pub headline: String,
    /// What happened, and what to do about it. One or more sentences.
    pub story: String,
    /// The node that caused it.
    pub node: Option<String>,
    /// When it happened, in the time of the run.
    pub time: Option<Nanos>,
    /// The last lines of the node's standard output.
    pub stdout: Vec<String>,
    /// The last lines of the node's standard error.
    pub stderr: Vec<String>,
    /// The file with the whole standard error of the node.
    pub log: Option<PathBuf>,
}

/// How a run was expected to end, and whether it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expectation {
    /// `valid`, `invalid`, `unknown`, `error`, or the name of an anomaly.
    pub expect: String,
    /// Why the expectation is not met. `None` if it is met.
    pub failure: Option<String>,
}

/// A finished run, as reports see it.
#[derive(Clone, Debug)]
pub struct RunView<'a> {
    /// The name of the test case or of the workload.
    pub name: &'a str,
    /// The name of the workload.
    pub workload: &'a str,
    /// The nodes and workers.
    pub context: &'a CheckContext,
    /// The seed. `None` for a history that was recorded elsewhere.
    pub seed: Option<u64>,
    /// The clock.
    pub time_mode: TimeMode,
    /// The duration on the clock of the run.
    pub duration: Nanos,
    /// The duration on the wall clock. Zero is not shown.
    pub elapsed: Duration,
    /// The operations of clients and the actions of the nemesis.
    pub history: &'a History,
    /// Counts of the whole history, if `history` holds only the entries that findings refer to.
    pub counts: Option<&'a HistoryCounts>,
    /// The first network events after initialisation.
    pub journal: &'a [JournalEvent],
    /// The number of network events of the whole run.
    pub journal_events: u64,
    /// Message counts.
    pub net: &'a Stats,
    /// The verdicts, in the order of `results.json`.
    pub parts: &'a [Part],
    /// The effects of each requested kind of fault.
    pub faults: &'a [FaultSummary],
    /// Notes on how the run was made, such as a fallback to real time or a rounded option.
    pub notes: &'a [String],
    /// The scenario without seed and quantities, for the snapshot: `5 nodes`, `partition`, …
    pub scenario: &'a [String],
    /// Every option with its value.
    pub options: &'a [(String, String)],
    /// The last lines of the logs, in the order of the nodes.
    pub logs: &'a [NodeLog],
    /// The directory of the run.
    pub directory: Option<&'a Path>,
    /// Whether `messages.jsonl` is kept in this directory.
    pub has_journal: bool,
    /// The command that repeats the run.
    pub again: Option<&'a str>,
    /// The name of the anomaly that the test case expects, if any.
    pub expected_anomaly: Option<&'a str>,
    /// The expected end of the run, if any.
    pub expectation: Option<&'a Expectation>,
    /// Why the run was aborted. `None` if it completed.
    pub breakdown: Option<&'a Breakdown>,
    /// Why the run failed. `None` if it was not searched or not found.
    pub cause: Option<&'a Cause>,
}

impl<'a> RunView<'a> {
    /// Returns the worst verdict of all parts.
    pub fn valid(&self) -> Valid {
        self.parts.iter().map(|part| part.verdict.valid).max().unwrap_or_default()
    }

    /// Returns the outcome as in `results.json`: `valid`, `invalid`, `unknown` or `error`.
    pub fn outcome(&self) -> &'static str {
        match self.valid() {
            _ if self.breakdown.is_some() => "error",
            Valid::True => "valid",
            Valid::Unknown => "unknown",
            Valid::False => "invalid",
        }
    }

    /// Returns the outcome compared with the expectation.
    pub(super) fn badge(&self) -> Badge {
        let expectation = self.expectation.map(|expected| (&*expected.expect, expected.failure.is_none()));
        Badge::new(self.outcome(), expectation)
    }

    /// Returns the verdict of a part.
    pub fn part(&self, name: &str) -> Option<&'a Verdict> {
        self.parts.iter().find(|part| part.name == name).map(|part| &part.verdict)
    }

    /// Returns the findings that make the run invalid: first the expected anomaly, then the other findings of the
    /// workload's checker, then the rest.
    pub fn violations(&self) -> Vec<&'a Finding> {
        let of = |part: &'a Part| part.verdict.findings.iter().filter(|finding| finding.proscribed);
        let (workload, others): (Vec<_>, Vec<_>) = self.parts.iter().partition(|part| part.name == "workload");
        let mut found: Vec<&Finding> = workload.into_iter().chain(others).flat_map(of).collect();
        found.sort_by_key(|finding| !self.is_expected(finding));
        found
    }

    /// Whether a finding is the anomaly that the test case expects.
    pub(super) fn is_expected(&self, finding: &Finding) -> bool {
        self.expected_anomaly.is_some_and(|expected| anomalies::fulfils(&finding.anomaly, expected))
    }

    /// Returns the verdict in a few words, with the requested faults that had no effect.
    pub fn headline(&self) -> String {
        if let Some(breakdown) = self.breakdown {
            return breakdown.headline.clone();
        }
        let idle: Vec<&str> = self.faults.iter().filter(|fault| !fault.had_effect).map(|fault| &*fault.kind).collect();
        let idle = if idle.is_empty() { String::new() } else { format!(" ({} had no effect)", idle.join(", ")) };
        self.verdict_in_words() + &idle
    }

    fn verdict_in_words(&self) -> String {
        match self.valid() {
            Valid::True => "valid".into(),
            Valid::Unknown => format!("unknown: {}", self.reason().unwrap_or("no checker gave a reason")),
            Valid::False => match self.violations().first() {
                Some(finding) if !finding.headline.is_empty() => finding.headline.clone(),
                Some(finding) => finding.anomaly.clone(),
                None => {
                    let invalid = self.parts.iter().filter(|part| part.verdict.valid == Valid::False);
                    format!("invalid ({})", invalid.map(|part| part.name).collect::<Vec<_>>().join(", "))
                }
            },
        }
    }

    /// Returns the reason for the verdict, if a checker gave one.
    pub(super) fn reason(&self) -> Option<&'a str> {
        let worst = self.valid();
        self.parts.iter().filter(|part| part.verdict.valid == worst).find_map(|part| part.verdict.reason.as_deref())
    }

    /// Returns the number of client operations that were invoked.
    pub fn invoked(&self) -> u64 {
        let is_invocation = |op: &&Op| op.process != Process::Nemesis && op.kind == OpType::Invoke;
        let of_history = || self.history.ops.iter().filter(is_invocation).count() as u64;
        self.counts.map_or_else(of_history, |counts| counts.invoked)
    }

    /// Returns the number of entries of the whole history.
    pub(super) fn entries(&self) -> u64 {
        self.counts.map_or(self.history.ops.len() as u64, |counts| counts.entries)
    }

    /// Returns the time from the first to the last entry that a finding refers to.
    pub(super) fn span_of(&self, finding: &Finding) -> Option<(Nanos, Nanos)> {
        let positions = finding.evidence.iter().flat_map(|line| [line.invocation, line.completion]).flatten();
        let times: Vec<Nanos> = positions.filter_map(|at| self.history.ops.get(at)).map(|op| op.time).collect();
        Some((*times.iter().min()?, *times.iter().max()?))
    }

    /// Returns the nodes that a finding concerns, the most important first: the last evidence is about the operation that
    /// contradicts the others.
    pub(super) fn nodes_of<'f>(&self, finding: &'f Finding) -> Vec<&'f str>
    where
        'a: 'f,
    {
        let process = |line: &Evidence| self.history.ops.get(line.invocation.or(line.completion)?)?.process.client();
        let node = |line: &'f Evidence| line.node.as_deref().or_else(|| self.context.node_of(process(line)?));
        let mut nodes: Vec<&str> = finding.evidence.iter().rev().filter_map(node).collect();
        let mut seen = std::collections::BTreeSet::new();
        nodes.retain(|node| seen.insert(*node));
        nodes
    }
}

/// The outcome of a run compared with its expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    /// The outcome that sets the colour: `valid` if the run ended as expected.
    pub(super) tone: &'static str,
    /// A symbol, for readers who do not see colours.
    pub(super) mark: &'static str,
    text: String,
}

impl Badge {
    /// `expectation` is the expected outcome or anomaly, and whether it is met.
    pub(super) fn new(outcome: &'static str, expectation: Option<(&str, bool)>) -> Badge {
        let (tone, text) = match expectation {
            None | Some(("valid", true)) => (outcome, outcome.to_owned()),
            Some((_, true)) => ("valid", format!("{outcome}, as expected")),
            Some(("valid", false)) if outcome == "valid" => ("invalid", "valid, but a fault had no effect".to_owned()),
            Some(("valid", false)) => (outcome, outcome.to_owned()),
            Some((expect, false)) => ("invalid", format!("{outcome}, expected {expect}")),
        };
        Badge { tone, mark: mark_of(tone), text }
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.mark, self.text)
    }
}

/// Returns the symbol of an outcome.
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
    fn runs_that_end_as_expected_have_the_colour_of_valid_ones() {
        let badge = |outcome, expectation| {
            let badge = Badge::new(outcome, expectation);
            (badge.tone, badge.to_string())
        };
        assert_eq!(badge("invalid", None), ("invalid", "✗ invalid".into()));
        assert_eq!(badge("valid", Some(("valid", true))), ("valid", "✓ valid".into()));
        assert_eq!(badge("error", Some(("valid", false))), ("error", "! error".into()));
        assert_eq!(badge("invalid", Some(("lost", true))), ("valid", "✓ invalid, as expected".into()));
        assert_eq!(badge("valid", Some(("lost", false))), ("invalid", "✗ valid, expected lost".into()));
        assert_eq!(badge("valid", Some(("valid", false))), ("invalid", "✗ valid, but a fault had no effect".into()));
    }
}
