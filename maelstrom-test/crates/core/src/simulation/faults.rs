//! Carrying out faults: on the network here, on processes by commands to the executor.

use super::state::FaultReport;
use super::{Command, Effect, Event, Phase, Simulation};
use crate::history::Nanos;
use crate::nemesis::{Action, ClusterView, FaultKind, FaultOp};

impl Simulation {
    /// What faults did so far.
    pub fn fault_report(&self) -> FaultReport {
        let mut report = self.faults.report().clone();
        if let Some(counts) = report.get_mut(&FaultKind::Partition) {
            counts.effects.insert("messages_cut", self.network.stats().cut);
        }
        if let Some(counts) = report.get_mut(&FaultKind::Packet) {
            counts.effects.insert("messages_affected", self.network.messages_affected());
        }
        report
    }

    pub(super) fn schedule_fault(&mut self) {
        if self.phase == Phase::Main
            && let Some(time) = self.faults.next_time()
        {
            self.agenda.add((self.main_began + time).max(self.now), Event::Fault);
        }
    }

    pub(super) fn fault_due(&mut self) {
        if self.phase != Phase::Main || !self.faults.is_idle() {
            return;
        }
        let (down, paused) = (self.nodes.all_down(), self.nodes.all_paused());
        let view = ClusterView { leader: self.network.likely_leader(), down: &down, paused: &paused };
        let Some(op) = self.faults.next(self.now - self.main_began, &view) else { return };
        self.network.reset_likely_leader();
        self.begin_fault(op);
    }

    fn begin_fault(&mut self, op: FaultOp) {
        self.faults.begin(&op, self.now - self.main_began, &self.config.settings.nodes);
        // A fault is named in the journal by its first entry in the history.
        let fault = self.history.ops.len() as u64;
        self.record_nemesis(op.f, op.value.clone());
        let effects = self.perform_action(&op.action, fault);
        if effects > 0 {
            self.faults.wait(op, effects);
        } else {
            self.end_fault(op);
        }
    }

    /// Does what can be done here and commands the rest. Gives the number of effects to wait for.
    fn perform_action(&mut self, action: &Action, fault: u64) -> usize {
        match action {
            Action::Partition(grudge) => self.network.partition(grudge, fault),
            Action::Heal => self.network.heal(),
            Action::Packet { targets, behaviour } => self.network.start_packet_fault(targets, *behaviour, fault),
            Action::StopPacket => self.network.stop_packet_fault(),
            Action::Kill(targets) => {
                let targets = self.nodes.alive_among(targets);
                targets.iter().for_each(|&node| self.network.node_killed(node, fault));
                return self.command(targets, Command::Kill);
            }
            Action::Pause(targets) => return self.command(self.nodes.up_among(targets), Command::Pause),
            Action::Resume => return self.command(self.nodes.all_paused(), Command::Resume),
            Action::Start => {
                let down = self.nodes.all_down();
                let count = down.len();
                self.boot(down);
                self.faults.restarted(count);
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

    fn command(&mut self, nodes: Vec<usize>, command: impl Fn(usize) -> Command) -> usize {
        let count = nodes.len();
        self.commands.extend(nodes.into_iter().map(command));
        count
    }

    /// Tells what became of a command.
    pub fn on_effect(&mut self, now: Nanos, effect: Effect) {
        self.now = now;
        match effect {
            Effect::Started(node) => {
                self.nodes.started(node);
                self.network.node_started(node);
                self.send_init(node);
            }
            Effect::Killed(node, processes) => {
                if let Some(paused) = self.nodes.killed(node, now) {
                    self.faults.resumed(paused);
                }
                self.faults.killed(processes);
            }
            Effect::Paused(node, processes) => {
                self.nodes.paused(node, now);
                self.faults.paused(processes);
            }
            Effect::Resumed(node) => {
                if let Some(paused) = self.nodes.resumed(node, now) {
                    self.faults.resumed(paused);
                }
            }
            Effect::ClockSet(_) => self.faults.clock_set(),
        }
        self.fault_effect();
    }

    /// The current fault may have taken effect.
    pub(super) fn fault_effect(&mut self) {
        if let Some(op) = self.faults.effect(self.nodes.is_any_booting()) {
            self.end_fault(op);
        }
    }

    fn end_fault(&mut self, op: FaultOp) {
        self.record_nemesis(op.f, op.value);
        if self.faults.is_healing() {
            self.heal_next();
        } else {
            self.schedule_fault();
        }
    }

    /// The main phase is over: end every fault, one after the other.
    pub(super) fn heal_everything(&mut self) {
        self.faults.begin_healing();
        if self.faults.is_idle() {
            self.heal_next();
        }
    }

    fn heal_next(&mut self) {
        let (down, paused) = (self.nodes.all_down(), self.nodes.all_paused());
        let view = ClusterView { leader: None, down: &down, paused: &paused };
        match self.faults.next_healing(&view) {
            Some(op) => self.begin_fault(op),
            None => self.healed(),
        }
    }
}
