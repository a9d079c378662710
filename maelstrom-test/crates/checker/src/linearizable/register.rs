//! From a history to one problem per key.

use crate::json::Value;
use rustc_hash::FxHashMap;

use super::problem::{Action, Operation, Problem, State, UNOBSERVED};
use super::{Linearizable, NullReads, Object, mutex};
use crate::history::{History, Mismatch, Op, OpType, Pair};
use crate::protocol::ErrorCode;

/// Positions on a problem's line: before everything is 0, then come operations without invocation, then the entries.
const BEFORE_ENTRIES: usize = 1;

/// The position of an entry of the history.
fn position(entry: usize) -> usize {
    entry + BEFORE_ENTRIES + 1
}

/// Everything that the history says of one register.
#[derive(Debug)]
pub(super) struct Register<'h> {
    pub(super) object: Object,
    /// `None` where there is only one register.
    pub(super) key: Option<&'h Value>,
    /// What the numbers of states stand for.
    pub(super) values: Vec<&'h Value>,
    pub(super) problem: Problem,
    /// Per operation of the problem (its `id`): where it is in the history.
    pub(super) pairs: Vec<Pair>,
    /// Per operation of the problem: what was asked for, before a compare-and-set that changes nothing became a read.
    pub(super) asked: Vec<Action>,
    /// Values that an operation would have written that failed, with the operation.
    pub(super) failed_writes: Vec<(State, Pair)>,
    /// A completion that names another function than its invocation. The verdict does not depend on what it says.
    pub(super) mismatch: Option<String>,
    /// Why no verdict is possible: something in the history that is not an operation of a register.
    pub(super) obstacle: Option<String>,
}

impl Register<'_> {
    /// The value that a state stands for; `None` for the special ones.
    pub(super) fn value(&self, state: State) -> Option<&Value> {
        self.values.get(state as usize).copied()
    }
}

/// The registers of a history, in order of their first operation; and what is wrong with operations whose key cannot
/// be told.
pub(super) fn collect<'h>(
    history: &'h History,
    pairs: &[Pair],
    options: &'h Linearizable,
) -> (Vec<Register<'h>>, Option<String>) {
    let mut builders: Vec<Builder<'h>> = Vec::new();
    let mut by_key: FxHashMap<&'h Value, usize> = FxHashMap::default();
    let mut obstacle = None;
    if !options.keyed {
        builders.push(Builder::new(None, options));
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
                    builders.push(Builder::new(Some(key), options));
                    builders.len() - 1
                });
                &mut builders[index]
            }
        };
        if let Err(problem) = builder.add(pair, invocation, completion) {
            builder.register.obstacle.get_or_insert_with(|| format!("{}: {problem}", name_entry(told)));
        }
    }
    (builders.into_iter().map(Builder::finish).collect(), obstacle)
}

fn name_entry(op: &Op) -> String {
    format!("entry {} of the history (process {}, {} {})", op.index, op.process, op.kind.as_str(), op.f)
}

/// The key that an entry names.
pub(super) fn key_of(op: &Op) -> Option<&Value> {
    match op.value.as_array()?.as_slice() {
        [key, _] => Some(key),
        _ => None,
    }
}

/// For operations that failed: did they nevertheless read "absent"? `None` for all others. Whatever the completion says,
/// only a read can have read something.
fn did_not_happen(told: &Op, completion: Option<&Op>) -> Option<bool> {
    let completion = completion.filter(|op| op.kind == OpType::Fail)?;
    let error =
        completion.error.as_ref().map(|error| error.as_array().and_then(|parts| parts.first()).unwrap_or(error));
    let absent = error.is_some_and(|error| error == ErrorCode::KEY_DOES_NOT_EXIST.name);
    Some(absent && [told, completion].iter().all(|op| &*op.f == "read"))
}

struct Builder<'h> {
    register: Register<'h>,
    numbers: FxHashMap<&'h Value, State>,
    null_reads: NullReads,
}

impl<'h> Builder<'h> {
    fn new(key: Option<&'h Value>, options: &'h Linearizable) -> Builder<'h> {
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
        let mut builder = Builder { register, numbers: FxHashMap::default(), null_reads: options.null_reads };
        builder.register.problem.initial = builder.number(&options.initial);
        builder
    }

    fn number(&mut self, value: &'h Value) -> State {
        *self.numbers.entry(value).or_insert_with(|| {
            self.register.values.push(value);
            self.register.values.len() as State - 1
        })
    }

    /// Takes in an operation; an error says why it is not one of a register.
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
                Value::Null if self.null_reads == NullReads::SayNothing => return Ok(()),
                value => Action::Read(self.number(value)),
            },
            ("read", _) if read_absent.is_some() => Action::Read(self.number(&Value::Null)),
            // Nobody knows what it would have returned.
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

    /// A completion must be one of the same function and key as its invocation.
    fn same_operation(&self, invocation: &Op, completion: &Op) -> Result<(), &'static str> {
        if invocation.f != completion.f {
            return Err("it was completed as another function");
        }
        match key_of(completion) {
            Some(key) if self.register.key.is_some_and(|own| own != key) => Err("it was completed with another key"),
            _ => Ok(()),
        }
    }

    /// What an operation that changes the object asks for.
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

    /// The entry's value without the key.
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
        // Operations without invocation come late in the history and start first. The sort is stable.
        register.problem.operations.sort_by_key(|op| op.start);
        register
    }
}
