//! Lines of logs at their places among the events of a run.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::NodeLog;
use super::times::{Entry, Times};
use crate::history::Nanos;
use crate::report::escape::visible;
use crate::report::units;

/// The maximum number of lines of all nodes, of lines of one node between two events, and of characters of a line.
const LINES: usize = 3_000;
const LINES_AT_ONCE: usize = 20;
const LINE: usize = 200;

/// A line of a log with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct PlacedLine {
    /// The name of the node.
    pub(in crate::report) node: String,
    /// When it was written.
    pub(in crate::report) time: Nanos,
    /// The number of events of the journal before it.
    pub(in crate::report) events: u64,
    /// The line.
    pub(in crate::report) text: String,
}

/// Returns lines of all logs in intervals of time, both ends included, in their order. Each interval has an equal share of
/// the maximum number of lines, and so has each node. Logs without times are left out.
pub(in crate::report) fn placed(logs: &[NodeLog], intervals: &[(Nanos, Nanos)]) -> Vec<PlacedLine> {
    let share = LINES / (logs.len() * intervals.len()).max(1);
    let mut all = Vec::new();
    for log in logs {
        for interval in intervals {
            let lines = between(&log.path, *interval, share).unwrap_or_default();
            all.extend(lines.into_iter().map(|(entry, text)| PlacedLine {
                node: log.node.clone(),
                time: entry.time,
                events: entry.events,
                text,
            }));
        }
    }
    // The order of lines of one node is kept.
    all.sort_by_key(|line| (line.events, line.time));
    all
}

/// Returns the first lines of a log that were written in an interval.
fn between(log: &Path, (from, to): (Nanos, Nanos), limit: usize) -> io::Result<Vec<(Entry, String)>> {
    let mut times = Times::of(log)?;
    let mut reader = BufReader::new(File::open(log)?);
    let mut entries = times.from(|entry| entry.time < from)?.peekable();
    let mut lines = Vec::new();
    while let Some(entry) = entries.next() {
        if entry.time < from {
            continue;
        }
        if entry.time > to || lines.len() >= limit {
            break;
        }
        let end = entries.peek().map(|next| next.offset);
        let mut piece = Piece::new(&mut reader, entry.offset, end)?;
        for _ in 0..LINES_AT_ONCE.min(limit - lines.len()) {
            let Some(text) = piece.line()? else { break };
            lines.push((entry, text));
        }
        if let Some(rest) = piece.rest()? {
            lines.push((entry, format!("… {} more", units::counted(rest, "byte"))));
        }
    }
    Ok(lines)
}

/// A line of a log, with the position of its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct FoundLine {
    pub(in crate::report) offset: u64,
    pub(in crate::report) time: Nanos,
    pub(in crate::report) text: String,
}

/// Returns the last lines of a log that were written in an interval, both ends included, and that begin at or after an
/// offset: at most `count`, of which only the last bytes are read.
pub(in crate::report) fn last_lines(
    log: &Path,
    (from, to): (Nanos, Nanos),
    offset: u64,
    count: usize,
) -> io::Result<Vec<FoundLine>> {
    const BYTES: u64 = 16 << 10;
    let mut times = Times::of(log)?;
    let mut reader = BufReader::new(File::open(log)?);
    let mut entries = times.from(|entry| entry.time < from)?.peekable();
    let mut lines = VecDeque::new();
    while let Some(entry) = entries.next_if(|entry| entry.time <= to) {
        let end = match entries.peek() {
            Some(next) => next.offset,
            None => reader.get_ref().metadata()?.len(),
        };
        if entry.time < from || end <= offset {
            continue;
        }
        let start = entry.offset.max(end.saturating_sub(BYTES));
        let mut piece = Piece::new(&mut reader, start, Some(end))?;
        loop {
            let at = piece.at;
            let Some(text) = piece.line()? else { break };
            if at >= offset {
                lines.push_back(FoundLine { offset: at, time: entry.time, text });
                if lines.len() > count {
                    lines.pop_front();
                }
            }
        }
    }
    Ok(lines.into())
}

/// The lines that begin in a part of a log.
struct Piece<'a> {
    reader: &'a mut BufReader<File>,
    at: u64,
    /// The end. `None` if the part ends with the log.
    end: Option<u64>,
}

impl Piece<'_> {
    fn new(reader: &mut BufReader<File>, start: u64, end: Option<u64>) -> io::Result<Piece<'_>> {
        // The part may begin in the middle of a line, which belongs to an earlier part.
        let mut at = start.saturating_sub(1);
        reader.seek(SeekFrom::Start(at))?;
        if start > 0 {
            at += reader.skip_until(b'\n')? as u64;
        }
        Ok(Piece { reader, at, end })
    }

    /// Returns the next line.
    fn line(&mut self) -> io::Result<Option<String>> {
        if self.end.is_some_and(|end| self.at >= end) {
            return Ok(None);
        }
        let mut line = Vec::new();
        let mut count = self.reader.by_ref().take(4 * LINE as u64).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            count += self.reader.skip_until(b'\n')?;
        }
        self.at += count as u64;
        Ok(Some(visible(String::from_utf8_lossy(line.trim_ascii_end()).as_ref(), LINE)))
    }

    /// Returns the number of bytes that are left, if there are any.
    fn rest(&mut self) -> io::Result<Option<u64>> {
        let end = match self.end {
            Some(end) => end,
            None => self.reader.get_ref().metadata()?.len(),
        };
        Ok(end.checked_sub(self.at).filter(|rest| *rest > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::LogFiles;
    use super::*;

    fn shown(files: &LogFiles, intervals: &[(Nanos, Nanos)]) -> Vec<String> {
        let log = NodeLog { node: "n1".into(), path: files.log(), ..NodeLog::default() };
        let lines = placed(&[log], intervals);
        lines.iter().map(|line| format!("{} {}", line.time / 1_000_000, line.text)).collect()
    }

    #[test]
    fn lines_of_intervals_are_shown_at_their_times() {
        let files = LogFiles::new(
            "placed",
            &[(1, "a\nb\n"), (2, "c"), (3, "d\n"), (4, "e\n\u{1b}[1m\n"), (5, "f\n"), (6, "g")],
        );
        assert_eq!(shown(&files, &[(0, Nanos::MAX)]), ["1 a", "1 b", "2 cd", "4 e", "4 \\u{1b}[1m", "5 f", "6 g"]);
        assert_eq!(
            shown(&files, &[(0, 1_000_000), (3_000_000, 5_000_000)]),
            ["1 a", "1 b", "4 e", "4 \\u{1b}[1m", "5 f"]
        );
        assert_eq!(shown(&files, &[(7_000_000, 9_000_000)]), [""; 0]);
    }

    #[test]
    fn floods_are_cut() {
        let flood = format!("{}\n{}", "x".repeat(10_000), "y\n".repeat(100_000));
        let files = LogFiles::new("placed-flood", &[(1, &flood), (2, "end\n")]);
        let lines = shown(&files, &[(0, Nanos::MAX)]);
        assert_eq!(lines.len(), LINES_AT_ONCE + 2);
        assert_eq!(lines[0].chars().count(), "1 ".len() + LINE + 1);
        assert_eq!(lines[LINES_AT_ONCE..], ["1 … 199,962 bytes more", "2 end"]);
        let many: Vec<(u64, &str)> = (0..50_000).map(|time| (time, "line\n")).collect();
        assert_eq!(
            shown(&LogFiles::new("placed-many", &many), &[(0, 1), (40_000_000_000, Nanos::MAX)]).len(),
            1 + LINES / 2
        );
    }
}
