//! Explains what is wrong with a log.

use super::log::MessageId;
use super::parse::{KeyId, LogOperation, OpId, Parsed, Polled};
use super::scan::{AnomalyCases, LogAnomaly, LogExample};
use crate::describe::{brief, who};
use crate::history::{OpType, Process};
use crate::{CheckContext, Evidence, Finding};

pub(super) struct LogExplainer<'a> {
    pub(super) context: &'a CheckContext,
    pub(super) parsed: &'a Parsed,
}

impl LogExplainer<'_> {
    /// The finding of an anomaly, with its first example.
    pub(super) fn finding(&self, kind: LogAnomaly, cases: &AnomalyCases, proscribed: bool) -> Finding {
        let example = &cases.examples[0];
        let key = &self.parsed.keys[example.key as usize];
        let times = if cases.count == 1 { String::new() } else { format!(", {} times", cases.count) };
        let (what, shape) = words(kind);
        let notes = self.notes(kind, example);
        let lines = example.operations.iter().enumerate();
        Finding {
            anomaly: kind.name().into(),
            proscribed,
            headline: format!("{what} (key {key}{times})"),
            story: self.story(kind, example),
            shape: shape.into(),
            evidence: lines
                .map(|(i, id)| Evidence {
                    is_culprit: culprit(kind) == Some(i),
                    ..self.evidence(*id, example, notes.get(i).cloned().unwrap_or_default())
                })
                .collect(),
            picture: None,
        }
    }

    fn story(&self, kind: LogAnomaly, example: &LogExample) -> String {
        let key = &self.parsed.keys[example.key as usize];
        let message = |i: usize| self.message(example, i);
        let offset = |i: usize| example.offsets.get(i).copied().unwrap_or_default();
        let node = |i: usize| self.node(example, i);
        match kind {
            LogAnomaly::LostWrite => format!(
                "{} acknowledged message {} of key {key} at offset {}, but no poll ever returned it, though polls went on to offset {}.",
                node(0),
                message(0),
                offset(0),
                offset(1)
            ),
            LogAnomaly::G1a => {
                format!("{} returned message {} of key {key}, whose send had failed.", node(1), message(0))
            }
            LogAnomaly::InconsistentOffsets => {
                format!(
                    "Offset {} of key {key} holds {} for one client and {} for another.",
                    offset(0),
                    message(0),
                    message(1)
                )
            }
            LogAnomaly::Duplicate => {
                format!("Message {} of key {key} is at offset {} and again at {}.", message(0), offset(0), offset(1))
            }
            LogAnomaly::Unexpected => {
                format!("{} returned message {} of key {key}, which nobody sent.", node(0), message(0))
            }
            LogAnomaly::IntPollSkip => format!(
                "One poll of key {key} on {} went from offset {} to {}, though there is a message at {}.",
                node(0),
                offset(0),
                offset(1),
                offset(2)
            ),
            LogAnomaly::IntNonmonotonicPoll => {
                format!(
                    "One poll of key {key} on {} returned offset {} and after it {}.",
                    node(0),
                    offset(0),
                    offset(1)
                )
            }
            LogAnomaly::PollSkip => format!(
                "A client that had polled key {key} up to offset {} went on at {}, though there is a message at {}.",
                offset(0),
                offset(1),
                offset(2)
            ),
            LogAnomaly::NonmonotonicPoll => format!(
                "A client that had polled key {key} up to offset {} got offset {} after that.",
                offset(0),
                offset(1)
            ),
            LogAnomaly::NonmonotonicSend => format!(
                "A client's message {} to key {key} got offset {}, though its earlier message {} had got {}.",
                message(1),
                offset(1),
                message(0),
                offset(0)
            ),
            LogAnomaly::IntNonmonotonicSend => format!(
                "One operation sent {} and then {} to key {key}, and they got offsets {} and {}.",
                message(0),
                message(1),
                offset(0),
                offset(1)
            ),
            LogAnomaly::IntSendSkip => format!(
                "One operation sent {} and {} to key {key}, and a message of somebody else, at offset {}, stands between them.",
                message(0),
                message(1),
                offset(2)
            ),
            LogAnomaly::PrecommittedRead => {
                format!("An operation polled the message {} of key {key} that it was only about to send.", message(0))
            }
            LogAnomaly::Unseen => format!(
                "{} acknowledged message {} of key {key} at offset {}, but by the end no poll had returned it.",
                node(0),
                message(0),
                offset(0)
            ),
        }
    }

    /// A note for each operation of an example.
    fn notes(&self, kind: LogAnomaly, example: &LogExample) -> Vec<String> {
        let offset = |i: usize| example.offsets.get(i).copied().unwrap_or_default();
        match kind {
            LogAnomaly::LostWrite => {
                vec!["acknowledged".into(), format!("reads on at offset {} without it", offset(1))]
            }
            LogAnomaly::G1a => vec!["failed, so it must never be seen".into(), "but here it is".into()],
            LogAnomaly::InconsistentOffsets => vec![
                format!("offset {} holds {}", offset(0), self.message(example, 0)),
                format!("offset {} holds {}", offset(0), self.message(example, 1)),
            ],
            LogAnomaly::Duplicate => vec![format!("at offset {}", offset(0)), format!("at offset {}", offset(1))],
            LogAnomaly::IntPollSkip | LogAnomaly::IntSendSkip => {
                vec![format!("{} is followed by {}", offset(0), offset(1)), format!("shows a message at {}", offset(2))]
            }
            LogAnomaly::PollSkip => vec![
                format!("ends at {}", offset(0)),
                format!("goes on at {}", offset(1)),
                format!("shows a message at {}", offset(2)),
            ],
            LogAnomaly::NonmonotonicPoll => vec![format!("ends at {}", offset(0)), format!("goes on at {}", offset(1))],
            LogAnomaly::NonmonotonicSend => vec![String::new(), "later, but not beyond the earlier one".into()],
            LogAnomaly::IntNonmonotonicPoll | LogAnomaly::IntNonmonotonicSend => {
                vec![format!("{} is followed by {}", offset(0), offset(1))]
            }
            LogAnomaly::Unexpected => vec!["nobody sent it".into()],
            LogAnomaly::PrecommittedRead => vec!["polls its own message".into()],
            LogAnomaly::Unseen => vec!["acknowledged, and never seen again".into()],
        }
    }

    /// A line of evidence: an operation with the messages that matter.
    fn evidence(&self, id: OpId, example: &LogExample, note: String) -> Evidence {
        let matters = |key: KeyId, offset: i64| key == example.key && example.offsets.contains(&offset);
        let operation = &self.parsed.operations[id as usize];
        Evidence::new(operation.pair(), self.words_of(operation, |key| key == example.key, matters), note)
    }

    /// A line of evidence: an operation with all its messages.
    pub(super) fn whole(&self, id: OpId) -> Evidence {
        let operation = &self.parsed.operations[id as usize];
        Evidence::new(operation.pair(), self.words_of(operation, |_| true, |_, _| false), "")
    }

    fn words_of(
        &self,
        operation: &LogOperation,
        is_shown: impl Fn(KeyId) -> bool,
        matters: impl Fn(KeyId, i64) -> bool,
    ) -> String {
        let name = |key: KeyId| &self.parsed.keys[key as usize];
        let mut parts = Vec::new();
        for send in self.parsed.sends_of(operation) {
            let message = &self.parsed.messages[send.message as usize];
            if !is_shown(message.key) {
                continue;
            }
            let value = brief(&message.content.to_json());
            let answer = match (operation.kind, send.offset) {
                (OpType::Ok | OpType::Info, Some(offset)) => format!(" → offset {offset}"),
                (OpType::Fail, _) => " → failed".into(),
                _ => " → unknown".into(),
            };
            parts.push(format!("send {value} to {}{answer}", name(message.key)));
        }
        let all: Vec<Polled> = self.parsed.polled_of(operation).collect();
        for polled in all.chunk_by(|a, b| a.key == b.key) {
            if is_shown(polled[0].key) {
                parts.push(format!("poll {} → {}", name(polled[0].key), self.polled(polled, &matters)));
            }
        }
        parts.join(", ")
    }

    /// Messages as text: `4: "a", 5: "b"`. Of many messages, only those near the ones that matter are shown.
    fn polled(&self, polled: &[Polled], matters: &impl Fn(KeyId, i64) -> bool) -> String {
        let row = |i: usize| polled.get(i).is_some_and(|row| matters(row.key, row.offset));
        let near = |i: usize| (i.saturating_sub(1)..=i + 1).any(row);
        let mut shown: Vec<String> = Vec::new();
        let mut gap = false;
        for (i, row) in polled.iter().enumerate() {
            if polled.len() <= 6 || near(i) {
                if gap {
                    shown.push("…".into());
                }
                shown.push(format!("{}: {}", row.offset, self.message_text(row.message)));
                gap = false;
            } else {
                gap = true;
            }
        }
        if gap {
            shown.push("…".into());
        }
        shown.join(", ")
    }

    fn message(&self, example: &LogExample, i: usize) -> String {
        example.messages.get(i).map(|&id| self.message_text(id)).unwrap_or_default()
    }

    fn message_text(&self, id: MessageId) -> String {
        brief(&self.parsed.messages[id as usize].content.to_json())
    }

    fn node(&self, example: &LogExample, i: usize) -> String {
        let id = example.operations.get(i).or(example.operations.first());
        let process = id.map(|&id| Process::Client(self.parsed.operations[id as usize].process));
        process.map(|process| who(process, self.context)).unwrap_or_default()
    }
}

