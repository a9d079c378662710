//! The persistent state of a node: its term, its vote, and its log. It must survive a kill at any moment.
//!
//! The log is a file of lines. Lines are appended, or removed from the end. An incomplete last line, left by a kill, is
//! dropped. Term and vote change together, so they are written to a temporary file that replaces the old one: a rename is
//! atomic. When a write returns, the data is in the operating system's cache. This is sufficient to survive a kill of the
//! process. To survive a crash of the machine, the node would have to call `sync_data`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The term of the leader that appended it.
    pub term: u64,
    /// The request of a client. `None` in the entry that a leader appends at the beginning of its term.
    pub request: Option<Value>,
}

#[derive(Default, Serialize, Deserialize)]
struct Vote {
    term: u64,
    voted_for: Option<String>,
}

/// The persistent state. Entries are numbered from 1.
pub struct Log {
    vote: Vote,
    entries: Vec<Entry>,
    file: File,
    /// The end of each entry in the file, in bytes.
    ends: Vec<u64>,
}

impl Log {
    /// Reads the state in the directory of the node.
    pub fn open() -> io::Result<Log> {
        let vote = if_exists(fs::read("vote.json"))?.unwrap_or_else(|| b"{\"term\":0,\"voted_for\":null}".to_vec());
        let text = String::from_utf8_lossy(&if_exists(fs::read("log.jsonl"))?.unwrap_or_default()).into_owned();
        let ends: Vec<u64> = text.match_indices('\n').map(|(place, _)| place as u64 + 1).collect();
        let entries = text.lines().take(ends.len()).map(serde_json::from_str).collect::<Result<_, _>>()?;
        let file = OpenOptions::new().create(true).append(true).open("log.jsonl")?;
        file.set_len(ends.last().copied().unwrap_or(0))?;
        Ok(Log { vote: serde_json::from_slice(&vote)?, entries, file, ends })
    }

    pub fn term(&self) -> u64 {
        self.vote.term
    }

    pub fn voted_for(&self) -> Option<&str> {
        self.vote.voted_for.as_deref()
    }

    /// Stores a term and the vote in it.
    pub fn set_vote(&mut self, term: u64, voted_for: Option<&str>) -> io::Result<()> {
        self.vote = Vote { term, voted_for: voted_for.map(str::to_owned) };
        fs::write("vote.new", serde_json::to_vec(&self.vote)?)?;
        fs::rename("vote.new", "vote.json")
    }

    /// Returns the number of the last entry, or 0 if there is none.
    pub fn last(&self) -> usize {
        self.entries.len()
    }

    /// Returns the term of an entry: 0 before the first entry, `None` after the last.
    pub fn term_at(&self, index: usize) -> Option<u64> {
        if index == 0 { Some(0) } else { self.entries.get(index - 1).map(|entry| entry.term) }
    }

    pub fn entry(&self, index: usize) -> &Entry {
        &self.entries[index - 1]
    }

    /// Returns all entries after an entry.
    pub fn after(&self, index: usize) -> &[Entry] {
        &self.entries[index..]
    }

    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let start = self.ends.last().copied().unwrap_or(0);
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
            self.ends.push(start + lines.len() as u64);
        }
        self.entries.extend_from_slice(entries);
        self.file.write_all(&lines)
    }

    /// Removes all entries after an entry.
    pub fn truncate(&mut self, index: usize) -> io::Result<()> {
        self.entries.truncate(index);
        self.ends.truncate(index);
        self.file.set_len(self.ends.last().copied().unwrap_or(0))
    }
}

fn if_exists(content: io::Result<Vec<u8>>) -> io::Result<Option<Vec<u8>>> {
    match content {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        content => content.map(Some),
    }
}
