//! Which readers must have seen a message that no poll returned?
//!
//! A message without a poll is not necessarily lost: perhaps no reader has come that far. A slow system is not wrong, and a
//! poll may return few messages. Two facts prove that a message should have been seen:
//!
//! - A reader has *passed* it: it polled a message before it, and next one that is not before it.
//! - A reader before it has *caught up*: it polled after the message was acknowledged, and found nothing more.
//!
//! ```text
//!   log      a   b   c   d
//!   polls    a       c             passed b
//!   polls    a  …  nothing         caught up: b was acknowledged before
//! ```
//!
//! A reader counts only if it is known to be before the message. It must have polled the key since the key was assigned to
//! it, or have begun with the first offset. It begins with the first offset if it was told to, or if no offset of the key can
//! have been committed before. A committed offset proves nothing, because it may come from a poll whose answer was lost.

use rustc_hash::{FxHashMap, FxHashSet};

use super::parse::{KeyId, LogOperation, Parsed, PositionChange, Role};
use crate::history::OpType;

/// What readers show of the logs of some keys.
#[derive(Default)]
pub(super) struct ReadEvidence {
    keys: FxHashMap<KeyId, LogReadEvidence>,
    /// Whether the history has no assignments. Every reader may then have seen every message.
    is_silent: bool,
}

/// What readers show of one log.
#[derive(Default)]
struct LogReadEvidence {
    /// Pairs of successive offsets that a reader polled.
    steps: RisingPairs<i64>,
    /// The offset that a reader polled last, and the position of the invocation of a later poll that found nothing.
    ends: RisingPairs<u32>,
}

/// The progress of a reader in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// It begins with the first offset.
    Nothing,
    /// It has polled this offset.
    Offset(i64),
}

/// Pairs that are searched for the highest second member among those whose first member is below an offset.
struct RisingPairs<T>(Vec<(Progress, T)>);

impl<T> Default for RisingPairs<T> {
    fn default() -> RisingPairs<T> {
        RisingPairs(Vec::new())
    }
}

impl<T: Copy + Ord> RisingPairs<T> {
    /// Prepares the search, after all pairs are known.
    fn sort(&mut self) {
        self.0.sort_unstable();
        for at in 1..self.0.len() {
            self.0[at].1 = self.0[at].1.max(self.0[at - 1].1);
        }
    }

    fn highest_below(&self, offset: i64) -> Option<T> {
        let before = self.0.partition_point(|(first, _)| *first < Progress::Offset(offset));
        self.0[..before].last().map(|(_, highest)| *highest)
    }
}

/// The position of a process in a log.
#[derive(Clone, Copy)]
struct ReadPosition {
    /// What it polled last; `None` if unknown.
    last: Option<Progress>,
    /// The number of the poll of the process that showed it.
    since: u64,
}

#[derive(Default)]
struct LogReader {
    cursors: FxHashMap<KeyId, ReadPosition>,
    /// The number of its polls, and the position of the invocation of the last one.
    polls: u64,
    last_poll: Option<u32>,
    /// Whether other consumers may read the same keys instead.
    is_sharing: bool,
}

/// The positions in the history from which on offsets may have been committed.
struct Commits {
    /// By key, by a client that polled it.
    by_key: FxHashMap<KeyId, u32>,
    /// For any key, by a client whose poll has an unknown outcome.
    of_any: u32,
}

impl Commits {
    fn of(parsed: &Parsed) -> Commits {
        let mut commits = Commits { by_key: FxHashMap::default(), of_any: u32::MAX };
        for operation in &parsed.operations {
            // An operation without an invocation may have begun at any time.
            let began = operation.invocation().unwrap_or(0);
            let may_poll = matches!(operation.role, Role::Poll | Role::Other);
            if operation.kind != OpType::Ok && may_poll {
                commits.of_any = commits.of_any.min(began);
            }
            for polled in parsed.polled_of(operation) {
                commits.by_key.entry(polled.key).and_modify(|first| *first = began.min(*first)).or_insert(began);
            }
        }
        commits
    }

    /// Whether an assignment was complete before an offset of the key can have been committed.
    fn is_first(&self, key: KeyId, assignment: &LogOperation) -> bool {
        let first = self.by_key.get(&key).map_or(self.of_any, |first| self.of_any.min(*first));
        assignment.kind == OpType::Ok && assignment.completion().is_some_and(|complete| complete < first)
    }
}

