//! Writing histories, entry by entry.

use std::io::{self, Write};

use super::edn_write::write_edn;
use super::json_write::write_json;
use super::text::write_text;
use super::{History, Op};

/// The forms in which a run leaves its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFormat {
    /// `history.jsonl`: one JSON object per line, with the keys `index`, `time` (nanoseconds), `type`, `process`, `f`,
    /// `value`, and, where there is one, `error`, `final` and further keys, in this order.
    JsonLines,
    /// `history.edn`: one map per line, as the tools of Jepsen read it.
    ///
    /// Names are keywords: `type`, `f`, the process `:nemesis`, keys of the entry (`final` is `:final?`,
    /// `seek_to_beginning` is `:seek-to-beginning?`), an error's name (`:net-timeout`, `[:abort "why"]`), and, where
    /// `f` is `txn`, `send` or `poll`, the names that begin micro-operations (`[:append 3 1]`, `[:r 3 nil]`,
    /// `[:send "k" 5]`). All other strings stay strings, the keys of maps in values included: there, `"n1"` is a
    /// node's name, a kafka key, or anything else that people chose. Integers beyond 64 bits end with `N`, decimal numbers
    /// that floating point cannot hold with `M`: their exact values pass both ways.
    Edn,
    /// `history.txt`: a line per entry with the original's columns. Cannot be read again.
    Text,
}

/// Writes a history as it comes into being.
///
/// Entries are collected and written together. What has been added is in the underlying writer after [`flush`], which
/// is one `write` call, so that it can be called after every entry; and when this value is dropped (errors are then
/// lost).
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
    /// Bytes that are collected before they are written.
    const CAPACITY: usize = 1 << 16;

    /// Wraps a writer, which need not be buffered.
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

    /// Hands everything to the underlying writer, and flushes that.
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
        // Nobody is left to hear of an error; who wants to know calls `flush`.
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
