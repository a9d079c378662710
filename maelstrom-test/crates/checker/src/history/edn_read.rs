//! Reads Jepsen's EDN: <https://github.com/edn-format/edn>.
//!
//! A form becomes the closest JSON value, see the table at [`HistoryReader`](super::HistoryReader). A history may contain
//! anything that Clojure prints, above all in entries of the nemesis. So unusual values are converted, not refused.
//!
//! This reader is our own, because the crates for EDN need the whole text in memory, and a history may be larger than
//! that. It also keeps the exact value of every number, reads what Clojure prints beyond EDN, and reports the line and
//! column of an error. Tests compare it with the crate `clojure-reader`.

use std::io::BufRead;
use std::ops::RangeInclusive;

use super::edn_number::number;
use super::entry::{EntryBuilder, FunctionNames, Key};
use super::json_read::MAX_DEPTH;
use super::source::{ByteSource, TextPosition};
use super::{Op, ReadError};
use crate::json::{Map, Value};

/// Reads entries from maps that follow one another, or from one vector or list of maps.
pub(super) struct EdnReader<R> {
    source: ByteSource<R>,
    interner: FunctionNames,
    position: u64,
    layout: EntryLayout,
}

/// The layout of the entries, which the first form shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryLayout {
    Unknown,
    OneAfterAnother,
    /// Entries are in a collection that this byte closes.
    Inside(u8),
}

/// What comes next in the text.
enum Form {
    Value(Value),
    /// The end of the text, or of the current collection.
    Close(Option<u8>),
}

/// What follows a `#`.
enum HashForm {
    /// The elements of a set, after its brace.
    Set,
    /// The entries of a map whose keys are in this namespace, after its brace.
    Namespaced(String),
    /// A tag. Its value comes next.
    Tag(String),
    /// A discarded form.
    Skipped,
    /// A whole form.
    Value(Value),
}

impl<R: BufRead> EdnReader<R> {
    pub(super) fn new(reader: R) -> EdnReader<R> {
        EdnReader {
            source: ByteSource::new(reader),
            interner: FunctionNames::default(),
            position: 0,
            layout: EntryLayout::Unknown,
        }
    }

    /// The next entry, `None` at the end.
    pub(super) fn next_op(&mut self) -> Result<Option<Op>, ReadError> {
        self.source.renew_allowance();
        loop {
            self.skip_blanks()?;
            let place = self.source.place();
            match (self.source.next()?, self.layout) {
                (Some(b'{'), layout) => {
                    if layout == EntryLayout::Unknown {
                        self.layout = EntryLayout::OneAfterAnother;
                    }
                    return self.entry(place).map(Some);
                }
                (Some(b'#'), _) => match self.after_hash(place, 0)? {
                    HashForm::Tag(_) | HashForm::Skipped => {}
                    HashForm::Set => return Err(place.error("a set stands here; expected an entry: a map in braces")),
                    HashForm::Namespaced(_) => {
                        return Err(
                            place.error("a map with a namespace stands here; expected an entry: a map in braces")
                        );
                    }
                    HashForm::Value(_) => {
                        return Err(place.error("a value stands here; expected an entry: a map in braces"));
                    }
                },
                (Some(b'^'), _) => self.skip_form(place, 0, "metadata after `^`")?,
                (Some(open @ (b'[' | b'(')), EntryLayout::Unknown) => self.layout = EntryLayout::Inside(closing(open)),
                (Some(byte), EntryLayout::Inside(close)) if byte == close => return self.expect_end(),
                (None, EntryLayout::Inside(_)) => {
                    return Err(place.error("the text ends before the collection of entries is closed"));
                }
                (None, _) => return Ok(None),
                (Some(byte), _) => {
                    let shown = char::from(byte).escape_default();
                    return Err(place.error(format!("`{shown}` stands here; expected an entry: a map in braces")));
                }
            }
        }
    }

    fn expect_end(&mut self) -> Result<Option<Op>, ReadError> {
        self.skip_blanks()?;
        let place = self.source.place();
        match self.source.peek()? {
            None => Ok(None),
            Some(_) => Err(place.error("more text stands after the collection of entries; expected the end")),
        }
    }

