//! [`Performed`]: what happened in a run, in the terms of a plan.

use super::Simulation;
use crate::history::{History, Nanos, Op, OpType};
use crate::plan::{Fault, Operation, OperationPhase, Overrides};

/// What clients and nemesis did in a run.
///
/// A run with the same configuration that is told to do this has the same history and the same journal, provided that every
/// message takes some time.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Performed {
    /// The operations, in order of their beginning.
    pub operations: Vec<Operation>,
    /// The faults, in order of their start. Those that ended with the main phase have no stop.
    pub faults: Vec<Fault>,
    /// When the run ended, if neither its phases nor the completion of the last operation decided that.
    pub end_ns: Option<Nanos>,
}

impl Performed {
    /// The overrides that spell this out.
    pub fn into_overrides(self) -> Overrides {
        let Performed { operations, faults, end_ns } = self;
        Overrides { operations: Some(operations), faults: Some(faults), end_ns, ..Overrides::default() }
    }
}

impl Simulation {
    /// What clients and nemesis did so far. Operations are taken from the history, so this must be called before
    /// [`take_history`](Simulation::take_history).
    pub fn performed(&self) -> Performed {
        self.performed_in(&self.history)
    }

    /// Like [`performed`](Simulation::performed), for a history that was taken from this run.
    pub fn performed_in(&self, history: &History) -> Performed {
        let operation = |(place, op): (usize, &Op)| {
            let process = op.process.client().filter(|_| op.kind == OpType::Invoke)?;
            let (phase, began) = match self.final_phase_began {
                Some(began) if place >= self.first_final_entry => (OperationPhase::Final, began),
                _ => (OperationPhase::Main, self.main_began),
            };
            Some(Operation {
                phase,
                time_ns: op.time - began,
                worker: (process % self.workers.len() as u64) as usize,
                f: op.f.to_string(),
                value: op.value.clone(),
                is_final: op.is_final,
                extra: op.extra.as_deref().cloned().unwrap_or_default(),
            })
        };
        Performed {
            operations: history.ops.iter().enumerate().filter_map(operation).collect(),
            faults: self.faults.performed().to_vec(),
            end_ns: self.end_to_spell_out(history),
        }
    }

    /// A generator may find out only after the last completion that no operation is left.
    fn end_to_spell_out(&self, history: &History) -> Option<Nanos> {
        let planned = self.config.plan.end_ns.filter(|&end| self.ended == Some(end));
        let is_client = |op: &&Op| op.process.client().is_some();
        let last = history.ops.iter().rev().find(is_client).map(|op| op.time);
        let later = self.final_phase_began.and(self.ended).filter(|&end| Some(end) != last).map(|end| end + 1);
        planned.or(later)
    }

    /// What of the plan met nothing in the run: an operation or fault that never began, a message that was never sent.
    pub fn unmet_overrides(&self) -> Vec<String> {
        let operations = self.script.as_ref().map(|script| script.unmet()).unwrap_or_default();
        [operations, self.faults.unmet_overrides(), self.network.unmet_overrides()].concat()
    }
}
