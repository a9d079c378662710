//! What a search needs to know before it starts: the events in their order, until when each value is of interest, and
//! the classes of indeterminate operations.

use rustc_hash::FxHashMap;

use super::problem::{Action, Problem, State};

/// Something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The operation (an index) is invoked and will return.
    Invoke(usize),
    /// The operation (an index) returns.
    Return(usize),
    /// One more operation of a class (an index) becomes possible, and will never return.
    Possible(usize),
}

/// Indeterminate operations that do the same. Only how many of them were used can make a difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) action: Action,
    /// Which counter of a configuration it has. Counters are used again after a class is over.
    pub(super) counter: usize,
    /// From this position on nobody can notice whether it happened.
    pub(super) until: usize,
}

/// A problem, prepared.
pub(super) struct Timeline {
    pub(super) events: Vec<(usize, Event)>,
    pub(super) classes: Vec<Class>,
    /// How many counters a configuration needs.
    pub(super) counters: usize,
    /// How many operations that will return are open at once.
    pub(super) slots: usize,
    /// Per value: the position of the last return of an operation that can notice it; 0 if there is none.
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
        // A stable sort: it takes advantage of the first part being sorted already.
        events.sort_by_key(|(position, _)| *position);
        let slots = most_open(&events);
        Timeline { events, classes, counters: counters.until.len(), slots, needed }
    }
}

/// Counters, each with the position at which it becomes free again.
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

/// Per value, until when somebody can notice it: directly, or because an indeterminate compare-and-set from it leads to
/// a value that somebody can notice.
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
    // From the latest value to the earliest, so that each is reached first from the latest that it leads to.
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
