//! Transactions in flat arrays, built while a history streams past.
//!
//! A transaction is a range of [`Mop`]s (micro-operations). Keys, values and versions are numbers. Nothing else of an entry
//! is kept, so a history can be checked that does not fit into memory.
//!
//! ```text
//!   txns   │ T0          │ T1     │ T2                │
//!             └─────┐      └────┐    └─────────┐
//!   mops   │ append x 1 │ r y … │ append y 2 │ r x … │ r y … │
//! ```

use std::collections::VecDeque;

use crate::json::Value;
use hashbrown::HashTable;
use rustc_hash::FxHashMap;

use crate::entries::{Entries, NONE};
use crate::history::{Mismatch, Op, OpType, Pairing};
use crate::intern::{Interner, hash};

/// The number of the value null.
pub(super) const NULL: u32 = 0;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TxnOutcome {
    /// It happened, and its reads are known.
    Ok,
    /// It may have happened.
    Info,
    /// It did not happen.
    Fail,
}

/// A transaction. Transactions are numbered in the order of their first entries.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct Txn {
    /// Position of the invocation in the history; [`NONE`] if there is none.
    pub(super) invocation: u32,
    /// Position of the completion; [`NONE`] if there is none.
    pub(super) completion: u32,
    /// How it ended.
    pub(super) outcome: TxnOutcome,
    first_mop: u32,
    mop_count: u32,
}

/// What a micro-operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MopKind {
    /// A read with a known answer, which is the number `arg` (see [`Answers`]).
    Read,
    /// A read with an unknown answer.
    Blind,
    /// A write: `arg` is a version.
    Write,
}

/// A micro-operation. Packed, because most of the memory is used by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed)]
pub(super) struct Mop {
    pub(super) key: u32,
    pub(super) arg: u32,
    pub(super) kind: MopKind,
}

/// The answers of reads, which the two workloads represent differently.
pub(super) trait Answers: Default {
    /// The name of the write function: `append` or `w`.
    const WRITE: &'static str;

    /// Whether null is the initial value of a key, and so must not be written.
    const NULL_IS_INITIAL: bool;

    /// The number of what a read returned. `None` if a read cannot return that.
    fn number(&mut self, key: u32, answer: &Value, values: &mut ValueTable) -> Option<u32>;

    /// The answer with a number.
    fn answer(&self, number: u32, values: &ValueTable) -> Value;

    /// Frees what is needed only to number further answers.
    fn close(&mut self) {}
}

/// A version of a key: a value that a read returned or that some transaction wrote.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct Version {
    pub(super) key: u32,
    pub(super) value: u32,
    /// The transaction that wrote it; [`NONE`] if there is none.
    pub(super) writer: u32,
    /// Whether its writer overwrote it in the same transaction.
    pub(super) intermediate: bool,
}

/// The keys, values and versions of a history.
#[derive(Default)]
pub(super) struct ValueTable {
    pub(super) interner: Interner,
    pub(super) versions: Vec<Version>,
    /// The numbers of versions, by the hash of key and value.
    numbers: HashTable<u32>,
}

impl ValueTable {
    /// The version of a key with a value.
    pub(super) fn version(&mut self, key: u32, value: u32) -> u32 {
        let versions = &self.versions;
        let pair = |id: &u32| (versions[*id as usize].key, versions[*id as usize].value);
        if let Some(id) = self.numbers.find(hash(&(key, value)), |id| pair(id) == (key, value)) {
            return *id;
        }
        let id = self.versions.len() as u32;
        self.numbers.insert_unique(hash(&(key, value)), id, |id| hash(&pair(id)));
        self.versions.push(Version { key, value, writer: NONE, intermediate: false });
        id
    }

    /// Frees what is needed only to number further versions.
    fn close(&mut self) {
        self.numbers = HashTable::new();
        self.interner.close();
    }

    pub(super) fn key_of(&self, version: u32) -> u32 {
        self.versions[version as usize].key
    }

    pub(super) fn value_json(&self, version: u32) -> Value {
        self.interner.value(self.versions[version as usize].value)
    }
}

/// Two transactions that wrote the same value to the same key; or one that wrote the initial value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RepeatedWrite {
    pub(super) version: u32,
    pub(super) first: u32,
    pub(super) second: u32,
}

