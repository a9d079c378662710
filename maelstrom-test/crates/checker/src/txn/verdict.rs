//! From the analysis of a workload to the verdict.

use rustc_hash::FxHashMap;

use crate::json::{Map, Value, json};
use crate::txn::analysis::WorkloadAnalysis;
use crate::txn::anomaly::Anomaly;
use crate::txn::explain::{explain_cycle, headline};
use crate::txn::findings::{AnomalyExample, FoundAnomalies};
use crate::txn::graph::{Dependencies, EdgeKind, EdgeSink, Graph, TransactionTimeline};
use crate::txn::model::Boundary;
use crate::txn::promise::{OrderInUse, Promise};
use crate::txn::search::{Cycles, find_cycles};
use crate::txn::store::{Answers, NULL, Store, TxnOutcome};
use crate::{Finding, Valid, Verdict};

/// Judges an analysis by what was promised.
pub(super) fn judge<A: WorkloadAnalysis>(analysis: &A, promise: &Promise) -> Verdict {
    let store = analysis.store();
    let order = promise.order_in_use();
    let edges =
        AllEdges { analysis, process: if order == OrderInUse::Process { successive(analysis) } else { Vec::new() } };
    let timeline = if order == OrderInUse::Realtime { timeline(analysis) } else { TransactionTimeline::default() };
    let graph = Graph::new(store.txns.len() as u32, &edges);
    let empty_graph = graph.is_empty() && !(order == OrderInUse::Realtime && is_ordered_in_time(store));
    let Cycles { components, cycles } = find_cycles(&graph, &timeline, promise);
    drop(graph);

    let mut found = FoundAnomalies::default();
    analysis.other_anomalies(&mut found);
    for cycle in &cycles {
        let is_inferred = analysis.infers_order() || cycle.steps.iter().any(|(txn, _)| !store.is_ok(*txn));
        let add = if is_inferred { FoundAnomalies::add_inferred } else { FoundAnomalies::add };
        add(&mut found, cycle.anomaly, || explain_cycle(cycle, analysis));
    }
    let (doubts, details) = doubts(store);
    let transactions = store.txns.len();
    let mut verdict =
        verdict(found, promise, HistorySummary { empty_graph, components, transactions, doubts, details });
    verdict.add_mismatch(store.mismatch.as_ref());
    verdict
}

/// The process order: pairs of successive ok transactions of each process. The last transaction of a process may be one
/// without an ok completion that happened nevertheless.
fn successive<A: WorkloadAnalysis>(analysis: &A) -> Vec<(u32, u32)> {
    let store = analysis.store();
    let mut latest: FxHashMap<u64, u32> = FxHashMap::default();
    let mut edges = Vec::new();
    for event in store.events() {
        let (txn, is_end) = (event >> 1, event & 1 == 1);
        let process = store.process(txn);
        let before = match is_end {
            true => latest.insert(process, txn),
            false if !store.is_ok(txn) && analysis.happened(txn) => latest.get(&process).copied(),
            false => None,
        };
        edges.extend(before.map(|before| (before, txn)));
    }
    edges
}

/// The real-time order of the transactions that are known to have happened.
fn timeline<A: WorkloadAnalysis>(analysis: &A) -> TransactionTimeline {
    let mut events = analysis.store().events();
    events.retain(|event| analysis.happened(event >> 1));
    TransactionTimeline { events }
}

/// Whether some transaction was complete before another one began that may have happened.
fn is_ordered_in_time<A: Answers>(store: &Store<A>) -> bool {
    let mut events = store.events();
    events.retain(|event| store.txn(event >> 1).outcome != TxnOutcome::Fail);
    TransactionTimeline { events }.orders_any()
}

