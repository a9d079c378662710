//! The phases of a run.

use super::state::Script;
use super::{Event, Simulation};
use crate::history::Process;
use crate::plan::OperationPhase;

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
        self.schedule.begin(self.now);
        self.begin_phase_of_script(OperationPhase::Main);
        self.schedule_operation();
        self.schedule_fault();
    }

    pub(super) fn end_main_phase(&mut self) {
        self.phase = Phase::Recovery;
        self.schedule.end();
        if let Some(script) = &mut self.script {
            script.end_phase();
        }
        self.heal_everything();
        self.maybe_end_recovery();
    }

    fn begin_phase_of_script(&mut self, phase: OperationPhase) {
        if let Some(script) = &mut self.script {
            script.begin_phase(phase);
        }
    }

    /// A plan without final operations needs no final phase, unless it says when the run ends.
    fn has_final_phase(&self) -> bool {
        let is_needed = self.script.as_ref().is_none_or(Script::has_final_phase) || self.config.plan.end_ns.is_some();
        is_needed && self.config.workload.final_generator(&self.config.settings).is_some()
    }

    /// Everything is healed: the quiet period begins, if there is a final phase to wait for.
    pub(super) fn healed(&mut self) {
        if self.has_final_phase() {
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
        if !self.has_final_phase() {
            return self.end_run();
        }
        let Some(mut generator) = self.config.workload.final_generator(&self.config.settings) else { return };
        // From the history so far, the final phase learns what to read.
        self.history.ops.iter().filter(|op| op.process != Process::Nemesis).for_each(|op| generator.update(op));
        self.phase = Phase::Final;
        self.final_phase_began = Some(self.now);
        self.first_final_entry = self.history.ops.len();
        self.generator = generator;
        self.workers.begin_final_phase();
        self.begin_phase_of_script(OperationPhase::Final);
        self.schedule_operation();
        self.ask_idle_workers();
    }

    pub(super) fn maybe_end_final_phase(&mut self) {
        let is_done = match &self.script {
            // If the plan says when the run ends, the run waits for that.
            Some(script) => script.is_done() && self.workers.are_all_idle() && self.config.plan.end_ns.is_none(),
            None => self.workers.are_all_done(),
        };
        if self.phase == Phase::Final && is_done {
            self.end_run();
        }
    }

    /// The run ends if its plan says so. What happens at the time of the end does not belong to the run any more.
    pub(super) fn end_if_planned(&mut self) {
        if self.config.plan.end_ns.is_some_and(|end| end <= self.now) {
            self.end_run();
        }
    }

    pub(super) fn end_run(&mut self) {
        if !self.is_over() {
            self.phase = Phase::Over;
            self.ended = Some(self.now);
        }
    }
}
