//! The search for all configurations of a register, event by event.
//!
//! When an operation returns, it must have taken effect. The search keeps the set of all configurations that the events so
//! far allow, and lets operations take effect only when one must return (just-in-time linearization: G. Lowe, *Testing for
//! Linearizability*, 2017; the search is that of J. Wing and C. Gong, 1993). Three facts keep the set small:
//!
//! - Reads do not change the state, so they take effect as soon as possible.
//! - A write hides writes immediately before it. So an operation can be met while its effect remains available.
//! - Equal operations are interchangeable, and dominated configurations are dropped ([`super::configurations`]).
//!
//! The set is empty if and only if no order of the operations explains the events.

use super::budget::{Budget, Exhausted};
use super::configurations::{BeamLimits, Configurations, RowLayout, STATE};
use super::open::{OpenOperations, Transition};
use super::problem::{Action, Operation, Problem, UNOBSERVED};
use super::timeline::{Event, Timeline};

/// The outcome of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchOutcome {
    /// Some order explains the events.
    Linearizable,
    /// No order explains them. The operation (by index) is the first that could not return.
    Stuck(usize),
    /// The budget was exhausted at the operation (by index).
    Exhausted(usize, Exhausted),
}

/// Decides a problem.
pub(super) fn search(problem: &Problem, budget: &mut Budget) -> SearchOutcome {
    search_with_limits(problem, BeamLimits::NONE, budget).outcome
}

/// The result of a search with limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SearchResult {
    pub(super) outcome: SearchOutcome,
    /// Whether no configuration was dropped. Only then [`SearchOutcome::Stuck`] is certain. [`SearchOutcome::Linearizable`]
    /// always is.
    pub(super) is_complete: bool,
}

/// Searches for an order within limits.
pub(super) fn search_with_limits(problem: &Problem, limits: BeamLimits, budget: &mut Budget) -> SearchResult {
    if let Err(exhausted) = budget.spend_steps(problem.operations.len() as u64) {
        // A search that ends before it begins has come to the first operation that returns.
        let first = problem.operations.iter().position(|operation| operation.end.is_some()).unwrap_or(0);
        return SearchResult { outcome: SearchOutcome::Exhausted(first, exhausted), is_complete: false };
    }
    let timeline = Timeline::new(problem);
    let mut search = Search::new(problem, &timeline, limits);
    let outcome = search.run(problem, budget);
    SearchResult { outcome, is_complete: search.is_complete() }
}

struct Search<'a> {
    timeline: &'a Timeline,
    layout: RowLayout,
    open: OpenOperations,
    /// The configurations that the events so far allow.
    current: Configurations,
    /// The configurations after the next return.
    next: Configurations,
    /// Configurations between these two.
    pending: Configurations,
    /// The number of comparisons that the budget has accounted for.
    compared: u64,
    // Reused buffers.
    row: Vec<u32>,
    stepped: Vec<u32>,
    transitions: Vec<Transition>,
}

/// The return that the search processes.
#[derive(Clone, Copy)]
struct Return {
    slot: usize,
    position: usize,
    is_read: bool,
    /// Whether the operation is a write that can still be observed. Configurations in which it is met but not used can use it
    /// now for the last time.
    last_chance: bool,
}

