//! A fast method for problems in which only one operation writes each observed value.
//!
//! Then a write, the reads of its value, and the compare-and-set from its value follow each other immediately. The
//! compare-and-set begins the group of the next value. All these operations are a *block*, which is contiguous in every
//! order. Block A must precede block B if the first return in A is before the last invocation in B. If this relation has a
//! cycle, it has a cycle of length two, which sorting finds in O(n log n) (P. Gibbons and E. Korach, *Testing Shared
//! Memories*, 1997).

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
    /// The zone of no operation.
    const EMPTY: Zone = Zone { first_return: usize::MAX, last_invocation: 0 };

    fn of(op: &Operation) -> Zone {
        Zone { first_return: op.end.unwrap_or(usize::MAX), last_invocation: op.start }
    }

    fn join(&mut self, other: Zone) {
        self.first_return = self.first_return.min(other.first_return);
        self.last_invocation = self.last_invocation.max(other.last_invocation);
    }

    /// Whether the operations do not all overlap. The register then belongs to their block throughout the zone.
    fn is_forward(&self) -> bool {
        self.first_return < self.last_invocation
    }
}

/// The operations, by the value that they observe or write.
struct Groups {
    /// By value, the operation that writes it. The write of the initial value precedes everything.
    writer: Vec<Option<Writer>>,
    reads: Vec<Zone>,
    /// By value, the compare-and-set from it: the value that it writes, and its zone.
    next: Vec<Option<(State, Zone)>>,
    /// Writes of values that no operation observes. Each is a block.
    unobserved: Vec<Zone>,
}

#[derive(Clone, Copy)]
struct Writer {
    zone: Zone,
    /// Whether it is a compare-and-set, with which no block begins.
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
                    // Two compare-and-sets from a value need the value twice.
                    contradiction |= groups.next[from as usize].replace((to, zone)).is_some();
                }
                Action::Write(_) => {}
            }
        }
        let unwritten = |value: usize| observed[value] && groups.writer[value].is_none();
        contradiction |= (0..problem.values).any(unwritten);
        if contradiction { Collected::Contradiction } else { Collected::Groups(groups) }
    }

    /// Follows the compare-and-sets to find the blocks. `None` if a block contradicts itself.
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
        // The remaining compare-and-sets form cycles, in which none can be the first.
        self.next.iter().all(Option::is_none).then_some(blocks)
    }
}

/// Operations that follow each other immediately in every order.
struct Block {
    zone: Zone,
}

impl Block {
    fn beginning_with(zone: Zone) -> Block {
        Block { zone }
    }

    /// Adds operations that follow. `None` if one of them returned before one that precedes it was invoked.
    fn append(&mut self, zone: Zone) -> Option<()> {
        if zone.first_return < self.zone.last_invocation {
            return None;
        }
        self.zone.join(zone);
        Some(())
    }
}

/// By value, whether the register must have held it: an operation that returned observed it, or an indeterminate
/// compare-and-set led from it to a value that the register must have held.
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

/// Whether no two zones contradict each other: forward zones are disjoint, and contain no backward zone.
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
