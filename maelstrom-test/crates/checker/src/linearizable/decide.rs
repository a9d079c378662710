//! Which method decides a problem.

use super::budget::Budget;
use super::chains;
use super::configurations::Thrift;
use super::problem::Problem;
use super::search::{Found, Outcome, search, search_thriftily};
use super::witness;
use super::zones;

/// How much is left out, from attempt to attempt. Hardly any history needs the second.
const ATTEMPTS: [Thrift; 5] = [
    Thrift { alternatives: 1, configurations: 256 },
    Thrift { alternatives: 4, configurations: 1024 },
    Thrift { alternatives: 16, configurations: 4096 },
    Thrift { alternatives: 128, configurations: 32_768 },
    Thrift::NONE,
];
/// The part of a history in which a contradiction is looked for by itself has at most so many operations, …
const MOST_RECENT: usize = 512;
/// … and may cost so many configurations.
const CONFIGURATIONS_OF_RECENT: u64 = 200_000;
/// So many configurations may the first attempt cost, …
const CONFIGURATIONS_OF_FIRST_ATTEMPT: u64 = 100_000;
/// … before an order is guessed, in so many steps.
const STEPS_TO_WITNESS: u64 = 200_000;

/// Decides a problem.
///
/// With many indeterminate operations, the ways in which some of them can have happened may be too many to keep. So the
/// search at first keeps those that need the fewest. If one of these comes through, all is well. If all get stuck, that
/// alone proves nothing; but perhaps the last few operations contradict each other whatever was before, which is easy to
/// see. Only if they do not, the search starts again with more.
pub(super) fn decide(problem: &Problem, budget: &mut Budget) -> Outcome {
    match zones::decide(problem) {
        Some(true) => return Outcome::Linearizable,
        Some(false) => return Outcome::Stuck(first_to_return_in_vain(problem)),
        None => {}
    }
    if let Some(index) = chains::contradiction(problem) {
        return Outcome::Stuck(index);
    }
    let first = first_attempt(problem, budget);
    if matches!(first.outcome, Outcome::Exhausted(..)) {
        let steps = STEPS_TO_WITNESS.min(budget.configurations_left());
        if steps == 0 {
            return first.outcome;
        }
        if let Err(exhausted) = budget.spend_steps(steps) {
            let Outcome::Exhausted(index, _) = first.outcome else { unreachable!("just matched") };
            return Outcome::Exhausted(index, exhausted);
        }
        if witness::exists(problem, steps) {
            return Outcome::Linearizable;
        }
    }
    let mut first = Some(first).filter(|found| !matches!(found.outcome, Outcome::Exhausted(..)));
    let mut last = Outcome::Linearizable;
    for thrift in ATTEMPTS {
        let found = first.take().unwrap_or_else(|| search_thriftily(problem, thrift, budget));
        match found.outcome {
            // What came before can be explained up to here, so this operation is the first that could not return.
            Outcome::Stuck(index) if found.is_complete => return Outcome::Stuck(index),
            Outcome::Stuck(index) if found.outcome != last && contradicts_recent(problem, index, budget) => {
                return Outcome::Stuck(index);
            }
            Outcome::Stuck(_) => last = found.outcome,
            outcome => return outcome,
        }
    }
    // The last attempt is complete.
    last
}

/// The first attempt with a part of the budget, which suffices for most histories.
fn first_attempt(problem: &Problem, budget: &mut Budget) -> Found {
    let mut part = budget.part(CONFIGURATIONS_OF_FIRST_ATTEMPT);
    let found = search_thriftily(problem, ATTEMPTS[0], &mut part);
    budget.add(&part);
    found
}

/// Does an operation contradict the operations shortly before its return, whatever was before them?
fn contradicts_recent(problem: &Problem, index: usize, budget: &mut Budget) -> bool {
    let known = problem.until(problem.operations[index].end.unwrap_or(usize::MAX));
    let starts = known.starts();
    let mut part = budget.part(CONFIGURATIONS_OF_RECENT);
    let mut count = 8;
    let mut found = false;
    while count <= MOST_RECENT && count <= starts.len() && !found {
        let recent = search(&known.since(starts[starts.len() - count]), &mut part);
        if let Outcome::Exhausted(..) = recent {
            break;
        }
        found = matches!(recent, Outcome::Stuck(_));
        count *= 4;
    }
    budget.add(&part);
    found
}

/// The first operation that could not return, in a problem to which the fast method applies.
///
/// Whoever cannot explain a beginning of a history cannot explain the whole, so it can be found by bisection.
fn first_to_return_in_vain(problem: &Problem) -> usize {
    let mut returns: Vec<(usize, usize)> =
        problem.operations.iter().enumerate().filter_map(|(index, op)| op.end.map(|end| (end, index))).collect();
    returns.sort_unstable();
    // The fast method applies to beginnings, too: in them fewer operations observe a value, and none writes more.
    let explained = |(end, _): &(usize, usize)| zones::decide(&problem.until(*end)) != Some(false);
    let first = returns.partition_point(explained);
    returns[first.min(returns.len() - 1)].1
}
