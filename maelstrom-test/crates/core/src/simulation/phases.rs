//! The phases of a run.

use super::workers::Worker;
use super::{Event, Simulation};
use crate::history::Process;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Nodes start and are initialised.
    Boot,
    /// Operations and faults.
    Main,
    /// Everything is healed; what is in flight finishes.
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
        self.network.journal_mut().keep_from_now();
        self.agenda.add(self.now.saturating_add(self.config.settings.time_limit), Event::MainPhaseEnds);
        self.last_due = self.now;
        self.schedule_operation();
        self.schedule_fault();
    }

    pub(super) fn end_main_phase(&mut self) {
        self.phase = Phase::Recovery;
        self.owed = false;
        self.heal_everything();
        self.maybe_end_recovery();
    }

    /// Everything is healed: the quiet period begins, if there is a final phase to wait for.
    pub(super) fn healed(&mut self) {
        if self.config.workload.final_generator(&self.config.settings).is_some() {
            self.agenda.add(self.now.saturating_add(self.config.quiet_period), Event::QuietPeriodEnds);
        } else {
            self.quiet = true;
        }
        self.maybe_end_recovery();
    }

    pub(super) fn quiet_period_ended(&mut self) {
        self.quiet = true;
        self.maybe_end_recovery();
    }

    pub(super) fn maybe_end_recovery(&mut self) {
        if self.phase != Phase::Recovery || !self.quiet || self.workers.iter().any(|worker| !worker.is_idle()) {
            return;
        }
        match self.config.workload.final_generator(&self.config.settings) {
            None => self.phase = Phase::Over,
            Some(mut generator) => {
                // What was done so far tells the final phase what there is to look for.
                self.history.ops.iter().filter(|op| op.process != Process::Nemesis).for_each(|op| generator.update(op));
                self.phase = Phase::Final;
                self.final_phase_began = Some(self.now);
                self.generator = generator;
                self.workers.iter_mut().for_each(Worker::begin_final_phase);
                self.ask_finally();
            }
        }
    }

    pub(super) fn maybe_end_final_phase(&mut self) {
        if self.phase == Phase::Final && self.workers.iter().all(Worker::is_finished) {
            self.phase = Phase::Over;
        }
    }
}
