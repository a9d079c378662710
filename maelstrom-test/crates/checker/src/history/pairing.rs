//! Which completion belongs to which invocation.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Op, OpType};
use crate::json::Value;

/// Pairs completions with invocations, entry by entry. [`History::pairs`](super::History::pairs) and all checkers use it.
///
/// A client process does one operation at a time. So a completion ends the operation that its process began last; if
/// that has ended already, the history lacks the completion's invocation. An operation whose process begins another
/// one never ends. All of this is decided over the whole history: a checker that divides a history (by key, say) has to
/// pair its entries before.
///
/// `T` is what the user of this type keeps of an operation that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Pairing<T> {
    /// By process.
    open: FxHashMap<u64, Begun<T>>,
    /// How many operations have begun.
    count: u64,
    mismatch: Option<Mismatch>,
}

#[derive(Clone, Debug)]
struct Begun<T> {
    number: u64,
    f: Arc<str>,
    operation: T,
}

/// A completion names another function than its invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Says which entry, and how the functions differ.
    pub(crate) text: String,
    /// The completion is `ok`: something happened, but nobody knows what. (What failed did not happen, and what may
    /// have happened may have happened, whatever name is given to it.)
    pub(crate) is_ok: bool,
}

impl Mismatch {
    /// Compares a completion with the function that its process was asked for.
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
    /// Nothing has begun.
    pub(crate) fn new() -> Pairing<T> {
        Pairing::default()
    }

    /// A process begins an operation. Gives back the one that it leaves unfinished.
    pub(crate) fn begin(&mut self, process: u64, invocation: &Op, operation: T) -> Option<T> {
        let begun = Begun { number: self.count, f: invocation.f.clone(), operation };
        self.count += 1;
        self.open.insert(process, begun).map(|unfinished| unfinished.operation)
    }

    /// A process ends an operation. Gives back the operation, unless the history lacks its invocation, and the
    /// completion.
    ///
    /// The completion is the given one, unless that names another function than the invocation. What it says then
    /// cannot be the result of what was asked. An operation that failed nevertheless failed; of any other, nobody knows
    /// whether it happened: the completion becomes an `info`. In both cases it gets the invocation's function, and loses
    /// its value and error.
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

    /// The first completion that named another function than its invocation; one that is `ok`, if there is such a one.
    pub(crate) fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// Takes out all operations that have begun and not ended, in the order of their beginnings.
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
