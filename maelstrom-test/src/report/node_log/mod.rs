//! What nodes wrote to standard error, and when.
//!
//! In virtual time, the times of the lines of `node-logs/<node>.log` are in `node-logs/<node>.times`:
//!
//! ```text
//! [0,1500000,12]      the bytes from 0 on were written at 1.5 ms, after 12 events of `messages.jsonl`
//! [85,2700000,19]     the bytes from 85 on were written at 2.7 ms, after 19 events
//! ```
//!
//! Each line is `[offset,time_ns,events]`. All three ascend. A line of the log was written when its first byte was written.

mod placed;
mod times;

use std::io;
use std::path::{Path, PathBuf};

use super::units;
use crate::executor::LogTail;
use crate::history::Nanos;
use times::Times;

pub(super) use placed::{PlacedLine, last_lines, placed};

/// The last lines of a node's standard error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeLog {
    /// The name of the node.
    pub node: String,
    /// The file with the whole log.
    pub path: PathBuf,
    /// The last lines.
    pub tail: Vec<LogLine>,
    /// The number of bytes before these lines.
    pub skipped: u64,
}

/// A line of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written. `None` if this is not known, as in real time.
    pub time: Option<Nanos>,
    /// The line.
    pub text: String,
}

impl LogLine {
    /// Returns the line with its time in front, if this is known.
    pub(super) fn with_time(&self) -> String {
        match self.time {
            Some(time) => format!("{}  {}", units::moment(time), self.text),
            None => self.text.clone(),
        }
    }
}

impl From<&str> for LogLine {
    fn from(text: &str) -> LogLine {
        LogLine { time: None, text: text.into() }
    }
}

impl NodeLog {
    /// The maximum number of bytes that are read from the end of a log.
    const TAIL_BYTES: u64 = 32 << 10;
    /// The maximum number of lines that are kept.
    const TAIL_LINES: usize = 200;

    /// Reads the last lines of a log of any length. Bytes that are not UTF-8 become `�`.
    ///
    /// # Errors
    /// Fails if the log cannot be opened or read.
    pub(crate) fn read(node: &str, path: &Path) -> io::Result<NodeLog> {
        let tail = LogTail::read(path, Self::TAIL_BYTES, Self::TAIL_LINES)?;
        let offsets: Vec<u64> = tail.lines.iter().map(|line| line.offset).collect();
        // A run in real time has no times.
        let mut times = Times::of(path).and_then(|mut times| times.at(&offsets)).unwrap_or_default().into_iter();
        let lines = tail.lines.into_iter().map(|line| LogLine { time: times.next().flatten(), text: line.text });
        Ok(NodeLog { node: node.to_owned(), path: path.to_owned(), tail: lines.collect(), skipped: tail.skipped })
    }
}

/// Files of logs for tests.
#[cfg(test)]
mod files {
    use std::fs;
    use std::path::PathBuf;

    /// A directory with the log and the times of a node, which is removed at the end.
    pub(super) struct LogFiles(pub(super) PathBuf);

    impl LogFiles {
        /// Writes a log that grew by these texts at these times, each after as many events as milliseconds.
        pub(super) fn new(name: &str, pieces: &[(u64, &str)]) -> LogFiles {
            let directory = std::env::temp_dir().join(format!("maelstrom-{name}-{}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            let (mut log, mut times) = (String::new(), String::new());
            for (millis, text) in pieces {
                times += &format!("[{},{},{millis}]\n", log.len(), millis * 1_000_000);
                log += text;
            }
            fs::write(directory.join("n1.log"), log).unwrap();
            fs::write(directory.join("n1.times"), times).unwrap();
            LogFiles(directory)
        }

        pub(super) fn log(&self) -> PathBuf {
            self.0.join("n1.log")
        }
    }

    impl Drop for LogFiles {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &files::LogFiles) -> Vec<(Option<u64>, String)> {
        let log = NodeLog::read("n1", &files.log()).unwrap();
        log.tail.into_iter().map(|line| (line.time.map(|time| time / 1_000_000), line.text)).collect()
    }

    #[test]
    fn a_line_has_the_time_of_its_first_byte() {
        let files = files::LogFiles::new("log-pieces", &[(1, "one\ntwo\nth"), (5, "ree\nfour\n"), (9, "five")]);
        let line = |time, text: &str| (Some(time), text.to_owned());
        assert_eq!(read(&files), [line(1, "one"), line(1, "two"), line(1, "three"), line(5, "four"), line(9, "five")]);
    }

    #[test]
    fn the_last_lines_of_a_long_log_have_their_times() {
        let texts: Vec<String> = (0..20_000).map(|number| format!("line {number}\n")).collect();
        let pieces: Vec<(u64, &str)> = texts.iter().enumerate().map(|(at, text)| (at as u64, &**text)).collect();
        let files = files::LogFiles::new("log-long", &pieces);
        let tail = read(&files);
        assert_eq!(tail.len(), 200);
        assert!(tail.iter().all(|(time, text)| *text == format!("line {}", time.unwrap())), "{tail:?}");
    }

    #[test]
    fn lines_without_an_index_have_no_times() {
        let files = files::LogFiles::new("log-real", &[(1, "one\n")]);
        std::fs::remove_file(files.0.join("n1.times")).unwrap();
        assert_eq!(read(&files), [(None, "one".to_owned())]);
    }
}
