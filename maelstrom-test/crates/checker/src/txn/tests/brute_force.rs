//! The checker against every serial order of tiny histories, and every order of snapshots and commits.
//!
//! A history is serializable if some order of its transactions explains every answer, where failed transactions are
//! left out and those whose end is unknown may be. That can simply be tried. Where the checker says that there is no
//! order, there must be none; and where the final state of every list was read, its silence means that there is one.

use crate::json::{Value, json};
use proptest::prelude::*;

use crate::entry_points::judged;
use crate::history::{History, Op, OpType};
use crate::test_cases::cases;
use crate::txn::model::Model;
use crate::txn::{ListAppend, Options, RwRegister};
use crate::{CheckContext, Checker, Evidence, Valid};
use maelstrom_options::CONSISTENCY_MODELS;

const KEYS: u64 = 2;

/// A transaction of a tiny history.
#[derive(Clone, Debug)]
struct Txn {
    kind: OpType,
    /// Whether the answers of its reads are known.
    tells: bool,
    process: u64,
    mops: Vec<Mop>,
    /// When it began and ended; all times are different.
    began: usize,
    ended: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Mop {
    Read(u64, Vec<u64>),
    Write(u64, u64),
}

/// Does not care what answers would make sense: reads return any list of values that are written.
fn arbitrary_txns() -> impl Strategy<Value = Vec<Txn>> {
    let mop = (any::<bool>(), 0..KEYS, prop::collection::vec(1..4_u64, 0..3));
    let kind = prop_oneof![6 => Just(OpType::Ok), 1 => Just(OpType::Info), 1 => Just(OpType::Fail)];
    let txn = (kind, prop::collection::vec(mop, 1..4));
    (prop::collection::vec(txn, 1..5), any::<u64>()).prop_map(|(txns, seed)| with_times(with_values(txns), seed))
}

type Draft = (OpType, Vec<(bool, u64, Vec<u64>)>);

/// Gives out 1, 2, 3, … as written values per key.
fn with_values(drafts: Vec<Draft>) -> Vec<(OpType, Vec<Mop>)> {
    let mut next = [0; KEYS as usize];
    let mut value = |key: u64| {
        next[key as usize] += 1;
        next[key as usize]
    };
    let mut mop = |(is_read, key, answer): (bool, u64, Vec<u64>)| match is_read {
        true => Mop::Read(key, answer),
        false => Mop::Write(key, value(key)),
    };
    drafts.into_iter().map(|(kind, mops)| (kind, mops.into_iter().map(&mut mop).collect())).collect()
}

/// Transactions overlap more or less, as the seed says.
fn with_times(txns: Vec<(OpType, Vec<Mop>)>, seed: u64) -> Vec<Txn> {
    let mut times = Vec::new();
    let at = |number: usize, salt: u64| {
        (seed ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(number as u32 * 7) % 64
    };
    for number in 0..txns.len() {
        let began = at(number, 1);
        times.extend([(began, number, false), (began + 1 + at(number, 2) % 24, number, true)]);
    }
    times.sort_unstable();
    let place = |number: usize, end: bool| times.iter().position(|(_, n, e)| (*n, *e) == (number, end)).unwrap();
    let txn = |(number, (kind, mops))| {
        let (began, ended) = (place(number, false), place(number, true));
        Txn { kind, tells: kind == OpType::Ok, process: 0, mops, began, ended }
    };
    let mut txns: Vec<Txn> = txns.into_iter().enumerate().map(txn).collect();
    hand_out_processes(&mut txns);
    txns
}

/// A process goes on with the next transaction, if its last one is over and it was told how that ended.
fn hand_out_processes(txns: &mut [Txn]) {
    let mut order: Vec<usize> = (0..txns.len()).collect();
    order.sort_by_key(|at| txns[*at].began);
    let mut free_from: Vec<usize> = Vec::new();
    for at in order {
        let txn = &mut txns[at];
        let process = free_from.iter().position(|free| *free <= txn.began).unwrap_or(free_from.len());
        free_from.resize(free_from.len().max(process + 1), 0);
        free_from[process] = if txn.kind == OpType::Info { usize::MAX } else { txn.ended };
        txn.process = process as u64;
    }
}

/// Answers as a database gives them that executes the transactions in order of their ends, but now and then looks at a
/// state that is too old: histories that are nearly right.
fn plausible_txns() -> impl Strategy<Value = Vec<Txn>> {
    (arbitrary_txns(), any::<u64>()).prop_map(|(mut txns, mut seed)| {
        let mut order: Vec<usize> = (0..txns.len()).collect();
        order.sort_by_key(|at| txns[*at].ended);
        let mut lists: [Vec<u64>; KEYS as usize] = Default::default();
        for at in order {
            let txn = &mut txns[at];
            let before = lists.clone();
            let mut own = before;
            for mop in &mut txn.mops {
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                match mop {
                    Mop::Write(key, value) => own[*key as usize].push(*value),
                    Mop::Read(key, answer) => {
                        *answer = own[*key as usize].clone();
                        if seed >> 60 == 0 {
                            answer.pop();
                        }
                    }
                }
            }
            if txn.kind != OpType::Fail && (txn.kind == OpType::Ok || seed >> 63 == 0) {
                lists = own;
            }
        }
        txns
    })
}

fn history(txns: &[Txn], registers: bool) -> History {
    let mut entries: Vec<(usize, OpType, u64, Value)> = Vec::new();
    for txn in txns {
        let value = |answers: bool| {
            let mop = |mop: &Mop| match mop {
                Mop::Write(key, value) => json!([if registers { "w" } else { "append" }, key, value]),
                Mop::Read(key, _) if !answers => json!(["r", key, null]),
                Mop::Read(key, list) if registers => json!(["r", key, list.last()]),
                Mop::Read(key, list) => json!(["r", key, list]),
            };
            Value::Array(txn.mops.iter().map(mop).collect())
        };
        entries.push((txn.began, OpType::Invoke, txn.process, value(false)));
        entries.push((txn.ended, txn.kind, txn.process, value(txn.tells)));
    }
    entries.sort_by_key(|entry| entry.0);
    let op = |(at, (_, kind, process, value)): (usize, (usize, OpType, u64, Value))| {
        Op::new(at as u64, kind, process, "txn", value)
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

/// What holds if some order explains a history, the more is kept the stronger.
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
}

impl Orders<'_> {
    fn some_order_explains(&self) -> bool {
        let rest: Vec<usize> = (0..self.txns.len()).filter(|at| self.txns[*at].kind != OpType::Fail).collect();
        self.explains(&rest, Default::default())
    }

    fn explains(&self, rest: &[usize], lists: [Vec<u64>; KEYS as usize]) -> bool {
        if rest.iter().all(|at| self.txns[*at].kind == OpType::Info) {
            return true;
        }
        rest.iter().any(|next| {
            if rest.iter().any(|other| self.must_come_first(*other, *next)) {
                return false;
            }
            let others: Vec<usize> = rest.iter().copied().filter(|other| other != next).collect();
            self.execute(*next, lists.clone()).is_some_and(|after| self.explains(&others, after))
        })
    }

    fn must_come_first(&self, one: usize, other: usize) -> bool {
        match self.kept {
            Kept::None => false,
            Kept::Process if self.txns[one].process != self.txns[other].process => false,
            Kept::Process | Kept::Realtime => self.ends(one) < self.txns[other].began,
        }
    }

    /// Transactions whose end is unknown may take effect at any time after they began, or never.
    fn ends(&self, at: usize) -> usize {
        if self.txns[at].kind == OpType::Ok { self.txns[at].ended } else { usize::MAX }
    }

    fn execute(&self, at: usize, mut lists: [Vec<u64>; KEYS as usize]) -> Option<[Vec<u64>; KEYS as usize]> {
        for mop in &self.txns[at].mops {
            match mop {
                Mop::Write(key, value) => lists[*key as usize].push(*value),
                Mop::Read(key, answer) if self.txns[at].tells => {
                    let actual = &lists[*key as usize];
                    let is_right = if self.registers { actual.last() == answer.last() } else { actual == answer };
                    if !is_right {
                        return None;
                    }
                }
                Mop::Read(..) => {}
            }
        }
        Some(lists)
    }
}

/// Tries all orders of beginnings and commits: a transaction reads from what was committed when it began, and fails to
/// commit if another one has written the same key since.
struct Snapshots<'a> {
    orders: Orders<'a>,
}

/// What is committed, and how often each key was.
#[derive(Clone, Default)]
struct Committed {
    lists: [Vec<u64>; KEYS as usize],
    versions: [usize; KEYS as usize],
}

impl Snapshots<'_> {
    fn explain(&self) -> bool {
        let rest: Vec<usize> =
            (0..self.orders.txns.len()).filter(|at| self.orders.txns[*at].kind != OpType::Fail).collect();
        self.go(&rest, &[], &Committed::default())
    }

