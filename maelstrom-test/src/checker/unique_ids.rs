//! The unique-ids workload: no id is handed out twice.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::describe::{brief, counted, seconds, who};
use super::{CheckContext, Checker, Evidence, Finding, Valid, Verdict};
use crate::history::{History, OpType, Pair};

/// No id may be acknowledged twice. Ids of different JSON types are different: `1`, `1.0` and `"1"` are three ids.
///
/// Results: `attempted_count`, `acknowledged_count`, `duplicated_count` (ids that were handed out more than once),
/// `duplicated` (up to 48 pairs of such an id and how often it was handed out, the most frequent first), `range` (the
/// smallest and largest id where all are integers, or all are strings).
#[derive(Clone, Copy, Debug, Default)]
pub struct UniqueIds;

/// Who got an id.
struct Holders {
    first: Pair,
    second: Option<Pair>,
    count: u64,
}

impl Checker for UniqueIds {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        let pairs: Vec<Pair> = history.pairs();
        let mut holders: FxHashMap<&Value, Holders> = FxHashMap::default();
        let mut ids: Vec<&Value> = Vec::new();
        let (mut attempted, mut acknowledged) = (0_u64, 0_u64);
        for &pair in &pairs {
            let (_, completion) = history.entries(pair);
            attempted += 1;
            let Some(completion) = completion.filter(|op| op.kind == OpType::Ok) else { continue };
            acknowledged += 1;
            let id = &completion.value;
            let holder = holders.entry(id).or_insert_with(|| {
                ids.push(id);
                Holders { first: pair, second: None, count: 0 }
            });
            holder.count += 1;
            if holder.count == 2 {
                holder.second = Some(pair);
            }
        }
        let mut duplicated: Vec<(&Value, &Holders)> =
            ids.iter().map(|id| (*id, &holders[id])).filter(|(_, holders)| holders.count > 1).collect();
        // Stable: of those that are as frequent, the one that was handed out first comes first.
        duplicated.sort_by_key(|(_, holders)| std::cmp::Reverse(holders.count));
        let shown: Vec<Value> = duplicated.iter().take(48).map(|(id, holders)| json!([id, holders.count])).collect();
        let mut details = Map::new();
        details.insert("attempted_count".into(), json!(attempted));
        details.insert("acknowledged_count".into(), json!(acknowledged));
        details.insert("duplicated_count".into(), json!(duplicated.len()));
        details.insert("duplicated".into(), json!(shown));
        if let Some(range) = range(&ids) {
            details.insert("range".into(), json!(range));
        }
        let findings: Vec<Finding> = finding(history, context, &duplicated).into_iter().collect();
        let valid = if findings.is_empty() { Valid::True } else { Valid::False };
        Verdict { valid, reason: None, findings, details }
    }
}

fn range<'a>(ids: &[&'a Value]) -> Option<[&'a Value; 2]> {
    let comparable = ids.iter().all(|id| id.is_i64() || id.is_u64()) || ids.iter().all(|id| id.is_string());
    let least = ids.iter().copied().min_by(|a, b| compare(a, b)).filter(|_| comparable)?;
    let greatest = ids.iter().copied().max_by(|a, b| compare(a, b))?;
    Some([least, greatest])
}

/// Integers among themselves, and strings among themselves.
fn compare(a: &Value, b: &Value) -> Ordering {
    let integer = |value: &Value| value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
    integer(a).cmp(&integer(b)).then_with(|| a.as_str().cmp(&b.as_str()))
}

fn finding(history: &History, context: &CheckContext, duplicated: &[(&Value, &Holders)]) -> Option<Finding> {
    let (id, holders) = duplicated.first()?;
    let evidence = [Some(holders.first), holders.second].into_iter().flatten().map(|pair| {
        let text = format!("generate → {}", brief(id));
        Evidence::new(pair, text, "")
    });
    let told = |pair: Pair| {
        let completion = &history.ops[pair.completion.expect("an acknowledged id has a completion")];
        format!("{} at {}", who(completion, context), seconds(completion.time))
    };
    let second = holders.second.map(told).unwrap_or_default();
    Some(Finding {
        anomaly: "duplicated".into(),
        proscribed: true,
        headline: format!("{} handed out more than once (first: {})", counted(duplicated.len(), "id"), brief(id)),
        story: format!("Id {} was handed out by {}, and again by {second}.", brief(id), told(holders.first)),
        shape: "an id was handed out twice".into(),
        evidence: evidence.collect(),
        picture: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Op;
    use proptest::prelude::*;

    fn check(ids: &[Value]) -> Verdict {
        let ops = ids.iter().enumerate().flat_map(|(i, id)| {
            let invocation = Op::new(0, OpType::Invoke, i as u64, "generate", Value::Null);
            [invocation, Op::new(0, OpType::Ok, i as u64, "generate", id.clone())]
        });
        UniqueIds.check(&History { ops: ops.collect() }, &CheckContext::default())
    }

    #[test]
    fn different_types_are_different_ids() {
        let verdict = check(&[json!(1), json!(1.0), json!("1"), json!([1]), json!({"a": 1}), json!(null), json!(-1)]);
        assert_eq!(verdict.valid, Valid::True);
        let expected = json!({"attempted_count": 7, "acknowledged_count": 7, "duplicated_count": 0, "duplicated": []});
        assert_eq!(Value::Object(verdict.details), expected);
    }

    #[test]
    fn duplicates_are_listed_by_count() {
        let verdict =
            check(&[json!({"a": 1, "b": 2}), json!(5), json!(6), json!({"b": 2, "a": 1}), json!(5), json!(5)]);
        assert_eq!(verdict.valid, Valid::False);
        assert_eq!(verdict.details["duplicated_count"], json!(2));
        assert_eq!(verdict.details["duplicated"], json!([[5, 3], [{"a": 1, "b": 2}, 2]]));
        let finding = &verdict.findings[0];
        assert_eq!(finding.anomaly, "duplicated");
        let positions: Vec<_> = finding.evidence.iter().map(|line| line.completion).collect();
        assert_eq!(positions, [Some(3), Some(9)]);
    }

    #[test]
    fn failures_hand_out_nothing() {
        let ops = vec![
            Op::new(0, OpType::Invoke, 0, "generate", Value::Null),
            Op::new(1, OpType::Fail, 0, "generate", json!(1)),
            Op::new(2, OpType::Ok, 1, "generate", json!(1)),
            Op::new(3, OpType::Invoke, 2, "generate", Value::Null),
        ];
        let verdict = UniqueIds.check(&History { ops }, &CheckContext::default());
        assert_eq!(verdict.valid, Valid::True);
        assert_eq!(
            (&verdict.details["attempted_count"], &verdict.details["acknowledged_count"]),
            (&json!(3), &json!(1))
        );
    }

    #[test]
    fn ranges_of_one_type_only() {
        assert_eq!(check(&[json!(10), json!(-2), json!(u64::MAX)]).details["range"], json!([-2, u64::MAX]));
        assert_eq!(check(&[json!("b"), json!("a")]).details["range"], json!(["a", "b"]));
        assert_eq!(check(&[json!("b"), json!(1)]).details.get("range"), None);
        assert_eq!(check(&[]).details.get("range"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_comparing_all_with_all(ids in prop::collection::vec(0..12_i64, 0..8)) {
            let values: Vec<Value> = ids.iter().map(|id| if id % 3 == 0 { json!(id.to_string()) } else { json!(id) }).collect();
            let unique = (0..values.len()).all(|i| !values[..i].contains(&values[i]));
            prop_assert_eq!(check(&values).valid == Valid::True, unique);
        }
    }
}
