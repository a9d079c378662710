//! [`Question`]: what the messages have to explain: a wrong answer, and the operation that it contradicts.

use crate::checker::{CheckContext, Finding, Picture};
use crate::history::{History, Op, OpType, Pair};
use crate::json::Value;

/// The maximum number of operations that are shown besides the answer and the operation that it lacks.
const OTHERS: usize = 6;

/// What the messages have to explain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    /// The operation with the wrong answer.
    pub(super) answer: Pair,
    /// The operation that the answer should have reflected.
    pub(super) lacks: Option<Lacking>,
    /// Other operations that prove the failure.
    pub(super) others: Vec<Pair>,
    /// Whether the failure is that something happened twice.
    pub(super) is_double: bool,
    /// Whether it is known that this answer is wrong, and not another one.
    pub(super) is_certain: bool,
}

/// An operation that the wrong answer should have reflected.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lacking {
    /// The operation.
    pub(super) operation: Pair,
    /// What it wrote: values with their keys. A value of a set has no key.
    pub(super) written: Vec<Written>,
}

/// A value that an operation wrote.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) key: Option<Value>,
    pub(super) value: Value,
}

impl Question {
    /// Returns the question that a finding raises. `None` if its evidence has no answer.
    pub(super) fn of(finding: &Finding, history: &History, context: &CheckContext) -> Option<Question> {
        let lines: Vec<Pair> = finding
            .evidence
            .iter()
            .map(|line| Pair { invocation: line.invocation, completion: line.completion })
            .filter(|pair| is_client_operation(*pair, history, context))
            .collect();
        let is_double = finding.anomaly.contains("duplicate");
        let (answer, lacks, is_certain) = match &finding.picture {
            Some(Picture::Cycle(cycle)) => {
                // The reader of the first anti-dependency did not see what the writer wrote.
                let missed = |(from, to, kind, _): &(usize, usize, String, String)| {
                    let (reader, writer) = (*lines.get(*from)?, *lines.get(*to)?);
                    let written = unseen_writes(history, reader, writer);
                    (kind == "rw" && !written.is_empty()).then_some((reader, Lacking { operation: writer, written }))
                };
                let (reader, lacking) = cycle.edges.iter().find_map(missed)?;
                (reader, Some(lacking), true)
            }
            picture => {
                let culprit = finding.evidence.iter().find(|line| line.is_culprit);
                let culprit = culprit.map(|line| Pair { invocation: line.invocation, completion: line.completion });
                let stuck = match picture {
                    Some(Picture::Intervals(intervals)) => {
                        let bar = intervals.stuck.and_then(|stuck| intervals.bars.get(stuck));
                        bar.map(|bar| Pair { invocation: Some(bar.order.0), completion: bar.order.1 })
                    }
                    _ => None,
                };
                let last = || lines.iter().copied().max_by_key(|pair| pair.completion);
                let answer = culprit.or(stuck).filter(|pair| lines.contains(pair)).or_else(last)?;
                (answer, lacking(answer, &lines, history, is_double), culprit == Some(answer))
            }
        };
        answer.completion?;
        let lacked = lacks.as_ref().map(|lacking| lacking.operation);
        let mut others: Vec<Pair> = lines.into_iter().filter(|pair| *pair != answer && Some(*pair) != lacked).collect();
        others.drain(..others.len().saturating_sub(OTHERS));
        Some(Question { answer, lacks, others, is_double, is_certain })
    }

    /// Whether the answer tells a state. That of a write says only that it happened.
    pub(super) fn is_read(&self, history: &History) -> bool {
        entry(history, self.answer.invocation).is_some_and(|op| matches!(&*op.f, "read" | "poll" | "txn"))
    }

    /// Returns all operations: that with the wrong answer, that which it lacks, and others.
    pub(super) fn operations(&self) -> impl Iterator<Item = Pair> {
        let lacked = self.lacks.iter().map(|lacking| lacking.operation);
        std::iter::once(self.answer).chain(lacked).chain(self.others.iter().copied())
    }
}

/// Whether both ends are entries of one client process whose node is known, in their order.
fn is_client_operation(pair: Pair, history: &History, context: &CheckContext) -> bool {
    let Some(invocation) = pair.invocation.and_then(|at| history.ops.get(at)) else { return false };
    let completion = pair.completion.map(|at| history.ops.get(at));
    let is_whole = match completion {
        Some(Some(completion)) => completion.process == invocation.process && pair.completion > pair.invocation,
        Some(None) => false,
        None => true,
    };
    is_whole && invocation.process.client().is_some_and(|process| context.node_of(process).is_some())
}

fn entry(history: &History, at: Option<usize>) -> Option<&Op> {
    history.ops.get(at?)
}

