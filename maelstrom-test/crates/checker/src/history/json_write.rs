//! Writes JSON lines: one object per line.

use super::{Op, Process};

/// Appends an entry and a line feed.
pub(super) fn write_json(op: &Op, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"index\":");
    push_json(&op.index, out);
    out.extend_from_slice(b",\"time\":");
    push_json(&op.time, out);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(op.kind.as_str().as_bytes());
    out.extend_from_slice(b"\",\"process\":");
    match op.process {
        Process::Client(number) => push_json(&number, out),
        Process::Nemesis => out.extend_from_slice(b"\"nemesis\""),
    }
    out.extend_from_slice(b",\"f\":");
    push_json(&*op.f, out);
    out.extend_from_slice(b",\"value\":");
    push_json(&op.value, out);
    if let Some(error) = &op.error {
        out.extend_from_slice(b",\"error\":");
        push_json(error, out);
    }
    if op.is_final {
        out.extend_from_slice(b",\"final\":true");
    }
    for (key, value) in op.extra.iter().flat_map(|extra| extra.iter()) {
        out.push(b',');
        push_json(key, out);
        out.push(b':');
        push_json(value, out);
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a value as JSON.
pub(super) fn push_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value)
        .expect("numbers, strings and JSON values always serialize, and a Vec takes them");
}
