//! [`Script`]: the operations that a plan spells out.

use std::collections::VecDeque;

use crate::generator::Invocation;
use crate::history::Nanos;
use crate::plan::{Operation, OperationPhase};

/// The operations of a plan, and which of them have begun.
///
/// Each worker performs its operations in order, each at its time or when the worker has become idle.
#[derive(Debug)]
pub(in super::super) struct Script {
    operations: Vec<(Operation, bool)>,
    /// Positions of the operations of the present phase that are not due yet, in order of time.
    later: VecDeque<usize>,
    /// For each worker: positions of the operations that are due.
    due: Vec<VecDeque<usize>>,
}

impl Script {
    pub(in super::super) fn new(operations: &[Operation], workers: usize) -> Script {
        Script {
            operations: operations.iter().map(|operation| (operation.clone(), false)).collect(),
            later: VecDeque::new(),
            due: vec![VecDeque::new(); workers],
        }
    }

    pub(in super::super) fn has_final_phase(&self) -> bool {
        self.operations.iter().any(|(operation, _)| operation.phase == OperationPhase::Final)
    }

    /// A phase begins. Operations of the one before that have not begun never will.
    pub(in super::super) fn begin_phase(&mut self, phase: OperationPhase) {
        self.end_phase();
        let (operations, workers) = (&self.operations, self.due.len());
        let is_of_phase = |&at: &usize| operations[at].0.phase == phase && operations[at].0.worker < workers;
        let mut later: Vec<usize> = (0..operations.len()).filter(is_of_phase).collect();
        later.sort_by_key(|&at| operations[at].0.time_ns);
        self.later = later.into();
    }

    pub(in super::super) fn end_phase(&mut self) {
        self.later.clear();
        self.due.iter_mut().for_each(VecDeque::clear);
    }

    /// When the next operation is due, in nanoseconds from the start of the phase.
    pub(in super::super) fn next_time(&self) -> Option<Nanos> {
        self.later.front().map(|&at| self.operations[at].0.time_ns)
    }

    /// Notes that the next operation is due by this time; gives its worker. `None` if none is due.
    pub(in super::super) fn take_due(&mut self, now: Nanos) -> Option<usize> {
        let at = self.later.pop_front_if(|&mut at| self.operations[at].0.time_ns <= now)?;
        let worker = self.operations[at].0.worker;
        self.due[worker].push_back(at);
        Some(worker)
    }

    /// Begins the operation that an idle worker has to perform, if one is due.
    pub(in super::super) fn begin(&mut self, worker: usize) -> Option<Invocation> {
        let at = self.due[worker].pop_front()?;
        let (operation, has_begun) = &mut self.operations[at];
        *has_begun = true;
        let Operation { f, value, is_final, extra, .. } = operation;
        let extra = (!extra.is_empty()).then(|| Box::new(extra.clone()));
        Some(Invocation { f: (&**f).into(), value: value.clone(), is_final: *is_final, extra })
    }

    /// Whether no operation of the present phase is left.
    pub(in super::super) fn is_done(&self) -> bool {
        self.later.is_empty() && self.due.iter().all(VecDeque::is_empty)
    }

    /// The operations that never began.
    pub(in super::super) fn unmet(&self) -> Vec<String> {
        let unmet = self.operations.iter().enumerate().filter(|(_, (_, has_begun))| !has_begun);
        unmet
            .map(|(number, (Operation { f, value, worker, .. }, _))| {
                let why = if *worker < self.due.len() { "" } else { ": there is no such worker" };
                format!("operation {number} ({f} {value} of worker {worker}) never began{why}")
            })
            .collect()
    }
}
