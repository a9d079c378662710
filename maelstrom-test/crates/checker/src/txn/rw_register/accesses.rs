//! The external reads and writes of transactions.

use crate::entries::NONE;
use crate::json::Value;
use crate::txn::store::{Answers, MopKind, PerKey, Store, ValueTable};

/// The answers of reads: each is a version.
#[derive(Default)]
pub(in crate::txn) struct Registers;

impl Answers for Registers {
    const WRITE: &'static str = "w";
    const NULL_IS_INITIAL: bool = true;

    fn number(&mut self, key: u32, answer: &Value, values: &mut ValueTable) -> Option<u32> {
        let value = values.interner.id(answer);
        Some(values.version(key, value))
    }

    fn answer(&self, number: u32, values: &ValueTable) -> Value {
        values.value_json(number)
    }
}

/// What other transactions see of a transaction's use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) key: u32,
    pub(super) txn: u32,
    /// The version of its external read: its first operation on the key, if that is a read; else [`NONE`].
    pub(super) read: u32,
    /// The version of its external write: its last write of the key; [`NONE`] if it has none.
    pub(super) written: u32,
}

impl Access {
    /// The first version that the transaction knew.
    pub(super) fn first(&self) -> u32 {
        if self.read == NONE { self.written } else { self.read }
    }

    /// The last version that the transaction knew.
    pub(super) fn last(&self) -> u32 {
        if self.written == NONE { self.read } else { self.written }
    }
}

/// The accesses of the ok transactions, sorted by key, then in the order of transactions.
pub(super) fn accesses(store: &Store<Registers>) -> Vec<Access> {
    let mut accesses: Vec<Access> = Vec::new();
    let mut place_of = PerKey::new(store);
    for txn in store.ok_txns() {
        for mop in store.mops(txn).iter().filter(|mop| !store.is_ambiguous(mop.key)) {
            let place = place_of.get(mop.key, txn).unwrap_or(accesses.len() as u32);
            if place_of.set(mop.key, txn, place).is_none() {
                let read = if mop.kind == MopKind::Read { mop.arg } else { NONE };
                accesses.push(Access { key: mop.key, txn, read, written: NONE });
            }
            if mop.kind == MopKind::Write {
                accesses[place as usize].written = mop.arg;
            }
        }
    }
    accesses.sort_by_key(|access| access.key);
    accesses
}
