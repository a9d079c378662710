//! The checker of `echo`.

use std::borrow::Cow;

use super::describe::{brief, counted, who};
use super::stream::check_streamed;
use super::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};
use crate::history::{History, Op, OpType, Pair, Pairing};
use crate::json::{Map, Value, json};

/// The checker of `echo`: every `ok` answer must equal its request.
///
/// The value of a completion is what the node echoed. Histories of Jepsen's Maelstrom have the whole `echo_ok` body
/// instead, which is accepted too. Failed operations are not errors, and completions without an invocation are ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Checker for Echo {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(EchoStream { context, position: 0, open: Pairing::new(), wrong: 0, first: None })
    }
}

/// A history that is checked entry by entry.
struct EchoStream<'a> {
    context: &'a CheckContext,
    position: usize,
    /// By process, the position and the invocation of its pending operation.
    open: Pairing<(usize, Op)>,
    /// The number of wrong answers, and the finding of the first one.
    wrong: usize,
    first: Option<Finding>,
}

impl EchoStream<'_> {
    fn finding(&self, pair: Pair, sent: &Op, got: &Value) -> Finding {
        Finding {
            anomaly: "wrong-echo".into(),
            proscribed: true,
            headline: String::new(),
            story: format!("{} echoed something other than what it was sent.", who(sent.process, self.context)),
            shape: "an echo differs from its request".into(),
            evidence: vec![Evidence::new(
                pair,
                format!("echo {} → {}", brief(&sent.value), brief(got)),
                "the response differs from the request",
            )],
            picture: None,
        }
    }
}

impl Stream for EchoStream<'_> {
    fn push(&mut self, op: &Op) {
        let position = self.position;
        self.position += 1;
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            self.open.begin(process, op, (position, op.clone()));
            return;
        }
        let (Some((begun, sent)), op) = self.open.end(process, op) else { return };
        let got = echoed(&op);
        // The value that was sent may look like the body of an answer.
        let is_same = sent.value == op.value || sent.value == *got;
        if op.kind == OpType::Ok && &*sent.f == "echo" && !is_same {
            self.wrong += 1;
            if self.first.is_none() {
                let pair = Pair { invocation: Some(begun), completion: Some(position) };
                self.first = Some(self.finding(pair, &sent, &got));
            }
        }
    }

    fn finish(self: Box<Self>) -> Verdict {
        let details = Map::from_iter([("error_count".to_string(), json!(self.wrong))]);
        let headline = format!("{} with a wrong echo", counted(self.wrong, "answer"));
        let findings: Vec<Finding> =
            self.first.into_iter().map(|first| Finding { headline: headline.clone(), ..first }).collect();
        let valid = if findings.is_empty() { Valid::True } else { Valid::False };
        let mut verdict = Verdict { valid, reason: None, findings, details };
        verdict.add_mismatch(self.open.mismatch());
        verdict
    }
}

/// The echoed value of a completion.
fn echoed(completion: &Op) -> Cow<'_, Value> {
    let is_body = completion.value.get("type").is_some_and(|name| name == "echo_ok");
    if is_body { Cow::Owned(completion.value["echo"].clone()) } else { Cow::Borrowed(&completion.value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: Value, kind: OpType, got: Value) -> Verdict {
        let ops = vec![Op::new(0, OpType::Invoke, 0, "echo", sent), Op::new(1, kind, 0, "echo", got)];
        Echo.check(&History { ops }, &CheckContext::default())
    }

    #[test]
    fn echoes_are_compared_as_values() {
        for (sent, got, valid) in [
            (json!("Please echo 3"), json!("Please echo 3"), Valid::True),
            (json!("Please echo 3"), json!("Please echo 4"), Valid::False),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), Valid::True),
            (json!(1), json!(1.0), Valid::False),
            (json!("a"), json!({"type": "echo_ok", "echo": "a", "in_reply_to": 1}), Valid::True),
            (json!("a"), json!({"type": "echo_ok", "echo": "b", "in_reply_to": 1}), Valid::False),
            (json!("a"), json!({"type": "echo_ok"}), Valid::False),
            (json!({"type": "echo_ok", "echo": 1}), json!({"type": "echo_ok", "echo": 1}), Valid::True),
            (json!({"type": "echo_ok", "echo": 1}), json!({"type": "echo_ok", "echo": 2}), Valid::False),
        ] {
            assert_eq!(check(sent.clone(), OpType::Ok, got.clone()).valid, valid, "{sent} {got}");
        }
    }

    #[test]
    fn failed_operations_are_not_errors() {
        assert_eq!(check(json!("a"), OpType::Fail, json!("b")).valid, Valid::True);
        assert_eq!(check(json!("a"), OpType::Info, Value::Null).valid, Valid::True);
    }

    #[test]
    fn the_finding_shows_request_and_answer() {
        let verdict = check(json!("a"), OpType::Ok, json!("b"));
        assert_eq!(verdict.findings[0].anomaly, "wrong-echo");
        assert_eq!(verdict.findings[0].evidence[0].text, "echo \"a\" → \"b\"");
        assert_eq!(verdict.details["error_count"], json!(1));
    }
}
