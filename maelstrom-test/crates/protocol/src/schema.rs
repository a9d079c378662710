//! Schemas of RPCs: which keys a body has, and of which types.

use std::fmt;

use crate::Malformed;
use crate::json::{Map, Value};

/// The type of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any JSON value at all.
    Any,
    /// An integer of any size (written without fraction and exponent).
    Int,
    /// A string.
    String,
    /// An array of values of one type. `null` is an empty one: so does Go write a slice to which nothing was added.
    List(Box<Type>),
    /// An array of exactly these types.
    Tuple(Vec<Type>),
    /// An object with any keys and values of one type. `null` is an empty one.
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

    /// Checks the value of a key.
    ///
    /// # Errors
    /// What is wrong with the value, and where in it.
    pub fn check(&self, value: &Value, key: &str) -> Result<(), Malformed> {
        let malformed = |Misfit { place, what }| Malformed::at_key(key, format!("{key}{place} {what}"));
        self.check_inside(value).map_err(malformed)
    }

    fn check_inside(&self, value: &Value) -> Result<(), Misfit> {
        let at = |i: usize| move |misfit: Misfit| misfit.inside(&format!("[{i}]"));
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
                of.check_inside(entry).map_err(|misfit| misfit.inside(&format!(".{key}")))
            }),
            _ => Err(Misfit { place: String::new(), what: format!("should be {self}, but is {}", describe(value)) }),
        }
    }

    /// Puts an empty list or object where a value has `null` instead of one.
    pub fn replace_nulls(&self, value: &mut Value) {
        match (self, value) {
            (Type::List(_), value @ Value::Null) => *value = Value::Array(Vec::new()),
            (Type::Map(_), value @ Value::Null) => *value = Value::Object(Map::new()),
            (Type::List(of), Value::Array(items)) if of.holds_lists() => {
                items.iter_mut().for_each(|item| of.replace_nulls(item));
            }
            (Type::Tuple(types), Value::Array(items)) => {
                types.iter().zip(items).for_each(|(of, item)| of.replace_nulls(item));
            }
            (Type::Map(of), Value::Object(entries)) if of.holds_lists() => {
                entries.values_mut().for_each(|entry| of.replace_nulls(entry));
            }
            _ => {}
        }
    }

    /// Whether a value of this type may be or contain a list or an object of known form.
    fn holds_lists(&self) -> bool {
        match self {
            Type::Any | Type::Int | Type::String => false,
            Type::List(_) | Type::Map(_) => true,
            Type::Tuple(types) => types.iter().any(Type::holds_lists),
        }
    }
}

/// What is wrong with a part of a value, and where in the value that part is.
struct Misfit {
    place: String,
    what: String,
}

impl Misfit {
    fn inside(mut self, place: &str) -> Misfit {
        self.place.insert_str(0, place);
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
/// assert_eq!(maelstrom_protocol::shorten("abcdef", 4), "abcd…");
/// assert_eq!(maelstrom_protocol::shorten("abcd", 4), "abcd");
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
    /// Checks a response body (not an error body) to this RPC.
    ///
    /// # Errors
    /// Everything that is wrong with it.
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

    /// Puts an empty list or object where a response has `null` instead of one.
    pub fn replace_nulls(&self, body: &mut Map<String, Value>) {
        for (key, of) in &self.response {
            if let Some(value) = body.get_mut(*key) {
                of.replace_nulls(value);
            }
        }
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

    /// What is wrong with a response with these keys; else, what it becomes.
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
    fn null_is_an_empty_list_or_object_where_one_is_expected() {
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
    fn integers_have_any_size() {
        for integer in ["0", "-0", "18446744073709551617", "-9223372036854775809"] {
            assert_eq!(Type::Int.check(&from_str(integer).unwrap(), "x"), Ok(()), "{integer}");
        }
        for (other, told) in [
            (json!(1.0), "x should be int, but is the float 1.0"),
            (from_str("1e3").unwrap(), "x should be int, but is the float 1e3"),
            (json!("1"), "x should be int, but is the string \"1\""),
        ] {
            assert_eq!(Type::Int.check(&other, "x").unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn misfits_are_named_with_their_place() {
        let body = r#""msgs":{"a":[[1,2],["x",3]]},"names":[],"count":1,"any":0"#;
        assert_eq!(read(body), "msgs.a[1][0] should be int, but is the string \"x\"");
    }
}
