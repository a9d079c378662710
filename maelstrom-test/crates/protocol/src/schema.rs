//! [`Rpc`]: schemas of requests and responses; [`Type`]: types of JSON values.

use std::fmt;

use crate::Malformed;
use crate::json::{Map, Value};

/// The type of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any JSON value.
    Any,
    /// An integer of any size, written without a fraction and an exponent.
    Int,
    /// A string.
    String,
    /// An array of values of one type. `null` counts as an empty array, since Go encodes a nil slice as `null`.
    List(Box<Type>),
    /// An array with exactly one element of each type, in this order.
    Tuple(Vec<Type>),
    /// An object with any keys, and values of one type. `null` counts as an empty object.
    Map(Box<Type>),
}

impl Type {
    /// An array of values of this type.
    pub fn list(of: Type) -> Type {
        Type::List(Box::new(of))
    }

    /// An object with any keys, and values of this type.
    pub fn map(of: Type) -> Type {
        Type::Map(Box::new(of))
    }

    /// Checks the value of a key.
    ///
    /// # Errors
    /// If the value, or a part of it, has another type. The error contains the path to the wrong part.
    pub fn check(&self, value: &Value, key: &str) -> Result<(), Malformed> {
        let malformed = |Mismatch { path, what }| Malformed::at_key(key, format!("{key}{path} {what}"));
        self.check_inside(value).map_err(malformed)
    }

    fn check_inside(&self, value: &Value) -> Result<(), Mismatch> {
        let at = |i: usize| move |mismatch: Mismatch| mismatch.inside(&format!("[{i}]"));
        match (self, value) {
            (Type::Any, _) | (Type::String, Value::String(_)) | (Type::List(_) | Type::Map(_), Value::Null) => Ok(()),
            (Type::Int, Value::Number(number)) if number.is_integer() => Ok(()),
            (Type::List(of), Value::Array(_)) if **of == Type::Any => Ok(()),
            (Type::List(of), Value::Array(items)) => {
                (0..).zip(items).try_for_each(|(i, item)| of.check_inside(item).map_err(at(i)))
            }
            (Type::Tuple(types), Value::Array(items)) if types.len() == items.len() => {
                (0..).zip(types.iter().zip(items)).try_for_each(|(i, (of, item))| of.check_inside(item).map_err(at(i)))
            }
            (Type::Map(of), Value::Object(entries)) => entries.iter().try_for_each(|(key, entry)| {
                of.check_inside(entry).map_err(|mismatch| mismatch.inside(&format!(".{key}")))
            }),
            _ => Err(Mismatch { path: String::new(), what: format!("should be {self}, but is {}", describe(value)) }),
        }
    }

    /// Replaces each `null` that stands for an empty array or object by that array or object.
    pub fn replace_nulls(&self, value: &mut Value) {
        match (self, value) {
            (Type::List(_), value @ Value::Null) => *value = Value::Array(Vec::new()),
            (Type::Map(_), value @ Value::Null) => *value = Value::Object(Map::new()),
            (Type::List(of), Value::Array(items)) if of.contains_lists() => {
                items.iter_mut().for_each(|item| of.replace_nulls(item));
            }
            (Type::Tuple(types), Value::Array(items)) => {
                types.iter().zip(items).for_each(|(of, item)| of.replace_nulls(item));
            }
            (Type::Map(of), Value::Object(entries)) if of.contains_lists() => {
                entries.values_mut().for_each(|entry| of.replace_nulls(entry));
            }
            _ => {}
        }
    }

    /// Whether a value of this type is or contains a [`Type::List`] or a [`Type::Map`].
    fn contains_lists(&self) -> bool {
        match self {
            Type::Any | Type::Int | Type::String => false,
            Type::List(_) | Type::Map(_) => true,
            Type::Tuple(types) => types.iter().any(Type::contains_lists),
        }
    }
}

/// A part of a value that has another type, and the path to that part.
struct Mismatch {
    path: String,
    what: String,
}

