//! Sets of configurations, without those that another one dominates.
//!
//! A configuration is a row of words:
//!
//! | part | content |
//! | --- | --- |
//! | state | the state of the register |
//! | spent | the cost of the indeterminate operations that were used |
//! | *met* | a bit per slot of open operations: the operation may return |
//! | *used* | a bit per slot: the effect of the operation is used up |
//! | counters | by class of indeterminate operations, how many of them were used |
//!
//! Configuration *a* dominates *b* if both have the same state, every operation that is met in *b* is met in *a*, and
//! everything that is used in *a* is used in *b*. Then whatever is possible from *b* is possible from *a*.

use std::hash::Hasher;
use std::ops::Range;

use rustc_hash::FxHasher;

use super::problem::State;

const WORD: usize = u32::BITS as usize;
const NONE: u32 = u32::MAX;

/// The word of a row with the state of the register.
pub(super) const STATE: usize = 0;
/// The word of a row with the cost of the indeterminate operations that were used. Only [`BeamLimits`] needs it.
pub(super) const SPENT: usize = 1;
/// The number of words before the sets of slots.
const HEAD: usize = 2;

/// The layout of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLayout {
    words: usize,
    counters: usize,
}

impl RowLayout {
    pub(super) fn new(slots: usize, counters: usize) -> RowLayout {
        RowLayout { words: slots.div_ceil(WORD), counters }
    }

    /// The number of words of a set of slots.
    pub(super) fn words(self) -> usize {
        self.words
    }

    fn width(self) -> usize {
        HEAD + 2 * self.words + self.counters
    }

    fn met(self) -> Range<usize> {
        HEAD..HEAD + self.words
    }

    fn used(self) -> Range<usize> {
        HEAD + self.words..HEAD + 2 * self.words
    }

    fn counters(self) -> Range<usize> {
        HEAD + 2 * self.words..self.width()
    }

    /// The configuration before all events.
    pub(super) fn first(self, initial: State) -> Vec<u32> {
        let mut row = vec![0; self.width()];
        row[STATE] = initial;
        row
    }

    pub(super) fn is_met(self, row: &[u32], slot: usize) -> bool {
        row[HEAD + slot / WORD] >> (slot % WORD) & 1 == 1
    }

    pub(super) fn is_used(self, row: &[u32], slot: usize) -> bool {
        row[HEAD + self.words + slot / WORD] >> (slot % WORD) & 1 == 1
    }

    /// Whether all slots of a set are met.
    pub(super) fn are_met(self, row: &[u32], slots: &[u32]) -> bool {
        row[self.met()].iter().zip(slots).all(|(word, wanted)| wanted & !word == 0)
    }

    pub(super) fn meet(self, row: &mut [u32], slot: usize) {
        row[HEAD + slot / WORD] |= 1 << (slot % WORD);
    }

    /// Marks all slots of a set as met.
    pub(super) fn meet_all(self, row: &mut [u32], slots: &[u32]) {
        for (word, more) in row[self.met()].iter_mut().zip(slots) {
            *word |= more;
        }
    }

    pub(super) fn use_up(self, row: &mut [u32], slot: usize) {
        row[HEAD + self.words + slot / WORD] |= 1 << (slot % WORD);
    }

    /// Clears a slot whose operation has returned.
    pub(super) fn clear(self, row: &mut [u32], slot: usize) {
        let mask = !(1 << (slot % WORD));
        row[HEAD + slot / WORD] &= mask;
        row[HEAD + self.words + slot / WORD] &= mask;
    }

    pub(super) fn counter(self, row: &[u32], class: usize) -> u32 {
        row[HEAD + 2 * self.words + class]
    }

    pub(super) fn counter_mut(self, row: &mut [u32], class: usize) -> &mut u32 {
        &mut row[HEAD + 2 * self.words + class]
    }

