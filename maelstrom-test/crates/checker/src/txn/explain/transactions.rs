//! Transactions as text and as JSON.

use crate::json::{Value, json};

use super::values::value_text;
use crate::Evidence;
use crate::entries::NONE;
use crate::history::Nanos;
use crate::txn::store::{Answers, Mop, MopKind, Store, Txn, ValueTable};

impl ValueTable {
    /// The value of a version as text.
    pub(in crate::txn) fn value_text(&self, version: u32) -> String {
        value_text(&self.value_json(version))
    }
}

impl<A: Answers> Store<A> {
    /// A micro-operation as text: `append x 1` or `r x [1 2]`.
    pub(in crate::txn) fn mop_text(&self, mop: &Mop) -> String {
        let key = self.key_text(mop.key);
        match mop.kind {
            MopKind::Write => format!("{} {key} {}", A::WRITE, self.values.value_text(mop.arg)),
            MopKind::Blind => format!("r {key} ?"),
            MopKind::Read => format!("r {key} {}", self.answer_text(mop.arg)),
        }
    }

    /// The answer of a read as text.
    pub(in crate::txn) fn answer_text(&self, arg: u32) -> String {
        value_text(&self.answers.answer(arg, &self.values))
    }

    /// A micro-operation as in a history.
    pub(in crate::txn) fn mop_json(&self, mop: &Mop) -> Value {
        let key = self.values.interner.value(mop.key);
        match mop.kind {
            MopKind::Write => json!([A::WRITE, key, self.values.value_json(mop.arg)]),
            MopKind::Blind => json!(["r", key, null]),
            MopKind::Read => json!(["r", key, self.answers.answer(mop.arg, &self.values)]),
        }
    }

    /// The micro-operations of a transaction as text, shortened if there are many.
    pub(in crate::txn) fn txn_text(&self, txn: u32) -> String {
        const SHOWN: usize = 12;
        let mops = self.mops(txn);
        let mut parts: Vec<String> = mops.iter().take(SHOWN).map(|mop| self.mop_text(mop)).collect();
        if mops.len() > SHOWN {
            parts.push(format!("… {} more", mops.len() - SHOWN));
        }
        parts.join(", ")
    }

    /// A line of evidence: a transaction, its name in the proof, and why it matters.
    pub(in crate::txn) fn evidence(&self, txn: u32, name: &str, note: String) -> Evidence {
        let Txn { invocation, completion, .. } = *self.txn(txn);
        let position = |position: u32| Some(position as usize).filter(|_| position != NONE);
        Evidence {
            invocation: position(invocation),
            completion: position(completion),
            text: format!("{name}: {}", self.txn_text(txn)),
            note,
            is_culprit: false,
            node: None,
        }
    }

    /// A key as text.
    pub(in crate::txn) fn key_text(&self, key: u32) -> String {
        value_text(&self.key_json(key))
    }

    /// A key as in a history.
    pub(in crate::txn) fn key_json(&self, key: u32) -> Value {
        self.values.interner.value(key)
    }

    /// The index, in the history, of the completion of a transaction, or of its invocation if it has no completion.
    pub(in crate::txn) fn history_index(&self, txn: u32) -> u64 {
        self.entries.stamp(self.last_entry(txn)).index
    }

    /// Why one transaction precedes another in real time.
    pub(in crate::txn) fn realtime_text(&self, (before, first): (u32, &str), (after, second): (u32, &str)) -> String {
        let [ended, began] =
            [self.last_entry(before), self.first_entry(after)].map(|position| self.entries.stamp(position).time);
        if ended == began {
            return format!("{first} was complete before {second} began");
        }
        format!("{first} was complete at {}, before {second} began at {}", seconds(ended), seconds(began))
    }
}

/// A time in seconds, with two digits if that is exact, else three, else six.
fn seconds(time: Nanos) -> String {
    let digits = if time.is_multiple_of(10_000_000) {
        2
    } else if time.is_multiple_of(1_000_000) {
        3
    } else {
        6
    };
    format!("{:.digits$} s", time as f64 / 1e9)
}
