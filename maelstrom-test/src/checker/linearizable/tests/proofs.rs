//! Minimal proofs: still contradictions, and nothing can be taken away.

use proptest::prelude::*;

use super::super::decide::decide;
use super::super::reduce::{self, weakened};
use super::super::search::Outcome;
use super::engine::{is_linearizable, problems, unlimited};
use crate::checker::long_tests::cases;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3000)))]

    #[test]
    fn proofs_are_minimal_contradictions(problem in problems(9, 3)) {
        let Outcome::Stuck(stuck) = decide(&problem, &mut unlimited()) else { return Ok(()) };
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
}
