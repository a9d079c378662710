//! Reading stored histories, entry by entry.

use std::io::{self, BufRead, Chain, Cursor, Read};

use super::edn_read::EdnReader;
use super::json_read::{ArrayReader, LineReader};
use super::{History, Op, ReadError};

/// The notations that histories can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// One JSON object per line: `history.jsonl`.
    JsonLines,
    /// One JSON array of objects.
    JsonArray,
    /// Jepsen's: `history.edn`.
    Edn,
}

impl Notation {
    /// Guesses from the beginning of a text: in JSON, the first key of the first object is a string in quotes.
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

/// Reads a history one entry after another, so that it need not fit into memory.
///
/// Entries need a `type`. What else is missing is filled in: `index` by the entry's position, `time` by 0, `process`
/// by 0, `f` by `txn` (histories of transactions often leave those two out), `value` by null. A negative `index` or
/// `time` counts as missing. Those two and `process` may be numbers in quotes. An `f` that is no string is named by its
/// JSON text. Keys that we do not know go to [`Op::extra`]. Numbers keep their exact value (see [`json`](crate::json)).
///
/// JSON: entries are one object per line, or one array of objects.
///
/// EDN: entries follow one another, or stand in one vector or list. JSON has no values for some of EDN's, which are read
/// as others:
///
/// | EDN | is read as |
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
/// After an error the iterator ends.
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
    reader: Option<Reader<R>>,
}

/// The beginning of a text, which had to be looked at, and the rest.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

enum Reader<R> {
    Lines(LineReader<Whole<R>>),
    Array(ArrayReader<Whole<R>>),
    Edn(EdnReader<Whole<R>>),
}

impl<R: BufRead> HistoryReader<R> {
    /// A reader of a text whose notation is guessed from its beginning. Fails if that cannot be read.
    pub fn new(mut reader: R) -> io::Result<HistoryReader<R>> {
        let beginning = beginning(&mut reader)?;
        let notation = Notation::guess(&beginning);
        Ok(HistoryReader::of(beginning, reader, notation))
    }

    /// A reader of a text in a known notation. Fails if its beginning cannot be read.
    #[cfg(test)]
    pub(super) fn with_notation(mut reader: R, notation: Notation) -> io::Result<HistoryReader<R>> {
        let beginning = beginning(&mut reader)?;
        Ok(HistoryReader::of(beginning, reader, notation))
    }

    fn of(beginning: Vec<u8>, reader: R, notation: Notation) -> HistoryReader<R> {
        let whole = Cursor::new(beginning).chain(reader);
        let reader = match notation {
            Notation::JsonLines => Reader::Lines(LineReader::new(whole)),
            Notation::JsonArray => Reader::Array(ArrayReader::new(whole)),
            Notation::Edn => Reader::Edn(EdnReader::new(whole)),
        };
        HistoryReader { reader: Some(reader) }
    }
}

/// The beginning of a text: as much as it takes to guess its notation, however few bytes a pipe gives at a time. A byte
/// order mark, which some editors put first, is left out.
fn beginning<R: BufRead>(reader: &mut R) -> io::Result<Vec<u8>> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    /// So much white space is looked through.
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
            Reader::Lines(reader) => reader.next_op(),
            Reader::Array(reader) => reader.next_op(),
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
