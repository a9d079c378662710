//! Transactions in words and in JSON.

use crate::json::{Value, json};

use crate::Evidence;
use crate::entries::NONE;
use crate::history::Nanos;
use crate::txn::explain::values::text;
use crate::txn::store::{Answers, Mop, MopKind, Store, Txn};

impl<A: Answers> Store<A> {
    /// `append x 1` or `r x [1 2]`.
    pub(in crate::txn) fn mop_text(&self, mop: &Mop) -> String {
        let key = self.key_text(mop.key);
        match mop.kind {
            MopKind::Write => format!("{} {key} {}", A::WRITE, self.names.value_text(mop.arg)),
            MopKind::Blind => format!("r {key} ?"),
            MopKind::Read => format!("r {key} {}", self.answer_text(mop.arg)),
        }
    }

    /// The answer of a read in words.
    pub(in crate::txn) fn answer_text(&self, arg: u32) -> String {
        text(&self.answers.answer(arg, &self.names))
    }

    /// A micro-operation as histories spell it.
    pub(in crate::txn) fn mop_json(&self, mop: &Mop) -> Value {
        let key = self.names.interner.value(mop.key);
        match mop.kind {
            MopKind::Write => json!([A::WRITE, key, self.names.value_json(mop.arg)]),
            MopKind::Blind => json!(["r", key, null]),
            MopKind::Read => json!(["r", key, self.answers.answer(mop.arg, &self.names)]),
        }
    }

    /// All that a transaction did, shortened if it did very much.
    pub(in crate::txn) fn txn_text(&self, txn: u32) -> String {
        const SHOWN: usize = 12;
        let mops = self.mops(txn);
        let mut parts: Vec<String> = mops.iter().take(SHOWN).map(|mop| self.mop_text(mop)).collect();
        if mops.len() > SHOWN {
            parts.push(format!("… {} more", mops.len() - SHOWN));
        }
        parts.join(", ")
    }

    /// A line of proof: the transaction under a name, and why it matters.
    pub(in crate::txn) fn evidence(&self, txn: u32, name: &str, note: String) -> Evidence {
        let Txn { invocation, completion, .. } = *self.txn(txn);
        let position = |position: u32| Some(position as usize).filter(|_| position != NONE);
        Evidence {
            invocation: position(invocation),
            completion: position(completion),
            text: format!("{name}: {}", self.txn_text(txn)),
            note,
            is_culprit: false,
        }
    }

    /// The key in words.
    pub(in crate::txn) fn key_text(&self, key: u32) -> String {
        text(&self.key_json(key))
    }

    /// The key as histories spell it.
    pub(in crate::txn) fn key_json(&self, key: u32) -> Value {
        self.names.interner.value(key)
    }

    /// The index that the history itself gives to a transaction's completion, or to its invocation if it has none.
    pub(in crate::txn) fn label(&self, txn: u32) -> u64 {
        self.entries.stamp(self.last_entry(txn)).index
    }

    /// Why the end of one transaction and the beginning of another order them.
    pub(in crate::txn) fn realtime_text(&self, (before, first): (u32, &str), (after, second): (u32, &str)) -> String {
        let [ended, began] =
            [self.last_entry(before), self.first_entry(after)].map(|position| self.entries.stamp(position).time);
        if ended == began {
            return format!("{first} was complete before {second} began");
        }
        format!("{first} was complete at {}, before {second} began at {}", seconds(ended), seconds(began))
    }
}

/// A time in seconds, in as few digits as tell milliseconds apart, or microseconds where that is needed.
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
