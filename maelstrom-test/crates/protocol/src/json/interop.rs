//! Conversion to and from the values of `serde_json`.

use super::{Map, Number, Value};

impl From<&serde_json::Number> for Number {
    fn from(number: &serde_json::Number) -> Number {
        Number::from_json(&number.to_string()).expect("serde_json prints numbers as JSON")
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(flag),
            serde_json::Value::Number(number) => Value::Number(Number::from(&number)),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => Value::Array(items.into_iter().map(Value::from).collect()),
            serde_json::Value::Object(entries) => {
                Value::Object(entries.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
            }
        }
    }
}

/// Compares numbers exactly: a number that `serde_json` rounded is not equal to the original one.
impl PartialEq<serde_json::Value> for Value {
    fn eq(&self, other: &serde_json::Value) -> bool {
        let exact = Value::from(other.clone());
        *self == exact
    }
}

impl PartialEq<Value> for serde_json::Value {
    fn eq(&self, other: &Value) -> bool {
        other == self
    }
}

/// The error for a number that `serde_json::Value` cannot represent exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InexactNumber(Number);

impl std::fmt::Display for InexactNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "serde_json cannot represent the number {} exactly", self.0)
    }
}

impl std::error::Error for InexactNumber {}

impl TryFrom<Value> for serde_json::Value {
    type Error = InexactNumber;

    /// Converts the value.
    ///
    /// # Errors
    /// If the value contains a number that `serde_json` would round.
    fn try_from(value: Value) -> Result<serde_json::Value, InexactNumber> {
        Ok(match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => serde_json::Value::Bool(flag),
            Value::Number(number) => {
                let read = serde_json::from_str::<serde_json::Number>(&number.to_string()).ok();
                let same = read.filter(|read| Number::from(read) == number);
                serde_json::Value::Number(same.ok_or(InexactNumber(number))?)
            }
            Value::String(text) => serde_json::Value::String(text),
            Value::Array(items) => {
                serde_json::Value::Array(items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => serde_json::Value::Object(object(entries)?),
        })
    }
}

fn object(entries: Map<String, Value>) -> Result<serde_json::Map<String, serde_json::Value>, InexactNumber> {
    entries.into_iter().map(|(key, value)| Ok((key, value.try_into()?))).collect()
}
