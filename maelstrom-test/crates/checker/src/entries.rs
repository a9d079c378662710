//! What the entries of a history say beside their values, in a few bytes each.
//!
//! Checkers that take a history entry by entry need most of it as numbers only. But what they find has to be told to
//! people: when it happened, who did it, and where it stands in the history. That is kept here for every entry, as the
//! differences from the entry before it, most of which fit into one byte or three.

use crate::history::{Nanos, Op, Process};

/// Stands for "none" where a position or number is kept in 32 bits.
pub(crate) const NONE: u32 = u32::MAX;

/// What an entry says beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The index that the history itself gives to it.
    pub(crate) index: u64,
    pub(crate) time: Nanos,
    pub(crate) process: Process,
}

/// The stamps of all entries so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    differences: Vec<u8>,
    /// For every so many entries, where its differences begin, and the numbers of the one before it.
    landmarks: Vec<(usize, [u64; 3])>,
    /// Index, time and process of the last entry. Entries of the nemesis repeat the process before them.
    last: [u64; 3],
    /// Positions of the entries of the nemesis, ascending. They are few. A process may have any number, so none can
    /// stand for the nemesis.
    nemesis: Vec<u32>,
    count: u32,
}

/// Entries from one landmark to the next. More of them take less memory, and more time to look one up.
const STRIDE: u32 = 64;

impl Entries {
    /// Adds an entry, and gives its position.
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

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// The entry at a position.
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

/// Seven bits to a byte, the lowest first; small negative differences are as short as small positive ones.
fn write(out: &mut Vec<u8>, difference: u64) {
    let mut rest = difference << 1 ^ ((difference as i64) >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

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
        fn stamps_are_what_entries_said(
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
