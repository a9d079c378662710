//! Transactions in flat arrays, built while a history streams past.
//!
//! A transaction is a range of [`Mop`]s (micro-operations); keys, values and versions are numbers. Of an entry nothing
//! else is kept, so a history can be checked that would not fit into memory.

use std::collections::VecDeque;

use crate::json::Value;
use hashbrown::HashTable;
use rustc_hash::FxHashMap;

use crate::entries::{Entries, NONE};
use crate::history::{Mismatch, Op, OpType, Pairing};
use crate::intern::{Interner, hash};
use crate::txn::explain::values::text;

/// The number of the value null.
pub(super) const NULL: u32 = 0;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It happened, and its reads are known.
    Ok,
    /// It may have happened.
    Info,
    /// It did not happen.
    Fail,
}

/// A transaction. Its number is its place in the order of first entries.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct Txn {
    /// Position of the invocation in the history; [`NONE`] if there is none.
    pub(super) invocation: u32,
    /// Position of the completion; [`NONE`] if there is none.
    pub(super) completion: u32,
    /// How it ended.
    pub(super) outcome: Outcome,
    first_mop: u32,
    mop_count: u32,
}

/// What a micro-operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MopKind {
    /// A read with a known answer: `arg` is a number that the workload gave to it.
    Read,
    /// A read whose answer is unknown.
    Blind,
    /// A write: `arg` is a version.
    Write,
}

/// A micro-operation. There are more of these than of anything else, so they are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed)]
pub(super) struct Mop {
    pub(super) key: u32,
    pub(super) arg: u32,
    pub(super) kind: MopKind,
}

/// What the two workloads do differently with the answers of reads.
pub(super) trait Answers: Default {
    /// The function that writes: `append` or `w`.
    const WRITE: &'static str;

    /// Whether null is what a key holds before it is written, and so must not be written.
    const NULL_IS_INITIAL: bool;

    /// Gives a number to what a read returned; `None` if such an answer makes no sense.
    fn number(&mut self, key: u32, answer: &Value, names: &mut Names) -> Option<u32>;

    /// The answer that has this number.
    fn answer(&self, number: u32, names: &Names) -> Value;

    /// No others will come: frees what is needed to number them.
    fn close(&mut self) {}
}

/// A version of a key: a value that a read returned or that some transaction wrote.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct Version {
    pub(super) key: u32,
    pub(super) value: u32,
    /// The transaction that wrote it; [`NONE`] if nobody did.
    pub(super) writer: u32,
    /// Whether its writer overwrote it itself.
    pub(super) intermediate: bool,
}

/// Values and versions.
#[derive(Default)]
pub(super) struct Names {
    pub(super) interner: Interner,
    pub(super) versions: Vec<Version>,
    /// Numbers of versions by the hash of key and value.
    numbers: HashTable<u32>,
}

impl Names {
    /// The version of the key that holds the value.
    pub(super) fn version(&mut self, key: u32, value: u32) -> u32 {
        let versions = &self.versions;
        let named = |id: &u32| (versions[*id as usize].key, versions[*id as usize].value);
        if let Some(id) = self.numbers.find(hash(&(key, value)), |id| named(id) == (key, value)) {
            return *id;
        }
        let id = self.versions.len() as u32;
        self.numbers.insert_unique(hash(&(key, value)), id, |id| hash(&named(id)));
        self.versions.push(Version { key, value, writer: NONE, intermediate: false });
        id
    }

    /// No others will come: frees what is needed to find them.
    fn close(&mut self) {
        self.numbers = HashTable::new();
        self.interner.close();
    }

    pub(super) fn key_of(&self, version: u32) -> u32 {
        self.versions[version as usize].key
    }

    pub(super) fn value_text(&self, version: u32) -> String {
        text(&self.value_json(version))
    }

    pub(super) fn value_json(&self, version: u32) -> Value {
        self.interner.value(self.versions[version as usize].value)
    }
}

