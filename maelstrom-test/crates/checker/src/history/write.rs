//! Writes histories, entry by entry.

use std::io::{self, Write};

use super::edn_write::write_edn;
use super::json_write::write_json;
use super::text::write_text;
use super::{History, Op};

/// The formats in which a run stores its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFormat {
    /// `history.jsonl`: one JSON object per line, with the keys `index`, `time` (nanoseconds), `type`, `process`, `f`,
    /// `value`, and if present `error`, `final` and further keys, in this order.
    JsonLines,
    /// `history.edn`: one map per line, for tools of Jepsen.
    ///
    /// Names are keywords: `type`, `f`, the process `:nemesis`, keys of the entry (`final` is `:final?`,
    /// `seek_to_beginning` is `:seek-to-beginning?`), names of errors (`:net-timeout`, `[:abort "why"]`), and, if `f` is
    /// `txn`, `send` or `poll`, names of micro-operations (`[:append 3 1]`, `[:r 3 nil]`, `[:send "k" 5]`). All other
    /// strings stay strings, including keys of maps in values, which may be names of nodes or keys of logs. Integers beyond
    /// 64 bits end with `N`, decimal numbers that floating point cannot represent with `M`, so numbers keep their exact
    /// values.
    Edn,
    /// `history.txt`: a line per entry, with the columns of Jepsen's Maelstrom. It cannot be read again.
    Text,
}

/// Writes a history while it is recorded.
///
/// Entries are buffered. They reach the underlying writer by [`flush`], which makes a single `write` call, so it can be
/// called after every entry. They also do when this value is dropped, but errors are then lost.
///
/// [`flush`]: HistoryWriter::flush
///
/// ```
/// use maelstrom_checker::history::{HistoryFormat, HistoryWriter, Op, OpType};
/// let mut file = Vec::new();
/// let mut writer = HistoryWriter::new(&mut file, HistoryFormat::Edn);
/// writer.write(&Op::new(0, OpType::Invoke, 3, "txn", maelstrom_checker::json::json!([["append", 5, 1], ["r", 5, null]])))?;
/// writer.flush()?;
/// drop(writer);
/// let expected = b"{:index 0, :time 0, :type :invoke, :process 3, :f :txn, :value [[:append 5 1] [:r 5 nil]]}\n";
/// assert_eq!(file, expected);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HistoryWriter<W: Write> {
    writer: W,
    format: HistoryFormat,
    buffer: Vec<u8>,
}

impl<W: Write> HistoryWriter<W> {
    /// The size of the buffer in bytes.
    const CAPACITY: usize = 1 << 16;

    /// A history writer on a writer that need not be buffered.
    pub fn new(writer: W, format: HistoryFormat) -> HistoryWriter<W> {
        HistoryWriter { writer, format, buffer: Vec::new() }
    }

    /// Adds an entry.
    pub fn write(&mut self, op: &Op) -> io::Result<()> {
        match self.format {
            HistoryFormat::JsonLines => write_json(op, &mut self.buffer),
            HistoryFormat::Edn => write_edn(op, &mut self.buffer),
            HistoryFormat::Text => write_text(op, &mut self.buffer),
        }
        if self.buffer.len() >= Self::CAPACITY { self.pass_on() } else { Ok(()) }
    }

    /// Writes all buffered entries to the underlying writer, and flushes it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.writer.flush()
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let result = self.writer.write_all(&self.buffer);
        self.buffer.clear();
        result
    }
}

impl<W: Write> Drop for HistoryWriter<W> {
    fn drop(&mut self) {
        // An error cannot be reported here. Callers who need it call `flush`.
        let _ = self.flush();
    }
}

impl History {
    /// Writes all entries.
    ///
    /// ```
    /// use maelstrom_checker::history::{History, HistoryFormat};
    /// let text = "{:type :ok, :f :read, :value nil, :process :nemesis}";
    /// let mut lines = Vec::new();
    /// History::read(text.as_bytes())?.write(&mut lines, HistoryFormat::JsonLines)?;
    /// let expected = r#"{"index":0,"time":0,"type":"ok","process":"nemesis","f":"read","value":null}"#;
    /// assert_eq!(String::from_utf8(lines).unwrap().trim_end(), expected);
    /// # Ok::<(), maelstrom_checker::history::ReadError>(())
    /// ```
    pub fn write(&self, writer: impl Write, format: HistoryFormat) -> io::Result<()> {
        let mut writer = HistoryWriter::new(writer, format);
        self.ops.iter().try_for_each(|op| writer.write(op))?;
        writer.flush()
    }
}
