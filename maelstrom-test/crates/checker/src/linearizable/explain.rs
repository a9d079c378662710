//! From a minimal proof to a finding.

use crate::json::Value;

use super::Object;
use super::fault::{self, Story};
use super::orders;
use super::problem::{ANYTHING, Operation, State};
use super::reduce::Proof;
use super::register::Register;
use super::words;
use crate::history::{History, Nanos, OpType, Pair};
use crate::{Bar, CheckContext, Evidence, Finding, Intervals, Picture};

/// The number of operations that are shown of a proof. Of more operations, the last ones are shown.
const MAX_OPERATIONS: usize = 12;
/// The number of writes that are shown which may have happened, of values that operations of the proof observe.
const MAX_POSSIBLE: usize = 6;
/// The number of orders in the picture.
const MAX_ORDERS: usize = 8;
/// The number of orders in the text.
const MAX_ORDERS_IN_WORDS: usize = 3;

/// A finding, and its proof.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    pub(super) finding: Finding,
    /// The operations of the proof that must have happened.
    pub(super) proof: Vec<Pair>,
    pub(super) is_minimal: bool,
}

/// Explains a proof.
pub(super) fn explain(
    register: &Register<'_>,
    proof: &Proof,
    history: &History,
    context: &CheckContext,
) -> Explanation {
    let required: Vec<Operation> = proof.problem.operations.iter().copied().filter(|op| op.end.is_some()).collect();
    let told = fault::describe(register, proof, history, context);
    // If a sentence explains it, and the register may have held any value before, writes of that value do not matter.
    let is_plain = !told.because.is_empty() && proof.problem.initial == ANYTHING;
    let shown = Shown::choose(proof, &required, is_plain);
    let orders = orders::dead_ends(&shown.operations, proof.problem.initial, MAX_ORDERS);
    let mut evidence: Vec<Evidence> = shown.left_out_note().into_iter().collect();
    for op in &shown.operations {
        let pair = register.pairs[op.id];
        let note = match op.end {
            _ if op.id == proof.stuck => note_of_stuck(register, &told, &shown, &orders),
            Some(_) => history_says(history, pair),
            None if pair.completion.is_some_and(|entry| history.ops[entry].kind == OpType::Ok) => {
                "ok; when it took effect makes no difference".into()
            }
            None => "may have happened at any time after its beginning, or never".into(),
        };
        let text = words::operation(register, op.id);
        evidence.push(Evidence { is_culprit: told.culprit == Some(op.id), ..Evidence::new(pair, text, note) });
    }
    let headline = match register.key {
        Some(key) => format!("not linearizable (key {})", words::json(key)),
        None => "not linearizable".into(),
    };
    let finding = Finding {
        anomaly: "nonlinearizable".into(),
        proscribed: true,
        headline,
        story: format!("{}:", told.story),
        shape: told.shape,
        evidence,
        picture: Some(Picture::Intervals(picture(register, &shown, orders, proof.stuck, history))),
    };
    let proof_pairs = required.iter().map(|op| register.pairs[op.id]).collect();
    Explanation { finding, proof: proof_pairs, is_minimal: proof.is_minimal }
}

/// The operations that are shown, in the order of their invocations.
struct Shown {
    operations: Vec<Operation>,
    /// The number of operations of the proof that are left out.
    earlier: usize,
    /// The number of possible writes that are left out.
    possible: usize,
}

impl Shown {
    fn choose(proof: &Proof, required: &[Operation], is_plain: bool) -> Shown {
        let earlier = required.len().saturating_sub(MAX_OPERATIONS);
        let mut operations = required[earlier..].to_vec();
        let mut possible = if is_plain { Vec::new() } else { possible_writes(proof, &operations) };
        let left_out = possible.len().saturating_sub(MAX_POSSIBLE);
        possible.truncate(MAX_POSSIBLE);
        operations.extend(possible);
        operations.sort_by_key(|op| (op.start, op.id));
        Shown { operations, earlier, possible: left_out }
    }

    fn left_out_note(&self) -> Option<Evidence> {
        let mut parts = Vec::new();
        if self.earlier > 0 {
            parts.push(format!("{} earlier operations that belong to the proof", self.earlier));
        }
        if self.possible > 0 {
            parts.push(format!("{} writes that may have happened but do not help", self.possible));
        }
        (!parts.is_empty())
            .then(|| Evidence { note: format!("not shown: {}", parts.join(", ")), ..Evidence::default() })
    }
}

