//! Searches depth-first for a witness: one order that explains a history.
//!
//! The breadth-first search ([`super::search`]) keeps all configurations, which may be too many: forty concurrent
//! compare-and-sets have 2⁴⁰ subsets. If an order exists, a depth-first search may find it in as many steps as there are
//! operations. It tries the most promising operations first, and stops after a number of steps. Only success proves anything.
//!
//! Three heuristics guide it:
//!
//! - A read that is possible takes effect at once. This never excludes an order.
//! - Compare-and-sets come first that make most others possible, as an Euler path does not enter a dead end early.
//! - If all operations up to the next moment without open operations are compare-and-sets and reads, the remaining ones must
//!   be connected with the current value. Otherwise the search backtracks.

use rustc_hash::FxHashSet;

use super::problem::{ANYTHING, Action, Operation, Problem, State};

const NONE: usize = usize::MAX;
/// The largest number of operations of a part for which the connectivity is checked.
const MOST_EDGES: usize = 512;

/// Whether an order is found within this number of steps.
pub(super) fn exists(problem: &Problem, steps: u64) -> bool {
    Witness::new(problem).find(steps)
}

/// A linked list of operations that can be removed, and restored in reverse order.
struct LinkedOperations {
    before: Vec<usize>,
    after: Vec<usize>,
}

impl LinkedOperations {
    /// A list in this order. The head is the element after the last operation.
    fn new(order: &[usize], count: usize) -> LinkedOperations {
        let mut links = LinkedOperations { before: vec![NONE; count + 1], after: vec![NONE; count + 1] };
        let mut last = count;
        for &index in order {
            links.after[last] = index;
            links.before[index] = last;
            last = index;
        }
        links.after[last] = count;
        links.before[count] = last;
        links
    }

    fn take(&mut self, index: usize) {
        let (before, after) = (self.before[index], self.after[index]);
        self.after[before] = after;
        self.before[after] = before;
    }

    fn put_back(&mut self, index: usize) {
        let (before, after) = (self.before[index], self.after[index]);
        self.after[before] = index;
        self.before[after] = index;
    }
}

/// An operation that takes effect, and the alternatives.
struct Choice {
    taken: usize,
    state: State,
    others: Vec<usize>,
}

struct Witness<'a> {
    operations: &'a [Operation],
    /// The remaining operations in the order of invocations, and those that must happen in the order of returns.
    by_start: LinkedOperations,
    by_end: LinkedOperations,
    state: State,
    /// By value, the number of remaining compare-and-sets and reads of it that must happen.
    observers: Vec<u32>,
    /// By operation, its part of the history, between moments without open operations.
    part: Vec<usize>,
    /// By part, whether it contains only compare-and-sets and reads.
    is_chain: Vec<bool>,
    /// The visited sets of remaining operations with their states, as hashes. A collision only misses a witness.
    seen: FxHashSet<u64>,
    hash: u64,
}

