//! Sets of configurations, without those that another one makes superfluous.
//!
//! A configuration is a row of words: the register's state; what was spent on indeterminate operations; a bit per slot
//! of open operations that is set if the operation's obligation is *met* (it may return); a bit per slot that is set if
//! its effect is *used up*; and a counter per class of indeterminate operations that says how many of them were used.
//!
//! Configuration *a* makes *b* superfluous if both have the same state, every obligation met in *b* is met in *a*, and
//! everything used up in *a* is used up in *b*: whatever can be done from *b* can be done from *a*.

use std::hash::Hasher;
use std::ops::Range;

use rustc_hash::FxHasher;

use super::problem::State;

const WORD: usize = u32::BITS as usize;
const NONE: u32 = u32::MAX;

/// The word of a row that holds the register's state.
pub(super) const STATE: usize = 0;
/// The word of a row that says what was spent on indeterminate operations. Only [`Thrift`] looks at it.
pub(super) const SPENT: usize = 1;
/// So many words come before the sets of slots.
const HEAD: usize = 2;

/// Where the parts of a row are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    words: usize,
    counters: usize,
}

impl Layout {
    pub(super) fn new(slots: usize, counters: usize) -> Layout {
        Layout { words: slots.div_ceil(WORD), counters }
    }

    /// Words of a set of slots.
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

    /// The configuration in which nothing has happened yet.
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

    /// Are the obligations of a whole set of slots met?
    pub(super) fn are_met(self, row: &[u32], slots: &[u32]) -> bool {
        row[self.met()].iter().zip(slots).all(|(word, wanted)| wanted & !word == 0)
    }

    pub(super) fn meet(self, row: &mut [u32], slot: usize) {
        row[HEAD + slot / WORD] |= 1 << (slot % WORD);
    }

    /// Meets the obligations of a whole set of slots.
    pub(super) fn meet_all(self, row: &mut [u32], slots: &[u32]) {
        for (word, more) in row[self.met()].iter_mut().zip(slots) {
            *word |= more;
        }
    }

    pub(super) fn use_up(self, row: &mut [u32], slot: usize) {
        row[HEAD + self.words + slot / WORD] |= 1 << (slot % WORD);
    }

    /// Forgets a slot whose operation has returned.
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

    /// Would `a` make `b` superfluous if there were no indeterminate operations? Their states are equal.
    fn is_as_free(self, a: &[u32], b: &[u32]) -> bool {
        let at_least = |range: Range<usize>| a[range.clone()].iter().zip(&b[range]).all(|(a, b)| b & !a == 0);
        let at_most = |range: Range<usize>| a[range.clone()].iter().zip(&b[range]).all(|(a, b)| a & !b == 0);
        at_least(self.met()) && at_most(self.used())
    }

    /// Does `a` leave at least the indeterminate operations that `b` leaves?
    fn is_as_thrifty(self, a: &[u32], b: &[u32]) -> bool {
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

/// How many alternatives are kept.
///
/// With many indeterminate operations, the ways in which some of them can have happened are too many. A search that
/// leaves out the more expensive ones can still find an order; that it finds none then proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thrift {
    /// A configuration is left out if so many others are equally good but for which indeterminate operations they
    /// used, and did not spend more.
    pub(super) alternatives: usize,
    /// At most so many configurations are kept after an event.
    pub(super) configurations: usize,
}

impl Thrift {
    /// Nothing is left out.
    pub(super) const NONE: Thrift = Thrift { alternatives: usize::MAX, configurations: usize::MAX };
}

/// A set of configurations of which none makes another superfluous. It remembers the order of insertion, so it serves
/// as a work list, too.
pub(super) struct Configurations {
    layout: Layout,
    rows: Vec<u32>,
    /// Per row: the next of its group (rows that only domination can tell apart).
    chain: Vec<u32>,
    superfluous: Vec<bool>,
    /// Open addressing: the first row of each group. As long as a power of two.
    table: Vec<u32>,
    groups: usize,
    live: usize,
    thrift: Thrift,
    /// Rows that were compared with others so far.
    pub(super) compared: u64,
    /// Some configuration was left out that no other made superfluous.
    pub(super) is_incomplete: bool,
}

impl Configurations {
    pub(super) fn new(layout: Layout, thrift: Thrift) -> Configurations {
        Configurations {
            layout,
            thrift,
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

    /// Rows, superfluous ones included.
    pub(super) fn len(&self) -> usize {
        self.chain.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        4 * (self.rows.capacity() + self.chain.capacity() + self.table.capacity()) + self.superfluous.capacity()
    }

    pub(super) fn clear(&mut self) {
        // A table that was once large would make every later clearing expensive.
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

    /// A row, unless another one made it superfluous.
    pub(super) fn get(&self, index: usize) -> Option<&[u32]> {
        (!self.superfluous[index]).then(|| self.row(index))
    }

    /// Leaves out the most expensive rows if there are too many.
    pub(super) fn truncate(&mut self) {
        let limit = self.thrift.configurations;
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

    /// All rows that are not superfluous, to be changed in place. Afterwards rows may be alike, so that no more can be
    /// inserted before [`Configurations::clear`].
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u32]> {
        let rows = self.rows.chunks_exact_mut(self.layout.width());
        rows.zip(&self.superfluous).filter_map(|(row, superfluous)| (!superfluous).then_some(row))
    }

    fn row(&self, index: usize) -> &[u32] {
        let width = self.layout.width();
        &self.rows[index * width..(index + 1) * width]
    }

    /// Adds a row, unless one that is present makes it superfluous. `exact` is the set of slots in which "met" and
    /// "used" are the same thing, so that rows that differ there need not be compared.
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
            // Behind the first, which stays in the table even if it is superfluous: it stands for the group.
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

    /// Compares a new row with its group: false if it is superfluous, else what it makes superfluous is marked.
    fn makes_room(&mut self, first: u32, row: &[u32]) -> bool {
        let mut previous = NONE;
        let mut index = first;
        let mut as_good = 0;
        while index != NONE {
            self.compared += 1;
            let next = self.chain[index as usize];
            let present = self.row(index as usize);
            if self.layout.is_as_free(present, row) {
                if self.layout.is_as_thrifty(present, row) {
                    return false;
                }
                as_good += usize::from(present[SPENT] <= row[SPENT]);
                if as_good >= self.thrift.alternatives {
                    self.is_incomplete = true;
                    return false;
                }
            }
            let is_superfluous = self.layout.is_as_free(row, present) && self.layout.is_as_thrifty(row, present);
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

    /// The place in the table where the row's group is, or belongs.
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
