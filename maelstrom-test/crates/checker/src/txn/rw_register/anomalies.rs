//! The anomalies that are not cycles.

use super::accesses::Registers;
use super::analysis::RegisterAnalysis;
use super::version_order::{Contradiction, OrderSource};
use crate::json::{Value, json};
use crate::txn::anomaly::Anomaly;
use crate::txn::findings::{AnomalyExample, FoundAnomalies};
use crate::txn::lost_update::find_lost_updates;
use crate::txn::store::{Mop, MopKind, PerKey, Store, TxnOutcome};

/// Finds every anomaly that is not a cycle.
pub(super) fn find_anomalies(analysis: &RegisterAnalysis<'_>, found: &mut FoundAnomalies) {
    let mut last = PerKey::new(analysis.store);
    for txn in analysis.store.ok_txns() {
        check_reads(analysis, txn, found);
        internal(analysis.store, txn, &mut last, found);
    }
    for contradiction in analysis.contradictions() {
        found.add(Anomaly::CYCLIC_VERSIONS, || cyclic_versions(analysis.store, contradiction));
    }
    find_lost_updates(analysis.store, found);
}

/// Finds reads of values that no transaction had installed.
fn check_reads(analysis: &RegisterAnalysis<'_>, txn: u32, found: &mut FoundAnomalies) {
    let store = analysis.store;
    let mops = store.mops(txn);
    for (at, mop) in mops.iter().enumerate().filter(|(_, mop)| mop.kind == MopKind::Read) {
        let is_known = !store.is_ambiguous(mop.key);
        let writes_it = |other: &&Mop| (other.kind, other.arg) == (MopKind::Write, mop.arg);
        if is_known && store.writer(mop.arg) == Some(txn) && !mops[..at].iter().any(|other| writes_it(&other)) {
            found.add(Anomaly::FUTURE_READ, || future_read(store, txn, mop));
        }
        match store.writer(mop.arg) {
            Some(writer) if is_known && writer != txn => {
                if store.txn(writer).outcome == TxnOutcome::Fail {
                    found.add(Anomaly::G1A, || aborted_read(store, txn, mop, writer));
                }
                if store.values.versions[mop.arg as usize].intermediate {
                    found.add(Anomaly::G1B, || intermediate_read(store, txn, mop, writer));
                }
            }
            None if !analysis.preloaded && !store.values.value_json(mop.arg).is_null() => {
                found.add(Anomaly::UNEXPECTED, || unexpected(store, txn, mop));
            }
            _ => {}
        }
    }
}

fn aborted_read(store: &Store<Registers>, txn: u32, mop: &Mop, writer: u32) -> AnomalyExample {
    let (value, key) = (store.values.value_text(mop.arg), store.key_text(mop.key));
    AnomalyExample {
        story: format!("A transaction read {value} from key {key}, which a failed transaction had written."),
        shape: "T1 read what T2 wrote, and T2 failed".into(),
        evidence: vec![
            store.evidence(txn, "T1", format!("T1 read {value}, which T2 wrote")),
            store.evidence(writer, "T2", "T2 failed, so no transaction may read what it wrote".into()),
        ],
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "writer": store.history_index(writer),
        }),
    }
}

fn intermediate_read(store: &Store<Registers>, txn: u32, mop: &Mop, writer: u32) -> AnomalyExample {
    let (value, key) = (store.values.value_text(mop.arg), store.key_text(mop.key));
    AnomalyExample {
        story: format!(
            "A transaction read {value} from key {key}, which its writer overwrote in the same transaction."
        ),
        shape: "T1 read a value that T2 wrote and then overwrote".into(),
        evidence: vec![
            store.evidence(txn, "T1", format!("T1 read {value}")),
            store.evidence(writer, "T2", format!("T2 wrote {value} to key {key} and then another value")),
        ],
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "writer": store.history_index(writer),
        }),
    }
}

fn future_read(store: &Store<Registers>, txn: u32, mop: &Mop) -> AnomalyExample {
    let (value, key) = (store.values.value_text(mop.arg), store.key_text(mop.key));
    AnomalyExample {
        story: format!("A transaction read {value} from key {key} before it wrote {value} itself."),
        shape: "T1 read a value before it wrote it".into(),
        evidence: vec![store.evidence(txn, "T1", format!("T1 read {value} before it wrote {value}"))],
        picture: None,
        json: json!({"op": store.history_index(txn), "mop": store.mop_json(mop)}),
    }
}

