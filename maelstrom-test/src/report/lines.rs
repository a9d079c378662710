//! Binary search in files whose lines are sorted, such as `messages.jsonl`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

/// The search ends when the interval has this number of bytes. The rest is read line by line.
const INTERVAL: u64 = 1 << 16;

/// Moves a reader to the beginning of a line shortly before the first one for which `is_before` is false: to a line for
/// which it is true, or to the beginning of the file.
pub(super) fn seek(reader: &mut BufReader<File>, is_before: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    let (mut low, mut high) = (0, reader.get_ref().metadata()?.len());
    let mut line = Vec::new();
    while high - low > INTERVAL {
        let middle = low + (high - low) / 2;
        reader.seek(SeekFrom::Start(middle))?;
        reader.skip_until(b'\n')?;
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        if !line.is_empty() && is_before(&line) {
            low = middle;
        } else {
            high = middle;
        }
    }
    reader.seek(SeekFrom::Start(low))?;
    if low > 0 {
        reader.skip_until(b'\n')?;
    }
    Ok(())
}