/// Returns what the answer lacks, if the evidence says it.
fn lacking(answer: Pair, lines: &[Pair], history: &History, is_double: bool) -> Option<Lacking> {
    let invoked = entry(history, answer.invocation)?;
    let completed = entry(history, answer.completion)?;
    if is_double && let Some(value) = repeated(&completed.value) {
        return addition_of(value, history);
    }
    let others = || lines.iter().copied().filter(|pair| *pair != answer);
    let is_register = |op: &Op| matches!(&*op.f, "read" | "write" | "cas") && pair_of(&op.value).is_some();
    if is_register(invoked) {
        // The last value that the register certainly had before the answer was asked for.
        let read = (completed.kind == OpType::Ok && &*completed.f == "read").then(|| &completed.value[1]);
        let before = others().filter(|pair| {
            let ok = entry(history, pair.completion).is_some_and(|op| op.kind == OpType::Ok && is_register(op));
            ok && pair.completion < answer.invocation
        });
        let last = before.max_by_key(|pair| pair.completion)?;
        let completion = entry(history, last.completion)?;
        let value = register_value(completion)?;
        if read == Some(value) {
            return None;
        }
        let key = completion.value[0].clone();
        let operation =
            if &*completion.f == "read" { latest_write(history, &key, value, last.completion?)? } else { last };
        let written = vec![Written { key: Some(key), value: value.clone() }];
        return Some(Lacking { operation, written });
    }
    let addition =
        others().filter(|pair| entry(history, pair.invocation).is_some_and(|op| matches!(&*op.f, "add" | "broadcast")));
    // Which one of several additions a sum lacks is not known.
    let additions: Vec<Pair> = addition.collect();
    if let [operation] = additions[..] {
        let is_set = completed.value.is_array();
        let value = entry(history, operation.invocation)?.value.clone();
        return is_set.then(|| Lacking { operation, written: vec![Written { key: None, value }] });
    }
    // Messages of a log.
    let sends = others().filter_map(|operation| {
        let written = micro_operations(&entry(history, operation.invocation)?.value)
            .filter(|(f, ..)| *f == "send")
            .map(|(_, key, value)| Written { key: Some(key.clone()), value: value.clone() });
        let written: Vec<Written> = written.collect();
        (!written.is_empty()).then_some(Lacking { operation, written })
    });
    sends.min_by_key(|lacking| lacking.operation.invocation)
}

/// Returns the elements of a pair of key and argument.
fn pair_of(value: &Value) -> Option<(&Value, &Value)> {
    match value.as_array().map(Vec::as_slice) {
        Some([key, argument]) => Some((key, argument)),
        _ => None,
    }
}

/// Returns the value of a register after a successful operation on it.
fn register_value(op: &Op) -> Option<&Value> {
    let (_, argument) = pair_of(&op.value)?;
    match &*op.f {
        "read" | "write" => Some(argument),
        "cas" => pair_of(argument).map(|(_, to)| to),
        _ => None,
    }
}

/// Returns the last operation that began before an entry of the history, may have happened, and wrote a value. `None` if another
/// such operation may have taken effect after it.
fn latest_write(history: &History, key: &Value, value: &Value, before: usize) -> Option<Pair> {
    let entry = |at: usize| history.ops.get(at);
    let has_written = |pair: &Pair| {
        let Some(op) = pair.invocation.filter(|at| *at < before).and_then(entry) else { return false };
        let has_failed = pair.completion.and_then(entry).is_some_and(|op| op.kind == OpType::Fail);
        matches!(&*op.f, "write" | "cas")
            && !has_failed
            && op.value.get(0) == Some(key)
            && register_value(op) == Some(value)
    };
    let writes: Vec<Pair> = history.pairs().into_iter().filter(has_written).collect();
    let latest = *writes.iter().max_by_key(|pair| pair.invocation)?;
    let may_be_later = |pair: &&Pair| {
        let completed = pair.completion.filter(|at| entry(*at).is_some_and(|op| op.kind == OpType::Ok));
        **pair != latest && completed.is_none_or(|at| Some(at) > latest.invocation)
    };
    writes.iter().find(may_be_later).is_none().then_some(latest)
}

/// Returns the first element that a list has twice.
fn repeated(value: &Value) -> Option<&Value> {
    let mut seen = std::collections::BTreeSet::new();
    value.as_array()?.iter().find(|element| !seen.insert(element.to_string()))
}

/// Returns the operation that added an element.
fn addition_of(value: &Value, history: &History) -> Option<Lacking> {
    let is_addition =
        |op: &Op| op.kind == OpType::Invoke && matches!(&*op.f, "add" | "broadcast") && op.value == *value;
    let at = history.ops.iter().position(is_addition)?;
    let process = history.ops[at].process;
    let next = (at + 1..history.ops.len()).find(|next| history.ops[*next].process == process);
    let completion = next.filter(|next| history.ops[*next].kind != OpType::Invoke);
    let written = vec![Written { key: None, value: value.clone() }];
    Some(Lacking { operation: Pair { invocation: Some(at), completion }, written })
}

/// Returns the parts of a transaction: function, key, argument.
fn micro_operations(value: &Value) -> impl Iterator<Item = (&str, &Value, &Value)> {
    value.as_array().into_iter().flatten().filter_map(|micro| match micro.as_array().map(Vec::as_slice) {
        Some([f, key, argument]) => Some((f.as_str()?, key, argument)),
        _ => None,
    })
}

/// Returns what one transaction wrote to keys that another one read without seeing it.
fn unseen_writes(history: &History, reader: Pair, writer: Pair) -> Vec<Written> {
    let (Some(read), Some(wrote)) = (entry(history, reader.completion), entry(history, writer.invocation)) else {
        return Vec::new();
    };
    let sees =
        |seen: &Value, value: &Value| seen == value || seen.as_array().is_some_and(|elements| elements.contains(value));
    let is_unseen = |key: &Value, value: &Value| {
        let mut reads = micro_operations(&read.value).filter(|(f, read, _)| *f == "r" && *read == key).peekable();
        reads.peek().is_some() && reads.all(|(_, _, seen)| !sees(seen, value))
    };
    micro_operations(&wrote.value)
        .filter(|(f, key, value)| *f != "r" && is_unseen(key, value))
        .map(|(_, key, value)| Written { key: Some(key.clone()), value: value.clone() })
        .collect()
}
