//! Parsing of one line that a node printed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{scan, shorten};
use crate::json::{Number, Value};

/// A message as a node wrote it: source and destination parsed, the body left as raw text.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// Who sent it.
    pub src: Cow<'a, str>,
    /// Who should get it.
    pub dest: Cow<'a, str>,
    /// A JSON object, byte for byte as written.
    body: &'a str,
}

/// A line as it may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
    /// Accepted and ignored: the network numbers messages itself.
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Parses a line (without its line feed).
    ///
    /// # Errors
    /// A sentence that says what is wrong with the line, for the run's `exceptions`.
    ///
    /// ```
    /// use maelstrom_protocol::Envelope;
    /// let message = Envelope::parse(br#"{"src": "n1", "dest": "c1", "body": {"msg_id": 1.50}}"#).unwrap();
    /// assert_eq!((&*message.src, &*message.dest, message.body()), ("n1", "c1", r#"{"msg_id": 1.50}"#));
    /// let error = Envelope::parse(b"starting up!").unwrap_err();
    /// assert!(error.contains("standard error"), "{error}");
    /// ```
    pub fn parse(line: &'a [u8]) -> Result<Envelope<'a>, String> {
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("not UTF-8: the byte at position {} is invalid", error.valid_up_to() + 1))?;
        match scan::message(text) {
            Some([src, dest, body]) => Ok(Envelope { src: src.into(), dest: dest.into(), body }),
            None => complete(text),
        }
    }

    /// The body as the node wrote it.
    pub fn body(&self) -> &'a str {
        self.body
    }
}

/// Parses whatever form a message may have.
pub(super) fn complete(text: &str) -> Result<Envelope<'_>, String> {
    match serde_json::from_str::<Line<'_>>(text) {
        Ok(Line { id: Some(id), .. }) if !id.get().parse().is_ok_and(|id: Number| id.is_integer()) => {
            Err("id should be an integer (it is optional; the network numbers messages itself)".into())
        }
        Ok(Line { src, dest, body, .. }) if body.get().starts_with('{') => Ok(Envelope { src, dest, body: body.get() }),
        Ok(line) => Err(format!("body should be an object, but is {}", shorten(line.body.get(), 60))),
        Err(error) => Err(explain(text, &error)),
    }
}

/// Says what is wrong with a line that did not parse as a message.
fn explain(text: &str, error: &serde_json::Error) -> String {
    let object = match crate::json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(other) => {
            return format!(
                "a message must be a JSON object, but this is {}; if it is a debug print, print to standard error instead",
                shorten(&other.to_string(), 60)
            );
        }
        Err(_) if text.starts_with('\u{feff}') => {
            return "not JSON: it begins with a byte order mark; write UTF-8 without one".into();
        }
        Err(_) if !text.trim_start().starts_with('{') => {
            return "not JSON; if it is a debug print, print to standard error instead: standard output is for messages only".into();
        }
        Err(_) if error.is_eof() => return format!("not JSON: {error}; a message must be one line"),
        Err(_) => return format!("not JSON: {error}"),
    };
    for key in ["src", "dest", "body"] {
        match object.get(key) {
            None => return format!("{key} is missing"),
            Some(Value::String(_)) if key != "body" => {}
            Some(Value::Object(_)) if key == "body" => {}
            Some(other) => {
                let should = if key == "body" { "an object" } else { "a string" };
                return format!("{key} should be {should}, but is {}", shorten(&other.to_string(), 60));
            }
        }
    }
    if let Some(key) = object.keys().find(|key| !["id", "src", "dest", "body"].contains(&key.as_str())) {
        return format!("unknown key {key:?} beside src, dest and body (what you want to say belongs into the body)");
    }
    format!("not a message: {error}")
}

/// Where in a line the cause of a complaint is, in characters: the column that it names, or else the key.
pub fn place_of(cause: &str, line: &str) -> usize {
    let column = cause.rsplit_once("column ").map(|(_, rest)| rest);
    let column = column.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok());
    if let Some(bytes) = column {
        return line.char_indices().take_while(|(at, _)| at + 1 < bytes).count();
    }
    let unknown = cause.strip_prefix("unknown key ").and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
    let known = ["in_reply_to", "msg_id", "type", "src", "dest", "body", "id"];
    let is_named = |key: &&&str| cause.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == **key);
    let key = unknown.or_else(|| known.iter().find(is_named).map(|key| format!("\"{key}\"")));
    let at = key.and_then(|key| line.find(&key)).unwrap_or(0);
    line[..at].chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_complaint_is_found() {
        let line = r#"{"src": "n1", "dest": "c1", "time": 1, "body": {"in_reply_to": "1"}}"#;
        for (cause, shown) in [
            ("not JSON: trailing characters at line 1 column 3", "src"),
            (r#"unknown key "time" beside src"#, r#""time""#),
            ("in_reply_to should be an integer", r#""in_reply_to""#),
            ("dest is c7, but nobody has that name", r#""dest""#),
            ("something else", "{"),
        ] {
            let at: String = line.chars().skip(place_of(cause, line)).collect();
            assert!(at.starts_with(shown), "{cause}: {at}");
        }
    }

    fn error(line: &[u8]) -> String {
        Envelope::parse(line).unwrap_err()
    }

    #[test]
    fn bodies_survive_byte_for_byte() {
        let body = r#"{"b":1.0,  "a": "\u00e9", "n": 123456789012345678901234567890, "a2":[{}]}"#;
        let line = format!(r#"{{"dest":"n2","body":{body},"src":"n1","id":7}}"#);
        assert_eq!(Envelope::parse(line.as_bytes()).unwrap().body(), body);
    }

    #[test]
    fn escaped_names_are_understood() {
        let envelope = Envelope::parse(br#"{"src":"n\u0031","dest":"n2","body":{}}"#).unwrap();
        assert_eq!(envelope.src, "n1");
    }

    #[test]
    fn any_integer_is_an_id() {
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
    fn errors_say_what_is_wrong() {
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