    /// Whether `a` dominates `b`, without regard to indeterminate operations. Their states must be equal.
    fn is_as_free(self, a: &[u32], b: &[u32]) -> bool {
        let at_least = |range: Range<usize>| a[range.clone()].iter().zip(&b[range]).all(|(a, b)| b & !a == 0);
        let at_most = |range: Range<usize>| a[range.clone()].iter().zip(&b[range]).all(|(a, b)| a & !b == 0);
        at_least(self.met()) && at_most(self.used())
    }

    /// Whether `a` has used no more indeterminate operations of any class than `b`.
    fn spends_no_more(self, a: &[u32], b: &[u32]) -> bool {
        a[self.counters()].iter().zip(&b[self.counters()]).all(|(a, b)| a <= b)
    }
}

/// Sets one bit of a set of slots.
pub(super) fn include(slots: &mut [u32], slot: usize) {
    slots[slot / WORD] |= 1 << (slot % WORD);
}

/// Clears one bit of a set of slots.
pub(super) fn exclude(slots: &mut [u32], slot: usize) {
    slots[slot / WORD] &= !(1 << (slot % WORD));
}

/// The limits of a beam search, which drops the more expensive configurations.
///
/// With many indeterminate operations, there are too many combinations of those that happened. A beam search can still find
/// an order, but if it finds none, that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BeamLimits {
    /// The number of configurations that are kept of those that differ only in the indeterminate operations that they used.
    /// The cheapest are kept.
    pub(super) alternatives: usize,
    /// The number of configurations that are kept after an event.
    pub(super) configurations: usize,
}

impl BeamLimits {
    /// No limits: the search is complete.
    pub(super) const NONE: BeamLimits = BeamLimits { alternatives: usize::MAX, configurations: usize::MAX };
}

/// A set of configurations, none of which dominates another one. It keeps the order of insertion, so it is also a work
/// list.
pub(super) struct Configurations {
    layout: RowLayout,
    rows: Vec<u32>,
    /// By row, the next row of its group. The rows of a group have equal keys, so they must be compared.
    chain: Vec<u32>,
    superfluous: Vec<bool>,
    /// A hash table with open addressing: the first row of each group. Its length is a power of two.
    table: Vec<u32>,
    groups: usize,
    live: usize,
    limits: BeamLimits,
    /// The number of comparisons of rows.
    pub(super) compared: u64,
    /// Whether a configuration was dropped that no other one dominates.
    pub(super) is_incomplete: bool,
}

impl Configurations {
    pub(super) fn new(layout: RowLayout, limits: BeamLimits) -> Configurations {
        Configurations {
            layout,
            limits,
            compared: 0,
            is_incomplete: false,
            rows: Vec::new(),
            chain: Vec::new(),
            superfluous: Vec::new(),
            table: vec![NONE; 16],
            groups: 0,
            live: 0,
        }
    }

    /// The number of rows, including dominated ones.
    pub(super) fn len(&self) -> usize {
        self.chain.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        4 * (self.rows.capacity() + self.chain.capacity() + self.table.capacity()) + self.superfluous.capacity()
    }

    pub(super) fn clear(&mut self) {
        // Clearing a table takes time that is proportional to its size, so a sparse one is replaced.
        if self.table.len() > 64 && self.groups * 16 < self.table.len() {
            self.table.truncate((self.groups * 4).next_power_of_two().max(16));
        }
        self.table.fill(NONE);
        self.rows.clear();
        self.chain.clear();
        self.superfluous.clear();
        self.groups = 0;
        self.live = 0;
    }

    /// A row, unless another one dominates it.
    pub(super) fn get(&self, index: usize) -> Option<&[u32]> {
        (!self.superfluous[index]).then(|| self.row(index))
    }

