//! The additions and reads of a history.

use rustc_hash::FxHashMap;

use crate::entries::{Entries, NONE, Stamp};
use crate::history::{Mismatch, Op, OpType, Pair, Pairing};
use crate::json::{Number, Value};

/// An addition that did not fail.
pub(super) struct CounterAddition {
    pub(super) delta: i128,
    /// The positions of its entries, or [`NONE`].
    invocation: u32,
    completion: u32,
    /// Whether it was acknowledged.
    pub(super) is_ok: bool,
    /// Whether it must be in every final read.
    pub(super) is_certain: bool,
}

/// A read that returned an integer.
#[derive(Clone, Copy)]
pub(super) struct CounterRead {
    /// The sum that it returned. If that is beyond all sums, [`CounterOperations::returned`] has the actual value.
    pub(super) sum: i128,
    invocation: u32,
    completion: u32,
    pub(super) is_final: bool,
}

impl CounterAddition {
    pub(super) fn pair(&self) -> Pair {
        pair(self.invocation, self.completion)
    }

    /// The position of its invocation; 0 if it has none.
    pub(super) fn begun(&self) -> u32 {
        if self.invocation == NONE { 0 } else { self.invocation }
    }

    /// Whether it may have begun before the entry at this position.
    pub(super) fn may_begin_before(&self, position: u32) -> bool {
        self.invocation == NONE || self.invocation < position
    }

    pub(super) fn completed(&self) -> u32 {
        self.completion
    }
}

impl CounterRead {
    pub(super) fn pair(&self) -> Pair {
        pair(self.invocation, self.completion)
    }

    /// The position of its invocation, or of its completion if it has no invocation.
    pub(super) fn begun(&self) -> u32 {
        if self.invocation == NONE { self.completion } else { self.invocation }
    }

    pub(super) fn completed(&self) -> u32 {
        self.completion
    }
}

fn pair(invocation: u32, completion: u32) -> Pair {
    let position = |at: u32| Some(at as usize).filter(|_| at != NONE);
    Pair { invocation: position(invocation), completion: position(completion) }
}

/// The pending operation of a process.
struct PendingCounterOp {
    position: u32,
    is_add: bool,
    is_final: bool,
    argument: Argument,
}

/// The argument of an addition.
#[derive(Clone)]
enum Argument {
    Integer(i128),
    /// An integer that is too large to be summed.
    TooLarge(Value),
    Other,
}

impl Argument {
    fn of(value: &Value) -> Argument {
        match value.as_number().filter(|number| number.is_integer()).map(Number::as_i128) {
            Some(Some(integer)) if (-MOST..=MOST).contains(&integer) => Argument::Integer(integer),
            Some(_) => Argument::TooLarge(value.clone()),
            None => Argument::Other,
        }
    }
}

/// All additions and reads of a history.
#[derive(Default)]
pub(super) struct CounterOperations {
    entries: Entries,
    open: Pairing<PendingCounterOp>,
    /// In the order of their beginnings, after [`CounterOperations::finish`].
    pub(super) additions: Vec<CounterAddition>,
    /// In the order of their ends.
    pub(super) reads: Vec<CounterRead>,
    /// The number of additions without an integer that can be summed, and of reads that did not return an integer.
    pub(super) malformed_additions: usize,
    pub(super) malformed_reads: usize,
    /// The first addition of an integer that is too large.
    pub(super) too_large: Option<Value>,
    /// The values of reads that are beyond all sums, by the positions of their completions.
    beyond: FxHashMap<u32, Value>,
}

/// The largest magnitude of an addition. The sum of 2³² additions must not overflow.
const MOST: i128 = 1 << 90;
/// Larger than the magnitude of every sum. Reads of larger integers count as reads of this one.
const BEYOND: i128 = 1 << 126;

impl CounterOperations {
    pub(super) fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            let (is_add, is_final, argument) = (&*op.f == "add", op.is_final, Argument::of(&op.value));
            let open = PendingCounterOp { position, is_add, is_final, argument };
            if let Some(unfinished) = self.open.begin(process, op, open) {
                self.record_unfinished(unfinished);
            }
            return;
        }
        let (open, op) = self.open.end(process, op);
        let invocation = open.as_ref().map_or(NONE, |open| open.position);
        // The argument of an addition is that of its invocation, if it has one.
        let (is_add, argument) = match &open {
            Some(open) => (open.is_add, open.argument.clone()),
            None => (&*op.f == "add", Argument::of(&op.value)),
        };
        if is_add && op.kind != OpType::Fail {
            self.add(argument, invocation, position, op.kind == OpType::Ok);
        }
        if &*op.f == "read" && op.kind == OpType::Ok {
            let is_final = op.is_final || open.is_some_and(|open| open.is_final);
            let sum = op.value.as_number().filter(|number| number.is_integer()).map(clamped);
            if sum.is_some_and(|sum| sum.abs() == BEYOND) {
                self.beyond.insert(position, op.value.clone());
            }
            match sum {
                Some(sum) => self.reads.push(CounterRead { sum, invocation, completion: position, is_final }),
                None => self.malformed_reads += 1,
            }
        }
    }

    fn add(&mut self, argument: Argument, invocation: u32, completion: u32, is_ok: bool) {
        match argument {
            Argument::Integer(delta) => {
                self.additions.push(CounterAddition { delta, invocation, completion, is_ok, is_certain: false })
            }
            Argument::TooLarge(value) => {
                self.malformed_additions += 1;
                self.too_large.get_or_insert(value);
            }
            Argument::Other => self.malformed_additions += 1,
        }
    }

    /// Records an operation that was never completed.
    fn record_unfinished(&mut self, open: PendingCounterOp) {
        if open.is_add {
            self.add(open.argument, open.position, NONE, false);
        }
    }

    /// Ends the history.
    pub(super) fn finish(&mut self) {
        self.open.take_unfinished().collect::<Vec<_>>().into_iter().for_each(|open| self.record_unfinished(open));
        self.additions.sort_unstable_by_key(|addition| (addition.begun(), addition.completion));
    }

    /// A completion whose function differs from that of its invocation.
    pub(super) fn mismatch(&self) -> Option<&Mismatch> {
        self.open.mismatch()
    }

    /// The value that a read returned.
    pub(super) fn returned(&self, read: &CounterRead) -> Value {
        self.beyond.get(&read.completion).cloned().unwrap_or_else(|| read.sum.into())
    }

    /// The index, time and process of the entry at a position.
    pub(super) fn stamp(&self, position: u32) -> Stamp {
        self.entries.stamp(position)
    }
}

/// An integer, or the nearest one beyond all sums.
fn clamped(integer: &Number) -> i128 {
    let beyond = if *integer < Number::from(0) { -BEYOND } else { BEYOND };
    integer.as_i128().unwrap_or(beyond).clamp(-BEYOND, BEYOND)
}