impl Mismatch {
    fn inside(mut self, path: &str) -> Mismatch {
        self.path.insert_str(0, path);
        self
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

/// The type of a value and the shortened value, for error messages.
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

/// Truncates a text to `limit` characters, and appends `…` if it was longer.
///
/// ```
/// assert_eq!(maelstrom_protocol::shorten("abcdef", 4), "abcd…");
/// assert_eq!(maelstrom_protocol::shorten("abcd", 4), "abcd");
/// ```
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The schema of an RPC: the keys and types of its request and its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// The `type` of the request. The `type` of the response is the same with the suffix `_ok`.
    pub name: &'static str,
    /// What the RPC does, in one or two sentences.
    pub doc: &'static str,
    /// The keys of the request, except `type` and `msg_id`.
    pub request: Vec<(&'static str, Type)>,
    /// The keys of the response, except `type`, `in_reply_to` and the optional `msg_id`.
    pub response: Vec<(&'static str, Type)>,
}

impl Rpc {
    /// Checks the body of a response that is not an error.
    ///
    /// # Errors
    /// If the body does not match the schema. The error lists all mismatches.
    ///
    /// ```
    /// use maelstrom_protocol::{Rpc, Type};
    /// use maelstrom_protocol::json::json;
    /// let read = Rpc { name: "read", doc: "", request: vec![], response: vec![("value", Type::Int)] };
    /// let body = json!({"type": "read_ok", "in_reply_to": 1, "value": "3", "extra": 1});
    /// let wrong = read.check_response(body.as_object().unwrap()).unwrap_err();
    /// assert_eq!(wrong.to_string(), "value should be int, but is the string \"3\"; unknown key extra");
    /// ```
    pub fn check_response(&self, body: &Map<String, Value>) -> Result<(), Malformed> {
        let mut wrong = Vec::new();
        let expected = format!("{}_ok", self.name);
        match body.get("type") {
            Some(Value::String(found)) if *found == expected => {}
            Some(found) => {
                let found = shorten(&found.to_string(), 60);
                wrong.push(Malformed::at_key("type", format!("type should be \"{expected}\", but is {found}")));
            }
            None => wrong.push(Malformed::new(format!("type is missing (expected \"{expected}\")"))),
        }
        for (key, of) in &self.response {
            match body.get(*key) {
                None => wrong.push(Malformed::new(format!("{key} is missing"))),
                Some(value) => wrong.extend(of.check(value, key).err()),
            }
        }
        let known = |key: &str| {
            ["type", "in_reply_to", "msg_id"].contains(&key) || self.response.iter().any(|(name, _)| *name == key)
        };
        let unknown = body.keys().filter(|key| !known(key));
        wrong.extend(unknown.map(|key| Malformed::at_key(key, format!("unknown key {key}"))));
        Malformed::join(wrong).map_or(Ok(()), Err)
    }

    /// Replaces each `null` in a response that stands for an empty array or object by that array or object.
    pub fn replace_nulls(&self, body: &mut Map<String, Value>) {
        for (key, of) in &self.response {
            if let Some(value) = body.get_mut(*key) {
                of.replace_nulls(value);
            }
        }
    }

    /// The schema of the response as text: `{type: "read_ok", in_reply_to: int, value: any}`.
    pub fn response_schema(&self) -> String {
        let keys: String = self.response.iter().map(|(key, of)| format!(", {key}: {of}")).collect();
        format!("{{type: \"{}_ok\", in_reply_to: int{keys}}}", self.name)
    }

    /// The schema of the request as text: `{type: "read", msg_id: int, key: any}`.
    pub fn request_schema(&self) -> String {
        let keys: String = self.request.iter().map(|(key, of)| format!(", {key}: {of}")).collect();
        format!("{{type: \"{}\", msg_id: int{keys}}}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{from_str, json};

    use super::*;

    fn messages() -> Rpc {
        let messages = Type::map(Type::list(Type::Tuple(vec![Type::Int, Type::Any])));
        let names = Type::list(Type::String);
        let response = vec![("msgs", messages), ("names", names), ("count", Type::Int), ("any", Type::Any)];
        Rpc { name: "poll", doc: "", request: vec![], response }
    }

    /// The error for a response with these keys, or the response after [`Rpc::replace_nulls`].
    fn read(keys: &str) -> String {
        let mut body = crate::json::object_from_str(&format!("{{\"type\":\"poll_ok\",{keys}}}")).unwrap();
        match messages().check_response(&body) {
            Err(wrong) => wrong.to_string(),
            Ok(()) => {
                messages().replace_nulls(&mut body);
                body.remove("type");
                Value::Object(body).to_string()
            }
        }
    }

    #[test]
    fn null_counts_as_an_empty_array_or_object() {
        for (keys, expected) in [
            (r#""msgs":null,"names":null,"count":0,"any":null"#, r#"{"any":null,"count":0,"msgs":{},"names":[]}"#),
            (
                r#""msgs":{"a":null,"b":[[1,null]]},"names":["x"],"count":1,"any":[null]"#,
                r#"{"any":[null],"count":1,"msgs":{"a":[],"b":[[1,null]]},"names":["x"]}"#,
            ),
            (r#""msgs":{},"names":[],"count":null,"any":0"#, "count should be int, but is null"),
            (r#""msgs":{"a":[null]},"names":[],"count":1,"any":0"#, "msgs.a[0] should be [int, any], but is null"),
            (r#""msgs":{},"names":["x",null],"count":1,"any":0"#, "names[1] should be string, but is null"),
        ] {
            assert_eq!(read(keys), expected);
        }
    }

    #[test]
    fn integers_may_have_any_size() {
        for integer in ["0", "-0", "18446744073709551617", "-9223372036854775809"] {
            assert_eq!(Type::Int.check(&from_str(integer).unwrap(), "x"), Ok(()), "{integer}");
        }
        for (other, expected) in [
            (json!(1.0), "x should be int, but is the float 1.0"),
            (from_str("1e3").unwrap(), "x should be int, but is the float 1e3"),
            (json!("1"), "x should be int, but is the string \"1\""),
        ] {
            assert_eq!(Type::Int.check(&other, "x").unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn mismatches_are_reported_with_their_path() {
        let body = r#""msgs":{"a":[[1,2],["x",3]]},"names":[],"count":1,"any":0"#;
        assert_eq!(read(body), "msgs.a[1][0] should be int, but is the string \"x\"");
    }
}
