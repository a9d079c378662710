//! One entry of a history, and the list of them.

use std::fmt;
use std::sync::Arc;

use super::{Nanos, Pairing};
use crate::json::{Map, Value};

/// What kind of entry this is: the beginning of an operation or one of its three possible ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpType {
    /// The operation begins.
    Invoke,
    /// It happened.
    Ok,
    /// It did not happen and never will.
    Fail,
    /// Nobody knows: it may have happened, may happen later, or never.
    Info,
}

impl OpType {
    /// The name as histories spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            OpType::Invoke => "invoke",
            OpType::Ok => "ok",
            OpType::Fail => "fail",
            OpType::Info => "info",
        }
    }
}

/// Who performed an operation: a logical, single-threaded process of a client, or the nemesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// A client process. After an `info` its worker goes on under a new number.
    Client(u64),
    /// The source of faults.
    Nemesis,
}

impl Process {
    /// The client's number, if it is one.
    pub fn client(self) -> Option<u64> {
        match self {
            Process::Client(number) => Some(number),
            Process::Nemesis => None,
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Process::Client(number) => write!(f, "{number}"),
            Process::Nemesis => f.write_str("nemesis"),
        }
    }
}

/// One entry of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Position in the history: 0, 1, 2, …
    pub index: u64,
    /// When it happened; 0 where the history does not say.
    pub time: Nanos,
    /// Beginning or end, and which end.
    pub kind: OpType,
    /// Who did it.
    pub process: Process,
    /// The function: `read`, `write`, `txn`, `start-partition`, …
    pub f: Arc<str>,
    /// Argument (invocations) or result (completions).
    pub value: Value,
    /// What went wrong, in completions that are not `ok`: `[name, text]`, or a name alone.
    pub error: Option<Value>,
    /// True for operations of the final phase.
    pub is_final: bool,
    /// Further keys of the entry (kafka's `seek_to_beginning`, or keys of other tools' histories).
    pub extra: Option<Box<Map<String, Value>>>,
}

impl Op {
    /// An entry without time, error and extras; mostly for tests and doc examples.
    ///
    /// ```
    /// use maelstrom_checker::history::{Op, OpType};
    /// let op = Op::new(0, OpType::Invoke, 3, "read", maelstrom_checker::json::Value::Null);
    /// assert_eq!(op.process.client(), Some(3));
    /// ```
    pub fn new(index: u64, kind: OpType, process: u64, f: &str, value: Value) -> Op {
        Op {
            index,
            time: 0,
            kind,
            process: Process::Client(process),
            f: f.into(),
            value,
            error: None,
            is_final: false,
            extra: None,
        }
    }

    /// A key of [`Op::extra`].
    pub fn extra(&self, key: &str) -> Option<&Value> {
        self.extra.as_ref()?.get(key)
    }
}

/// An operation: positions of its invocation and completion in [`History::ops`]; one of them may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    /// Where it began; `None` in histories that hold completions only.
    pub invocation: Option<usize>,
    /// Where it ended; `None` if it never did, which means the same as `info`.
    pub completion: Option<usize>,
}

/// All entries of a run, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The entries. Their order is the order of events; `index` and `time` only label them.
    pub ops: Vec<Op>,
}

impl History {
    /// Every client operation, in order of its first entry. [`Pairing`] says what belongs together.
    ///
    /// ```
    /// use maelstrom_checker::history::{History, Op, OpType, Pair};
    /// use maelstrom_checker::json::json;
    /// let history = History { ops: vec![
    ///     Op::new(0, OpType::Invoke, 0, "write", json!(1)),
    ///     Op::new(1, OpType::Invoke, 1, "read", json!(null)),
    ///     Op::new(2, OpType::Ok, 0, "write", json!(1)),
    /// ] };
    /// assert_eq!(history.pairs(), [
    ///     Pair { invocation: Some(0), completion: Some(2) },
    ///     Pair { invocation: Some(1), completion: None },
    /// ]);
    /// ```
    pub fn pairs(&self) -> Vec<Pair> {
        let mut pairing: Pairing<usize> = Pairing::new();
        let mut pairs: Vec<Pair> = Vec::with_capacity(self.ops.len() / 2 + 1);
        for (position, op) in self.ops.iter().enumerate() {
            let Some(process) = op.process.client() else { continue };
            if op.kind == OpType::Invoke {
                pairing.begin(process, op, pairs.len());
                pairs.push(Pair { invocation: Some(position), completion: None });
            } else if let (Some(pair), _) = pairing.end(process, op) {
                pairs[pair].completion = Some(position);
            } else {
                pairs.push(Pair { invocation: None, completion: Some(position) });
            }
        }
        pairs
    }

    /// The function of the operation of a pair: what its invocation says, if the history has that.
    ///
    /// # Panics
    /// If the pair is of another history.
    pub fn function(&self, pair: Pair) -> &str {
        &self.ops[pair.invocation.or(pair.completion).expect("a pair has at least one entry")].f
    }

    /// How the operation of a pair ended: `info` if it never did, or if its completion names another function and is not
    /// a failure (see [`Pairing::end`]).
    pub fn outcome(&self, pair: Pair) -> OpType {
        match self.entries(pair) {
            (_, None) => OpType::Info,
            (Some(begun), Some(ended)) if begun.f != ended.f && ended.kind != OpType::Fail => OpType::Info,
            (_, Some(ended)) => ended.kind,
        }
    }

    /// The invocation and completion entries of a pair.
    pub fn entries(&self, pair: Pair) -> (Option<&Op>, Option<&Op>) {
        (pair.invocation.map(|i| &self.ops[i]), pair.completion.map(|i| &self.ops[i]))
    }
}
