//! The lag of polls: the longest time that a message was acknowledged and not yet returned to a reader.
//!
//! A process has read a key up to some offset. While its polls return nothing new, all acknowledged messages beyond that offset
//! are invisible to it. The one that was acknowledged first has the longest lag, and the last of these polls shows it. So the
//! lag must be computed only when the offset of a process changes.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::parse::{KeyId, OpId, Parsed, PositionChange, Role};
use crate::history::{Nanos, OpType};

/// The lag of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) lag: Nanos,
    pub(super) key: KeyId,
    /// The poll that did not return the message.
    pub(super) poll: OpId,
}

impl Lag {
    /// Orders lags. Of equal lags the first one counts, so the order of processes does not matter.
    fn rank(self) -> (Nanos, Reverse<OpId>, Reverse<KeyId>) {
        (self.lag, Reverse(self.poll), Reverse(self.key))
    }
}

/// The position of a process in the log of a key.
#[derive(Clone, Copy)]
struct LagCursor {
    /// Everything below this position was read.
    position: usize,
    /// The operation since which the process is there.
    since: OpId,
}

/// The worst lag, if any poll has a lag.
pub(super) fn worst(parsed: &Parsed) -> Option<Lag> {
    let times = acknowledgements(parsed);
    let mut worst: Option<Lag> = None;
    // By process, its positions and its last ok poll.
    let mut processes: FxHashMap<u64, (FxHashMap<KeyId, LagCursor>, Option<OpId>)> = FxHashMap::default();
    let judge = |key: KeyId, cursor: LagCursor, last_poll: Option<OpId>, worst: &mut Option<Lag>| {
        let Some(poll) = last_poll.filter(|poll| *poll >= cursor.since) else { return };
        let Some(&acknowledged) = times[key as usize].get(cursor.position) else { return };
        let Some(begun) = parsed.operations[poll as usize].invocation() else { return };
        let lag = parsed.stamp(begun).time.saturating_sub(acknowledged);
        let candidate = Lag { lag, key, poll };
        if lag > 0 && worst.is_none_or(|worst| worst.rank() < candidate.rank()) {
            *worst = Some(candidate);
        }
    };
    for (operation, id) in parsed.operations.iter().zip(0..) {
        let position_change = parsed.position_change(operation);
        if !matches!(position_change, PositionChange::Stay) {
            let (cursors, last_poll) = processes.entry(operation.process).or_default();
            let is_kept = |key: &KeyId| match &position_change {
                PositionChange::Assign(assignment) => assignment.keeps(*key),
                _ => false,
            };
            cursors.retain(|key, cursor| {
                let keep = is_kept(key);
                if !keep {
                    judge(*key, *cursor, *last_poll, &mut worst);
                }
                keep
            });
            if let PositionChange::Assign(assignment) = position_change
                && assignment.from_beginning
            {
                cursors.extend(assignment.keys.iter().map(|key| (*key, LagCursor { position: 0, since: id })));
            }
        } else if operation.kind == OpType::Ok && operation.role == Role::Poll {
            let (cursors, last_poll) = processes.entry(operation.process).or_default();
            for polled in parsed.polled_of(operation) {
                let position = parsed.position(polled.key, polled.offset) + 1;
                match cursors.get_mut(&polled.key) {
                    Some(cursor) if cursor.since == id => cursor.position = cursor.position.max(position),
                    Some(cursor) => {
                        judge(polled.key, *cursor, *last_poll, &mut worst);
                        *cursor = LagCursor { position, since: id };
                    }
                    None => drop(cursors.insert(polled.key, LagCursor { position, since: id })),
                }
            }
            *last_poll = Some(id);
        }
    }
    for (cursors, last_poll) in processes.values() {
        for (key, cursor) in cursors {
            judge(*key, *cursor, *last_poll, &mut worst);
        }
    }
    worst
}

/// By key and position, when the first message from there on was acknowledged.
fn acknowledgements(parsed: &Parsed) -> Vec<Vec<Nanos>> {
    let mut times: Vec<Vec<Nanos>> = parsed.logs.iter().map(|log| vec![Nanos::MAX; log.offsets().len()]).collect();
    for operation in &parsed.operations {
        let Some(completed) = operation.completion().filter(|_| operation.kind == OpType::Ok) else { continue };
        if operation.sends_any() {
            let completed = parsed.stamp(completed).time;
            for sent in parsed.placed_sends_of(operation) {
                let time = &mut times[sent.key as usize][parsed.position(sent.key, sent.offset)];
                *time = (*time).min(completed);
            }
        }
    }
    for times in &mut times {
        for position in (1..times.len()).rev() {
            times[position - 1] = times[position - 1].min(times[position]);
        }
    }
    times
}
