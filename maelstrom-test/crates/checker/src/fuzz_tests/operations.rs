//! Which entries are one operation, in the words of the documentation.

use crate::history::{Op, OpType};

/// An operation of a client.
pub(super) struct Operation<'a> {
    pub(super) process: u64,
    /// What was asked for; where the history lacks the invocation, what was completed.
    pub(super) f: &'a str,
    /// Positions and entries.
    pub(super) invocation: Option<(usize, &'a Op)>,
    pub(super) completion: Option<(usize, &'a Op)>,
    /// How it ended. A completion that names another function than the invocation says only whether the operation failed.
    pub(super) outcome: OpType,
    /// Whether its completion names another function.
    pub(super) is_mismatched: bool,
}

impl<'a> Operation<'a> {
    pub(super) fn is_ok(&self, f: &str) -> bool {
        self.outcome == OpType::Ok && self.f == f
    }

    /// What an ok operation returned.
    pub(super) fn result(&self) -> &'a crate::json::Value {
        &self.completion.expect("an operation without a completion is not ok").1.value
    }

    pub(super) fn completed(&self) -> Option<usize> {
        self.completion.map(|(at, _)| at)
    }

    pub(super) fn is_final(&self) -> bool {
        let is_final = |entry: Option<(usize, &Op)>| entry.is_some_and(|(_, op)| op.is_final);
        is_final(self.invocation) || is_final(self.completion)
    }
}

/// All operations, in the order of their first entries. A completion ends the operation that its process began last,
/// unless that has ended before.
pub(super) fn operations(ops: &[Op]) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (position, op) in ops.iter().enumerate() {
        let Some(process) = op.process.client() else { continue };
        let of_process = |other: &Op| other.process == op.process;
        if op.kind == OpType::Invoke {
            let next = ops[position + 1..].iter().position(of_process).map(|distance| position + 1 + distance);
            let end = next.filter(|next| ops[*next].kind != OpType::Invoke);
            let completion = end.map(|end| (end, &ops[end]));
            let is_mismatched = completion.is_some_and(|(_, completion)| completion.f != op.f);
            let outcome = match completion.map(|(_, completion)| completion.kind) {
                Some(OpType::Ok) if !is_mismatched => OpType::Ok,
                Some(OpType::Fail) => OpType::Fail,
                _ => OpType::Info,
            };
            let invocation = Some((position, op));
            operations.push(Operation { process, f: &op.f, invocation, completion, outcome, is_mismatched });
            continue;
        }
        let before = ops[..position].iter().rev().find(|other| of_process(other));
        if before.is_none_or(|before| before.kind != OpType::Invoke) {
            let completion = Some((position, op));
            let (f, outcome) = (&*op.f, op.kind);
            operations.push(Operation { process, f, invocation: None, completion, outcome, is_mismatched: false });
        }
    }
    operations
}

/// Whether something happened of which nobody knows what it was.
pub(super) fn has_unknown_effect(operations: &[Operation<'_>]) -> bool {
    let is_ok = |operation: &Operation<'_>| operation.completion.is_some_and(|(_, op)| op.kind == OpType::Ok);
    operations.iter().any(|operation| operation.is_mismatched && is_ok(operation))
}
