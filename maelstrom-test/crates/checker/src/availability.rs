//! The fraction of operations that succeeded.

use super::describe::{brief, counted, entry, error_name};
use super::stats::NOT_A_REQUEST;
use super::{CheckContext, Checker, Evidence, Finding, Valid, Verdict};
use crate::history::{History, OpType, Pair};
use crate::json::{Map, json};

/// Compares the fraction of operations with an `ok` completion with the required one. The operation `crash` of `kafka` does
/// not count, because it is not a request to the system.
///
/// ```
/// use maelstrom_checker::{Availability, CheckContext, Checker, Valid};
/// use maelstrom_checker::history::History;
/// let history = History::read(&b"{:type :invoke, :f :read, :process 0} {:type :fail, :f :read, :process 0}"[..])?;
/// let verdict = |required| Availability { required }.check(&history, &CheckContext::default()).valid;
/// assert_eq!(verdict(None), Valid::True);
/// assert_eq!(verdict(Some(0.9)), Valid::False);
/// # Ok::<(), maelstrom_checker::history::ReadError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Availability {
    /// The required fraction, 0 to 1. `None` requires nothing.
    pub required: Option<f64>,
}

impl Checker for Availability {
    fn check(&self, history: &History, _context: &CheckContext) -> Verdict {
        let is_ok = |pair: &Pair| history.outcome(*pair) == OpType::Ok;
        let mut pairs = history.pairs();
        pairs.retain(|pair| history.function(*pair) != NOT_A_REQUEST);
        let ok_count = pairs.iter().filter(|pair| is_ok(pair)).count();
        let fraction = if pairs.is_empty() { 1.0 } else { ok_count as f64 / pairs.len() as f64 };
        let details = Map::from_iter([("ok_fraction".to_string(), json!(fraction))]);
        let required = self.required.unwrap_or(0.0);
        if fraction >= required {
            return Verdict { details, ..Verdict::default() };
        }
        let example =
            pairs.iter().find(|pair| !is_ok(pair)).expect("a fraction below 1 has an operation that is not ok");
        let wanted = if required >= 1.0 { "all".to_string() } else { format!("{}%", percent(required)) };
        let (lost, all) = (pairs.len() - ok_count, counted(pairs.len(), "operation"));
        let finding = Finding {
            anomaly: "availability".into(),
            proscribed: true,
            headline: format!("not available enough ({}% of operations succeeded)", percent(fraction)),
            story: format!("{lost} of {all} did not succeed; {wanted} should have."),
            shape: "too few operations succeeded".into(),
            evidence: vec![evidence(history, *example)],
            picture: None,
        };
        Verdict { valid: Valid::False, reason: None, findings: vec![finding], details }
    }
}

/// A percentage, rounded down. A fraction that is too small must not look sufficient.
fn percent(fraction: f64) -> f64 {
    (fraction * 10_000.0).floor() / 100.0
}

fn evidence(history: &History, pair: Pair) -> Evidence {
    let (invocation, completion) = history.entries(pair);
    let op = invocation.unwrap_or(entry(history, pair));
    let error = completion.and_then(error_name).unwrap_or("no answer");
    Evidence::new(pair, format!("{} {}", op.f, brief(&op.value)), format!("the first that did not succeed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Op;
    use crate::json::Value;

    fn check(outcomes: &[OpType], required: Option<f64>) -> Verdict {
        let ops = outcomes.iter().enumerate().flat_map(|(i, outcome)| {
            [OpType::Invoke, *outcome].map(|kind| Op::new(0, kind, i as u64, "read", Value::Null))
        });
        Availability { required }.check(&History { ops: ops.collect() }, &CheckContext::default())
    }

    #[test]
    fn the_fraction_is_compared_with_the_required_one() {
        use OpType::{Fail, Info, Ok};
        let mixed = [Ok, Fail, Ok, Ok, Info];
        assert_eq!(check(&mixed, None).details["ok_fraction"], json!(0.6));
        for (required, valid) in
            [(None, Valid::True), (Some(0.6), Valid::True), (Some(0.61), Valid::False), (Some(1.0), Valid::False)]
        {
            assert_eq!(check(&mixed, required).valid, valid, "{required:?}");
        }
        assert_eq!(check(&[Ok, Ok], Some(1.0)).valid, Valid::True);
        assert_eq!(check(&[], Some(1.0)).details["ok_fraction"], json!(1.0));
    }

    #[test]
    fn crashes_do_not_count() {
        let ops = [OpType::Invoke, OpType::Info].map(|kind| Op::new(0, kind, 0, "crash", Value::Null)).to_vec();
        let verdict = Availability { required: Some(1.0) }.check(&History { ops }, &CheckContext::default());
        assert_eq!(verdict.valid, Valid::True);
    }
}
