//! JSON values as small numbers, so that the analysis compares and stores integers only.

use std::fmt::Write;

use rustc_hash::FxHashMap;
use serde_json::Value;

/// Stands for "nothing" wherever an index of 32 bits is stored.
pub(crate) const NONE: u32 = u32::MAX;

/// Numbers equal values equally: keys, written values, and elements of lists. `1` and `1.0` are different values.
#[derive(Default)]
pub(super) struct Interner {
    /// Nearly all values are integers, which need no hashing of trees.
    integers: FxHashMap<i64, u32>,
    others: FxHashMap<Value, u32>,
    values: Vec<Value>,
}

impl Interner {
    pub(super) fn id(&mut self, value: &Value) -> u32 {
        let next = self.values.len() as u32;
        let id = match value.as_i64() {
            Some(integer) => *self.integers.entry(integer).or_insert(next),
            None => match self.others.get(value) {
                Some(id) => *id,
                None => {
                    self.others.insert(value.clone(), next);
                    next
                }
            },
        };
        if id == next {
            self.values.push(value.clone());
        }
        id
    }

    pub(super) fn value(&self, id: u32) -> &Value {
        &self.values[id as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value in words.
    pub(super) fn text(&self, id: u32) -> String {
        text(self.value(id))
    }
}

/// A value as people write it: names without quotes, lists with blanks instead of commas, long lists shortened.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(name) if is_plain(name) => name.clone(),
        Value::Array(elements) => list(elements.iter().map(text)),
        other => other.to_string(),
    }
}

/// `[1 2 3]`; of more than sixteen elements the first and the last few.
pub(super) fn list(elements: impl ExactSizeIterator<Item = String>) -> String {
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

fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic())
        && !matches!(name, "true" | "false" | "null")
        && name.chars().all(|c| c.is_alphanumeric() || "-_:.".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_get_one_number_whatever_their_key_order() {
        let mut interner = Interner::default();
        let id = interner.id(&json!({"a": 1, "b": [2]}));
        assert_eq!(interner.id(&serde_json::from_str(r#"{"b":[2],"a":1}"#).unwrap()), id);
        assert_ne!(interner.id(&json!(1)), interner.id(&json!(1.0)));
        assert_ne!(interner.id(&json!("1")), interner.id(&json!(1)));
        assert_eq!(interner.id(&json!(u64::MAX)), interner.id(&json!(u64::MAX)));
        assert_eq!(interner.value(id), &json!({"a": 1, "b": [2]}));
    }

    #[test]
    fn texts_are_short_and_unambiguous() {
        assert_eq!(text(&json!(["x", "1", "null", null, 2])), r#"[x "1" "null" null 2]"#);
        let long: Vec<u32> = (1..=20).collect();
        assert_eq!(text(&json!(long)), "[1 2 3 4 5 6 7 8 … 4 more … 13 14 15 16 17 18 19 20]");
    }
}
