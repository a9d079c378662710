//! Parses the entries of a history into flat lists of sent and polled messages.

use std::ops::Range;

use crate::json::Value;
use rustc_hash::{FxHashMap, FxHashSet};

use super::log::{Log, MessageId};
use crate::describe::brief;
use crate::entries::{Entries, NONE, Stamp};
use crate::history::{Mismatch, Op, OpType, Pair, Pairing};

/// The number of a key.
pub(super) type KeyId = u32;
/// The number of an operation: its place in [`Parsed::operations`].
pub(super) type OpId = u32;

/// An operation of a client. Operations are in the order in which they began.
pub(super) struct LogOperation {
    /// The positions of its entries, or [`NONE`].
    invocation: u32,
    completion: u32,
    pub(super) process: u64,
    /// Its outcome; `Info` if it has no completion.
    pub(super) kind: OpType,
    pub(super) role: Role,
    /// The offset of its sends in [`Parsed::sends`].
    first_send: u32,
    send_count: u32,
    /// The offset of its messages in [`Parsed::polled`]. Only ok operations have any.
    first_polled: u32,
    polled_count: u32,
}

impl LogOperation {
    pub(super) fn invocation(&self) -> Option<u32> {
        Some(self.invocation).filter(|at| *at != NONE)
    }

    pub(super) fn completion(&self) -> Option<u32> {
        Some(self.completion).filter(|at| *at != NONE)
    }

    /// Its entries in the history.
    pub(super) fn pair(&self) -> Pair {
        let position = |at: Option<u32>| at.map(|at| at as usize);
        Pair { invocation: position(self.invocation()), completion: position(self.completion()) }
    }

    /// The position of its last entry.
    pub(super) fn last_entry(&self) -> u32 {
        self.completion().unwrap_or(self.invocation)
    }

    pub(super) fn sends_any(&self) -> bool {
        self.send_count > 0
    }

    pub(super) fn polled_any(&self) -> bool {
        self.polled_count > 0
    }
}

/// The role of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Send,
    Poll,
    /// `assign` or `subscribe`: its place in [`Parsed::assignments`].
    Assign(u32),
    /// Sends and polls together, a crash, or another function.
    Other,
}

/// The keys that a process reads from now on.
pub(super) struct Assignment {
    /// Sorted.
    pub(super) keys: Vec<KeyId>,
    pub(super) from_beginning: bool,
    /// Whether a group of consumers shares the keys, and moves them between consumers at any time.
    is_shared: bool,
}

impl Assignment {
    /// Whether a process that has read a key continues where it stopped.
    pub(super) fn keeps(&self, key: KeyId) -> bool {
        !self.from_beginning && self.keys.binary_search(&key).is_ok()
    }
}

/// The effect of an operation on the positions of its process.
pub(super) enum PositionChange<'a> {
    /// None.
    Stay,
    /// The process reads these keys, from the beginning or from where it stopped.
    Assign(&'a Assignment),
    /// From now on every poll may continue anywhere.
    Share,
    /// The effect is unknown.
    Forget,
}

/// A message that was sent.
#[derive(Clone, Copy)]
pub(super) struct Send {
    pub(super) message: MessageId,
    /// Its offset, if the send was acknowledged.
    pub(super) offset: Option<i64>,
}

/// A message that was polled.
#[derive(Clone, Copy)]
pub(super) struct Polled {
    pub(super) key: KeyId,
    pub(super) message: MessageId,
    pub(super) offset: i64,
}

/// The content of a message. Nearly all are integers.
pub(super) enum Content {
    Integer(i64),
    Other(Box<Value>),
}

impl Content {
    fn of(value: &Value) -> Content {
        value.as_i64().map_or_else(|| Content::Other(Box::new(value.clone())), Content::Integer)
    }

    fn is(&self, value: &Value) -> bool {
        match self {
            Content::Integer(integer) => value.as_i64() == Some(*integer),
            Content::Other(own) => **own == *value,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Content::Integer(integer) => Value::from(*integer),
            Content::Other(value) => (**value).clone(),
        }
    }
}

