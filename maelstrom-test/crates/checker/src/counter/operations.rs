//! CounterStream and reads, as they are taken out of a history entry by entry.

use rustc_hash::FxHashMap;

use crate::entries::{Entries, NONE, Stamp};
use crate::history::{Mismatch, Op, OpType, Pair, Pairing};
use crate::json::{Number, Value};

/// An addition that did not fail.
pub(super) struct CounterAddition {
    pub(super) delta: i128,
    /// Positions of its entries, or [`NONE`].
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
    /// See [`CounterOperations::returned`] for what it really was, if that is beyond all sums.
    pub(super) sum: i128,
    invocation: u32,
    completion: u32,
    pub(super) is_final: bool,
}

impl CounterAddition {
    pub(super) fn pair(&self) -> Pair {
        pair(self.invocation, self.completion)
    }

    /// Position of its invocation; the beginning where the history lacks that.
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

    /// Position of its invocation, or of its completion where the history lacks that.
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

/// What a process has begun.
struct PendingCounterOp {
    position: u32,
    is_add: bool,
    is_final: bool,
    argument: Argument,
}

/// What an addition adds.
#[derive(Clone)]
enum Argument {
    Integer(i128),
    /// An integer that cannot be summed.
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
    /// In the order of their beginnings, once all is known.
    pub(super) additions: Vec<CounterAddition>,
    /// In the order of their ends.
    pub(super) reads: Vec<CounterRead>,
    /// How many additions are not of an integer that can be summed, and how many reads did not return an integer.
    pub(super) malformed_additions: usize,
    pub(super) malformed_reads: usize,
    /// The first addition of an integer that is too large.
    pub(super) too_large: Option<Value>,
    /// What reads returned that is beyond all sums, by the positions of their completions.
    beyond: FxHashMap<u32, Value>,
}

/// Largest magnitude of an addition: 2³² of them must not overflow when they are summed.
const MOST: i128 = 1 << 90;
/// Larger than the magnitude of every sum. BoundedCounterStream of more than this are held to have returned this.
const BEYOND: i128 = 1 << 126;

impl CounterOperations {
    pub(super) fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            let (is_add, is_final, argument) = (&*op.f == "add", op.is_final, Argument::of(&op.value));
            let open = PendingCounterOp { position, is_add, is_final, argument };
            if let Some(unfinished) = self.open.begin(process, op, open) {
                self.leave(unfinished);
            }
            return;
        }
        let (open, op) = self.open.end(process, op);
        let invocation = open.as_ref().map_or(NONE, |open| open.position);
        // What an addition adds is said by its invocation, if there is one.
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

    /// An operation that never ended.
    fn leave(&mut self, open: PendingCounterOp) {
        if open.is_add {
            self.add(open.argument, open.position, NONE, false);
        }
    }

    /// All entries were taken.
    pub(super) fn finish(&mut self) {
        self.open.take_unfinished().collect::<Vec<_>>().into_iter().for_each(|open| self.leave(open));
        self.additions.sort_unstable_by_key(|addition| (addition.begun(), addition.completion));
    }

    /// A completion that names another function than its invocation.
    pub(super) fn mismatch(&self) -> Option<&Mismatch> {
        self.open.mismatch()
    }

    /// What a read returned.
    pub(super) fn returned(&self, read: &CounterRead) -> Value {
        self.beyond.get(&read.completion).cloned().unwrap_or_else(|| read.sum.into())
    }

    /// Index, time and process of the entry at a position.
    pub(super) fn stamp(&self, position: u32) -> Stamp {
        self.entries.stamp(position)
    }
}

/// An integer, or the nearest one that is beyond all sums.
fn clamped(integer: &Number) -> i128 {
    let beyond = if *integer < Number::from(0) { -BEYOND } else { BEYOND };
    integer.as_i128().unwrap_or(beyond).clamp(-BEYOND, BEYOND)
}