/// All transactions of a history.
pub(super) struct Store<A> {
    pub(super) entries: Entries,
    pub(super) txns: Vec<Txn>,
    mops: Vec<Mop>,
    pub(super) values: ValueTable,
    pub(super) answers: A,
    /// By key, whether a value was written twice. Such a key proves nothing about the order of transactions.
    pub(super) ambiguous: Vec<bool>,
    pub(super) repeated: Vec<RepeatedWrite>,
    /// The first entry that is not a transaction of this workload, in words.
    pub(super) malformed: Option<String>,
    /// A completion whose function differs from that of its invocation.
    pub(super) mismatch: Option<Mismatch>,
    /// Whether some transaction may have made writes that are not in the history.
    pub(super) hides_writes: bool,
}

impl<A> Store<A> {
    pub(super) fn mops(&self, txn: u32) -> &[Mop] {
        let Txn { first_mop, mop_count, .. } = self.txns[txn as usize];
        &self.mops[first_mop as usize..(first_mop + mop_count) as usize]
    }

    pub(super) fn txn(&self, txn: u32) -> &Txn {
        &self.txns[txn as usize]
    }

    /// The position of the first entry of a transaction.
    pub(super) fn first_entry(&self, txn: u32) -> u32 {
        let Txn { invocation, completion, .. } = *self.txn(txn);
        if invocation == NONE { completion } else { invocation }
    }

    /// The position of the last entry of a transaction.
    pub(super) fn last_entry(&self, txn: u32) -> u32 {
        let Txn { invocation, completion, .. } = *self.txn(txn);
        if completion == NONE { invocation } else { completion }
    }

    /// The process that performed a transaction.
    pub(super) fn process(&self, txn: u32) -> u64 {
        self.entries.stamp(self.first_entry(txn)).process.client().expect("transactions are of clients")
    }

    /// The beginnings and ends of transactions in order: `2 × transaction`, plus one for an end. Only ok completions are
    /// ends.
    pub(super) fn events(&self) -> Vec<u32> {
        let mut events = vec![NONE; self.entries.len()];
        for (txn, record) in (0..).zip(&self.txns) {
            if record.invocation != NONE {
                events[record.invocation as usize] = txn * 2;
            }
            if record.outcome == TxnOutcome::Ok {
                events[record.completion as usize] = txn * 2 + 1;
            }
        }
        events.retain(|event| *event != NONE);
        events
    }

    pub(super) fn is_ok(&self, txn: u32) -> bool {
        self.txn(txn).outcome == TxnOutcome::Ok
    }

    /// The numbers of the ok transactions, in order.
    pub(super) fn ok_txns(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.txns.len() as u32).filter(|txn| self.is_ok(*txn))
    }

    pub(super) fn is_ambiguous(&self, key: u32) -> bool {
        self.ambiguous[key as usize]
    }

    /// The writer of a version, if it has one.
    pub(super) fn writer(&self, version: u32) -> Option<u32> {
        Some(self.values.versions[version as usize].writer).filter(|writer| *writer != NONE)
    }

    /// The writer of a version, if that transaction failed.
    pub(super) fn failed_writer(&self, version: u32) -> Option<u32> {
        self.writer(version).filter(|writer| self.txn(*writer).outcome == TxnOutcome::Fail)
    }
}

/// A transaction that has not been completed yet.
struct PendingTxn {
    txn: u32,
    mops: Vec<Mop>,
}

/// Builds a [`Store`] from the entries of a history.
pub(super) struct StoreBuilder<A> {
    store: Store<A>,
    open: Pairing<PendingTxn>,
    /// By process, the transactions that were not completed when it began another one. Histories of Maelstrom have none of
    /// these. In histories of other tools, a process may be a client with several concurrent transactions.
    abandoned: FxHashMap<u64, VecDeque<PendingTxn>>,
    scratch: Vec<Mop>,
}

/// The number of abandoned transactions of a process among which a completion is matched with its own.
const ABANDONED: usize = 64;

impl<A: Answers> Default for StoreBuilder<A> {
    fn default() -> StoreBuilder<A> {
        let mut values = ValueTable::default();
        let null = values.interner.id(&Value::Null);
        debug_assert_eq!(null, NULL);
        let store = Store {
            entries: Entries::default(),
            txns: Vec::new(),
            mops: Vec::new(),
            values,
            answers: A::default(),
            ambiguous: Vec::new(),
            repeated: Vec::new(),
            malformed: None,
            mismatch: None,
            hides_writes: false,
        };
        StoreBuilder { store, open: Pairing::new(), abandoned: FxHashMap::default(), scratch: Vec::new() }
    }
}

