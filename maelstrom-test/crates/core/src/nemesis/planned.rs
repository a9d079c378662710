//! Faults that a plan spells out.

use std::collections::VecDeque;

use super::{Action, FaultKind};
use crate::history::Nanos;
use crate::plan::{Fault, FaultEffect};

/// The faults of a plan, and which of them have begun.
#[derive(Clone, Debug)]
pub(super) struct PlannedFaults {
    faults: Vec<Planned>,
}

#[derive(Clone, Debug)]
struct Planned {
    fault: Fault,
    /// What it does; `None` if none of its nodes exist.
    action: Option<Action>,
    /// Names of nodes that do not exist.
    unknown: Vec<String>,
    has_begun: bool,
}

/// A start or a stop of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Start the fault at this position in the plan.
    Start(usize),
    /// Stop the active fault of this kind.
    Stop,
}

impl PlannedFaults {
    pub(super) fn new(faults: &[Fault], nodes: &[String]) -> PlannedFaults {
        let planned = |fault: &Fault| {
            let mut unknown = Vec::new();
            let action = action(&fault.does, nodes, &mut unknown);
            unknown.sort_unstable();
            unknown.dedup();
            Planned { fault: fault.clone(), action, unknown, has_begun: false }
        };
        PlannedFaults { faults: faults.iter().map(planned).collect() }
    }

    /// The kinds of fault, in ascending order.
    pub(super) fn kinds(&self) -> Vec<FaultKind> {
        let mut kinds: Vec<FaultKind> = self.faults.iter().map(|planned| kind(&planned.fault.does)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The starts and stops of one kind of fault, with their times. A fault that is active when the next one of its kind
    /// starts is stopped first.
    pub(super) fn timeline(&self, of: FaultKind) -> VecDeque<(Nanos, Step)> {
        let is_possible = |planned: &Planned| planned.action.is_some() && kind(&planned.fault.does) == of;
        let mut own: Vec<usize> = (0..self.faults.len()).filter(|&at| is_possible(&self.faults[at])).collect();
        own.sort_by_key(|&at| self.faults[at].fault.start_ns);
        let mut steps = VecDeque::new();
        for (place, &at) in own.iter().enumerate() {
            let Fault { start_ns, stop_ns, .. } = self.faults[at].fault;
            steps.push_back((start_ns, Step::Start(at)));
            let next = own.get(place + 1).map(|&next| self.faults[next].fault.start_ns);
            if let Some(stop) = [stop_ns, next].into_iter().flatten().min() {
                steps.push_back((stop.max(start_ns), Step::Stop));
            }
        }
        steps
    }

    /// Begins the fault at this position; gives it with its action.
    pub(super) fn begin(&mut self, position: usize) -> (&Fault, Action) {
        let planned = &mut self.faults[position];
        planned.has_begun = true;
        (&planned.fault, planned.action.clone().expect("a fault without an action has no timeline"))
    }

    /// What did not happen as the plan says.
    pub(super) fn unmet(&self) -> Vec<String> {
        let mut unmet = Vec::new();
        for (number, Planned { fault, unknown, has_begun, .. }) in self.faults.iter().enumerate() {
            let what = format!("fault {number} ({} {})", kind(&fault.does).functions().0, fault.value);
            unmet.extend(unknown.iter().map(|name| format!("{what} concerns {name}, but there is no such node")));
            if !has_begun {
                unmet.push(format!("{what} never began"));
            }
        }
        unmet
    }
}

fn kind(effect: &FaultEffect) -> FaultKind {
    match effect {
        FaultEffect::Partition(_) => FaultKind::Partition,
        FaultEffect::Kill(_) => FaultKind::Kill,
        FaultEffect::Pause(_) => FaultKind::Pause,
        FaultEffect::Packet { .. } => FaultKind::Packet,
        FaultEffect::Clock(_) => FaultKind::Clock,
    }
}

/// The effect of an action that starts a fault, with the names of nodes; `None` for other actions.
pub(crate) fn effect(action: &Action, nodes: &[String]) -> Option<FaultEffect> {
    let names = |numbers: &[usize]| numbers.iter().map(|&node| nodes[node].clone()).collect::<Vec<_>>();
    Some(match action {
        Action::Partition(grudge) => {
            FaultEffect::Partition(nodes.iter().cloned().zip(grudge.iter().map(|dropped| names(dropped))).collect())
        }
        Action::Kill(targets) => FaultEffect::Kill(names(targets)),
        Action::Pause(targets) => FaultEffect::Pause(names(targets)),
        Action::Packet { targets, behaviour } => FaultEffect::Packet { nodes: names(targets), behaviour: *behaviour },
        Action::BumpClock(shifts) => {
            FaultEffect::Clock(shifts.iter().map(|&(node, by)| (nodes[node].clone(), by)).collect())
        }
        Action::Heal | Action::Start | Action::Resume | Action::StopPacket | Action::ResetClock => return None,
    })
}

/// The action that has this effect. Names of nodes that do not exist are left out and collected. `None` if no node is left.
fn action(effect: &FaultEffect, nodes: &[String], unknown: &mut Vec<String>) -> Option<Action> {
    let mut is_any_known = false;
    let mut number = |name: &String| {
        let found = nodes.iter().position(|node| node == name);
        if found.is_none() {
            unknown.push(name.clone());
        }
        is_any_known |= found.is_some();
        found
    };
    let mut numbers = |names: &[String]| names.iter().filter_map(&mut number).collect::<Vec<usize>>();
    let action = match effect {
        FaultEffect::Partition(dropped) => {
            let mut grudge = vec![Vec::new(); nodes.len()];
            for (dest, sources) in dropped {
                let sources = numbers(sources);
                if let [dest] = numbers(std::slice::from_ref(dest))[..] {
                    grudge[dest] = sources;
                }
            }
            Action::Partition(grudge)
        }
        FaultEffect::Kill(names) => Action::Kill(numbers(names)),
        FaultEffect::Pause(names) => Action::Pause(numbers(names)),
        FaultEffect::Packet { nodes: names, behaviour } => {
            Action::Packet { targets: numbers(names), behaviour: *behaviour }
        }
        FaultEffect::Clock(shifts) => {
            let shift = |(name, &by): (&String, &i64)| Some((number(name)?, by));
            Action::BumpClock(shifts.iter().filter_map(shift).collect())
        }
    };
    (is_any_known || unknown.is_empty()).then_some(action)
}