    /// An entry, after its brace.
    fn entry(&mut self, start: TextPosition) -> Result<Op, ReadError> {
        let mut entry = EntryBuilder::default();
        loop {
            let place = self.source.place();
            let key = match self.form(1)? {
                Form::Value(key) => key_text(key),
                Form::Close(Some(b'}')) => break,
                Form::Close(close) => return Err(unexpected_close(place, start, close, b'}')),
            };
            self.skip_blanks()?;
            let place = self.source.place();
            match self.form(1)? {
                Form::Value(value) => {
                    let result = entry.set(Key::from(key.as_str()), value, &mut self.interner);
                    result.map_err(|message| place.error(message))?;
                }
                Form::Close(_) => return Err(place.error(format!("the key `{key}` has no value"))),
            }
        }
        let op = entry.finish(self.position, &mut self.interner).map_err(|message| start.error(message))?;
        self.position += 1;
        Ok(op)
    }

    /// Skips white space, commas and comments.
    fn skip_blanks(&mut self) -> Result<(), ReadError> {
        while let Some(byte) = self.source.peek()? {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x0C => self.source.advance(byte)?,
                b';' => {
                    while let Some(byte) = self.source.peek()? {
                        self.source.advance(byte)?;
                        if byte == b'\n' {
                            break;
                        }
                    }
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// A value, or the byte that closes the current collection.
    fn form(&mut self, depth: usize) -> Result<Form, ReadError> {
        loop {
            self.skip_blanks()?;
            let place = self.source.place();
            if depth > MAX_DEPTH {
                return Err(place.error(format!("nested deeper than {MAX_DEPTH} levels")));
            }
            let Some(byte) = self.source.peek()? else { return Ok(Form::Close(None)) };
            self.source.advance(byte)?;
            let value = match byte {
                b'}' | b']' | b')' => return Ok(Form::Close(Some(byte))),
                b'[' | b'(' => Value::Array(self.items(place, closing(byte), depth)?),
                b'{' => Value::Object(self.map(place, depth, None)?),
                b'"' => Value::String(self.string(place)?),
                b':' => Value::String(self.keyword(place)?),
                b'\\' => Value::String(self.character(place)?),
                b'#' => match self.after_hash(place, depth)? {
                    HashForm::Set => Value::Array(self.items(place, b'}', depth)?),
                    HashForm::Namespaced(name) => Value::Object(self.map(place, depth, Some(&name))?),
                    HashForm::Tag(tag) => match self.form(depth + 1)? {
                        Form::Value(value) => tagged(&tag, value),
                        Form::Close(_) => {
                            return Err(place.error(format!("nothing stands after `#{tag}`; expected its value")));
                        }
                    },
                    HashForm::Skipped => continue,
                    HashForm::Value(value) => value,
                },
                b'^' => {
                    self.skip_form(place, depth, "metadata after `^`")?;
                    continue;
                }
                _ => self.token(place, byte)?,
            };
            return Ok(Form::Value(value));
        }
    }

    fn items(&mut self, start: TextPosition, close: u8, depth: usize) -> Result<Vec<Value>, ReadError> {
        let mut items = Vec::new();
        loop {
            let place = self.source.place();
            match self.form(depth + 1)? {
                Form::Value(value) => items.push(value),
                Form::Close(Some(found)) if found == close => return Ok(items),
                Form::Close(found) => return Err(unexpected_close(place, start, found, close)),
            }
        }
    }

    /// The entries of a map. In a namespace, the keyword `:key` becomes `name/key`, and `:_/key` becomes `key`.
    fn map(
        &mut self,
        start: TextPosition,
        depth: usize,
        namespace: Option<&str>,
    ) -> Result<Map<String, Value>, ReadError> {
        let mut map = Map::new();
        loop {
            self.skip_blanks()?;
            let place = self.source.place();
            let namespace = if self.source.peek()? == Some(b':') { namespace } else { None };
            let key = match self.form(depth + 1)? {
                Form::Value(key) => in_namespace(key_text(key), namespace),
                Form::Close(Some(b'}')) => return Ok(map),
                Form::Close(found) => return Err(unexpected_close(place, start, found, b'}')),
            };
            let Form::Value(value) = self.form(depth + 1)? else {
                return Err(place.error(format!("the key `{key}` has no value")));
            };
            if map.contains_key(&key) {
                return Err(place.error(format!("the key `{key}` stands twice in this map (keys are read as strings)")));
            }
            map.insert(key, value);
        }
    }

    /// Skips a form.
    fn skip_form(&mut self, place: TextPosition, depth: usize, what: &str) -> Result<(), ReadError> {
        match self.form(depth + 1)? {
            Form::Value(_) => Ok(()),
            Form::Close(_) => Err(place.error(format!("a form is missing; expected {what}"))),
        }
    }

    /// What follows `#`. Consumes the brace of a set or map, and leaves its elements to the caller. Consumes a discarded
    /// form.
    fn after_hash(&mut self, place: TextPosition, depth: usize) -> Result<HashForm, ReadError> {
        match self.source.peek()? {
            Some(b'{') => {
                self.source.advance(b'{')?;
                Ok(HashForm::Set)
            }
            Some(b'_') => {
                self.source.advance(b'_')?;
                match self.form(depth + 1)? {
                    Form::Value(_) => Ok(HashForm::Skipped),
                    Form::Close(_) => Err(place.error("nothing stands after `#_`; expected the form to leave out")),
                }
            }
            Some(b'#') => {
                self.source.advance(b'#')?;
                Ok(HashForm::Value(Value::String(format!("##{}", self.word(place, None)?))))
            }
            Some(b'^') => {
                self.source.advance(b'^')?;
                self.skip_form(place, depth, "metadata after `#^`")?;
                Ok(HashForm::Skipped)
            }
            Some(b'"') => {
                self.source.advance(b'"')?;
                Ok(HashForm::Value(Value::String(self.regular_expression(place)?)))
            }
            Some(b':') => {
                self.source.advance(b':')?;
                let name = self.word(place, None)?;
                self.skip_blanks()?;
                match self.source.next()? {
                    // The namespace of `#::name{…}` and `#::{…}` is known only to the program that wrote them.
                    Some(b'{') => Ok(HashForm::Namespaced(name.trim_start_matches(':').to_owned())),
                    _ => Err(place.error(format!("expected a map in braces after `#:{name}`"))),
                }
            }
            Some(byte) if byte.is_ascii_alphabetic() => self.word(place, None).map(HashForm::Tag),
            _ => Err(place.error("expected a tag, `{`, `_`, `:`, `#`, `^` or `\"` after `#`")),
        }
    }

    fn keyword(&mut self, place: TextPosition) -> Result<String, ReadError> {
        let name = self.word(place, None)?;
        if name.is_empty() {
            let hint = "in JSON, a history has one object per line";
            return Err(place.error(format!("`:` stands alone; expected a keyword's name after it ({hint})")));
        }
        Ok(name)
    }

    /// A token up to its delimiter. `first` is its first byte, if that is consumed already.
    fn word(&mut self, place: TextPosition, first: Option<u8>) -> Result<String, ReadError> {
        let mut bytes: Vec<u8> = first.into_iter().collect();
        while let Some(byte) = self.source.peek()? {
            if byte.is_ascii_whitespace() || b",;\"()[]{}\\".contains(&byte) {
                break;
            }
            self.source.advance(byte)?;
            bytes.push(byte);
        }
        utf8(bytes, place)
    }

    /// `nil`, a boolean, a number or a symbol.
    fn token(&mut self, place: TextPosition, first: u8) -> Result<Value, ReadError> {
        let word = self.word(place, Some(first))?;
        let digits = word.strip_prefix(['+', '-']).unwrap_or(&word);
        let unknown =
            || place.error(format!("`{word}` is not a number that we know; expected one like 3, -2.5 or 1e10"));
        match word.as_str() {
            "nil" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ if digits.starts_with(|c: char| c.is_ascii_digit()) => number(&word).ok_or_else(unknown),
            _ if word.starts_with(['@', '`', '~', '\'']) => {
                Err(place.error(format!("`{word}` is Clojure, not EDN; expected a value")))
            }
            _ => Ok(Value::String(word)),
        }
    }

    /// A string, after its first quote.
    fn string(&mut self, start: TextPosition) -> Result<String, ReadError> {
        let mut bytes = Vec::new();
        loop {
            let place = self.source.place();
            match self.source.next()? {
                Some(b'"') => return utf8(bytes, start),
                Some(b'\\') => {
                    let c = self.escape(place)?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) => bytes.push(byte),
                None => return Err(start.error("the text ends inside this string; expected a closing quote")),
            }
        }
    }

    /// The text of a regular expression, after its first quote.
    fn regular_expression(&mut self, start: TextPosition) -> Result<String, ReadError> {
        let mut bytes = Vec::new();
        loop {
            match self.source.next()? {
                Some(b'"') => return utf8(bytes, start),
                Some(b'\\') => {
                    bytes.push(b'\\');
                    bytes.extend(self.source.next()?);
                }
                Some(byte) => bytes.push(byte),
                None => {
                    return Err(start.error("the text ends inside this regular expression; expected a closing quote"));
                }
            }
        }
    }

    fn escape(&mut self, place: TextPosition) -> Result<char, ReadError> {
        let c = match self.source.next()? {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => char::from(byte),
            Some(b'u') => return self.unicode_escape(place),
            _ => return Err(place.error("unknown escape; expected one of \\n \\t \\r \\b \\f \\\" \\\\ \\uXXXX")),
        };
        Ok(c)
    }

    /// `\uXXXX`, or two of these that form a surrogate pair, as Java writes characters beyond the basic plane.
    fn unicode_escape(&mut self, place: TextPosition) -> Result<char, ReadError> {
        let high = self.four_digits(place)?;
        let code = if (0xD800..0xDC00).contains(&high) {
            let follows = self.source.next()? == Some(b'\\') && self.source.next()? == Some(b'u');
            let low = if follows { self.four_digits(place)? } else { 0 };
            if !(0xDC00..0xE000).contains(&low) {
                return Err(place.error("half of a surrogate pair; expected the other half after it"));
            }
            0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| place.error("half of a surrogate pair; expected a character"))
    }

    fn four_digits(&mut self, place: TextPosition) -> Result<u32, ReadError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.source.next()?.and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| place.error("expected four hexadecimal digits after `\\u`"))?;
        }
        Ok(code)
    }

