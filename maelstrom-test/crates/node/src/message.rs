//! Messages: what a node reads and writes, one JSON object per line.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use serde_core::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Result;
use crate::protocol::{Body, Envelope, ErrorCode, Malformed, RpcError};

/// A message that this node received: a request, or the answer to one of its own.
///
/// The body stays text until somebody asks for one of its [fields](Message::get), so that a node pays only for what it
/// looks at.
#[derive(Clone, Debug)]
pub struct Message {
    src: Rc<str>,
    kind: String,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
    /// A JSON object.
    body: Box<str>,
}

impl Message {
    /// Reads one line.
    pub(super) fn read(line: &[u8]) -> std::result::Result<Message, Malformed> {
        let envelope = Envelope::parse(line)?;
        let Head { kind, msg_id, in_reply_to } = serde_json::from_str(envelope.body())
            .map_err(|error| Malformed::at_key("body", format!("the body cannot be read: {error}")))?;
        Ok(Message { src: (&*envelope.src).into(), kind, msg_id, in_reply_to, body: envelope.body().into() })
    }

    /// Where an answer goes: the sender, and the number that the answer refers to.
    pub(super) fn return_address(&self) -> Option<(Rc<str>, u64)> {
        Some((self.src.clone(), self.msg_id?))
    }

    /// Who sent it.
    pub fn src(&self) -> &str {
        &self.src
    }

    /// The body's `type`; empty if it has none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The number that an answer has to refer to; `None` if the sender wants no answer.
    pub fn msg_id(&self) -> Option<u64> {
        self.msg_id
    }

    /// The number of the request that this answers.
    pub fn in_reply_to(&self) -> Option<u64> {
        self.in_reply_to
    }

    /// The value of one key of the body. A missing key or a value of another type is error 12, `malformed-request`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        match self.find(key)? {
            Some(value) => Ok(value),
            None => Err(self.malformed(format_args!("it has no `{key}`"))),
        }
    }

    /// The value of one key of the body, if the body has it. A value of another type is error 12, `malformed-request`.
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let mut json = serde_json::Deserializer::from_str(&self.body);
        Field { key, value: None }
            .deserialize(&mut json)
            .map_err(|error| self.malformed(format_args!("its `{key}` is wrong: {error}")))
    }

    /// The whole body as a value of your own type. A body of another shape is error 12, `malformed-request`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.body).map_err(|error| self.malformed(format_args!("{error}")))
    }

    /// The body without `type`, `msg_id` and `in_reply_to`: what is left to pass on to somebody else.
    pub fn fields(&self) -> Body {
        let mut body: Body = self.parse().unwrap_or_default();
        for key in ["type", "msg_id", "in_reply_to"] {
            body.remove(key);
        }
        body
    }

    /// Error 10, `not-supported`: for requests that this node does not know.
    pub fn not_supported(&self) -> RpcError {
        RpcError::new(ErrorCode::NOT_SUPPORTED, format!("this node does not know `{}`", self.kind))
    }

    fn malformed(&self, what: fmt::Arguments<'_>) -> RpcError {
        RpcError::new(ErrorCode::MALFORMED_REQUEST, format!("malformed `{}`: {what}", self.kind))
    }

    /// An answer of type `error` as the error that it is.
    pub(super) fn into_answer(self) -> Result<Message> {
        if self.kind != "error" {
            return Ok(self);
        }
        let mut extra = self.fields();
        let code = extra.remove("code").and_then(|code| code.as_i64()).unwrap_or(ErrorCode::CRASH.code);
        let text = extra.remove("text").and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
        Err(RpcError { code, text, extra })
    }
}

/// The keys of a body that every message may have.
#[derive(Default)]
struct Head {
    kind: String,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
}

// By hand: a derive would bring `syn` and its kin into the build of every node program.
impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(json: D) -> std::result::Result<Head, D::Error> {
        json.deserialize_map(HeadVisitor)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Head, A::Error> {
        let mut head = Head::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "type" => head.kind = map.next_value()?,
                "msg_id" => head.msg_id = map.next_value()?,
                "in_reply_to" => head.in_reply_to = map.next_value()?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(head)
    }
}

/// Picks one key's value out of a JSON object and skips the others without building them.
struct Field<'a, T> {
    key: &'a str,
    value: Option<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Field<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> std::result::Result<Option<T>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Field<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> std::result::Result<Option<T>, A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.key {
                self.value = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(self.value)
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{Value, json};

    use super::*;

    fn message(body: Value) -> Message {
        Message::read(json!({"id": 3, "src": "c1", "dest": "n1", "body": body}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn reads_the_envelope() {
        let message = message(json!({"type": "read", "msg_id": 7, "key": [1]}));
        assert_eq!((message.src(), message.kind(), message.msg_id()), ("c1", "read", Some(7)));
        assert_eq!(message.in_reply_to(), None);
    }

    #[test]
    fn nodes_may_send_bodies_without_type() {
        assert_eq!(message(json!({"any": "thing"})).kind(), "");
    }

    #[test]
    fn fields_are_found_by_key() {
        let message = message(json!({"type": "cas", "msg_id": 7, "key": "x", "from": null, "to": [1, 2]}));
        assert_eq!(message.get::<Vec<u64>>("to").unwrap(), [1, 2]);
        assert_eq!(message.get::<Value>("from").unwrap(), Value::Null);
        assert_eq!(message.find::<bool>("create_if_not_exists").unwrap(), None);
        assert_eq!(Value::from(message.fields()), json!({"key": "x", "from": null, "to": [1, 2]}));
    }

    #[test]
    fn bad_fields_are_malformed_requests() {
        let message = message(json!({"type": "add", "msg_id": 7, "delta": "three"}));
        for error in [message.get::<i64>("delta").unwrap_err(), message.get::<i64>("element").unwrap_err()] {
            assert_eq!(error.name(), "malformed-request");
        }
    }

    #[test]
    fn lines_that_are_no_messages_are_refused() {
        for line in ["", "hello", "[]", "{}", r#"{"src": "n1", "body": 3}"#, r#"{"src": 1, "body": {}}"#] {
            assert!(Message::read(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn errors_keep_code_text_and_further_keys() {
        let answer = message(json!({"type": "error", "in_reply_to": 1, "code": 22, "text": "no", "hint": 5}));
        let error = answer.into_answer().unwrap_err();
        assert_eq!((error.code, error.text.as_str()), (22, "no"));
        assert_eq!(Value::from(error.extra), json!({"hint": 5}));
    }
}
