//! Classifies and describes a contradiction: which kind of fault it is, and why no order explains it.

use std::collections::BTreeSet;

use super::problem::{ANYTHING, Action, Operation, State};
use super::reduce::Proof;
use super::register::Register;
use super::words;
use super::{Object, mutex};
use crate::CheckContext;
use crate::history::{History, Pair};

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegisterFault {
    NobodyWrote,
    WriteFailed,
    NotYetWritten,
    FoundNothing,
    LostWrite,
    Overwritten,
    TwoCasFromOneValue,
    Impossible,
}

/// The description of a fault.
pub(super) struct Story {
    pub(super) story: String,
    pub(super) shape: String,
    /// Why no order explains the operation. May have several lines, or be empty.
    pub(super) because: String,
    /// The operation (by `id`) with the wrong answer, if more than one answer shows that.
    pub(super) culprit: Option<usize>,
}

/// Describes the fault that a proof shows.
pub(super) fn describe(register: &Register<'_>, proof: &Proof, history: &History, context: &CheckContext) -> Story {
    let Some(case) = StuckOperation::new(register, proof, history, context) else {
        let shape = "no order of the operations explains the answers".to_owned();
        return Story { story: shape.clone(), shape, because: String::new(), culprit: None };
    };
    if register.object == Object::Mutex {
        let (story, shape) = mutex::story(register, case.stuck, &case.who(case.stuck.id));
        return Story { story, shape, because: mutex::because(register, proof, case.stuck), culprit: None };
    }
    let fault = case.classify();
    let culprit = case.culprit(fault);
    let story = match (culprit, case.lost(fault)) {
        (Some(_), _) => case.story(fault),
        (None, Some(witness)) => case.story_of_loss(witness),
        (None, None) => case.story_of_contradiction(fault),
    };
    Story { story, shape: shape(fault).to_owned(), because: case.because(fault), culprit }
}

/// The operation that could not return, and what contradicts it.
struct StuckOperation<'a> {
    register: &'a Register<'a>,
    proof: &'a Proof,
    history: &'a History,
    context: &'a CheckContext,
    stuck: Operation,
    /// The value that it observed.
    value: State,
    /// The operation that shows another value: the last operation of the proof that returned before.
    witness: Option<Operation>,
}

