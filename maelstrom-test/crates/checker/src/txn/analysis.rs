//! What both workloads share: from an analysis to a verdict, and the explanation of cycles.

use crate::json::{Map, Value, json};
use rustc_hash::FxHashMap;

use super::Options;
use crate::txn::anomaly::Anomaly;
use crate::txn::findings::{Circumstances, Example, Found, verdict};
use crate::txn::graph::{Dependencies, Finder, Graph, Kind, Sink, Timeline};
use crate::txn::promise::OrderInUse;
use crate::txn::search::cycles::{Cycle, Cycles, find_cycles};
use crate::txn::store::{Answers, NULL, Outcome, Store};
use crate::{Evidence, Picture, Verdict};

/// What a workload finds in its transactions.
pub(super) trait Analysis {
    /// The answers of its reads.
    type Answers: Answers;
    /// Why an edge is in the graph.
    type Reason: Copy + Default;

    /// The transactions.
    fn store(&self) -> &Store<Self::Answers>;

    /// Whether a transaction is known to have happened.
    fn happened(&self, txn: u32) -> bool;

    /// Whether the order of versions may rest on transactions that are known to have happened only because others read
    /// what they wrote.
    fn infers_order(&self) -> bool {
        false
    }

    /// All dependencies through one key.
    fn key_edges(&self, key: u32, sink: &mut impl Sink<Self::Reason>);

    /// The reason in words, with the names of the two transactions.
    fn because(&self, kind: Kind, reason: Self::Reason, from: (u32, &str), to: (u32, &str)) -> String;

    /// The key that the reason is about.
    fn key_of(&self, reason: Self::Reason) -> u32;

    /// A transaction that shows the reason of an edge, where none of those that the proof is made of so far (`known`)
    /// does, and what it shows, in words.
    fn witness(&self, _kind: Kind, _reason: Self::Reason, _known: &[u32]) -> Option<(u32, String)> {
        None
    }

    /// Every anomaly that is not a cycle.
    fn other_anomalies(&self, found: &mut Found);
}

/// Edges through keys and the order of processes.
struct AllEdges<'a, A> {
    analysis: &'a A,
    process: Vec<(u32, u32)>,
}

impl<A: Analysis> Dependencies for AllEdges<'_, A> {
    type Reason = A::Reason;

    fn for_each(&self, sink: &mut impl Sink<A::Reason>) {
        for key in 0..self.analysis.store().names.interner.len() as u32 {
            self.analysis.key_edges(key, sink);
        }
        for (from, to) in &self.process {
            sink.edge(*from, *to, Kind::Process, A::Reason::default());
        }
    }
}

/// Judges an analysis.
pub(super) fn judge<A: Analysis>(analysis: &A, options: &Options) -> Verdict {
    let store = analysis.store();
    let order = options.promise.order_in_use();
    let edges =
        AllEdges { analysis, process: if order == OrderInUse::Process { successive(analysis) } else { Vec::new() } };
    let timeline = if order == OrderInUse::Realtime { timeline(analysis) } else { Timeline::default() };
    let graph = Graph::new(store.txns.len() as u32, &edges);
    let empty_graph = graph.is_empty() && !(order == OrderInUse::Realtime && is_ordered_in_time(store));
    let Cycles { components, cycles } = find_cycles(&graph, &timeline, &options.promise);
    drop(graph);

    let mut found = Found::default();
    analysis.other_anomalies(&mut found);
    for cycle in &cycles {
        let is_inferred = analysis.infers_order() || cycle.steps.iter().any(|(txn, _)| !store.is_ok(*txn));
        let add = if is_inferred { Found::add_inferred } else { Found::add };
        add(&mut found, cycle.anomaly, || explain(cycle, &edges));
    }
    let (doubts, details) = doubts(store);
    let transactions = store.txns.len();
    verdict(found, &options.promise, Circumstances { empty_graph, components, transactions, doubts, details })
}

