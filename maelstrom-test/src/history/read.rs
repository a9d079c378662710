//! Reading stored histories, entry by entry.

use std::io::{self, BufRead};

use super::edn_read::EdnReader;
use super::json::JsonReader;
use super::{History, Op, ReadError};

/// The notations that histories can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// One JSON object per line: `history.jsonl`.
    JsonLines,
    /// Jepsen's: `history.edn`.
    Edn,
}

impl Notation {
    /// Guesses from the beginning of a text: JSON lines begin with an object whose first key is a string in quotes.
    ///
    /// ```
    /// use maelstrom::history::Notation;
    /// assert_eq!(Notation::guess(br#"{"index": 0, "type": "invoke"}"#), Notation::JsonLines);
    /// assert_eq!(Notation::guess(b"{:index 0, :type :invoke}"), Notation::Edn);
    /// ```
    pub fn guess(beginning: &[u8]) -> Notation {
        let mut bytes = beginning.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
        match (bytes.next(), bytes.next()) {
            (Some(b'{'), Some(b'"' | b'}')) => Notation::JsonLines,
            (Some(b'{' | b'[' | b'(' | b';' | b'#' | b','), _) => Notation::Edn,
            _ => Notation::JsonLines,
        }
    }
}

/// Reads a history one entry after another, so that it need not fit into memory.
///
/// Entries need a `type`. What else is missing is filled in: `index` by the entry's position, `time` by 0, `process`
/// by 0, `f` by `txn` (histories of transactions often leave those two out), `value` by null. A negative `index` or
/// `time` counts as missing. Keys that we do not know go to [`Op::extra`].
///
/// EDN: entries follow one another, or stand in one vector or list. Keywords, symbols and characters are read as
/// strings, sets and lists as arrays, keys of maps as strings, tagged literals as the value that is tagged.
/// Ratios, infinite numbers and integers beyond 64 bits are errors.
///
/// After an error the iterator ends.
///
/// ```
/// use maelstrom::history::{HistoryReader, OpType};
/// let text = "{:type :invoke, :f :read, :process 3}\n{:type :ok, :f :read, :process 3, :value #{1 2}}";
/// let ops: Vec<_> = HistoryReader::new(text.as_bytes())?.collect::<Result<_, _>>()?;
/// assert_eq!(ops[1].kind, OpType::Ok);
/// assert_eq!(ops[1].value, maelstrom::json::json!([1, 2]));
///
/// let error = HistoryReader::new(&b"{\"type\": \"oops\"}"[..])?.next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 16: `type` is \"oops\"; expected one of invoke, ok, fail, info");
/// # Ok::<(), maelstrom::history::ReadError>(())
/// ```
pub struct HistoryReader<R> {
    reader: Option<Reader<R>>,
}

enum Reader<R> {
    Json(JsonReader<R>),
    Edn(EdnReader<R>),
}

impl<R: BufRead> HistoryReader<R> {
    /// A reader of a text whose notation is guessed from its beginning. Fails if that cannot be read.
    pub fn new(mut reader: R) -> io::Result<HistoryReader<R>> {
        let notation = Notation::guess(skip_mark(&mut reader)?);
        HistoryReader::with_notation(reader, notation)
    }

    /// A reader of a text in a known notation. Fails if its beginning cannot be read.
    pub fn with_notation(mut reader: R, notation: Notation) -> io::Result<HistoryReader<R>> {
        skip_mark(&mut reader)?;
        let reader = match notation {
            Notation::JsonLines => Reader::Json(JsonReader::new(reader)),
            Notation::Edn => Reader::Edn(EdnReader::new(reader)),
        };
        Ok(HistoryReader { reader: Some(reader) })
    }
}

/// Skips a byte order mark, which some editors put first, and shows what follows.
fn skip_mark<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if reader.fill_buf()?.starts_with(MARK) {
        reader.consume(MARK.len());
    }
    reader.fill_buf()
}

impl<R: BufRead> Iterator for HistoryReader<R> {
    type Item = Result<Op, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = match self.reader.as_mut()? {
            Reader::Json(reader) => reader.next_op(),
            Reader::Edn(reader) => reader.next_op(),
        };
        if !matches!(result, Ok(Some(_))) {
            self.reader = None;
        }
        result.transpose()
    }
}

impl History {
    /// Reads a whole history; the notation is guessed from its beginning. See [`HistoryReader`].
    pub fn read(reader: impl BufRead) -> Result<History, ReadError> {
        let ops = HistoryReader::new(reader)?.collect::<Result<Vec<Op>, _>>()?;
        Ok(History { ops })
    }
}
