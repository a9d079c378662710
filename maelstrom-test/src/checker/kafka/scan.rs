//! Looking for each anomaly.

use rustc_hash::{FxHashMap, FxHashSet};

use super::log::MessageId;
use super::parse::{Conflict, KeyId, Message, OpId, Operation, Parsed, Polled, Send};
use super::reading::Readings;
use crate::history::{History, OpType};

/// What can be wrong, apart from cycles, in the order in which it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
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

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::LostWrite => "lost-write",
            Kind::G1a => "G1a",
            Kind::InconsistentOffsets => "inconsistent-offsets",
            Kind::Duplicate => "duplicate",
            Kind::Unexpected => "unexpected",
            Kind::IntPollSkip => "int-poll-skip",
            Kind::IntNonmonotonicPoll => "int-nonmonotonic-poll",
            Kind::PollSkip => "poll-skip",
            Kind::NonmonotonicPoll => "nonmonotonic-poll",
            Kind::NonmonotonicSend => "nonmonotonic-send",
            Kind::IntNonmonotonicSend => "int-nonmonotonic-send",
            Kind::PrecommittedRead => "precommitted-read",
            Kind::Unseen => "unseen",
            Kind::IntSendSkip => "int-send-skip",
        }
    }
}

/// One case of an anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    pub(super) key: KeyId,
    /// The messages concerned.
    pub(super) messages: Vec<MessageId>,
    /// The offsets concerned: the two that are compared, or the message's.
    pub(super) offsets: Vec<i64>,
    /// The operations that show it.
    pub(super) operations: Vec<OpId>,
}

/// Cases of one anomaly.
#[derive(Default)]
pub(super) struct Cases {
    pub(super) count: u64,
    /// The first few.
    pub(super) examples: Vec<Example>,
}

/// All anomalies but cycles.
#[derive(Default)]
pub(super) struct Scan {
    cases: std::collections::BTreeMap<Kind, Cases>,
    /// Acknowledged messages that nobody polled, and nobody needed to have seen: how many, and the first of them.
    pub(super) unread: Option<(u64, MessageId)>,
}

impl Scan {
    /// Examples that are kept of each kind.
    pub(super) const EXAMPLES: usize = 8;

    pub(super) fn of(history: &History, parsed: &Parsed<'_>) -> Scan {
        let mut scan = Scan::default();
        scan.messages(history, parsed);
        scan.conflicts(parsed);
        scan.within_operations(parsed);
        scan.successive_polls(history, parsed);
        scan.successive_sends(parsed);
        scan
    }

    /// Kinds with their cases, in the order of [`Kind`].
    pub(super) fn cases(&self) -> impl Iterator<Item = (Kind, &Cases)> {
        self.cases.iter().map(|(kind, cases)| (*kind, cases))
    }

    fn add(&mut self, kind: Kind, example: impl FnOnce() -> Example) {
        let cases = self.cases.entry(kind).or_default();
        cases.count += 1;
        if cases.examples.len() < Self::EXAMPLES {
            cases.examples.push(example());
        }
    }

    /// Faults of single messages: lost, unseen, aborted, out of nowhere.
    fn messages(&mut self, history: &History, parsed: &Parsed<'_>) {
        let unpolled = parsed.messages.iter().filter(|message| acknowledged_in_vain(message).is_some());
        let unpolled: FxHashSet<KeyId> = unpolled.map(|message| message.key).collect();
        let readings = if unpolled.is_empty() { Readings::default() } else { Readings::of(history, parsed, &unpolled) };
        let mut highest: Vec<Option<Polled>> = vec![None; parsed.keys.len()];
        for polled in &parsed.polled {
            let slot = &mut highest[polled.key as usize];
            if slot.is_none_or(|other| other.offset < polled.offset) {
                *slot = Some(*polled);
            }
        }
        let mut has_sends = vec![false; parsed.keys.len()];
        for send in &parsed.sends {
            has_sends[send.key as usize] = true;
        }
        for (message, id) in parsed.messages.iter().zip(0..) {
            let example = |operations: &[Option<OpId>]| Example {
                key: message.key,
                messages: vec![id],
                offsets: message.offset.into_iter().collect(),
                operations: operations.iter().copied().flatten().collect(),
            };
            let Some(sender) = message.sender else {
                // A key to which the history sends nothing may have been filled before the history began.
                if has_sends[message.key as usize] {
                    self.add(Kind::Unexpected, || example(&[message.polled_by]));
                }
                continue;
            };
            if message.send_count > 1 {
                continue;
            }
            if let Some(poll) = message.polled_by.filter(|_| parsed.operations[sender as usize].kind == OpType::Fail) {
                self.add(Kind::G1a, || example(&[Some(sender), Some(poll)]));
            }
            let Some(offset) = acknowledged_in_vain(message) else { continue };
            let acknowledged = parsed.operations[sender as usize].pair.completion.unwrap_or_default();
            let has_passed = readings.has_passed(message.key, offset);
            if !has_passed && !readings.has_caught_up(message.key, offset, acknowledged) {
                self.unread = Some(self.unread.map_or((1, id), |(count, first)| (count + 1, first)));
                continue;
            }
            let beyond = highest[message.key as usize].filter(|polled| has_passed && offset <= polled.offset);
            if let Some(beyond) = beyond {
                let poll = parsed.messages[beyond.message as usize].polled_by;
                self.add(Kind::LostWrite, || Example {
                    offsets: vec![offset, beyond.offset],
                    messages: vec![id, beyond.message],
                    ..example(&[Some(sender), poll])
                });
            }
            self.add(Kind::Unseen, || example(&[Some(sender)]));
        }
    }

