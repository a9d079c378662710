//! From operations to flat lists of what was sent and what was polled.

use std::borrow::Cow;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::log::{Log, MessageId};
use crate::history::{History, OpType, Pair};

/// Number of a key.
pub(super) type KeyId = u32;
/// Number of an operation: its place in [`Parsed::operations`].
pub(super) type OpId = u32;

/// One operation of a client.
pub(super) struct Operation {
    pub(super) pair: Pair,
    pub(super) process: u64,
    /// How it ended; `Info` if it never did.
    pub(super) kind: OpType,
    /// In [`Parsed::sends`].
    pub(super) sends: Range<u32>,
    /// In [`Parsed::polled`]; empty unless the operation is ok.
    pub(super) polled: Range<u32>,
}

/// A message on its way into a log.
#[derive(Clone, Copy)]
pub(super) struct Send {
    pub(super) key: KeyId,
    pub(super) message: MessageId,
    /// Where it came to stand, if that was answered.
    pub(super) offset: Option<i64>,
}

/// A message out of a log.
#[derive(Clone, Copy)]
pub(super) struct Polled {
    pub(super) key: KeyId,
    pub(super) message: MessageId,
    pub(super) offset: i64,
}

/// All that is known of one value of one key.
pub(super) struct Message<'h> {
    pub(super) key: KeyId,
    pub(super) value: &'h Value,
    /// The operation that sent it, and how often it was sent altogether: more than once breaks our assumptions.
    pub(super) sender: Option<OpId>,
    pub(super) send_count: u32,
    /// Where it was first seen to stand.
    pub(super) offset: Option<i64>,
    /// The offset with which its send was acknowledged.
    pub(super) acknowledged: Option<i64>,
    /// The first ok operation that polled it.
    pub(super) polled_by: Option<OpId>,
}

/// A second message at one offset, or a second offset of one message.
pub(super) struct Conflict {
    pub(super) key: KeyId,
    pub(super) messages: [MessageId; 2],
    pub(super) offsets: [i64; 2],
}

/// The history in flat lists.
#[derive(Default)]
pub(super) struct Parsed<'h> {
    pub(super) keys: Vec<Cow<'h, str>>,
    pub(super) logs: Vec<Log>,
    pub(super) messages: Vec<Message<'h>>,
    pub(super) operations: Vec<Operation>,
    pub(super) sends: Vec<Send>,
    pub(super) polled: Vec<Polled>,
    pub(super) inconsistent: Vec<Conflict>,
    pub(super) duplicates: Vec<Conflict>,
    /// Operations that are not as they should be.
    pub(super) malformed: usize,
    numbers: FxHashMap<Cow<'h, str>, KeyId>,
    /// Conflicts that have been noted.
    conflicts: FxHashSet<(KeyId, i64, MessageId)>,
    integers: FxHashMap<(KeyId, i64), MessageId>,
    others: FxHashMap<(KeyId, &'h Value), MessageId>,
}