impl<A: Answers> StoreBuilder<A> {
    /// Adds the next entry. Entries of the nemesis only count as positions.
    pub(super) fn push(&mut self, op: &Op) {
        let position = self.store.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke { self.begin(op, process, position) } else { self.end(op, process, position) }
    }

    fn begin(&mut self, op: &Op, process: u64, position: u32) {
        let txn = self.new_txn();
        self.store.txns[txn as usize].invocation = position;
        let mut mops = Vec::new();
        self.parse(op, &mut mops);
        if let Some(unfinished) = self.open.begin(process, op, PendingTxn { txn, mops }) {
            self.abandon(process, unfinished);
        }
    }

    fn abandon(&mut self, process: u64, unfinished: PendingTxn) {
        let abandoned = self.abandoned.entry(process).or_default();
        abandoned.push_back(unfinished);
        let oldest = if abandoned.len() > ABANDONED { abandoned.pop_front() } else { None };
        oldest.into_iter().for_each(|oldest| self.record_unfinished(oldest));
    }

    /// The transaction that a completion belongs to: the latest one of the process, unless only an earlier one requested
    /// these operations.
    fn completed(&mut self, process: u64, latest: Option<PendingTxn>, mops: &[Mop]) -> Option<PendingTxn> {
        let has_requested = |open: &PendingTxn| same_request(&open.mops, mops);
        let abandoned = self.abandoned.get_mut(&process).filter(|_| !latest.as_ref().is_some_and(has_requested));
        let Some(found) = abandoned.and_then(|list| list.remove(list.iter().position(has_requested)?)) else {
            return latest;
        };
        latest.into_iter().for_each(|latest| self.abandon(process, latest));
        Some(found)
    }

    fn end(&mut self, op: &Op, process: u64, position: u32) {
        let mut mops = std::mem::take(&mut self.scratch);
        mops.clear();
        let (open, op) = self.open.end(process, op);
        let parsed = self.parse(&op, &mut mops);
        let (txn, requested) = match self.completed(process, open, &mops) {
            Some(open) => (open.txn, Some(open.mops)),
            None => (self.new_txn(), None),
        };
        self.store.hides_writes |= !parsed && requested.is_none() && op.kind != OpType::Fail;
        let outcome = match op.kind {
            OpType::Ok if parsed && mops.iter().all(|mop| mop.kind != MopKind::Blind) => TxnOutcome::Ok,
            OpType::Fail => TxnOutcome::Fail,
            _ => TxnOutcome::Info,
        };
        let answered = match &requested {
            Some(requested) if outcome != TxnOutcome::Ok && !same_request(requested, &mops) => requested,
            _ => &mops,
        };
        let record = &mut self.store.txns[txn as usize];
        (record.completion, record.outcome) = (position, outcome);
        (record.first_mop, record.mop_count) = (self.store.mops.len() as u32, answered.len() as u32);
        self.store.mops.extend_from_slice(answered);
        self.scratch = mops;
    }

    fn new_txn(&mut self) -> u32 {
        let outcome = TxnOutcome::Info;
        self.store.txns.push(Txn { invocation: NONE, completion: NONE, outcome, first_mop: 0, mop_count: 0 });
        self.store.txns.len() as u32 - 1
    }

    /// Records a transaction that was never completed. It may have happened.
    fn record_unfinished(&mut self, PendingTxn { txn, mops }: PendingTxn) {
        let record = &mut self.store.txns[txn as usize];
        (record.first_mop, record.mop_count) = (self.store.mops.len() as u32, mops.len() as u32);
        self.store.mops.extend(mops);
    }

    /// Parses the value of an entry. False if it is not a transaction. That is recorded, except for a missing value, which
    /// is common in completions of failed operations.
    fn parse(&mut self, op: &Op, mops: &mut Vec<Mop>) -> bool {
        let Some(array) = op.value.as_array() else {
            if !op.value.is_null() {
                self.note_malformed(op, &format!("{} is no list of operations", op.value));
            }
            return false;
        };
        for mop in array {
            match self.parse_mop(mop, op.kind) {
                Ok(mop) => mops.push(mop),
                Err(problem) => {
                    self.note_malformed(op, &problem);
                    return false;
                }
            }
        }
        true
    }