/// Two transactions that wrote the same value to the same key; or one, and the value is the initial one.
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
    pub(super) names: Names,
    pub(super) answers: A,
    /// Which keys had a value written twice: they prove nothing about the order of transactions.
    pub(super) ambiguous: Vec<bool>,
    pub(super) repeated: Vec<RepeatedWrite>,
    /// The first entry that is no transaction of this workload, in words.
    pub(super) malformed: Option<String>,
    /// A completion that names another function than its invocation.
    pub(super) mismatch: Option<Mismatch>,
    /// Whether some transaction may have written what the history does not say.
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

    /// The position of its first entry.
    pub(super) fn first_entry(&self, txn: u32) -> u32 {
        let Txn { invocation, completion, .. } = *self.txn(txn);
        if invocation == NONE { completion } else { invocation }
    }

    /// The position of its last entry.
    pub(super) fn last_entry(&self, txn: u32) -> u32 {
        let Txn { invocation, completion, .. } = *self.txn(txn);
        if completion == NONE { invocation } else { completion }
    }

    /// Who performed it.
    pub(super) fn process(&self, txn: u32) -> u64 {
        self.entries.stamp(self.first_entry(txn)).process.client().expect("transactions are of clients")
    }

    /// The transactions' beginnings and ends in order: `2 × transaction`, plus one at an end. Only completions that
    /// prove something (ok) are ends.
    pub(super) fn events(&self) -> Vec<u32> {
        let mut events = vec![NONE; self.entries.len()];
        for (txn, record) in (0..).zip(&self.txns) {
            if record.invocation != NONE {
                events[record.invocation as usize] = txn * 2;
            }
            if record.outcome == Outcome::Ok {
                events[record.completion as usize] = txn * 2 + 1;
            }
        }
        events.retain(|event| *event != NONE);
        events
    }

    pub(super) fn is_ok(&self, txn: u32) -> bool {
        self.txn(txn).outcome == Outcome::Ok
    }

    /// The numbers of the ok transactions, in order.
    pub(super) fn oks(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.txns.len() as u32).filter(|txn| self.is_ok(*txn))
    }

    pub(super) fn is_ambiguous(&self, key: u32) -> bool {
        self.ambiguous[key as usize]
    }

    /// The writer of a version, if somebody wrote it.
    pub(super) fn writer(&self, version: u32) -> Option<u32> {
        Some(self.names.versions[version as usize].writer).filter(|writer| *writer != NONE)
    }

    /// The writer of a version, if that transaction failed.
    pub(super) fn failed_writer(&self, version: u32) -> Option<u32> {
        self.writer(version).filter(|writer| self.txn(*writer).outcome == Outcome::Fail)
    }
}

/// A transaction that has begun and not ended.
struct Open {
    txn: u32,
    mops: Vec<Mop>,
}

/// Builds a [`Store`] from the entries of a history.
pub(super) struct Builder<A> {
    store: Store<A>,
    open: Pairing<Open>,
    /// By process, transactions that it had not completed when it began another one. No history of ours has any. Others
    /// number the client a process, which may have several transactions under way.
    abandoned: FxHashMap<u64, VecDeque<Open>>,
    scratch: Vec<Mop>,
}

/// Among so many abandoned transactions of a process a completion finds its own.
const ABANDONED: usize = 64;

impl<A: Answers> Default for Builder<A> {
    fn default() -> Builder<A> {
        let mut names = Names::default();
        let null = names.interner.id(&Value::Null);
        debug_assert_eq!(null, NULL);
        let store = Store {
            entries: Entries::default(),
            txns: Vec::new(),
            mops: Vec::new(),
            names,
            answers: A::default(),
            ambiguous: Vec::new(),
            repeated: Vec::new(),
            malformed: None,
            mismatch: None,
            hides_writes: false,
        };
        Builder { store, open: Pairing::new(), abandoned: FxHashMap::default(), scratch: Vec::new() }
    }
}

