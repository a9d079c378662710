//! What survives a kill: files in the node's own directory.
//!
//! A killed process loses its memory but not what it gave to the operating system, so nothing here waits for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file of JSON lines that grows, and may be cut, at its end.
pub(super) struct Log {
    /// `None`: kept nowhere.
    file: Option<File>,
    /// Where each entry ends in the file.
    ends: Vec<u64>,
}

impl Log {
    /// Opens the log of this name, and returns what is in it. A last line that was cut off by a kill is dropped.
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

    /// A log that forgets.
    pub(super) fn nowhere() -> Log {
        Log { file: None, ends: Vec::new() }
    }

    /// Adds entries at the end, all in one write.
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

    /// Keeps the first entries only.
    pub(super) fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        if let Some(file) = &self.file {
            file.set_len(self.ends.last().copied().unwrap_or(0)).expect("the log can be cut");
        }
    }
}

/// A small value that is replaced as a whole: either the old one or the new one is found again, never half of each.
pub(super) struct Cell {
    /// `None`: kept nowhere.
    path: Option<PathBuf>,
}

impl Cell {
    /// The cell of this name, and what is in it.
    pub(super) fn open<T: DeserializeOwned>(name: &str) -> io::Result<(Cell, Option<T>)> {
        let value = match fs::read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            bytes => Some(serde_json::from_slice(&bytes?)?),
        };
        Ok((Cell { path: Some(name.into()) }, value))
    }

    /// A cell that forgets.
    #[cfg(test)]
    pub(super) fn nowhere() -> Cell {
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
