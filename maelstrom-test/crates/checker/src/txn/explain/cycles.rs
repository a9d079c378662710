//! Explains a cycle, edge by edge.

use crate::json::json;
use crate::txn::analysis::WorkloadAnalysis;
use crate::txn::anomaly::Anomaly;
use crate::txn::findings::AnomalyExample;
use crate::txn::graph::{EdgeKind, ReasonFinder};
use crate::txn::search::DependencyCycle;
use crate::{Evidence, Picture};

/// The number of transactions of a longer cycle that texts and pictures show: half from its beginning, half from its end.
const SHOWN_STEPS: usize = 24;

/// Explains why each transaction of a cycle precedes the next one.
pub(in crate::txn) fn explain_cycle<A: WorkloadAnalysis>(cycle: &DependencyCycle, analysis: &A) -> AnomalyExample {
    let store = analysis.store();
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
        let (because, reason) = because(analysis, *kind, (*from, &names[at]), to);
        reasons.extend(reason.map(|reason| (*kind, reason)));
        let key = reason.map(|reason| analysis.key_of(reason));
        let close = if next == 0 { ": a contradiction" } else { "" };
        let note = format!("{} < {}, because {because}{close}", names[at], names[next]);
        let vertex = picture.vertices.len();
        picture.vertices.push(store.txn_text(*from).replace(", ", "\n"));
        picture.edges.push((vertex, vertex + 1, kind.name().into(), because.clone()));
        evidence.push(store.evidence(*from, &names[at], note));
        json_steps.push(json!({
            "from": store.history_index(*from), "to": store.history_index(to.0), "type": kind.name(),
            "key": key.map(|key| store.key_json(key)), "because": because,
        }));
    }
    if let Some(last) = picture.edges.last_mut() {
        last.1 = 0;
    }
    let mut known: Vec<u32> = steps.iter().map(|(txn, _)| *txn).collect();
    for (kind, reason) in reasons {
        if let Some((txn, shows)) = analysis.witness(kind, reason, &known) {
            known.push(txn);
            let name = format!("T{}", known.len());
            evidence.push(store.evidence(txn, &name, format!("{name} {shows}")));
        }
    }
    let labels: Vec<u64> = steps.iter().chain(steps.first()).map(|(txn, _)| store.history_index(*txn)).collect();
    AnomalyExample {
        story: story(cycle.anomaly, count),
        shape: shape(&steps),
        evidence,
        picture: Some(Picture::Cycle(picture)),
        json: json!({"cycle": labels, "steps": json_steps}),
    }
}

/// Why one transaction precedes another, and the reason of the edge if it is about a key.
fn because<A: WorkloadAnalysis>(
    analysis: &A,
    kind: EdgeKind,
    from: (u32, &str),
    to: (u32, &str),
) -> (String, Option<A::Reason>) {
    let store = analysis.store();
    match kind {
        EdgeKind::Realtime => (store.realtime_text(from, to), None),
        EdgeKind::Process => {
            let process = store.process(from.0);
            (format!("process {process} performed {} and then {}", from.1, to.1), None)
        }
        kind => {
            let mut finder = ReasonFinder::new(from.0, to.0, kind);
            for mop in store.mops(from.0) {
                analysis.key_edges(mop.key, &mut finder);
            }
            match finder.reason {
                Some(reason) => (analysis.because(kind, reason, from, to), Some(reason)),
                None => (format!("{} depends on {}", to.1, from.1), None),
            }
        }
    }
}

/// The steps of a cycle, rotated. They begin with a transaction that missed a write (a read-write edge leaves it), or if
/// there is none with the first transaction of the history.
pub(crate) fn rotated(cycle: &DependencyCycle) -> Vec<(u32, EdgeKind)> {
    let mut steps = cycle.steps.clone();
    let first = (0..steps.len()).min_by_key(|at| (steps[*at].1 != EdgeKind::Rw, steps[*at].0)).unwrap_or(0);
    steps.rotate_left(first);
    steps
}

/// The shape of a cycle: `T1 -rw-> T2 -wr-> T1`, shortened if it is long.
pub(crate) fn shape(steps: &[(u32, EdgeKind)]) -> String {
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

/// Explains a kind of cycle to readers who do not know its name.
fn story(anomaly: Anomaly, count: usize) -> String {
    let name = anomaly.name();
    if count == 2 && name.starts_with("G-single") && name.ends_with("-realtime") {
        return "T1 missed a write of T2, although T2 was complete before T1 began (stale read).".into();
    }
    let what = if name.starts_with("G0") {
        "each of them overwrote what the next one wrote, so their writes are mixed (dirty write)"
    } else if name.starts_with("G1c") {
        "each of them depends on itself, directly or through others (circular information flow)"
    } else if name.starts_with("G-single") {
        "T1 missed a write that precedes another write on which it depends (read skew)"
    } else if name.starts_with("G-nonadjacent") {
        "some of them saw two writes in one order and some in the other, so they did not read snapshots of one \
         history (long fork)"
    } else {
        "several of them missed a write of the next one (write skew)"
    };
    let order = match name.rsplit_once('-') {
        Some((_, "realtime")) => ", given their order in real time",
        Some((_, "process")) => ", given the order of each process",
        _ => "",
    };
    format!("No order of these {count} transactions is possible{order}: {what}.")
}
