//! Unique ids: no id is handed out twice.

use rand::RngExt;

use super::clients::{Request, System, history};
use super::damage::names;
use super::operations::{Operation, has_unknown_effect, operations};
use super::{judge, run, same, with_doubts};
use crate::UniqueIds;
use crate::json::{Value, json};
use crate::random::Rng;

/// Ids that have not been handed out.
struct Node(Vec<Value>);

impl System for Node {
    fn request(&mut self, _worker: usize, _rng: &mut Rng) -> Request {
        Request::new("generate", Value::Null)
    }

    fn perform(&mut self, _worker: usize, _request: &Request, _rng: &mut Rng) -> Result<Value, Value> {
        self.0.pop().ok_or_else(|| json!(["temporarily-unavailable", "no ids are left"]))
    }
}

#[test]
fn ids_are_judged_as_defined() {
    let draw = |rng: &mut Rng| {
        let mut node = Node(names(rng));
        let (workers, length) = (rng.random_range(1..5), rng.random_range(1..40));
        (history(&mut node, workers, length, rng), ())
    };
    run("unique-ids", 1000, draw, |ops, ()| {
        let all = operations(ops);
        let asked: Vec<&Operation<'_>> = all.iter().filter(|operation| operation.f == "generate").collect();
        let mut acknowledged = asked.clone();
        acknowledged.retain(|operation| operation.is_ok("generate"));
        acknowledged.sort_by_key(|operation| operation.completed());
        let ids: Vec<&Value> = acknowledged.iter().map(|operation| operation.result()).collect();
        let mut duplicated: Vec<(&Value, usize)> = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let count = ids.iter().filter(|other| *other == id).count();
            if count > 1 && !ids[..at].contains(id) {
                duplicated.push((id, count));
            }
        }
        duplicated.sort_by(|(_, one), (_, other)| other.cmp(one));
        let verdict = judge(&UniqueIds, ops)?;
        same("verdict", &verdict.valid, &with_doubts(!duplicated.is_empty(), has_unknown_effect(&all)))?;
        for (name, expected) in [
            ("attempted_count", json!(asked.len())),
            ("acknowledged_count", json!(ids.len())),
            ("duplicated_count", json!(duplicated.len())),
            ("duplicated", duplicated.iter().map(|(id, count)| json!([id, count])).collect()),
        ] {
            same(name, &verdict.details[name], &expected)?;
        }
        Ok(verdict.valid)
    });
}
