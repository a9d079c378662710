//! Random histories of a simulated database with a chosen isolation level, to test and measure checkers with.
//!
//! Clients run transactions concurrently; the database executes them step by step, and does exactly what its level
//! promises and no more. So a checker must find no fault with the promise, and, over many seeds, must find whatever
//! the level allows.
//!
//! ```
//! use maelstrom_checker::txn::simulated::{Database, Isolation};
//! use maelstrom_checker::txn::{ListAppend, Options};
//! use maelstrom_checker::{CheckContext, Checker, Valid};
//!
//! let database = Database { isolation: Isolation::SnapshotIsolation, seed: 3, ..Database::default() };
//! let checker = ListAppend::new(Options { promise: "snapshot-isolation".parse()?, ..Options::default() });
//! assert_eq!(checker.check(&database.history(), &CheckContext::default()).valid, Valid::True);
//! # Ok::<(), maelstrom_checker::txn::UnknownName>(())
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::json::{Value, json};
use rand::RngExt;
use rustc_hash::FxHashMap;

use crate::history::{History, Nanos, Op, OpType, Process};
use crate::random::{Rng, stream};

/// What the simulated database promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Transactions take effect at once, between their beginning and their end.
    StrictSerializable,
    /// The same, but transactions that only read may see an older state.
    Serializable,
    /// Transactions read from the state at their beginning, and the first of two that write the same key wins.
    SnapshotIsolation,
    /// Every read sees what was committed then; writes are locked until the end.
    ReadCommitted,
    /// Every read sees whatever is there; writes are locked until the end.
    ReadUncommitted,
    /// Nothing is locked and everything is visible.
    None,
}

impl Isolation {
    /// The consistency model that the level satisfies; none for [`Isolation::None`].
    pub fn model(self) -> Option<&'static str> {
        match self {
            Isolation::StrictSerializable => Some("strict-serializable"),
            Isolation::Serializable => Some("serializable"),
            Isolation::SnapshotIsolation => Some("strong-snapshot-isolation"),
            Isolation::ReadCommitted => Some("read-committed"),
            Isolation::ReadUncommitted => Some("read-uncommitted"),
            Isolation::None => None,
        }
    }
}

/// A database and its clients.
#[derive(Clone, Debug)]
pub struct Database {
    /// What it promises.
    pub isolation: Isolation,
    /// Whether its keys are registers rather than lists.
    pub registers: bool,
    /// How many transactions are begun.
    pub transactions: usize,
    /// How many clients there are.
    pub processes: u64,
    /// How many keys are in use at any time.
    pub keys: usize,
    /// After so many writes, a key makes way for a new one.
    pub writes_per_key: u64,
    /// Most operations in one transaction.
    pub longest: usize,
    /// How probable it is that a transaction aborts for no reason.
    pub p_abort: f64,
    /// How probable it is that a client does not learn how its transaction ended.
    pub p_info: f64,
    /// Under [`Isolation::Serializable`], how old the state may be that a transaction sees if it only reads.
    pub staleness: Nanos,
    /// Where randomness comes from.
    pub seed: u64,
}

impl Default for Database {
    fn default() -> Database {
        Database {
            isolation: Isolation::StrictSerializable,
            registers: false,
            transactions: 100,
            processes: 5,
            keys: 5,
            writes_per_key: 16,
            longest: 4,
            p_abort: 0.05,
            p_info: 0.02,
            staleness: 50_000_000,
            seed: 0,
        }
    }
}

impl Database {
    /// A whole history.
    pub fn history(&self) -> History {
        let mut ops = Vec::with_capacity(2 * self.transactions);
        self.run(|op| ops.push(op));
        History { ops }
    }

    /// Gives a history entry by entry.
    pub fn run(&self, sink: impl FnMut(Op)) {
        let clients = (0..self.processes).map(|process| Client { process, running: None }).collect();
        let mut run = Run {
            database: self,
            rng: stream(self.seed, "simulated database"),
            sink,
            txn_name: "txn".into(),
            index: 0,
            now: 0,
            begun: 0,
            active: (0..self.keys as u64).map(|key| (key, 0)).collect(),
            next_key: self.keys as u64,
            state: FxHashMap::default(),
        };
        run.run(clients);
    }
}

