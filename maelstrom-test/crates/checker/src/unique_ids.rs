//! The unique-ids workload: no id is handed out twice.

use std::cmp::{Ordering, Reverse};

use rustc_hash::FxHashMap;

use super::describe::{brief, counted, seconds, who};
use super::entries::{Entries, NONE, PackedPair, Stamp};
use super::intern::Interner;
use super::stream::check_streamed;
use super::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};
use crate::history::{History, Op, OpType, Pairing};
use crate::json::{Map, Value, json};

/// The function that hands out an id.
const GENERATE: &str = "generate";

/// The checker of `unique-ids`: no id may be acknowledged by two operations `generate`. Other operations are ignored. Ids
/// of different JSON types are different: `1`, `1.0` and `"1"` are three ids.
///
/// Results: `attempted_count`, `acknowledged_count`, `duplicated_count` (the number of ids that were handed out more than
/// once), `duplicated` (up to 48 of these ids with their counts, the most frequent first), `range` (the smallest and the
/// largest id, if all are integers or all are strings).
#[derive(Clone, Copy, Debug, Default)]
pub struct UniqueIds;

impl Checker for UniqueIds {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(UniqueIdsStream {
            context,
            entries: Entries::default(),
            open: Pairing::new(),
            attempted: 0,
            acknowledged: 0,
            ids: Interner::default(),
            first: Vec::new(),
            duplicate: FxHashMap::default(),
        })
    }
}

/// An id that was handed out more than once.
struct Duplicate {
    /// The second operation that returned it.
    second: PackedPair,
    /// How often it was handed out.
    count: u64,
}

/// A history that is checked entry by entry.
struct UniqueIdsStream<'a> {
    context: &'a CheckContext,
    entries: Entries,
    /// By process, the position of the invocation of its pending operation.
    open: Pairing<u32>,
    attempted: u64,
    acknowledged: u64,
    ids: Interner,
    /// By id, the first operation that returned it.
    first: Vec<PackedPair>,
    duplicate: FxHashMap<u32, Duplicate>,
}

impl Stream for UniqueIdsStream<'_> {
    fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            self.attempted += u64::from(&*op.f == GENERATE);
            self.open.begin(process, op, position);
            return;
        }
        let (invocation, op) = self.open.end(process, op);
        if &*op.f != GENERATE {
            return;
        }
        let invocation = invocation.unwrap_or(NONE);
        self.attempted += u64::from(invocation == NONE);
        if op.kind != OpType::Ok {
            return;
        }
        self.acknowledged += 1;
        let (id, place) = (self.ids.id(&op.value), PackedPair { invocation, completion: position });
        if id as usize == self.first.len() {
            self.first.push(place);
        } else {
            self.duplicate.entry(id).or_insert(Duplicate { second: place, count: 1 }).count += 1;
        }
    }

    fn finish(self: Box<Self>) -> Verdict {
        let mut duplicated: Vec<(u32, &Duplicate)> =
            self.duplicate.iter().map(|(id, duplicate)| (*id, duplicate)).collect();
        // Of equally frequent ids, the one that was handed out first comes first.
        duplicated.sort_unstable_by_key(|(id, duplicate)| (Reverse(duplicate.count), *id));
        let shown: Vec<Value> =
            duplicated.iter().take(48).map(|(id, duplicate)| json!([self.ids.value(*id), duplicate.count])).collect();
        let mut details = Map::new();
        details.insert("attempted_count".into(), json!(self.attempted));
        details.insert("acknowledged_count".into(), json!(self.acknowledged));
        details.insert("duplicated_count".into(), json!(duplicated.len()));
        details.insert("duplicated".into(), json!(shown));
        if let Some(range) = self.range() {
            details.insert("range".into(), json!(range));
        }
        let findings: Vec<Finding> = self.finding(&duplicated).into_iter().collect();
        let valid = if findings.is_empty() { Valid::True } else { Valid::False };
        let mut verdict = Verdict { valid, reason: None, findings, details };
        verdict.add_mismatch(self.open.mismatch());
        verdict
    }
}

