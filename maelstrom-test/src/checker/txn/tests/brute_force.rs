//! The checker against every serial order of tiny histories.
//!
//! A history is serializable if some order of its transactions explains every answer, where failed transactions are
//! left out and those whose end is unknown may be. That can simply be tried. Where the checker says that there is no
//! order, there must be none; and where the final state of every list was read, its silence means that there is one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{ListAppend, Options, RwRegister};
use crate::checker::{CheckContext, Checker, Valid};
use crate::history::{History, Op, OpType};

const KEYS: u64 = 2;

/// A transaction of a tiny history.
#[derive(Clone, Debug)]
struct Txn {
    kind: OpType,
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
    let txn = |(number, (kind, mops))| Txn { kind, mops, began: place(number, false), ended: place(number, true) };
    txns.into_iter().enumerate().map(txn).collect()
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
    for (process, txn) in txns.iter().enumerate() {
        let value = |answers: bool| {
            let mop = |mop: &Mop| match mop {
                Mop::Write(key, value) => json!([if registers { "w" } else { "append" }, key, value]),
                Mop::Read(key, _) if !answers => json!(["r", key, null]),
                Mop::Read(key, list) if registers => json!(["r", key, list.last()]),
                Mop::Read(key, list) => json!(["r", key, list]),
            };
            Value::Array(txn.mops.iter().map(mop).collect())
        };
        entries.push((txn.began, OpType::Invoke, process as u64, value(false)));
        entries.push((txn.ended, txn.kind, process as u64, value(txn.kind == OpType::Ok)));
    }
    entries.sort_by_key(|entry| entry.0);
    let op = |(at, (_, kind, process, value)): (usize, (usize, OpType, u64, Value))| {
        Op::new(at as u64, kind, process, "txn", value)
    };
    History { ops: entries.into_iter().enumerate().map(op).collect() }
}

/// Tries all orders, depth first.
struct Orders<'a> {
    txns: &'a [Txn],
    registers: bool,
    strict: bool,
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
            let must_come_first = |other: &usize| self.ends(*other) < self.txns[*next].began;
            if self.strict && rest.iter().any(must_come_first) {
                return false;
            }
            let others: Vec<usize> = rest.iter().copied().filter(|other| other != next).collect();
            self.execute(*next, lists.clone()).is_some_and(|after| self.explains(&others, after))
        })
    }

    /// Transactions whose end is unknown may take effect at any time after they began, or never.
    fn ends(&self, at: usize) -> usize {
        if self.txns[at].kind == OpType::Ok { self.txns[at].ended } else { usize::MAX }
    }

    fn execute(&self, at: usize, mut lists: [Vec<u64>; KEYS as usize]) -> Option<[Vec<u64>; KEYS as usize]> {
        for mop in &self.txns[at].mops {
            match mop {
                Mop::Write(key, value) => lists[*key as usize].push(*value),
                Mop::Read(key, answer) if self.txns[at].kind == OpType::Ok => {
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

fn valid(txns: &[Txn], registers: bool, strict: bool) -> Valid {
    let model = if strict { "strict-serializable" } else { "serializable" };
    let options = Options { promise: model.parse().unwrap(), wfr_keys: true, ..Options::default() };
    let history = history(txns, registers);
    match registers {
        false => ListAppend::new(options).check(&history, &CheckContext::default()).valid,
        true => RwRegister::new(options).check(&history, &CheckContext::default()).valid,
    }
}

fn no_false_alarm(txns: &[Txn]) -> Result<(), TestCaseError> {
    for registers in [false, true] {
        for strict in [false, true] {
            if valid(txns, registers, strict) == Valid::False {
                let orders = Orders { txns, registers, strict };
                prop_assert!(!orders.some_order_explains(), "registers: {registers}, strict: {strict}");
            }
        }
    }
    Ok(())
}

/// Adds a transaction after all others that reads every list, with an answer that may be right.
fn with_final_read(mut txns: Vec<Txn>) -> Vec<Txn> {
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
        Mop::Read(key, list)
    };
    let mops = (0..KEYS).map(longest).collect();
    let last = txns.iter().map(|txn| txn.ended).max().unwrap_or(0);
    txns.push(Txn { kind: OpType::Ok, mops, began: last + 1, ended: last + 2 });
    txns
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_false_alarm_on_arbitrary_answers(txns in arbitrary_txns()) {
        no_false_alarm(&txns)?;
    }

    #[test]
    fn no_false_alarm_on_plausible_answers(txns in plausible_txns()) {
        no_false_alarm(&txns)?;
    }

    #[test]
    fn lists_that_were_read_to_the_end_leave_no_doubt(txns in plausible_txns()) {
        let txns = with_final_read(txns);
        for strict in [false, true] {
            let orders = Orders { txns: &txns, registers: false, strict };
            let is_invalid = valid(&txns, false, strict) == Valid::False;
            prop_assert_eq!(is_invalid, !orders.some_order_explains(), "strict: {}", strict);
        }
    }
}
