//! The open operations at a moment of a search, indexed by the values that they observe and write.

use super::configurations::{RowLayout, SPENT, STATE, exclude, include};
use super::problem::{ANYTHING, Action, Operation, State};
use super::timeline::Class;

/// A transition of a configuration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transition {
    /// The open operation in a slot takes effect, and the register has this state.
    OpenOperations(usize, State),
    /// An indeterminate operation with a counter takes effect, and the register has this state.
    Indeterminate(usize, State),
}

/// An open operation that writes.
#[derive(Clone, Copy, Debug)]
struct OpenWrite {
    slot: usize,
    /// The value that it writes.
    to: State,
    /// The position of its return.
    end: usize,
}

/// The open and the indeterminate operations.
pub(super) struct OpenOperations {
    layout: RowLayout,
    /// By value, the slots of reads of it.
    reads: Vec<Vec<usize>>,
    /// By value, the writes of it, in the order of their returns.
    writes: Vec<Vec<OpenWrite>>,
    /// Values with open writes.
    written: Vec<State>,
    /// By value, the compare-and-sets from it, in the order of their returns.
    cas: Vec<Vec<OpenWrite>>,
    /// The set of slots of writes.
    pub(super) write_slots: Vec<u32>,
    /// The set of slots of compare-and-sets.
    pub(super) cas_slots: Vec<u32>,
    /// By slot, its operation.
    slots: Vec<Option<Action>>,
    /// The classes of which operations were invoked, with the number of these operations.
    indeterminate: Vec<(Class, u32)>,
}

impl OpenOperations {
    pub(super) fn new(layout: RowLayout, values: usize, slots: usize) -> OpenOperations {
        OpenOperations {
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

    /// Puts an operation into a free slot.
    pub(super) fn invoke(&mut self, op: &Operation) -> usize {
        let end = op.end.unwrap_or(usize::MAX);
        let slot = self.slots.iter().position(Option::is_none).expect("as many slots as operations are ever open");
        self.slots[slot] = Some(op.action);
        let insert = |entries: &mut Vec<OpenWrite>, to| {
            let at = entries.partition_point(|entry| entry.end < end);
            entries.insert(at, OpenWrite { slot, to, end });
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

    /// Clears a slot.
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

    /// Adds an operation of a class. True if it is the first one of its class, which has a new counter.
    pub(super) fn possible(&mut self, class: Class, position: usize) -> bool {
        if let Some((_, invoked)) = self.indeterminate.iter_mut().find(|(other, _)| other.action == class.action) {
            *invoked += 1;
            return false;
        }
        self.indeterminate.retain(|(other, _)| other.until > position);
        self.indeterminate.push((class, 1));
        true
    }

    /// Resets the counters of classes that can no longer be observed.
    pub(super) fn forget_classes(&self, row: &mut [u32], position: usize) {
        for (class, _) in self.indeterminate.iter().filter(|(class, _)| class.until <= position) {
            *self.layout.counter_mut(row, class.counter) = 0;
        }
    }

    /// Marks all operations as met that can take effect without changing the state: reads of it, and writes of the same
    /// value. Such a write may still be used later.
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

    /// Applies a transition.
    ///
    /// A write hides writes immediately before it. So with any write, all open writes may have happened just before. They are
    /// met, without being used up.
    pub(super) fn apply(&self, row: &mut [u32], step: Transition) {
        let (state, is_write) = match step {
            Transition::OpenOperations(slot, state) => {
                self.layout.meet(row, slot);
                let action = self.slots[slot];
                if !matches!(action, Some(Action::Read(_))) {
                    self.layout.use_up(row, slot);
                }
                (state, matches!(action, Some(Action::Write(_))))
            }
            Transition::Indeterminate(counter, state) => {
                *self.layout.counter_mut(row, counter) += 1;
                let class = self.indeterminate.iter().find(|(class, _)| class.counter == counter);
                let is_write = class.is_some_and(|(class, _)| matches!(class.action, Action::Write(_)));
                // A write can be used in any state, so using one up costs more.
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

    /// The useful transitions of a configuration before the return of `target` at `position`.
    ///
    /// Of equal open operations, the one that returns first is used first, and open operations are used before equal
    /// indeterminate ones.
    pub(super) fn transitions(&self, row: &[u32], target: usize, position: usize, transitions: &mut Vec<Transition>) {
        transitions.clear();
        let state = row[STATE];
        for &value in &self.written {
            let Some(entry) = self.next_write(row, value) else { continue };
            if entry.slot == target || self.is_useful(row, value, position) {
                transitions.push(Transition::OpenOperations(entry.slot, value));
            }
        }
        if state == ANYTHING {
            self.transitions_from_anything(row, transitions);
        } else if let Some(entries) = self.cas.get(state as usize) {
            for (index, entry) in entries.iter().enumerate() {
                let taken_first = |other: &OpenWrite| other.to == entry.to && !self.layout.is_used(row, other.slot);
                if !self.layout.is_used(row, entry.slot) && !entries[..index].iter().any(taken_first) {
                    transitions.push(Transition::OpenOperations(entry.slot, entry.to));
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
                    let twin = |entry: &OpenWrite| entry.to == to && !self.layout.is_used(row, entry.slot);
                    let legal = state == from || state == ANYTHING;
                    (legal && !self.cas[from as usize].iter().any(twin), to)
                }
                Action::Read(_) => continue,
            };
            if possible && self.is_useful(row, to, position) {
                transitions.push(Transition::Indeterminate(class.counter, to));
            }
        }
    }

    /// The transitions if the register may hold any value: reads and compare-and-sets then determine it.
    fn transitions_from_anything(&self, row: &[u32], transitions: &mut Vec<Transition>) {
        for (slot, action) in self.slots.iter().enumerate() {
            match *action {
                Some(Action::Read(value)) if !self.layout.is_met(row, slot) => {
                    transitions.push(Transition::OpenOperations(slot, value))
                }
                Some(Action::Cas(_, to)) if !self.layout.is_used(row, slot) => {
                    transitions.push(Transition::OpenOperations(slot, to))
                }
                _ => {}
            }
        }
    }

    fn next_write(&self, row: &[u32], value: State) -> Option<&OpenWrite> {
        self.writes[value as usize].iter().find(|entry| !self.layout.is_used(row, entry.slot))
    }

    /// Whether writing this value can make a difference. If no operation observes it before it is overwritten, a write of it
    /// is hidden. If the register holds it already, a write of it can only hide other writes.
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
