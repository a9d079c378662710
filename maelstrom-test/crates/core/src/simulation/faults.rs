//! Carrying out faults, and counting what they did.

use std::collections::BTreeMap;

use crate::json::{Value, json};

use super::nodes::Life;
use super::{Command, Event, Phase, Simulation};
use crate::history::Nanos;
use crate::nemesis::{Action, FaultKind, Step, View};

/// What one kind of fault did in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// How often a fault of the kind began. Its end is not counted.
    pub actions: u64,
    /// Effects by name; the kind had an effect if any is above 0.
    pub effects: BTreeMap<&'static str, u64>,
}

impl FaultCounts {
    /// Whether the cluster had anything to survive.
    pub fn had_effect(&self) -> bool {
        self.effects.values().any(|&count| count > 0)
    }
}

/// What faults did, by kind, for each kind that was asked for; of one that is impossible it says that nothing was done.
pub type FaultReport = BTreeMap<FaultKind, FaultCounts>;

/// The nemesis at work: one step at a time.
#[derive(Debug)]
pub(super) struct Faults {
    report: FaultReport,
    /// The step that is being carried out, and how many effects it still waits for.
    current: Option<(Step, usize)>,
    /// Steps that wait for their turn at the end.
    queue: Vec<Step>,
    healing: bool,
}

impl Faults {
    pub(super) fn new(asked_for: &[FaultKind]) -> Faults {
        let report = asked_for.iter().map(|&kind| (kind, FaultCounts::default())).collect();
        Faults { report, current: None, queue: Vec::new(), healing: false }
    }

    fn count(&mut self, kind: FaultKind, effect: &'static str, count: u64) {
        *self.report.entry(kind).or_default().effects.entry(effect).or_default() += count;
    }

    pub(super) fn killed(&mut self, processes: u64) {
        self.count(FaultKind::Kill, "processes_killed", processes);
    }

    pub(super) fn paused(&mut self, processes: u64) {
        self.count(FaultKind::Pause, "processes_paused", processes);
    }

    pub(super) fn resumed(&mut self, after: Nanos) {
        self.count(FaultKind::Pause, "paused_ns", after);
    }

    pub(super) fn clock_set(&mut self) {
        // A clock that is set right is no fault.
        if let Some((Step { action: Action::BumpClock(_), .. }, ..)) = &self.current {
            self.count(FaultKind::Clock, "clocks_set", 1);
        }
    }
}

impl Simulation {
    /// What faults did so far.
    pub fn fault_report(&self) -> FaultReport {
        let mut report = self.faults.report.clone();
        if let Some(counts) = report.get_mut(&FaultKind::Partition) {
            counts.effects.insert("messages_cut", self.network.stats().cut);
        }
        if let Some(counts) = report.get_mut(&FaultKind::Packet) {
            counts.effects.insert("messages_affected", self.network.packets_affected());
        }
        report
    }

    pub(super) fn schedule_fault(&mut self) {
        if self.phase == Phase::Main
            && let Some(time) = self.nemesis.next_time()
        {
            self.agenda.add((self.main_began + time).max(self.now), Event::Fault);
        }
    }

    pub(super) fn fault_due(&mut self) {
        if self.phase != Phase::Main || self.faults.current.is_some() {
            return;
        }
        let (down, paused) = self.down_and_paused();
        let view = View { leader: self.network.most_talkative(), down: &down, paused: &paused };
        let step = self.nemesis.act(self.now - self.main_began, &view);
        self.network.forget_talk();
        self.carry_out(step);
    }

    fn down_and_paused(&self) -> (Vec<usize>, Vec<usize>) {
        (self.nodes_down(), self.nodes_in(|life| matches!(life, Life::Paused { .. })))
    }

    fn carry_out(&mut self, step: Step) {
        let kind = kind_of(&step.action);
        self.faults.report.entry(kind).or_default().actions += u64::from(step.f == kind.functions().0);
        // The fault's name in the journal: the entry of the history with which it begins.
        let fault = self.history.ops.len() as u64;
        self.record_nemesis(step.f, step.value.clone());
        let waiting = self.perform_action(&step.action, fault);
        self.faults.current = Some((step, waiting));
        if waiting == 0 {
            self.step_done();
        }
    }

