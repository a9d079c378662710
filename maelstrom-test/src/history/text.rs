//! `history.txt`: columns for people.

use std::io::Write;

use super::json_write::push_json;
use super::{Op, Process};

/// Appends an entry and a line feed: index, seconds, process, type, function, value, error.
pub(super) fn write_text(op: &Op, out: &mut Vec<u8>) {
    let (seconds, millis) = (op.time / 1_000_000_000, op.time / 1_000_000 % 1000);
    let process = match op.process {
        Process::Client(number) => format!("p{number}"),
        Process::Nemesis => "nemesis".to_string(),
    };
    let kind = op.kind.as_str();
    write!(out, "{:>7} {seconds:>6}.{millis:03} s  {process:<7} {kind:<6}  {:<9}  ", op.index, op.f)
        .expect("a Vec takes all that is written to it");
    push_json(&op.value, out);
    if let Some(error) = &op.error {
        out.extend_from_slice(b"  error ");
        push_json(error, out);
    }
    for (key, value) in op.extra.iter().flat_map(|extra| extra.iter()) {
        out.extend_from_slice(b"  ");
        out.extend_from_slice(key.as_bytes());
        out.push(b' ');
        push_json(value, out);
    }
    if op.is_final {
        out.extend_from_slice(b"  final");
    }
    out.push(b'\n');
}
