//! What a contradiction means in words: which kind of fault it is, and why nothing explains it.

use super::problem::{ANYTHING, Action, Operation, State};
use super::reduce::Proof;
use super::register::Register;
use super::words;
use crate::checker::CheckContext;
use crate::history::{History, Pair};

/// The kinds of fault that people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NobodyWrote,
    WriteFailed,
    NotYetWritten,
    FoundNothing,
    LostWrite,
    Overwritten,
    TwoCasFromOneValue,
    Impossible,
}

/// A fault, told.
pub(super) struct Story {
    pub(super) story: String,
    pub(super) shape: String,
    /// Why no order explains the operation; may have several lines, may be empty.
    pub(super) because: String,
}

/// Tells the story of a proof.
pub(super) fn tell(register: &Register<'_>, proof: &Proof, history: &History, context: &CheckContext) -> Story {
    let Some(case) = Case::new(register, proof, history, context) else {
        let shape = "no order of the operations explains the answers".to_owned();
        return Story { story: shape.clone(), shape, because: String::new() };
    };
    let fault = case.classify();
    Story { story: case.story(fault), shape: case.shape(fault).to_owned(), because: case.because(fault) }
}

/// The operation that could not return, and what there is to say about it.
struct Case<'a> {
    register: &'a Register<'a>,
    proof: &'a Proof,
    history: &'a History,
    context: &'a CheckContext,
    stuck: Operation,
    /// The value that it says was there.
    value: State,
    /// What shows that something else was there: the last operation of the proof that was over before.
    witness: Option<Operation>,
}