/// Successive ok transactions of each process, and after those the one, if there is one, whose end it did not learn and
/// that happened nevertheless.
fn successive<A: Analysis>(analysis: &A) -> Vec<(u32, u32)> {
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

fn timeline<A: Analysis>(analysis: &A) -> Timeline {
    let mut events = analysis.store().events();
    events.retain(|event| analysis.happened(event >> 1));
    Timeline { events }
}

/// Whether some transaction was complete before another began that happened or may have happened.
fn is_ordered_in_time<A: Answers>(store: &Store<A>) -> bool {
    let mut events = store.events();
    events.retain(|event| store.txn(event >> 1).outcome != Outcome::Fail);
    Timeline { events }.orders_any()
}

/// What makes the history hard to judge.
fn doubts<A: Answers>(store: &Store<A>) -> (Vec<String>, Map<String, Value>) {
    const SHOWN: usize = 8;
    let mut doubts = Vec::new();
    let mut details = Map::new();
    if let Some(malformed) = &store.malformed {
        doubts.push(format!("not every entry is a transaction of this workload: {malformed}"));
    }
    if let Some(first) = store.repeated.first() {
        let (key, value) = (store.key_text(store.names.key_of(first.version)), store.names.value_text(first.version));
        let [one, other] = [first.first, first.second].map(|txn| store.label(txn));
        let what = match store.names.versions[first.version as usize].value {
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
                "key": store.key_json(store.names.key_of(repeated.version)),
                "value": store.names.value_json(repeated.version),
                "writers": [store.label(repeated.first), store.label(repeated.second)],
            })
        });
        details.insert("repeated_writes".into(), Value::Array(shown.collect()));
        details.insert("repeated_write_count".into(), json!(store.repeated.len()));
    }
    (doubts, details)
}

/// Beyond so many transactions, the middle of a cycle is left out of texts and pictures.
const SHOWN_STEPS: usize = 24;

/// A cycle, step by step.
fn explain<A: Analysis>(cycle: &Cycle, edges: &AllEdges<'_, A>) -> Example {
    let store = edges.analysis.store();
    let steps = rotated(cycle);
    let count = steps.len();
    let names: Vec<String> = (1..=count).map(|number| format!("T{number}")).collect();
    let is_shown = |at: usize| count <= SHOWN_STEPS || at < SHOWN_STEPS / 2 || at >= count - SHOWN_STEPS / 2;
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut picture = crate::Cycle::default();
    let (mut json_steps, mut reasons) = (Vec::new(), Vec::new());
    for (at, (from, kind)) in steps.iter().enumerate() {
        let next = (at + 1) % count;
        if !is_shown(at) {
            if at == SHOWN_STEPS / 2 {
                let note = format!("… {} more transactions, each before the next …", count - SHOWN_STEPS);
                evidence.push(Evidence { note: note.clone(), ..Evidence::default() });
                picture.vertices.push(note);
            }
            continue;
        }
        let to = (steps[next].0, names[next].as_str());
        let (because, reason) = edges.because(*kind, (*from, &names[at]), to);
        reasons.extend(reason.map(|reason| (*kind, reason)));
        let key = reason.map(|reason| edges.analysis.key_of(reason));
        let close = if next == 0 { ": a contradiction" } else { "" };
        let note = format!("{} < {}, because {because}{close}", names[at], names[next]);
        let vertex = picture.vertices.len();
        picture.vertices.push(format!("{}: {}", names[at], store.txn_text(*from).replace(", ", "\n")));
        picture.edges.push((vertex, vertex + 1, kind.name().into(), because.clone()));
        evidence.push(store.evidence(*from, &names[at], note));
        json_steps.push(json!({
            "from": store.label(*from), "to": store.label(to.0), "type": kind.name(),
            "key": key.map(|key| store.key_json(key)), "because": because,
        }));
    }
    if let Some(last) = picture.edges.last_mut() {
        last.1 = 0;
    }
    let mut known: Vec<u32> = steps.iter().map(|(txn, _)| *txn).collect();
    for (kind, reason) in reasons {
        if let Some((txn, shows)) = edges.analysis.witness(kind, reason, &known) {
            known.push(txn);
            let name = format!("T{}", known.len());
            evidence.push(store.evidence(txn, &name, format!("{name} {shows}")));
        }
    }
    let labels: Vec<u64> = steps.iter().chain(steps.first()).map(|(txn, _)| store.label(*txn)).collect();
    Example {
        story: story(cycle.anomaly, count),
        shape: shape(&steps),
        evidence,
        picture: Some(Picture::Cycle(picture)),
        json: json!({"cycle": labels, "steps": json_steps}),
    }
}