    /// Drops the most expensive rows if there are too many.
    pub(super) fn truncate(&mut self) {
        let limit = self.limits.configurations;
        if self.live <= limit {
            return;
        }
        let mut live: Vec<usize> = (0..self.len()).filter(|&index| !self.superfluous[index]).collect();
        live.sort_by_key(|&index| self.row(index)[SPENT]);
        for &index in &live[limit..] {
            self.superfluous[index] = true;
        }
        self.live = limit;
        self.is_incomplete = true;
    }

    /// All rows that are not dominated, for changes in place. Rows may be equal afterwards, so [`Configurations::clear`] must
    /// be called before further insertions.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u32]> {
        let rows = self.rows.chunks_exact_mut(self.layout.width());
        rows.zip(&self.superfluous).filter_map(|(row, superfluous)| (!superfluous).then_some(row))
    }

    fn row(&self, index: usize) -> &[u32] {
        let width = self.layout.width();
        &self.rows[index * width..(index + 1) * width]
    }

    /// Adds a row, unless a present row dominates it. `exact` is the set of slots in which *met* and *used* are the same, so
    /// rows that differ there need not be compared.
    pub(super) fn insert(&mut self, row: &[u32], exact: &[u32]) {
        let at = self.find_group(row, exact);
        let first = self.table[at];
        let new = self.len() as u32;
        if first == NONE {
            self.groups += 1;
            self.table[at] = new;
        } else if !self.makes_room(first, row) {
            return;
        } else {
            // After the first row, which stays in the table even if it is dominated, because it represents the group.
            self.chain.push(self.chain[first as usize]);
            self.chain[first as usize] = new;
        }
        if first == NONE {
            self.chain.push(NONE);
        }
        self.rows.extend_from_slice(row);
        self.superfluous.push(false);
        self.live += 1;
        if self.groups * 2 > self.table.len() {
            self.grow(exact);
        }
    }

    /// Compares a new row with its group. False if it is dominated; otherwise marks the rows that it dominates.
    fn makes_room(&mut self, first: u32, row: &[u32]) -> bool {
        let mut previous = NONE;
        let mut index = first;
        let mut as_good = 0;
        while index != NONE {
            self.compared += 1;
            let next = self.chain[index as usize];
            let present = self.row(index as usize);
            if self.layout.is_as_free(present, row) {
                if self.layout.spends_no_more(present, row) {
                    return false;
                }
                as_good += usize::from(present[SPENT] <= row[SPENT]);
                if as_good >= self.limits.alternatives {
                    self.is_incomplete = true;
                    return false;
                }
            }
            let is_superfluous = self.layout.is_as_free(row, present) && self.layout.spends_no_more(row, present);
            if is_superfluous && !self.superfluous[index as usize] {
                self.superfluous[index as usize] = true;
                self.live -= 1;
                if previous != NONE {
                    self.chain[previous as usize] = next;
                    index = next;
                    continue;
                }
            }
            previous = index;
            index = next;
        }
        true
    }

    /// The place of the group of a row in the table.
    fn find_group(&self, row: &[u32], exact: &[u32]) -> usize {
        let used = self.layout.used();
        let mut hasher = FxHasher::default();
        hasher.write_u32(row[STATE]);
        for (word, mask) in row[used.clone()].iter().zip(exact) {
            hasher.write_u32(word & mask);
        }
        let mask = self.table.len() - 1;
        let mut at = hasher.finish() as usize & mask;
        loop {
            let index = self.table[at];
            if index == NONE {
                return at;
            }
            let other = self.row(index as usize);
            let same = |((a, b), mask): ((&u32, &u32), &u32)| (a ^ b) & mask == 0;
            if other[STATE] == row[STATE] && row[used.clone()].iter().zip(&other[used.clone()]).zip(exact).all(same) {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self, exact: &[u32]) {
        let doubled = vec![NONE; self.table.len() * 2];
        let firsts = std::mem::replace(&mut self.table, doubled);
        for first in firsts.into_iter().filter(|&first| first != NONE) {
            let at = self.find_group(self.row(first as usize), exact);
            self.table[at] = first;
        }
    }
}
