//! Differential fuzz test: random histories are judged by the checkers and by every order of their transactions.
//!
//! A verdict of `true` or `false` must agree with the orders. Where the checkers answer `unknown`, the history must give
//! them a reason. Each history is judged by every way into the checker ([`judged`]).
//!
//! The tests try 800 histories per workload; for more see [`test_cases`](crate::test_cases).

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::entry_points::judged;
use crate::history::{History, Op, OpType};
use crate::json::{Number, Value, json};
use crate::random::{Rng, stream};
use crate::test_cases::cases;
use crate::txn::{ListAppend, Options, RwRegister};
use crate::{Checker, Valid};

/// By key, the values that were written.
type DatabaseState = Vec<Vec<Value>>;

#[derive(Clone, Debug)]
enum Mop {
    /// Key and answer. Registers show the last value of the list.
    Read(usize, Vec<Value>),
    Write(usize, Value),
}

#[derive(Clone, Debug)]
struct Txn {
    kind: OpType,
    process: u64,
    mops: Vec<Mop>,
    /// Whether an info completion holds the answers of reads.
    tells: bool,
    /// Positions in the history. The completion of an info transaction may be missing.
    began: usize,
    ended: Option<usize>,
}

/// A random database and what its clients do.
struct Database<'a> {
    rng: &'a mut Rng,
    keys: Vec<Value>,
    /// Values that were not written so far, the next one last.
    fresh: Vec<Value>,
    written: Vec<Value>,
    /// Transactions read the state in which they began.
    snapshots: bool,
    /// Every transaction reads a key before it writes it.
    reads_first: bool,
    /// One of so many failed transactions takes effect, and one of so many answers is wrong.
    leaks: u32,
    errors: u32,
    kinds: Vec<OpType>,
    state: DatabaseState,
}

/// Values that checkers might take for something else.
fn names(rng: &mut Rng) -> Vec<Value> {
    let long = |text: &str| Value::Number(text.parse::<Number>().expect("it is a number"));
    let mut odd = vec![
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(u64::MAX - 1),
        json!(u32::MAX),
        long("18446744073709551616"),
        long("1000000000000000000000000000000000000001"),
        long("1000000000000000000000000000000000000002"),
        json!(0.5),
        json!("0"),
        json!(""),
        json!(false),
        json!([]),
        json!({}),
    ];
    if rng.random_ratio(1, 20) {
        odd.push(Value::Null);
    }
    odd.shuffle(rng);
    let mut names: Vec<Value> = (1..40).rev().map(|number| json!(number)).collect();
    if rng.random() {
        names.extend(odd);
    }
    names
}

/// Transactions, the names of their keys, and whether every transaction reads a key before it writes it.
fn random_txns(rng: &mut Rng) -> (Vec<Txn>, Vec<Value>, bool) {
    // Few transactions seldom depend on one another.
    let count = *[1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 7].choose(rng).unwrap();
    let mut keys = names(rng);
    keys.drain(..keys.len() - rng.random_range(1..=3));
    let reads_first = rng.random_ratio(1, 3);
    let kinds = match rng.random_range(0..3) {
        0 => vec![OpType::Ok],
        1 => vec![OpType::Ok, OpType::Ok, OpType::Ok, OpType::Fail],
        _ => vec![OpType::Ok, OpType::Ok, OpType::Ok, OpType::Fail, OpType::Info],
    };
    let mut database = Database {
        state: vec![Vec::new(); keys.len()],
        fresh: names(rng),
        keys,
        written: Vec::new(),
        snapshots: rng.random(),
        reads_first,
        leaks: rng.random_range(1..20),
        errors: *[3, 30, 1000].choose(rng).unwrap(),
        kinds,
        rng,
    };
    let txns = database.run(count);
    (txns, database.keys, reads_first)
}

struct RunningTxn {
    at: usize,
    snapshot: DatabaseState,
    is_done: bool,
}