/// What is known of a value of a key.
pub(super) struct Message {
    pub(super) key: KeyId,
    pub(super) content: Content,
    /// The operation that sent it, and how often it was sent. A message that was sent several times proves nothing.
    sender: OpId,
    pub(super) send_count: u32,
    /// The first offset at which it was seen.
    pub(super) offset: Option<i64>,
    /// The offset in the acknowledgement of its send.
    pub(super) acknowledged: Option<i64>,
    /// The ok operation that polled it first.
    polled_by: OpId,
}

impl Message {
    pub(super) fn sender(&self) -> Option<OpId> {
        Some(self.sender).filter(|id| *id != NONE)
    }

    pub(super) fn polled_by(&self) -> Option<OpId> {
        Some(self.polled_by).filter(|id| *id != NONE)
    }
}

/// A second message at one offset, or a second offset of one message.
pub(super) struct Conflict {
    pub(super) key: KeyId,
    pub(super) messages: [MessageId; 2],
    pub(super) offsets: [i64; 2],
}

/// A history in flat lists.
#[derive(Default)]
pub(super) struct Parsed {
    entries: Entries,
    pub(super) keys: Vec<String>,
    pub(super) logs: Vec<Log>,
    pub(super) messages: Vec<Message>,
    pub(super) operations: Vec<LogOperation>,
    sends: Vec<Send>,
    polled: Vec<MessageId>,
    /// By place in `polled`, the offset of a poll that differs from the first offset of the message.
    elsewhere: FxHashMap<u32, i64>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) inconsistent: Vec<Conflict>,
    pub(super) duplicates: Vec<Conflict>,
    /// The number of malformed operations, and a text about the first one.
    pub(super) malformed: usize,
    pub(super) first_malformed: Option<String>,
    /// The numbers of ok operations `send` and `poll`.
    pub(super) ok_sends: usize,
    pub(super) ok_polls: usize,
    /// By key, whether a message was sent to it or polled from it.
    used: Vec<bool>,
    numbers: FxHashMap<String, KeyId>,
    /// The conflicts that were recorded.
    conflicts: FxHashSet<(KeyId, i64, MessageId)>,
    integers: FxHashMap<(KeyId, i64), MessageId>,
    others: FxHashMap<(KeyId, Value), MessageId>,
    /// The pending operation of each process.
    open: Pairing<(OpId, Op)>,
}

