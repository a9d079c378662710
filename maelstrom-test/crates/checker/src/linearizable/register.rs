//! Converts a history to a problem for each key.

use crate::json::Value;
use rustc_hash::FxHashMap;

use super::problem::{Action, Operation, Problem, State, UNOBSERVED};
use super::{Linearizable, NullReads, Object, mutex};
use crate::history::{History, Mismatch, Op, OpType, Pair};
use crate::protocol::ErrorCode;

/// The position of the first entry of the history. Operations without an invocation begin at position 0.
const BEFORE_ENTRIES: usize = 1;

/// The position of an entry of the history.
fn position(entry: usize) -> usize {
    entry + BEFORE_ENTRIES + 1
}

/// The operations of a history on one register.
#[derive(Debug)]
pub(super) struct Register<'h> {
    pub(super) object: Object,
    /// The key; `None` if there is only one register.
    pub(super) key: Option<&'h Value>,
    /// The values, by their numbers.
    pub(super) values: Vec<&'h Value>,
    pub(super) problem: Problem,
    /// By `id` of an operation of the problem, its entries in the history.
    pub(super) pairs: Vec<Pair>,
    /// By `id`, what was requested. A compare-and-set from a value to itself is a read in the problem.
    pub(super) asked: Vec<Action>,
    /// The values of failed writes, with the operations.
    pub(super) failed_writes: Vec<(State, Pair)>,
    /// A completion whose function differs from that of its invocation. The verdict does not depend on its value.
    pub(super) mismatch: Option<String>,
    /// Why no verdict is possible: an entry that is not an operation on a register.
    pub(super) obstacle: Option<String>,
}

impl Register<'_> {
    /// The value of a state; `None` for the special states.
    pub(super) fn value(&self, state: State) -> Option<&Value> {
        self.values.get(state as usize).copied()
    }
}

/// The registers of a history, in the order of their first operations; and what is wrong with operations whose key cannot be
/// determined.
pub(super) fn collect<'h>(
    history: &'h History,
    pairs: &[Pair],
    options: &'h Linearizable,
) -> (Vec<Register<'h>>, Option<String>) {
    let mut builders: Vec<RegisterBuilder<'h>> = Vec::new();
    let mut by_key: FxHashMap<&'h Value, usize> = FxHashMap::default();
    let mut obstacle = None;
    if !options.keyed {
        builders.push(RegisterBuilder::new(None, options));
    }
    for &pair in pairs {
        let (invocation, completion) = history.entries(pair);
        let Some(told) = invocation.or(completion) else { continue };
        let key = if options.keyed { key_of(told).or_else(|| completion.and_then(key_of)) } else { None };
        let builder = match key {
            None if options.keyed => {
                if did_not_happen(told, completion).is_none_or(|read_absent| read_absent) {
                    obstacle.get_or_insert_with(|| format!("{}: the value is not [key, value]", name_entry(told)));
                }
                continue;
            }
            None => &mut builders[0],
            Some(key) => {
                let index = *by_key.entry(key).or_insert_with(|| {
                    builders.push(RegisterBuilder::new(Some(key), options));
                    builders.len() - 1
                });
                &mut builders[index]
            }
        };
        if let Err(problem) = builder.add(pair, invocation, completion) {
            builder.register.obstacle.get_or_insert_with(|| format!("{}: {problem}", name_entry(told)));
        }
    }
    (builders.into_iter().map(RegisterBuilder::finish).collect(), obstacle)
}

fn name_entry(op: &Op) -> String {
    format!("entry {} of the history (process {}, {} {})", op.index, op.process, op.kind.as_str(), op.f)
}

/// The key of an entry.
pub(super) fn key_of(op: &Op) -> Option<&Value> {
    match op.value.as_array()?.as_slice() {
        [key, _] => Some(key),
        _ => None,
    }
}

/// Whether a failed operation is a read of the absent value. `None` if the operation did not fail. Only the function in the
/// invocation matters: no other operation is a read.
fn did_not_happen(told: &Op, completion: Option<&Op>) -> Option<bool> {
    let completion = completion.filter(|op| op.kind == OpType::Fail)?;
    let error =
        completion.error.as_ref().map(|error| error.as_array().and_then(|parts| parts.first()).unwrap_or(error));
    let absent = error.is_some_and(|error| error == ErrorCode::KEY_DOES_NOT_EXIST.name);
    Some(absent && [told, completion].iter().all(|op| &*op.f == "read"))
}

struct RegisterBuilder<'h> {
    register: Register<'h>,
    numbers: FxHashMap<&'h Value, State>,
    null_reads: NullReads,
}