fn unexpected(store: &Store<Registers>, txn: u32, mop: &Mop) -> AnomalyExample {
    let (value, key) = (store.values.value_text(mop.arg), store.key_text(mop.key));
    AnomalyExample {
        story: format!("A transaction read {value} from key {key}, but no transaction wrote it.{}", hint(store, mop)),
        shape: "T1 read a value that no transaction wrote".into(),
        evidence: vec![store.evidence(txn, "T1", format!("no transaction wrote {value} to key {key}"))],
        picture: None,
        json: json!({"op": store.history_index(txn), "mop": store.mop_json(mop)}),
    }
}

/// A hint, if the value that nobody wrote is one that programming languages give for a missing key.
fn hint(store: &Store<Registers>, mop: &Mop) -> &'static str {
    let default = [json!(0), json!(""), json!(false), json!([])];
    if default.contains(&store.values.value_json(mop.arg)) { " A missing key is null." } else { "" }
}

/// Finds reads that contradict what the same transaction read or wrote before. `last` holds the version by key.
fn internal(store: &Store<Registers>, txn: u32, last: &mut PerKey, found: &mut FoundAnomalies) {
    for mop in store.mops(txn) {
        let before = last.set(mop.key, txn, mop.arg);
        if let Some(before) = before.filter(|before| mop.kind == MopKind::Read && *before != mop.arg) {
            found.add(Anomaly::INTERNAL, || contradiction(store, txn, mop, before));
        }
    }
}

fn contradiction(store: &Store<Registers>, txn: u32, mop: &Mop, expected: u32) -> AnomalyExample {
    let key = store.key_text(mop.key);
    let [expected_text, actual] = [expected, mop.arg].map(|version| store.values.value_text(version));
    AnomalyExample {
        story: format!(
            "A transaction contradicts itself: after what it had read and written, key {key} had to be \
             {expected_text}, but it read {actual}."
        ),
        shape: "T1 read a value that contradicts what it read or wrote before".into(),
        evidence: vec![store.evidence(txn, "T1", format!("T1 had to read {expected_text}, and read {actual}"))],
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "expected": store.values.value_json(expected),
        }),
    }
}

/// The assumption behind a source.
fn assumption(source: OrderSource) -> &'static str {
    match source {
        OrderSource::InitialState => "that null is the initial state",
        OrderSource::WritesFollowReads => "that transactions write after what they read",
        OrderSource::SequentialKeys => "that no process sees a key go back to an earlier value",
        OrderSource::LinearizableKeys => "that no key goes back to an earlier value in real time",
        OrderSource::TransactionOrder => "the given order of transactions",
    }
}

fn cyclic_versions(store: &Store<Registers>, contradiction: &Contradiction) -> AnomalyExample {
    const SHOWN: usize = 4;
    let key = store.key_text(contradiction.key);
    let texts: Vec<String> = contradiction.versions.iter().map(|version| store.values.value_text(*version)).collect();
    let mut values: Vec<Value> =
        contradiction.versions.iter().map(|version| store.values.value_json(*version)).collect();
    values.sort();
    let sources: Vec<&str> = contradiction.sources.iter().map(|source| source.name()).collect();
    let (last, others) = contradiction.sources.split_last().expect("a contradiction has sources");
    let others: Vec<&str> = others.iter().map(|source| assumption(*source)).collect();
    let concerns = |txn: &u32| store.mops(*txn).iter().any(|mop| contradiction.versions.contains(&{ mop.arg }));
    let evidence = store
        .ok_txns()
        .filter(concerns)
        .take(SHOWN)
        .enumerate()
        .map(|(at, txn)| store.evidence(txn, &format!("T{}", at + 1), String::new()));
    AnomalyExample {
        story: format!(
            "Each of the values {} of key {key} would have to come before the others, if it holds {}, and {}.",
            texts.join(" and "),
            others.join(", "),
            assumption(*last)
        ),
        shape: "values of a key that each precede the other".into(),
        evidence: evidence.collect(),
        picture: None,
        json: json!({"key": store.key_json(contradiction.key), "scc": values, "sources": sources}),
    }
}