    fn go(&self, rest: &[usize], active: &[(usize, Committed)], committed: &Committed) -> bool {
        let txns = self.orders.txns;
        let is_optional = |at: usize| txns[at].kind == OpType::Info;
        if rest.iter().all(|at| is_optional(*at)) && active.iter().all(|(at, _)| is_optional(*at)) {
            return true;
        }
        let commits = |place: usize| {
            let (at, snapshot) = &active[place];
            let mut after = committed.clone();
            for mop in &txns[*at].mops {
                if let Mop::Write(key, value) = mop {
                    let key = *key as usize;
                    if committed.versions[key] != snapshot.versions[key] {
                        return false;
                    }
                    after.lists[key].push(*value);
                    after.versions[key] = committed.versions[key] + 1;
                }
            }
            let others = [&active[..place], &active[place + 1..]].concat();
            self.go(rest, &others, &after)
        };
        let begins = |next: &usize| {
            let fits = self.orders.execute(*next, committed.lists.clone()).is_some();
            let others: Vec<usize> = rest.iter().copied().filter(|other| other != next).collect();
            fits && self.go(&others, &[active, &[(*next, committed.clone())]].concat(), committed)
        };
        (0..active.len()).any(commits) || rest.iter().any(begins)
    }
}

fn valid(txns: &[Txn], registers: bool, model: &str) -> Valid {
    let options = Options { promise: model.parse().unwrap(), wfr_keys: true, ..Options::default() };
    valid_with(txns, registers, options)
}