    /// Does what the core can do itself, commands the rest; gives the number of effects to wait for.
    fn perform_action(&mut self, action: &Action, fault: u64) -> usize {
        match action {
            Action::Partition(grudge) => self.network.partition(grudge, fault),
            Action::Heal => self.network.heal(),
            Action::Packet { targets, behaviour } => self.network.mistreat(targets, *behaviour, fault),
            Action::StopPacket => self.network.stop_mistreating(),
            Action::Kill(targets) => {
                let targets = self.living(targets);
                targets.iter().for_each(|&node| self.network.take_down(node, fault));
                return self.command(targets, Command::Kill);
            }
            Action::Pause(targets) => {
                let targets: Vec<usize> =
                    targets.iter().copied().filter(|&node| self.nodes[node].life == Life::Up).collect();
                return self.command(targets, Command::Pause);
            }
            Action::Resume => return self.command(self.down_and_paused().1, Command::Resume),
            Action::Start => {
                let down = self.nodes_down();
                let count = down.len();
                self.boot(down);
                self.faults.count(FaultKind::Kill, "starts", u64::from(count > 0));
                return count;
            }
            Action::BumpClock(shifts) => {
                self.commands.extend(shifts.iter().map(|&(node, by)| Command::BumpClock(node, by)));
                return shifts.len();
            }
            Action::ResetClock => return self.command((0..self.nodes.len()).collect(), Command::ResetClock),
        }
        0
    }

    fn living(&self, targets: &[usize]) -> Vec<usize> {
        targets.iter().copied().filter(|&node| self.nodes[node].life != Life::Down).collect()
    }

    fn command(&mut self, nodes: Vec<usize>, command: impl Fn(usize) -> Command) -> usize {
        let count = nodes.len();
        self.commands.extend(nodes.into_iter().map(command));
        count
    }

    /// Something that the current step waits for may have happened.
    pub(super) fn fault_effect(&mut self) {
        let Some((step, waiting)) = &mut self.faults.current else { return };
        *waiting = waiting.saturating_sub(1);
        let booting = self.nodes.iter().any(|node| node.boot.is_some());
        let done = if step.action == Action::Start { !booting } else { *waiting == 0 };
        if done {
            self.step_done();
        }
    }

    fn step_done(&mut self) {
        if let Some((step, _)) = self.faults.current.take() {
            self.record_nemesis(step.f, step.value);
        }
        if self.faults.healing {
            self.heal_next();
        } else {
            self.schedule_fault();
        }
    }

    /// The main phase is over: undo every fault, one step after the other.
    pub(super) fn heal_everything(&mut self) {
        self.faults.healing = true;
        if self.faults.current.is_none() {
            self.heal_next();
        }
    }

    fn heal_next(&mut self) {
        if self.faults.queue.is_empty() {
            let (down, paused) = self.down_and_paused();
            let view = View { leader: None, down: &down, paused: &paused };
            self.faults.queue = self.nemesis.heal(&view);
            self.faults.queue.reverse();
        }
        match self.faults.queue.pop() {
            Some(step) => self.carry_out(step),
            None => self.healed(),
        }
    }
}

fn kind_of(action: &Action) -> FaultKind {
    match action {
        Action::Partition(_) | Action::Heal => FaultKind::Partition,
        Action::Kill(_) | Action::Start => FaultKind::Kill,
        Action::Pause(_) | Action::Resume => FaultKind::Pause,
        Action::Packet { .. } | Action::StopPacket => FaultKind::Packet,
        Action::BumpClock(_) | Action::ResetClock => FaultKind::Clock,
    }
}

impl FaultCounts {
    /// As `results.json` shows it.
    pub fn to_json(&self) -> Value {
        json!({"actions": self.actions, "effects": self.effects})
    }
}
