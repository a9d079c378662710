//! Finds every anomaly that is not a cycle.

use rustc_hash::{FxHashMap, FxHashSet};

use super::log::MessageId;
use super::parse::{Conflict, KeyId, Message, OpId, Parsed, Polled, PositionChange};
use super::reading::ReadEvidence;
use crate::history::OpType;

/// The anomalies that are not cycles, in the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LogAnomaly {
    LostWrite,
    G1a,
    InconsistentOffsets,
    Duplicate,
    Unexpected,
    IntPollSkip,
    IntNonmonotonicPoll,
    PollSkip,
    NonmonotonicPoll,
    NonmonotonicSend,
    IntNonmonotonicSend,
    PrecommittedRead,
    Unseen,
    IntSendSkip,
}

impl LogAnomaly {
    pub(super) fn name(self) -> &'static str {
        match self {
            LogAnomaly::LostWrite => "lost-write",
            LogAnomaly::G1a => "G1a",
            LogAnomaly::InconsistentOffsets => "inconsistent-offsets",
            LogAnomaly::Duplicate => "duplicate",
            LogAnomaly::Unexpected => "unexpected",
            LogAnomaly::IntPollSkip => "int-poll-skip",
            LogAnomaly::IntNonmonotonicPoll => "int-nonmonotonic-poll",
            LogAnomaly::PollSkip => "poll-skip",
            LogAnomaly::NonmonotonicPoll => "nonmonotonic-poll",
            LogAnomaly::NonmonotonicSend => "nonmonotonic-send",
            LogAnomaly::IntNonmonotonicSend => "int-nonmonotonic-send",
            LogAnomaly::PrecommittedRead => "precommitted-read",
            LogAnomaly::Unseen => "unseen",
            LogAnomaly::IntSendSkip => "int-send-skip",
        }
    }
}

/// An occurrence of an anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogExample {
    pub(super) key: KeyId,
    /// The messages concerned.
    pub(super) messages: Vec<MessageId>,
    /// The offsets concerned: the two that are compared, or that of the message.
    pub(super) offsets: Vec<i64>,
    /// The operations that show it.
    pub(super) operations: Vec<OpId>,
}

/// The occurrences of an anomaly.
#[derive(Default)]
pub(super) struct AnomalyCases {
    pub(super) count: u64,
    /// The first few occurrences.
    pub(super) examples: Vec<LogExample>,
}

/// All anomalies that are not cycles.
#[derive(Default)]
pub(super) struct Scan {
    cases: std::collections::BTreeMap<LogAnomaly, AnomalyCases>,
    /// Acknowledged messages that no poll returned and no reader must have seen: their number, and the first one.
    pub(super) unread: Option<(u64, MessageId)>,
}

impl Scan {
    /// The number of examples that are kept of each anomaly.
    pub(super) const EXAMPLES: usize = 8;

    pub(super) fn of(parsed: &Parsed) -> Scan {
        let mut scan = Scan::default();
        scan.messages(parsed);
        scan.conflicts(parsed);
        scan.within_operations(parsed);
        scan.successive_polls(parsed);
        scan.successive_sends(parsed);
        scan
    }

    /// The anomalies that were found, in the order of [`LogAnomaly`].
    pub(super) fn cases(&self) -> impl Iterator<Item = (LogAnomaly, &AnomalyCases)> {
        self.cases.iter().map(|(kind, cases)| (*kind, cases))
    }

    fn add(&mut self, kind: LogAnomaly, example: impl FnOnce() -> LogExample) {
        let cases = self.cases.entry(kind).or_default();
        cases.count += 1;
        if cases.examples.len() < Self::EXAMPLES {
            cases.examples.push(example());
        }
    }

