//! Collects additions and reads, entry by entry, and what each read shows of each element.
//!
//! The lists need not be kept. Of the reads without an element, only the one that began last matters. Reads of a process do
//! not overlap, so this is the last read of some process before its list gains the element, or its very last read. So each
//! list is compared with the list before of the same process, and only the latest list of each process is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::json::Value;
use rustc_hash::FxHashMap;

use crate::CheckContext;
use crate::entries::{Entries, NONE, PackedPair, Stamp};
use crate::history::{Mismatch, Op, OpType, Pairing};
use crate::intern::Interner;

/// A read that returned a list.
pub(super) struct SetRead {
    pub(super) place: PackedPair,
    /// The number of its elements.
    pub(super) size: u32,
    /// The offset of its elements in [`Observations::shown`], if there are few.
    first_shown: u32,
}

impl SetRead {
    /// The length of the longest list that reports show.
    pub(super) const SHOWN: u32 = 16;

    /// The position of its invocation, or else of its completion.
    pub(super) fn begun(&self) -> u32 {
        if self.place.invocation == NONE { self.place.completion } else { self.place.invocation }
    }
}

/// What the history shows of a value that was added or read.
pub(super) struct ElementRecord {
    /// The position of the invocation of its first addition; 0 if that has no invocation, [`NONE`] if there is no addition.
    pub(super) invoked: u32,
    /// Its first addition, of any outcome.
    pub(super) tried: PackedPair,
    /// The addition that was acknowledged first.
    pub(super) acknowledged: PackedPair,
    /// The reads with it after it was added, or [`NONE`]: the one that ended first, and the one that began last.
    pub(super) first_read: u32,
    pub(super) last_present: u32,
    /// The read without it that began last, of those that could have it; or [`NONE`].
    pub(super) last_absent: u32,
    /// A final read without it that should have it; or [`NONE`].
    pub(super) missing_from_final: u32,
    /// The last read with it, its count there, and the last read whose predecessor had it.
    stamp: u32,
    times: u32,
    before: u32,
}

impl ElementRecord {
    const UNSEEN: ElementRecord = ElementRecord {
        invoked: NONE,
        tried: PackedPair::NONE,
        acknowledged: PackedPair::NONE,
        first_read: NONE,
        last_present: NONE,
        last_absent: NONE,
        missing_from_final: NONE,
        stamp: NONE,
        times: 0,
        before: NONE,
    };
}

/// A value that a read should not have, or not that often.
#[derive(Clone, Copy)]
pub(super) struct ReadAnomaly {
    /// The earliest read that shows it.
    pub(super) read: u32,
    /// Its place in that read.
    pub(super) place: u32,
    /// Its count there. For duplicates, the largest count in any read.
    pub(super) count: u32,
}

/// A pending operation.
struct PendingSetOp {
    position: u32,
    is_final: bool,
    /// The value that it adds; `None` for reads.
    adds: Option<u32>,
    /// Whether it is the first addition of the value.
    is_first: bool,
}

/// The latest read of a process that has an invocation, and its list.
pub(super) struct Latest {
    pub(super) read: u32,
    pub(super) ids: Vec<u32>,
}

/// The additions and reads of a history.
#[derive(Default)]
pub(super) struct Observations {
    entries: Entries,
    pub(super) values: Interner,
    /// By value, what is known of it.
    pub(super) records: Vec<ElementRecord>,
    pub(super) reads: Vec<SetRead>,
    shown: Vec<u32>,
    open: Pairing<PendingSetOp>,
    pub(super) latest: FxHashMap<u64, Latest>,
    pub(super) duplicated: FxHashMap<u32, ReadAnomaly>,
    /// Values that were read before an addition of them began.
    pub(super) unexpected: FxHashMap<u32, ReadAnomaly>,
    /// The function of additions: `broadcast` or `add`.
    addition: Option<Arc<str>>,
    /// The number of reads that did not return a list.
    pub(super) malformed: usize,
    /// In the final phase, the elements that every read must have and that each one had so far.
    expected: Option<Vec<u32>>,
    /// The processes that invoked a read in the final phase, and whether one of these was ok.
    final_readers: BTreeMap<u64, bool>,
}

