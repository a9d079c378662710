//! Classifies every element of a set.

use std::cmp::Reverse;

use super::observations::{ElementRecord, Observations, ReadAnomaly};
use crate::CheckContext;
use crate::entries::NONE;
use crate::history::Nanos;

pub(super) struct SetAnalysis {
    pub(super) observations: Observations,
    /// The values of attempted additions, in the order of their first additions.
    pub(super) elements: Vec<u32>,
    /// The elements by class, in the same order.
    pub(super) stable: Vec<u32>,
    pub(super) lost: Vec<u32>,
    pub(super) never_read: Vec<u32>,
    /// Values that occurred twice in a read, and values without an addition, in the order of the reads that show them.
    pub(super) duplicated: Vec<(u32, ReadAnomaly)>,
    pub(super) unexpected: Vec<(u32, ReadAnomaly)>,
    /// Why the verdict cannot be valid.
    pub(super) doubts: Vec<String>,
}

impl SetAnalysis {
    pub(super) fn of(mut observations: Observations, context: &CheckContext, lenient: bool) -> SetAnalysis {
        if lenient {
            observations.records.iter_mut().for_each(|sight| sight.missing_from_final = NONE);
        }
        let elements = elements(&observations);
        last_lists(&mut observations, &elements);
        let is_element = |id: &u32| observations.records[*id as usize].invoked != NONE;
        let in_order = |mut rows: Vec<(u32, ReadAnomaly)>| {
            rows.sort_unstable_by_key(|(_, row)| (observations.reads[row.read as usize].begun(), row.place));
            rows
        };
        let duplicated = in_order(
            observations.duplicated.iter().filter(|(id, _)| is_element(id)).map(|(id, row)| (*id, *row)).collect(),
        );
        // An addition without an invocation may have begun before.
        let is_late = |id: &u32| observations.records[*id as usize].tried.invocation != NONE;
        let unexpected = in_order(
            observations
                .unexpected
                .iter()
                .filter(|(id, _)| !is_element(id) || is_late(id))
                .map(|(id, row)| (*id, *row))
                .collect(),
        );
        let mut doubts = Vec::new();
        if !lenient {
            doubts.extend(observations.missing_final_reads(context));
        }
        let unplaced = observations.reads.iter().filter(|read| read.place.invocation == NONE).count();
        if unplaced > 0 {
            doubts.push(format!("{unplaced} reads have no invocation, so it is unknown what they could have seen"));
        }
        if observations.malformed > 0 {
            doubts.push(format!("{} reads did not return a list", observations.malformed));
        }
        let (stable, lost, never_read) = (Vec::new(), Vec::new(), Vec::new());
        let mut analysis =
            SetAnalysis { observations, elements, stable, lost, never_read, duplicated, unexpected, doubts };
        analysis.classify();
        analysis
    }

    fn classify(&mut self) {
        for id in self.elements.clone() {
            let sight = self.sight(id);
            let begun = |read: u32| self.observations.reads.get(read as usize).map(|read| read.begun());
            let (present, absent) = (begun(sight.last_present), begun(sight.last_absent));
            let known = self.observations.known(sight);
            let gone = absent > present && absent > known && known.is_some();
            if gone || sight.missing_from_final != NONE {
                self.lost.push(id);
            } else if present > absent {
                self.stable.push(id);
            } else {
                self.never_read.push(id);
            }
        }
    }

    pub(super) fn sight(&self, id: u32) -> &ElementRecord {
        &self.observations.records[id as usize]
    }

    /// The read that proves that an element is lost.
    pub(super) fn proof_of_loss(&self, id: u32) -> u32 {
        let ElementRecord { missing_from_final, last_absent, .. } = self.sight(id);
        if *missing_from_final == NONE { *last_absent } else { *missing_from_final }
    }

    /// The time from when an element was known to the beginning of the last read without it (stable elements) or with it (lost
    /// elements), as in Jepsen's `set-full`.
    pub(super) fn latency(&self, id: u32, is_lost: bool) -> Nanos {
        let sight = self.sight(id);
        let last = if is_lost { sight.last_present } else { sight.last_absent };
        let time = |position: u32| self.observations.stamp(position).time;
        match (self.observations.known(sight), self.observations.reads.get(last as usize)) {
            (Some(known), Some(read)) => time(read.begun()).saturating_sub(time(known)),
            _ => 0,
        }
    }
}

/// The values of all attempted additions, in the order of their first additions.
fn elements(observations: &Observations) -> Vec<u32> {
    let invoked = |id: &u32| observations.records[*id as usize].invoked;
    let mut elements: Vec<u32> = (0..observations.records.len() as u32).filter(|id| invoked(id) != NONE).collect();
    elements.sort_by_key(|id| (invoked(id), observations.records[*id as usize].tried.last_entry()));
    elements
}

/// Records the elements that are absent from the last list of each process. Reads are visited from the one that began last,
/// so the first one without an element is the last one in time. `pending` links the elements for which no such read was found
/// yet. Each step along it either belongs to an element of the list, or removes an element, so the time is linear.
fn last_lists(observations: &mut Observations, elements: &[u32]) {
    let mut last: Vec<_> = std::mem::take(&mut observations.latest).into_values().filter(|l| l.read != NONE).collect();
    let Observations { records, reads, .. } = observations;
    last.sort_unstable_by_key(|latest| Reverse(reads[latest.read as usize].begun()));
    let mut pending = Pending::new(elements.len());
    let mut shown_by = vec![NONE; records.len()];
    for list in last {
        for id in &list.ids {
            shown_by[*id as usize] = list.read;
        }
        let completed = reads[list.read as usize].place.completion;
        // In the order of additions: later ones could not be in the list yet.
        let is_due = |at: usize| records[elements[at] as usize].invoked < completed;
        for at in pending.take_out(is_due, |at| shown_by[elements[at] as usize] != list.read) {
            records[elements[at] as usize].see_absent(reads, list.read);
        }
    }
}

/// A linked list of the numbers 0 to n - 1, from which each can be removed in constant time.
struct Pending {
    /// The next number; the last entry is the head of the list.
    next: Vec<usize>,
}

impl Pending {
    fn new(count: usize) -> Pending {
        let mut next: Vec<usize> = (1..=count).collect();
        next.push(0);
        Pending { next }
    }

    /// Visits the list while `is_due`, and removes the numbers that are `is_done`.
    fn take_out(&mut self, is_due: impl Fn(usize) -> bool, is_done: impl Fn(usize) -> bool) -> Vec<usize> {
        let end = self.next.len() - 1;
        let (mut before, mut at) = (end, self.next[end]);
        let mut done = Vec::new();
        while at != end && is_due(at) {
            let next = self.next[at];
            if is_done(at) {
                self.next[before] = next;
                done.push(at);
            } else {
                before = at;
            }
            at = next;
        }
        done
    }
}