    /// Finds anomalies of single messages: lost, unseen, aborted, unexpected.
    fn messages(&mut self, parsed: &Parsed) {
        let unpolled = parsed.messages.iter().filter(|message| acknowledged_but_unpolled(message).is_some());
        let unpolled: FxHashSet<KeyId> = unpolled.map(|message| message.key).collect();
        let readings = if unpolled.is_empty() { ReadEvidence::default() } else { ReadEvidence::of(parsed, &unpolled) };
        let mut highest: Vec<Option<Polled>> = vec![None; parsed.keys.len()];
        for polled in parsed.all_polled() {
            let slot = &mut highest[polled.key as usize];
            if slot.is_none_or(|other| other.offset < polled.offset) {
                *slot = Some(polled);
            }
        }
        let mut has_sends = vec![false; parsed.keys.len()];
        for message in parsed.sent() {
            has_sends[parsed.messages[message as usize].key as usize] = true;
        }
        for (message, id) in parsed.messages.iter().zip(0..) {
            let example = |operations: &[Option<OpId>]| LogExample {
                key: message.key,
                messages: vec![id],
                offsets: message.offset.into_iter().collect(),
                operations: operations.iter().copied().flatten().collect(),
            };
            let Some(sender) = message.sender() else {
                // A key without sends may have been filled before the history began.
                if has_sends[message.key as usize] {
                    self.add(LogAnomaly::Unexpected, || example(&[message.polled_by()]));
                }
                continue;
            };
            if message.send_count > 1 {
                continue;
            }
            if let Some(poll) = message.polled_by().filter(|_| parsed.operations[sender as usize].kind == OpType::Fail)
            {
                self.add(LogAnomaly::G1a, || example(&[Some(sender), Some(poll)]));
            }
            let Some(offset) = acknowledged_but_unpolled(message) else { continue };
            let acknowledged = parsed.operations[sender as usize].completion().unwrap_or_default();
            let has_passed = readings.has_passed(message.key, offset);
            if !has_passed && !readings.has_caught_up(message.key, offset, acknowledged) {
                self.unread = Some(self.unread.map_or((1, id), |(count, first)| (count + 1, first)));
                continue;
            }
            let beyond = highest[message.key as usize].filter(|polled| has_passed && offset <= polled.offset);
            if let Some(beyond) = beyond {
                let poll = parsed.messages[beyond.message as usize].polled_by();
                self.add(LogAnomaly::LostWrite, || LogExample {
                    offsets: vec![offset, beyond.offset],
                    messages: vec![id, beyond.message],
                    ..example(&[Some(sender), poll])
                });
            }
            self.add(LogAnomaly::Unseen, || example(&[Some(sender)]));
        }
    }

    fn conflicts(&mut self, parsed: &Parsed) {
        for (kind, conflicts) in
            [(LogAnomaly::InconsistentOffsets, &parsed.inconsistent), (LogAnomaly::Duplicate, &parsed.duplicates)]
        {
            for conflict in conflicts {
                if kind == LogAnomaly::Duplicate && parsed.messages[conflict.messages[0] as usize].send_count > 1 {
                    continue;
                }
                self.add(kind, || LogExample {
                    key: conflict.key,
                    messages: conflict.messages.to_vec(),
                    offsets: conflict.offsets.to_vec(),
                    operations: witnesses(parsed, conflict),
                });
            }
        }
    }

    /// Finds anomalies between successive messages of a key in one operation.
    fn within_operations(&mut self, parsed: &Parsed) {
        let mut last_polled: FxHashMap<KeyId, Polled> = FxHashMap::default();
        let mut last_sent: FxHashMap<KeyId, (i64, MessageId)> = FxHashMap::default();
        for (operation, id) in parsed.operations.iter().zip(0..) {
            last_polled.clear();
            for polled in parsed.polled_of(operation) {
                if let Some(before) = last_polled.insert(polled.key, polled) {
                    let step = step(parsed, polled.key, before.offset, polled.offset);
                    let kinds = (LogAnomaly::IntPollSkip, LogAnomaly::IntNonmonotonicPoll);
                    self.step(parsed, kinds, step, [before, polled], &[id]);
                }
                // An operation without sends cannot poll its own messages.
                if operation.sends_any() && parsed.messages[polled.message as usize].sender() == Some(id) {
                    self.add(LogAnomaly::PrecommittedRead, || LogExample {
                        key: polled.key,
                        messages: vec![polled.message],
                        offsets: vec![polled.offset],
                        operations: vec![id],
                    });
                }
            }
            last_sent.clear();
            for Polled { key, message, offset } in parsed.placed_sends_of(operation) {
                if let Some((before, other)) = last_sent.insert(key, (offset, message)) {
                    let sent =
                        [(other, before), (message, offset)].map(|(message, offset)| Polled { key, message, offset });
                    let step = step(parsed, key, before, offset);
                    self.step(parsed, (LogAnomaly::IntSendSkip, LogAnomaly::IntNonmonotonicSend), step, sent, &[id]);
                }
            }
        }
    }

    /// Finds anomalies between successive polls of a key by one process.
    fn successive_polls(&mut self, parsed: &Parsed) {
        let mut last: FxHashMap<u64, FxHashMap<KeyId, (Polled, OpId)>> = FxHashMap::default();
        // Processes that share their keys.
        let mut sharing: FxHashSet<u64> = FxHashSet::default();
        let mut seen: FxHashSet<KeyId> = FxHashSet::default();
        for (operation, id) in parsed.operations.iter().zip(0..) {
            match parsed.position_change(operation) {
                PositionChange::Stay => {}
                PositionChange::Assign(assignment) => {
                    sharing.remove(&operation.process);
                    let keys = last.entry(operation.process).or_default();
                    keys.retain(|key, _| assignment.keeps(*key));
                }
                PositionChange::Share => {
                    sharing.insert(operation.process);
                    last.remove(&operation.process);
                }
                PositionChange::Forget => drop(last.remove(&operation.process)),
            }
            if !operation.polled_any() || sharing.contains(&operation.process) {
                continue;
            }
            seen.clear();
            let keys = last.entry(operation.process).or_default();
            for polled in parsed.polled_of(operation) {
                let entry = keys.get(&polled.key).copied();
                if seen.insert(polled.key) {
                    if let Some((before, other)) = entry {
                        let step = step(parsed, polled.key, before.offset, polled.offset);
                        self.step(
                            parsed,
                            (LogAnomaly::PollSkip, LogAnomaly::NonmonotonicPoll),
                            step,
                            [before, polled],
                            &[other, id],
                        );
                    }
                    keys.insert(polled.key, (polled, id));
                } else if entry.is_none_or(|(highest, _)| highest.offset < polled.offset) {
                    // Clients continue after the highest offset.
                    keys.insert(polled.key, (polled, id));
                }
            }
        }
    }

