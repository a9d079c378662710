//! What became of every element.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::reads::{Numbering, Read, UNKNOWN, reads};
use crate::checker::CheckContext;
use crate::history::{History, Nanos, OpType, Pair, Process};

/// An element that somebody tried to add.
pub(super) struct Element<'h> {
    pub(super) value: &'h Value,
    /// Position of its first addition's invocation; 0 where the history lacks that.
    invoked: usize,
    /// Its first addition, whatever became of it.
    pub(super) tried: Pair,
    /// The addition that was acknowledged first.
    pub(super) acknowledged: Option<Pair>,
    /// Of the reads that have it, the one that was completed first.
    pub(super) first_read: Option<usize>,
    /// Of the reads that have it, the one that began last.
    last_present: Option<usize>,
    /// Of the reads that could have it but do not, the one that began last.
    last_absent: Option<usize>,
    /// A final read that should have it but does not.
    pub(super) missing_from_final: Option<usize>,
}

/// What reads show of an element: the part of it that the sweep looks at for every element of every read.
struct Sight {
    invoked: usize,
    /// The read that showed it last, as numbered by the sweep, and how often that has it.
    stamp: u32,
    times: u32,
    /// The read with it that was completed first, and when.
    first: Option<(usize, usize)>,
    last_present: Option<usize>,
    last_absent: Option<usize>,
}

impl Sight {
    fn new(invoked: usize) -> Sight {
        Sight { invoked, stamp: 0, times: 0, first: None, last_present: None, last_absent: None }
    }
}

/// Something that a read should not have shown.
pub(super) struct Oddity<'h> {
    pub(super) value: &'h Value,
    /// The earliest read that shows it.
    pub(super) read: usize,
    /// How often it stands there; for duplicates the largest count of any read.
    pub(super) count: u32,
    /// Where it stands in that read.
    place: usize,
}

pub(super) struct Analysis<'h> {
    pub(super) history: &'h History,
    pub(super) elements: Vec<Element<'h>>,
    pub(super) reads: Vec<Read<'h>>,
    pub(super) stable: Vec<usize>,
    pub(super) lost: Vec<usize>,
    pub(super) never_read: Vec<usize>,
    pub(super) duplicated: Vec<Oddity<'h>>,
    pub(super) unexpected: Vec<Oddity<'h>>,
    /// Why a good verdict cannot be given.
    pub(super) doubts: Vec<String>,
}