/// The operation of an example with the wrong answer. `None` if two answers contradict each other and either may be wrong. The
/// last operation of a skip only shows that there was a message to skip.
fn culprit(kind: LogAnomaly) -> Option<usize> {
    match kind {
        LogAnomaly::InconsistentOffsets | LogAnomaly::Duplicate => None,
        LogAnomaly::LostWrite
        | LogAnomaly::G1a
        | LogAnomaly::PollSkip
        | LogAnomaly::NonmonotonicPoll
        | LogAnomaly::NonmonotonicSend => Some(1),
        LogAnomaly::IntPollSkip
        | LogAnomaly::IntSendSkip
        | LogAnomaly::IntNonmonotonicPoll
        | LogAnomaly::IntNonmonotonicSend
        | LogAnomaly::Unexpected
        | LogAnomaly::PrecommittedRead
        | LogAnomaly::Unseen => Some(0),
    }
}

/// The beginning of the headline, and the shape.
fn words(kind: LogAnomaly) -> (&'static str, &'static str) {
    match kind {
        LogAnomaly::LostWrite => ("lost an acknowledged message", "polls skipped an acknowledged message"),
        LogAnomaly::G1a => ("showed a message whose send failed", "a poll returned a message whose send had failed"),
        LogAnomaly::InconsistentOffsets => ("two messages at one offset", "one offset held two messages"),
        LogAnomaly::Duplicate => ("a message is in the log twice", "one message had two offsets"),
        LogAnomaly::Unexpected => ("a message that was never sent", "a poll returned a message that nobody had sent"),
        LogAnomaly::IntPollSkip => ("a poll skipped messages", "within one poll, a message was skipped"),
        LogAnomaly::IntNonmonotonicPoll => ("a poll went backwards", "within one poll, an offset did not increase"),
        LogAnomaly::PollSkip => {
            ("a client was made to skip messages", "between a client's polls, a message was skipped")
        }
        LogAnomaly::NonmonotonicPoll => {
            ("a client's polls went backwards", "between a client's polls, an offset did not increase")
        }
        LogAnomaly::NonmonotonicSend => {
            ("a client's sends went backwards", "between a client's sends, an offset did not increase")
        }
        LogAnomaly::IntNonmonotonicSend => ("sends went backwards", "within one operation, an offset did not increase"),
        LogAnomaly::IntSendSkip => {
            ("sends were interleaved", "within one operation, another client's message was between two sends")
        }
        LogAnomaly::PrecommittedRead => {
            ("polled its own message", "an operation polled the message that it was sending")
        }
        LogAnomaly::Unseen => ("never showed an acknowledged message", "an acknowledged message was never polled"),
    }
}