impl<'a> Case<'a> {
    fn new(
        register: &'a Register<'a>,
        proof: &'a Proof,
        history: &'a History,
        context: &'a CheckContext,
    ) -> Option<Case<'a>> {
        let stuck = *proof.problem.operations.iter().find(|op| op.id == proof.stuck)?;
        let value = stuck.action.observes()?;
        let over = proof.problem.operations.iter().filter(|op| op.end.is_some_and(|end| end < stuck.start));
        let differing = over.filter(|op| after(op.action) != value);
        let witness = differing.max_by_key(|op| op.end).copied();
        Some(Case { register, proof, history, context, stuck, value, witness })
    }

    fn is_cas(&self) -> bool {
        matches!(self.register.asked[self.stuck.id], Action::Cas(..))
    }

    fn classify(&self) -> Fault {
        let writers = || self.register.problem.operations.iter().filter(|op| op.action.writes() == Some(self.value));
        let was_there = self.register.problem.initial == self.value
            || writers().any(|op| self.stuck.end.is_some_and(|end| op.start < end));
        if !was_there {
            return if writers().next().is_some() {
                Fault::NotYetWritten
            } else if self.register.failed_writes.iter().any(|(value, _)| *value == self.value) {
                Fault::WriteFailed
            } else {
                Fault::NobodyWrote
            };
        }
        if matches!(self.stuck.action, Action::Cas(..)) && self.rival().is_some() {
            return Fault::TwoCasFromOneValue;
        }
        let Some(witness) = self.witness else { return Fault::Impossible };
        if self.register.value(self.value).is_some_and(crate::json::Value::is_null) {
            Fault::FoundNothing
        } else if !self.is_cas() && self.is_lost(witness) {
            Fault::LostWrite
        } else {
            Fault::Overwritten
        }
    }

    /// Another compare-and-set of the proof from the same value.
    fn rival(&self) -> Option<Operation> {
        let same = |op: &&Operation| matches!(op.action, Action::Cas(from, _) if from == self.value);
        self.proof.problem.operations.iter().filter(same).find(|op| op.end.is_some() && op.id != self.stuck.id).copied()
    }

    /// Did a write disappear, rather than one read miss it? Nobody ever saw its value, though several nodes (processes
    /// where those are unknown) were asked when nothing else had been written yet.
    fn is_lost(&self, write: Operation) -> bool {
        let (Some(value), Some(over)) = (write.action.writes(), write.end) else { return false };
        let all = &self.register.problem.operations;
        if all.iter().any(|op| op.action.observes() == Some(value)) {
            return false;
        }
        let changes = all.iter().filter(|op| op.action.writes().is_some() && op.id != write.id);
        let next_change = changes.filter(|op| op.end.is_none_or(|end| end > over)).map(|op| op.start).min();
        let reads = all.iter().filter(|op| matches!(op.action, Action::Read(_)) && op.start > over);
        let in_time = reads.filter(|op| op.end.is_some_and(|end| next_change.is_none_or(|next| end < next)));
        let mut asked: Vec<String> = in_time.map(|op| self.who(op.id)).collect();
        asked.sort_unstable();
        asked.dedup();
        asked.len() >= 2
    }

    /// The node that answered an operation, else the process that asked.
    fn who(&self, id: usize) -> String {
        let process = process(self.history, self.register.pairs[id]);
        match self.context.node_of(process) {
            Some(node) => node.to_owned(),
            None => format!("p{process}"),
        }
    }

    fn story(&self, fault: Fault) -> String {
        let process = process(self.history, self.register.pairs[self.stuck.id]);
        let subject = match (self.context.node_of(process), self.is_cas()) {
            (Some(node), false) => format!("{node} answered a read with"),
            (None, false) => format!("a read of p{process} was answered with"),
            (Some(node), true) => format!("{node} answered a compare-and-set with success, although"),
            (None, true) => format!("a compare-and-set of p{process} succeeded, although"),
        };
        let what = match (fault, self.is_cas()) {
            (Fault::NobodyWrote, false) => "a value that nobody wrote",
            (Fault::NobodyWrote, true) => "nobody had written the value that it expects",
            (Fault::WriteFailed, false) => "the value of a write that had failed",
            (Fault::WriteFailed, true) => "the write of the value that it expects had failed",
            (Fault::NotYetWritten, false) => "a value that was written only later",
            (Fault::NotYetWritten, true) => "the value that it expects was written only later",
            (Fault::FoundNothing, false) => "nothing, although there was a value",
            (Fault::FoundNothing, true) => "it expects nothing to be there, and there was a value",
            (Fault::LostWrite, _) => {
                "an old value, and no later read saw the new one either: an acknowledged write was lost"
            }
            (Fault::Overwritten, false) => "a value that had been overwritten",
            (Fault::Overwritten, true) => "the value that it expects had been overwritten",
            (Fault::TwoCasFromOneValue, _) => "another one had already replaced the same value",
            (Fault::Impossible, false) => "a value that was not there at that time",
            (Fault::Impossible, true) => "the value that it expects was not there at that time",
        };
        format!("{subject} {what}")
    }

    fn shape(&self, fault: Fault) -> &'static str {
        match (fault, self.is_cas()) {
            (Fault::NobodyWrote, false) => "a read returned a value that nobody wrote",
            (Fault::NobodyWrote, true) => "a compare-and-set succeeded on a value that nobody wrote",
            (Fault::WriteFailed, false) => "a read returned the value of a write that had failed",
            (Fault::WriteFailed, true) => "a compare-and-set succeeded on the value of a write that had failed",
            (Fault::NotYetWritten, false) => "a read returned a value before it was written",
            (Fault::NotYetWritten, true) => "a compare-and-set succeeded on a value before it was written",
            (Fault::FoundNothing, false) => "a read found nothing although there was a value",
            (Fault::FoundNothing, true) => "a compare-and-set found nothing although there was a value",
            (Fault::LostWrite, _) => "an acknowledged write was lost",
            (Fault::Overwritten, false) => "a read returned a value that had been overwritten",
            (Fault::Overwritten, true) => "a compare-and-set succeeded on a value that had been overwritten",
            (Fault::TwoCasFromOneValue, _) => "two compare-and-sets from the same value succeeded",
            (Fault::Impossible, false) => "a read returned a value that was not there at that time",
            (Fault::Impossible, true) => "a compare-and-set succeeded on a value that was not there at that time",
        }
    }

    /// Why, in the cases in which it can be said in a sentence.
    fn because(&self, fault: Fault) -> String {
        let value = words::state(self.register, self.value);
        let me = if self.is_cas() { "compare-and-set" } else { "read" };
        let others = || self.proof.problem.operations.iter().filter(|op| op.id != self.stuck.id);
        let is_pair = others().filter(|op| op.end.is_some()).count() == 1;
        let written_in_between = others().any(|op| op.end.is_none() && op.action.writes() == Some(self.value));
        match fault {
            Fault::NobodyWrote => format!("no operation writes {value}"),
            Fault::WriteFailed => format!("only operations that failed would have written {value}"),
            Fault::NotYetWritten => format!("the first write of {value} began when the {me} was over"),
            _ if !is_pair || written_in_between => String::new(),
            Fault::TwoCasFromOneValue => {
                format!("each of them replaces {value},\nand nothing wrote {value} in between")
            }
            Fault::FoundNothing | Fault::LostWrite | Fault::Overwritten => {
                let Some(witness) = self.witness else { return String::new() };
                let noun = words::noun(self.register, witness.id);
                // Of short sentences each has a line of its own.
                let glue = if noun.chars().count() < 24 { '\n' } else { ' ' };
                let after = match fault {
                    Fault::FoundNothing => "removed the value".to_owned(),
                    _ => format!("wrote {value}"),
                };
                format!("{noun} was over before the {me} began,{glue}and nothing {after} after it")
            }
            Fault::Impossible => String::new(),
        }
    }
}

/// What is there immediately after an action.
fn after(action: Action) -> State {
    action.writes().or(action.observes()).unwrap_or(ANYTHING)
}

/// The process that performed an operation.
pub(super) fn process(history: &History, pair: Pair) -> u64 {
    let entry = pair.invocation.or(pair.completion).and_then(|entry| history.ops.get(entry));
    entry.and_then(|op| op.process.client()).unwrap_or(0)
}
