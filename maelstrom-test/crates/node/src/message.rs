//! [`Message`]: a message that a node received.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use serde_core::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Result;
use crate::protocol::{Body, Envelope, ErrorCode, Malformed, RpcError};

/// A message that the node received: a request, or the response to one of its own requests.
///
/// The body is kept as text. Each call of [`get`](Message::get) parses only one field.
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
    /// Parses one line.
    pub(super) fn read(line: &[u8]) -> std::result::Result<Message, Malformed> {
        let envelope = Envelope::parse(line)?;
        let Head { kind, msg_id, in_reply_to } = serde_json::from_str(envelope.body())
            .map_err(|error| Malformed::at_key("body", format!("the body cannot be read: {error}")))?;
        Ok(Message { src: (&*envelope.src).into(), kind, msg_id, in_reply_to, body: envelope.body().into() })
    }

    /// The destination and the `in_reply_to` of a response to this message; `None` if it needs no response.
    pub(super) fn reply_to(&self) -> Option<(Rc<str>, u64)> {
        Some((self.src.clone(), self.msg_id?))
    }

    /// The name of the sender.
    pub fn src(&self) -> &str {
        &self.src
    }

    /// The `type` of the body; empty if there is none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The number of the message; `None` if the sender expects no response.
    pub fn msg_id(&self) -> Option<u64> {
        self.msg_id
    }

    /// The `msg_id` of the request, if this message is a response.
    pub fn in_reply_to(&self) -> Option<u64> {
        self.in_reply_to
    }

    /// The value of a key of the body.
    ///
    /// # Errors
    /// Error 12, `malformed-request`, if the key is missing or its value has another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        match self.find(key)? {
            Some(value) => Ok(value),
            None => Err(self.malformed(format_args!("`{key}` is missing"))),
        }
    }

    /// The value of a key of the body; `None` if the key is missing.
    ///
    /// # Errors
    /// Error 12, `malformed-request`, if the value has another type.
    pub fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let mut json = serde_json::Deserializer::from_str(&self.body);
        Field { key, value: None }
            .deserialize(&mut json)
            .map_err(|error| self.malformed(format_args!("`{key}` is invalid: {error}")))
    }

    /// Deserializes the whole body.
    ///
    /// # Errors
    /// Error 12, `malformed-request`, if the body does not match the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.body).map_err(|error| self.malformed(format_args!("{error}")))
    }

    /// The body without `type`, `msg_id` and `in_reply_to`.
    pub fn fields(&self) -> Body {
        let mut body: Body = self.parse().unwrap_or_default();
        for key in ["type", "msg_id", "in_reply_to"] {
            body.remove(key);
        }
        body
    }

    /// Creates error 10, `not-supported`: for requests that the node does not support.
    pub fn not_supported(&self) -> RpcError {
        RpcError::new(ErrorCode::NOT_SUPPORTED, format!("this node does not support `{}`", self.kind))
    }

    fn malformed(&self, what: fmt::Arguments<'_>) -> RpcError {
        RpcError::new(ErrorCode::MALFORMED_REQUEST, format!("malformed `{}`: {what}", self.kind))
    }

    /// Converts a response to a result: a response of type `error` is an error.
    pub(super) fn into_result(self) -> Result<Message> {
        if self.kind != "error" {
            return Ok(self);
        }
        let mut extra = self.fields();
        let code = extra.remove("code").and_then(|code| code.as_i64()).unwrap_or(ErrorCode::CRASH.code);
        let text = extra.remove("text").and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
        Err(RpcError { code, text, extra })
    }
}

/// The keys of a body that any message may have.
#[derive(Default)]
struct Head {
    kind: String,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
}

// Written by hand: a derive would add `syn` and its dependencies to the build of every node program.
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

/// Deserializes the value of one key of a JSON object, and skips the others.
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
    fn the_envelope_is_parsed() {
        let message = message(json!({"type": "read", "msg_id": 7, "key": [1]}));
        assert_eq!((message.src(), message.kind(), message.msg_id()), ("c1", "read", Some(7)));
        assert_eq!(message.in_reply_to(), None);
    }

    #[test]
    fn a_body_may_have_no_type() {
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
    fn missing_and_invalid_fields_are_malformed_requests() {
        let message = message(json!({"type": "add", "msg_id": 7, "delta": "three"}));
        for error in [message.get::<i64>("delta").unwrap_err(), message.get::<i64>("element").unwrap_err()] {
            assert_eq!(error.name(), "malformed-request");
        }
    }

    #[test]
    fn lines_that_are_not_messages_are_rejected() {
        for line in ["", "hello", "[]", "{}", r#"{"src": "n1", "body": 3}"#, r#"{"src": 1, "body": {}}"#] {
            assert!(Message::read(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn errors_keep_their_code_text_and_additional_keys() {
        let response = message(json!({"type": "error", "in_reply_to": 1, "code": 22, "text": "no", "hint": 5}));
        let error = response.into_result().unwrap_err();
        assert_eq!((error.code, error.text.as_str()), (22, "no"));
        assert_eq!(Value::from(error.extra), json!({"hint": 5}));
    }
}