    /// Finds anomalies between successive sends to a key by one process.
    fn successive_sends(&mut self, parsed: &Parsed) {
        let mut last: FxHashMap<(u64, KeyId), (i64, MessageId, OpId)> = FxHashMap::default();
        for (operation, id) in parsed.operations.iter().zip(0..) {
            for Polled { key, message, offset } in parsed.placed_sends_of(operation) {
                let before = last.insert((operation.process, key), (offset, message, id));
                if let Some((before, other, sender)) =
                    before.filter(|(before, _, sender)| *sender != id && offset <= *before)
                {
                    self.add(LogAnomaly::NonmonotonicSend, || LogExample {
                        key,
                        messages: vec![other, message],
                        offsets: vec![before, offset],
                        operations: vec![sender, id],
                    });
                }
            }
        }
    }

    /// Classifies the step from one message to the next.
    fn step(
        &mut self,
        parsed: &Parsed,
        kinds: (LogAnomaly, LogAnomaly),
        step: OffsetStep,
        pair: [Polled; 2],
        operations: &[OpId],
    ) {
        let [before, after] = pair;
        let (skip, nonmonotonic) = kinds;
        let kind = match step {
            OffsetStep::Next => return,
            OffsetStep::Skip => skip,
            OffsetStep::Back => nonmonotonic,
        };
        self.add(kind, || {
            let mut example = LogExample {
                key: after.key,
                messages: vec![before.message, after.message],
                offsets: vec![before.offset, after.offset],
                operations: operations.to_vec(),
            };
            if step == OffsetStep::Skip {
                // Some other operation must show that there is a message in between.
                let log = &parsed.logs[after.key as usize];
                let between = log.offsets()[log.position(before.offset) + 1];
                let message = log.at(between);
                example.messages.extend(message);
                example.offsets.push(between);
                let is_between = |key, offset| key == after.key && before.offset < offset && offset < after.offset;
                let shows = |id: &OpId| {
                    let mut polled = parsed.polled_of(&parsed.operations[*id as usize]);
                    polled.any(|row| is_between(row.key, row.offset))
                };
                if !operations.iter().any(shows) {
                    example.operations.extend(message.and_then(|message| witness(parsed, after.key, message, between)));
                }
            }
            example
        });
    }
}

/// The offset of an acknowledged message that no poll returned.
fn acknowledged_but_unpolled(message: &Message) -> Option<i64> {
    message.acknowledged.filter(|_| message.polled_by().is_none() && message.send_count == 1)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OffsetStep {
    Next,
    Skip,
    Back,
}

fn step(parsed: &Parsed, key: KeyId, before: i64, after: i64) -> OffsetStep {
    if after <= before {
        OffsetStep::Back
    } else if parsed.position(key, after) > parsed.position(key, before) + 1 {
        OffsetStep::Skip
    } else {
        OffsetStep::Next
    }
}

/// The operations that show the two sides of a conflict; one operation if it shows both.
fn witnesses(parsed: &Parsed, conflict: &Conflict) -> Vec<OpId> {
    let Conflict { key, messages, offsets } = conflict;
    let sides = [0, 1].map(|i| witness(parsed, *key, messages[i], offsets[i]));
    let shows = |id: OpId, i: usize| {
        let mut polled = parsed.polled_of(&parsed.operations[id as usize]);
        polled.any(|row| (row.key, row.message, row.offset) == (*key, messages[i], offsets[i]))
    };
    match sides {
        [Some(_), Some(second)] if shows(second, 0) => vec![second],
        _ => sides.into_iter().flatten().collect(),
    }
}

/// An operation that shows that a message is at an offset: an acknowledged send, or else a poll.
fn witness(parsed: &Parsed, key: KeyId, message: MessageId, offset: i64) -> Option<OpId> {
    let shows = |row: Polled| (row.key, row.message, row.offset) == (key, message, offset);
    let sent = parsed.messages[message as usize].sender().filter(|&sender| {
        let operation = &parsed.operations[sender as usize];
        operation.kind == OpType::Ok && parsed.placed_sends_of(operation).any(shows)
    });
    let polls = |id: &OpId| parsed.polled_of(&parsed.operations[*id as usize]).any(shows);
    sent.or_else(|| (0..parsed.operations.len() as OpId).find(polls))
}
