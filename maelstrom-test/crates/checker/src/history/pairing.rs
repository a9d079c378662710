//! Matches completions with invocations.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Op, OpType};
use crate::json::Value;

/// Matches completions with invocations, entry by entry. [`History::pairs`](super::History::pairs) and all checkers use it.
///
/// A client process performs one operation at a time. So a completion belongs to the operation that its process began last.
/// If that one has a completion already, the history lacks the invocation. If a process begins another operation, the one
/// before never gets a completion. All of this holds only for a whole history: a checker that splits a history, by key for
/// example, must match its entries first.
///
/// `T` is what the caller keeps of a pending operation.
#[derive(Clone, Debug)]
pub(crate) struct Pairing<T> {
    /// By process, its pending operation.
    open: FxHashMap<u64, Begun<T>>,
    /// The number of operations that have begun.
    count: u64,
    mismatch: Option<Mismatch>,
}

#[derive(Clone, Debug)]
struct Begun<T> {
    number: u64,
    f: Arc<str>,
    operation: T,
}

/// A completion whose function differs from that of its invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Which entry it is, and how the functions differ.
    pub(crate) text: String,
    /// Whether the completion is `ok`: then something unknown happened. Other completions mean the same under any name.
    pub(crate) is_ok: bool,
}

impl Mismatch {
    /// Compares a completion with the function of its invocation.
    pub(crate) fn between(f: &str, completion: &Op) -> Option<Mismatch> {
        (*completion.f != *f).then(|| Mismatch {
            text: format!(
                "entry {} of the history (process {}, {} {}) completes an operation with another function, {f}",
                completion.index,
                completion.process,
                completion.kind.as_str(),
                completion.f
            ),
            is_ok: completion.kind == OpType::Ok,
        })
    }
}

impl<T> Default for Pairing<T> {
    fn default() -> Pairing<T> {
        Pairing { open: FxHashMap::default(), count: 0, mismatch: None }
    }
}

impl<T> Pairing<T> {
    /// No operation has begun.
    pub(crate) fn new() -> Pairing<T> {
        Pairing::default()
    }

    /// A process begins an operation. Returns its pending operation, which never gets a completion.
    pub(crate) fn begin(&mut self, process: u64, invocation: &Op, operation: T) -> Option<T> {
        let begun = Begun { number: self.count, f: invocation.f.clone(), operation };
        self.count += 1;
        self.open.insert(process, begun).map(|unfinished| unfinished.operation)
    }

    /// A process ends an operation. Returns the operation, unless the history lacks its invocation, and its completion.
    ///
    /// If the function of the completion differs from that of the invocation, its value cannot be the result of the
    /// operation. So the completion that is returned has the function of the invocation, and no value and no error. It is
    /// still a `fail` if it was one. Otherwise the outcome is unknown, so it is an `info`.
    pub(crate) fn end<'a>(&mut self, process: u64, completion: &'a Op) -> (Option<T>, Cow<'a, Op>) {
        let Some(begun) = self.open.remove(&process) else { return (None, Cow::Borrowed(completion)) };
        let Some(mismatch) = Mismatch::between(&begun.f, completion) else {
            return (Some(begun.operation), Cow::Borrowed(completion));
        };
        if self.mismatch.as_ref().is_none_or(|known| mismatch.is_ok && !known.is_ok) {
            self.mismatch = Some(mismatch);
        }
        let kind = if completion.kind == OpType::Fail { OpType::Fail } else { OpType::Info };
        let op = Op {
            index: completion.index,
            time: completion.time,
            kind,
            process: completion.process,
            f: begun.f,
            value: Value::Null,
            error: None,
            is_final: completion.is_final,
            extra: None,
        };
        (Some(begun.operation), Cow::Owned(op))
    }

    /// The first completion whose function differed from that of its invocation. An `ok` one takes precedence.
    pub(crate) fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// Removes all pending operations, in the order of their beginnings.
    pub(crate) fn take_unfinished(&mut self) -> impl Iterator<Item = T> + use<T> {
        let mut open: Vec<Begun<T>> = self.open.drain().map(|(_, begun)| begun).collect();
        open.sort_unstable_by_key(|begun| begun.number);
        open.into_iter().map(|begun| begun.operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Pair};
    use crate::json::json;

    fn op(index: u64, kind: OpType, process: u64, f: &str) -> Op {
        Op { error: Some(json!(["key-does-not-exist", ""])), ..Op::new(index, kind, process, f, json!(1)) }
    }

    #[test]
    fn unfinished_operations_come_in_the_order_of_their_beginnings() {
        let mut pairing = Pairing::new();
        for process in [7, 3, u64::MAX, 0, 5] {
            assert_eq!(pairing.begin(process, &op(0, OpType::Invoke, process, "read"), process), None);
        }
        pairing.end(3, &op(1, OpType::Info, 3, "read"));
        assert_eq!(pairing.take_unfinished().collect::<Vec<_>>(), [7, u64::MAX, 0, 5]);
        assert_eq!(pairing.take_unfinished().count(), 0);
    }

    #[test]
    fn a_completion_with_another_function_says_only_whether_the_operation_failed() {
        for (kind, expected) in [(OpType::Ok, OpType::Info), (OpType::Info, OpType::Info), (OpType::Fail, OpType::Fail)]
        {
            let mut pairing = Pairing::new();
            pairing.begin(0, &op(0, OpType::Invoke, 0, "write"), ());
            let completion = op(1, kind, 0, "read");
            let (operation, completion) = pairing.end(0, &completion);
            assert_eq!(operation, Some(()));
            assert_eq!((completion.kind, &*completion.f, &completion.value), (expected, "write", &Value::Null));
            assert_eq!((completion.index, &completion.error), (1, &None));
            let mismatch = pairing.mismatch().expect("the functions differ");
            assert_eq!(
                mismatch.text,
                format!(
                    "entry 1 of the history (process 0, {} read) completes an operation with another function, write",
                    kind.as_str()
                )
            );
            assert_eq!(mismatch.is_ok, kind == OpType::Ok);
        }
    }

    #[test]
    fn operations_are_paired_by_process() {
        let kinds = [
            (OpType::Ok, 0),
            (OpType::Invoke, 0),
            (OpType::Invoke, 1),
            (OpType::Invoke, 0),
            (OpType::Info, 0),
            (OpType::Ok, 0),
            (OpType::Fail, 1),
        ];
        let ops = kinds.iter().map(|(kind, process)| op(0, *kind, *process, "read")).collect();
        let pair = |invocation, completion| Pair { invocation, completion };
        assert_eq!(
            History { ops }.pairs(),
            [
                pair(None, Some(0)),
                pair(Some(1), None),
                pair(Some(2), Some(6)),
                pair(Some(3), Some(4)),
                pair(None, Some(5))
            ]
        );
    }
}
