//! Echo: what comes back is what was sent.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::clients::{Request, System, history};
use super::damage::names;
use super::operations::{has_unknown_effect, operations};
use super::{judge, run, same, with_doubts};
use crate::Echo;
use crate::json::{Value, json};
use crate::random::Rng;

struct Node {
    values: Vec<Value>,
    /// Answers are recorded as whole bodies, as the original does.
    bodies: bool,
}

impl System for Node {
    fn request(&mut self, _worker: usize, rng: &mut Rng) -> Request {
        Request::new("echo", self.values.choose(rng).expect("there are some").clone())
    }

    fn perform(&mut self, _worker: usize, request: &Request, _rng: &mut Rng) -> Result<Value, Value> {
        Ok(match self.bodies {
            true => json!({"type": "echo_ok", "echo": request.value, "in_reply_to": 1}),
            false => request.value.clone(),
        })
    }
}

#[test]
fn echoes_are_judged_as_defined() {
    let draw = |rng: &mut Rng| {
        let mut node = Node { values: names(rng), bodies: rng.random_ratio(1, 4) };
        let (workers, length) = (rng.random_range(1..5), rng.random_range(1..24));
        (history(&mut node, workers, length, rng), ())
    };
    run("echo", 1000, draw, |ops, ()| {
        let operations = operations(ops);
        let wrong = operations.iter().filter(|operation| operation.is_ok("echo")).filter(|operation| {
            let Some((_, sent)) = operation.invocation else { return false };
            let got = operation.result();
            let is_body = got.get("type") == Some(&json!("echo_ok"));
            let is_same = *got == sent.value || is_body && *got.get("echo").unwrap_or(&Value::Null) == sent.value;
            !is_same
        });
        let wrong = wrong.count();
        let verdict = judge(&Echo, ops)?;
        same("verdict", &verdict.valid, &with_doubts(wrong > 0, has_unknown_effect(&operations)))?;
        same("error_count", &verdict.details["error_count"], &json!(wrong))?;
        Ok(verdict.valid)
    });
}
