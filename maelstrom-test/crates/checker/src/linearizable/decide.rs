//! Chooses the methods that decide a problem.

use super::budget::Budget;
use super::chains;
use super::configurations::BeamLimits;
use super::problem::Problem;
use super::search::{SearchOutcome, SearchResult, search, search_with_limits};
use super::witness;
use super::zones;

/// The limits of the search, attempt by attempt. The first attempt suffices for nearly all histories.
const ATTEMPTS: [BeamLimits; 5] = [
    BeamLimits { alternatives: 1, configurations: 256 },
    BeamLimits { alternatives: 4, configurations: 1024 },
    BeamLimits { alternatives: 16, configurations: 4096 },
    BeamLimits { alternatives: 128, configurations: 32_768 },
    BeamLimits::NONE,
];
/// The largest number of operations in the recent part of a history that is searched alone.
const MOST_RECENT: usize = 512;
/// The number of configurations for the search of the recent part.
const CONFIGURATIONS_OF_RECENT: u64 = 200_000;
/// The number of configurations for the first attempt.
const CONFIGURATIONS_OF_FIRST_ATTEMPT: u64 = 100_000;
/// The number of steps to find a witness after the first attempt.
const STEPS_TO_WITNESS: u64 = 200_000;

/// Decides a problem.
///
/// With many indeterminate operations, there may be too many combinations of those that happened. So the search first keeps
/// only configurations that use few of them:
///
/// 1. If one of these explains the history, it is linearizable.
/// 2. If none does, the last few operations may contradict each other, whatever came before. That is easy to decide.
/// 3. Otherwise the search starts again and keeps more configurations.
pub(super) fn decide(problem: &Problem, budget: &mut Budget) -> SearchOutcome {
    match zones::decide(problem) {
        Some(true) => return SearchOutcome::Linearizable,
        Some(false) => return SearchOutcome::Stuck(first_stuck_operation(problem)),
        None => {}
    }
    if let Some(index) = chains::contradiction(problem) {
        return SearchOutcome::Stuck(index);
    }
    let first = first_attempt(problem, budget);
    if matches!(first.outcome, SearchOutcome::Exhausted(..)) {
        let steps = STEPS_TO_WITNESS.min(budget.configurations_left());
        if steps == 0 {
            return first.outcome;
        }
        if let Err(exhausted) = budget.spend_steps(steps) {
            let SearchOutcome::Exhausted(index, _) = first.outcome else { unreachable!("just matched") };
            return SearchOutcome::Exhausted(index, exhausted);
        }
        if witness::exists(problem, steps) {
            return SearchOutcome::Linearizable;
        }
    }
    let mut first = Some(first).filter(|found| !matches!(found.outcome, SearchOutcome::Exhausted(..)));
    let mut last = SearchOutcome::Linearizable;
    for limits in ATTEMPTS {
        let found = first.take().unwrap_or_else(|| search_with_limits(problem, limits, budget));
        match found.outcome {
            // Some order explains everything before, so this operation is the first that could not return.
            SearchOutcome::Stuck(index) if found.is_complete => return SearchOutcome::Stuck(index),
            SearchOutcome::Stuck(index) if found.outcome != last && contradicts_recent(problem, index, budget) => {
                return SearchOutcome::Stuck(index);
            }
            SearchOutcome::Stuck(_) => last = found.outcome,
            outcome => return outcome,
        }
    }
    // The last attempt has no limits.
    last
}

/// The first attempt, with a part of the budget that suffices for most histories.
fn first_attempt(problem: &Problem, budget: &mut Budget) -> SearchResult {
    let mut part = budget.part(CONFIGURATIONS_OF_FIRST_ATTEMPT);
    let found = search_with_limits(problem, ATTEMPTS[0], &mut part);
    budget.add(&part);
    found
}

/// Whether an operation contradicts the operations shortly before its return, whatever came before them.
fn contradicts_recent(problem: &Problem, index: usize, budget: &mut Budget) -> bool {
    let known = problem.until(problem.operations[index].end.unwrap_or(usize::MAX));
    let starts = known.starts();
    let mut part = budget.part(CONFIGURATIONS_OF_RECENT);
    let mut count = 8;
    let mut found = false;
    while count <= MOST_RECENT && count <= starts.len() && !found {
        let recent = search(&known.since(starts[starts.len() - count]), &mut part);
        if let SearchOutcome::Exhausted(..) = recent {
            break;
        }
        found = matches!(recent, SearchOutcome::Stuck(_));
        count *= 4;
    }
    budget.add(&part);
    found
}

/// The first operation that could not return, in a problem to which the fast method applies.
///
/// If no order explains a prefix of a history, no order explains the whole, so bisection finds the operation.
fn first_stuck_operation(problem: &Problem) -> usize {
    let mut returns: Vec<(usize, usize)> =
        problem.operations.iter().enumerate().filter_map(|(index, op)| op.end.map(|end| (end, index))).collect();
    returns.sort_unstable();
    // The fast method also applies to prefixes: fewer operations observe a value there, and no more operations write it.
    let explained = |(end, _): &(usize, usize)| zones::decide(&problem.until(*end)) != Some(false);
    let first = returns.partition_point(explained);
    returns[first.min(returns.len() - 1)].1
}