impl Observations {
    pub(super) fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        if op.is_final && self.expected.is_none() {
            let is_known = |sight: &ElementRecord| sight.invoked != NONE && self.known(sight).is_some();
            self.expected =
                Some((0..).zip(&self.records).filter(|(_, sight)| is_known(sight)).map(|(id, _)| id).collect());
        }
        let Some(process) = op.process.client() else { return };
        match op.kind {
            OpType::Invoke => self.begin(process, position, op),
            _ => self.end(process, position, op),
        }
    }

    fn begin(&mut self, process: u64, position: u32, op: &Op) {
        let is_read = &*op.f == "read";
        let (mut adds, mut is_first) = (None, false);
        if !is_read {
            self.addition.get_or_insert_with(|| op.f.clone());
            let id = self.id(&op.value);
            adds = Some(id);
            is_first = self.add(id, PackedPair { invocation: position, completion: NONE }, position);
        } else if op.is_final {
            self.final_readers.entry(process).or_default();
        }
        self.open.begin(process, op, PendingSetOp { position, is_final: op.is_final, adds, is_first });
    }

    fn end(&mut self, process: u64, position: u32, op: &Op) {
        let (open, op) = self.open.end(process, op);
        let place = PackedPair { invocation: open.as_ref().map_or(NONE, |open| open.position), completion: position };
        let is_final = op.is_final || open.as_ref().is_some_and(|open| open.is_final);
        let is_ok = op.kind == OpType::Ok;
        let mut adds = open.as_ref().and_then(|open| open.adds);
        if open.is_none() && &*op.f != "read" {
            self.addition.get_or_insert_with(|| op.f.clone());
            let id = self.id(&op.value);
            self.add(id, place, 0);
            adds = Some(id);
        }
        if let Some(id) = adds {
            let sight = &mut self.records[id as usize];
            if open.is_some_and(|open| open.is_first) {
                sight.tried = place;
            }
            if is_ok && sight.acknowledged.completion == NONE {
                sight.acknowledged = place;
            }
        } else if is_final {
            *self.final_readers.entry(process).or_default() |= is_ok;
        }
        if is_ok && &*op.f == "read" {
            match &op.value {
                Value::Array(list) => self.read(process, place, is_final, list),
                // Some languages write an empty list as null.
                Value::Null => self.read(process, place, is_final, &[]),
                _ => self.malformed += 1,
            }
        }
    }

    /// A completion whose function differs from that of its invocation.
    pub(super) fn mismatch(&self) -> Option<&Mismatch> {
        self.open.mismatch()
    }

    /// Records an addition. False if there was an addition of the value before.
    fn add(&mut self, id: u32, place: PackedPair, invoked: u32) -> bool {
        let sight = &mut self.records[id as usize];
        let is_first = sight.invoked == NONE;
        if is_first {
            (sight.invoked, sight.tried) = (invoked, place);
        }
        if is_first && place.invocation != NONE {
            // Reads before cannot have this element.
            (sight.first_read, sight.last_present, sight.last_absent) = (NONE, NONE, NONE);
        }
        is_first
    }

    fn id(&mut self, value: &Value) -> u32 {
        let id = self.values.id(value);
        if id as usize == self.records.len() {
            self.records.push(ElementRecord::UNSEEN);
        }
        id
    }

    fn read(&mut self, process: u64, place: PackedPair, is_final: bool, list: &[Value]) {
        let number = self.reads.len() as u32;
        self.reads.push(SetRead { place, size: list.len() as u32, first_shown: self.shown.len() as u32 });
        let before = self.latest.remove(&process).unwrap_or(Latest { read: NONE, ids: Vec::new() });
        let ids = self.numbered(list, &before.ids);
        if list.len() <= SetRead::SHOWN as usize {
            self.shown.extend_from_slice(&ids);
        }
        for id in &before.ids {
            self.records[*id as usize].before = number;
        }
        for (at, id) in (0..).zip(&ids) {
            self.see(*id, number, at, before.read);
        }
        if let Some(expected) = self.expected.as_mut().filter(|_| is_final) {
            let records = &mut self.records;
            expected.retain(|id| {
                let sight = &mut records[*id as usize];
                if sight.stamp != number {
                    sight.missing_from_final = number;
                }
                sight.stamp == number
            });
        }
        // A read that cannot be placed in time only shows the elements that it has.
        let latest = if place.invocation == NONE { before } else { Latest { read: number, ids } };
        self.latest.insert(process, latest);
    }

    /// Records a value of a read, at the place `at` of its list. `before` is the read before of the same process.
    fn see(&mut self, id: u32, number: u32, at: u32, before: u32) {
        let reads = &self.reads;
        let sight = &mut self.records[id as usize];
        sight.times = if sight.stamp == number { sight.times + 1 } else { 1 };
        sight.stamp = number;
        let anomaly = ReadAnomaly { read: number, place: at, count: sight.times };
        if sight.times > 1 {
            note(&mut self.duplicated, reads, id, anomaly);
            return;
        }
        if sight.before != number && before != NONE {
            sight.see_absent(reads, before);
        }
        if sight.invoked == NONE {
            note(&mut self.unexpected, reads, id, anomaly);
        }
        sight.see_present(reads, number);
    }

    /// The number of each value of a list. The list of a process mostly has the values of its last list, in the same order. So
    /// values are compared with those first, and only new ones are looked up.
    fn numbered(&mut self, list: &[Value], last: &[u32]) -> Vec<u32> {
        /// The number of values that may be missing at one place of a list before the rest of it is looked up.
        const WINDOW: usize = 64;
        let mut ids = Vec::with_capacity(list.len());
        let (mut cursor, mut strays) = (0, 0);
        for value in list {
            if let Some(id) = last.get(cursor).filter(|id| self.values.is(**id, value)) {
                ids.push(*id);
                cursor += 1;
                continue;
            }
            let id = self.id(value);
            ids.push(id);
            // If the last list has the value a little later, the values before it are missing now. Otherwise the value is
            // new. After many new values the order is probably different, and this search is useless.
            if strays < WINDOW {
                let ahead = &last[cursor.min(last.len())..last.len().min(cursor + WINDOW)];
                match ahead.iter().position(|other| *other == id) {
                    Some(distance) => (cursor, strays) = (cursor + distance + 1, 0),
                    None => strays += 1,
                }
            }
        }
        ids
    }

    /// The position of the entry since which an element is known.
    pub(super) fn known(&self, sight: &ElementRecord) -> Option<u32> {
        let read = self.reads.get(sight.first_read as usize).map(|read| read.place.completion);
        read.into_iter().chain(Some(sight.acknowledged.completion)).min().filter(|at| *at != NONE)
    }

    /// The list of a read, if it is short.
    pub(super) fn list(&self, read: u32) -> Option<Value> {
        let SetRead { size, first_shown, .. } = self.reads[read as usize];
        let ids = (size <= SetRead::SHOWN).then(|| &self.shown[first_shown as usize..(first_shown + size) as usize])?;
        Some(ids.iter().map(|id| self.values.value(*id)).collect())
    }

    /// The name of the function of additions in the history.
    pub(super) fn addition(&self) -> &str {
        self.addition.as_deref().unwrap_or("add")
    }

    /// The index, time and process of the entry at a position.
    pub(super) fn stamp(&self, position: u32) -> Stamp {
        self.entries.stamp(position)
    }

    /// The workers without an `ok` final read, as text, if there is a final phase. If the number of workers is unknown, every
    /// process that invoked a final read counts as one.
    pub(super) fn missing_final_reads(&self, context: &CheckContext) -> Option<String> {
        let workers = context.concurrency as u64;
        let mut has_read: BTreeMap<u64, bool> = BTreeMap::new();
        for (process, has) in &self.final_readers {
            *has_read.entry(if workers == 0 { *process } else { process % workers }).or_default() |= has;
        }
        if has_read.is_empty() {
            return None;
        }
        for worker in 0..workers {
            has_read.entry(worker).or_default();
        }
        let without: Vec<u64> = has_read.into_iter().filter(|(_, has)| !has).map(|(worker, _)| worker).collect();
        let first = without.first()?;
        let node = context.node_of(*first).map(|node| format!(" (client of {node})")).unwrap_or_default();
        let more = if without.len() > 1 { format!(" and {} more have", without.len() - 1) } else { " has".to_string() };
        Some(format!("worker {first}{node}{more} no successful final read, so elements may be missing there"))
    }
}

impl ElementRecord {
    /// Records a read with the element. Reads must come in the order of their ends.
    fn see_present(&mut self, reads: &[SetRead], read: u32) {
        if self.first_read == NONE {
            self.first_read = read;
        }
        latest(&mut self.last_present, reads, read);
    }

    /// Records a read without the element. It counts if an addition of the element began before the read ended.
    pub(super) fn see_absent(&mut self, reads: &[SetRead], read: u32) {
        if self.invoked == NONE || self.invoked < reads[read as usize].place.completion {
            latest(&mut self.last_absent, reads, read);
        }
    }
}

/// Keeps the read that began last.
fn latest(slot: &mut u32, reads: &[SetRead], read: u32) {
    if *slot == NONE || reads[*slot as usize].begun() < reads[read as usize].begun() {
        *slot = read;
    }
}

fn note(anomalies: &mut FxHashMap<u32, ReadAnomaly>, reads: &[SetRead], id: u32, anomaly: ReadAnomaly) {
    let row = anomalies.entry(id).or_insert(anomaly);
    let count = row.count.max(anomaly.count);
    if reads[anomaly.read as usize].begun() < reads[row.read as usize].begun() {
        *row = anomaly;
    }
    row.count = count;
}