impl<A: Answers> Builder<A> {
    /// Takes the next entry. Those of the nemesis count as positions only.
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
        if let Some(unfinished) = self.open.begin(process, op, Open { txn, mops }) {
            self.abandon(process, unfinished);
        }
    }

    fn abandon(&mut self, process: u64, unfinished: Open) {
        let abandoned = self.abandoned.entry(process).or_default();
        abandoned.push_back(unfinished);
        let oldest = if abandoned.len() > ABANDONED { abandoned.pop_front() } else { None };
        oldest.into_iter().for_each(|oldest| self.leave(oldest));
    }

    /// The transaction that a completion belongs to: the process's latest, unless only an earlier one asked for this.
    fn completed(&mut self, process: u64, latest: Option<Open>, mops: &[Mop]) -> Option<Open> {
        let is_asked = |open: &Open| same_request(&open.mops, mops);
        let abandoned = self.abandoned.get_mut(&process).filter(|_| !latest.as_ref().is_some_and(is_asked));
        let Some(found) = abandoned.and_then(|list| list.remove(list.iter().position(is_asked)?)) else {
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
        let (txn, asked) = match self.completed(process, open, &mops) {
            Some(open) => (open.txn, Some(open.mops)),
            None => (self.new_txn(), None),
        };
        self.store.hides_writes |= !parsed && asked.is_none() && op.kind != OpType::Fail;
        let outcome = match op.kind {
            OpType::Ok if parsed && mops.iter().all(|mop| mop.kind != MopKind::Blind) => Outcome::Ok,
            OpType::Fail => Outcome::Fail,
            _ => Outcome::Info,
        };
        let answered = match &asked {
            Some(asked) if outcome != Outcome::Ok && !same_request(asked, &mops) => asked,
            _ => &mops,
        };
        let record = &mut self.store.txns[txn as usize];
        (record.completion, record.outcome) = (position, outcome);
        (record.first_mop, record.mop_count) = (self.store.mops.len() as u32, answered.len() as u32);
        self.store.mops.extend_from_slice(answered);
        self.scratch = mops;
    }

    fn new_txn(&mut self) -> u32 {
        let outcome = Outcome::Info;
        self.store.txns.push(Txn { invocation: NONE, completion: NONE, outcome, first_mop: 0, mop_count: 0 });
        self.store.txns.len() as u32 - 1
    }

    /// A transaction that never ended: it may have happened.
    fn leave(&mut self, Open { txn, mops }: Open) {
        let record = &mut self.store.txns[txn as usize];
        (record.first_mop, record.mop_count) = (self.store.mops.len() as u32, mops.len() as u32);
        self.store.mops.extend(mops);
    }

    /// Translates an entry's value. False if it holds no transaction; what it holds instead is remembered, unless it
    /// holds nothing (completions of failed operations often do not).
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
        let Store { names, answers, .. } = &mut self.store;
        let key = names.interner.id(key);
        match (f.as_str(), parts.get(2)) {
            ("r", Some(answer)) if entry == OpType::Ok || (entry == OpType::Info && !answer.is_null()) => {
                let arg =
                    answers.number(key, answer, names).ok_or_else(|| format!("{mop}: a read cannot return that"))?;
                Ok(Mop { key, arg, kind: MopKind::Read })
            }
            ("r", _) => Ok(Mop { key, arg: NONE, kind: MopKind::Blind }),
            (write, Some(value)) if write == A::WRITE => {
                let value = names.interner.id(value);
                Ok(Mop { key, arg: names.version(key, value), kind: MopKind::Write })
            }
            _ => Err(format!("{mop} is neither [\"r\", key, value] nor [\"{}\", key, value]", A::WRITE)),
        }
    }

    fn note_malformed(&mut self, op: &Op, problem: &str) {
        self.store.hides_writes = true;
        self.store.malformed.get_or_insert_with(|| format!("entry {}: {problem}", op.index));
    }

    /// All entries were taken: what is still open may have happened, and every version gets its writer.
    pub(super) fn finish(mut self) -> Store<A> {
        let mut unfinished: Vec<Open> = std::mem::take(&mut self.abandoned).into_values().flatten().collect();
        unfinished.extend(self.open.take_unfinished());
        unfinished.sort_unstable_by_key(|open| open.txn);
        unfinished.into_iter().for_each(|open| self.leave(open));
        let mut store = self.store;
        store.mismatch = self.open.mismatch().cloned();
        store.names.close();
        store.answers.close();
        store.ambiguous = vec![false; store.names.interner.len()];
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
            let version = &mut self.names.versions[arg as usize];
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

/// A number for each key that a transaction uses, without a table per transaction.
pub(super) struct PerKey {
    /// By key: the transaction that used it last, and the number.
    entries: Vec<(u32, u32)>,
}

impl PerKey {
    pub(super) fn new<A>(store: &Store<A>) -> PerKey {
        PerKey { entries: vec![(NONE, 0); store.names.interner.len()] }
    }

    /// The transaction's number for the key.
    pub(super) fn get(&self, key: u32, txn: u32) -> Option<u32> {
        Some(self.entries[key as usize]).filter(|(user, _)| *user == txn).map(|(_, number)| number)
    }

    /// Sets the transaction's number for the key, and gives the one that it had. Transactions come one after another.
    pub(super) fn set(&mut self, key: u32, txn: u32, number: u32) -> Option<u32> {
        let before = self.get(key, txn);
        self.entries[key as usize] = (txn, number);
        before
    }
}

/// Whether two lists of micro-operations ask for the same, whatever the answers.
fn same_request(one: &[Mop], other: &[Mop]) -> bool {
    let same = |(a, b): (&Mop, &Mop)| {
        let writes = (a.kind == MopKind::Write, b.kind == MopKind::Write);
        a.key == b.key && writes.0 == writes.1 && (!writes.0 || a.arg == b.arg)
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}
