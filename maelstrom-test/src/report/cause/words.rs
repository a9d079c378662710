//! The words that all reports use for the rows of a cause.

use std::time::Duration;

use super::{Cause, Fate, Fault, Matters, Operation, Reduction, Row, RowKind};
use crate::history::{Nanos, OpType};
use crate::report::units;

/// The words that describe a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::report) struct Words {
    /// The type of a message.
    pub(in crate::report) lead: String,
    /// What happens.
    pub(in crate::report) text: String,
    /// What happens to the message, if it is not simply received.
    pub(in crate::report) fate: String,
    note: String,
    /// Which other events it belongs to: `any of 2 is enough`.
    alternatives: String,
}

impl Words {
    /// Returns the remark.
    pub(in crate::report) fn note(&self) -> String {
        let parts = [&self.note, &self.alternatives].map(String::as_str);
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

impl Cause {
    /// Returns the cause without durations on the wall clock, which differ between repetitions.
    pub(in crate::report) fn without_wall_clock(&self) -> Cause {
        Cause { wall: Duration::ZERO, repeats_in: Duration::ZERO, ..self.clone() }
    }

    /// Summarises the search: `cut down to 3 of 5,411 operations, 1 of 12 faults, 7 of 31,204 messages that matter`. Without a
    /// search, says that nothing is proved.
    pub(in crate::report) fn summary(&self) -> String {
        let messages = self.messages.unwrap_or_default();
        let parts = [("operation", self.operations), ("fault", self.faults), ("message", messages)];
        let parts = parts.into_iter().filter(|(_, count)| count.total > 0);
        let counts: Vec<String> = parts
            .map(|(thing, Reduction { total, kept })| {
                format!("{} of {}", units::count(kept), units::counted(total, thing))
            })
            .collect();
        if self.is_chosen {
            return format!("chosen from the messages, not proved by repeating the run: {}", counts.join(", "));
        }
        let mut text = match counts.join(", ") {
            counts if counts.is_empty() => "nothing but the start of the nodes is needed".to_owned(),
            counts => format!("cut down to {counts} that matter"),
        };
        if self.messages.is_none() {
            text += "; which messages matter was not tested";
        }
        if let Some(why) = &self.incomplete {
            text += &format!("; not everything was tried: {why}");
        }
        if !self.repeats_in.is_zero() {
            text += &format!(" (repeated in {})", units::duration(self.repeats_in));
        }
        text
    }

    /// Describes a row in one sentence, without naming its columns.
    pub(in crate::report) fn describe(&self, row: &Row) -> String {
        let words = self.words(row);
        let parts: Vec<&str> = [&words.lead, &words.text, &words.fate, &row.note].map(String::as_str).into();
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let alternatives =
            if words.alternatives.is_empty() { String::new() } else { format!(" ({})", words.alternatives) };
        parts.join(", ") + &alternatives
    }

    /// Returns the words that describe a row.
    pub(in crate::report) fn words(&self, row: &Row) -> Words {
        let mut words = Words { note: row.note.clone(), ..Words::default() };
        match &row.kind {
            RowKind::Invoke(operation) => words.text = operation.text.clone(),
            RowKind::Complete(operation) => {
                words.text = match (operation.kind, operation.text.as_str()) {
                    (Some(OpType::Ok) | None, "") => "ok".into(),
                    (Some(OpType::Ok) | None, text) => text.into(),
                    (Some(kind), "") => kind.as_str().into(),
                    (Some(kind), text) => format!("{}: {text}", kind.as_str()),
                };
            }
            RowKind::Message(message) => {
                (words.lead, words.text) = (message.kind.clone(), message.text.clone());
                words.fate = match &message.fate {
                    Fate::Received { time } if self.has_rows_between(row.time, *time) => {
                        format!("arrives at {}", moment(*time))
                    }
                    Fate::Received { .. } => String::new(),
                    Fate::Late { time } => format!("arrives too late, at {}", moment(*time)),
                    Fate::Lost { reason, time: Some(time) } if self.has_rows_between(row.time, *time) => {
                        format!("{reason} at {}", moment(*time))
                    }
                    Fate::Lost { reason, .. } => reason.clone(),
                    Fate::InFlight => "still in flight at the end".into(),
                };
            }
            RowKind::FaultStart(fault) => words.text = fault_text(fault, "starts"),
            RowKind::FaultEnd(fault) => words.text = fault_text(fault, "ends"),
            RowKind::Log(text) => words.text = text.clone(),
        }
        if let Matters::OneOf(number) = row.matters {
            words.alternatives = format!("any of {number} is enough");
        } else if let Matters::SomeOf(number) = row.matters {
            words.alternatives = format!("some of {number} such messages are needed");
        }
        words
    }

    /// Names the ends of a row: `n1 → n2`, or the node that it is about.
    pub(in crate::report) fn ends(&self, row: &Row) -> String {
        let name = |column: usize| self.columns.get(column).map_or("", |column| &column.name);
        let arrow = |from: usize, to: usize| format!("{} → {}", name(from), name(to));
        match (&row.kind, row.column) {
            (RowKind::Message(message), Some(from)) => arrow(from, message.to),
            (RowKind::Invoke(Operation { node: Some(node), .. }), Some(from)) => arrow(from, *node),
            (RowKind::Complete(Operation { node: Some(node), .. }), Some(to)) => arrow(*node, to),
            (_, Some(column)) => name(column).to_owned(),
            (_, None) => String::new(),
        }
    }

    /// Returns the positions of the columns that rows refer to, in ascending order.
    pub(in crate::report) fn used_columns<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> Vec<usize> {
        let ends = rows.flat_map(|row| {
            let other = match &row.kind {
                RowKind::Invoke(operation) | RowKind::Complete(operation) => operation.node,
                RowKind::Message(message) => Some(message.to),
                RowKind::FaultStart(_) | RowKind::FaultEnd(_) | RowKind::Log(_) => None,
            };
            [row.column, other]
        });
        let mut used: Vec<usize> = ends.flatten().filter(|column| *column < self.columns.len()).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    fn has_rows_between(&self, from: Nanos, to: Nanos) -> bool {
        self.rows.iter().any(|row| row.time > from && row.time < to && !matches!(row.kind, RowKind::Log(_)))
    }

    /// Returns the time since the row before, if it is long compared with the times between other rows.
    pub(in crate::report) fn gap_before(&self, at: usize) -> Option<Nanos> {
        const SHORTEST: Nanos = 20_000_000;
        let (first, last) = (self.rows.first()?.time, self.rows.last()?.time);
        let gap = self.rows[at].time.saturating_sub(self.rows[at.checked_sub(1)?].time);
        (gap >= SHORTEST.max((last - first) / 8)).then_some(gap)
    }
}

/// Formats a time without a space at which a line could break.
fn moment(time: Nanos) -> String {
    units::moment(time).replace(' ', "\u{a0}")
}

fn fault_text(fault: &Fault, what: &str) -> String {
    if fault.text.is_empty() {
        format!("{} {what}", fault.kind)
    } else {
        format!("{} {what}: {}", fault.kind, fault.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_not_tested() {
        let mut cause = Cause { operations: Reduction { total: 9, kept: 2 }, ..Cause::default() };
        assert_eq!(cause.summary(), "cut down to 2 of 9 operations that matter; which messages matter was not tested");
        cause.messages = Some(Reduction { total: 5, kept: 0 });
        assert_eq!(cause.summary(), "cut down to 2 of 9 operations, 0 of 5 messages that matter");
        let empty = Cause { messages: Some(Reduction::default()), ..Cause::default() };
        assert_eq!(empty.summary(), "nothing but the start of the nodes is needed");
    }

    #[test]
    fn a_group_is_described_by_what_was_tested() {
        let row = |matters| Row { matters, ..Row::new(0, None, RowKind::Log(String::new())) };
        let note = |matters| Cause::default().words(&row(matters)).note();
        assert_eq!(note(Matters::OneOf(2)), "any of 2 is enough");
        assert_eq!(note(Matters::SomeOf(4)), "some of 4 such messages are needed");
    }
}
