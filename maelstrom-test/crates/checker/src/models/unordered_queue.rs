//! Unordered queues: no element is dequeued that was not enqueued.
//!
//! A queue without order is a bag: `enqueue` adds an element, `dequeue` removes any element. Elements are independent, so a
//! history is linearizable if it is for each element alone. For one element it is if the count never becomes negative when
//! enqueues take effect at their beginnings and dequeues at their ends, which are the best possible moments.
//!
//! ```text
//! p0  [enqueue 7]
//! p1       [dequeue → 7]          removes the only 7
//! p2            [dequeue → 7]     wrong: two dequeues have ended, and only one enqueue has begun
//! ```

use crate::describe::{brief, counted, who};
use crate::entries::{Entries, NONE, PackedPair};
use crate::history::{History, Op, OpType, Pairing};
use crate::intern::Interner;
use crate::json::{Map, Value, json};
use crate::stream::check_streamed;
use crate::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};

/// The number of elements that are explained. All others are only listed.
const MAX_EXPLAINED: usize = 8;
/// The number of enqueues of an element that are shown.
const MAX_SHOWN: usize = 8;

/// The checker of linearizability of an unordered queue that is empty at first: operations `enqueue` with an element,
/// `dequeue` that returns one, and `drain` that returns a list of dequeued elements. An element may be enqueued several
/// times.
///
/// Failed operations did not happen. A dequeue from an empty queue must fail. An enqueue with an unknown outcome may have
/// taken effect, and a dequeue with an unknown outcome may have removed any element. So elements that are never dequeued
/// are not lost.
///
/// Results: `attempt_count` (enqueues that did not fail), `acknowledged_count`, `dequeued_count`, `unexpected` (elements that
/// were dequeued before an enqueue of them began), `duplicated` (elements that were dequeued more often than enqueued
/// before). The anomaly is `nonlinearizable`. Unknown if the history has other functions.
///
/// ```
/// use maelstrom_checker::{CheckContext, Checker, UnorderedQueue, Valid};
/// use maelstrom_checker::history::History;
/// let history = History::read(&b"
///     {:type :invoke, :process 0, :f :enqueue, :value 7} {:type :ok, :process 0, :f :enqueue, :value 7}
///     {:type :invoke, :process 1, :f :dequeue}           {:type :ok, :process 1, :f :dequeue, :value 7}
///     {:type :invoke, :process 2, :f :dequeue}           {:type :ok, :process 2, :f :dequeue, :value 7}"[..])?;
/// let verdict = UnorderedQueue.check(&history, &CheckContext::default());
/// assert_eq!(verdict.valid, Valid::False);
/// assert_eq!(verdict.findings[0].story, "process 2 dequeued 7, but it had been enqueued once and dequeued once by then.");
/// # Ok::<(), maelstrom_checker::history::ReadError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct UnorderedQueue;

impl Checker for UnorderedQueue {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(UnorderedQueueStream::new(context))
    }
}

/// A pending operation: what it enqueues, and its position.
struct PendingQueueOp {
    position: u32,
    enqueues: Option<u32>,
}

/// A history that is checked entry by entry.
struct UnorderedQueueStream<'a> {
    context: &'a CheckContext,
    entries: Entries,
    open: Pairing<PendingQueueOp>,
    elements: Interner,
    /// The enqueues that did not fail: element and operation.
    enqueues: Vec<(u32, PackedPair)>,
    /// The completed dequeues, in the order of their ends: element and operation.
    dequeues: Vec<(u32, PackedPair)>,
    acknowledged: usize,
    obstacle: Option<String>,
}