fn valid_with(txns: &[Txn], registers: bool, options: Options) -> Valid {
    let history = history(txns, registers);
    match registers {
        false => ListAppend::new(options).check(&history, &CheckContext::default()).valid,
        true => RwRegister::new(options).check(&history, &CheckContext::default()).valid,
    }
}

/// Judges the history by every way into the checker. One model stands for all: what they differ in comes after that.
fn judge_by_every_way(txns: &[Txn], registers: bool) {
    let (options, history) = (Options { wfr_keys: true, ..Options::default() }, history(txns, registers));
    match registers {
        false => drop(judged(&ListAppend::new(options), &history)),
        true => drop(judged(&RwRegister::new(options), &history)),
    }
}

/// Every model that is implied by one that holds must hold.
fn no_false_alarm(txns: &[Txn]) -> Result<(), TestCaseError> {
    for registers in [false, true] {
        judge_by_every_way(txns, registers);
        let orders = |kept| Orders { txns, registers, kept };
        let mut holds: Vec<&str> =
            MODELS.iter().filter(|(kept, _)| orders(*kept).some_order_explains()).map(|(_, model)| *model).collect();
        if (Snapshots { orders: orders(Kept::None) }).explain() {
            holds.push("snapshot-isolation");
        }
        for (name, model) in all_models() {
            let is_implied = holds.iter().any(|held| Model::named(held).unwrap().implies(model));
            if is_implied {
                prop_assert_ne!(valid(txns, registers, name), Valid::False, "{}, registers: {}", name, registers);
            }
        }
        if holds.contains(&"strict-serializable") {
            let options =
                Options { wfr_keys: true, sequential_keys: true, linearizable_keys: true, ..Options::default() };
            prop_assert_ne!(valid_with(txns, registers, options), Valid::False);
        }
    }
    Ok(())
}

