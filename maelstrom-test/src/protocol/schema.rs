//! Schemas of RPCs: which keys a body has, and of which types.

use std::fmt;

use crate::json::{Map, Value};

/// The type of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any JSON value at all.
    Any,
    /// An integer (written without fraction and exponent).
    Int,
    /// A string.
    String,
    /// An array of values of one type.
    List(Box<Type>),
    /// An array of exactly these types.
    Tuple(Vec<Type>),
    /// An object with any keys and values of one type.
    Map(Box<Type>),
}

impl Type {
    /// An array of values of one type.
    pub fn list(of: Type) -> Type {
        Type::List(Box::new(of))
    }

    /// An object with any keys and values of one type.
    pub fn map(of: Type) -> Type {
        Type::Map(Box::new(of))
    }

    /// Says what is wrong with a value, and where in it (`path` is how the value is called).
    pub fn check(&self, value: &Value, path: &str) -> Result<(), String> {
        let wrong = || Err(format!("{path} should be {self}, but is {}", describe(value)));
        match (self, value) {
            (Type::Any, _) | (Type::String, Value::String(_)) => Ok(()),
            (Type::Int, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(()),
            (Type::List(of), Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(i, item)| of.check(item, &format!("{path}[{i}]")))
            }
            (Type::Tuple(types), Value::Array(items)) if types.len() == items.len() => types
                .iter()
                .zip(items)
                .enumerate()
                .try_for_each(|(i, (of, item))| of.check(item, &format!("{path}[{i}]"))),
            (Type::Map(of), Value::Object(entries)) => {
                entries.iter().try_for_each(|(key, entry)| of.check(entry, &format!("{path}.{key}")))
            }
            _ => wrong(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Int => f.write_str("int"),
            Type::String => f.write_str("string"),
            Type::List(of) => write!(f, "[{of}]"),
            Type::Tuple(types) => {
                f.write_str("[")?;
                for (i, of) in types.iter().enumerate() {
                    write!(f, "{}{of}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Type::Map(of) => write!(f, "{{string: {of}}}"),
        }
    }
}

/// A value for an error message: its type and the value itself, shortened.
fn describe(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".into(),
        Value::Bool(_) => "the boolean",
        Value::Number(number) if number.is_f64() => "the float",
        Value::Number(_) => "the integer",
        Value::String(_) => "the string",
        Value::Array(_) => "the array",
        Value::Object(_) => "the object",
    };
    format!("{kind} {}", shorten(&value.to_string(), 60))
}

/// At most `limit` characters of a text, with `…` where it was cut.
///
/// ```
/// assert_eq!(maelstrom::protocol::shorten("abcdef", 4), "abcd…");
/// assert_eq!(maelstrom::protocol::shorten("abcd", 4), "abcd");
/// ```
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// One RPC of a workload: a request and its response, each a list of keys with their types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// `type` of the request; the response's is this with `_ok`.
    pub name: &'static str,
    /// What it is for, one sentence.
    pub doc: &'static str,
    /// Keys of the request besides `type` and `msg_id`.
    pub request: Vec<(&'static str, Type)>,
    /// Keys of the response besides `type`, `in_reply_to` and the optional `msg_id`.
    pub response: Vec<(&'static str, Type)>,
}

impl Rpc {
    /// Says everything that is wrong with a response body (not an error body) to this RPC.
    ///
    /// ```
    /// use maelstrom::protocol::{Rpc, Type};
    /// use maelstrom::json::json;
    /// let read = Rpc { name: "read", doc: "", request: vec![], response: vec![("value", Type::Int)] };
    /// let body = json!({"type": "read_ok", "in_reply_to": 1, "value": "3", "extra": 1});
    /// let wrong = read.check_response(body.as_object().unwrap()).unwrap_err();
    /// assert_eq!(wrong, "value should be int, but is the string \"3\"; unknown key extra");
    /// ```
    pub fn check_response(&self, body: &Map<String, Value>) -> Result<(), String> {
        let mut wrong = Vec::new();
        let expected = format!("{}_ok", self.name);
        match body.get("type") {
            Some(Value::String(found)) if *found == expected => {}
            Some(found) => {
                wrong.push(format!("type should be \"{expected}\", but is {}", shorten(&found.to_string(), 60)))
            }
            None => wrong.push(format!("type is missing (expected \"{expected}\")")),
        }
        for (key, of) in &self.response {
            match body.get(*key) {
                None => wrong.push(format!("{key} is missing")),
                Some(value) => wrong.extend(of.check(value, key).err()),
            }
        }
        let known = |key: &str| {
            ["type", "in_reply_to", "msg_id"].contains(&key) || self.response.iter().any(|(name, _)| *name == key)
        };
        wrong.extend(body.keys().filter(|key| !known(key)).map(|key| format!("unknown key {key}")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    /// The schema of the response as people read it: `{type: "read_ok", in_reply_to: int, value: any}`.
    pub fn response_schema(&self) -> String {
        let keys: String = self.response.iter().map(|(key, of)| format!(", {key}: {of}")).collect();
        format!("{{type: \"{}_ok\", in_reply_to: int{keys}}}", self.name)
    }

    /// The schema of the request: `{type: "read", msg_id: int, key: any}`.
    pub fn request_schema(&self) -> String {
        let keys: String = self.request.iter().map(|(key, of)| format!(", {key}: {of}")).collect();
        format!("{{type: \"{}\", msg_id: int{keys}}}", self.name)
    }
}
