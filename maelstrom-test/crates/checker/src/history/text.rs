//! Writes `history.txt`: a line per entry, as Jepsen's Maelstrom does.

use super::edn_write::{push_error, push_name, push_op_value};
use super::json_write::push_json;
use super::{Op, Process};

/// Appends an entry and a line feed: process, type, function, value and error, separated by tabs. Tutorials search these
/// lines (`grep :ok history.txt`). Times and further keys are only in `history.jsonl`.
pub(super) fn write_text(op: &Op, out: &mut Vec<u8>) {
    match op.process {
        Process::Client(number) => push_json(&number, out),
        Process::Nemesis => out.extend_from_slice(b":nemesis"),
    }
    out.extend_from_slice(b"\t:");
    out.extend_from_slice(op.kind.as_str().as_bytes());
    out.push(b'\t');
    push_name(&op.f, out);
    out.push(b'\t');
    push_op_value(op, out);
    if let Some(error) = &op.error {
        out.push(b'\t');
        push_error(error, out);
    }
    out.push(b'\n');
}
