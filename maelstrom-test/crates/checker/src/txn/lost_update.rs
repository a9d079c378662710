//! Lost updates: transactions that read the same state of a key and then write it, so that one write must have been
//! made without regard to the other.

use crate::json::json;

use crate::entries::NONE;
use crate::txn::anomaly::Anomaly;
use crate::txn::findings::{Example, Found};
use crate::txn::store::{Answers, MopKind, PerKey, Store};

/// Key, state and transaction of every ok transaction that first reads a key and later writes it.
fn updates<A: Answers>(store: &Store<A>) -> Vec<(u32, u32, u32)> {
    // What a transaction's first operation on a key read; `NONE` if that is no read, or was taken into account.
    let mut first = PerKey::new(store);
    let mut updates = Vec::new();
    for txn in store.oks() {
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

/// Reports the states that several transactions updated.
pub(super) fn find_lost_updates<A: Answers>(store: &Store<A>, found: &mut Found) {
    let updates = updates(store);
    for group in updates.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)).filter(|group| group.len() > 1) {
        found.add(Anomaly::LOST_UPDATE, || {
            let (key, state, _) = group[0];
            let txns: Vec<u32> = group.iter().map(|(.., txn)| *txn).collect();
            example(store, key, state, &txns)
        });
    }
}

fn example<A: Answers>(store: &Store<A>, key: u32, number: u32, txns: &[u32]) -> Example {
    const SHOWN: usize = 4;
    let (shown, state) = (store.key_text(key), store.answer_text(number));
    let evidence = txns.iter().take(SHOWN).enumerate().map(|(at, txn)| {
        let name = format!("T{}", at + 1);
        let note = format!("{name} read key {shown} as {state} and then wrote it");
        store.evidence(*txn, &name, note)
    });
    Example {
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
            "value": store.answers.answer(number, &store.names),
            "ops": txns.iter().map(|txn| store.label(*txn)).collect::<Vec<u64>>(),
        }),
    }
}
