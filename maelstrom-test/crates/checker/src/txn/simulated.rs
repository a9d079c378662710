//! Random histories of a simulated database with a chosen isolation level, to test and measure checkers.
//!
//! Clients run transactions concurrently. The database executes them step by step, and provides exactly its isolation
//! level. So a checker must not find an anomaly that the level proscribes. Over many seeds, it must find every anomaly that
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

/// The isolation level of the simulated database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A transaction takes effect at one instant between its beginning and its end.
    StrictSerializable,
    /// As strict serializable, except that read-only transactions may see an older state.
    Serializable,
    /// A transaction reads the state at its beginning. Of two concurrent transactions that write the same key, the first
    /// one to commit wins.
    SnapshotIsolation,
    /// A read sees what is committed at that time. Written keys are locked until the end of the transaction.
    ReadCommitted,
    /// A read sees uncommitted writes as well. Written keys are locked until the end of the transaction.
    ReadUncommitted,
    /// A read sees uncommitted writes as well, and nothing is locked.
    None,
}

impl Isolation {
    /// The consistency model that the level satisfies. [`Isolation::None`] satisfies none.
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
    /// The isolation level.
    pub isolation: Isolation,
    /// Whether its keys are registers rather than lists.
    pub registers: bool,
    /// The number of transactions.
    pub transactions: usize,
    /// The number of clients.
    pub processes: u64,
    /// The number of keys in use at any time.
    pub keys: usize,
    /// The number of writes after which a new key replaces a key.
    pub writes_per_key: u64,
    /// The largest number of operations in a transaction.
    pub longest: usize,
    /// The probability that a transaction aborts without a reason.
    pub p_abort: f64,
    /// The probability that a client does not learn the outcome of its transaction.
    pub p_info: f64,
    /// Under [`Isolation::Serializable`], the largest age of the state that a read-only transaction sees.
    pub staleness: Nanos,
    /// The seed of all random choices.
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
    /// The whole history.
    pub fn history(&self) -> History {
        let mut ops = Vec::with_capacity(2 * self.transactions);
        self.run(|op| ops.push(op));
        History { ops }
    }

