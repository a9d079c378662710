//! Stats: every function that was asked for must have succeeded, or have got an answer that only a working system gives.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::clients::{Request, System, history};
use super::operations::{Operation, operations};
use super::{judge, run, same};
use crate::history::{Op, OpType};
use crate::json::{Value, json};
use crate::random::Rng;
use crate::{Stats, Valid};

/// A system that refuses some functions.
pub(super) struct Refusing {
    pub(super) refused: Vec<&'static str>,
    pub(super) error: Value,
}

pub(super) const FUNCTIONS: [&str; 4] = ["read", "write", "crash", "poll"];

impl System for Refusing {
    fn request(&mut self, _worker: usize, rng: &mut Rng) -> Request {
        Request::new(FUNCTIONS.choose(rng).expect("there are some"), Value::Null)
    }

    fn perform(&mut self, _worker: usize, request: &Request, _rng: &mut Rng) -> Result<Value, Value> {
        if self.refused.contains(&request.f) { Err(self.error.clone()) } else { Ok(request.value.clone()) }
    }
}

pub(super) fn any_history(rng: &mut Rng) -> Vec<Op> {
    let refused = FUNCTIONS.into_iter().filter(|_| rng.random_ratio(1, 8)).collect();
    let errors = [
        json!(["key-does-not-exist", ""]),
        json!(["precondition-failed", "no"]),
        json!("key-already-exists"),
        json!("abort"),
        json!([]),
        json!(20),
        json!({"code": 20}),
    ];
    let error = errors.choose(rng).expect("there are some").clone();
    let (workers, length) = (rng.random_range(1..5), rng.random_range(0..40));
    history(&mut Refusing { refused, error }, workers, length, rng)
}

/// Whether the error, recorded as a name or as a name with a text, is one of those with the codes 20 to 22.
fn is_telling(operation: &Operation<'_>) -> bool {
    let Some((_, completion)) = operation.completion.filter(|_| !operation.is_mismatched) else { return false };
    let Some(error) = &completion.error else { return false };
    let name = error.as_str().or_else(|| error.get(0)?.as_str());
    name.is_some_and(|name| ["key-does-not-exist", "key-already-exists", "precondition-failed"].contains(&name))
}

#[test]
fn counts_are_as_defined() {
    run(
        "stats",
        1000,
        |rng| (any_history(rng), ()),
        |ops, ()| {
            let operations = operations(ops);
            let verdict = judge(&Stats, ops)?;
            let functions: BTreeSet<&str> = operations.iter().map(|operation| operation.f).collect();
            let counts = |chosen: &[&Operation<'_>]| {
                let count = |kind| chosen.iter().filter(|operation| operation.outcome == kind).count();
                let [ok, fail, info] = [OpType::Ok, OpType::Fail, OpType::Info].map(count);
                json!({"count": chosen.len(), "ok_count": ok, "fail_count": fail, "info_count": info})
            };
            let mut expected = counts(&operations.iter().collect::<Vec<_>>());
            let mut by_f = json!({});
            let mut all_valid = true;
            for f in functions {
                let chosen: Vec<&Operation<'_>> = operations.iter().filter(|operation| operation.f == f).collect();
                let valid = f == "crash" || chosen.iter().any(|operation| operation.is_ok(f) || is_telling(operation));
                all_valid &= valid;
                by_f[f] = counts(&chosen);
                by_f[f]["valid"] = json!(valid);
            }
            expected["by_f"] = by_f;
            same("details", &Value::Object(verdict.details.clone()), &expected)?;
            let valid = match (operations.is_empty(), all_valid) {
                (true, _) => Valid::Unknown,
                (false, true) => Valid::True,
                (false, false) => Valid::False,
            };
            same("verdict", &verdict.valid, &valid)?;
            Ok(valid)
        },
    );
}
