//! Counts operations, and checks that every function succeeded at least once.
//!
//! A system that rejects every request violates no consistency model, but a run against it tests nothing. So each function
//! must have succeeded once, or have failed with an error that only a working system returns: the key does not exist,
//! exists already, or does not have the expected value.

use std::collections::BTreeMap;

use crate::json::{Map, Value, json};

use super::describe::{brief, counted, entry, error_name};
use super::{CheckContext, Checker, Evidence, Finding, Valid, Verdict};
use crate::history::{History, OpType, Pair};
use crate::protocol::ErrorCode;

/// Errors that only a working system returns: codes 20, 21 and 22.
const ERRORS_OF_WORKING_SYSTEMS: [ErrorCode; 3] =
    [ErrorCode::KEY_DOES_NOT_EXIST, ErrorCode::KEY_ALREADY_EXISTS, ErrorCode::PRECONDITION_FAILED];

/// The function `crash` of `kafka`. It is not a request, and always ends `info`.
pub(super) const NOT_A_REQUEST: &str = "crash";

/// Counts operations by function and outcome. Operations without a completion count as `info`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats;

#[derive(Default)]
struct Counts {
    ok: u64,
    fail: u64,
    info: u64,
    /// Whether an error shows that the system works.
    shows_working_system: bool,
    /// The first operation, for the report.
    first: Option<Pair>,
    errors: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, history: &History, pair: Pair) {
        let (invocation, completion) = history.entries(pair);
        // The error of a completion with another function says nothing about this operation.
        let completion = completion.filter(|op| invocation.is_none_or(|begun| begun.f == op.f));
        let outcome = history.outcome(pair);
        match outcome {
            OpType::Ok => self.ok += 1,
            OpType::Fail => self.fail += 1,
            _ => self.info += 1,
        }
        self.first.get_or_insert(pair);
        let error = completion.and_then(error_name);
        self.shows_working_system |=
            error.is_some_and(|name| ERRORS_OF_WORKING_SYSTEMS.iter().any(|code| code.name == name));
        if outcome != OpType::Ok {
            let name = if completion.is_none() { "no answer" } else { error.unwrap_or("no reason given") };
            *self.errors.entry(name.to_string()).or_default() += 1;
        }
    }

    fn to_json(&self) -> Map<String, Value> {
        let counts =
            [("count", self.count()), ("ok_count", self.ok), ("fail_count", self.fail), ("info_count", self.info)];
        counts.into_iter().map(|(name, count)| (name.to_string(), json!(count))).collect()
    }

    fn count(&self) -> u64 {
        self.ok + self.fail + self.info
    }

    fn is_valid(&self, f: &str) -> bool {
        self.ok > 0 || self.shows_working_system || f == NOT_A_REQUEST
    }
}

impl Checker for Stats {
    fn check(&self, history: &History, _context: &CheckContext) -> Verdict {
        let mut all = Counts::default();
        let mut by_f: BTreeMap<&str, Counts> = BTreeMap::new();
        for pair in history.pairs() {
            all.add(history, pair);
            by_f.entry(history.function(pair)).or_default().add(history, pair);
        }
        let failed = by_f.iter().filter(|(f, counts)| !counts.is_valid(f));
        let findings: Vec<Finding> = failed.map(|(f, counts)| finding(history, f, counts)).collect();
        let mut details = all.to_json();
        let by_f = by_f.iter().map(|(f, counts)| {
            let mut row = counts.to_json();
            row.insert("valid".into(), json!(counts.is_valid(f)));
            (f.to_string(), Value::Object(row))
        });
        details.insert("by_f".into(), Value::Object(by_f.collect()));
        match (all.count(), findings.is_empty()) {
            (0, _) => {
                Verdict { valid: Valid::Unknown, reason: Some("there were no operations".into()), findings, details }
            }
            (_, true) => Verdict { valid: Valid::True, reason: None, findings, details },
            (_, false) => Verdict { valid: Valid::False, reason: None, findings, details },
        }
    }
}

fn finding(history: &History, f: &str, counts: &Counts) -> Finding {
    let errors: Vec<String> = counts.errors.iter().map(|(name, count)| format!("{count} × {name}")).collect();
    let first = counts.first.expect("a function that was counted has a first operation");
    let note = format!("outcomes: {}", errors.join(", "));
    let attempts = counted(counts.count() as usize, "attempt");
    let request = match &entry(history, first).value {
        Value::Null => f.to_owned(),
        value => format!("{f} {}", brief(value)),
    };
    Finding {
        anomaly: "no-ok".into(),
        proscribed: true,
        headline: format!("no {f} ever succeeded"),
        story: format!("{attempts} to {f}, and none succeeded: what the system does with them was not tested."),
        shape: format!("no {f} ever succeeded"),
        evidence: vec![Evidence::new(first, request, note)],
        picture: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Op, Process};

    fn op(kind: OpType, process: u64, f: &str) -> Op {
        Op::new(0, kind, process, f, Value::Null)
    }

    fn check(ops: Vec<Op>) -> Verdict {
        Stats.check(&History { ops }, &CheckContext::default())
    }

    #[test]
    fn counts_by_function_and_outcome() {
        use OpType::{Fail, Info, Invoke, Ok};
        let mut fault = op(Info, 0, "kill");
        fault.process = Process::Nemesis;
        let verdict = check(vec![
            op(Invoke, 0, "read"),
            op(Invoke, 1, "read"),
            fault,
            op(Ok, 0, "read"),
            op(Fail, 1, "read"),
            op(Invoke, 2, "add"),
            op(Info, 2, "add"),
            op(Invoke, 3, "add"),
            op(Ok, 4, "add"),
        ]);
        assert_eq!(verdict.valid, Valid::True);
        let expected = json!({
            "count": 5, "ok_count": 2, "fail_count": 1, "info_count": 2,
            "by_f": {
                "add": {"count": 3, "ok_count": 1, "fail_count": 0, "info_count": 2, "valid": true},
                "read": {"count": 2, "ok_count": 1, "fail_count": 1, "info_count": 0, "valid": true},
            },
        });
        assert_eq!(Value::Object(verdict.details), expected);
    }

    #[test]
    fn a_history_without_operations_is_unknown() {
        let verdict = check(vec![]);
        assert_eq!((verdict.valid, verdict.reason.as_deref()), (Valid::Unknown, Some("there were no operations")));
    }

    #[test]
    fn a_function_without_success_is_invalid() {
        let verdict =
            check(vec![op(OpType::Invoke, 0, "read"), op(OpType::Fail, 0, "read"), op(OpType::Invoke, 1, "read")]);
        assert_eq!(verdict.valid, Valid::False);
        assert_eq!(verdict.findings[0].anomaly, "no-ok");
        assert_eq!(verdict.findings[0].evidence[0].note, "outcomes: 1 × no answer, 1 × no reason given");
    }

    #[test]
    fn errors_of_a_working_system_count_as_success() {
        for (name, valid) in
            [("precondition-failed", Valid::True), ("key-already-exists", Valid::True), ("abort", Valid::False)]
        {
            for error in [json!([name, "text"]), json!(name)] {
                let mut fail = op(OpType::Fail, 0, "cas");
                fail.error = Some(error);
                assert_eq!(check(vec![op(OpType::Invoke, 0, "cas"), fail]).valid, valid, "{name}");
            }
        }
    }

    #[test]
    fn a_crash_need_not_succeed() {
        assert_eq!(check(vec![op(OpType::Invoke, 0, "crash"), op(OpType::Info, 0, "crash")]).valid, Valid::True);
    }
}