impl Parsed {
    /// Adds the next entry.
    pub(super) fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            let id = self.begin(process, position, NONE);
            if let Some((id, unfinished)) = self.open.begin(process, op, (id, op.clone())) {
                self.end(id, OpType::Info, Some(&unfinished), &unfinished);
            }
            return;
        }
        let (open, op) = self.open.end(process, op);
        match open {
            Some((id, invocation)) => {
                self.operations[id as usize].completion = position;
                self.end(id, op.kind, Some(&invocation), &op);
            }
            None => {
                let id = self.begin(process, NONE, position);
                self.end(id, op.kind, None, &op);
            }
        }
    }

    /// A completion whose function differs from that of its invocation.
    pub(super) fn mismatch(&self) -> Option<&Mismatch> {
        self.open.mismatch()
    }

    /// Ends the history.
    pub(super) fn finish(&mut self) {
        for (id, invocation) in self.open.take_unfinished() {
            self.end(id, OpType::Info, Some(&invocation), &invocation);
        }
        self.place_unacknowledged();
        for log in &mut self.logs {
            log.number();
        }
        // Values are not looked up from here on.
        (self.integers, self.others) = Default::default();
    }

    fn begin(&mut self, process: u64, invocation: u32, completion: u32) -> OpId {
        self.operations.push(LogOperation {
            invocation,
            completion,
            process,
            kind: OpType::Info,
            role: Role::Other,
            first_send: 0,
            send_count: 0,
            first_polled: 0,
            polled_count: 0,
        });
        self.operations.len() as OpId - 1
    }

    /// Records what an operation did, by its last entry.
    fn end(&mut self, id: OpId, kind: OpType, invocation: Option<&Op>, op: &Op) {
        let role = self.role(invocation, op);
        let (first_send, first_polled) = (self.sends.len() as u32, self.polled.len() as u32);
        if matches!(&*op.f, "send" | "poll" | "txn") {
            let asked = invocation.and_then(|op| op.value.as_array()).map_or(&[][..], Vec::as_slice);
            let told = op.value.as_array().map_or(&[][..], Vec::as_slice);
            for (i, micro_op) in told.iter().enumerate() {
                let known = self.micro_op(id, kind, asked.get(i), micro_op);
                if known.is_none() {
                    self.malformed += 1;
                    self.first_malformed.get_or_insert_with(|| format!("entry {}: {}", op.index, brief(micro_op)));
                }
            }
        }
        self.ok_sends += usize::from(kind == OpType::Ok && role == Role::Send);
        self.ok_polls += usize::from(kind == OpType::Ok && role == Role::Poll);
        let counts = (self.sends.len() as u32 - first_send, self.polled.len() as u32 - first_polled);
        let operation = &mut self.operations[id as usize];
        (operation.kind, operation.role) = (kind, role);
        (operation.first_send, operation.first_polled) = (first_send, first_polled);
        (operation.send_count, operation.polled_count) = counts;
    }

    fn role(&mut self, invocation: Option<&Op>, op: &Op) -> Role {
        match &*op.f {
            "send" => Role::Send,
            "poll" => Role::Poll,
            "assign" | "subscribe" => {
                let is_set = |op: &Op| op.extra("seek_to_beginning") == Some(&Value::Bool(true));
                let named = op.value.as_array().into_iter().flatten();
                let mut keys: Vec<KeyId> = named.map(|key| self.key(&key_name(key))).collect();
                keys.sort_unstable();
                let assignment = Assignment {
                    keys,
                    from_beginning: invocation.is_some_and(is_set) || is_set(op),
                    is_shared: &*op.f == "subscribe",
                };
                self.assignments.push(assignment);
                Role::Assign(self.assignments.len() as u32 - 1)
            }
            _ => Role::Other,
        }
    }

    /// `["send", key, message]`, answered by `["send", key, [offset, message]]`; `["poll"]`, answered by `["poll", {key:
    /// [[offset, message], …]}]`. `None` if it is neither.
    fn micro_op(&mut self, id: OpId, kind: OpType, asked: Option<&Value>, told: &Value) -> Option<()> {
        let parts = told.as_array()?;
        match (parts.first()?.as_str()?, kind) {
            ("send", _) => {
                let key = self.used_key(&key_name(parts.get(1)?));
                // An answer differs from its request. Without a request, an ok entry is an answer.
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
                // Null counts as an empty object or list.
                let Some(lists) = parts.get(1)?.as_object() else { return parts[1].is_null().then_some(()) };
                for (name, list) in lists {
                    let key = self.used_key(name);
                    if list.is_null() {
                        continue;
                    }
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

    fn used_key(&mut self, name: &str) -> KeyId {
        let key = self.key(name);
        self.used[key as usize] = true;
        key
    }

    fn key(&mut self, name: &str) -> KeyId {
        if let Some(&key) = self.numbers.get(name) {
            return key;
        }
        let key = self.keys.len() as KeyId;
        self.keys.push(name.to_owned());
        self.numbers.insert(name.to_owned(), key);
        self.logs.push(Log::default());
        self.used.push(false);
        key
    }

    /// The number of keys to which messages were sent, or from which they were polled.
    pub(super) fn key_count(&self) -> usize {
        self.used.iter().filter(|used| **used).count()
    }

    fn message(&mut self, key: KeyId, value: &Value) -> MessageId {
        let next = self.messages.len() as MessageId;
        let message = match value.as_i64() {
            Some(integer) => *self.integers.entry((key, integer)).or_insert(next),
            None => *self.others.entry((key, value.clone())).or_insert(next),
        };
        if message == next {
            self.messages.push(Message {
                key,
                content: Content::of(value),
                sender: NONE,
                send_count: 0,
                offset: None,
                acknowledged: None,
                polled_by: NONE,
            });
        }
        message
    }

    fn send(&mut self, id: OpId, kind: OpType, key: KeyId, value: &Value, offset: Option<i64>) {
        let message = self.message(key, value);
        let row = &mut self.messages[message as usize];
        if row.sender == NONE {
            row.sender = id;
        }
        row.send_count += 1;
        if let (OpType::Ok, Some(offset)) = (kind, offset) {
            row.acknowledged.get_or_insert(offset);
            self.place(key, message, offset);
        }
        self.sends.push(Send { message, offset });
    }

    fn poll(&mut self, id: OpId, key: KeyId, offset: i64, value: &Value) {
        let expected = self.logs[key as usize].at(offset);
        let expected = expected.filter(|&message| self.messages[message as usize].content.is(value));
        let message = expected.unwrap_or_else(|| self.message(key, value));
        if expected.is_none() {
            self.place(key, message, offset);
        }
        let row = &mut self.messages[message as usize];
        if row.polled_by == NONE {
            row.polled_by = id;
        }
        if row.offset != Some(offset) {
            self.elsewhere.insert(self.polled.len() as u32, offset);
        }
        self.polled.push(message);
    }

    /// Records that a message is at an offset. No other message may be there, and the message may not be elsewhere.
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

    /// Adds messages with an unacknowledged send to the logs, if they were polled.
    fn place_unacknowledged(&mut self) {
        for id in 0..self.operations.len() {
            if self.operations[id].kind == OpType::Info {
                for index in self.send_range(&self.operations[id]) {
                    let Send { message, offset } = self.sends[index];
                    let Message { key, polled_by, .. } = self.messages[message as usize];
                    if let (Some(offset), true) = (offset, polled_by != NONE) {
                        self.place(key, message, offset);
                    }
                }
            }
        }
    }

    fn send_range(&self, operation: &LogOperation) -> Range<usize> {
        operation.first_send as usize..(operation.first_send + operation.send_count) as usize
    }

    pub(super) fn sends_of(&self, operation: &LogOperation) -> &[Send] {
        &self.sends[self.send_range(operation)]
    }

    /// The messages with a known offset that an operation sent, if it did not fail.
    pub(super) fn placed_sends_of(&self, operation: &LogOperation) -> impl Iterator<Item = Polled> + '_ {
        let sends = if operation.kind == OpType::Fail { &[] } else { self.sends_of(operation) };
        sends.iter().filter_map(|send| {
            let key = self.messages[send.message as usize].key;
            send.offset.map(|offset| Polled { key, message: send.message, offset })
        })
    }

    /// All sent messages.
    pub(super) fn sent(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.sends.iter().map(|send| send.message)
    }

    pub(super) fn polled_of(&self, operation: &LogOperation) -> impl Iterator<Item = Polled> + '_ {
        (operation.first_polled..operation.first_polled + operation.polled_count).map(|at| self.polled(at))
    }

    /// All polled messages.
    pub(super) fn all_polled(&self) -> impl Iterator<Item = Polled> + '_ {
        (0..self.polled.len() as u32).map(|at| self.polled(at))
    }

    fn polled(&self, at: u32) -> Polled {
        let message = self.polled[at as usize];
        let Message { key, offset, .. } = self.messages[message as usize];
        let offset = self.elsewhere.get(&at).copied().or(offset).expect("what was polled stands somewhere");
        Polled { key, message, offset }
    }

    /// The position of an offset in the log of a key.
    pub(super) fn position(&self, key: KeyId, offset: i64) -> usize {
        self.logs[key as usize].position(offset)
    }

    /// The effect of an operation on the positions of its process.
    pub(super) fn position_change(&self, operation: &LogOperation) -> PositionChange<'_> {
        match (operation.role, operation.kind) {
            (_, OpType::Fail) | (Role::Send, _) => PositionChange::Stay,
            (Role::Assign(at), OpType::Ok) => {
                let assignment = &self.assignments[at as usize];
                if assignment.is_shared { PositionChange::Share } else { PositionChange::Assign(assignment) }
            }
            (_, OpType::Ok) => PositionChange::Stay,
            // It may have taken effect or not, so the polls before it prove nothing.
            _ => PositionChange::Forget,
        }
    }

    /// The index, time and process of the entry at a position.
    pub(super) fn stamp(&self, position: u32) -> Stamp {
        self.entries.stamp(position)
    }
}

/// The name of a key. Numbers in histories of other tools become strings, like the keys of maps.
fn key_name(key: &Value) -> std::borrow::Cow<'_, str> {
    key.as_str().map_or_else(|| key.to_string().into(), Into::into)
}
