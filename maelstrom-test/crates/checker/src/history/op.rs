//! Histories and their entries.

use std::fmt;
use std::sync::Arc;

use super::{Nanos, Pairing};
use crate::json::{Map, Value};

/// The type of an entry: the invocation of an operation, or one of three kinds of completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpType {
    /// The operation begins.
    Invoke,
    /// The operation happened.
    Ok,
    /// The operation did not happen and never will.
    Fail,
    /// The outcome is unknown: the operation may have happened, may happen later, or never.
    Info,
}

impl OpType {
    /// The name in histories.
    pub fn as_str(self) -> &'static str {
        match self {
            OpType::Invoke => "invoke",
            OpType::Ok => "ok",
            OpType::Fail => "fail",
            OpType::Info => "info",
        }
    }
}

/// The process of an operation: a logical, single-threaded process of a client, or the nemesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// A client process. After an `info`, its worker continues with a new number.
    Client(u64),
    /// The source of faults.
    Nemesis,
}

impl Process {
    /// The number of a client process; `None` for the nemesis.
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
    /// The position in the history: 0, 1, 2, …
    pub index: u64,
    /// When it happened; 0 if the history does not say.
    pub time: Nanos,
    /// The type of the entry.
    pub kind: OpType,
    /// The process of the operation.
    pub process: Process,
    /// The function: `read`, `write`, `txn`, `start-partition`, …
    pub f: Arc<str>,
    /// The argument of an invocation, or the result of a completion.
    pub value: Value,
    /// The error of a completion that is not `ok`: `[name, text]`, or only a name.
    pub error: Option<Value>,
    /// Whether the operation belongs to the final phase.
    pub is_final: bool,
    /// Further keys of the entry: `seek_to_beginning` of `kafka`, or keys in histories of other tools.
    pub extra: Option<Box<Map<String, Value>>>,
}

impl Op {
    /// An entry without time, error and further keys. Mostly for tests and examples.
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

    /// The value of a further key of the entry.
    pub fn extra(&self, key: &str) -> Option<&Value> {
        self.extra.as_ref()?.get(key)
    }
}

/// An operation: the positions of its invocation and its completion in [`History::ops`]. One of them may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    /// The invocation. `None` in histories that contain only completions.
    pub invocation: Option<usize>,
    /// The completion. `None` if there is none, which means the same as `info`.
    pub completion: Option<usize>,
}

/// All entries of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The entries, in the order in which they happened. Their `index` and `time` are only labels.
    pub ops: Vec<Op>,
}

impl History {
    /// The client operations, in the order of their first entries.
    ///
    /// A client process performs one operation at a time. So a completion belongs to the latest invocation of its process,
    /// and an operation has no completion if its process invokes another one first.
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

    /// The function of an operation, as in its invocation, or else in its completion.
    ///
    /// # Panics
    /// If the pair belongs to another history.
    pub fn function(&self, pair: Pair) -> &str {
        &self.ops[pair.invocation.or(pair.completion).expect("a pair has at least one entry")].f
    }

    /// The outcome of an operation: `info` if it has no completion, or if its completion has another function than its
    /// invocation and is not a failure.
    pub fn outcome(&self, pair: Pair) -> OpType {
        match self.entries(pair) {
            (_, None) => OpType::Info,
            (Some(begun), Some(ended)) if begun.f != ended.f && ended.kind != OpType::Fail => OpType::Info,
            (_, Some(ended)) => ended.kind,
        }
    }

    /// The invocation and the completion of an operation.
    pub fn entries(&self, pair: Pair) -> (Option<&Op>, Option<&Op>) {
        (pair.invocation.map(|i| &self.ops[i]), pair.completion.map(|i| &self.ops[i]))
    }
}