impl<'a> Search<'a> {
    fn new(problem: &Problem, timeline: &'a Timeline, limits: BeamLimits) -> Search<'a> {
        let layout = RowLayout::new(timeline.slots, timeline.counters);
        let open = OpenOperations::new(layout, problem.values, timeline.slots);
        let mut current = Configurations::new(layout, limits);
        current.insert(&layout.first(problem.initial), &open.cas_slots);
        Search {
            timeline,
            layout,
            open,
            current,
            next: Configurations::new(layout, limits),
            pending: Configurations::new(layout, limits),
            compared: 0,
            row: Vec::new(),
            stepped: Vec::new(),
            transitions: Vec::new(),
        }
    }

    fn run(&mut self, problem: &Problem, budget: &mut Budget) -> SearchOutcome {
        let timeline = self.timeline;
        let mut slot_of = vec![0; problem.operations.len()];
        for &(position, event) in &timeline.events {
            match event {
                Event::Invoke(index) => slot_of[index] = self.open.invoke(&problem.operations[index]),
                Event::Possible(class) => self.possible(class, position),
                Event::Return(index) => {
                    match self.returns(slot_of[index], &problem.operations[index], position, budget) {
                        Ok(true) => self.current.truncate(),
                        Ok(false) => return SearchOutcome::Stuck(index),
                        Err(exhausted) => return SearchOutcome::Exhausted(index, exhausted),
                    }
                }
            }
        }
        SearchOutcome::Linearizable
    }

    fn is_complete(&self) -> bool {
        ![&self.current, &self.next, &self.pending].iter().any(|set| set.is_incomplete)
    }

    /// An operation of a class may happen from now on.
    fn possible(&mut self, class: usize, position: usize) {
        let class = self.timeline.classes[class];
        if self.open.possible(class, position) {
            for row in self.current.iter_mut() {
                *self.layout.counter_mut(row, class.counter) = 0;
            }
        }
    }

    /// Keeps the configurations in which an operation can have returned. False if there are none.
    fn returns(
        &mut self,
        slot: usize,
        op: &Operation,
        position: usize,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        let is_read = matches!(op.action, Action::Read(_));
        let last_chance = matches!(op.action, Action::Write(value) if self.timeline.needed[value as usize] > position);
        let layout = self.layout;
        let mut all_done = true;
        for row in self.current.iter_mut() {
            self.open.settle(row);
            all_done &= layout.is_met(row, slot) && (!last_chance || layout.is_used(row, slot));
        }
        if all_done {
            self.current.iter_mut().for_each(|row| layout.clear(row, slot));
        } else {
            self.advance(Return { slot, position, is_read, last_chance }, budget)?;
        }
        self.open.remove(slot);
        Ok(!self.current.is_empty())
    }

    /// Replaces the current configurations by all their successors in which the returning operation has taken effect.
    fn advance(&mut self, event: Return, budget: &mut Budget) -> Result<(), Exhausted> {
        self.next.clear();
        self.pending.clear();
        for index in 0..self.current.len() {
            let Some(row) = self.current.get(index) else { continue };
            let met = self.layout.is_met(row, event.slot);
            if !met || (event.last_chance && !self.layout.is_used(row, event.slot)) {
                self.pending.insert(row, &self.open.cas_slots);
            }
            if met {
                copy(row, &mut self.stepped);
                self.keep(event);
            }
        }
        let mut index = 0;
        while index < self.pending.len() {
            if let Some(row) = self.pending.get(index) {
                let compared = self.next.compared + self.pending.compared;
                let bytes = self.current.bytes() + self.next.bytes() + self.pending.bytes();
                budget.spend(compared - std::mem::replace(&mut self.compared, compared), bytes)?;
                copy(row, &mut self.row);
                self.expand(event);
            }
            index += 1;
        }
        std::mem::swap(&mut self.current, &mut self.next);
        self.compared = self.next.compared + self.pending.compared;
        Ok(())
    }

    /// Applies every transition to `self.row`.
    fn expand(&mut self, event: Return) {
        self.open.transitions(&self.row, event.slot, event.position, &mut self.transitions);
        for index in 0..self.transitions.len() {
            let step = self.transitions[index];
            copy(&self.row, &mut self.stepped);
            self.open.apply(&mut self.stepped, step);
            let is_target = matches!(step, Transition::OpenOperations(slot, _) if slot == event.slot);
            if is_target || (event.is_read && self.layout.is_met(&self.stepped, event.slot)) {
                self.keep(event);
            } else {
                self.pending.insert(&self.stepped, &self.open.cas_slots);
            }
        }
    }

    /// Adds `self.stepped`, in which the returning operation has taken effect, to the next configurations, without what can no
    /// longer be observed.
    fn keep(&mut self, event: Return) {
        let row = &mut self.stepped;
        self.layout.clear(row, event.slot);
        if row[STATE] < UNOBSERVED && self.timeline.needed[row[STATE] as usize] <= event.position {
            row[STATE] = UNOBSERVED;
        }
        self.open.forget_classes(row, event.position);
        self.next.insert(row, &self.open.cas_slots);
    }
}

fn copy(from: &[u32], to: &mut Vec<u32>) {
    to.clear();
    to.extend_from_slice(from);
}