impl<'h> Analysis<'h> {
    pub(super) fn of(history: &'h History, context: &CheckContext, lenient: bool) -> Analysis<'h> {
        let pairs = history.pairs();
        let (reads, malformed) = reads(history, &pairs);
        let mut analysis = Analysis {
            history,
            elements: elements(history, &pairs),
            reads,
            stable: Vec::new(),
            lost: Vec::new(),
            never_read: Vec::new(),
            duplicated: Vec::new(),
            unexpected: Vec::new(),
            doubts: Vec::new(),
        };
        let mut numbering = Numbering::new(analysis.elements.iter().map(|element| element.value));
        analysis.sweep(&mut numbering);
        if !lenient {
            analysis.check_final_reads(&mut numbering);
            analysis.doubts.extend(missing_final_reads(history, &pairs, context));
        }
        analysis.classify();
        let unplaced = analysis.reads.iter().filter(|read| read.invoked.is_none()).count();
        if unplaced > 0 {
            analysis
                .doubts
                .push(format!("{unplaced} reads have no invocation, so it is unknown what they could have seen"));
        }
        if malformed > 0 {
            analysis.doubts.push(format!("{malformed} reads did not return a list"));
        }
        analysis
    }

    /// Goes through the reads from the one that began last to the one that began first. So the first read with an
    /// element, and the first without it, are the last ones in time. `pending` links the elements for which no read
    /// without them has been met; each step along it is paid for by an element of the read, or ends an element's wait.
    fn sweep(&mut self, numbering: &mut Numbering<'h>) {
        let mut order: Vec<usize> = (0..self.reads.len()).collect();
        order.sort_by_key(|&read| Reverse(self.reads[read].begun()));
        let mut pending = Pending::new(self.elements.len());
        let mut sights: Vec<Sight> = self.elements.iter().map(|element| Sight::new(element.invoked)).collect();
        let mut unexpected = Oddities::default();
        let mut duplicated = Oddities::default();
        for (stamp, read) in (1_u32..).zip(order) {
            let Read { values, completed, invoked, .. } = self.reads[read];
            for (place, &number) in numbering.of(&self.reads[read]).iter().enumerate() {
                let Some(sight) = sights.get_mut(number as usize) else {
                    unexpected.add(&values[place], (read, place), 1);
                    continue;
                };
                sight.times = if sight.stamp == stamp { sight.times + 1 } else { 1 };
                sight.stamp = stamp;
                if sight.times > 1 {
                    duplicated.add(&values[place], (read, place), sight.times);
                } else if completed < sight.invoked {
                    unexpected.add(&values[place], (read, place), 1);
                } else {
                    sight.last_present.get_or_insert(read);
                    if sight.first.is_none_or(|(_, first)| completed < first) {
                        sight.first = Some((read, completed));
                    }
                }
            }
            if invoked.is_some() {
                // In the order of invocation: those that come later could not be seen yet.
                pending.take_out(
                    &mut sights,
                    |sight| sight.invoked < completed,
                    |sight| {
                        let absent = sight.stamp != stamp;
                        if absent {
                            sight.last_absent = Some(read);
                        }
                        absent
                    },
                );
            }
        }
        for (element, sight) in self.elements.iter_mut().zip(sights) {
            element.first_read = sight.first.map(|(read, _)| read);
            element.last_present = sight.last_present;
            element.last_absent = sight.last_absent;
        }
        self.unexpected = unexpected.in_order(&self.reads);
        self.duplicated = duplicated.in_order(&self.reads);
    }

    /// Elements that were known before the final phase must be in each of its reads.
    fn check_final_reads(&mut self, numbering: &mut Numbering<'h>) {
        let Some(start) = self.history.ops.iter().position(|op| op.is_final) else { return };
        let known = |id: &usize| self.known(*id).is_some_and(|position| position < start);
        let mut expected: Vec<usize> = (0..self.elements.len()).filter(known).collect();
        let mut seen = vec![usize::MAX; self.elements.len()];
        for read in (0..self.reads.len()).filter(|&read| self.reads[read].is_final) {
            for &number in numbering.of(&self.reads[read]) {
                if number != UNKNOWN {
                    seen[number as usize] = read;
                }
            }
            let elements = &mut self.elements;
            expected.retain(|&id| {
                let present = seen[id] == read;
                if !present {
                    elements[id].missing_from_final = Some(read);
                }
                present
            });
        }
    }

    fn classify(&mut self) {
        for id in 0..self.elements.len() {
            let element = &self.elements[id];
            let begun = |read: Option<usize>| read.map(|read| self.reads[read].begun());
            let (present, absent) = (begun(element.last_present), begun(element.last_absent));
            let gone = absent > present && absent > self.known(id) && self.known(id).is_some();
            if gone || element.missing_from_final.is_some() {
                self.lost.push(id);
            } else if present > absent {
                self.stable.push(id);
            } else {
                self.never_read.push(id);
            }
        }
    }

    /// Position of the entry since which the element is known.
    pub(super) fn known(&self, id: usize) -> Option<usize> {
        let element = &self.elements[id];
        let acknowledged = element.acknowledged.and_then(|pair| pair.completion);
        let read = element.first_read.map(|read| self.reads[read].completed);
        acknowledged.into_iter().chain(read).min()
    }

    /// The read that shows that the element is lost.
    pub(super) fn proof_of_loss(&self, id: usize) -> Option<usize> {
        self.elements[id].missing_from_final.or(self.elements[id].last_absent)
    }

    /// Of a stable element: from when it was known to the end of the last read without it. Of a lost one: to the end of
    /// the last read with it.
    pub(super) fn latency(&self, id: usize) -> Nanos {
        let element = &self.elements[id];
        let is_lost = self.lost.binary_search(&id).is_ok();
        let last = if is_lost { element.last_present } else { element.last_absent };
        let time = |position: usize| self.history.ops[position].time;
        match (self.known(id), last) {
            (Some(known), Some(read)) => time(self.reads[read].completed).saturating_sub(time(known)),
            _ => 0,
        }
    }
}

/// All elements whose addition was tried, in the order of their first try.
fn elements<'h>(history: &'h History, pairs: &[Pair]) -> Vec<Element<'h>> {
    let mut additions: Vec<(usize, &'h Value, Pair)> = Vec::new();
    for &pair in pairs {
        let (invocation, completion) = history.entries(pair);
        if let Some(op) = invocation.or(completion).filter(|op| &*op.f != "read") {
            additions.push((pair.invocation.unwrap_or(0), &op.value, pair));
        }
    }
    additions.sort_by_key(|(invoked, _, _)| *invoked);
    let mut numbers: FxHashMap<&Value, usize> = FxHashMap::default();
    let mut elements: Vec<Element<'h>> = Vec::new();
    for (invoked, value, pair) in additions {
        let number = *numbers.entry(value).or_insert(elements.len());
        if number == elements.len() {
            elements.push(Element {
                value,
                invoked,
                tried: pair,
                acknowledged: None,
                first_read: None,
                last_present: None,
                last_absent: None,
                missing_from_final: None,
            });
        }
        let is_ok = pair.completion.is_some_and(|position| history.ops[position].kind == OpType::Ok);
        let known = &mut elements[number].acknowledged;
        if is_ok && known.is_none_or(|before| pair.completion < before.completion) {
            *known = Some(pair);
        }
    }
    elements
}

