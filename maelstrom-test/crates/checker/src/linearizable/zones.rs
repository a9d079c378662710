//! A fast decision where every value that somebody observes is written by one operation only.
//!
//! Then a write, the reads of its value, and the compare-and-set from its value follow each other immediately, and with
//! the compare-and-set begins the group of the next value: a *block* that is contiguous in every possible order. Block A
//! must precede block B if some operation of A returned before some operation of B was invoked, that is, if A's first
//! return is before B's last invocation. The relation has a cycle only if it has one of length two, and such pairs are
//! found by sorting: O(n log n) altogether (zones: P. Gibbons and E. Korach, "Testing shared memories", 1997).

use super::problem::{ANYTHING, Action, Operation, Problem, State};

/// Decides a problem; `None` if the method does not apply to it.
pub(super) fn decide(problem: &Problem) -> Option<bool> {
    if problem.initial == ANYTHING {
        return None;
    }
    let mut groups = match Groups::collect(problem) {
        Collected::NotUnique => return None,
        Collected::Contradiction => return Some(false),
        Collected::Groups(groups) => groups,
    };
    let Some(mut zones) = groups.blocks(problem.initial) else { return Some(false) };
    zones.extend(groups.unobserved);
    Some(are_compatible(&zones))
}

/// The first return and the last invocation of some operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Zone {
    first_return: usize,
    last_invocation: usize,
}

impl Zone {
    /// Of no operation.
    const EMPTY: Zone = Zone { first_return: usize::MAX, last_invocation: 0 };

    fn of(op: &Operation) -> Zone {
        Zone { first_return: op.end.unwrap_or(usize::MAX), last_invocation: op.start }
    }

    fn join(&mut self, other: Zone) {
        self.first_return = self.first_return.min(other.first_return);
        self.last_invocation = self.last_invocation.max(other.last_invocation);
    }

    /// The operations do not all overlap: throughout this zone the register is occupied by their block.
    fn is_forward(&self) -> bool {
        self.first_return < self.last_invocation
    }
}

/// Operations by the value that they observe or write.
struct Groups {
    /// Per value: the operation that writes it; the initial value's write is over before everything.
    writer: Vec<Option<Writer>>,
    reads: Vec<Zone>,
    /// Per value: the compare-and-set from it, with the value that it writes.
    next: Vec<Option<(State, Zone)>>,
    /// Writes of values at which nobody looks: each is a block of its own.
    unobserved: Vec<Zone>,
}

#[derive(Clone, Copy)]
struct Writer {
    zone: Zone,
    /// It is a compare-and-set, so the block does not begin with it.
    is_cas: bool,
}

enum Collected {
    NotUnique,
    Contradiction,
    Groups(Groups),
}

impl Groups {
    fn collect(problem: &Problem) -> Collected {
        let observed = observed(problem);
        let mut groups = Groups {
            writer: vec![None; problem.values],
            reads: vec![Zone::EMPTY; problem.values],
            next: vec![None; problem.values],
            unobserved: Vec::new(),
        };
        groups.writer[problem.initial as usize] =
            Some(Writer { zone: Zone { first_return: 0, last_invocation: 0 }, is_cas: false });
        let mut contradiction = false;
        for op in &problem.operations {
            let zone = Zone::of(op);
            if let Some(value) = op.action.writes() {
                if observed[value as usize] {
                    let writer = &mut groups.writer[value as usize];
                    if writer.is_some() {
                        return Collected::NotUnique;
                    }
                    *writer = Some(Writer { zone, is_cas: matches!(op.action, Action::Cas(..)) });
                } else if op.end.is_none() {
                    continue;
                } else if let Action::Write(_) = op.action {
                    groups.unobserved.push(zone);
                }
            }
            match op.action {
                Action::Read(value) => groups.reads[value as usize].join(zone),
                Action::Cas(from, to) => {
                    // Two that both take effect need the value to be there twice.
                    contradiction |= groups.next[from as usize].replace((to, zone)).is_some();
                }
                Action::Write(_) => {}
            }
        }
        let unwritten = |value: usize| observed[value] && groups.writer[value].is_none();
        contradiction |= (0..problem.values).any(unwritten);
        if contradiction { Collected::Contradiction } else { Collected::Groups(groups) }
    }

    /// Follows the compare-and-sets to find the blocks; `None` if a block contradicts itself.
    fn blocks(&mut self, initial: State) -> Option<Vec<Zone>> {
        let mut blocks = Vec::new();
        for value in 0..self.writer.len() {
            let Some(Writer { zone, is_cas: false }) = self.writer[value] else { continue };
            let mut block = Block::beginning_with(zone);
            let mut value = value;
            block.append(self.reads[value])?;
            while let Some((to, zone)) = self.next[value].take() {
                block.append(zone)?;
                value = to as usize;
                block.append(self.reads[value])?;
            }
            blocks.push(block.zone);
        }
        debug_assert!(self.writer[initial as usize].is_some());
        // What no block reached are compare-and-sets in a circle, none of which could have been the first.
        self.next.iter().all(Option::is_none).then_some(blocks)
    }
}

/// Operations that follow each other immediately.
struct Block {
    zone: Zone,
}

impl Block {
    fn beginning_with(zone: Zone) -> Block {
        Block { zone }
    }

    /// Adds what follows; `None` if some of it returned before something that precedes it was invoked.
    fn append(&mut self, zone: Zone) -> Option<()> {
        if zone.first_return < self.zone.last_invocation {
            return None;
        }
        self.zone.join(zone);
        Some(())
    }
}

/// Per value: must the register have held it? Because an operation that returned observed it, or because it led, by an
/// indeterminate compare-and-set, to a value that it must have held.
fn observed(problem: &Problem) -> Vec<bool> {
    let mut observed = vec![false; problem.values];
    let mut leads: Vec<(State, State)> = Vec::new();
    for op in &problem.operations {
        match (op.action, op.end) {
            (Action::Cas(from, to), None) => leads.push((to, from)),
            (action, Some(_)) => {
                if let Some(value) = action.observes() {
                    observed[value as usize] = true;
                }
            }
            _ => {}
        }
    }
    leads.sort_unstable();
    let mut stack: Vec<State> = (0..problem.values as State).filter(|&value| observed[value as usize]).collect();
    while let Some(value) = stack.pop() {
        let first = leads.partition_point(|(to, _)| *to < value);
        for &(_, from) in leads[first..].iter().take_while(|(to, _)| *to == value) {
            if !std::mem::replace(&mut observed[from as usize], true) {
                stack.push(from);
            }
        }
    }
    observed
}

/// No two zones contradict each other: forward ones are disjoint, and none contains a backward one.
fn are_compatible(zones: &[Zone]) -> bool {
    let mut forward: Vec<Zone> = zones.iter().copied().filter(Zone::is_forward).collect();
    forward.sort_unstable_by_key(|zone| zone.first_return);
    if forward.windows(2).any(|pair| pair[1].first_return < pair[0].last_invocation) {
        return false;
    }
    zones.iter().filter(|zone| !zone.is_forward()).all(|zone| {
        let before = forward.partition_point(|other| other.first_return < zone.last_invocation);
        before == 0 || forward[before - 1].last_invocation <= zone.first_return
    })
}