impl<'a> StuckOperation<'a> {
    fn new(
        register: &'a Register<'a>,
        proof: &'a Proof,
        history: &'a History,
        context: &'a CheckContext,
    ) -> Option<StuckOperation<'a>> {
        let stuck = *proof.problem.operations.iter().find(|op| op.id == proof.stuck)?;
        let value = stuck.action.observes()?;
        let over = proof.problem.operations.iter().filter(|op| op.end.is_some_and(|end| end < stuck.start));
        let differing = over.filter(|op| after(op.action) != value);
        let witness = differing.max_by_key(|op| op.end).copied();
        Some(StuckOperation { register, proof, history, context, stuck, value, witness })
    }

    fn is_cas(&self) -> bool {
        matches!(self.register.asked[self.stuck.id], Action::Cas(..))
    }

    fn classify(&self) -> RegisterFault {
        let writers = || self.register.problem.operations.iter().filter(|op| op.action.writes() == Some(self.value));
        let was_there = self.register.problem.initial == self.value
            || writers().any(|op| self.stuck.end.is_some_and(|end| op.start < end));
        if !was_there {
            return if writers().next().is_some() {
                RegisterFault::NotYetWritten
            } else if self.register.failed_writes.iter().any(|(value, _)| *value == self.value) {
                RegisterFault::WriteFailed
            } else {
                RegisterFault::NobodyWrote
            };
        }
        if matches!(self.stuck.action, Action::Cas(..)) && self.rival().is_some() {
            return RegisterFault::TwoCasFromOneValue;
        }
        let Some(witness) = self.witness else { return RegisterFault::Impossible };
        if self.register.value(self.value).is_some_and(crate::json::Value::is_null) {
            RegisterFault::FoundNothing
        } else if !self.is_cas() && self.is_lost(witness) {
            RegisterFault::LostWrite
        } else {
            RegisterFault::Overwritten
        }
    }

    /// Another compare-and-set from the same value in the proof.
    fn rival(&self) -> Option<Operation> {
        let same = |op: &&Operation| matches!(op.action, Action::Cas(from, _) if from == self.value);
        self.proof.problem.operations.iter().filter(same).find(|op| op.end.is_some() && op.id != self.stuck.id).copied()
    }

    /// Whether a write was lost, rather than missed by one read: no operation observed its value, although several nodes
    /// (processes if nodes are unknown) answered before another value was written.
    fn is_lost(&self, write: Operation) -> bool {
        let (Some(value), Some(over)) = (write.action.writes(), write.end) else { return false };
        let all = &self.register.problem.operations;
        if all.iter().any(|op| op.action.observes() == Some(value)) {
            return false;
        }
        let change = self.next_change(write);
        let reads = all.iter().filter(|op| matches!(op.action, Action::Read(_)) && op.start > over);
        let in_time = reads.filter(|op| op.end.is_some_and(|end| end < change));
        in_time.map(|op| self.who(op.id)).collect::<BTreeSet<String>>().len() >= 2
    }

    /// The earliest moment at which an operation other than `earlier` can have changed the value after it; `usize::MAX` if
    /// none can.
    fn next_change(&self, earlier: Operation) -> usize {
        let over = earlier.end.unwrap_or(usize::MAX);
        let changes = self.register.problem.operations.iter().filter(|op| op.action.writes().is_some());
        let later = changes.filter(|op| op.id != earlier.id && op.end.is_none_or(|end| end > over));
        later.map(|op| op.start).min().unwrap_or(usize::MAX)
    }

    /// The node that answered an operation, or its process if the node is unknown.
    fn who(&self, id: usize) -> String {
        let process = process(self.history, self.register.pairs[id]);
        match self.context.node_of(process) {
            Some(node) => node.to_owned(),
            None => format!("p{process}"),
        }
    }

    /// The operation with the wrong answer. If two answers contradict each other, the last one is wrong only if its node
    /// contradicts itself, or if another node agrees with the first one and none agrees with the last one.
    fn culprit(&self, fault: RegisterFault) -> Option<usize> {
        if matches!(fault, RegisterFault::NobodyWrote | RegisterFault::WriteFailed | RegisterFault::NotYetWritten) {
            return Some(self.stuck.id);
        }
        let witness = self.opposite(fault)?;
        let (of_witness, of_stuck) = (self.supporters(witness), self.opponents(witness));
        let is_alone = of_witness.len() > 1 && of_stuck.len() == 1;
        (is_alone || of_witness.contains(&self.who(self.stuck.id))).then_some(self.stuck.id)
    }

    /// The operation whose effect was lost, as several nodes show.
    fn lost(&self, fault: RegisterFault) -> Option<Operation> {
        let witness = self.opposite(fault)?;
        (self.supporters(witness).len() == 1 && self.opponents(witness).len() > 1).then_some(witness)
    }

    /// The operation that the stuck one contradicts.
    fn opposite(&self, fault: RegisterFault) -> Option<Operation> {
        match fault {
            RegisterFault::NobodyWrote | RegisterFault::WriteFailed | RegisterFault::NotYetWritten => None,
            RegisterFault::TwoCasFromOneValue => self.rival(),
            RegisterFault::FoundNothing
            | RegisterFault::LostWrite
            | RegisterFault::Overwritten
            | RegisterFault::Impossible => self.witness,
        }
    }

    /// The nodes whose answers show the value of the witness: before the stuck operation began and without another change in
    /// between, or after it and without a write of the value in between.
    fn supporters(&self, witness: Operation) -> BTreeSet<String> {
        let value = after(witness.action);
        let all = &self.register.problem.operations;
        let changed = |from: usize| {
            let other = |op: &&Operation| op.action.writes().is_some_and(|written| written != value);
            all.iter().filter(other).any(|op| op.start > from && op.end.is_some_and(|end| end < witness.start))
        };
        let before = |op: &&Operation| {
            after(op.action) == value && op.end.is_some_and(|end| end < self.stuck.start && !changed(end))
        };
        let later = self.observers(value, witness).filter(|op| op.start > witness.start);
        let mut nodes: BTreeSet<String> = all.iter().filter(before).chain(later).map(|op| self.who(op.id)).collect();
        nodes.insert(self.who(witness.id));
        nodes
    }

    /// The nodes whose answers, after the witness and before any other change, show the value of the stuck operation. Later
    /// answers say nothing about the witness: another change may have been lost.
    fn opponents(&self, witness: Operation) -> BTreeSet<String> {
        let (over, change) = (witness.end.unwrap_or(usize::MAX), self.next_change(witness));
        let in_time = |op: &&Operation| op.start > over && op.end.is_some_and(|end| end < change);
        let observers = self.register.problem.operations.iter().filter(in_time);
        let observers = observers.filter(|op| op.action.observes() == Some(self.value));
        let mut nodes: BTreeSet<String> = observers.map(|op| self.who(op.id)).collect();
        nodes.insert(self.who(self.stuck.id));
        nodes
    }

    /// Operations that began after the witness and observed a value that no operation can have written since.
    fn observers(&self, value: State, witness: Operation) -> impl Iterator<Item = &Operation> {
        let all = &self.register.problem.operations;
        let over = witness.end.unwrap_or(usize::MAX);
        let writes_again = move |op: &&Operation, until: usize| {
            op.id != witness.id
                && op.action.writes() == Some(value)
                && op.start < until
                && op.end.is_none_or(|end| end > over)
        };
        all.iter().filter(move |op| {
            let observes = op.start > over && op.action.observes() == Some(value);
            observes && op.end.is_some_and(|end| !all.iter().any(|other| writes_again(&other, end)))
        })
    }

    /// The story if later answers agree that the value of the witness was lost. The witness may be right, because nodes that
    /// are killed may lose values. So no operation is a culprit.
    fn story_of_loss(&self, witness: Operation) -> String {
        let (who, what) = (self.who(witness.id), words::noun(self.register, witness.id));
        let others = words::names(self.opponents(witness));
        let value = words::state(self.register, self.value);
        format!("{who} answered {what} with success, but {others} agree that {value} was there after it")
    }

    /// The story if either of the answers may be wrong.
    fn story_of_contradiction(&self, fault: RegisterFault) -> String {
        if self.context.nodes.is_empty() {
            return self.story(fault);
        }
        let told: Vec<String> = self
            .required()
            .map(|op| format!("{} ({})", self.who(op.id), words::operation(self.register, op.id)))
            .collect();
        match told.as_slice() {
            [first, second] => format!("the answers of {first} and {second} contradict each other"),
            _ => {
                let nodes: BTreeSet<String> = self.required().map(|op| self.who(op.id)).collect();
                if nodes.is_empty() {
                    return self.story(fault);
                }
                format!("the answers of {} contradict one another", words::names(nodes))
            }
        }
    }

    /// The operations that the proof needs.
    fn required(&self) -> impl Iterator<Item = &Operation> {
        self.proof.problem.operations.iter().filter(|op| op.end.is_some())
    }

    fn story(&self, fault: RegisterFault) -> String {
        let process = process(self.history, self.register.pairs[self.stuck.id]);
        let subject = match (self.context.node_of(process), self.is_cas()) {
            (Some(node), false) => format!("{node} answered a read with"),
            (None, false) => format!("a read of p{process} was answered with"),
            (Some(node), true) => format!("{node} answered a compare-and-set with success, although"),
            (None, true) => format!("a compare-and-set of p{process} succeeded, although"),
        };
        let what = match (fault, self.is_cas()) {
            (RegisterFault::NobodyWrote, false) => "a value that nobody wrote",
            (RegisterFault::NobodyWrote, true) => "nobody had written the value that it expects",
            (RegisterFault::WriteFailed, false) => "the value of a write that had failed",
            (RegisterFault::WriteFailed, true) => "the write of the value that it expects had failed",
            (RegisterFault::NotYetWritten, false) => "a value that was written only later",
            (RegisterFault::NotYetWritten, true) => "the value that it expects was written only later",
            (RegisterFault::FoundNothing, false) => "nothing, although there was a value",
            (RegisterFault::FoundNothing, true) => "it expects nothing to be there, and there was a value",
            (RegisterFault::LostWrite, _) => {
                "an old value, and no later read saw the new one either: an acknowledged write was lost"
            }
            (RegisterFault::Overwritten, false) => "a value that had been overwritten",
            (RegisterFault::Overwritten, true) => "the value that it expects had been overwritten",
            (RegisterFault::TwoCasFromOneValue, _) => "another one had already replaced the same value",
            (RegisterFault::Impossible, false) => "a value that was not there at that time",
            (RegisterFault::Impossible, true) => "the value that it expects was not there at that time",
        };
        format!("{subject} {what}")
    }

    /// Why no order explains the operation, if a sentence can say it.
    fn because(&self, fault: RegisterFault) -> String {
        let value = words::state(self.register, self.value);
        let me = if self.is_cas() { "compare-and-set" } else { "read" };
        let others = || self.proof.problem.operations.iter().filter(|op| op.id != self.stuck.id);
        let is_pair = others().filter(|op| op.end.is_some()).count() == 1;
        let written_in_between = others().any(|op| op.end.is_none() && op.action.writes() == Some(self.value));
        match fault {
            RegisterFault::NobodyWrote => format!("no operation writes {value}"),
            RegisterFault::WriteFailed => format!("only operations that failed would have written {value}"),
            RegisterFault::NotYetWritten => format!("the first write of {value} began after this {me} completed"),
            _ if !is_pair || written_in_between => String::new(),
            RegisterFault::TwoCasFromOneValue => {
                format!("each of them replaces {value},\nand nothing wrote {value} in between")
            }
            RegisterFault::FoundNothing | RegisterFault::LostWrite | RegisterFault::Overwritten => {
                let Some(witness) = self.witness else { return String::new() };
                let noun = words::noun(self.register, witness.id);
                // Each short sentence is on its own line.
                let glue = if noun.chars().count() < 24 { '\n' } else { ' ' };
                let after = match fault {
                    RegisterFault::FoundNothing => "removed the value".to_owned(),
                    _ => format!("wrote {value}"),
                };
                format!("{noun} completed before this {me} began,{glue}and nothing {after} after it")
            }
            RegisterFault::Impossible => String::new(),
        }
    }
}

/// The shape of a fault, without what depends on timing: which operation shows a stale value, and whether there was another
/// value before, differs between runs with the same bug.
fn shape(fault: RegisterFault) -> &'static str {
    match fault {
        RegisterFault::NobodyWrote => "a response shows a value that nobody wrote",
        RegisterFault::WriteFailed => "a response shows the value of a write that had failed",
        RegisterFault::NotYetWritten => "a response shows a value before it was written",
        RegisterFault::FoundNothing
        | RegisterFault::LostWrite
        | RegisterFault::Overwritten
        | RegisterFault::TwoCasFromOneValue
        | RegisterFault::Impossible => "a response contradicts an operation that had completed before it",
    }
}

/// The state immediately after an action.
fn after(action: Action) -> State {
    action.writes().or(action.observes()).unwrap_or(ANYTHING)
}

/// The process that performed an operation.
pub(super) fn process(history: &History, pair: Pair) -> u64 {
    let entry = pair.invocation.or(pair.completion).and_then(|entry| history.ops.get(entry));
    entry.and_then(|op| op.process.client()).unwrap_or(0)
}
