//! Prepares a problem for the search: the events in order, until when each value can be observed, and the classes of
//! indeterminate operations.

use rustc_hash::FxHashMap;

use super::problem::{Action, Problem, State};

/// An event of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The operation (an index) is invoked and will return.
    Invoke(usize),
    /// The operation (an index) returns.
    Return(usize),
    /// An operation of a class (an index) may happen from now on, and never returns.
    Possible(usize),
}

/// A class of equal indeterminate operations. Only the number of those that were used matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) action: Action,
    /// Its counter in a configuration. Counters are reused after `until`.
    pub(super) counter: usize,
    /// The position from which on no operation can observe whether one of them happened.
    pub(super) until: usize,
}

/// A problem that is prepared for a search.
pub(super) struct Timeline {
    pub(super) events: Vec<(usize, Event)>,
    pub(super) classes: Vec<Class>,
    /// The number of counters of a configuration.
    pub(super) counters: usize,
    /// The largest number of open operations at any time.
    pub(super) slots: usize,
    /// By value, the position of the last return of an operation that can observe it; 0 if there is none.
    pub(super) needed: Vec<usize>,
}

impl Timeline {
    pub(super) fn new(problem: &Problem) -> Timeline {
        let needed = needed(problem);
        let mut classes: Vec<Class> = Vec::new();
        let mut class_of: FxHashMap<Action, usize> = FxHashMap::default();
        let mut events = Vec::with_capacity(problem.operations.len() * 2);
        let mut counters = Counters::default();
        for (index, op) in problem.operations.iter().enumerate() {
            if op.end.is_some() {
                events.push((op.start, Event::Invoke(index)));
                continue;
            }
            let Some(until) = op.action.writes().map(|value| needed[value as usize]) else { continue };
            if until <= op.start {
                continue;
            }
            let class = *class_of.entry(op.action).or_insert_with(|| {
                classes.push(Class { action: op.action, counter: counters.take(op.start, until), until });
                classes.len() - 1
            });
            events.push((op.start, Event::Possible(class)));
        }
        let returns = problem.operations.iter().enumerate();
        events.extend(returns.filter_map(|(index, op)| op.end.map(|end| (end, Event::Return(index)))));
        // The stable sort is fast, because the first part is sorted already.
        events.sort_by_key(|(position, _)| *position);
        let slots = most_open(&events);
        Timeline { events, classes, counters: counters.until.len(), slots, needed }
    }
}

/// The counters, each with the position at which it becomes free.
#[derive(Default)]
struct Counters {
    until: Vec<usize>,
}

impl Counters {
    fn take(&mut self, start: usize, until: usize) -> usize {
        let free = self.until.iter().position(|&occupied| occupied <= start);
        let counter = free.unwrap_or_else(|| {
            self.until.push(0);
            self.until.len() - 1
        });
        self.until[counter] = until;
        counter
    }
}

fn most_open(events: &[(usize, Event)]) -> usize {
    let (mut open, mut most) = (0, 0);
    for (_, event) in events {
        match event {
            Event::Invoke(_) => open += 1,
            Event::Return(_) => open -= 1,
            Event::Possible(_) => {}
        }
        most = most.max(open);
    }
    most
}

/// By value, until when an operation can observe it, directly or through an indeterminate compare-and-set to a value that can
/// be observed.
fn needed(problem: &Problem) -> Vec<usize> {
    let mut needed = vec![0; problem.values];
    let mut leads: Vec<(State, State)> = Vec::new();
    for op in &problem.operations {
        match (op.action, op.end) {
            (Action::Cas(from, to), None) => leads.push((to, from)),
            (action, Some(end)) => {
                if let Some(value) = action.observes() {
                    needed[value as usize] = end.max(needed[value as usize]);
                }
            }
            _ => {}
        }
    }
    if leads.is_empty() {
        return needed;
    }
    leads.sort_unstable();
    leads.dedup();
    // From the latest value to the earliest. Each is then first reached from the latest value to which it leads.
    let mut order: Vec<State> = (0..problem.values as State).collect();
    order.sort_by_key(|&value| std::cmp::Reverse(needed[value as usize]));
    let mut reached = vec![false; problem.values];
    for start in order {
        let latest = needed[start as usize];
        let mut stack = vec![start];
        while let Some(value) = stack.pop() {
            if std::mem::replace(&mut reached[value as usize], true) {
                continue;
            }
            needed[value as usize] = latest;
            let first = leads.partition_point(|(to, _)| *to < value);
            stack.extend(leads[first..].iter().take_while(|(to, _)| *to == value).map(|(_, from)| *from));
        }
    }
    needed
}