impl<'h> Parsed<'h> {
    pub(super) fn new(history: &'h History) -> Parsed<'h> {
        let mut parsed = Parsed::default();
        for pair in history.pairs() {
            parsed.operation(history, pair);
        }
        parsed.place_unacknowledged();
        for log in &mut parsed.logs {
            log.number();
        }
        parsed
    }

    fn operation(&mut self, history: &'h History, pair: Pair) {
        let (invocation, completion) = history.entries(pair);
        let Some(op) = completion.or(invocation) else { return };
        let Some(process) = op.process.client() else { return };
        let kind = completion.map_or(OpType::Info, |op| op.kind);
        let id = self.operations.len() as OpId;
        let (sends, polled) = (self.sends.len() as u32, self.polled.len() as u32);
        if matches!(&*op.f, "send" | "poll" | "txn") {
            let asked = invocation.and_then(|op| op.value.as_array()).map_or(&[][..], Vec::as_slice);
            let told = op.value.as_array().map_or(&[][..], Vec::as_slice);
            for (i, micro_op) in told.iter().enumerate() {
                let known = self.micro_op(id, kind, asked.get(i), micro_op);
                self.malformed += usize::from(known.is_none());
            }
        }
        let (sends, polled) = (sends..self.sends.len() as u32, polled..self.polled.len() as u32);
        self.operations.push(Operation { pair, process, kind, sends, polled });
    }

    /// `["send", key, message]`, answered by `["send", key, [offset, message]]`; `["poll"]`, answered by `["poll", {key:
    /// [[offset, message], …]}]`. `None` if it is neither.
    fn micro_op(&mut self, id: OpId, kind: OpType, asked: Option<&'h Value>, told: &'h Value) -> Option<()> {
        let parts = told.as_array()?;
        match (parts.first()?.as_str()?, kind) {
            ("send", _) => {
                let key = self.key(key_name(parts.get(1)?));
                // An answer differs from its question; without the question, ok says that it is an answer.
                let answer =
                    parts.get(2)?.as_array().filter(|_| kind == OpType::Ok || asked.is_some_and(|q| q != told));
                let answer = answer.and_then(|pair| Some((pair.first()?.as_i64()?, pair.get(1)?)));
                match (answer, kind) {
                    (Some((offset, value)), _) => self.send(id, kind, key, value, Some(offset)),
                    (None, OpType::Ok) => return None,
                    (None, _) => self.send(id, kind, key, &parts[2], None),
                }
            }
            ("poll", OpType::Ok) => {
                for (name, list) in parts.get(1)?.as_object()? {
                    let key = self.key(Cow::Borrowed(name));
                    for message in list.as_array()? {
                        let (offset, value) = (message.get(0)?.as_i64()?, message.get(1)?);
                        self.poll(id, key, offset, value);
                    }
                }
            }
            ("poll", _) => {}
            _ => return None,
        }
        Some(())
    }

    fn key(&mut self, name: Cow<'h, str>) -> KeyId {
        if let Some(&key) = self.numbers.get(&*name) {
            return key;
        }
        let key = self.keys.len() as KeyId;
        self.keys.push(name.clone());
        self.numbers.insert(name, key);
        self.logs.push(Log::default());
        key
    }

    /// The number of a key by its name.
    pub(super) fn find_key(&self, name: &Value) -> Option<KeyId> {
        self.numbers.get(&*key_name(name)).copied()
    }

    fn message(&mut self, key: KeyId, value: &'h Value) -> MessageId {
        let next = self.messages.len() as MessageId;
        let message = match value.as_i64() {
            Some(integer) => *self.integers.entry((key, integer)).or_insert(next),
            None => *self.others.entry((key, value)).or_insert(next),
        };
        if message == next {
            self.messages.push(Message {
                key,
                value,
                sender: None,
                send_count: 0,
                offset: None,
                acknowledged: None,
                polled_by: None,
            });
        }
        message
    }

    fn send(&mut self, id: OpId, kind: OpType, key: KeyId, value: &'h Value, offset: Option<i64>) {
        let message = self.message(key, value);
        let row = &mut self.messages[message as usize];
        row.sender.get_or_insert(id);
        row.send_count += 1;
        if let (OpType::Ok, Some(offset)) = (kind, offset) {
            row.acknowledged.get_or_insert(offset);
            self.place(key, message, offset);
        }
        self.sends.push(Send { key, message, offset });
    }

    fn poll(&mut self, id: OpId, key: KeyId, offset: i64, value: &'h Value) {
        let expected = self.logs[key as usize].at(offset);
        let expected = expected.filter(|&message| self.messages[message as usize].value == value);
        let message = expected.unwrap_or_else(|| self.message(key, value));
        if expected.is_none() {
            self.place(key, message, offset);
        }
        self.messages[message as usize].polled_by.get_or_insert(id);
        self.polled.push(Polled { key, message, offset });
    }

    /// A message stands at an offset; so no other may stand there, nor may it stand anywhere else.
    fn place(&mut self, key: KeyId, message: MessageId, offset: i64) {
        let there = self.logs[key as usize].at(offset);
        let elsewhere = self.messages[message as usize].offset.filter(|known| *known != offset);
        let is_conflict = elsewhere.is_some() || there.is_some_and(|known| known != message);
        if is_conflict && !self.conflicts.insert((key, offset, message)) {
            return;
        }
        match there {
            None => self.logs[key as usize].insert(offset, message),
            Some(known) if known == message => {}
            Some(known) => self.inconsistent.push(Conflict { key, messages: [known, message], offsets: [offset; 2] }),
        }
        if let Some(known) = elsewhere {
            self.duplicates.push(Conflict { key, messages: [message; 2], offsets: [known, offset] });
        }
        self.messages[message as usize].offset.get_or_insert(offset);
    }

    /// Messages whose sends were not acknowledged, though an offset is known, count if they were polled.
    fn place_unacknowledged(&mut self) {
        for id in 0..self.operations.len() {
            if self.operations[id].kind == OpType::Info {
                for index in self.operations[id].sends.clone() {
                    let Send { key, message, offset } = self.sends[index as usize];
                    if let (Some(offset), true) = (offset, self.messages[message as usize].polled_by.is_some()) {
                        self.place(key, message, offset);
                    }
                }
            }
        }
    }

    pub(super) fn sends_of(&self, operation: &Operation) -> &[Send] {
        &self.sends[operation.sends.start as usize..operation.sends.end as usize]
    }

    pub(super) fn polled_of(&self, operation: &Operation) -> &[Polled] {
        &self.polled[operation.polled.start as usize..operation.polled.end as usize]
    }

    /// The place of an offset among those of its key.
    pub(super) fn position(&self, key: KeyId, offset: i64) -> usize {
        self.logs[key as usize].position(offset)
    }
}

/// Keys are strings; where histories of other tools have numbers, these become strings, as the keys of maps do.
fn key_name(key: &Value) -> Cow<'_, str> {
    key.as_str().map_or_else(|| Cow::Owned(key.to_string()), Cow::Borrowed)
}
