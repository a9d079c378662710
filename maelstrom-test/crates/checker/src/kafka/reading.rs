//! Who could have seen a message that nobody polled?
//!
//! That no poll returned a message does not mean that it is gone: perhaps nobody has got that far yet. A slow system is
//! not a wrong one, and a poll may return as few messages as it likes. Two things prove that a message should have been
//! seen. Either a reader has *passed* it: what it polled first stands before the message, what it polled next does not.
//! Or a reader that stood before it has *caught up*: it asked after the message had been acknowledged, and was told that
//! the log holds nothing more.
//!
//! Only a reader that is known to stand before the message counts, so it must have polled that key since it was assigned
//! to it, or have begun with the first offset. It has if it was told to, or if nobody can have committed an offset of the
//! key before: clients commit what they polled. A committed offset is no such proof: it may stem from a poll whose answer
//! got lost.

use rustc_hash::{FxHashMap, FxHashSet};

use super::parse::{KeyId, LogOperation, Parsed, PositionChange, Role};
use crate::history::OpType;

/// What readers show of the logs of some keys.
#[derive(Default)]
pub(super) struct ReadEvidence {
    keys: FxHashMap<KeyId, LogReadEvidence>,
    /// The history does not say what is assigned to whom, so everybody might have seen everything.
    is_silent: bool,
}

/// What readers show of one log.
#[derive(Default)]
struct LogReadEvidence {
    /// Successive offsets that one reader polled.
    steps: RisingPairs<i64>,
    /// The offset that a reader polled last, and where it was invoked, in the history, that a later poll found nothing.
    ends: RisingPairs<u32>,
}

/// How far a reader has come in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// Nowhere: it begins with the first offset, whatever that is.
    Nothing,
    /// It has polled this offset.
    Offset(i64),
}

/// Pairs, to be asked for the highest second one among those whose first one is below an offset.
struct RisingPairs<T>(Vec<(Progress, T)>);

impl<T> Default for RisingPairs<T> {
    fn default() -> RisingPairs<T> {
        RisingPairs(Vec::new())
    }
}

impl<T: Copy + Ord> RisingPairs<T> {
    /// All pairs are known.
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

/// Where a process stands in a log.
#[derive(Clone, Copy)]
struct ReadPosition {
    /// What it polled last; `None` if nobody knows.
    last: Option<Progress>,
    /// Number of the process's poll that showed it.
    since: u64,
}

#[derive(Default)]
struct LogReader {
    cursors: FxHashMap<KeyId, ReadPosition>,
    /// How many polls it has made, and where the last one was invoked.
    polls: u64,
    last_poll: Option<u32>,
    /// Whether others may read the same keys in its stead.
    is_sharing: bool,
}

/// From where on in the history offsets may have been committed.
struct Commits {
    /// By key: by a client that polled it.
    by_key: FxHashMap<KeyId, u32>,
    /// Of any key: by a client whose poll has an unknown end.
    of_any: u32,
}

impl Commits {
    fn of(parsed: &Parsed) -> Commits {
        let mut commits = Commits { by_key: FxHashMap::default(), of_any: u32::MAX };
        for operation in &parsed.operations {
            // Where there is no invocation, nobody knows when it began.
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

    /// Whether an assignment was complete before anybody can have committed an offset of the key.
    fn is_first(&self, key: KeyId, assignment: &LogOperation) -> bool {
        let first = self.by_key.get(&key).map_or(self.of_any, |first| self.of_any.min(*first));
        assignment.kind == OpType::Ok && assignment.completion().is_some_and(|complete| complete < first)
    }
}

impl ReadEvidence {
    /// Looks at the logs of these keys.
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

    /// A reader is given other keys, or loses its place.
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

    /// A reader gives up keys, all but those to keep.
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

    /// The last of a number of polls found nothing of a key, if the key was seen before and not by that.
    fn found_nothing(&mut self, key: KeyId, cursor: ReadPosition, polls: u64, last_poll: Option<u32>) {
        if let (Some(last), Some(at), Some(reading)) = (cursor.last, last_poll, self.keys.get_mut(&key))
            && cursor.since < polls
        {
            reading.ends.0.push((last, at));
        }
    }

    /// A poll, or one among other things: then it counts as far as it shows something, but not as one that shows nothing.
    fn poll(&mut self, reader: &mut LogReader, parsed: &Parsed, operation: &LogOperation) {
        let is_pure = operation.role == Role::Poll;
        let (before, number) = (reader.polls, reader.polls + u64::from(is_pure));
        if reader.is_sharing {
            // Who else has polled since, and what, is not known.
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

    /// Whether a reader went from an offset before this one to one that is not.
    pub(super) fn has_passed(&self, key: KeyId, offset: i64) -> bool {
        let highest = self.keys.get(&key).and_then(|reading| reading.steps.highest_below(offset));
        self.is_silent || highest >= Some(offset)
    }

    /// Whether a reader that stood before this offset asked for more after this position in the history, and there was
    /// nothing.
    pub(super) fn has_caught_up(&self, key: KeyId, offset: i64, position: u32) -> bool {
        let latest = self.keys.get(&key).and_then(|reading| reading.ends.highest_below(offset));
        self.is_silent || latest > Some(position)
    }
}