impl Database<'_> {
    fn run(&mut self, count: usize) -> Vec<Txn> {
        let mut processes: Vec<u64> = vec![0, 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX];
        processes.truncate(self.rng.random_range(1..=processes.len()));
        let mut open: Vec<Option<RunningTxn>> = processes.iter().map(|_| None).collect();
        let (mut txns, mut now) = (Vec::new(), 0);
        while txns.len() < count || open.iter().any(Option::is_some) {
            let slot = self.rng.random_range(0..processes.len());
            let Some(current) = &mut open[slot] else {
                if txns.len() < count {
                    open[slot] = Some(RunningTxn { at: txns.len(), snapshot: self.state.clone(), is_done: false });
                    txns.push(self.draft(processes[slot], now));
                    now += 1;
                }
                continue;
            };
            let txn = &mut txns[current.at];
            if !current.is_done {
                current.is_done = true;
                self.execute(txn, &current.snapshot);
                continue;
            }
            open[slot] = None;
            if txn.kind == OpType::Info {
                // The process does not learn of the end, and does not come back.
                processes[slot] = processes[slot].wrapping_sub(1000);
                if self.rng.random() {
                    continue;
                }
            }
            txn.ended = Some(now);
            now += 1;
        }
        txns
    }

    fn draft(&mut self, process: u64, began: usize) -> Txn {
        let mut mops: Vec<Mop> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            let key = self.rng.random_range(0..self.keys.len());
            let is_new = mops.iter().all(|mop| !matches!(mop, Mop::Read(other, _) if *other == key));
            if self.rng.random() {
                mops.push(Mop::Read(key, Vec::new()));
                continue;
            }
            if self.reads_first && is_new {
                mops.push(Mop::Read(key, Vec::new()));
            }
            let repeated = self.written.choose(self.rng).filter(|_| self.errors < 100).cloned();
            let value = match repeated.filter(|_| self.rng.random_ratio(1, 150)) {
                Some(value) => value,
                None => self.fresh.pop().expect("there are more names than operations"),
            };
            self.written.push(value.clone());
            mops.push(Mop::Write(key, value));
        }
        let kind = *self.kinds.choose(self.rng).unwrap();
        Txn { kind, process, mops, tells: kind == OpType::Ok || self.rng.random(), began, ended: None }
    }

    fn execute(&mut self, txn: &mut Txn, snapshot: &DatabaseState) {
        let mut own = if self.snapshots { snapshot.clone() } else { self.state.clone() };
        for mop in &mut txn.mops {
            match mop {
                Mop::Write(key, value) => own[*key].push(value.clone()),
                Mop::Read(key, answer) => {
                    answer.clone_from(&own[*key]);
                    if self.rng.random_ratio(1, self.errors) {
                        self.spoil(answer);
                    }
                }
            }
        }
        let happens = match txn.kind {
            OpType::Fail => self.rng.random_ratio(1, self.leaks),
            OpType::Info => self.rng.random(),
            _ => true,
        };
        for mop in txn.mops.iter().filter(|_| happens) {
            if let Mop::Write(key, value) = mop {
                self.state[*key].push(value.clone());
            }
        }
    }

    /// Makes an answer wrong, most of the time.
    fn spoil(&mut self, answer: &mut Vec<Value>) {
        match self.rng.random_range(0..4) {
            0 => drop(answer.pop()),
            1 => answer.extend(self.written.choose(self.rng).cloned()),
            2 if self.rng.random_ratio(1, 4) => answer.extend(self.fresh.first().cloned()),
            _ => answer.shuffle(self.rng),
        }
    }
}

fn history(txns: &[Txn], keys: &[Value], registers: bool) -> History {
    let mut entries: Vec<(usize, OpType, u64, Value)> = Vec::new();
    for txn in txns {
        let value = |answers: bool| {
            let mop = |mop: &Mop| match mop {
                Mop::Write(key, value) => json!([if registers { "w" } else { "append" }, keys[*key], value]),
                Mop::Read(key, _) if !answers => json!(["r", keys[*key], null]),
                Mop::Read(key, list) if registers => json!(["r", keys[*key], list.last()]),
                Mop::Read(key, list) => json!(["r", keys[*key], list]),
            };
            Value::Array(txn.mops.iter().map(mop).collect())
        };
        entries.push((txn.began, OpType::Invoke, txn.process, value(false)));
        let end = txn.ended.map(|at| (at, txn.kind, txn.process, value(txn.tells && txn.kind != OpType::Fail)));
        entries.extend(end);
    }
    entries.sort_by_key(|entry| entry.0);
    let op = |(at, (_, kind, process, value)): (usize, (usize, OpType, u64, Value))| Op {
        time: at as u64 * 1000,
        ..Op::new(at as u64, kind, process, "txn", value)
    };
    History { ops: entries.into_iter().enumerate().map(op).collect() }
}

/// Which transactions must come in the order in which they were performed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    None,
    Process,
    Realtime,
}

const MODELS: [(Kept, &str); 3] = [
    (Kept::None, "serializable"),
    (Kept::Process, "strong-session-serializable"),
    (Kept::Realtime, "strict-serializable"),
];

/// Tries all orders, depth first.
struct Orders<'a> {
    txns: &'a [Txn],
    registers: bool,
    kept: Kept,
    /// Whether the answers of info transactions that take effect must be right.
    believes_info: bool,
}

