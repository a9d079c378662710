//! The last lines of the log of a node, which is its standard error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The last lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogTail {
    /// The lines.
    pub(crate) lines: Vec<String>,
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
        let lines = String::from_utf8_lossy(&bytes[start..]).lines().map(str::to_owned).collect();
        Ok(LogTail { lines, skipped })
    }
}

/// Returns the last lines of the log of a node, for error messages.
pub(crate) fn log_tail(log: &Path) -> Vec<String> {
    let tail = LogTail::read(log, 16 << 10, 32).unwrap_or_default();
    tail.lines.iter().map(|line| crate::protocol::shorten(line, 300)).collect()
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

    #[test]
    fn short_logs_are_read_completely() {
        assert_eq!(tail_of(b"a\nb\n").lines, ["a", "b"]);
        assert_eq!(tail_of(b"a\nb").lines, ["a", "b"]);
        assert_eq!(tail_of(b"a").lines, ["a"]);
        assert_eq!(tail_of(b"").lines, Vec::<String>::new());
        assert_eq!(tail_of(b"\xff!\n").lines, ["\u{fffd}!"]);
    }

    #[test]
    fn the_last_lines_of_long_logs_are_read() {
        let lines: Vec<String> = (0..10_000).map(|i| format!("line {i}")).collect();
        let text = lines.join("\n");
        for text in [text.clone(), text.clone() + "\n"] {
            let tail = tail_of(text.as_bytes());
            assert_eq!(tail.lines, lines[lines.len() - LINES..]);
            assert_eq!(tail.skipped as usize, lines[..lines.len() - LINES].join("\n").len() + 1);
        }
        let tail = tail_of(&[b'x'; 100_000]);
        assert_eq!((tail.lines.len(), tail.lines[0].len(), tail.skipped), (1, 32 << 10, 100_000 - (32 << 10)));
    }
}
