//! Which messages matter: the failure disappears when one of them alone has another fate.
//!
//! ```text
//! a b c d e f g h   all lost: the failure is gone, so some of them matter
//! a b c d ·······   lost: gone          ······· e f g h   lost: still fails, none of them matters
//! a b ···           lost: still fails   c d ···           lost: gone
//!                                       c  still fails    d  gone: d matters
//! ```
//!
//! Messages are tested in groups, so `k` of `n` messages are found in about `2·k·log n` runs. What is reported was always
//! tested alone. If a group matters and none of its halves does, some of its messages are needed, whichever: the last one of it
//! is reported, with the number of messages in the group.
//!
//! Only the causal past of the clients' responses is searched. A message outside of it can have had no influence.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::Candidate;
use super::judge::{Judge, Repeat, Stop};
use crate::history::Nanos;
use crate::network::{EventType, JournalEvent, Reason};
use crate::plan::Fate;
use crate::scenario::journal::{Messages, Sent};

/// How many groups are reported of which no half matters.
const SHOWN_GROUPS: usize = 2;

/// A message whose fate matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decisive {
    /// Its number in the journal.
    pub(super) journal_id: u64,
    /// The fate with which the failure disappears.
    pub(super) other_fate: Fate,
    /// The number of messages in the smallest group that matters, itself included: 1 if it matters alone.
    pub(super) group: usize,
}

/// A message whose fate can be changed.
#[derive(Clone, Debug)]
struct Suspect {
    journal_id: u64,
    other_fate: Fate,
}

/// Returns the actual delays of all messages whose fate is known. Lost ones have none.
pub(super) fn delays(journal: &[JournalEvent]) -> Vec<Fate> {
    let mut fates: BTreeMap<u64, (Nanos, Fate)> = BTreeMap::new();
    let mut known: BTreeSet<u64> = BTreeSet::new();
    for event in journal {
        match event.kind {
            EventType::Send => {
                if let Some(id) = &event.identity {
                    fates.insert(event.id, (event.time, Fate { id: id.clone(), delays_ns: Vec::new() }));
                }
            }
            EventType::Recv => {
                known.insert(event.id);
                if let Some((sent, fate)) = fates.get_mut(&event.id) {
                    fate.delays_ns.push(event.time - *sent);
                }
            }
            EventType::Lose => {
                known.insert(event.id);
            }
            EventType::Drop | EventType::Duplicate | EventType::Delay | EventType::Ignore => {}
        }
    }
    fates.retain(|id, _| known.contains(id));
    fates.into_values().map(|(_, fate)| fate).collect()
}

/// Finds the messages that matter in the run of `base`, whose journal this is. If the search ends early, what was found so far
/// is returned with the reason.
pub(super) fn search<R: Repeat>(
    judge: &mut Judge<'_, R>,
    base: &Candidate,
    journal: &[JournalEvent],
) -> (Vec<Decisive>, Option<Stop>) {
    let mut found = Vec::new();
    let stop = GroupSearch { judge, base, found: &mut found }.run(delivered(journal)).err();
    found.sort_by_key(|decisive| decisive.journal_id);
    (found, stop)
}

/// Finds a message that a fault or the network kept from arriving at `node`, and with which the failure disappears if it
/// arrives after `usual_delay`. The last one is preferred: it was the last chance. Returns it with the number of such messages
/// among those that were tried.
///
/// # Errors
/// Fails if the search ends early.
pub(super) fn missing<R: Repeat>(
    judge: &mut Judge<'_, R>,
    base: &Candidate,
    journal: &[JournalEvent],
    node: &str,
    usual_delay: Nanos,
) -> Result<Option<Decisive>, Stop> {
    /// How many of the last messages are tried.
    const TRIED: usize = 6;
    let mut suspects = undelivered(journal, node, usual_delay);
    let tried = suspects.split_off(suspects.len().saturating_sub(TRIED));
    let candidates: Vec<Candidate> =
        tried.iter().map(|suspect| base.with_fates([suspect.other_fate.clone()])).collect();
    let fails = judge.each(&candidates)?;
    let decisive: Vec<&Suspect> =
        tried.iter().zip(fails).filter(|(_, trial)| trial.is_none()).map(|(suspect, _)| suspect).collect();
    Ok(decisive.last().map(|suspect| {
        let Suspect { journal_id, other_fate } = (*suspect).clone();
        Decisive { journal_id, other_fate, group: decisive.len() }
    }))
}