fn all_models() -> impl Iterator<Item = (&'static str, Model)> {
    CONSISTENCY_MODELS.iter().map(|name| (*name, Model::named(name).unwrap()))
}

/// Adds a transaction after all others that reads every list, with an answer that may be right; but if so wanted, what
/// one write did is missing.
fn with_final_read(mut txns: Vec<Txn>, lost: Option<usize>) -> Vec<Txn> {
    let longest = |key: u64| {
        let reads = txns.iter().filter(|txn| txn.kind == OpType::Ok).flat_map(|txn| &txn.mops);
        let lists = reads.filter_map(|mop| match mop {
            Mop::Read(read, list) if *read == key => Some(list.clone()),
            _ => None,
        });
        let mut list = lists.max_by_key(Vec::len).unwrap_or_default();
        let writes = txns.iter().filter(|txn| txn.kind == OpType::Ok).flat_map(|txn| &txn.mops);
        for mop in writes {
            match mop {
                Mop::Write(written, value) if *written == key && !list.contains(value) => list.push(*value),
                _ => {}
            }
        }
        if let Some(lost) = lost.filter(|lost| *lost < list.len()) {
            list.remove(lost);
        }
        Mop::Read(key, list)
    };
    let mops = (0..KEYS).map(longest).collect();
    let last = txns.iter().map(|txn| txn.ended).max().unwrap_or(0);
    txns.push(Txn { kind: OpType::Ok, tells: true, process: 0, mops, began: last + 1, ended: last + 2 });
    hand_out_processes(&mut txns);
    txns
}

/// What is left of a history if nobody was told how some transactions ended: those whose bit is set. What these read
/// may be known nevertheless.
fn forgotten(txns: &[Txn], bits: u32, tells: bool) -> Vec<Txn> {
    let forget = |(at, txn): (usize, &Txn)| {
        let is_forgotten = bits >> at & 1 == 1;
        let kind = if is_forgotten { OpType::Info } else { txn.kind };
        Txn { kind, tells: txn.tells && (tells || !is_forgotten), process: at as u64, ..txn.clone() }
    };
    txns.iter().enumerate().map(forget).collect()
}

