//! The last lines of the log of a node, which is its standard error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// A line of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TailLine {
    /// The position of its first byte in the log.
    pub(crate) offset: u64,
    /// The line.
    pub(crate) text: String,
}

/// The last lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogTail {
    /// The lines.
    pub(crate) lines: Vec<TailLine>,
    /// The number of bytes before these lines.
    pub(crate) skipped: u64,
}

impl LogTail {
    /// Reads at most `max_bytes` bytes and `max_lines` lines from the end of a log. Bytes that are not UTF-8 become `�`.
    ///
    /// # Errors
    /// Fails if the file cannot be opened or read.
    pub(crate) fn read(log: &Path, max_bytes: u64, max_lines: usize) -> io::Result<LogTail> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        let mut skipped = length.saturating_sub(max_bytes);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.take(max_bytes).read_to_end(&mut bytes)?;
        let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        // The first line is usually incomplete. The last line counts with or without a line feed.
        let complete = ends.len() - usize::from(bytes.ends_with(b"\n") && !ends.is_empty());
        let surplus = (complete + 1).saturating_sub(max_lines);
        let first = match (surplus, skipped) {
            (0, 0) => None,
            (0, _) => ends.first(),
            (surplus, _) => ends.get(surplus - 1),
        };
        let start = first.filter(|_| complete > 0).map_or(0, |at| at + 1);
        skipped += start as u64;
        let mut offset = skipped;
        let line = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
            let line = TailLine { offset, text };
            offset += bytes.len() as u64;
            line
        };
        let lines = bytes[start..].split_inclusive(|byte| *byte == b'\n').map(line).collect();
        Ok(LogTail { lines, skipped })
    }
}

/// Returns the last lines of the log of a node, for error messages.
pub(crate) fn log_tail(log: &Path) -> Vec<String> {
    let tail = LogTail::read(log, 16 << 10, 32).unwrap_or_default();
    tail.lines.iter().map(|line| crate::protocol::shorten(&line.text, 300)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: usize = 200;

    fn tail_of(text: &[u8]) -> LogTail {
        let path = std::env::temp_dir().join(format!("maelstrom-log-{}-{}", std::process::id(), text.len()));
        std::fs::write(&path, text).unwrap();
        let tail = LogTail::read(&path, 32 << 10, LINES).unwrap();
        std::fs::remove_file(&path).unwrap();
        tail
    }

    fn texts(text: &[u8]) -> Vec<String> {
        tail_of(text).lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn short_logs_are_read_completely() {
        assert_eq!(texts(b"a\nb\n"), ["a", "b"]);
        assert_eq!(texts(b"a\nb"), ["a", "b"]);
        assert_eq!(texts(b"a"), ["a"]);
        assert_eq!(texts(b""), Vec::<String>::new());
        assert_eq!(texts(b"\xff!\n"), ["\u{fffd}!"]);
    }

    #[test]
    fn the_last_lines_of_long_logs_are_read() {
        let lines: Vec<String> = (0..10_000).map(|i| format!("line {i}")).collect();
        let text = lines.join("\n");
        for text in [text.clone(), text.clone() + "\n"] {
            let tail = tail_of(text.as_bytes());
            let shown: Vec<&str> = tail.lines.iter().map(|line| &*line.text).collect();
            assert_eq!(shown, lines[lines.len() - LINES..]);
            assert_eq!(tail.skipped as usize, lines[..lines.len() - LINES].join("\n").len() + 1);
        }
        let tail = tail_of(&[b'x'; 100_000]);
        assert_eq!((tail.lines.len(), tail.lines[0].text.len(), tail.skipped), (1, 32 << 10, 100_000 - (32 << 10)));
    }
}