struct GroupSearch<'a, 'b, R: Repeat> {
    judge: &'a mut Judge<'b, R>,
    base: &'a Candidate,
    found: &'a mut Vec<Decisive>,
}

impl<R: Repeat> GroupSearch<'_, '_, R> {
    fn run(&mut self, suspects: Vec<Suspect>) -> Result<(), Stop> {
        if suspects.is_empty() {
            return Ok(());
        }
        let mut level = vec![suspects];
        let mut is_first = true;
        let mut redundant = Vec::new();
        while !level.is_empty() {
            let matters = self.matter(&level)?;
            let mut next = Vec::new();
            // Halves of a group follow each other.
            let mut groups = level.into_iter().zip(matters).peekable();
            while let Some((group, matters)) = groups.next() {
                if matters {
                    self.split(group.clone(), &mut next);
                }
                if is_first {
                    continue;
                }
                let (other, other_matters) = groups.next().expect("groups are split into two");
                if other_matters {
                    self.split(other.clone(), &mut next);
                }
                if !matters && !other_matters {
                    redundant.push([group, other].concat());
                }
            }
            is_first = false;
            level = next;
        }
        // The last groups are those that are closest to the evidence.
        let skipped = redundant.len().saturating_sub(SHOWN_GROUPS);
        for group in &redundant[skipped..] {
            self.report_one_of(group);
        }
        Ok(())
    }

    /// A group matters: reports its only message, or continues with its halves.
    fn split(&mut self, mut group: Vec<Suspect>, next: &mut Vec<Vec<Suspect>>) {
        if group.len() == 1 {
            self.report(&group[0], 1);
            return;
        }
        let second = group.split_off(group.len().div_ceil(2));
        next.extend([group, second]);
    }

    fn report(&mut self, suspect: &Suspect, group: usize) {
        let Suspect { journal_id, other_fate } = suspect.clone();
        self.found.push(Decisive { journal_id, other_fate, group });
    }

    /// Returns for each group whether the failure disappears when all its messages have their other fate.
    fn matter(&mut self, groups: &[Vec<Suspect>]) -> Result<Vec<bool>, Stop> {
        let changed =
            |group: &Vec<Suspect>| self.base.with_fates(group.iter().map(|suspect| suspect.other_fate.clone()));
        let candidates: Vec<Candidate> = groups.iter().map(changed).collect();
        Ok(self.judge.each(&candidates)?.into_iter().map(|trial| trial.is_none()).collect())
    }

    /// Reports the last message of a group of which no half matters.
    fn report_one_of(&mut self, group: &[Suspect]) {
        if let Some(last) = group.last() {
            self.report(last, group.len());
        }
    }
}

/// Messages between nodes and services that were delivered, in the causal past of the responses to clients.
fn delivered(journal: &[JournalEvent]) -> Vec<Suspect> {
    let messages = Messages::new(journal);
    let past = messages.past_of_responses(journal);
    let suspect = |id: u64| {
        let sent = messages.by_id.get(&id).filter(|sent| sent.is_between_servers())?;
        let other_fate = Fate { id: sent.identity.clone()?, delays_ns: Vec::new() };
        Some(Suspect { journal_id: id, other_fate })
    };
    past.into_iter().filter_map(suspect).collect()
}

/// Messages to a node that a fault or the network kept from arriving.
fn undelivered(journal: &[JournalEvent], node: &str, usual_delay: Nanos) -> Vec<Suspect> {
    let by_network = |sent: &Sent| {
        let reason = sent.lost.and_then(|(_, reason)| reason);
        sent.received.is_none()
            && matches!(reason, Some(Reason::Partition | Reason::Packet | Reason::Loss | Reason::Flaky))
    };
    let messages = Messages::new(journal);
    let suspects = messages.by_id.into_iter().filter_map(|(journal_id, sent)| {
        (sent.dest == node && sent.is_between_servers() && by_network(&sent)).then_some(())?;
        let other_fate = Fate { id: sent.identity?, delays_ns: vec![usual_delay] };
        Some(Suspect { journal_id, other_fate })
    });
    suspects.collect()
}
