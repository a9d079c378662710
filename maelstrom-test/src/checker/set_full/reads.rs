//! Numbering the elements that reads return.

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::history::{History, OpType, Pair, Process};

/// A read that returned a list.
pub(super) struct Read<'h> {
    pub(super) pair: Pair,
    pub(super) process: Process,
    /// Position of the invocation; `None` where the history lacks it.
    pub(super) invoked: Option<usize>,
    /// Position of the completion.
    pub(super) completed: usize,
    pub(super) is_final: bool,
    pub(super) values: &'h [Value],
}

impl Read<'_> {
    /// The earliest position at which its list may have been seen: that of its invocation, as far as is known.
    pub(super) fn begun(&self) -> usize {
        self.invoked.unwrap_or(self.completed)
    }
}

/// All `ok` reads that returned a list, and how many returned something else.
pub(super) fn reads<'h>(history: &'h History, pairs: &[Pair]) -> (Vec<Read<'h>>, usize) {
    let mut malformed = 0;
    let reads = pairs.iter().filter_map(|&pair| {
        let (invocation, completion) = history.entries(pair);
        let completion = completion.filter(|op| op.kind == OpType::Ok && &*op.f == "read")?;
        let Value::Array(values) = &completion.value else {
            malformed += 1;
            return None;
        };
        Some(Read {
            pair,
            process: completion.process,
            invoked: pair.invocation,
            completed: pair.completion?,
            is_final: completion.is_final || invocation.is_some_and(|op| op.is_final),
            values,
        })
    });
    (reads.collect(), malformed)
}

/// Stands for an element that nobody tried to add.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// How many elements may have gone at one place of a list before the rest of it is looked up.
const WINDOW: usize = 64;

/// Numbers elements. A process's next read mostly holds what its last one held, in the same order; so each list is
/// compared with that first, and only what is new is looked up.
pub(super) struct Numbering<'h> {
    /// Most elements are integers; these need not be looked up through a reference.
    integers: FxHashMap<i64, u32>,
    others: FxHashMap<&'h Value, u32>,
    last: FxHashMap<Process, (&'h [Value], Vec<u32>)>,
}

impl<'h> Numbering<'h> {
    pub(super) fn new(elements: impl Iterator<Item = &'h Value>) -> Numbering<'h> {
        let mut numbering =
            Numbering { integers: FxHashMap::default(), others: FxHashMap::default(), last: FxHashMap::default() };
        for (value, number) in elements.zip(0..) {
            match value.as_i64() {
                Some(integer) => numbering.integers.insert(integer, number),
                None => numbering.others.insert(value, number),
            };
        }
        numbering
    }

    /// The number of every element of a read, or [`UNKNOWN`].
    pub(super) fn of(&mut self, read: &Read<'h>) -> &[u32] {
        let (values, numbers) = self.last.entry(read.process).or_insert((&[], Vec::new()));
        let mut next = Vec::with_capacity(read.values.len());
        let (mut cursor, mut strays) = (0, 0);
        for value in read.values {
            if values.get(cursor) == Some(value) {
                next.push(numbers[cursor]);
                cursor += 1;
                continue;
            }
            let number = match value.as_i64() {
                Some(integer) => self.integers.get(&integer),
                None => self.others.get(value),
            };
            let number = number.copied().unwrap_or(UNKNOWN);
            next.push(number);
            // If the last read had it a little further on, what stood before it is gone; else it is new here. Where
            // nothing is found time after time, the order is another one, and looking is in vain.
            if strays < WINDOW {
                let ahead = &numbers[cursor..numbers.len().min(cursor + WINDOW)];
                match ahead.iter().position(|&other| other == number) {
                    Some(distance) => (cursor, strays) = (cursor + distance + 1, 0),
                    None => strays += 1,
                }
            }
        }
        (*values, *numbers) = (read.values, next);
        numbers
    }
}
