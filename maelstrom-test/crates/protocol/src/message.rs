//! [`Envelope`]: parses one line of a node's standard output.

use std::borrow::Cow;

use serde_core::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Malformed, scan, shorten};
use crate::json::{Number, Value};

/// A message as a node wrote it. The source and the destination are parsed; the body is raw text.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The name of the source.
    pub src: Cow<'a, str>,
    /// The name of the destination.
    pub dest: Cow<'a, str>,
    /// A JSON object, byte for byte as the node wrote it.
    body: &'a str,
}

impl<'a> Envelope<'a> {
    /// Parses a line, without its line feed.
    ///
    /// # Errors
    /// If the line is not a message. The error describes what is wrong, and where.
    ///
    /// ```
    /// use maelstrom_protocol::Envelope;
    /// let message = Envelope::parse(br#"{"src": "n1", "dest": "c1", "body": {"msg_id": 1.50}}"#).unwrap();
    /// assert_eq!((&*message.src, &*message.dest, message.body()), ("n1", "c1", r#"{"msg_id": 1.50}"#));
    /// let error = Envelope::parse(b"starting up!").unwrap_err();
    /// assert!(error.to_string().contains("standard error"), "{error}");
    /// ```
    pub fn parse(line: &'a [u8]) -> Result<Envelope<'a>, Malformed> {
        let text = std::str::from_utf8(line).map_err(|error| {
            let byte = error.valid_up_to();
            Malformed::at_byte(byte, format!("not UTF-8: the byte at position {} is invalid", byte + 1))
        })?;
        match scan::message(text) {
            Some([src, dest, body]) => Ok(Envelope { src: src.into(), dest: dest.into(), body }),
            None => parse_any_form(text),
        }
    }

    /// The body as the node wrote it.
    pub fn body(&self) -> &'a str {
        self.body
    }
}

/// Parses a message in any valid form: slower than [`scan::message`], which accepts only the usual form.
pub(super) fn parse_any_form(text: &str) -> Result<Envelope<'_>, Malformed> {
    let line = serde_json::from_str::<Line<'_>>(text).map_err(|error| explain(text, &error))?;
    if line.id.is_some_and(|id| !id.get().parse().is_ok_and(|id: Number| id.is_integer())) {
        let reason = "id should be an integer (it is optional: the network assigns its own ids)";
        return Err(Malformed::at_key("id", reason));
    }
    if !line.body.get().starts_with('{') {
        let found = shorten(line.body.get(), 60);
        return Err(Malformed::at_key("body", format!("body should be an object, but is {found}")));
    }
    Ok(Envelope { src: line.src, dest: line.dest, body: line.body.get() })
}

/// The keys of a message, before `id` and `body` are checked.
struct Line<'a> {
    src: Cow<'a, str>,
    dest: Cow<'a, str>,
    body: &'a RawValue,
    /// Accepted and ignored: the network assigns its own ids.
    id: Option<&'a RawValue>,
}

// Written by hand: a derive would add `syn` and its dependencies to the build of every node program.
impl<'de> Deserialize<'de> for Line<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(LineVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
        let [mut src, mut dest] = [const { None }; 2];
        let (mut body, mut id) = (None, None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let is_duplicate = match &*key {
                "src" => src.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "dest" => dest.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "body" => body.replace(map.next_value()?).is_some(),
                "id" => id.replace(map.next_value::<Option<&RawValue>>()?).is_some(),
                _ => return Err(A::Error::custom(format_args!("unknown field {key}"))),
            };
            if is_duplicate {
                return Err(A::Error::custom(format_args!("duplicate key {key}")));
            }
        }
        let missing = A::Error::missing_field;
        Ok(Line {
            src: src.ok_or_else(|| missing("src"))?,
            dest: dest.ok_or_else(|| missing("dest"))?,
            body: body.ok_or_else(|| missing("body"))?,
            id: id.flatten(),
        })
    }
}

/// A string, borrowed if it has no escapes. (`serde` deserializes a `Cow` always as a `String`.)
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(text.to_owned().into()))
    }
}