impl<'a> UnorderedQueueStream<'a> {
    fn new(context: &'a CheckContext) -> UnorderedQueueStream<'a> {
        UnorderedQueueStream {
            context,
            entries: Entries::default(),
            open: Pairing::new(),
            elements: Interner::default(),
            enqueues: Vec::new(),
            dequeues: Vec::new(),
            acknowledged: 0,
            obstacle: None,
        }
    }

    fn end(&mut self, position: u32, open: Option<PendingQueueOp>, op: &Op) {
        let place = PackedPair { invocation: open.as_ref().map_or(NONE, |open| open.position), completion: position };
        let is_ok = op.kind == OpType::Ok;
        match (&*op.f, op.kind) {
            ("enqueue" | "dequeue" | "drain", OpType::Fail) => {}
            ("enqueue", _) => {
                // The element is that of the invocation, if there is one.
                let element = open.and_then(|open| open.enqueues).unwrap_or_else(|| self.elements.id(&op.value));
                self.enqueues.push((element, place));
                self.acknowledged += usize::from(is_ok);
            }
            ("dequeue", OpType::Ok) => self.dequeues.push((self.elements.id(&op.value), place)),
            ("drain", OpType::Ok) => match &op.value {
                Value::Array(list) => {
                    self.dequeues.extend(list.iter().map(|element| (self.elements.id(element), place)));
                }
                Value::Null => {}
                _ => self.object(op, "a drain must return a list"),
            },
            ("dequeue" | "drain", _) => {}
            _ => self.object(op, "a queue has only the functions enqueue, dequeue and drain"),
        }
    }

    fn object(&mut self, op: &Op, why: &str) {
        let Op { index, process, kind, f, .. } = op;
        self.obstacle.get_or_insert_with(|| {
            format!("entry {index} of the history (process {process}, {} {f}): {why}", kind.as_str())
        });
    }
}

impl Stream for UnorderedQueueStream<'_> {
    fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            let enqueues = (&*op.f == "enqueue").then(|| self.elements.id(&op.value));
            if let Some(PendingQueueOp { position, enqueues: Some(element) }) =
                self.open.begin(process, op, PendingQueueOp { position, enqueues })
            {
                self.enqueues.push((element, PackedPair { invocation: position, completion: NONE }));
            }
            return;
        }
        let (open, op) = self.open.end(process, op);
        self.end(position, open, &op);
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        for open in self.open.take_unfinished().collect::<Vec<_>>() {
            let place = PackedPair { invocation: open.position, completion: NONE };
            self.enqueues.extend(open.enqueues.map(|element| (element, place)));
        }
        // By element; then enqueues in the order of their beginnings, dequeues in the order of their ends.
        self.enqueues.sort_by_key(|(element, place)| (*element, place.start()));
        self.dequeues.sort_by_key(|(element, place)| (*element, place.completion));
        let mut excesses: Vec<ExcessDequeue<'_>> = self
            .dequeues
            .chunk_by(|one, other| one.0 == other.0)
            .filter_map(|dequeues| self.excess(dequeues))
            .collect();
        excesses.sort_by_key(|excess| (excess.culprit().completion, excess.element));
        let findings: Vec<Finding> = excesses.iter().take(MAX_EXPLAINED).map(|excess| self.finding(excess)).collect();
        let (valid, reason) = match (&self.obstacle, findings.is_empty()) {
            (_, false) => (Valid::False, None),
            (Some(obstacle), true) => (Valid::Unknown, Some(obstacle.clone())),
            (None, true) if self.dequeues.is_empty() => {
                (Valid::Unknown, Some("nothing was dequeued, so nothing was tested".into()))
            }
            (None, true) => (Valid::True, None),
        };
        let mut verdict = Verdict { valid, reason, findings, details: self.details(&excesses) };
        verdict.add_mismatch(self.open.mismatch());
        verdict
    }
}

/// More dequeues of an element than enqueues of it.
struct ExcessDequeue<'a> {
    element: u32,
    /// The enqueues that began before the last dequeue ended.
    enqueues: &'a [(u32, PackedPair)],
    /// The dequeues, one more than enqueues.
    dequeues: &'a [(u32, PackedPair)],
}

impl ExcessDequeue<'_> {
    fn culprit(&self) -> PackedPair {
        self.dequeues.last().expect("there is one more than enqueues").1
    }
}