/// Whether some ok read breaks read committed, by Adya's definitions: `G1a`, it shows a value of a transaction that failed;
/// `G1b`, it ends with a value that another transaction wrote before it wrote to the same key again.
fn dirty_reads(txns: &[Txn], registers: bool) -> [bool; 2] {
    let mut dirty = [false; 2];
    for (reader, txn) in txns.iter().enumerate().filter(|(_, txn)| txn.kind == OpType::Ok) {
        for mop in &txn.mops {
            let Mop::Read(key, list) = mop else { continue };
            let shown = if registers { &list[list.len().saturating_sub(1)..] } else { &list[..] };
            for (writer, other) in txns.iter().enumerate() {
                let write =
                    |mop: &Mop| if let Mop::Write(of, value) = mop { (of == key).then_some(*value) } else { None };
                let writes: Vec<u64> = other.mops.iter().filter_map(write).collect();
                dirty[0] |= other.kind == OpType::Fail && shown.iter().any(|value| writes.contains(value));
                let is_intermediate = |last: &u64| writes.split_last().is_some_and(|(_, before)| before.contains(last));
                dirty[1] |= writer != reader && shown.last().is_some_and(is_intermediate);
            }
        }
    }
    dirty
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(1000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_false_alarm_on_arbitrary_answers(txns in arbitrary_txns()) {
        no_false_alarm(&txns)?;
    }

    #[test]
    fn dirty_reads_are_found_exactly_where_there_are_any(txns in arbitrary_txns(), registers in any::<bool>()) {
        let options = Options { wfr_keys: true, ..Options::default() };
        let history = history(&txns, registers);
        let verdict = match registers {
            false => judged(&ListAppend::new(options), &history),
            true => judged(&RwRegister::new(options), &history),
        };
        let listed = ["anomaly_types", "allowed_anomalies"].map(|names| verdict.details[names].clone());
        let has = |name: &str| listed.iter().any(|names| names.as_array().unwrap().contains(&json!(name)));
        prop_assert_eq!(["G1a", "G1b"].map(has), dirty_reads(&txns, registers));
    }

    #[test]
    fn proofs_are_minimal(txns in prop_oneof![arbitrary_txns(), plausible_txns()], registers in any::<bool>()) {
        let options = Options { wfr_keys: true, ..Options::default() };
        let (lists, rw) = (ListAppend::new(options.clone()), RwRegister::new(options));
        let checker: &dyn Checker = if registers { &rw } else { &lists };
        let history = history(&txns, registers);
        for finding in checker.check(&history, &CheckContext::default()).findings {
            let mut proof: Vec<&Evidence> = finding.evidence.iter().filter(|line| line.completion.is_some()).collect();
            proof.dedup_by_key(|line| line.completion);
            let shows = |left_out: Option<usize>| {
                let kept = proof.iter().enumerate().filter(|(at, _)| Some(*at) != left_out).map(|(_, line)| line);
                let mut positions: Vec<usize> = kept.flat_map(|line| [line.invocation, line.completion]).flatten().collect();
                positions.sort_unstable();
                positions.dedup();
                let part = History { ops: positions.iter().map(|at| history.ops[*at].clone()).collect() };
                checker.check(&part, &CheckContext::default()).findings
            };
            prop_assert!(!shows(None).is_empty(), "{} is not proved by {:#?}", finding.anomaly, proof);
            for at in 0..proof.len() {
                let is_shown = shows(Some(at)).iter().any(|other| other.anomaly == finding.anomaly);
                prop_assert!(!is_shown, "{} is proved without line {} of {:#?}", finding.anomaly, at, proof);
            }
        }
    }

    #[test]
    fn no_false_alarm_on_plausible_answers(txns in plausible_txns()) {
        no_false_alarm(&txns)?;
    }

    #[test]
    fn no_false_alarm_on_answers_of_unknown_fate(txns in prop_oneof![arbitrary_txns(), plausible_txns()]) {
        let tell = |txn: Txn| Txn { tells: txn.kind != OpType::Fail, ..txn };
        no_false_alarm(&txns.into_iter().map(tell).collect::<Vec<_>>())?;
    }

    #[test]
    fn lists_that_were_read_to_the_end_leave_no_doubt(txns in plausible_txns(), lost in prop::option::of(0..3_usize)) {
        let txns = with_final_read(txns, lost);
        for (kept, model) in MODELS {
            let orders = Orders { txns: &txns, registers: false, kept };
            let is_invalid = valid(&txns, false, model) == Valid::False;
            prop_assert_eq!(is_invalid, !orders.some_order_explains(), "{}", model);
        }
        let snapshots = Snapshots { orders: Orders { txns: &txns, registers: false, kept: Kept::None } };
        let is_invalid = valid(&txns, false, "snapshot-isolation") == Valid::False;
        prop_assert_eq!(is_invalid, !snapshots.explain(), "snapshot-isolation");
    }

    #[test]
    fn stronger_models_rule_out_what_weaker_ones_do(txns in plausible_txns(), registers in any::<bool>()) {
        let broken: Vec<(&str, Model)> =
            all_models().filter(|(name, _)| valid(&txns, registers, name) == Valid::False).collect();
        for (name, model) in all_models() {
            if let Some((weaker, _)) = broken.iter().find(|(_, weaker)| model.implies(*weaker)) {
                prop_assert!(broken.iter().any(|(other, _)| *other == name), "{} and {}", weaker, name);
            }
        }
    }

    #[test]
    fn knowing_less_never_shows_more(
        txns in plausible_txns(), bits in any::<u32>(), tells in any::<bool>(), registers in any::<bool>()
    ) {
        let less = forgotten(&txns, bits, tells);
        for model in ["read-uncommitted", "read-committed", "snapshot-isolation", "serializable", "strict-serializable"] {
            if valid(&less, registers, model) == Valid::False {
                prop_assert_eq!(valid(&txns, registers, model), Valid::False, "{}", model);
            }
        }
    }
}
