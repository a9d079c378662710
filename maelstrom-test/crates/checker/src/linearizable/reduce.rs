//! Reduces a contradiction in a long history to the smallest set of operations that still contradict each other.
//!
//! Operations cannot simply be removed: without a write whose value was read, any history is contradictory. These steps
//! never create a contradiction, because each only allows more orders:
//!
//! - *Drop a read.*
//! - *Relax a write* or compare-and-set: it may take effect once, at any time after its invocation, or never.
//! - *Forget the past*: remove all operations that returned before some moment, and let the register hold any value then.
//!
//! Forgetting the past also forgets the initial value. If an operation is needed only for that reason, the proof keeps the
//! initial value instead of the operation.
//!
//! The reduction takes as many steps as possible. What remains is the proof.

use super::budget::Budget;
use super::decide::decide;
use super::problem::{ANYTHING, Operation, Problem};
use super::search::SearchOutcome;

/// The largest number of operations of a history for which a proof with the initial value is tried. There, each step of the
/// reduction must decide the whole history again.
const MOST_WITH_INITIAL: usize = 2000;

/// Operations that contradict each other.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    /// Operations with an end are the proof. The others may or may not have happened.
    pub(super) problem: Problem,
    /// The operation (by `id`) that could not return.
    pub(super) stuck: usize,
    /// False if the budget was exhausted before every step was tried.
    pub(super) is_minimal: bool,
}

/// Reduces a problem whose operation with index `stuck` could not return.
pub(super) fn reduce(problem: &Problem, stuck: usize, budget: &mut Budget) -> Proof {
    let stuck = problem.operations[stuck];
    let known = problem.until(stuck.end.unwrap_or(usize::MAX));
    let mut reduction = Reduction { problem: known.clone(), budget, is_minimal: true };
    if !reduction.weaken_all_but(stuck.id) {
        reduction.forget_prefix();
        reduction.weaken_one_by_one();
        reduction.forget_prefix();
        reduction.keep_initial_value(&known);
    }
    Proof { problem: reduction.problem, stuck: stuck.id, is_minimal: reduction.is_minimal }
}

struct Reduction<'b> {
    /// The current problem, which no order explains.
    problem: Problem,
    budget: &'b mut Budget,
    is_minimal: bool,
}

impl Reduction<'_> {
    fn is_contradiction(&mut self, problem: &Problem) -> bool {
        match decide(problem, self.budget) {
            SearchOutcome::Stuck(_) => true,
            SearchOutcome::Linearizable => false,
            SearchOutcome::Exhausted(..) => {
                self.is_minimal = false;
                false
            }
        }
    }

    /// Whether the operation alone contradicts the initial value, because nothing can have written the value that it observed.
    /// If so, weakens all others.
    fn weaken_all_but(&mut self, stuck: usize) -> bool {
        let others: Vec<usize> = self.problem.operations.iter().map(|op| op.id).filter(|id| *id != stuck).collect();
        let weaker = weakened(&self.problem, &others);
        let suffices = self.is_contradiction(&weaker);
        if suffices {
            self.problem = weaker;
        }
        suffices
    }

    /// Forgets as much of the past as possible. A later moment makes a weaker problem, so the latest one is found by bisection,
    /// after doubling, because it is usually close to the end.
    fn forget_prefix(&mut self) {
        let starts = self.problem.starts();
        // The last `enough` operations suffice for a contradiction, the last `too_few` do not.
        let (mut too_few, mut enough) = (0, 1);
        loop {
            enough = enough.min(starts.len());
            if self.suffices_with_initial(&starts, enough) {
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
            if self.suffices_with_initial(&starts, middle) {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        self.problem = self.problem.since(starts[starts.len() - enough]);
    }

    /// Removes operations that are not needed if the initial value is known.
    fn keep_initial_value(&mut self, known: &Problem) {
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

    fn suffices_with_initial(&mut self, starts: &[usize], operations: usize) -> bool {
        operations > 0 && {
            let problem = self.problem.since(starts[starts.len() - operations]);
            self.is_contradiction(&problem)
        }
    }

    /// Drops reads and relaxes writes, the earliest first, many at once if possible.
    ///
    /// One pass suffices: an operation that cannot be weakened now cannot be weakened either after others were.
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
