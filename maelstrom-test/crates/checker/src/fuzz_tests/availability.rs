//! Availability: the share of operations that succeeded.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::operations::operations;
use super::{judge, run, same, stats};
use crate::json::json;
use crate::random::Rng;
use crate::{Availability, Valid};

#[test]
fn shares_are_as_defined() {
    let draw = |rng: &mut Rng| {
        let ops = stats::any_history(rng);
        let required = match rng.random_range(0..4) {
            0 => None,
            1 => Some(rng.random()),
            _ => [0.0, 0.5, 0.75, 0.8, 1.0].choose(rng).copied(),
        };
        (ops, required)
    };
    run("availability", 1000, draw, |ops, required| {
        let mut operations = operations(ops);
        operations.retain(|operation| operation.f != "crash");
        let ok = operations.iter().filter(|operation| operation.is_ok(operation.f)).count();
        let all = operations.len();
        let fraction = if all == 0 { 1.0 } else { ok as f64 / all as f64 };
        let verdict = judge(&Availability { required: *required }, ops)?;
        same("ok_fraction", &verdict.details["ok_fraction"], &json!(fraction))?;
        let valid = if required.is_none_or(|required| fraction >= required) { Valid::True } else { Valid::False };
        same("verdict", &verdict.valid, &valid)?;
        Ok(valid)
    });
}
