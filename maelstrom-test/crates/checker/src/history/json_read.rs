//! Reads JSON: one object per line, or one array of objects.

use std::io::{BufRead, Read};

use serde::de::IgnoredAny;

use super::entry::{EntryBuilder, FunctionNames, Key};
use super::source::{ByteSource, TextPosition};
use super::{Op, ReadError};
use crate::json::Parser;

/// The length of the longest entry that is accepted, in bytes. A file that is not a history must not fill the memory.
pub(super) const MAX_ENTRY: u64 = 1 << 28;

/// The depth of nested values that is accepted. Readers recurse, and their stack is finite. It is larger than the depth of a
/// message body ([`crate::json::MAX_DEPTH`]), because an entry wraps the parts of a body in a few more levels.
pub(super) const MAX_DEPTH: usize = 160;

/// Reads entries one line at a time.
pub(super) struct LineReader<R> {
    reader: R,
    interner: FunctionNames,
    line: Vec<u8>,
    line_number: u64,
    position: u64,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(reader: R) -> LineReader<R> {
        LineReader { reader, interner: FunctionNames::default(), line: Vec::new(), line_number: 0, position: 0 }
    }

    /// The next entry; `None` at the end.
    pub(super) fn next_op(&mut self) -> Result<Option<Op>, ReadError> {
        loop {
            self.line.clear();
            if (&mut self.reader).take(MAX_ENTRY + 1).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.line_number += 1;
            let start = TextPosition::new(self.line_number);
            if self.line.len() as u64 > MAX_ENTRY {
                return Err(start.error(format!("this line is longer than {MAX_ENTRY} bytes; {PER_LINE}")));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                // The position of a missing brace is the end of the text, not the beginning of the next line.
                let line = self.line.trim_ascii_end();
                let op = parse(line, start, self.position, &mut self.interner, PER_LINE)?;
                self.position += 1;
                return Ok(Some(op));
            }
        }
    }
}

/// Reads the entries of an array, on any number of lines.
pub(super) struct ArrayReader<R> {
    source: ByteSource<R>,
    interner: FunctionNames,
    text: Vec<u8>,
    position: u64,
}

impl<R: BufRead> ArrayReader<R> {
    pub(super) fn new(reader: R) -> ArrayReader<R> {
        ArrayReader {
            source: ByteSource::new(reader),
            interner: FunctionNames::default(),
            text: Vec::new(),
            position: 0,
        }
    }

    /// The next entry; `None` at the end.
    pub(super) fn next_op(&mut self) -> Result<Option<Op>, ReadError> {
        self.source.renew_allowance();
        let is_first = self.position == 0;
        if is_first {
            self.expect_one_of(b"[", "the array of entries")?;
        } else if self.expect_one_of(b",]", "`,` and the next entry, or `]`")?.1 == b']' {
            return self.expect_end();
        }
        let expected = if is_first { &b"{]"[..] } else { b"{" };
        let (start, byte) = self.expect_one_of(expected, "an entry: an object in braces")?;
        if byte == b']' {
            return self.expect_end();
        }
        self.rest_of_object(start)?;
        let op = parse(&self.text, start, self.position, &mut self.interner, PER_ELEMENT)?;
        self.position += 1;
        Ok(Some(op))
    }

    /// Skips white space.
    fn skip_blanks(&mut self) -> Result<(), ReadError> {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.source.peek()? {
            self.source.advance(byte)?;
        }
        Ok(())
    }

    /// Consumes the next byte that is not white space. It must be one of these.
    fn expect_one_of(&mut self, allowed: &[u8], what: &str) -> Result<(TextPosition, u8), ReadError> {
        self.skip_blanks()?;
        let place = self.source.place();
        match self.source.next()? {
            Some(byte) if allowed.contains(&byte) => Ok((place, byte)),
            Some(byte) => {
                let shown = char::from(byte).escape_default();
                Err(place.error(format!("`{shown}` stands here; expected {what}")))
            }
            None => Err(place.error("the text ends before the array of entries is closed")),
        }
    }