impl Orders<'_> {
    fn some_order_explains(&self, keys: usize) -> bool {
        let rest: Vec<usize> = (0..self.txns.len()).filter(|at| self.txns[*at].kind != OpType::Fail).collect();
        self.explains(&rest, &vec![Vec::new(); keys])
    }

    fn explains(&self, rest: &[usize], state: &DatabaseState) -> bool {
        rest.iter().all(|at| self.txns[*at].kind == OpType::Info)
            || rest.iter().any(|next| {
                let is_possible = !rest.iter().any(|other| self.must_come_first(*other, *next));
                let others = || rest.iter().copied().filter(|other| other != next).collect::<Vec<usize>>();
                is_possible && self.execute(*next, state).is_some_and(|after| self.explains(&others(), &after))
            })
    }

    /// Transactions whose end is unknown may take effect at any time after they began, or never.
    fn must_come_first(&self, one: usize, other: usize) -> bool {
        let [one, other] = [one, other].map(|at| &self.txns[at]);
        let is_over = one.kind == OpType::Ok && one.ended.is_some_and(|ended| ended < other.began);
        match self.kept {
            Kept::None => false,
            Kept::Process => is_over && one.process == other.process,
            Kept::Realtime => is_over,
        }
    }

    fn execute(&self, at: usize, state: &DatabaseState) -> Option<DatabaseState> {
        let txn = &self.txns[at];
        let is_believed = txn.kind == OpType::Ok || (self.believes_info && txn.tells && txn.ended.is_some());
        let mut state = state.clone();
        for mop in &txn.mops {
            match mop {
                Mop::Write(key, value) => state[*key].push(value.clone()),
                Mop::Read(key, answer) if is_believed => {
                    let null = Value::Null;
                    let [shown, actual] = [answer, &state[*key]].map(|list| list.last().unwrap_or(&null));
                    let is_right = if self.registers { shown == actual } else { *answer == state[*key] };
                    if !is_right {
                        return None;
                    }
                }
                Mop::Read(..) => {}
            }
        }
        Some(state)
    }
}

/// Whether a value was written to a key twice, or, to a register, the initial null was written.
fn writes_are_unique(txns: &[Txn], registers: bool) -> bool {
    let mut seen: Vec<(usize, &Value)> = Vec::new();
    txns.iter().flat_map(|txn| &txn.mops).all(|mop| match mop {
        Mop::Read(..) => true,
        Mop::Write(_, value) if registers && value.is_null() => false,
        Mop::Write(key, value) if seen.contains(&(*key, value)) => false,
        Mop::Write(key, value) => {
            seen.push((*key, value));
            true
        }
    })
}

/// Histories per workload unless told otherwise.
const HISTORIES: u32 = 800;

#[derive(Debug, Default)]
struct Counts {
    valid: usize,
    invalid: usize,
    unknown: usize,
    /// Valid although no order explains it: nothing shows the order of values.
    missed: usize,
}

fn fuzz(registers: bool) -> Counts {
    let mut counts = Counts::default();
    for seed in 0..cases(HISTORIES) {
        let mut rng = stream(u64::from(seed), if registers { "fuzz-registers" } else { "fuzz-lists" });
        let (txns, keys, reads_first) = random_txns(&mut rng);
        let history = history(&txns, &keys, registers);
        for (kept, model) in MODELS {
            let options = Options { promise: model.parse().unwrap(), wfr_keys: true, ..Options::default() };
            let checker: Box<dyn Checker> = match registers {
                false => Box::new(ListAppend::new(options)),
                true => Box::new(RwRegister::new(options)),
            };
            let verdict = judged(&*checker, &history);
            let exists =
                |believes_info| Orders { txns: &txns, registers, kept, believes_info }.some_order_explains(keys.len());
            let context = || format!("seed {seed}, {model}: {verdict:#?}\n{keys:?}\n{txns:#?}");
            match verdict.valid {
                Valid::False => {
                    assert!(!exists(true), "invalid, but some order explains it: {}", context());
                    counts.invalid += 1;
                }
                Valid::True => {
                    // Lists show the order of their elements; registers do where each value says which it replaced.
                    let shows_order = !registers || (reads_first && txns.iter().all(|txn| txn.kind != OpType::Info));
                    let is_missed = !exists(false);
                    assert!(!is_missed || !shows_order, "valid, but no order explains it: {}", context());
                    counts.missed += usize::from(is_missed);
                    counts.valid += 1;
                }
                Valid::Unknown => {
                    let proves_nothing = verdict.details["anomaly_types"] == json!(["empty-transaction-graph"]);
                    let has_reason = proves_nothing || !writes_are_unique(&txns, registers);
                    assert!(has_reason, "unknown without a reason: {}", context());
                    counts.unknown += 1;
                }
            }
        }
    }
    println!("registers: {registers}, {} histories: {counts:?}", cases(HISTORIES));
    counts
}

fn assert_decided(counts: &Counts) {
    let Counts { valid, invalid, unknown, .. } = counts;
    assert!(unknown * 3 < valid + invalid, "too few are decided: {counts:?}");
    assert!(*valid > 0 && *invalid > 0, "{counts:?}");
}

#[test]
fn lists_agree_with_all_orders() {
    let counts = fuzz(false);
    assert_decided(&counts);
    assert_eq!(counts.missed, 0);
}

#[test]
fn registers_agree_with_all_orders() {
    let counts = fuzz(true);
    assert_decided(&counts);
    assert!(counts.missed * 20 < counts.valid, "too much is missed: {counts:?}");
}
