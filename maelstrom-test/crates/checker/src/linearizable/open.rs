//! The operations that are open at one moment of a search, sorted by what they need and do.

use super::configurations::{Layout, SPENT, STATE, exclude, include};
use super::problem::{ANYTHING, Action, Operation, State};
use super::timeline::Class;

/// A step that a configuration can take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// The open operation in a slot takes effect, after which the register holds the state.
    Open(usize, State),
    /// An indeterminate operation with a counter takes effect, after which the register holds the state.
    Indeterminate(usize, State),
}

/// An operation that will return later.
#[derive(Clone, Copy, Debug)]
struct Entry {
    slot: usize,
    /// The value that it sets.
    to: State,
    /// The position of its return.
    end: usize,
}

/// Open and indeterminate operations.
pub(super) struct Open {
    layout: Layout,
    /// Per value: slots of reads of it.
    reads: Vec<Vec<usize>>,
    /// Per value: writes of it, those that return first in front.
    writes: Vec<Vec<Entry>>,
    /// Values with open writes.
    written: Vec<State>,
    /// Per value: compare-and-sets from it, those that return first in front.
    cas: Vec<Vec<Entry>>,
    /// Slots of writes, as a set.
    pub(super) write_slots: Vec<u32>,
    /// Slots of compare-and-sets, as a set.
    pub(super) cas_slots: Vec<u32>,
    /// Per slot: what is in it.
    slots: Vec<Option<Action>>,
    /// Classes of which some operation was invoked, with how many were.
    indeterminate: Vec<(Class, u32)>,
}

impl Open {
    pub(super) fn new(layout: Layout, values: usize, slots: usize) -> Open {
        Open {
            layout,
            reads: vec![Vec::new(); values],
            writes: vec![Vec::new(); values],
            written: Vec::new(),
            cas: vec![Vec::new(); values],
            write_slots: vec![0; layout.words()],
            cas_slots: vec![0; layout.words()],
            slots: vec![None; slots],
            indeterminate: Vec::new(),
        }
    }

    /// Puts an operation that will return into a free slot.
    pub(super) fn invoke(&mut self, op: &Operation) -> usize {
        let end = op.end.unwrap_or(usize::MAX);
        let slot = self.slots.iter().position(Option::is_none).expect("as many slots as operations are ever open");
        self.slots[slot] = Some(op.action);
        let insert = |entries: &mut Vec<Entry>, to| {
            let at = entries.partition_point(|entry| entry.end < end);
            entries.insert(at, Entry { slot, to, end });
        };
        match op.action {
            Action::Read(value) => self.reads[value as usize].push(slot),
            Action::Write(value) => {
                let writes = &mut self.writes[value as usize];
                if writes.is_empty() {
                    self.written.push(value);
                }
                insert(writes, value);
                include(&mut self.write_slots, slot);
            }
            Action::Cas(from, to) => {
                insert(&mut self.cas[from as usize], to);
                include(&mut self.cas_slots, slot);
            }
        }
        slot
    }

    /// Empties a slot.
    pub(super) fn remove(&mut self, slot: usize) {
        match self.slots[slot].take() {
            Some(Action::Read(value)) => self.reads[value as usize].retain(|other| *other != slot),
            Some(Action::Write(value)) => {
                self.writes[value as usize].retain(|entry| entry.slot != slot);
                if self.writes[value as usize].is_empty() {
                    self.written.retain(|other| *other != value);
                }
                exclude(&mut self.write_slots, slot);
            }
            Some(Action::Cas(from, _)) => {
                self.cas[from as usize].retain(|entry| entry.slot != slot);
                exclude(&mut self.cas_slots, slot);
            }
            None => {}
        }
    }

    /// One more operation of a class may happen. True if it is the class's first, so that its counter is new.
    pub(super) fn possible(&mut self, class: Class, position: usize) -> bool {
        if let Some((_, invoked)) = self.indeterminate.iter_mut().find(|(other, _)| other.action == class.action) {
            *invoked += 1;
            return false;
        }
        self.indeterminate.retain(|(other, _)| other.until > position);
        self.indeterminate.push((class, 1));
        true
    }

    /// Resets the counters of classes that are over.
    pub(super) fn forget_classes(&self, row: &mut [u32], position: usize) {
        for (class, _) in self.indeterminate.iter().filter(|(class, _)| class.until <= position) {
            *self.layout.counter_mut(row, class.counter) = 0;
        }
    }

    /// Meets the obligations of all operations that can take effect without changing the state: reads of it, and writes
    /// of what is there anyway. (Such a write may still be used later.)
    pub(super) fn settle(&self, row: &mut [u32]) {
        let state = row[STATE] as usize;
        if state < self.reads.len() {
            for &slot in &self.reads[state] {
                self.layout.meet(row, slot);
            }
            for entry in &self.writes[state] {
                self.layout.meet(row, entry.slot);
            }
        }
    }