/// A value in the database. Committed once it has a time.
#[derive(Clone, Copy, Debug)]
struct Written {
    value: u64,
    txn: usize,
    committed: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Mop {
    Read(u64),
    Write(u64, u64),
}

struct Client {
    process: u64,
    running: Option<Running>,
}

struct Running {
    txn: usize,
    mops: Vec<Mop>,
    /// What the operations so far returned.
    answers: Vec<Value>,
    /// When its snapshot was taken.
    began: u64,
    /// Whether it committed, once that is decided.
    committed: Option<bool>,
}

impl Running {
    fn own(&self, key: u64) -> impl Iterator<Item = u64> + '_ {
        self.mops[..self.answers.len()].iter().filter_map(move |mop| match mop {
            Mop::Write(written, value) if *written == key => Some(*value),
            _ => None,
        })
    }

    fn writes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.mops.iter().filter_map(|mop| match mop {
            Mop::Write(key, value) => Some((*key, *value)),
            Mop::Read(_) => None,
        })
    }
}

struct Run<'a, F> {
    database: &'a Database,
    rng: Rng,
    sink: F,
    txn_name: Arc<str>,
    index: u64,
    now: u64,
    begun: usize,
    /// Keys in use, and how often each was written.
    active: Vec<(u64, u64)>,
    next_key: u64,
    state: FxHashMap<u64, Vec<Written>>,
}

