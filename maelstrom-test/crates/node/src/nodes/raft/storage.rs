//! The persistent state of a Raft node: its term, its vote, and its log.

use crate::{Message, Result};
use serde::{Deserialize, Serialize};

use super::super::disk::{Cell, Log};
use crate::protocol::Body;

/// A client request in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Command {
    /// The client. The client and `msg_id` identify a request, to detect duplicates.
    pub(crate) client: String,
    pub(crate) msg_id: u64,
    pub(crate) kind: String,
    pub(crate) fields: Body,
}

impl Command {
    pub(crate) fn of(request: &Message) -> Result<Command> {
        Ok(Command {
            client: request.src().to_owned(),
            msg_id: request.get("msg_id")?,
            kind: request.kind().to_owned(),
            fields: request.fields(),
        })
    }
}

/// An entry of the log. The first entry of a leader's term has no command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) term: u64,
    pub(crate) command: Option<Command>,
}

/// Maximum number of entries in one message.
const MAX_BATCH: usize = 500;

#[derive(Default, Serialize, Deserialize)]
struct Vote {
    term: u64,
    voted_for: Option<String>,
}

/// The persistent state. Entries are numbered from 1. Every change is written before the method returns.
pub(crate) struct Storage {
    vote: Vote,
    entries: Vec<Entry>,
    vote_file: Cell,
    log_file: Log,
}

impl Storage {
    /// Opens the state in the directory of the node.
    pub(crate) fn open(forget_log: bool) -> std::io::Result<Storage> {
        let (vote_file, vote) = Cell::open("raft-vote")?;
        let (log_file, entries) = if forget_log { (Log::in_memory(), Vec::new()) } else { Log::open("raft-log")? };
        Ok(Storage { vote: vote.unwrap_or_default(), entries, vote_file, log_file })
    }

    /// Empty state that is not persistent.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Storage {
        Storage { vote: Vote::default(), entries: Vec::new(), vote_file: Cell::in_memory(), log_file: Log::in_memory() }
    }

    pub(crate) fn term(&self) -> u64 {
        self.vote.term
    }

    pub(crate) fn voted_for(&self) -> Option<&str> {
        self.vote.voted_for.as_deref()
    }

    pub(crate) fn set_vote(&mut self, term: u64, voted_for: Option<&str>) {
        self.vote = Vote { term, voted_for: voted_for.map(str::to_owned) };
        self.vote_file.set(&self.vote);
    }

    pub(crate) fn last_index(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index - 1]
    }

    /// The entries after this index, at most [`MAX_BATCH`].
    pub(crate) fn entries_after(&self, index: usize) -> &[Entry] {
        let rest = &self.entries[index..];
        &rest[..rest.len().min(MAX_BATCH)]
    }

    /// The term of an entry; 0 for index 0. `None` if there is no such entry.
    pub(crate) fn term_at(&self, index: usize) -> Option<u64> {
        match index {
            0 => Some(0),
            _ => self.entries.get(index - 1).map(|entry| entry.term),
        }
    }

    pub(crate) fn append(&mut self, entries: &[Entry]) {
        self.log_file.append(entries);
        self.entries.extend_from_slice(entries);
    }

    /// Keeps the entries up to this index.
    pub(crate) fn truncate(&mut self, index: usize) {
        self.entries.truncate(index);
        self.log_file.truncate(index);
    }
}