    /// Takes a step.
    ///
    /// A write hides what was written immediately before it. So with any write, all open writes could have happened,
    /// unnoticed, just before: their obligations are met, and yet they need not be used up.
    pub(super) fn apply(&self, row: &mut [u32], step: Move) {
        let (state, is_write) = match step {
            Move::Open(slot, state) => {
                self.layout.meet(row, slot);
                let action = self.slots[slot];
                if !matches!(action, Some(Action::Read(_))) {
                    self.layout.use_up(row, slot);
                }
                (state, matches!(action, Some(Action::Write(_))))
            }
            Move::Indeterminate(counter, state) => {
                *self.layout.counter_mut(row, counter) += 1;
                let class = self.indeterminate.iter().find(|(class, _)| class.counter == counter);
                let is_write = class.is_some_and(|(class, _)| matches!(class.action, Action::Write(_)));
                // A write could be used in any state, so it is the greater loss.
                row[SPENT] += if is_write { 2 } else { 1 };
                (state, is_write)
            }
        };
        if is_write {
            self.layout.meet_all(row, &self.write_slots);
        }
        row[STATE] = state;
        self.settle(row);
    }

    /// The steps worth taking from a configuration towards the return of `target` at `position`.
    ///
    /// Of open operations that do the same, the one that returns first is taken first; and operations that return are
    /// taken before indeterminate ones that do the same.
    pub(super) fn moves(&self, row: &[u32], target: usize, position: usize, moves: &mut Vec<Move>) {
        moves.clear();
        let state = row[STATE];
        for &value in &self.written {
            let Some(entry) = self.next_write(row, value) else { continue };
            if entry.slot == target || self.is_useful(row, value, position) {
                moves.push(Move::Open(entry.slot, value));
            }
        }
        if state == ANYTHING {
            self.moves_from_anything(row, moves);
        } else if let Some(entries) = self.cas.get(state as usize) {
            for (index, entry) in entries.iter().enumerate() {
                let taken_first = |other: &Entry| other.to == entry.to && !self.layout.is_used(row, other.slot);
                if !self.layout.is_used(row, entry.slot) && !entries[..index].iter().any(taken_first) {
                    moves.push(Move::Open(entry.slot, entry.to));
                }
            }
        }
        for (class, invoked) in &self.indeterminate {
            if class.until < position || self.layout.counter(row, class.counter) >= *invoked {
                continue;
            }
            let (possible, to) = match class.action {
                Action::Write(value) => (self.next_write(row, value).is_none(), value),
                Action::Cas(from, to) => {
                    let twin = |entry: &Entry| entry.to == to && !self.layout.is_used(row, entry.slot);
                    let legal = state == from || state == ANYTHING;
                    (legal && !self.cas[from as usize].iter().any(twin), to)
                }
                Action::Read(_) => continue,
            };
            if possible && self.is_useful(row, to, position) {
                moves.push(Move::Indeterminate(class.counter, to));
            }
        }
    }

    /// Where the register may hold anything, reads and compare-and-sets say what it was.
    fn moves_from_anything(&self, row: &[u32], moves: &mut Vec<Move>) {
        for (slot, action) in self.slots.iter().enumerate() {
            match *action {
                Some(Action::Read(value)) if !self.layout.is_met(row, slot) => moves.push(Move::Open(slot, value)),
                Some(Action::Cas(_, to)) if !self.layout.is_used(row, slot) => moves.push(Move::Open(slot, to)),
                _ => {}
            }
        }
    }

    fn next_write(&self, row: &[u32], value: State) -> Option<&Entry> {
        self.writes[value as usize].iter().find(|entry| !self.layout.is_used(row, entry.slot))
    }

    /// Would writing this value make a difference? If nobody looks at it before it is overwritten, then it could just as
    /// well have been written unnoticed; and if it is there anyway, then all that a write of it can do is to hide others.
    fn is_useful(&self, row: &[u32], value: State, position: usize) -> bool {
        let is_observed = || {
            self.reads[value as usize].iter().any(|&slot| !self.layout.is_met(row, slot))
                || self.cas[value as usize].iter().any(|entry| !self.layout.is_used(row, entry.slot))
                || self.indeterminate.iter().any(|(class, invoked)| {
                    matches!(class.action, Action::Cas(from, _) if from == value)
                        && class.until >= position
                        && self.layout.counter(row, class.counter) < *invoked
                })
        };
        (value != row[STATE] || !self.layout.are_met(row, &self.write_slots)) && is_observed()
    }
}