impl<A: Analysis> AllEdges<'_, A> {
    /// Why one transaction precedes another, and the reason of that edge if it is one through a key.
    fn because(&self, kind: Kind, from: (u32, &str), to: (u32, &str)) -> (String, Option<A::Reason>) {
        let store = self.analysis.store();
        match kind {
            Kind::Realtime => (store.realtime_text(from, to), None),
            Kind::Process => {
                let process = store.process(from.0);
                (format!("process {process} performed {} and then {}", from.1, to.1), None)
            }
            kind => {
                let mut finder = Finder::new(from.0, to.0, kind);
                for mop in store.mops(from.0) {
                    self.analysis.key_edges(mop.key, &mut finder);
                }
                match finder.reason {
                    Some(reason) => (self.analysis.because(kind, reason, from, to), Some(reason)),
                    None => (format!("{} depends on {}", to.1, from.1), None),
                }
            }
        }
    }
}

/// The cycle, beginning with a transaction that did not see a write, else with the first in the history.
pub(crate) fn rotated(cycle: &Cycle) -> Vec<(u32, Kind)> {
    let mut steps = cycle.steps.clone();
    let first = (0..steps.len()).min_by_key(|at| (steps[*at].1 != Kind::Rw, steps[*at].0)).unwrap_or(0);
    steps.rotate_left(first);
    steps
}

/// `T1 -rw-> T2 -wr-> T1`, shortened if it is long.
pub(crate) fn shape(steps: &[(u32, Kind)]) -> String {
    const SHOWN: usize = 8;
    let mut shape = String::from("T1");
    for (at, (_, kind)) in steps.iter().enumerate() {
        if at == SHOWN && steps.len() > SHOWN + 1 {
            shape.push_str(" … -> T1");
            break;
        }
        let next = if at + 1 == steps.len() { 1 } else { at + 2 };
        shape.push_str(&format!(" -{kind}-> T{next}"));
    }
    shape
}

/// What a kind of cycle means, in words for people who do not know its name.
fn story(anomaly: Anomaly, count: usize) -> String {
    let name = anomaly.name();
    if count == 2 && name.starts_with("G-single") && name.ends_with("-realtime") {
        return "T1 did not see what T2 wrote, although T2 was complete before T1 began (stale read).".into();
    }
    let what = if name.starts_with("G0") {
        "each of them overwrote what the next one wrote, so their writes are mixed (dirty write)"
    } else if name.starts_with("G1c") {
        "information flowed in a circle: each of them was seen, directly or by way of others, by one that came before it"
    } else if name.starts_with("G-single") {
        "T1 did not see a write that came before something else it depends on (read skew)"
    } else if name.starts_with("G-nonadjacent") {
        "some of them saw two writes in one order and some in the other, so they cannot have read from snapshots of \
         one history (long fork)"
    } else {
        "each of them read something that another one overwrote without seeing it (write skew)"
    };
    let order = match name.rsplit_once('-') {
        Some((_, "realtime")) => ", once it counts that some were complete before others began",
        Some((_, "process")) => ", once the order in which a process performed its transactions counts",
        _ => "",
    };
    format!("These {count} transactions cannot have happened in any order: {what}{order}.")
}