    fn conflicts(&mut self, parsed: &Parsed<'_>) {
        for (kind, conflicts) in
            [(Kind::InconsistentOffsets, &parsed.inconsistent), (Kind::Duplicate, &parsed.duplicates)]
        {
            for conflict in conflicts {
                if kind == Kind::Duplicate && parsed.messages[conflict.messages[0] as usize].send_count > 1 {
                    continue;
                }
                self.add(kind, || Example {
                    key: conflict.key,
                    messages: conflict.messages.to_vec(),
                    offsets: conflict.offsets.to_vec(),
                    operations: witnesses(parsed, conflict),
                });
            }
        }
    }

    /// Within one operation: its messages of each key, one after another.
    fn within_operations(&mut self, parsed: &Parsed<'_>) {
        let mut last_polled: FxHashMap<KeyId, Polled> = FxHashMap::default();
        let mut last_sent: FxHashMap<KeyId, (i64, MessageId)> = FxHashMap::default();
        for (operation, id) in parsed.operations.iter().zip(0..) {
            last_polled.clear();
            for &polled in parsed.polled_of(operation) {
                if let Some(before) = last_polled.insert(polled.key, polled) {
                    let step = step(parsed, polled.key, before.offset, polled.offset);
                    let kinds = (Kind::IntPollSkip, Kind::IntNonmonotonicPoll);
                    self.step(parsed, kinds, step, [before, polled], &[id]);
                }
                // An operation that sends nothing cannot poll what it sends.
                if !operation.sends.is_empty() && parsed.messages[polled.message as usize].sender == Some(id) {
                    self.add(Kind::PrecommittedRead, || Example {
                        key: polled.key,
                        messages: vec![polled.message],
                        offsets: vec![polled.offset],
                        operations: vec![id],
                    });
                }
            }
            last_sent.clear();
            for &Send { key, message, offset } in sent(parsed, operation) {
                let Some(offset) = offset else { continue };
                if let Some((before, other)) = last_sent.insert(key, (offset, message)) {
                    let sent =
                        [(other, before), (message, offset)].map(|(message, offset)| Polled { key, message, offset });
                    let step = step(parsed, key, before, offset);
                    self.step(parsed, (Kind::IntSendSkip, Kind::IntNonmonotonicSend), step, sent, &[id]);
                }
            }
        }
    }

    /// Between one process's successive polls of a key.
    fn successive_polls(&mut self, history: &History, parsed: &Parsed<'_>) {
        let mut last: FxHashMap<u64, FxHashMap<KeyId, (Polled, OpId)>> = FxHashMap::default();
        let mut seen: FxHashSet<KeyId> = FxHashSet::default();
        for (operation, id) in parsed.operations.iter().zip(0..) {
            if let Some(assignment) = assignment(history, parsed, operation) {
                let keys = last.entry(operation.process).or_default();
                match assignment {
                    Some(kept) => keys.retain(|key, _| kept.contains(key)),
                    None => keys.clear(),
                }
            }
            seen.clear();
            let polled = parsed.polled_of(operation);
            if polled.is_empty() {
                continue;
            }
            let keys = last.entry(operation.process).or_default();
            for &polled in polled {
                let entry = keys.get(&polled.key).copied();
                if seen.insert(polled.key) {
                    if let Some((before, other)) = entry {
                        let step = step(parsed, polled.key, before.offset, polled.offset);
                        self.step(
                            parsed,
                            (Kind::PollSkip, Kind::NonmonotonicPoll),
                            step,
                            [before, polled],
                            &[other, id],
                        );
                    }
                    keys.insert(polled.key, (polled, id));
                } else if entry.is_none_or(|(highest, _)| highest.offset < polled.offset) {
                    // Clients go on after the highest offset.
                    keys.insert(polled.key, (polled, id));
                }
            }
        }
    }

    /// Between one process's successive sends to a key.
    fn successive_sends(&mut self, parsed: &Parsed<'_>) {
        let mut last: FxHashMap<(u64, KeyId), (i64, MessageId, OpId)> = FxHashMap::default();
        for (operation, id) in parsed.operations.iter().zip(0..) {
            for &Send { key, message, offset } in sent(parsed, operation) {
                let Some(offset) = offset else { continue };
                let before = last.insert((operation.process, key), (offset, message, id));
                if let Some((before, other, sender)) =
                    before.filter(|(before, _, sender)| *sender != id && offset <= *before)
                {
                    self.add(Kind::NonmonotonicSend, || Example {
                        key,
                        messages: vec![other, message],
                        offsets: vec![before, offset],
                        operations: vec![sender, id],
                    });
                }
            }
        }
    }