    /// A character, after its backslash: `\a`, `\newline`, `\u0041`.
    fn character(&mut self, place: TextPosition) -> Result<String, ReadError> {
        let first = self.source.next()?.ok_or_else(|| place.error("expected a character after `\\`"))?;
        let word = self.word(place, Some(first))?;
        let named = match word.as_str() {
            "newline" => "\n",
            "space" => " ",
            "tab" => "\t",
            "return" => "\r",
            "backspace" => "\u{8}",
            "formfeed" => "\u{c}",
            other if other.chars().count() == 1 => other,
            other => {
                let code = |prefix: char, lengths: RangeInclusive<usize>, radix: u32| {
                    let digits = other.strip_prefix(prefix).filter(|digits| lengths.contains(&digits.len()))?;
                    u32::from_str_radix(digits, radix).ok()
                };
                let code = code('u', 4..=4, 16).or_else(|| code('o', 1..=3, 8)).and_then(char::from_u32);
                let unknown =
                    || place.error(format!("`\\{other}` is not a character; expected \\a, \\newline, \\u0041"));
                return code.map(String::from).ok_or_else(unknown);
            }
        };
        Ok(named.to_string())
    }
}

fn closing(open: u8) -> u8 {
    if open == b'[' { b']' } else { b')' }
}

