//! Where blocked threads are entered: by deadline, by futex word, and for checks of files.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::node::SpaceId;
use super::thread::{ThreadId, Until, Wait};
use crate::time::Nanos;

/// The blocked threads of a node.
#[derive(Default)]
pub(super) struct WaitQueues {
    /// (deadline, number of the thread, thread)
    deadlines: BTreeSet<(Nanos, u32, ThreadId)>,
    /// Threads whose condition must be checked when the node has done something: (number, thread).
    checked: BTreeSet<(u32, ThreadId)>,
    /// The threads that wait at each word, in the order of their arrival.
    futexes: FxHashMap<(SpaceId, u64), Vec<ThreadId>>,
    /// Threads whose sleeps are [coalesced](super::coalescing).
    coalesced: Vec<ThreadId>,
}

impl WaitQueues {
    /// Enters a thread that blocks.
    pub(super) fn enter(&mut self, id: ThreadId, number: u32, wait: &Wait) {
        if let Some(deadline) = wait.deadline {
            self.deadlines.insert((deadline, number, id));
        }
        if wait.until.needs_checks() {
            self.checked.insert((number, id));
        }
        if wait.coalesced.is_some() {
            self.coalesced.push(id);
        }
        if let Until::FutexWoken(space, words) = &wait.until {
            for word in words {
                self.futexes.entry((*space, word.address)).or_default().push(id);
            }
        }
    }

    /// Removes a thread whose wait ends.
    pub(super) fn leave(&mut self, id: ThreadId, number: u32, wait: &Wait) {
        if let Some(deadline) = wait.deadline {
            self.deadlines.remove(&(deadline, number, id));
        }
        if wait.until.needs_checks() {
            self.checked.remove(&(number, id));
        }
        if wait.coalesced.is_some() {
            self.coalesced.retain(|other| *other != id);
        }
        if let Until::FutexWoken(space, words) = &wait.until {
            for word in words {
                let queue = self.futexes.get_mut(&(*space, word.address));
                let empty = queue.is_some_and(|queue| {
                    queue.retain(|other| *other != id);
                    queue.is_empty()
                });
                if empty {
                    self.futexes.remove(&(*space, word.address));
                }
            }
        }
    }

    /// The earliest deadline and its thread.
    pub(super) fn next_deadline(&self) -> Option<(Nanos, ThreadId)> {
        self.deadlines.first().map(|(deadline, _, id)| (*deadline, *id))
    }

    /// Replaces each deadline by what `change` returns.
    pub(super) fn change_deadlines(&mut self, mut change: impl FnMut(ThreadId, Nanos) -> Nanos) {
        let deadlines = std::mem::take(&mut self.deadlines);
        self.deadlines = deadlines.into_iter().map(|(time, number, id)| (change(id, time), number, id)).collect();
    }

    /// The threads whose condition must be checked when the node has done something.
    pub(super) fn checked(&self) -> impl Iterator<Item = ThreadId> + '_ {
        self.checked.iter().map(|(_, id)| *id)
    }

    /// The threads whose sleeps are coalesced.
    pub(super) fn coalesced(&self) -> &[ThreadId] {
        &self.coalesced
    }

    /// The threads that wait at a word.
    pub(super) fn at_word(&self, space: SpaceId, address: u64) -> &[ThreadId] {
        self.futexes.get(&(space, address)).map_or(&[], Vec::as_slice)
    }

    /// Moves the first `count` threads that wait at one word to another. Returns them.
    pub(super) fn requeue(&mut self, space: SpaceId, from: u64, to: u64, count: u32) -> Vec<ThreadId> {
        let Some(queue) = self.futexes.get_mut(&(space, from)) else { return Vec::new() };
        let count = queue.len().min(count as usize);
        let moved: Vec<ThreadId> = queue.drain(..count).collect();
        if queue.is_empty() {
            self.futexes.remove(&(space, from));
        }
        self.futexes.entry((space, to)).or_default().extend(&moved);
        moved
    }
}
