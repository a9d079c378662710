//! What an analysis found, and the verdict that follows.

use std::collections::BTreeMap;

use crate::json::{Map, Value, json};

use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::model::{Boundary, Model};
use crate::txn::promise::Promise;
use crate::{Evidence, Finding, Picture, Valid, Verdict};

/// How many examples of an anomaly are kept; the others are counted.
const EXAMPLES: usize = 8;

/// One anomaly in words.
#[derive(Default)]
pub(super) struct Example {
    pub(super) story: String,
    pub(super) shape: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) picture: Option<Picture>,
    /// As `results.json` shows it.
    pub(super) json: Value,
}

/// All that was found.
#[derive(Default)]
pub(super) struct Found {
    examples: BTreeMap<Anomaly, Vec<Example>>,
    counts: BTreeMap<Anomaly, usize>,
    /// Those that there are whatever became of transactions whose end is unknown.
    certain: AnomalySet,
}

impl Found {
    /// Counts an anomaly, and keeps it as an example if there are few.
    pub(super) fn add(&mut self, anomaly: Anomaly, example: impl FnOnce() -> Example) {
        self.certain = self.certain.union([anomaly].into_iter().collect());
        self.add_inferred(anomaly, example);
    }

    /// The same for an anomaly of transactions of which one must have happened, as another one read what it wrote. Or
    /// else that was an aborted read.
    pub(super) fn add_inferred(&mut self, anomaly: Anomaly, example: impl FnOnce() -> Example) {
        let count = self.counts.entry(anomaly).or_default();
        *count += 1;
        if *count <= EXAMPLES {
            self.examples.entry(anomaly).or_default().push(example());
        }
    }

    fn anomalies(&self) -> AnomalySet {
        self.counts.keys().copied().collect()
    }

    /// Whether these anomalies cannot have come about under the model.
    fn rules_out(&self, model: Model) -> bool {
        let proscribed = model.proscribed();
        let counting = if proscribed.contains(Anomaly::G1A) { self.anomalies() } else { self.certain };
        !proscribed.is_disjoint(counting)
    }
}

/// What else is to be known for a verdict.
pub(super) struct Circumstances {
    /// Whether no transaction depends on another.
    pub(super) empty_graph: bool,
    /// Components of the dependency graph.
    pub(super) components: usize,
    /// Transactions in the history.
    pub(super) transactions: usize,
    /// What keeps a history without anomalies from being called valid, each with its entry for `results.json`.
    pub(super) doubts: Vec<String>,
    /// Further results.
    pub(super) details: Map<String, Value>,
}

/// Judges what was found by what was promised.
pub(super) fn verdict(found: Found, promise: &Promise, circumstances: Circumstances) -> Verdict {
    let Circumstances { empty_graph, components, transactions, mut doubts, mut details } = circumstances;
    let anomalies = found.anomalies();
    let (broken, allowed): (Vec<Anomaly>, Vec<Anomaly>) =
        anomalies.iter().partition(|anomaly| promise.proscribes(*anomaly));
    if empty_graph {
        doubts.push("no transaction depends on another, so the history proves nothing".into());
    }
    if promise.proscribed().is_empty() {
        let models = promise.model_names().join(", ");
        doubts.push(format!("none of the anomalies that this checker knows would break {models}"));
    }
    let doubtful = empty_graph.then_some(Anomaly::EMPTY_GRAPH);
    let boundary = Boundary::around(|model| found.rules_out(model));
    details.insert("anomaly_types".into(), names(broken.iter().copied().chain(doubtful)));
    details.insert("allowed_anomalies".into(), names(allowed.iter().copied()));
    details.insert("not".into(), json!(boundary.not));
    details.insert("also_not".into(), json!(boundary.also_not));
    details.insert("transaction_count".into(), json!(transactions));
    details.insert("component_count".into(), json!(components));
    details.insert("anomaly_counts".into(), counts(&found));
    details.insert("anomalies".into(), examples(&found));
    Verdict {
        valid: match (broken.is_empty(), doubts.is_empty()) {
            (false, _) => Valid::False,
            (true, false) => Valid::Unknown,
            (true, true) => Valid::True,
        },
        // What leaves doubt does not matter where the promise is broken for certain.
        reason: (broken.is_empty() && !doubts.is_empty()).then(|| doubts.join("; ")),
        findings: findings(found, promise),
        details,
    }
}

fn names(anomalies: impl Iterator<Item = Anomaly>) -> Value {
    let mut names: Vec<&str> = anomalies.map(Anomaly::name).collect();
    names.sort_unstable();
    json!(names)
}

fn counts(found: &Found) -> Value {
    let entries: Map<String, Value> =
        found.counts.iter().map(|(anomaly, count)| (anomaly.name().into(), json!(count))).collect();
    Value::Object(entries)
}

fn examples(found: &Found) -> Value {
    let list = |examples: &Vec<Example>| Value::Array(examples.iter().map(|example| example.json.clone()).collect());
    Value::Object(found.examples.iter().map(|(anomaly, examples)| (anomaly.name().into(), list(examples))).collect())
}

/// Those that break the promise first; of these the plainest, then from what breaks the weakest models to what breaks
/// only the strongest.
fn findings(found: Found, promise: &Promise) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (anomaly, examples) in found.examples {
        let proscribed = promise.proscribes(anomaly);
        findings.extend(examples.into_iter().map(|example| Finding {
            anomaly: anomaly.name().into(),
            proscribed,
            headline: headline(anomaly, promise),
            story: example.story,
            shape: example.shape,
            evidence: example.evidence,
            picture: example.picture,
        }));
    }
    findings.sort_by_key(|finding| (!finding.proscribed, plainness(&finding.anomaly)));
    findings
}

/// A value that a transaction should not have seen says more than lists that do not fit together, and these more than a
/// cycle: that is often only what followed from them.
fn plainness(anomaly: &str) -> usize {
    match anomaly {
        "unexpected" | "duplicate-elements" | "G1a" | "G1b" | "future-read" | "internal" | "lost-update" => 0,
        "cyclic-versions" | "incompatible-order" | "dirty-update" => 1,
        _ => 2,
    }
}

/// What people call an anomaly whose name is only a letter and a number.
fn common_name(anomaly: &str) -> &'static str {
    match anomaly {
        "G1a" => ": aborted read",
        "G1b" => ": intermediate read",
        _ if anomaly.starts_with("G0") => ": dirty write",
        _ if anomaly.starts_with("G1c") => ": circular information flow",
        _ if anomaly.starts_with("G-single") && anomaly.ends_with("-realtime") => ": stale read",
        _ if anomaly.starts_with("G-single") => ": read skew",
        _ if anomaly.starts_with("G-nonadjacent") => ": long fork",
        _ if anomaly.starts_with("G2") => ": write skew",
        _ => "",
    }
}

fn headline(anomaly: Anomaly, promise: &Promise) -> String {
    match promise.broken_model(anomaly) {
        Some(model) => format!("not {model}{} ({anomaly})", common_name(anomaly.name())),
        None if anomaly == Anomaly::UNEXPECTED => format!("a value that nobody wrote ({anomaly})"),
        None if promise.proscribes(anomaly) => format!("{anomaly} was found"),
        None => format!("{anomaly} was found, which the promise allows"),
    }
}
