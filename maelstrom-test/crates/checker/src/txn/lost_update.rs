//! Lost updates: transactions that read the same version of a key and then write the key. In a serial execution, the second
//! one would have read what the first one wrote.

use crate::json::json;

use crate::entries::NONE;
use crate::txn::anomaly::Anomaly;
use crate::txn::findings::{AnomalyExample, FoundAnomalies};
use crate::txn::store::{Answers, MopKind, PerKey, Store};

/// Every ok transaction that first reads a key and later writes it: key, what it read, transaction.
fn updates<A: Answers>(store: &Store<A>) -> Vec<(u32, u32, u32)> {
    // What the first operation of a transaction on a key read. `NONE` if it is not a read, or was counted already.
    let mut first = PerKey::new(store);
    let mut updates = Vec::new();
    for txn in store.ok_txns() {
        for mop in store.mops(txn).iter().filter(|mop| !store.is_ambiguous(mop.key)) {
            match (mop.kind, first.get(mop.key, txn)) {
                (MopKind::Write, Some(state)) if state != NONE => {
                    updates.push((mop.key, state, txn));
                    first.set(mop.key, txn, NONE);
                }
                (MopKind::Read, None) => _ = first.set(mop.key, txn, mop.arg),
                (_, None) => _ = first.set(mop.key, txn, NONE),
                _ => {}
            }
        }
    }
    updates.sort_unstable();
    updates
}

/// Finds versions that several transactions updated.
pub(super) fn find_lost_updates<A: Answers>(store: &Store<A>, found: &mut FoundAnomalies) {
    let updates = updates(store);
    for group in updates.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)).filter(|group| group.len() > 1) {
        found.add(Anomaly::LOST_UPDATE, || {
            let (key, state, _) = group[0];
            let txns: Vec<u32> = group.iter().map(|(.., txn)| *txn).collect();
            example(store, key, state, &txns)
        });
    }
}

fn example<A: Answers>(store: &Store<A>, key: u32, number: u32, txns: &[u32]) -> AnomalyExample {
    const SHOWN: usize = 4;
    let (shown, state) = (store.key_text(key), store.answer_text(number));
    let evidence = txns.iter().take(SHOWN).enumerate().map(|(at, txn)| {
        let name = format!("T{}", at + 1);
        let note = format!("{name} read key {shown} as {state} and then wrote it");
        store.evidence(*txn, &name, note)
    });
    AnomalyExample {
        story: format!(
            "{} transactions read key {shown} as {state} and then wrote it: all but one of these writes were made \
             without regard to another.",
            txns.len()
        ),
        shape: "T1 and T2 read the same state of a key and then wrote it".into(),
        evidence: evidence.collect(),
        picture: None,
        json: json!({
            "key": store.key_json(key),
            "value": store.answers.answer(number, &store.values),
            "ops": txns.iter().map(|txn| store.history_index(*txn)).collect::<Vec<u64>>(),
        }),
    }
}
