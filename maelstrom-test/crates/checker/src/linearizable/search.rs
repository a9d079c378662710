//! The engine: which configurations can a register be in, event by event?
//!
//! Whenever an operation returns, it must have taken effect. The search keeps the set of all configurations that the
//! events so far allow, and lets operations take effect only when one must return (just-in-time linearization, G. Lowe,
//! "Testing for linearizability", 2017; the search itself goes back to J. Wing and C. Gong, 1993). Three observations
//! keep the set small:
//!
//! - reads do not change the state, so they take effect as soon as they can;
//! - a write hides writes that happened immediately before it, so an operation's obligation can be met while its effect
//!   remains available;
//! - identical operations are interchangeable, and configurations that others make superfluous are dropped
//!   ([`super::configurations`]).
//!
//! The set is empty if and only if no order of the operations explains the events.

use super::budget::{Budget, Exhausted};
use super::configurations::{Configurations, Layout, STATE, Thrift};
use super::open::{Move, Open};
use super::problem::{Action, Operation, Problem, UNOBSERVED};
use super::timeline::{Event, Timeline};

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is such an order.
    Linearizable,
    /// There is none; the operation (by index) is the first that could not return.
    Stuck(usize),
    /// The budget did not suffice; that is as far as the search came.
    Exhausted(usize, Exhausted),
}

/// Decides a problem.
pub(super) fn search(problem: &Problem, budget: &mut Budget) -> Outcome {
    search_thriftily(problem, Thrift::NONE, budget).outcome
}

/// What a search found that may have left out configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) outcome: Outcome,
    /// No configuration was left out, so that [`Outcome::Stuck`] is certain. [`Outcome::Linearizable`] always is.
    pub(super) is_complete: bool,
}

/// Looks for an order among the less expensive ones.
pub(super) fn search_thriftily(problem: &Problem, thrift: Thrift, budget: &mut Budget) -> Found {
    if let Err(exhausted) = budget.spend_steps(problem.operations.len() as u64) {
        // Where a search ends before it begins, it has come to the first operation that returns.
        let first = problem.operations.iter().position(|operation| operation.end.is_some()).unwrap_or(0);
        return Found { outcome: Outcome::Exhausted(first, exhausted), is_complete: false };
    }
    let timeline = Timeline::new(problem);
    let mut search = Search::new(problem, &timeline, thrift);
    let outcome = search.run(problem, budget);
    Found { outcome, is_complete: search.is_complete() }
}

struct Search<'a> {
    timeline: &'a Timeline,
    layout: Layout,
    open: Open,
    /// What the events so far allow.
    current: Configurations,
    /// What the next return leaves of it.
    next: Configurations,
    /// Configurations on the way from one to the other.
    pending: Configurations,
    /// What was accounted for of their comparisons.
    compared: u64,
    // Buffers that are used again and again.
    row: Vec<u32>,
    stepped: Vec<u32>,
    moves: Vec<Move>,
}

/// The return that a step of the search is about.
#[derive(Clone, Copy)]
struct Return {
    slot: usize,
    position: usize,
    is_read: bool,
    /// The operation is a write, and its effect can still be noticed: where its obligation was met without using it,
    /// this is the last chance to.
    last_chance: bool,
}

impl<'a> Search<'a> {
    fn new(problem: &Problem, timeline: &'a Timeline, thrift: Thrift) -> Search<'a> {
        let layout = Layout::new(timeline.slots, timeline.counters);
        let open = Open::new(layout, problem.values, timeline.slots);
        let mut current = Configurations::new(layout, thrift);
        current.insert(&layout.first(problem.initial), &open.cas_slots);
        Search {
            timeline,
            layout,
            open,
            current,
            next: Configurations::new(layout, thrift),
            pending: Configurations::new(layout, thrift),
            compared: 0,
            row: Vec::new(),
            stepped: Vec::new(),
            moves: Vec::new(),
        }
    }

    fn run(&mut self, problem: &Problem, budget: &mut Budget) -> Outcome {
        let timeline = self.timeline;
        let mut slot_of = vec![0; problem.operations.len()];
        for &(position, event) in &timeline.events {
            match event {
                Event::Invoke(index) => slot_of[index] = self.open.invoke(&problem.operations[index]),
                Event::Possible(class) => self.possible(class, position),
                Event::Return(index) => {
                    match self.returns(slot_of[index], &problem.operations[index], position, budget) {
                        Ok(true) => self.current.truncate(),
                        Ok(false) => return Outcome::Stuck(index),
                        Err(exhausted) => return Outcome::Exhausted(index, exhausted),
                    }
                }
            }
        }
        Outcome::Linearizable
    }

    fn is_complete(&self) -> bool {
        ![&self.current, &self.next, &self.pending].iter().any(|set| set.is_incomplete)
    }

    /// An operation of a class becomes possible.
    fn possible(&mut self, class: usize, position: usize) {
        let class = self.timeline.classes[class];
        if self.open.possible(class, position) {
            for row in self.current.iter_mut() {
                *self.layout.counter_mut(row, class.counter) = 0;
            }
        }
    }

    /// Keeps what is possible now that an operation has returned; false if nothing is.
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

    /// Replaces the current configurations by all that follow from them and have the returning operation in effect.
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

    /// Takes every step from `self.row`.
    fn expand(&mut self, event: Return) {
        self.open.moves(&self.row, event.slot, event.position, &mut self.moves);
        for index in 0..self.moves.len() {
            let step = self.moves[index];
            copy(&self.row, &mut self.stepped);
            self.open.apply(&mut self.stepped, step);
            let is_target = matches!(step, Move::Open(slot, _) if slot == event.slot);
            if is_target || (event.is_read && self.layout.is_met(&self.stepped, event.slot)) {
                self.keep(event);
            } else {
                self.pending.insert(&self.stepped, &self.open.cas_slots);
            }
        }
    }

    /// Adds `self.stepped`, in which the returning operation is in effect, to the next configurations, without what no
    /// longer makes a difference.
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