    /// Judges the step from one message to the next.
    fn step(&mut self, parsed: &Parsed<'_>, kinds: (Kind, Kind), step: Step, pair: [Polled; 2], operations: &[OpId]) {
        let [before, after] = pair;
        let (skip, nonmonotonic) = kinds;
        let kind = match step {
            Step::Next => return,
            Step::Skip => skip,
            Step::Back => nonmonotonic,
        };
        self.add(kind, || {
            let mut example = Example {
                key: after.key,
                messages: vec![before.message, after.message],
                offsets: vec![before.offset, after.offset],
                operations: operations.to_vec(),
            };
            if step == Step::Skip {
                // Somebody must have shown that there is something in between.
                let log = &parsed.logs[after.key as usize];
                let between = log.offsets()[log.position(before.offset) + 1];
                let message = log.at(between);
                example.messages.extend(message);
                example.offsets.push(between);
                let is_between = |key, offset| key == after.key && before.offset < offset && offset < after.offset;
                let shows = |id: &OpId| {
                    let polled = parsed.polled_of(&parsed.operations[*id as usize]);
                    polled.iter().any(|row| is_between(row.key, row.offset))
                };
                if !operations.iter().any(shows) {
                    example.operations.extend(message.and_then(|message| witness(parsed, after.key, message, between)));
                }
            }
            example
        });
    }
}

/// The offset of a message that was acknowledged, and that no poll returned.
fn acknowledged_in_vain(message: &Message<'_>) -> Option<i64> {
    message.acknowledged.filter(|_| message.polled_by.is_none() && message.send_count == 1)
}

/// Whether an operation is a poll and nothing else.
pub(super) fn is_poll(history: &History, parsed: &Parsed<'_>, id: OpId) -> bool {
    let pair = parsed.operations[id as usize].pair;
    history.entries(pair).1.is_some_and(|op| &*op.f == "poll")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    Skip,
    Back,
}

fn step(parsed: &Parsed<'_>, key: KeyId, before: i64, after: i64) -> Step {
    if after <= before {
        Step::Back
    } else if parsed.position(key, after) > parsed.position(key, before) + 1 {
        Step::Skip
    } else {
        Step::Next
    }
}

/// The sends of an operation that did not fail.
fn sent<'a>(parsed: &'a Parsed<'_>, operation: &Operation) -> &'a [Send] {
    if operation.kind == OpType::Fail { &[] } else { parsed.sends_of(operation) }
}

/// An `assign` that takes effect: `Some(Some(keys))` if positions of these keys are kept, `Some(None)` if none is.
pub(super) fn assignment(
    history: &History,
    parsed: &Parsed<'_>,
    operation: &Operation,
) -> Option<Option<FxHashSet<KeyId>>> {
    let (invocation, completion) = history.entries(operation.pair);
    let op = completion.or(invocation).filter(|op| matches!(&*op.f, "assign" | "subscribe"))?;
    let from_beginning = [invocation, completion].into_iter().flatten().any(|op| {
        let flag = op.extra("seek_to_beginning");
        flag == Some(&serde_json::Value::Bool(true))
    });
    match operation.kind {
        OpType::Fail => None,
        OpType::Ok if !from_beginning => {
            let keys = op.value.as_array().into_iter().flatten();
            Some(Some(keys.filter_map(|key| parsed.find_key(key)).collect()))
        }
        // Nobody knows whether it took effect, so nothing may be concluded from what was polled before.
        _ => Some(None),
    }
}

/// The operations that show the two sides of a conflict: one, if it shows both.
fn witnesses(parsed: &Parsed<'_>, conflict: &Conflict) -> Vec<OpId> {
    let Conflict { key, messages, offsets } = conflict;
    let sides = [0, 1].map(|i| witness(parsed, *key, messages[i], offsets[i]));
    let shows = |id: OpId, i: usize| {
        let polled = parsed.polled_of(&parsed.operations[id as usize]);
        polled.iter().any(|row| (row.key, row.message, row.offset) == (*key, messages[i], offsets[i]))
    };
    match sides {
        [Some(_), Some(second)] if shows(second, 0) => vec![second],
        _ => sides.into_iter().flatten().collect(),
    }
}

/// An operation that shows that a message stands at an offset: an acknowledged send, or else a poll.
fn witness(parsed: &Parsed<'_>, key: KeyId, message: MessageId, offset: i64) -> Option<OpId> {
    let sent = parsed.messages[message as usize].sender.filter(|&sender| {
        let operation = &parsed.operations[sender as usize];
        let shows = |send: &Send| (send.key, send.message, send.offset) == (key, message, Some(offset));
        operation.kind == OpType::Ok && parsed.sends_of(operation).iter().any(shows)
    });
    sent.or_else(|| {
        let shows = |polled: &Polled| (polled.key, polled.message, polled.offset) == (key, message, offset);
        let at = parsed.polled.iter().position(shows)? as u32;
        Some(parsed.operations.partition_point(|operation| operation.polled.end <= at) as OpId)
    })
}