/// The outcome of an operation, as text.
fn history_says(history: &History, pair: Pair) -> String {
    let Some(completion) = pair.completion.and_then(|entry| history.ops.get(entry)) else { return String::new() };
    match &completion.error {
        Some(Value::Array(parts)) if parts.first().is_some_and(Value::is_string) => {
            format!("{}: {}", completion.kind.as_str(), parts[0].as_str().unwrap_or_default())
        }
        Some(Value::String(name)) => format!("{}: {name}", completion.kind.as_str()),
        _ => completion.kind.as_str().into(),
    }
}

/// Writes that may have happened, of values that some operations observe.
///
/// The latest come first, because a value probably comes from a write shortly before it was observed. Compare-and-sets
/// observe values as well, so this is repeated until nothing is added, or enough was.
fn possible_writes(proof: &Proof, operations: &[Operation]) -> Vec<Operation> {
    let mut needed: Vec<State> = operations.iter().filter_map(|op| op.action.observes()).collect();
    let mut possible: Vec<Operation> = Vec::new();
    while possible.len() <= MAX_POSSIBLE {
        let relaxed = proof.problem.operations.iter().rev().filter(|op| op.end.is_none());
        let helps = |op: &&Operation| op.action.writes().is_some_and(|value| needed.contains(&value));
        let is_new = |op: &&Operation| !possible.iter().any(|other| other.id == op.id);
        let more: Vec<Operation> = relaxed.filter(helps).filter(is_new).copied().collect();
        if more.is_empty() {
            break;
        }
        needed.extend(more.iter().filter_map(|op| op.action.observes()));
        possible.extend(more);
    }
    possible
}

fn note_of_stuck(register: &Register<'_>, told: &Story, shown: &Shown, orders: &[orders::Order]) -> String {
    if shown.operations.len() == 1 && !told.because.is_empty() {
        return told.because.clone();
    }
    let mut lines = vec!["no order of these operations explains it:".to_owned()];
    if told.because.is_empty() {
        let mut tried: Vec<String> = Vec::new();
        for order in orders {
            let line = order_in_words(register, shown, order);
            // Equal operations make orders with equal texts.
            if !tried.contains(&line) {
                tried.push(line);
            }
        }
        let more = tried.len() > MAX_ORDERS_IN_WORDS;
        tried.truncate(MAX_ORDERS_IN_WORDS);
        lines.extend(tried);
        if more {
            lines.push("and so on".into());
        }
    } else {
        lines.extend(told.because.lines().map(str::to_owned));
    }
    lines.join("\n")
}

/// An order as text, and why it cannot be continued.
fn order_in_words(register: &Register<'_>, shown: &Shown, order: &orders::Order) -> String {
    let is_left =
        |(index, op): &(usize, &Operation)| op.end.is_some() && order.iter().all(|(placed, _)| placed != index);
    let next = shown.operations.iter().enumerate().filter(is_left).min_by_key(|(_, op)| op.end);
    let next = next.map_or_else(String::new, |(_, op)| format!(", so {} is impossible", words::label(register, op.id)));
    let Some((_, state)) = order.last() else { return format!("nothing comes first{next}") };
    let steps: Vec<String> =
        order.iter().map(|(index, _)| words::label(register, shown.operations[*index].id)).collect();
    let is = if register.object == Object::Mutex { "is" } else { "holds" };
    format!("after {} it {is} {}{next}", steps.join(", "), words::state(register, *state))
}

fn picture(
    register: &Register<'_>,
    shown: &Shown,
    orders: Vec<orders::Order>,
    stuck: usize,
    history: &History,
) -> Intervals {
    let bars = shown.operations.iter().map(|op| bar(register, op, history)).collect();
    let orders = orders
        .into_iter()
        .map(|order| order.into_iter().map(|(index, state)| (index, words::state(register, state))).collect());
    let stuck = shown.operations.iter().position(|op| op.id == stuck);
    Intervals { bars, orders: orders.collect(), stuck }
}

fn bar(register: &Register<'_>, op: &Operation, history: &History) -> Bar {
    let pair = register.pairs[op.id];
    let time = |entry: usize| history.ops.get(entry).map_or(0, |op| op.time) as Nanos;
    let completion = if op.end.is_some() { pair.completion } else { None };
    Bar {
        label: words::label(register, op.id),
        process: fault::process(history, pair),
        start: pair.invocation.map_or(0, time),
        end: completion.map(time),
        order: (pair.invocation.unwrap_or(0), completion),
    }
}