impl<'h> RegisterBuilder<'h> {
    fn new(key: Option<&'h Value>, options: &'h Linearizable) -> RegisterBuilder<'h> {
        let problem = Problem { initial: 0, values: 0, operations: Vec::new() };
        let register = Register {
            object: options.object,
            key,
            values: Vec::new(),
            problem,
            pairs: Vec::new(),
            asked: Vec::new(),
            failed_writes: Vec::new(),
            mismatch: None,
            obstacle: None,
        };
        let mut builder = RegisterBuilder { register, numbers: FxHashMap::default(), null_reads: options.null_reads };
        builder.register.problem.initial = builder.number(&options.initial);
        builder
    }

    fn number(&mut self, value: &'h Value) -> State {
        *self.numbers.entry(value).or_insert_with(|| {
            self.register.values.push(value);
            self.register.values.len() as State - 1
        })
    }

    /// Adds an operation. The error says why it is not an operation on a register.
    fn add(&mut self, pair: Pair, invocation: Option<&'h Op>, completion: Option<&'h Op>) -> Result<(), &'static str> {
        let Some(told) = invocation.or(completion) else { return Ok(()) };
        let fate = completion.map_or(OpType::Info, |op| op.kind);
        let read_absent = did_not_happen(told, completion);
        if let Some(mismatch) = completion.and_then(|completion| Mismatch::between(&told.f, completion)) {
            self.register.mismatch.get_or_insert(mismatch.text);
        }
        if read_absent == Some(false) {
            if let Some(value) = self.argument(told).ok().and_then(|action| action.writes()) {
                self.register.failed_writes.push((value, pair));
            }
            return Ok(());
        }
        if let (Some(_), Some(completion)) = (invocation, completion.filter(|op| op.kind == OpType::Ok)) {
            self.same_operation(told, completion)?;
        }
        let action = match (&*told.f, completion) {
            _ if self.register.object == Object::Mutex => self.argument(told)?,
            ("read", Some(completion)) if fate == OpType::Ok => match self.payload(completion)? {
                Value::Null if self.null_reads == NullReads::NotRecorded => return Ok(()),
                value => Action::Read(self.number(value)),
            },
            ("read", _) if read_absent.is_some() => Action::Read(self.number(&Value::Null)),
            // Its answer is unknown, so it proves nothing.
            ("read", _) => return Ok(()),
            _ => self.argument(told)?,
        };
        let end = if fate == OpType::Info { None } else { pair.completion.map(position) };
        let start = pair.invocation.map_or(BEFORE_ENTRIES, position);
        let asked = action;
        let action = match (asked, end) {
            (Action::Cas(from, to), None) if from == to => return Ok(()),
            (Action::Cas(from, to), Some(_)) if from == to => Action::Read(from),
            _ => asked,
        };
        let id = self.register.pairs.len();
        self.register.pairs.push(pair);
        self.register.asked.push(asked);
        self.register.problem.operations.push(Operation { action, start, end, id });
        Ok(())
    }

    /// Checks that a completion has the function and the key of its invocation.
    fn same_operation(&self, invocation: &Op, completion: &Op) -> Result<(), &'static str> {
        if invocation.f != completion.f {
            return Err("it was completed as another function");
        }
        match key_of(completion) {
            Some(key) if self.register.key.is_some_and(|own| own != key) => Err("it was completed with another key"),
            _ => Ok(()),
        }
    }

    /// The action of an operation that changes the register.
    fn argument(&mut self, op: &'h Op) -> Result<Action, &'static str> {
        if self.register.object == Object::Mutex {
            let (from, to) = mutex::values(&op.f)?;
            return Ok(Action::Cas(self.number(from), self.number(to)));
        }
        let payload = self.payload(op)?;
        match &*op.f {
            "write" => Ok(Action::Write(self.number(payload))),
            "cas" => match payload.as_array().map(Vec::as_slice) {
                Some([from, to]) => Ok(Action::Cas(self.number(from), self.number(to))),
                _ => Err("the value of a cas is not [from, to]"),
            },
            _ => Err("a register has only the functions read, write and cas"),
        }
    }

    /// The value of an entry without the key.
    fn payload(&self, op: &'h Op) -> Result<&'h Value, &'static str> {
        match (self.register.key, op.value.as_array().map(Vec::as_slice)) {
            (None, _) => Ok(&op.value),
            (Some(_), Some([_, value])) => Ok(value),
            _ => Err("the value is not [key, value]"),
        }
    }

    fn finish(self) -> Register<'h> {
        let mut register = self.register;
        register.problem.values = register.values.len();
        debug_assert!((register.values.len() as State) < UNOBSERVED);
        // Operations without an invocation come late in the history, but start first. The sort is stable.
        register.problem.operations.sort_by_key(|op| op.start);
        register
    }
}