/// Says which workers have no `ok` final read, if there is a final phase. Where the number of workers is unknown, every
/// process that tried to read counts as one.
fn missing_final_reads(history: &History, pairs: &[Pair], context: &CheckContext) -> Option<String> {
    let worker = |process: u64| if context.concurrency == 0 { process } else { process % context.concurrency as u64 };
    let mut has_read: std::collections::BTreeMap<u64, bool> = std::collections::BTreeMap::new();
    for pair in pairs {
        let (invocation, completion) = history.entries(*pair);
        let Some(op) = invocation.or(completion) else { continue };
        let is_final = op.is_final || completion.is_some_and(|op| op.is_final);
        if let (Process::Client(process), true) = (op.process, is_final && &*op.f == "read") {
            *has_read.entry(worker(process)).or_default() |= completion.is_some_and(|op| op.kind == OpType::Ok);
        }
    }
    if has_read.is_empty() {
        return None;
    }
    for worker in 0..context.concurrency as u64 {
        has_read.entry(worker).or_default();
    }
    let without: Vec<u64> = has_read.into_iter().filter(|(_, has_read)| !has_read).map(|(worker, _)| worker).collect();
    let first = without.first()?;
    let node = context.node_of(*first).map(|node| format!(" (client of {node})")).unwrap_or_default();
    let more = if without.len() > 1 { format!(" and {} more have", without.len() - 1) } else { " has".to_string() };
    Some(format!("worker {first}{node}{more} no successful final read, so elements may be missing there"))
}

/// Collects oddities by value.
#[derive(Default)]
struct Oddities<'h> {
    rows: FxHashMap<&'h Value, Oddity<'h>>,
}

impl<'h> Oddities<'h> {
    /// Reads come in descending order of their beginning, so the last one that is added is the earliest.
    fn add(&mut self, value: &'h Value, (read, place): (usize, usize), count: u32) {
        let row = self.rows.entry(value).or_insert(Oddity { value, read, place, count });
        if row.read != read {
            (row.read, row.place) = (read, place);
        }
        row.count = row.count.max(count);
    }

    /// By the read that shows them, and by their place in it.
    fn in_order(self, reads: &[Read<'_>]) -> Vec<Oddity<'h>> {
        let mut rows: Vec<Oddity<'h>> = self.rows.into_values().collect();
        rows.sort_by_key(|row| (reads[row.read].begun(), row.place));
        rows
    }
}

/// Numbers 0 to n - 1 as a linked list, from which any can be taken out in one step.
struct Pending {
    /// The next one; the last entry is the head of the list.
    next: Vec<usize>,
}

impl Pending {
    fn new(count: usize) -> Pending {
        let mut next: Vec<usize> = (1..=count).collect();
        next.push(0);
        Pending { next }
    }

    /// Goes through the list while `is_due`, and takes out those that `is_done`.
    fn take_out<T>(&mut self, items: &mut [T], is_due: impl Fn(&T) -> bool, mut is_done: impl FnMut(&mut T) -> bool) {
        let end = items.len();
        let (mut before, mut at) = (end, self.next[end]);
        while at != end && is_due(&items[at]) {
            let next = self.next[at];
            if is_done(&mut items[at]) {
                self.next[before] = next;
            } else {
                before = at;
            }
            at = next;
        }
    }
}
