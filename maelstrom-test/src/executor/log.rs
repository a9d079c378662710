//! The end of what a node wrote to standard error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The last lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// The lines.
    pub(crate) lines: Vec<String>,
    /// Bytes of the log before them.
    pub(crate) skipped: u64,
}

impl LogEnd {
    /// Reads at most so many bytes and lines, whatever the log's length. Bytes that are not UTF-8 become `�`.
    pub(crate) fn read(log: &Path, most_bytes: u64, most_lines: usize) -> io::Result<LogEnd> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        let mut skipped = length.saturating_sub(most_bytes);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.take(most_bytes).read_to_end(&mut bytes)?;
        let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        // The first line is likely cut; a last line counts with and without its line feed.
        let complete = ends.len() - usize::from(bytes.ends_with(b"\n") && !ends.is_empty());
        let surplus = (complete + 1).saturating_sub(most_lines);
        let first = match (surplus, skipped) {
            (0, 0) => None,
            (0, _) => ends.first(),
            (surplus, _) => ends.get(surplus - 1),
        };
        let start = first.filter(|_| complete > 0).map_or(0, |at| at + 1);
        skipped += start as u64;
        let lines = String::from_utf8_lossy(&bytes[start..]).lines().map(str::to_owned).collect();
        Ok(LogEnd { lines, skipped })
    }
}

/// The last lines of a node's log, for error messages.
pub(crate) fn log_tail(log: &Path) -> Vec<String> {
    let end = LogEnd::read(log, 16 << 10, 32).unwrap_or_default();
    end.lines.iter().map(|line| crate::protocol::shorten(line, 300)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: usize = 200;

    fn end_of(text: &[u8]) -> LogEnd {
        let path = std::env::temp_dir().join(format!("maelstrom-log-{}-{}", std::process::id(), text.len()));
        std::fs::write(&path, text).unwrap();
        let end = LogEnd::read(&path, 32 << 10, LINES).unwrap();
        std::fs::remove_file(&path).unwrap();
        end
    }

    #[test]
    fn short_logs_are_read_completely() {
        assert_eq!(end_of(b"a\nb\n").lines, ["a", "b"]);
        assert_eq!(end_of(b"a\nb").lines, ["a", "b"]);
        assert_eq!(end_of(b"a").lines, ["a"]);
        assert_eq!(end_of(b"").lines, Vec::<String>::new());
        assert_eq!(end_of(b"\xff!\n").lines, ["\u{fffd}!"]);
    }

    #[test]
    fn of_long_logs_the_last_lines_remain() {
        let lines: Vec<String> = (0..10_000).map(|i| format!("line {i}")).collect();
        let text = lines.join("\n");
        for text in [text.clone(), text.clone() + "\n"] {
            let end = end_of(text.as_bytes());
            assert_eq!(end.lines, lines[lines.len() - LINES..]);
            assert_eq!(end.skipped as usize, lines[..lines.len() - LINES].join("\n").len() + 1);
        }
        let end = end_of(&[b'x'; 100_000]);
        assert_eq!((end.lines.len(), end.lines[0].len(), end.skipped), (1, 32 << 10, 100_000 - (32 << 10)));
    }
}