impl UnorderedQueueStream<'_> {
    /// The first dequeue of an element that was not in the queue, and the operations before it.
    fn excess<'q>(&'q self, dequeues: &'q [(u32, PackedPair)]) -> Option<ExcessDequeue<'q>> {
        let element = dequeues[0].0;
        let first = self.enqueues.partition_point(|(other, _)| *other < element);
        let enqueues = &self.enqueues[first..];
        let enqueues = &enqueues[..enqueues.partition_point(|(other, _)| *other == element)];
        let begun = |at: usize| enqueues.partition_point(|(_, place)| place.start() < dequeues[at].1.end());
        let at = (0..dequeues.len()).find(|at| begun(*at) <= *at)?;
        Some(ExcessDequeue { element, enqueues: &enqueues[..begun(at)], dequeues: &dequeues[..=at] })
    }

    fn finding(&self, excess: &ExcessDequeue<'_>) -> Finding {
        let shown = brief(&self.elements.value(excess.element));
        let who = who(self.entries.stamp(excess.culprit().completion).process, self.context);
        let (in_count, out_count) = (excess.enqueues.len(), excess.dequeues.len() - 1);
        let (story, shape) = if in_count == 0 {
            (
                format!("{who} dequeued {shown}, which nobody had enqueued."),
                "an element was dequeued that nobody had enqueued",
            )
        } else {
            (
                format!(
                    "{who} dequeued {shown}, but it had been enqueued {} and dequeued {} by then.",
                    times(in_count),
                    times(out_count)
                ),
                "an element was dequeued more often than it had been enqueued",
            )
        };
        let row = |name: &str, (_, place): &(u32, PackedPair), note: &str| {
            Evidence::new(place.pair(), format!("{name} {shown}"), note)
        };
        let enqueued =
            excess.enqueues.iter().take(MAX_SHOWN).map(|enqueue| row("enqueue", enqueue, self.outcome_text(enqueue)));
        let mut evidence: Vec<Evidence> = enqueued.collect();
        let earlier = &excess.dequeues[..out_count];
        evidence.extend(earlier.iter().take(MAX_SHOWN).map(|dequeue| row("dequeue →", dequeue, "ok")));
        if in_count > MAX_SHOWN {
            evidence.push(Evidence::note(format!("not shown: {} more of each", in_count - MAX_SHOWN)));
        }
        let is_null = in_count == 0 && self.elements.value(excess.element).is_null();
        let why = match in_count {
            0 if is_null => "record a dequeue from an empty queue as `fail`, if that is what it was".into(),
            0 => "no enqueue of it had begun".into(),
            _ => format!("only {} of it had begun by then", counted(in_count, "enqueue")),
        };
        let (_, culprit) = excess.dequeues.last().expect("there is one more than enqueues");
        evidence.push(row("dequeue →", &(excess.element, *culprit), &why).culprit());
        Finding {
            anomaly: "nonlinearizable".into(),
            proscribed: true,
            headline: format!("not linearizable (element {shown})"),
            story,
            shape: shape.into(),
            evidence,
            picture: None,
        }
    }

    fn outcome_text(&self, (_, place): &(u32, PackedPair)) -> &'static str {
        if place.completion == NONE { "never completed" } else { "" }
    }

    fn details(&self, excesses: &[ExcessDequeue<'_>]) -> Map<String, Value> {
        let list = |is_unexpected: bool| -> Value {
            let of_kind = excesses.iter().filter(|excess| excess.enqueues.is_empty() == is_unexpected);
            of_kind.map(|excess| self.elements.value(excess.element)).collect()
        };
        let rows = [
            ("attempt_count", json!(self.enqueues.len())),
            ("acknowledged_count", json!(self.acknowledged)),
            ("dequeued_count", json!(self.dequeues.len())),
            ("unexpected", list(true)),
            ("duplicated", list(false)),
        ];
        rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

/// A count as text: `once`, `twice`, `3 times`.
fn times(count: usize) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        _ => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::small_histories::{RandomOp, history, intervals, is_linearizable, random_ops, verdict};
    use crate::test_cases::cases;

    fn operations(count: usize) -> impl Strategy<Value = Vec<RandomOp>> {
        let operation = prop_oneof![
            3 => (0..3u32).prop_map(|element| ("enqueue", json!(element), json!(element))),
            3 => (0..3u32).prop_map(|element| ("dequeue", Value::Null, json!(element))),
            1 => (0..3u32, 0..3u32).prop_map(|(one, other)| ("drain", Value::Null, json!([one, other]))),
        ];
        random_ops(count, operation)
    }

    /// The number of each element in the queue after an operation.
    fn step(counts: &[i32; 3], op: &RandomOp) -> Option<[i32; 3]> {
        let mut counts = *counts;
        let mut change = |element: &Value, by: i32| counts[element.as_u64().expect("it was drawn") as usize] += by;
        match (op.f, &op.result) {
            ("enqueue", element) => change(element, 1),
            ("dequeue", element) => change(element, -1),
            (_, list) => list.as_array().expect("it was drawn").iter().for_each(|element| change(element, -1)),
        }
        counts.iter().all(|count| *count >= 0).then_some(counts)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(2000)) })]

        #[test]
        fn verdicts_agree_with_brute_force(random_ops in operations(8)) {
            let expected = is_linearizable(&intervals(&random_ops), [0; 3], &|counts, index| step(counts, &random_ops[index]));
            let verdict = verdict(&UnorderedQueue, &history(&random_ops));
            prop_assert_eq!(verdict.valid != Valid::False, expected, "{:?}", verdict);
        }

        /// The evidence alone is not linearizable, and without any of its dequeues it is.
        #[test]
        fn evidence_is_minimal(random_ops in operations(10)) {
            let whole = history(&random_ops);
            let verdict = verdict(&UnorderedQueue, &whole);
            let is_drain = |line: &Evidence| line.completion.is_some_and(|at| &*whole.ops[at].f == "drain");
            for finding in verdict.findings.iter().filter(|finding| !finding.evidence.iter().any(is_drain)) {
                let without = |left_out: Option<&Evidence>| {
                    let lines = finding.evidence.iter().filter(|line| Some(*line) != left_out);
                    let mut positions: Vec<usize> =
                        lines.flat_map(|line| line.invocation.into_iter().chain(line.completion)).collect();
                    positions.sort_unstable();
                    let ops = positions.into_iter().map(|at| whole.ops[at].clone()).collect();
                    UnorderedQueue.check(&History { ops }, &CheckContext::default()).valid
                };
                prop_assert_eq!(without(None), Valid::False);
                for line in finding.evidence.iter().filter(|line| line.text.starts_with("dequeue")) {
                    prop_assert_ne!(without(Some(line)), Valid::False, "{:?} is superfluous", line);
                }
            }
        }
    }

    fn check(text: &str) -> Verdict {
        verdict(&UnorderedQueue, &History::read(text.as_bytes()).expect("it is a history"))
    }

    #[test]
    fn findings_show_what_went_in_and_came_out() {
        let verdict = check(
            r#"{"type": "invoke", "process": 0, "f": "enqueue", "value": "a"}
               {"type": "ok", "process": 0, "f": "enqueue", "value": "a"}
               {"type": "ok", "process": 1, "f": "dequeue", "value": "a"}
               {"type": "ok", "process": 2, "f": "dequeue", "value": "a"}
               {"type": "ok", "process": 2, "f": "dequeue", "value": null}"#,
        );
        let told: Vec<(&str, Vec<(&str, &str)>)> = verdict
            .findings
            .iter()
            .map(|finding| {
                let lines = finding.evidence.iter().map(|line| (line.text.as_str(), line.note.as_str()));
                (finding.story.as_str(), lines.collect())
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "process 2 dequeued \"a\", but it had been enqueued once and dequeued once by then.",
                    vec![
                        ("enqueue \"a\"", ""),
                        ("dequeue → \"a\"", "ok"),
                        ("dequeue → \"a\"", "only 1 enqueue of it had begun by then"),
                    ]
                ),
                (
                    "process 2 dequeued null, which nobody had enqueued.",
                    vec![("dequeue → null", "record a dequeue from an empty queue as `fail`, if that is what it was")]
                ),
            ]
        );
        let expected = json!({
            "attempt_count": 1, "acknowledged_count": 1, "dequeued_count": 3, "unexpected": [null], "duplicated": ["a"],
        });
        assert_eq!(Value::Object(verdict.details), expected);
    }

    #[test]
    fn nothing_is_said_where_nothing_can_be() {
        for (text, reason) in [
            ("{:type :ok, :f :enqueue, :value 1}", "nothing was dequeued, so nothing was tested"),
            (
                "{:type :ok, :f :peek, :value 1}",
                "entry 0 of the history (process 0, ok peek): a queue has only the functions enqueue, dequeue and drain",
            ),
        ] {
            let verdict = check(text);
            assert_eq!((verdict.valid, verdict.reason.as_deref()), (Valid::Unknown, Some(reason)));
        }
    }
}