/// The reasons why a history without anomalies may still not be valid, with their entries for `results.json`.
fn doubts<A: Answers>(store: &Store<A>) -> (Vec<String>, Map<String, Value>) {
    const SHOWN: usize = 8;
    let mut doubts = Vec::new();
    let mut details = Map::new();
    if let Some(malformed) = &store.malformed {
        doubts.push(format!("not every entry is a transaction of this workload: {malformed}"));
    }
    if let Some(first) = store.repeated.first() {
        let (key, value) = (store.key_text(store.values.key_of(first.version)), store.values.value_text(first.version));
        let [one, other] = [first.first, first.second].map(|txn| store.history_index(txn));
        let what = match store.values.versions[first.version as usize].value {
            NULL if A::NULL_IS_INITIAL => {
                format!("null was written to key {key}, at {other}, and is its initial state")
            }
            _ => format!("{value} was written to key {key} twice, at {one} and at {other}"),
        };
        doubts.push(format!(
            "{what}, but values must be unique for their order to be known (keys concerned are left out)"
        ));
        let shown = store.repeated.iter().take(SHOWN).map(|repeated| {
            json!({
                "key": store.key_json(store.values.key_of(repeated.version)),
                "value": store.values.value_json(repeated.version),
                "writers": [store.history_index(repeated.first), store.history_index(repeated.second)],
            })
        });
        details.insert("repeated_writes".into(), Value::Array(shown.collect()));
        details.insert("repeated_write_count".into(), json!(store.repeated.len()));
    }
    (doubts, details)
}

/// The dependencies through keys, and the process order.
struct AllEdges<'a, A> {
    analysis: &'a A,
    process: Vec<(u32, u32)>,
}

impl<A: WorkloadAnalysis> Dependencies for AllEdges<'_, A> {
    type Reason = A::Reason;

    fn for_each(&self, sink: &mut impl EdgeSink<A::Reason>) {
        for key in 0..self.analysis.store().values.interner.len() as u32 {
            self.analysis.key_edges(key, sink);
        }
        for (from, to) in &self.process {
            sink.edge(*from, *to, EdgeKind::Process, A::Reason::default());
        }
    }
}

/// What a verdict needs to know of a history, besides its anomalies.
struct HistorySummary {
    /// Whether no transaction depends on another.
    empty_graph: bool,
    /// The number of components of the dependency graph.
    components: usize,
    /// The number of transactions in the history.
    transactions: usize,
    /// The reasons why a history without anomalies may still not be valid.
    doubts: Vec<String>,
    /// Further entries for `results.json`.
    details: Map<String, Value>,
}

/// The verdict on the anomalies that were found.
fn verdict(found: FoundAnomalies, promise: &Promise, history: HistorySummary) -> Verdict {
    let HistorySummary { empty_graph, components, transactions, mut doubts, mut details } = history;
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
        // Doubts do not matter where the promise is certainly broken.
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

fn counts(found: &FoundAnomalies) -> Value {
    let entries: Map<String, Value> =
        found.counts().iter().map(|(anomaly, count)| (anomaly.name().into(), json!(count))).collect();
    Value::Object(entries)
}

fn examples(found: &FoundAnomalies) -> Value {
    let list =
        |examples: &Vec<AnomalyExample>| Value::Array(examples.iter().map(|example| example.json.clone()).collect());
    Value::Object(found.examples().iter().map(|(anomaly, examples)| (anomaly.name().into(), list(examples))).collect())
}

/// The findings in the order of reports: first those that break the promise, then by [`plainness`], then from those that
/// break the weakest models to those that break only the strongest.
fn findings(found: FoundAnomalies, promise: &Promise) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (anomaly, examples) in found.into_examples() {
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

/// How easily an anomaly is understood; 0 is the easiest. A single wrong read comes before versions that contradict each
/// other, and these come before cycles, which are often only their consequence.
fn plainness(anomaly: &str) -> usize {
    match anomaly {
        "unexpected" | "duplicate-elements" | "G1a" | "G1b" | "future-read" | "internal" | "lost-update" => 0,
        "cyclic-versions" | "incompatible-order" | "dirty-update" => 1,
        _ => 2,
    }
}
