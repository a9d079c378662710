//! The words for operations and messages in the table of a cause.

use crate::history::{Op, OpType};
use crate::json::Value;
use crate::network::Reason;
use crate::protocol::shorten;

/// The length of a message's text in the table, in characters.
const TEXT_WIDTH: usize = 60;

/// Describes one end of an operation: `read 3` at its beginning, `1` at its end.
pub(in crate::scenario) fn describe(op: &Op) -> String {
    let (key, argument) = (&op.value[0], &op.value[1]);
    let is_pair = op.value.as_array().is_some_and(|pair| pair.len() == 2);
    let text = match (op.kind, &*op.f) {
        (OpType::Fail | OpType::Info, _) => op.error.as_ref().map(describe_error).unwrap_or_default(),
        (kind, "txn") => {
            let describe = |micro| describe_micro_operation(micro, kind == OpType::Ok);
            let micro: Vec<String> = op.value.as_array().into_iter().flatten().map(describe).collect();
            micro.join(", ")
        }
        (OpType::Invoke, "read") if is_pair => format!("read {key}"),
        (OpType::Invoke, "write") if is_pair => format!("write {key} ← {argument}"),
        (OpType::Invoke, "cas") if is_pair => format!("cas {key}: {} → {}", argument[0], argument[1]),
        (OpType::Invoke, f) if op.value.is_null() => f.to_owned(),
        (OpType::Invoke, f) => format!("{f} {}", op.value),
        (OpType::Ok, "read") if is_pair => argument.to_string(),
        // The response to the others says only that they happened.
        (OpType::Ok, "write" | "cas" | "add" | "broadcast") => String::new(),
        (OpType::Ok, _) => op.value.to_string(),
    };
    shorten(&text, TEXT_WIDTH)
}

fn describe_error(error: &Value) -> String {
    let words = error.as_array().map(|words| words.iter().rev().find_map(Value::as_str));
    words.flatten().map_or_else(|| error.as_str().map_or_else(|| error.to_string(), str::to_owned), str::to_owned)
}

/// Describes a part of a transaction: `append 3 1`, `r 3 [1,2]`, `r 3` before its answer is known, and `r 3 null` afterwards.
fn describe_micro_operation(micro: &Value, is_answered: bool) -> String {
    let words = micro.as_array().into_iter().flatten().filter(|word| is_answered || !word.is_null());
    let word = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    words.map(word).collect::<Vec<_>>().join(" ")
}

/// Describes what a body holds besides its type and the numbers of messages.
pub(in crate::scenario) fn describe_body(body: &Value) -> String {
    let keys = body.as_object().into_iter().flatten();
    let shown: Vec<String> = keys
        .filter(|(key, _)| !matches!(&***key, "type" | "msg_id" | "in_reply_to"))
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    shorten(&shown.join(", "), TEXT_WIDTH)
}

pub(in crate::scenario) fn describe_loss(reason: Reason) -> String {
    match reason {
        Reason::Partition => "cut by the partition".into(),
        Reason::Packet => "lost by the packet fault".into(),
        Reason::Loss => "lost by the network".into(),
        Reason::Down | Reason::Killed => "its destination was down".into(),
        other => other.name().into(),
    }
}
