//! Persistent state: files in the directory of the node.
//!
//! A killed process loses its memory, but not data that it has written to the operating system. So no write waits for the
//! disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An append-only file of JSON lines, which can be truncated.
pub(super) struct Log {
    /// `None` for a log that is not persistent.
    file: Option<File>,
    /// The end of each entry, as an offset in the file.
    ends: Vec<u64>,
}

impl Log {
    /// Opens a log, and returns its entries. A last line that a kill left incomplete is removed.
    pub(super) fn open<T: DeserializeOwned>(name: &str) -> io::Result<(Log, Vec<T>)> {
        let text = match fs::read_to_string(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let ends: Vec<u64> = text.match_indices('\n').map(|(place, _)| place as u64 + 1).collect();
        let entries = text.lines().take(ends.len()).map(serde_json::from_str).collect::<Result<_, _>>()?;
        let file = OpenOptions::new().create(true).append(true).open(name)?;
        file.set_len(ends.last().copied().unwrap_or(0))?;
        Ok((Log { file: Some(file), ends }, entries))
    }

    /// A log that is not persistent.
    pub(super) fn in_memory() -> Log {
        Log { file: None, ends: Vec::new() }
    }

    /// Appends entries with one write.
    pub(super) fn append<T: Serialize>(&mut self, entries: &[T]) {
        let Some(file) = &mut self.file else { return };
        let start = self.ends.last().copied().unwrap_or(0);
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry).expect("entries serialise");
            lines.push(b'\n');
            self.ends.push(start + lines.len() as u64);
        }
        file.write_all(&lines).expect("the log can be written");
    }

    /// Keeps only the first `count` entries.
    pub(super) fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        if let Some(file) = &self.file {
            file.set_len(self.ends.last().copied().unwrap_or(0)).expect("the log can be truncated");
        }
    }
}

/// A file with one value, which is replaced atomically.
pub(super) struct Cell {
    /// `None` for a value that is not persistent.
    path: Option<PathBuf>,
}

impl Cell {
    /// Opens a cell, and returns its value.
    pub(super) fn open<T: DeserializeOwned>(name: &str) -> io::Result<(Cell, Option<T>)> {
        let value = match fs::read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            bytes => Some(serde_json::from_slice(&bytes?)?),
        };
        Ok((Cell { path: Some(name.into()) }, value))
    }

    /// A cell that is not persistent.
    #[cfg(test)]
    pub(super) fn in_memory() -> Cell {
        Cell { path: None }
    }

    /// Replaces the value.
    pub(super) fn set<T: Serialize>(&mut self, value: &T) {
        let Some(path) = &self.path else { return };
        let new = path.with_extension("new");
        let bytes = serde_json::to_vec(value).expect("the value serialises");
        fs::write(&new, bytes).and_then(|()| fs::rename(&new, path)).expect("the file can be replaced");
    }
}
