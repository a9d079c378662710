//! [`Parser`]: parses JSON.
//!
//! The parser accepts the same texts as `serde_json`, and numbers of any size. If it rejects a text, `serde_json` parses
//! the text again, and provides the error.

use std::borrow::Cow;

use super::{Error, Map, Number, Value};

/// Maximum nesting of arrays and objects. The parser is recursive, and its stack is finite.
pub const MAX_DEPTH: usize = 127;

/// Parses a value. If an object has duplicate keys, the last one counts.
///
/// # Errors
/// If the text is not JSON, or is nested deeper than [`MAX_DEPTH`].
pub fn from_str(text: &str) -> Result<Value, Error> {
    let mut parser = Parser::new(text, MAX_DEPTH);
    match parser.document() {
        Some(value) => Ok(value),
        None => Err(error(text)),
    }
}

/// Parses a value from UTF-8. See [`from_str`].
///
/// # Errors
/// If the bytes are not UTF-8 or not JSON, or are nested deeper than [`MAX_DEPTH`].
pub fn from_slice(bytes: &[u8]) -> Result<Value, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => from_str(text),
        Err(invalid) => match serde_json::from_slice::<serde_json::Value>(bytes) {
            Err(error) => Err(error),
            Ok(_) => Err(serde_core::de::Error::custom(invalid)),
        },
    }
}

/// Parses an object. See [`from_str`].
///
/// # Errors
/// If the text is not a JSON object, or is nested deeper than [`MAX_DEPTH`].
pub fn object_from_str(text: &str) -> Result<Map<String, Value>, Error> {
    match from_str(text)? {
        Value::Object(entries) => Ok(entries),
        _ => Err(serde_core::de::Error::custom("expected an object")),
    }
}

/// The error for a text that the parser rejected.
#[cold]
fn error(text: &str) -> Error {
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) => error,
        Ok(_) => serde_core::de::Error::custom("not JSON"),
    }
}

/// A parser of JSON. Every method returns `None` if the text is not JSON.
pub struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    max_depth: usize,
}

impl<'a> Parser<'a> {
    /// Creates a parser that accepts `max_depth` levels of nested arrays and objects.
    pub fn new(text: &'a str, max_depth: usize) -> Parser<'a> {
        Parser { text, bytes: text.as_bytes(), at: 0, depth: 0, max_depth }
    }

    /// The number of bytes consumed.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether the parser stopped because the text is nested too deeply.
    pub fn is_too_deep(&self) -> bool {
        self.depth > self.max_depth
    }

    /// Skips white space.
    pub fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Parses a value that is followed only by white space.
    fn document(&mut self) -> Option<Value> {
        let value = self.value()?;
        self.next_byte().is_none().then_some(value)
    }

    /// Skips white space and takes the next byte.
    pub fn next_byte(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
        }
    }

    /// Parses a value.
    pub fn value(&mut self) -> Option<Value> {
        match self.next_byte()? {
            b'"' => self.string().map(|text| Value::String(text.into_owned())),
            b'{' => self.object().map(Value::Object),
            b'[' => self.array().map(Value::Array),
            first @ (b'-' | b'0'..=b'9') => self.number(first).map(Value::Number),
            b't' => self.word(b"rue").map(|()| Value::Bool(true)),
            b'f' => self.word(b"alse").map(|()| Value::Bool(false)),
            b'n' => self.word(b"ull").map(|()| Value::Null),
            _ => None,
        }
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(rest).then(|| self.at += rest.len())
    }

    /// Enters an array or object. `None` if it is nested too deeply.
    pub fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= self.max_depth).then_some(())
    }

    fn array(&mut self) -> Option<Vec<Value>> {
        self.deeper()?;
        let mut items = Vec::new();
        if self.next_byte()? != b']' {
            self.at -= 1;
            loop {
                items.push(self.value()?);
                match self.next_byte()? {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.depth -= 1;
        Some(items)
    }

    fn object(&mut self) -> Option<Map<String, Value>> {
        self.deeper()?;
        let mut entries = Map::new();
        let mut byte = self.next_byte()?;
        if byte != b'}' {
            loop {
                if byte != b'"' {
                    return None;
                }
                let key = self.string()?.into_owned();
                if self.next_byte()? != b':' {
                    return None;
                }
                entries.insert(key, self.value()?);
                match self.next_byte()? {
                    b',' => byte = self.next_byte()?,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.depth -= 1;
        Some(entries)
    }

    /// Parses the rest of a string after its opening quote.
    pub fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        let mut escaped = false;
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                }
                0..0x20 => return None,
                _ => {}
            }
        }
        if escaped {
            // `serde_json` decodes the escapes.
            return serde_json::from_str(self.text.get(start - 1..self.at)?).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(&self.text[start..self.at - 1]))
    }

    /// Parses the rest of a number after its first byte.
    fn number(&mut self, first: u8) -> Option<Number> {
        let start = self.at - 1;
        let mut magnitude = u64::from(first.wrapping_sub(b'0'));
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let is_integer = !matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'));
        // Integers of up to 19 digits fit into 64 bits.
        if is_integer && first != b'-' && (first != b'0' || self.at - start == 1) && self.at - start <= 19 {
            return Some(Number::from(magnitude));
        }
        while let Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') = self.bytes.get(self.at) {
            self.at += 1;
        }
        Number::from_json(&self.text[start..self.at])
    }
}
