//! Values as text.

use std::fmt::Write;

use crate::json::Value;

/// A value as explanations show it: names without quotes, lists with spaces instead of commas, long lists shortened.
pub(in crate::txn) fn value_text(value: &Value) -> String {
    match value {
        Value::String(name) if is_plain(name) => name.clone(),
        Value::Array(elements) => list_text(elements.iter().map(value_text)),
        other => other.to_string(),
    }
}

/// A list as explanations show it: `[1 2 3]`. Of more than 16 elements, only the first and the last few are shown.
pub(in crate::txn) fn list_text(elements: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 16;
    let count = elements.len();
    let mut out = String::from("[");
    for (at, element) in elements.enumerate() {
        if count > SHOWN && at == SHOWN / 2 {
            let _ = write!(out, " … {} more …", count - SHOWN);
        }
        if count > SHOWN && (SHOWN / 2..count - SHOWN / 2).contains(&at) {
            continue;
        }
        if at > 0 {
            out.push(' ');
        }
        out.push_str(&element);
    }
    out.push(']');
    out
}

/// Whether a string cannot be mistaken for another value without its quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic())
        && !matches!(name, "true" | "false" | "null")
        && name.chars().all(|c| c.is_alphanumeric() || "-_:.".contains(c))
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn texts_are_short_and_unambiguous() {
        assert_eq!(value_text(&json!(["x", "1", "null", null, 2])), r#"[x "1" "null" null 2]"#);
        let long: Vec<u32> = (1..=20).collect();
        assert_eq!(value_text(&json!(long)), "[1 2 3 4 5 6 7 8 … 4 more … 13 14 15 16 17 18 19 20]");
    }
}