impl ReadEvidence {
    /// Analyses the logs of these keys.
    pub(super) fn of(parsed: &Parsed, keys: &FxHashSet<KeyId>) -> ReadEvidence {
        let mut readings = ReadEvidence { is_silent: parsed.assignments.is_empty(), ..ReadEvidence::default() };
        readings.keys.extend(keys.iter().map(|key| (*key, LogReadEvidence::default())));
        let commits = Commits::of(parsed);
        let mut readers: FxHashMap<u64, LogReader> = FxHashMap::default();
        for operation in &parsed.operations {
            let position_change = parsed.position_change(operation);
            if !matches!(position_change, PositionChange::Stay) {
                readings.move_on(readers.entry(operation.process).or_default(), position_change, operation, &commits);
            } else if operation.kind == OpType::Ok && (operation.role == Role::Poll || operation.polled_any()) {
                readings.poll(readers.entry(operation.process).or_default(), parsed, operation);
            }
        }
        for reader in readers.values_mut() {
            readings.forget(reader, |_| false);
        }
        for reading in readings.keys.values_mut() {
            reading.steps.sort();
            reading.ends.sort();
        }
        readings
    }

    /// Applies a change of the positions of a reader.
    fn move_on(
        &mut self,
        reader: &mut LogReader,
        position_change: PositionChange<'_>,
        operation: &LogOperation,
        commits: &Commits,
    ) {
        let PositionChange::Assign(assignment) = position_change else {
            self.forget(reader, |_| false);
            reader.is_sharing = matches!(position_change, PositionChange::Share);
            return;
        };
        self.forget(reader, |key| assignment.keeps(key));
        reader.is_sharing = false;
        for key in &assignment.keys {
            let from_beginning = assignment.from_beginning || commits.is_first(*key, operation);
            let last = from_beginning.then_some(Progress::Nothing);
            reader.cursors.entry(*key).or_insert(ReadPosition { last, since: reader.polls });
        }
    }

    /// Removes all keys of a reader, except for those to keep.
    fn forget(&mut self, reader: &mut LogReader, is_kept: impl Fn(KeyId) -> bool) {
        let LogReader { cursors, polls, last_poll, .. } = reader;
        cursors.retain(|key, cursor| {
            let keep = is_kept(*key);
            if !keep {
                self.found_nothing(*key, *cursor, *polls, *last_poll);
            }
            keep
        });
    }

    /// Records that the last of a number of polls found nothing of a key, if an earlier one found something.
    fn found_nothing(&mut self, key: KeyId, cursor: ReadPosition, polls: u64, last_poll: Option<u32>) {
        if let (Some(last), Some(at), Some(reading)) = (cursor.last, last_poll, self.keys.get_mut(&key))
            && cursor.since < polls
        {
            reading.ends.0.push((last, at));
        }
    }

    /// Records a poll. A poll in an operation with sends only counts for the messages that it returned.
    fn poll(&mut self, reader: &mut LogReader, parsed: &Parsed, operation: &LogOperation) {
        let is_pure = operation.role == Role::Poll;
        let (before, number) = (reader.polls, reader.polls + u64::from(is_pure));
        if reader.is_sharing {
            // Other consumers may have polled since.
            reader.cursors.clear();
        }
        for polled in parsed.polled_of(operation) {
            let unknown = ReadPosition { last: None, since: before };
            let cursor = *reader.cursors.get(&polled.key).unwrap_or(&unknown);
            if cursor.since < number {
                self.found_nothing(polled.key, cursor, before, reader.last_poll);
            }
            if let (Some(last), Some(reading)) = (cursor.last, self.keys.get_mut(&polled.key))
                && last < Progress::Offset(polled.offset)
            {
                reading.steps.0.push((last, polled.offset));
            }
            let last = Some(Progress::Offset(polled.offset)).max(cursor.last);
            reader.cursors.insert(polled.key, ReadPosition { last, since: number });
        }
        if is_pure {
            (reader.polls, reader.last_poll) = (number, operation.invocation());
        }
    }

    /// Whether a reader polled an offset before this one, and next one that is not before it.
    pub(super) fn has_passed(&self, key: KeyId, offset: i64) -> bool {
        let highest = self.keys.get(&key).and_then(|reading| reading.steps.highest_below(offset));
        self.is_silent || highest >= Some(offset)
    }

    /// Whether a reader before this offset polled after this position in the history, and found nothing.
    pub(super) fn has_caught_up(&self, key: KeyId, offset: i64, position: u32) -> bool {
        let latest = self.keys.get(&key).and_then(|reading| reading.ends.highest_below(offset));
        self.is_silent || latest > Some(position)
    }
}
