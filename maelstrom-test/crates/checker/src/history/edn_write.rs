//! Writes Jepsen's EDN.

use super::json_write::push_json;
use super::{Op, Process};
use crate::json::{Map, Number, Value};

/// Functions whose value is a list of micro-operations, and the names of micro-operations.
const MICRO_OPS: (&[&str], &[&str]) = (&["txn", "send", "poll"], &["r", "w", "append", "send", "poll"]);

/// Appends an entry and a line feed.
pub(super) fn write_edn(op: &Op, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{:index ");
    push_json(&op.index, out);
    out.extend_from_slice(b", :time ");
    push_json(&op.time, out);
    out.extend_from_slice(b", :type :");
    out.extend_from_slice(op.kind.as_str().as_bytes());
    out.extend_from_slice(b", :process ");
    match op.process {
        Process::Client(number) => push_json(&number, out),
        Process::Nemesis => out.extend_from_slice(b":nemesis"),
    }
    out.extend_from_slice(b", :f ");
    push_name(&op.f, out);
    out.extend_from_slice(b", :value ");
    push_op_value(op, out);
    if let Some(error) = &op.error {
        out.extend_from_slice(b", :error ");
        push_error(error, out);
    }
    if op.is_final {
        out.extend_from_slice(b", :final? true");
    }
    for (key, value) in op.extra.iter().flat_map(|extra| extra.iter()) {
        out.extend_from_slice(b", ");
        match key.as_str() {
            "seek_to_beginning" => out.extend_from_slice(b":seek-to-beginning?"),
            other => push_name(other, out),
        }
        out.push(b' ');
        push_value(value, out);
    }
    out.extend_from_slice(b"}\n");
}

/// The value of an entry. Names of micro-operations become keywords.
pub(super) fn push_op_value(op: &Op, out: &mut Vec<u8>) {
    match &op.value {
        Value::Array(items) if MICRO_OPS.0.contains(&&*op.f) => push_list(items, out, push_micro_op),
        value => push_value(value, out),
    }
}

/// A keyword if possible, else a string.
pub fn push_name(name: &str, out: &mut Vec<u8>) {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_keyword = begins_well && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_?!*+.<>=".contains(&b));
    if is_keyword {
        out.push(b':');
        out.extend_from_slice(name.as_bytes());
    } else {
        push_string(name, out);
    }
}

/// An error: `net-timeout` becomes `:net-timeout`, `["abort", "why"]` becomes `[:abort "why"]`.
pub(super) fn push_error(error: &Value, out: &mut Vec<u8>) {
    match error {
        Value::String(name) => push_name(name, out),
        Value::Array(items) => push_leading_name(items, out),
        other => push_value(other, out),
    }
}

/// A micro-operation: `["append", 1, 2]` becomes `[:append 1 2]`.
fn push_micro_op(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items)
            if items.first().and_then(Value::as_str).is_some_and(|name| MICRO_OPS.1.contains(&name)) =>
        {
            push_leading_name(items, out);
        }
        other => push_value(other, out),
    }
}

fn push_leading_name(items: &[Value], out: &mut Vec<u8>) {
    let mut first = true;
    push_list(items, out, |item, out| match item {
        Value::String(name) if std::mem::take(&mut first) => push_name(name, out),
        other => {
            first = false;
            push_value(other, out);
        }
    });
}

fn push_list(items: &[Value], out: &mut Vec<u8>, mut push: impl FnMut(&Value, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        push(item, out);
    }
    out.push(b']');
}

/// Appends a value as EDN.
pub fn push_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"nil"),
        Value::Bool(_) => push_json(value, out),
        Value::Number(number) => push_number(number, out),
        Value::String(text) => push_string(text, out),
        Value::Array(items) => push_list(items, out, push_value),
        Value::Object(map) => push_map(map, out),
    }
}

/// Appends a number. Readers of EDN may represent plain numbers in 64 bits. `N` and `M` make them keep the exact value.
fn push_number(number: &Number, out: &mut Vec<u8>) {
    push_json(number, out);
    if number.is_integer() && !number.is_i64() {
        out.push(b'N');
    } else if number.is_f64() && number.as_f64().and_then(Number::from_f64).as_ref() != Some(number) {
        out.push(b'M');
    }
}

fn push_map(map: &Map<String, Value>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_string(key, out);
        out.push(b' ');
        push_value(value, out);
    }
    out.push(b'}');
}

/// Appends a string. EDN has the escapes of JSON, except for `/`, which `serde_json` never escapes.
fn push_string(text: &str, out: &mut Vec<u8>) {
    push_json(text, out);
}