impl<'a> Witness<'a> {
    fn new(problem: &'a Problem) -> Witness<'a> {
        let operations = &problem.operations[..];
        let count = operations.len();
        let by_start: Vec<usize> = (0..count).collect();
        let mut by_end: Vec<usize> = (0..count).filter(|&index| operations[index].end.is_some()).collect();
        by_end.sort_by_key(|&index| operations[index].end);
        let mut observers = vec![0; problem.values];
        for operation in operations.iter().filter(|operation| operation.end.is_some()) {
            if let Some(slot) = operation.action.observes().and_then(|value| observers.get_mut(value as usize)) {
                *slot += 1;
            }
        }
        let (part, is_chain) = parts(operations);
        Witness {
            operations,
            by_start: LinkedOperations::new(&by_start, count),
            by_end: LinkedOperations::new(&by_end, count),
            state: problem.initial,
            observers,
            part,
            is_chain,
            seen: FxHashSet::default(),
            hash: 0,
        }
    }

    fn find(&mut self, steps: u64) -> bool {
        let mut choices: Vec<Choice> = Vec::new();
        let mut candidates = self.candidates();
        for _ in 0..steps {
            if self.is_done() {
                return true;
            }
            if let Some(index) = candidates.pop() {
                choices.push(Choice { taken: index, state: self.state, others: candidates });
                self.take(index);
                let is_new = self.seen.insert(self.hash ^ mix(u64::from(self.state) << 32));
                candidates = if is_new && self.is_connected() { self.candidates() } else { Vec::new() };
            } else {
                let Some(choice) = choices.pop() else { return false };
                self.put_back(&choice);
                candidates = choice.others;
            }
        }
        false
    }

    /// Whether no remaining operation must happen.
    fn is_done(&self) -> bool {
        self.by_end.after[self.operations.len()] == self.operations.len()
    }

    fn take(&mut self, index: usize) {
        let operation = self.operations[index];
        self.by_start.take(index);
        if operation.end.is_some() {
            self.by_end.take(index);
            self.count_observer(operation, false);
        }
        self.hash ^= mix(index as u64 + 1);
        match operation.action {
            Action::Read(value) => self.state = value,
            Action::Write(to) | Action::Cas(_, to) => self.state = to,
        }
    }

    fn put_back(&mut self, choice: &Choice) {
        let operation = self.operations[choice.taken];
        self.by_start.put_back(choice.taken);
        if operation.end.is_some() {
            self.by_end.put_back(choice.taken);
            self.count_observer(operation, true);
        }
        self.hash ^= mix(choice.taken as u64 + 1);
        self.state = choice.state;
    }

    fn count_observer(&mut self, operation: Operation, more: bool) {
        if let Some(slot) = operation.action.observes().and_then(|value| self.observers.get_mut(value as usize)) {
            *slot = if more { *slot + 1 } else { *slot - 1 };
        }
    }

    fn observers_of(&self, value: State) -> u32 {
        self.observers.get(value as usize).copied().unwrap_or(0)
    }

    /// The operations that may be next, the most promising one last.
    fn candidates(&self) -> Vec<usize> {
        let head = self.operations.len();
        let earliest = self.by_end.after[head];
        if earliest == head {
            return Vec::new();
        }
        let limit = self.operations[earliest].end.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let mut index = self.by_start.after[head];
        while index != head && self.operations[index].start < limit {
            let operation = self.operations[index];
            let is_possible = match operation.action {
                Action::Read(value) | Action::Cas(value, _) => self.state == value || self.state == ANYTHING,
                Action::Write(_) => true,
            };
            if is_possible {
                if matches!(operation.action, Action::Read(value) if value == self.state) {
                    return vec![index];
                }
                found.push(index);
            }
            index = self.by_start.after[index];
        }
        found.sort_by_key(|&index| std::cmp::Reverse(self.priority(index)));
        found
    }

    /// The priority of an operation. Smaller is more promising.
    fn priority(&self, index: usize) -> (u8, u32, usize) {
        let operation = self.operations[index];
        let end = operation.end.unwrap_or(usize::MAX);
        let looked_at = |to: State| u32::MAX - self.observers_of(to);
        match (operation.action, operation.end) {
            (Action::Read(_), _) => (0, 0, end),
            (Action::Cas(_, to), Some(_)) => (1, looked_at(to), end),
            // A write of a value that no operation observes is best while no operation observes the current value either.
            (Action::Write(to), Some(_)) if self.observers_of(to) == 0 => (2, 0, end),
            (Action::Write(_), Some(_)) => (3, 0, end),
            (Action::Cas(_, to) | Action::Write(to), None) => (4, looked_at(to), end),
        }
    }

    /// Whether the remaining compare-and-sets of the current part are connected with the current value.
    fn is_connected(&self) -> bool {
        let head = self.operations.len();
        let first = self.by_end.after[head];
        if first == head || self.state == ANYTHING || !self.is_chain[self.part[first]] {
            return true;
        }
        let part = self.part[first];
        let mut edges: Vec<(State, State)> = Vec::new();
        let mut index = self.by_start.after[head];
        while index != head && self.part[index] <= part {
            if let Action::Cas(from, to) = self.operations[index].action {
                edges.push((from, to));
            }
            if edges.len() > MOST_EDGES {
                return true;
            }
            index = self.by_start.after[index];
        }
        are_connected(&mut edges, self.state)
    }
}

/// Whether all edges can be reached from a value. Consumes the edges.
pub(super) fn are_connected(edges: &mut Vec<(State, State)>, start: State) -> bool {
    let mut reached: FxHashSet<State> = FxHashSet::default();
    reached.insert(start);
    loop {
        let before = edges.len();
        edges.retain(|(from, to)| {
            let touches = reached.contains(from);
            if touches {
                reached.insert(*to);
            }
            !touches
        });
        if edges.is_empty() {
            return true;
        }
        if edges.len() == before {
            return false;
        }
    }
}

/// The parts of a history between moments without open operations: by operation, its part; and by part, whether it contains
/// only compare-and-sets and reads that must happen.
pub(super) fn parts(operations: &[Operation]) -> (Vec<usize>, Vec<bool>) {
    let (mut part, mut is_chain) = (Vec::with_capacity(operations.len()), Vec::new());
    let mut latest_end = 0;
    for operation in operations {
        if is_chain.is_empty() || operation.start > latest_end {
            // An operation that may happen at any later time belongs to all later parts.
            is_chain.push(latest_end != usize::MAX);
        }
        latest_end = latest_end.max(operation.end.unwrap_or(usize::MAX));
        let last = is_chain.last_mut().expect("just pushed");
        *last &= operation.end.is_some() && !matches!(operation.action, Action::Write(_));
        part.push(is_chain.len() - 1);
    }
    (part, is_chain)
}

/// Mixes the bits of a number (the finalizer of SplitMix64).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
