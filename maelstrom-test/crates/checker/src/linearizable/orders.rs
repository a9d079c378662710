//! The orders of a few operations, each as far as it is possible.

use super::problem::{ANYTHING, Action, Operation, State};

/// An order: operations (indices), with the state after each.
pub(super) type Order = Vec<(usize, State)>;

/// The number of steps of the search. It suffices for all orders of the few operations of a typical proof.
const MAX_STEPS: usize = 20_000;

/// Orders that respect time and the state of the register, and cannot be continued. At most `limit` orders, the longest
/// first.
pub(super) fn dead_ends(operations: &[Operation], initial: State, limit: usize) -> Vec<Order> {
    let mut walk =
        OrderSearch { operations, done: vec![false; operations.len()], path: Vec::new(), ends: Vec::new(), steps: 0 };
    walk.go(initial);
    let mut ends = walk.ends;
    ends.sort_by_key(|order| std::cmp::Reverse(order.len()));
    ends.truncate(limit);
    ends
}

struct OrderSearch<'a> {
    operations: &'a [Operation],
    done: Vec<bool>,
    path: Order,
    ends: Vec<Order>,
    steps: usize,
}

impl OrderSearch<'_> {
    fn go(&mut self, state: State) {
        // Operations that returned before another one began must precede it.
        let open = || self.operations.iter().zip(&self.done).filter(|(_, done)| !**done).map(|(op, _)| op);
        let first_end = open().filter_map(|op| op.end).min().unwrap_or(usize::MAX);
        let mut is_end = true;
        for index in 0..self.operations.len() {
            let op = self.operations[index];
            if self.done[index] || op.start > first_end || self.steps >= MAX_STEPS {
                continue;
            }
            let Some(after) = step(state, op.action) else { continue };
            // An operation that need not happen and does not change the state would only make the order longer.
            if op.end.is_none() && after == state {
                continue;
            }
            self.steps += 1;
            is_end = false;
            self.done[index] = true;
            self.path.push((index, after));
            self.go(after);
            self.path.pop();
            self.done[index] = false;
        }
        if is_end {
            self.ends.push(self.path.clone());
        }
    }
}

/// The state after an action, if it is possible.
pub(super) fn step(state: State, action: Action) -> Option<State> {
    match action {
        Action::Read(value) => (state == value || state == ANYTHING).then_some(value),
        Action::Write(value) => Some(value),
        Action::Cas(from, to) => (state == from || state == ANYTHING).then_some(to),
    }
}
