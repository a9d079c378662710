//! Reads stored histories, entry by entry.

use std::io::{self, BufRead, Chain, Cursor, Read};

use super::edn_read::EdnReader;
use super::json_read::{ArrayReader, LineReader};
use super::{History, Op, ReadError};

/// The notations of histories that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// One JSON object per line: `history.jsonl`.
    JsonLines,
    /// One JSON array of objects.
    JsonArray,
    /// Jepsen's EDN: `history.edn`.
    Edn,
}

impl Notation {
    /// Detects the notation by the beginning of a text. In JSON, the first key of the first object is a quoted string.
    pub(super) fn guess(beginning: &[u8]) -> Notation {
        let mut bytes = beginning.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
        match (bytes.next(), bytes.next(), bytes.next()) {
            (Some(b'{'), Some(b'"' | b'}'), _) => Notation::JsonLines,
            (Some(b'['), Some(b'{'), Some(b'"')) => Notation::JsonArray,
            (Some(b'{' | b'[' | b'(' | b';' | b'#' | b',' | b'^'), ..) => Notation::Edn,
            _ => Notation::JsonLines,
        }
    }
}

/// Reads a history entry by entry, so it need not fit into memory.
///
/// Entries need a `type`. Other missing keys have defaults: `index` is the position of the entry, `time` and `process` are 0,
/// `f` is `txn` (histories of transactions often lack the last two), `value` is null. A negative `index` or `time` counts
/// as missing. These two and `process` may be numbers in quotes. An `f` that is not a string is represented by its JSON
/// text. Unknown keys go to [`Op::extra`]. Numbers keep their exact value (see [`json`](crate::json)).
///
/// JSON: entries are one object per line, or one array of objects.
///
/// EDN: entries follow one another, or are in one vector or list. Values that JSON does not have are converted:
///
/// | EDN | JSON |
/// | --- | --- |
/// | `:keyword`, `symbol`, `\c`, `#"regular expression"` | a string |
/// | `(list)`, `#{set}` | an array |
/// | keys of maps, `#:name{:key 1}` | strings, `{"name/key": 1}` |
/// | `1N`, `0x1F`, `2r101` | an integer |
/// | `1M`, `1.` | a decimal number, `1.0` |
/// | `4/6`, `4/2` | the string `"2/3"`, the integer `2` |
/// | `##Inf`, `##-Inf`, `##NaN` | a string, as it is written |
/// | `#jepsen.independent.Tuple{:key 1 :value 2}` | `[1, 2]` |
/// | `#tag value`, `#record.Name{:key 1}`, `^meta value` | the value |
///
/// The iterator ends after an error.
///
/// ```
/// use maelstrom_checker::history::{HistoryReader, OpType};
/// let text = "{:type :invoke, :f :read, :process 3}\n{:type :ok, :f :read, :process 3, :value #{1 2}}";
/// let ops: Vec<_> = HistoryReader::new(text.as_bytes())?.collect::<Result<_, _>>()?;
/// assert_eq!(ops[1].kind, OpType::Ok);
/// assert_eq!(ops[1].value, maelstrom_checker::json::json!([1, 2]));
///
/// let error = HistoryReader::new(&b"{\"type\": \"oops\"}"[..])?.next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 10: `type` is \"oops\"; expected one of invoke, ok, fail, info");
/// # Ok::<(), maelstrom_checker::history::ReadError>(())
/// ```
pub struct HistoryReader<R> {
    reader: Option<NotationReader<R>>,
}

/// A reader whose beginning was read to detect the notation.
type RestoredReader<R> = Chain<Cursor<Vec<u8>>, R>;

enum NotationReader<R> {
    Lines(LineReader<RestoredReader<R>>),
    Array(ArrayReader<RestoredReader<R>>),
    Edn(EdnReader<RestoredReader<R>>),
}

impl<R: BufRead> HistoryReader<R> {
    /// A reader that detects the notation by the beginning of the text.
    ///
    /// # Errors
    /// If the beginning cannot be read.
    pub fn new(mut reader: R) -> io::Result<HistoryReader<R>> {
        let beginning = beginning(&mut reader)?;
        let notation = Notation::guess(&beginning);
        Ok(HistoryReader::of(beginning, reader, notation))
    }

    /// A reader of a text in a known notation.
    #[cfg(test)]
    pub(super) fn with_notation(mut reader: R, notation: Notation) -> io::Result<HistoryReader<R>> {
        let beginning = beginning(&mut reader)?;
        Ok(HistoryReader::of(beginning, reader, notation))
    }

    fn of(beginning: Vec<u8>, reader: R, notation: Notation) -> HistoryReader<R> {
        let whole = Cursor::new(beginning).chain(reader);
        let reader = match notation {
            Notation::JsonLines => NotationReader::Lines(LineReader::new(whole)),
            Notation::JsonArray => NotationReader::Array(ArrayReader::new(whole)),
            Notation::Edn => NotationReader::Edn(EdnReader::new(whole)),
        };
        HistoryReader { reader: Some(reader) }
    }
}

/// The beginning of a text, long enough to detect its notation, however few bytes a pipe returns at a time. Without the byte
/// order mark that some editors write.
fn beginning<R: BufRead>(reader: &mut R) -> io::Result<Vec<u8>> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    /// The amount of white space that may come before the first entry.
    const MOST: usize = 1 << 16;
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < MOST && bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).count() < 3 {
        let mut byte = [0];
        match reader.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => bytes.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if bytes == MARK {
            bytes.clear();
        }
    }
    Ok(bytes)
}

impl<R: BufRead> Iterator for HistoryReader<R> {
    type Item = Result<Op, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = match self.reader.as_mut()? {
            NotationReader::Lines(reader) => reader.next_op(),
            NotationReader::Array(reader) => reader.next_op(),
            NotationReader::Edn(reader) => reader.next_op(),
        };
        if !matches!(result, Ok(Some(_))) {
            self.reader = None;
        }
        result.transpose()
    }
}

impl History {
    /// Reads a whole history, like [`HistoryReader`].
    ///
    /// # Errors
    /// If the text cannot be read, or is not a history.
    pub fn read(reader: impl BufRead) -> Result<History, ReadError> {
        let ops = HistoryReader::new(reader)?.collect::<Result<Vec<Op>, _>>()?;
        Ok(History { ops })
    }
}