    fn expect_end(&mut self) -> Result<Option<Op>, ReadError> {
        self.skip_blanks()?;
        let place = self.source.place();
        match self.source.peek()? {
            None => Ok(None),
            Some(_) => Err(place.error("more text stands after the array of entries; expected the end")),
        }
    }

    /// Collects an object after its first brace, up to the brace that closes it.
    fn rest_of_object(&mut self, start: TextPosition) -> Result<(), ReadError> {
        self.text.clear();
        self.text.push(b'{');
        let (mut depth, mut in_string, mut escaped) = (1_u64, false, false);
        while depth > 0 {
            let Some(byte) = self.source.next()? else {
                return Err(start.error("the text ends inside this entry; expected a closing brace"));
            };
            self.text.push(byte);
            match byte {
                _ if std::mem::take(&mut escaped) => {}
                b'\\' => escaped = in_string,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

const PER_LINE: &str = "expected one JSON object per line";
const PER_ELEMENT: &str = "expected one JSON object per element of the array";

/// Parses an entry, whose text begins at `start`.
fn parse(
    bytes: &[u8],
    start: TextPosition,
    position: u64,
    interner: &mut FunctionNames,
    expected: &str,
) -> Result<Op, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        start.after(&before).error("this is not UTF-8")
    })?;
    let mut parser = Parser::new(text, MAX_DEPTH);
    match entry(&mut parser, position, interner) {
        Some(Ok(op)) => Ok(op),
        Some(Err((at, message))) => Err(start.after(&text[..at]).error(message)),
        None if parser.is_too_deep() => {
            let at = text.floor_char_boundary(parser.position().saturating_sub(1));
            Err(start.after(&text[..at]).error(format!("nested deeper than {MAX_DEPTH} levels")))
        }
        None => {
            let (at, message) = explain(text, expected);
            Err(start.after(&text[..at]).error(message))
        }
    }
}

/// Parses an entry. The error is a position and a message. `None` if the text is not a JSON object.
fn entry(parser: &mut Parser<'_>, position: u64, interner: &mut FunctionNames) -> Option<Result<Op, (usize, String)>> {
    parser.skip_blanks();
    let start = parser.position();
    if parser.next_byte()? != b'{' {
        return None;
    }
    parser.deeper()?;
    let mut entry = EntryBuilder::default();
    let mut byte = parser.next_byte()?;
    while byte != b'}' {
        if byte != b'"' {
            return None;
        }
        let key = parser.string()?;
        if parser.next_byte()? != b':' {
            return None;
        }
        parser.skip_blanks();
        let at = parser.position();
        let value = parser.value()?;
        if let Err(message) = entry.set(Key::from(&*key), value, interner) {
            return Some(Err((at, message)));
        }
        byte = parser.next_byte()?;
        if byte == b',' {
            byte = parser.next_byte()?;
            if byte == b'}' {
                return None;
            }
        } else if byte != b'}' {
            return None;
        }
    }
    match parser.next_byte() {
        Some(_) => None,
        None => Some(entry.finish(position, interner).map_err(|message| (start, message))),
    }
}

/// Why a text is not a JSON object, by `serde_json`: a position and a message.
#[cold]
fn explain(text: &str, expected: &str) -> (usize, String) {
    let syntax = serde_json::from_str::<IgnoredAny>(text).err();
    let error = match syntax.or_else(|| serde_json::from_str::<serde_json::Value>(text).err()) {
        Some(error) => error,
        None => {
            let shown = crate::protocol::shorten(text.trim(), 40);
            let start = text.len() - text.trim_start().len();
            let keys = "`type`, `process`, `f`, `value`";
            return (start, format!("`{shown}` is no entry of a history; expected an object with {keys}"));
        }
    };
    let lines_before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = text.floor_char_boundary((lines_before + error.column().saturating_sub(1)).min(text.len()));
    let told = error.to_string();
    let what = told.rsplit_once(" at line ").map_or(told.as_str(), |(what, _)| what);
    if error.is_eof() {
        return (at, "the line ends in the middle of the entry; expected one whole JSON object per line".to_owned());
    }
    (at, format!("not JSON ({what}); {expected}"))
}
