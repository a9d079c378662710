//! From a contradiction in a long history to the smallest set of operations that still contradict each other.
//!
//! Leaving out a write whose value was read would make any history worse, so operations cannot simply be dropped. What
//! can be done without ever inventing a contradiction:
//!
//! - *drop a read*;
//! - *relax a write* (or compare-and-set): it may take effect once, at any time after its invocation, or never;
//! - *forget the past*: drop everything that was over before some moment, and let the register hold anything then.
//!
//! What the register held at first is forgotten with the past, too. If that is what made an operation necessary, the
//! proof keeps the initial value instead of the operation.
//!
//! Each of these only allows more orders. The reduction takes as many of the steps as possible; when no further one
//! leaves a contradiction, what remains is the proof.

use super::budget::Budget;
use super::decide::decide;
use super::problem::{ANYTHING, Operation, Problem};
use super::search::Outcome;

/// In a longer history nobody looks whether the initial value makes a shorter proof: every step of the reduction would have
/// to decide all of the history again.
const MOST_WITH_INITIAL: usize = 2000;

/// Operations that contradict each other.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    /// Operations with an end are the proof; the others are those that may or may not have happened.
    pub(super) problem: Problem,
    /// The operation (by `id`) that could not return.
    pub(super) stuck: usize,
    /// False if the budget did not suffice to try every step.
    pub(super) is_minimal: bool,
}

/// Reduces a problem whose operation with index `stuck` could not return.
pub(super) fn reduce(problem: &Problem, stuck: usize, budget: &mut Budget) -> Proof {
    let stuck = problem.operations[stuck];
    let known = problem.until(stuck.end.unwrap_or(usize::MAX));
    let mut reduction = Reduction { problem: known.clone(), budget, is_minimal: true };
    if !reduction.weaken_all_but(stuck.id) {
        reduction.forget_the_past();
        reduction.weaken_one_by_one();
        reduction.forget_the_past();
        reduction.remember_the_initial_value(&known);
    }
    Proof { problem: reduction.problem, stuck: stuck.id, is_minimal: reduction.is_minimal }
}

struct Reduction<'b> {
    /// Always without an explanation.
    problem: Problem,
    budget: &'b mut Budget,
    is_minimal: bool,
}

impl Reduction<'_> {
    fn is_contradiction(&mut self, problem: &Problem) -> bool {
        match decide(problem, self.budget) {
            Outcome::Stuck(_) => true,
            Outcome::Linearizable => false,
            Outcome::Exhausted(..) => {
                self.is_minimal = false;
                false
            }
        }
    }

    /// Does the operation contradict the initial value alone, because nothing could have written what it observed?
    fn weaken_all_but(&mut self, stuck: usize) -> bool {
        let others: Vec<usize> = self.problem.operations.iter().map(|op| op.id).filter(|id| *id != stuck).collect();
        let weaker = weakened(&self.problem, &others);
        let suffices = self.is_contradiction(&weaker);
        if suffices {
            self.problem = weaker;
        }
        suffices
    }

    /// Forgets as much of the past as possible. The later the moment, the weaker the problem, so the latest can be
    /// found by bisection; and as it is usually close to the end, by doubling before.
    fn forget_the_past(&mut self) {
        let starts = self.problem.starts();
        // Remembering the last `enough` operations suffices for a contradiction, the last `too_few` do not.
        let (mut too_few, mut enough) = (0, 1);
        loop {
            enough = enough.min(starts.len());
            if self.remembers(&starts, enough) {
                break;
            }
            if enough == starts.len() {
                return;
            }
            too_few = enough;
            enough *= 2;
        }
        while enough - too_few > 1 {
            let middle = too_few + (enough - too_few) / 2;
            if self.remembers(&starts, middle) {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        self.problem = self.problem.since(starts[starts.len() - enough]);
    }

    /// Leaves out operations that are superfluous where the initial value is known.
    fn remember_the_initial_value(&mut self, known: &Problem) {
        if self.problem.initial != ANYTHING || known.initial == ANYTHING || known.operations.len() > MOST_WITH_INITIAL {
            return;
        }
        let proof = required(&self.problem);
        let others: Vec<usize> = required(known).into_iter().filter(|id| !proof.contains(id)).collect();
        let forgetful = std::mem::replace(&mut self.problem, weakened(known, &others));
        self.weaken_one_by_one();
        if required(&self.problem).len() == proof.len() {
            self.problem = forgetful;
        }
    }

    fn remembers(&mut self, starts: &[usize], operations: usize) -> bool {
        operations > 0 && {
            let problem = self.problem.since(starts[starts.len() - operations]);
            self.is_contradiction(&problem)
        }
    }

    /// Drops reads and relaxes writes, the earliest first: many at once where possible, else one by one.
    ///
    /// One pass suffices, since what cannot be weakened now cannot be weakened either when others have been.
    fn weaken_one_by_one(&mut self) {
        let candidates: Vec<usize> =
            self.problem.operations.iter().filter(|op| op.end.is_some()).map(|op| op.id).collect();
        let mut chunks = vec![&candidates[..]];
        while let Some(chunk) = chunks.pop() {
            let weaker = weakened(&self.problem, chunk);
            if self.is_contradiction(&weaker) {
                self.problem = weaker;
            } else if chunk.len() > 1 {
                let (earlier, later) = chunk.split_at(chunk.len() / 2);
                chunks.push(later);
                chunks.push(earlier);
            }
        }
    }
}

/// The operations (by `id`) that must have taken effect.
fn required(problem: &Problem) -> Vec<usize> {
    problem.operations.iter().filter(|op| op.end.is_some()).map(|op| op.id).collect()
}

/// The problem without these reads, and with these writes relaxed.
pub(super) fn weakened(problem: &Problem, ids: &[usize]) -> Problem {
    let mut weak = ids.to_vec();
    weak.sort_unstable();
    let keep = |op: &Operation| if weak.binary_search(&op.id).is_ok() { op.relaxed() } else { Some(*op) };
    problem.with(problem.operations.iter().filter_map(keep).collect())
}
