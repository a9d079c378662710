//! The phases of a run.

use super::{Event, Simulation};
use crate::history::Process;

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Nodes start and are initialised.
    Boot,
    /// Operations and faults.
    Main,
    /// All faults are ended; operations in flight complete.
    Recovery,
    /// Final operations.
    Final,
    /// Nothing more happens.
    Over,
}

impl Simulation {
    pub(super) fn begin_main_phase(&mut self) {
        self.phase = Phase::Main;
        self.main_began = self.now;
        self.network.journal_mut().start_keeping();
        self.agenda.add(self.now.saturating_add(self.config.settings.time_limit), Event::MainPhaseEnds);
        self.schedule.restart(self.now);
        self.schedule_operation();
        self.schedule_fault();
    }

    pub(super) fn end_main_phase(&mut self) {
        self.phase = Phase::Recovery;
        self.schedule.set_owed(false);
        self.heal_everything();
        self.maybe_end_recovery();
    }

    /// Everything is healed: the quiet period begins, if there is a final phase to wait for.
    pub(super) fn healed(&mut self) {
        if self.config.workload.final_generator(&self.config.settings).is_some() {
            self.agenda.add(self.now.saturating_add(self.config.quiet_period), Event::QuietPeriodEnds);
        } else {
            self.is_quiet = true;
        }
        self.maybe_end_recovery();
    }

    pub(super) fn quiet_period_ended(&mut self) {
        self.is_quiet = true;
        self.maybe_end_recovery();
    }

    pub(super) fn maybe_end_recovery(&mut self) {
        if self.phase != Phase::Recovery || !self.is_quiet || !self.workers.are_all_idle() {
            return;
        }
        match self.config.workload.final_generator(&self.config.settings) {
            None => self.phase = Phase::Over,
            Some(mut generator) => {
                // From the history so far, the final phase learns what to read.
                self.history.ops.iter().filter(|op| op.process != Process::Nemesis).for_each(|op| generator.update(op));
                self.phase = Phase::Final;
                self.final_phase_began = Some(self.now);
                self.generator = generator;
                self.workers.begin_final_phase();
                self.ask_in_final_phase();
            }
        }
    }

    pub(super) fn maybe_end_final_phase(&mut self) {
        if self.phase == Phase::Final && self.workers.are_all_done() {
            self.phase = Phase::Over;
        }
    }
}