/// Describes what is wrong with a line that is not a message.
fn explain(text: &str, error: &serde_json::Error) -> Malformed {
    let object = match crate::json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(other) => {
            return Malformed::new(format!(
                "a message must be a JSON object, but this is {}; print debug output to standard error instead",
                shorten(&other.to_string(), 60)
            ));
        }
        Err(_) if text.starts_with('\u{feff}') => {
            return "not JSON: the line begins with a byte order mark; write UTF-8 without one".into();
        }
        Err(_) if !text.trim_start().starts_with('{') => {
            return "not JSON; standard output is for messages only: print debug output to standard error instead"
                .into();
        }
        Err(syntax) => {
            let hint = if syntax.is_eof() { "; a message must be one line" } else { "" };
            return Malformed::at_byte(syntax.column().saturating_sub(1), format!("not JSON: {syntax}{hint}"));
        }
    };
    for key in ["src", "dest", "body"] {
        match object.get(key) {
            None => return Malformed::new(format!("{key} is missing")),
            Some(Value::String(_)) if key != "body" => {}
            Some(Value::Object(_)) if key == "body" => {}
            Some(other) => {
                let expected = if key == "body" { "an object" } else { "a string" };
                let found = shorten(&other.to_string(), 60);
                return Malformed::at_key(key, format!("{key} should be {expected}, but is {found}"));
            }
        }
    }
    if let Some(key) = object.keys().find(|key| !["id", "src", "dest", "body"].contains(&key.as_str())) {
        let reason = format!("unknown key {key:?} beside src, dest and body (put payload fields inside body)");
        return Malformed::at_key(key, reason);
    }
    Malformed::at_byte(error.column().saturating_sub(1), format!("not a message: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_position_of_the_mistake() {
        for (line, shown) in [
            (r#"{"src": "n1", "dest": "c1", "time": 1, "body": {}}"#, r#""time""#),
            (r#"{"src": "n1", "dest": 7, "body": {}}"#, r#""dest""#),
            (r#"{"é": 1} and more"#, "and more"),
            (r#"{"src": "n1", "body": {}}"#, "{"),
        ] {
            let malformed = Envelope::parse(line.as_bytes()).unwrap_err();
            let rest: String = line.chars().skip(malformed.position_in(line)).collect();
            assert!(rest.starts_with(shown), "{malformed}: {rest}");
        }
    }

    #[test]
    fn duplicate_keys_are_errors() {
        assert!(error(br#"{"src":"n1","src":"n1","dest":"n2","body":{}}"#).contains("duplicate key src"));
    }

    fn error(line: &[u8]) -> String {
        Envelope::parse(line).unwrap_err().to_string()
    }

    #[test]
    fn bodies_are_kept_byte_for_byte() {
        let body = r#"{"b":1.0,  "a": "\u00e9", "n": 123456789012345678901234567890, "a2":[{}]}"#;
        let line = format!(r#"{{"dest":"n2","body":{body},"src":"n1","id":7}}"#);
        assert_eq!(Envelope::parse(line.as_bytes()).unwrap().body(), body);
    }

    #[test]
    fn names_may_contain_escapes() {
        let envelope = Envelope::parse(br#"{"src":"n\u0031","dest":"n2","body":{}}"#).unwrap();
        assert_eq!(envelope.src, "n1");
    }

    #[test]
    fn an_id_may_be_any_integer() {
        for id in ["0", "-1", "18446744073709551617", "null"] {
            let line = format!(r#"{{"src":"n1","dest":"n2","body":{{}},"id":{id}}}"#);
            assert!(Envelope::parse(line.as_bytes()).is_ok(), "{id}");
        }
        for id in ["1.0", "1e3", "\"1\"", "[1]"] {
            let line = format!(r#"{{"src":"n1","dest":"n2","body":{{}},"id":{id}}}"#);
            assert!(error(line.as_bytes()).contains("id should be an integer"), "{id}");
        }
    }

    #[test]
    fn errors_describe_the_mistake() {
        assert!(error(b"{\"src\":\"n1\",\"dest\":\"n2\"}").contains("body is missing"));
        assert!(error(b"{\"src\":1,\"dest\":\"n2\",\"body\":{}}").contains("src should be a string"));
        assert!(error(b"{\"src\":\"n1\",\"dest\":\"n2\",\"body\":[]}").contains("body should be an object"));
        assert!(error(b"{\"src\":\"n1\",\"dest\":\"n2\",\"body\":{},\"type\":1}").contains("unknown key \"type\""));
        assert!(
            error(b"{\"src\":\"n1\",\"dest\":\"n2\",\"body\":{},\"id\":\"x\"}").contains("id should be an integer")
        );
        assert!(error(b"{\"src\":\"n1\"").contains("not JSON"));
        assert!(error(b"42").contains("JSON object"));
        assert!(error(b"\xff\xfe").contains("not UTF-8"));
    }
}