impl<F: FnMut(Op)> Run<'_, F> {
    fn run(&mut self, mut clients: Vec<Client>) {
        let mut busy = 0;
        while self.begun < self.database.transactions || busy > 0 {
            self.now += self.rng.random_range(1_000..=1_000_000);
            let at = self.rng.random_range(0..clients.len());
            let client = &mut clients[at];
            match client.running.take() {
                None if self.begun < self.database.transactions => {
                    client.running = Some(self.begin(client.process));
                    busy += 1;
                }
                None => {}
                Some(running) if running.committed.is_some() => {
                    busy -= 1;
                    self.answer(client, running);
                }
                Some(running) => client.running = Some(self.step(running)),
            }
        }
    }

    fn begin(&mut self, process: u64) -> Running {
        let count = self.rng.random_range(1..=self.database.longest);
        let mops: Vec<Mop> = (0..count).map(|_| self.mop()).collect();
        let value = self.value(&mops, &[]);
        self.emit(OpType::Invoke, process, value);
        self.begun += 1;
        Running { txn: self.begun, mops, answers: Vec::new(), began: self.now, committed: None }
    }

    /// A read or write of a key; each key in use is drawn twice as often as the one before it.
    fn mop(&mut self) -> Mop {
        let draw: f64 = self.rng.random_range(1.0..2.0_f64.powi(self.active.len() as i32));
        let place = draw.log2() as usize;
        let (key, count) = self.active[place];
        if self.rng.random_bool(0.5) {
            return Mop::Read(key);
        }
        self.active[place].1 = count + 1;
        if count + 1 >= self.database.writes_per_key {
            self.active[place] = (self.next_key, 0);
            self.next_key += 1;
        }
        Mop::Write(key, count + 1)
    }

    /// Executes the next operation, or the whole transaction where the level makes it appear at once, or commits.
    fn step(&mut self, mut running: Running) -> Running {
        let isolation = self.database.isolation;
        if matches!(isolation, Isolation::StrictSerializable | Isolation::Serializable) {
            running.began = self.snapshot_for(&running);
            while running.answers.len() < running.mops.len() {
                self.execute(&mut running);
            }
        }
        if running.answers.len() < running.mops.len() {
            self.execute(&mut running);
        } else if self.rng.random_bool(self.database.p_abort) || self.lost_the_race(&running) {
            self.abort(&mut running);
        } else {
            self.commit(&mut running);
        }
        running
    }

    fn snapshot_for(&mut self, running: &Running) -> u64 {
        let is_stale = self.database.isolation == Isolation::Serializable && running.writes().next().is_none();
        if is_stale { self.now.saturating_sub(self.rng.random_range(0..=self.database.staleness)) } else { self.now }
    }

    fn execute(&mut self, running: &mut Running) {
        let locks = matches!(self.database.isolation, Isolation::ReadCommitted | Isolation::ReadUncommitted);
        let in_place = locks || self.database.isolation == Isolation::None;
        match running.mops[running.answers.len()] {
            Mop::Read(key) => {
                let answer = self.read(running, key);
                running.answers.push(answer);
            }
            Mop::Write(key, value) => {
                running.answers.push(Value::Null);
                let state = self.state.entry(key).or_default();
                let is_locked = state.last().is_some_and(|last| last.committed.is_none() && last.txn != running.txn);
                if locks && is_locked {
                    self.abort(running);
                } else if in_place {
                    state.push(Written { value, txn: running.txn, committed: None });
                }
            }
        }
    }

    /// What a transaction sees of a key.
    fn read(&self, running: &Running, key: u64) -> Value {
        let state = self.state.get(&key).map_or(&[] as &[Written], Vec::as_slice);
        let own = running.own(key);
        let is_seen = |written: &&Written| match self.database.isolation {
            Isolation::ReadUncommitted | Isolation::None => true,
            Isolation::ReadCommitted => written.committed.is_some(),
            _ => written.committed.is_some_and(|time| time <= running.began),
        };
        let seen = state.iter().filter(is_seen).map(|written| written.value);
        let sees_own = matches!(self.database.isolation, Isolation::ReadUncommitted | Isolation::None);
        let mut values = seen.chain(own.filter(|_| !sees_own));
        if self.database.registers {
            json!(values.last())
        } else {
            Value::Array(values.by_ref().map(Value::from).collect())
        }
    }

    /// Under snapshot isolation: whether somebody else wrote what this transaction wants to write.
    fn lost_the_race(&self, running: &Running) -> bool {
        let is_newer = |written: &Written| written.committed.is_some_and(|time| time > running.began);
        let lost = |(key, _)| self.state.get(&key).is_some_and(|state| state.iter().any(is_newer));
        self.database.isolation == Isolation::SnapshotIsolation && running.writes().any(lost)
    }

    fn abort(&mut self, running: &mut Running) {
        running.committed = Some(false);
        for (key, _) in running.writes() {
            if let Some(state) = self.state.get_mut(&key) {
                state.retain(|written| written.txn != running.txn);
            }
        }
    }

    fn commit(&mut self, running: &mut Running) {
        running.committed = Some(true);
        let keys: BTreeMap<u64, ()> = running.writes().map(|(key, _)| (key, ())).collect();
        for key in keys.into_keys() {
            let state = self.state.entry(key).or_default();
            if !state.iter().any(|written| written.txn == running.txn) {
                let own = running.writes().filter(|(written, _)| *written == key);
                state.extend(own.map(|(_, value)| Written { value, txn: running.txn, committed: None }));
            }
            let own = state.iter_mut().filter(|written| written.txn == running.txn);
            own.for_each(|written| written.committed = Some(self.now));
        }
    }

    fn answer(&mut self, client: &mut Client, running: Running) {
        let is_lost = self.rng.random_bool(self.database.p_info);
        let (kind, value) = match (is_lost, running.committed) {
            (true, _) => (OpType::Info, self.value(&running.mops, &[])),
            (false, Some(true)) => (OpType::Ok, self.value(&running.mops, &running.answers)),
            (false, _) => (OpType::Fail, self.value(&running.mops, &[])),
        };
        self.emit(kind, client.process, value);
        if is_lost {
            client.process += self.database.processes;
        }
    }

    fn value(&self, mops: &[Mop], answers: &[Value]) -> Value {
        let write = if self.database.registers { "w" } else { "append" };
        let mop = |(at, mop): (usize, &Mop)| match mop {
            Mop::Read(key) => json!(["r", key, answers.get(at)]),
            Mop::Write(key, value) => json!([write, key, value]),
        };
        Value::Array(mops.iter().enumerate().map(mop).collect())
    }

    fn emit(&mut self, kind: OpType, process: u64, value: Value) {
        (self.sink)(Op {
            index: self.index,
            time: self.now,
            kind,
            process: Process::Client(process),
            f: self.txn_name.clone(),
            value,
            error: None,
            is_final: false,
            extra: None,
        });
        self.index += 1;
    }
}
