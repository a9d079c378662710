//! JSON lines: one object per line and entry.

use std::fmt;
use std::io::{BufRead, Read};

use crate::json::Value;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::entry::{Entry, Interner, Key};
use super::{Op, Process, ReadError};

/// Longest line or entry that the readers accept, in bytes: a file that is something else entirely must not fill the
/// memory before we notice.
pub(super) const MAX_ENTRY: u64 = 1 << 28;

/// Reads entries one line at a time.
pub(super) struct JsonReader<R> {
    reader: R,
    interner: Interner,
    line: Vec<u8>,
    line_number: u64,
    position: u64,
}

impl<R: BufRead> JsonReader<R> {
    pub(super) fn new(reader: R) -> JsonReader<R> {
        JsonReader { reader, interner: Interner::default(), line: Vec::new(), line_number: 0, position: 0 }
    }

    /// The next entry, `None` at the end.
    pub(super) fn next_op(&mut self) -> Result<Option<Op>, ReadError> {
        loop {
            self.line.clear();
            if (&mut self.reader).take(MAX_ENTRY + 1).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.line_number += 1;
            if self.line.len() as u64 > MAX_ENTRY {
                let message = format!("this line is longer than {MAX_ENTRY} bytes; expected one entry per line");
                return Err(ReadError::Syntax { line: self.line_number, column: 1, message });
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return self.parse_line().map(Some);
            }
        }
    }

    fn parse_line(&mut self) -> Result<Op, ReadError> {
        let seed = EntrySeed { position: self.position, interner: &mut self.interner };
        let mut parser = serde_json::Deserializer::from_slice(&self.line);
        match seed.deserialize(&mut parser).and_then(|op| parser.end().map(|()| op)) {
            Ok(op) => {
                self.position += 1;
                Ok(op)
            }
            Err(error) => Err(self.locate(&error)),
        }
    }

    /// Translates the parser's position in bytes of this line to the position in the file, and its message to ours.
    fn locate(&self, error: &serde_json::Error) -> ReadError {
        let bytes = if error.line() > 1 { self.line.len() } else { error.column().min(self.line.len()) };
        let before = String::from_utf8_lossy(&self.line[..bytes]);
        let column = before.trim_end_matches(['\n', '\r']).chars().count().max(1) as u64;
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        let message = match error.classify() {
            serde_json::error::Category::Data => what.to_string(),
            serde_json::error::Category::Eof => {
                "the line ends in the middle of the entry; expected one whole JSON object per line".to_string()
            }
            _ => format!("not JSON ({what}); expected one JSON object per line"),
        };
        ReadError::Syntax { line: self.line_number, column, message }
    }
}

/// Builds an [`Op`] while its line is parsed, without a map in between.
struct EntrySeed<'a> {
    position: u64,
    interner: &'a mut Interner,
}

impl<'de> DeserializeSeed<'de> for EntrySeed<'_> {
    type Value = Op;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Op, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed<'_> {
    type Value = Op;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a history: an object with `type`, `process`, `f`, `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Op, A::Error> {
        let mut entry = Entry::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let value: Value = map.next_value()?;
            entry.set(key, value, self.interner).map_err(A::Error::custom)?;
        }
        entry.finish(self.position, self.interner).map_err(A::Error::custom)
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(Key::from(name))
    }
}

/// Appends an entry and a line feed.
pub(super) fn write_json(op: &Op, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"index\":");
    push_json(&op.index, out);
    out.extend_from_slice(b",\"time\":");
    push_json(&op.time, out);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(op.kind.as_str().as_bytes());
    out.extend_from_slice(b"\",\"process\":");
    match op.process {
        Process::Client(number) => push_json(&number, out),
        Process::Nemesis => out.extend_from_slice(b"\"nemesis\""),
    }
    out.extend_from_slice(b",\"f\":");
    push_json(&*op.f, out);
    out.extend_from_slice(b",\"value\":");
    push_json(&op.value, out);
    if let Some(error) = &op.error {
        out.extend_from_slice(b",\"error\":");
        push_json(error, out);
    }
    if op.is_final {
        out.extend_from_slice(b",\"final\":true");
    }
    for (key, value) in op.extra.iter().flat_map(|extra| extra.iter()) {
        out.push(b',');
        push_json(key, out);
        out.push(b':');
        push_json(value, out);
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a value as JSON.
pub(super) fn push_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value)
        .expect("numbers, strings and JSON values always serialize, and a Vec takes them");
}
