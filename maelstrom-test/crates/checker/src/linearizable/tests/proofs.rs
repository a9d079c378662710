//! Minimal proofs: still contradictions, and nothing can be taken away.

use proptest::prelude::*;

use super::super::decide::decide;
use super::super::reduce::{self, weakened};
use super::super::search::SearchOutcome;
use super::engine::{is_linearizable, problems, unlimited};
use crate::test_cases::cases;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3000)))]

    #[test]
    fn proofs_are_minimal_contradictions(problem in problems(9, 3)) {
        let SearchOutcome::Stuck(stuck) = decide(&problem, &mut unlimited()) else { return Ok(()) };
        let proof = reduce::reduce(&problem, stuck, &mut unlimited());
        prop_assert!(proof.is_minimal);
        prop_assert!(!is_linearizable(&proof.problem), "the proof is none: {:?}", proof);
        prop_assert_eq!(proof.stuck, problem.operations[stuck].id);
        let required: Vec<_> = proof.problem.operations.iter().filter(|op| op.end.is_some()).collect();
        for op in &required {
            prop_assert!(is_linearizable(&weakened(&proof.problem, &[op.id])), "{:?} is superfluous in {:?}", op, proof);
        }
        if let Some(second) = required.get(1) {
            prop_assert!(is_linearizable(&proof.problem.since(second.start)), "the past is superfluous in {:?}", proof);
        }
    }

    /// Where the proof's operations contradict each other because of what the register held at first, whatever became of the
    /// others, none of them is superfluous.
    #[test]
    fn no_operation_stands_in_for_the_initial_value(problem in problems(9, 3)) {
        let SearchOutcome::Stuck(stuck) = decide(&problem, &mut unlimited()) else { return Ok(()) };
        let proof = reduce::reduce(&problem, stuck, &mut unlimited());
        let known = problem.until(problem.operations[stuck].end.expect("it returned"));
        let core: Vec<usize> = proof.problem.operations.iter().filter(|op| op.end.is_some()).map(|op| op.id).collect();
        let explains_without = |left_out: Option<usize>| {
            let is_kept = |id: &usize| core.contains(id) && Some(*id) != left_out;
            let others: Vec<usize> = known.operations.iter().map(|op| op.id).filter(|id| !is_kept(id)).collect();
            is_linearizable(&weakened(&known, &others))
        };
        for id in &core {
            prop_assert!(explains_without(Some(*id)), "{} is superfluous in {:?}", id, proof);
        }
    }
}