impl UniqueIdsStream<'_> {
    /// The smallest and the largest id, if all ids can be compared.
    fn range(&self) -> Option<[Value; 2]> {
        let ids = || (0..self.first.len() as u32).map(|id| self.ids.value(id));
        let comparable = ids().all(|id| id.is_integer()) || ids().all(|id| id.is_string());
        let least = ids().filter(|_| comparable).min_by(compare)?;
        Some([least, ids().max_by(compare)?])
    }

    fn finding(&self, duplicated: &[(u32, &Duplicate)]) -> Option<Finding> {
        let (id, duplicate) = duplicated.first()?;
        let (first, text) = (self.first[*id as usize], brief(&self.ids.value(*id)));
        let evidence =
            [first, duplicate.second].map(|place| Evidence::new(place.pair(), format!("generate → {text}"), ""));
        let told = |place: PackedPair| {
            let Stamp { process, time, .. } = self.entries.stamp(place.completion);
            format!("{} at {}", who(process, self.context), seconds(time))
        };
        Some(Finding {
            anomaly: "duplicated".into(),
            proscribed: true,
            headline: format!("{} handed out more than once (first: {text})", counted(duplicated.len(), "id")),
            story: format!("Id {text} was handed out by {}, and again by {}.", told(first), told(duplicate.second)),
            shape: "an id was handed out twice".into(),
            evidence: evidence.into(),
            picture: None,
        })
    }
}

/// Compares two integers or two strings.
fn compare(a: &Value, b: &Value) -> Ordering {
    a.as_number().cmp(&b.as_number()).then_with(|| a.as_str().cmp(&b.as_str()))
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
    fn ids_of_different_types_differ() {
        let verdict = check(&[json!(1), json!(1.0), json!("1"), json!([1]), json!({"a": 1}), json!(null), json!(-1)]);
        assert_eq!(verdict.valid, Valid::True);
        let expected = json!({"attempted_count": 7, "acknowledged_count": 7, "duplicated_count": 0, "duplicated": []});
        assert_eq!(Value::Object(verdict.details), expected);
    }

    #[test]
    fn long_ids_are_compared_digit_by_digit() {
        let id = |last: u128| json!((1u128 << 127) + last);
        assert_eq!(check(&[id(0), id(1), id(2)]).valid, Valid::True);
        let verdict = check(&[id(0), id(1), id(0)]);
        assert_eq!(verdict.valid, Valid::False);
        assert_eq!(verdict.details["duplicated"], json!([[id(0), 2]]));
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
    fn a_failed_operation_returns_no_id() {
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
    fn other_functions_return_no_id() {
        let ops = (0..4).map(|i| Op::new(i, OpType::Ok, i, if i < 2 { "read" } else { "generate" }, json!(i / 3)));
        let verdict = UniqueIds.check(&History { ops: ops.collect() }, &CheckContext::default());
        assert_eq!((verdict.valid, &verdict.details["attempted_count"]), (Valid::True, &json!(2)));
    }

    #[test]
    fn a_range_needs_ids_of_one_type() {
        assert_eq!(check(&[json!(10), json!(-2), json!(u64::MAX)]).details["range"], json!([-2, u64::MAX]));
        let (low, high) = (json!(i128::MIN), json!(u128::MAX));
        assert_eq!(check(&[json!(1), high.clone(), low.clone()]).details["range"], json!([low, high]));
        assert_eq!(check(&[json!("b"), json!("a")]).details["range"], json!(["a", "b"]));
        assert_eq!(check(&[json!("b"), json!(1)]).details.get("range"), None);
        assert_eq!(check(&[]).details.get("range"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn verdicts_agree_with_pairwise_comparison(ids in prop::collection::vec(0..12_i64, 0..8)) {
            let values: Vec<Value> = ids.iter().map(|id| if id % 3 == 0 { json!(id.to_string()) } else { json!(id) }).collect();
            let unique = (0..values.len()).all(|i| !values[..i].contains(&values[i]));
            prop_assert_eq!(check(&values).valid == Valid::True, unique);
        }
    }
}
