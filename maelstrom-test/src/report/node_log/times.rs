//! Reads the times of the lines of a log.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::history::Nanos;
use crate::report::{file_names, lines};

/// An entry: when the bytes from an offset on were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) time: Nanos,
    /// The number of events of the journal before.
    pub(super) events: u64,
}

impl Entry {
    fn parse(line: &[u8]) -> Option<Entry> {
        let (offset, time, events) = serde_json::from_slice(line).ok()?;
        Some(Entry { offset, time, events })
    }
}

/// The times of the lines of a log.
pub(super) struct Times(BufReader<File>);

impl Times {
    /// Opens the times that belong to a log.
    pub(super) fn of(log: &Path) -> io::Result<Times> {
        let node = log.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Times(BufReader::new(File::open(log.with_file_name(file_names::node_log_times(&node)))?)))
    }

    /// Returns the entries from the last one on for which `is_before` is true, or all entries.
    pub(super) fn from(&mut self, is_before: impl Fn(Entry) -> bool) -> io::Result<impl Iterator<Item = Entry> + '_> {
        lines::seek(&mut self.0, |line| Entry::parse(line).is_some_and(&is_before))?;
        let mut entries = self.entries().peekable();
        let mut last = None;
        while let Some(entry) = entries.next_if(|entry| is_before(*entry)) {
            last = Some(entry);
        }
        Ok(last.into_iter().chain(entries))
    }

    /// Returns the entries from the position of the reader on.
    fn entries(&mut self) -> impl Iterator<Item = Entry> + '_ {
        let mut line = Vec::new();
        std::iter::from_fn(move || {
            line.clear();
            self.0.read_until(b'\n', &mut line).ok()?;
            Entry::parse(&line)
        })
    }

    /// Returns the times at which the bytes at these ascending offsets were written.
    pub(super) fn at(&mut self, offsets: &[u64]) -> io::Result<Vec<Option<Nanos>>> {
        let Some(first) = offsets.first() else { return Ok(Vec::new()) };
        let mut entries = self.from(|entry| entry.offset <= *first)?.peekable();
        let mut time = None;
        let at = |offset: &u64| {
            while let Some(entry) = entries.next_if(|entry| entry.offset <= *offset) {
                time = Some(entry.time);
            }
            time
        };
        Ok(offsets.iter().map(at).collect())
    }
}