fn unexpected_close(place: TextPosition, start: TextPosition, found: Option<u8>, expected: u8) -> ReadError {
    let expected = char::from(expected);
    match found {
        Some(found) => {
            let found = char::from(found);
            place.error(format!("`{found}` closes what began at {start}; expected `{expected}`"))
        }
        None => place.error(format!("the text ends before `{expected}` closes what began at {start}")),
    }
}

/// A key of a map as a string: strings and keywords are unchanged, other values become their JSON text.
fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn in_namespace(key: String, namespace: Option<&str>) -> String {
    match namespace {
        Some(name) if !name.is_empty() && !key.contains('/') => format!("{name}/{key}"),
        Some(_) => key.strip_prefix("_/").map(str::to_owned).unwrap_or(key),
        None => key,
    }
}

/// A tagged value. Tags name the Java class of a value, and are ignored, except for the pairs of key and value of workloads
/// with several keys.
fn tagged(tag: &str, value: Value) -> Value {
    match value {
        Value::Object(mut entries) if tag == "jepsen.independent.Tuple" => {
            let (key, value) = (entries.remove("key"), entries.remove("value"));
            Value::Array(vec![key.unwrap_or_default(), value.unwrap_or_default()])
        }
        value => value,
    }
}

fn utf8(bytes: Vec<u8>, place: TextPosition) -> Result<String, ReadError> {
    String::from_utf8(bytes).map_err(|_| place.error("this is not UTF-8"))
}