    fn parse_mop(&mut self, mop: &Value, entry: OpType) -> Result<Mop, String> {
        let parts = mop.as_array().map_or(&[] as &[Value], Vec::as_slice);
        let (Some(Value::String(f)), Some(key)) = (parts.first(), parts.get(1)) else {
            return Err(format!("{mop} is not of the form [function, key, value]"));
        };
        let Store { values, answers, .. } = &mut self.store;
        let key = values.interner.id(key);
        match (f.as_str(), parts.get(2)) {
            ("r", Some(answer)) if entry == OpType::Ok || (entry == OpType::Info && !answer.is_null()) => {
                let arg =
                    answers.number(key, answer, values).ok_or_else(|| format!("{mop}: a read cannot return that"))?;
                Ok(Mop { key, arg, kind: MopKind::Read })
            }
            ("r", _) => Ok(Mop { key, arg: NONE, kind: MopKind::Blind }),
            (write, Some(value)) if write == A::WRITE => {
                let value = values.interner.id(value);
                Ok(Mop { key, arg: values.version(key, value), kind: MopKind::Write })
            }
            _ => Err(format!("{mop} is neither [\"r\", key, value] nor [\"{}\", key, value]", A::WRITE)),
        }
    }

    fn note_malformed(&mut self, op: &Op, problem: &str) {
        self.store.hides_writes = true;
        self.store.malformed.get_or_insert_with(|| format!("entry {}: {problem}", op.index));
    }

    /// Ends the history: transactions that are still pending may have happened, and every version gets its writer.
    pub(super) fn finish(mut self) -> Store<A> {
        let mut unfinished: Vec<PendingTxn> = std::mem::take(&mut self.abandoned).into_values().flatten().collect();
        unfinished.extend(self.open.take_unfinished());
        unfinished.sort_unstable_by_key(|open| open.txn);
        unfinished.into_iter().for_each(|open| self.record_unfinished(open));
        let mut store = self.store;
        store.mismatch = self.open.mismatch().cloned();
        store.values.close();
        store.answers.close();
        store.ambiguous = vec![false; store.values.interner.len()];
        let mut written = PerKey::new(&store);
        for txn in 0..store.txns.len() as u32 {
            store.register_writes(txn, &mut written);
        }
        store
    }
}

impl<A: Answers> Store<A> {
    fn register_writes(&mut self, txn: u32, written: &mut PerKey) {
        let Txn { first_mop, mop_count, .. } = self.txns[txn as usize];
        for at in (first_mop as usize..(first_mop + mop_count) as usize).rev() {
            let Mop { key, arg, kind: MopKind::Write } = self.mops[at] else { continue };
            let overwritten = written.set(key, txn, 0).is_some();
            let version = &mut self.values.versions[arg as usize];
            let is_first = version.writer == NONE;
            if is_first {
                version.writer = txn;
                version.intermediate = overwritten;
            }
            if !is_first || (A::NULL_IS_INITIAL && version.value == NULL) {
                self.ambiguous[key as usize] = true;
                self.repeated.push(RepeatedWrite { version: arg, first: version.writer, second: txn });
            }
        }
    }
}

/// A number for each key of the current transaction, without a table for each transaction.
pub(super) struct PerKey {
    /// By key, the transaction that used it last, and its number.
    entries: Vec<(u32, u32)>,
}

impl PerKey {
    pub(super) fn new<A>(store: &Store<A>) -> PerKey {
        PerKey { entries: vec![(NONE, 0); store.values.interner.len()] }
    }

    /// The number of a key in a transaction.
    pub(super) fn get(&self, key: u32, txn: u32) -> Option<u32> {
        Some(self.entries[key as usize]).filter(|(user, _)| *user == txn).map(|(_, number)| number)
    }

    /// Sets the number of a key in a transaction, and returns the number before. Transactions must come one after another.
    pub(super) fn set(&mut self, key: u32, txn: u32, number: u32) -> Option<u32> {
        let before = self.get(key, txn);
        self.entries[key as usize] = (txn, number);
        before
    }
}

/// Whether two lists of micro-operations request the same, whatever the answers are.
fn same_request(one: &[Mop], other: &[Mop]) -> bool {
    let same = |(a, b): (&Mop, &Mop)| {
        let writes = (a.kind == MopKind::Write, b.kind == MopKind::Write);
        a.key == b.key && writes.0 == writes.1 && (!writes.0 || a.arg == b.arg)
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}
