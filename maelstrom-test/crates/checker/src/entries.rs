//! The index, time and process of every entry of a history, in a few bytes each.
//!
//! A checker that receives a history entry by entry does not keep the entries. But a report must say when something
//! happened, which process did it, and where it is in the history. This module keeps that as differences from the entry
//! before, most of which fit into one to three bytes.

use crate::history::{Nanos, Op, Pair, Process};

/// Stands for "none" where a position or number is kept in 32 bits.
pub(crate) const NONE: u32 = u32::MAX;

/// A [`Pair`] in 8 bytes: the positions of the entries of an operation, or [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedPair {
    pub(crate) invocation: u32,
    pub(crate) completion: u32,
}

impl PackedPair {
    /// No operation.
    pub(crate) const NONE: PackedPair = PackedPair { invocation: NONE, completion: NONE };

    pub(crate) fn pair(self) -> Pair {
        let position = |at: u32| Some(at as usize).filter(|_| at != NONE);
        Pair { invocation: position(self.invocation), completion: position(self.completion) }
    }

    /// When the operation began, on a line on which position *p* of the history is *p* + 1. 0 is before everything: an
    /// operation without an invocation may have begun at any time before its completion.
    pub(crate) fn start(self) -> u32 {
        if self.invocation == NONE { 0 } else { self.invocation + 1 }
    }

    /// When the operation ended, on the same line. It must have a completion.
    pub(crate) fn end(self) -> u32 {
        self.completion + 1
    }

    /// The position of the last entry.
    pub(crate) fn last_entry(self) -> u32 {
        if self.completion == NONE { self.invocation } else { self.completion }
    }
}

/// The index, time and process of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The index that is stored in the history.
    pub(crate) index: u64,
    pub(crate) time: Nanos,
    pub(crate) process: Process,
}

/// The stamps of all entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    differences: Vec<u8>,
    /// For every [`STRIDE`]th entry, the offset of its differences, and the numbers of the entry before it.
    landmarks: Vec<(usize, [u64; 3])>,
    /// Index, time and process of the last entry. Entries of the nemesis repeat the process before them.
    last: [u64; 3],
    /// Positions of the entries of the nemesis, ascending. Processes may have any number, so no number is left to stand for
    /// the nemesis.
    nemesis: Vec<u32>,
    count: u32,
}

/// The number of entries from one landmark to the next. A larger stride takes less memory, and makes lookups slower.
const STRIDE: u32 = 64;

impl Entries {
    /// Adds an entry, and returns its position.
    pub(crate) fn push(&mut self, op: &Op) -> u32 {
        if self.count.is_multiple_of(STRIDE) {
            self.landmarks.push((self.differences.len(), self.last));
        }
        if op.process == Process::Nemesis {
            self.nemesis.push(self.count);
        }
        let numbers = [op.index, op.time, op.process.client().unwrap_or(self.last[2])];
        for (number, before) in numbers.iter().zip(self.last) {
            write(&mut self.differences, number.wrapping_sub(before));
        }
        self.last = numbers;
        self.count += 1;
        self.count - 1
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// The stamp of the entry at a position.
    pub(crate) fn stamp(&self, position: u32) -> Stamp {
        let (mut place, mut numbers) = self.landmarks[(position / STRIDE) as usize];
        for _ in 0..=position % STRIDE {
            for number in &mut numbers {
                *number = number.wrapping_add(read(&self.differences, &mut place));
            }
        }
        let [index, time, process] = numbers;
        let is_nemesis = self.nemesis.binary_search(&position).is_ok();
        Stamp { index, time, process: if is_nemesis { Process::Nemesis } else { Process::Client(process) } }
    }
}

/// Appends a difference: seven bits per byte, the lowest first, zigzag-encoded so that small negative differences are short.
fn write(out: &mut Vec<u8>, difference: u64) {
    let mut rest = difference << 1 ^ ((difference as i64) >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads a difference, and moves `place` behind it.
fn read(bytes: &[u8], place: &mut usize) -> u64 {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let byte = bytes[*place];
        *place += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return number >> 1 ^ (number & 1).wrapping_neg();
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use crate::json::Value;
    use proptest::prelude::*;

    use super::*;
    use crate::history::OpType;

    fn any_number() -> impl Strategy<Value = u64> {
        prop_oneof![0..300_u64, any::<u64>(), Just(0), Just(u64::MAX)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn stamps_equal_the_entries(
            rows in prop::collection::vec((any_number(), any_number(), prop::option::weighted(0.8, any_number())), 0..300),
        ) {
            let mut entries = Entries::default();
            let mut expected = Vec::new();
            for (at, (index, time, process)) in rows.into_iter().enumerate() {
                let process = process.map_or(Process::Nemesis, Process::Client);
                let op = Op { time, process, ..Op::new(index, OpType::Ok, 0, "read", Value::Null) };
                prop_assert_eq!(entries.push(&op), at as u32);
                expected.push(Stamp { index, time, process });
            }
            for (at, stamp) in (0..).zip(expected) {
                prop_assert_eq!(entries.stamp(at), stamp);
            }
        }
    }

    #[test]
    fn an_entry_takes_few_bytes() {
        let mut entries = Entries::default();
        for index in 0..1000 {
            entries
                .push(&Op { time: index * 1_000_000, ..Op::new(index, OpType::Ok, index % 20, "read", Value::Null) });
        }
        assert!(entries.differences.len() <= 5 * 1000 + 100, "{}", entries.differences.len());
    }
}