    /// Passes the history to `sink`, entry by entry.
    pub fn run(&self, sink: impl FnMut(Op)) {
        let clients = (0..self.processes).map(|process| SimulatedClient { process, running: None }).collect();
        let mut run = Execution {
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

/// A write in the database.
#[derive(Clone, Copy, Debug)]
struct Written {
    value: u64,
    txn: usize,
    /// When it was committed.
    committed: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum MicroOp {
    Read(u64),
    Write(u64, u64),
}

struct SimulatedClient {
    process: u64,
    running: Option<RunningTxn>,
}

struct RunningTxn {
    txn: usize,
    mops: Vec<MicroOp>,
    /// The answers of the operations that were executed.
    answers: Vec<Value>,
    /// The time of its snapshot.
    began: u64,
    /// Whether it committed. `None` until that is decided.
    committed: Option<bool>,
}

impl RunningTxn {
    fn own_writes(&self, key: u64) -> impl Iterator<Item = u64> + '_ {
        self.mops[..self.answers.len()].iter().filter_map(move |mop| match mop {
            MicroOp::Write(written, value) if *written == key => Some(*value),
            _ => None,
        })
    }

    fn writes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.mops.iter().filter_map(|mop| match mop {
            MicroOp::Write(key, value) => Some((*key, *value)),
            MicroOp::Read(_) => None,
        })
    }
}

struct Execution<'a, F> {
    database: &'a Database,
    rng: Rng,
    sink: F,
    txn_name: Arc<str>,
    index: u64,
    now: u64,
    begun: usize,
    /// The keys in use, and the number of writes to each.
    active: Vec<(u64, u64)>,
    next_key: u64,
    state: FxHashMap<u64, Vec<Written>>,
}

impl<F: FnMut(Op)> Execution<'_, F> {
    fn run(&mut self, mut clients: Vec<SimulatedClient>) {
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

    fn begin(&mut self, process: u64) -> RunningTxn {
        let count = self.rng.random_range(1..=self.database.longest);
        let mops: Vec<MicroOp> = (0..count).map(|_| self.mop()).collect();
        let value = self.value(&mops, &[]);
        self.emit(OpType::Invoke, process, value);
        self.begun += 1;
        RunningTxn { txn: self.begun, mops, answers: Vec::new(), began: self.now, committed: None }
    }

    /// A random read or write. Each key in use is random_ops twice as often as the one before it.
    fn mop(&mut self) -> MicroOp {
        let draw: f64 = self.rng.random_range(1.0..2.0_f64.powi(self.active.len() as i32));
        let place = draw.log2() as usize;
        let (key, count) = self.active[place];
        if self.rng.random_bool(0.5) {
            return MicroOp::Read(key);
        }
        self.active[place].1 = count + 1;
        if count + 1 >= self.database.writes_per_key {
            self.active[place] = (self.next_key, 0);
            self.next_key += 1;
        }
        MicroOp::Write(key, count + 1)
    }

    /// Executes the next operation (all of them, if the level requires atomic transactions), or ends the transaction.
    fn step(&mut self, mut running: RunningTxn) -> RunningTxn {
        let isolation = self.database.isolation;
        if matches!(isolation, Isolation::StrictSerializable | Isolation::Serializable) {
            running.began = self.snapshot_for(&running);
            while running.answers.len() < running.mops.len() {
                self.execute(&mut running);
            }
        }
        if running.answers.len() < running.mops.len() {
            self.execute(&mut running);
        } else if self.rng.random_bool(self.database.p_abort) || self.has_write_conflict(&running) {
            self.abort(&mut running);
        } else {
            self.commit(&mut running);
        }
        running
    }

    fn snapshot_for(&mut self, running: &RunningTxn) -> u64 {
        let is_stale = self.database.isolation == Isolation::Serializable && running.writes().next().is_none();
        if is_stale { self.now.saturating_sub(self.rng.random_range(0..=self.database.staleness)) } else { self.now }
    }

    fn execute(&mut self, running: &mut RunningTxn) {
        let locks = matches!(self.database.isolation, Isolation::ReadCommitted | Isolation::ReadUncommitted);
        let in_place = locks || self.database.isolation == Isolation::None;
        match running.mops[running.answers.len()] {
            MicroOp::Read(key) => {
                let answer = self.read(running, key);
                running.answers.push(answer);
            }
            MicroOp::Write(key, value) => {
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

    /// The answer of a read.
    fn read(&self, running: &RunningTxn, key: u64) -> Value {
        let state = self.state.get(&key).map_or(&[] as &[Written], Vec::as_slice);
        let own_writes = running.own_writes(key);
        let is_seen = |written: &&Written| match self.database.isolation {
            Isolation::ReadUncommitted | Isolation::None => true,
            Isolation::ReadCommitted => written.committed.is_some(),
            _ => written.committed.is_some_and(|time| time <= running.began),
        };
        let seen = state.iter().filter(is_seen).map(|written| written.value);
        let sees_own = matches!(self.database.isolation, Isolation::ReadUncommitted | Isolation::None);
        let mut values = seen.chain(own_writes.filter(|_| !sees_own));
        if self.database.registers {
            json!(values.last())
        } else {
            Value::Array(values.by_ref().map(Value::from).collect())
        }
    }

    /// Whether, under snapshot isolation, another transaction has written a key that this one writes.
    fn has_write_conflict(&self, running: &RunningTxn) -> bool {
        let is_newer = |written: &Written| written.committed.is_some_and(|time| time > running.began);
        let lost = |(key, _)| self.state.get(&key).is_some_and(|state| state.iter().any(is_newer));
        self.database.isolation == Isolation::SnapshotIsolation && running.writes().any(lost)
    }

    fn abort(&mut self, running: &mut RunningTxn) {
        running.committed = Some(false);
        for (key, _) in running.writes() {
            if let Some(state) = self.state.get_mut(&key) {
                state.retain(|written| written.txn != running.txn);
            }
        }
    }

    fn commit(&mut self, running: &mut RunningTxn) {
        running.committed = Some(true);
        let keys: BTreeMap<u64, ()> = running.writes().map(|(key, _)| (key, ())).collect();
        for key in keys.into_keys() {
            let state = self.state.entry(key).or_default();
            if !state.iter().any(|written| written.txn == running.txn) {
                let own_writes = running.writes().filter(|(written, _)| *written == key);
                state.extend(own_writes.map(|(_, value)| Written { value, txn: running.txn, committed: None }));
            }
            let own_writes = state.iter_mut().filter(|written| written.txn == running.txn);
            own_writes.for_each(|written| written.committed = Some(self.now));
        }
    }

    fn answer(&mut self, client: &mut SimulatedClient, running: RunningTxn) {
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

    fn value(&self, mops: &[MicroOp], answers: &[Value]) -> Value {
        let write = if self.database.registers { "w" } else { "append" };
        let mop = |(at, mop): (usize, &MicroOp)| match mop {
            MicroOp::Read(key) => json!(["r", key, answers.get(at)]),
            MicroOp::Write(key, value) => json!([write, key, value]),
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
