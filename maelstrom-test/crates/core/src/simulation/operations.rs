//! The way of an operation: from the generator to a worker, through its client, and into the history.

use super::state::Owner;
use super::{Event, Phase, Simulation};
use crate::checker::exceptions::ExceptionKind;
use crate::generator::{Invocation, Next};
use crate::history::{Nanos, OpType};
use crate::random::{Rng, choice, hash};
use crate::workload::{ClientStep, Completion, Response};

/// The kinds of choice.
const OPERATION: u64 = hash("operation");
const FINAL_OPERATION: u64 = hash("final operation");

impl Simulation {
    pub(super) fn schedule_operation(&mut self) {
        if let Some(script) = &self.script {
            let began = self.operations_began();
            if let Some(time) = script.next_time() {
                self.agenda.add(began.saturating_add(time).max(self.now), Event::Operation);
            }
        } else if self.phase == Phase::Main
            && let Some(due) = self.schedule.next_due()
        {
            self.agenda.add(due, Event::Operation);
        }
    }

    /// When the present phase of operations began.
    fn operations_began(&self) -> Nanos {
        self.final_phase_began.unwrap_or(self.main_began)
    }

    /// An operation is due: an idle worker begins it, or it is owed until there is one.
    pub(super) fn operation_due(&mut self) {
        if self.script.is_some() {
            self.planned_operations_are_due();
        } else if self.phase == Phase::Main {
            self.schedule.take_due(self.now);
            self.begin_owed_operation();
        }
    }

    fn planned_operations_are_due(&mut self) {
        let elapsed = self.now - self.operations_began();
        while let Some(worker) = self.script.as_mut().and_then(|script| script.take_due(elapsed)) {
            self.begin_planned(worker);
        }
        self.schedule_operation();
    }

    /// Begins the operations of a plan that wait for this worker, if it is idle.
    fn begin_planned(&mut self, worker: usize) {
        while self.workers.is_idle(worker)
            && let Some(invocation) = self.script.as_mut().and_then(|script| script.begin(worker))
        {
            self.begin(worker, invocation);
        }
    }

    fn begin_owed_operation(&mut self) {
        let Some(number) = self.schedule.owed() else { return };
        let mut idle = self.workers.all_idle();
        self.schedule.sort(number, &mut idle);
        for worker in idle {
            if let Some(invocation) = self.ask(worker, choice(self.config.seed, OPERATION, &[number])) {
                self.schedule.has_begun(self.now);
                self.schedule_operation();
                return self.begin(worker, invocation);
            }
        }
    }

    /// Asks the generator for an operation of an idle worker.
    fn ask(&mut self, worker: usize, mut rng: Rng) -> Option<Invocation> {
        let asking = self.workers.asking(worker, self.now);
        match self.generator.next(asking, &mut rng) {
            Next::Op(invocation) => return Some(invocation),
            Next::At(time) => {
                if self.workers.begin_to_wait(worker) {
                    self.agenda.add(time.max(self.now + 1), Event::AskAgain(worker));
                }
            }
            Next::Pending => {}
            Next::Done => self.workers.set_done(worker),
        }
        None
    }

    pub(super) fn ask_again(&mut self, worker: usize) {
        self.workers.stop_waiting(worker);
        match self.phase {
            Phase::Main => self.begin_owed_operation(),
            Phase::Final => self.ask_in_final_phase(),
            _ => {}
        }
    }

    /// In the final phase every idle worker is asked whenever something has changed.
    fn ask_in_final_phase(&mut self) {
        for worker in 0..self.workers.len() {
            let number = self.workers.final_operations(worker);
            if self.workers.is_ready(worker)
                && let Some(invocation) =
                    self.ask(worker, choice(self.config.seed, FINAL_OPERATION, &[worker as u64, number]))
            {
                self.workers.begin_final_operation(worker);
                self.begin(worker, invocation);
            }
        }
        self.maybe_end_final_phase();
    }

    fn begin(&mut self, worker: usize, invocation: Invocation) {
        if self.workers.endpoint(worker).is_none() {
            let endpoint = self.open_client(Owner::Worker(worker));
            let client = self.config.workload.client(worker, &self.config.settings);
            self.workers.set_client(worker, endpoint, client);
        }
        let (op, step) = self.workers.invoke(worker, invocation);
        self.record(op);
        self.follow(worker, step, "");
    }

    /// A response, or its absence, reached a worker. `text` is the body as the node wrote it.
    pub(super) fn worker_responded(&mut self, worker: usize, response: Response, text: &str) {
        if let Some(step) = self.workers.on_response(worker, response) {
            self.follow(worker, step, text);
        }
    }

    fn follow(&mut self, worker: usize, step: ClientStep, text: &str) {
        // A worker talks to one node all the time.
        let node = worker % self.nodes.len();
        match step {
            ClientStep::Call(body) => {
                let client = self.workers.endpoint(worker).expect("a client performs the operation");
                self.send_request(client, node, body, self.timeout);
            }
            ClientStep::Done(completion) => self.complete(worker, completion),
            ClientStep::Malformed(malformed) => {
                self.report_malformed(node, ExceptionKind::MalformedResponse, &malformed, text, None);
                self.complete(worker, Completion::not_ok(&Response::Malformed(malformed), false));
            }
        }
    }

    fn complete(&mut self, worker: usize, completion: Completion) {
        let Some(op) = self.workers.complete(worker, completion) else { return };
        if op.kind == OpType::Info
            && !self.config.workload.reusable_clients()
            && let Some(client) = self.workers.remove_client(worker)
        {
            self.close_client(client);
        }
        self.record(op);
        self.worker_is_idle();
    }

    fn worker_is_idle(&mut self) {
        match self.phase {
            Phase::Main | Phase::Final => self.ask_idle_workers(),
            Phase::Recovery => self.maybe_end_recovery(),
            Phase::Boot | Phase::Over => {}
        }
    }

    /// Lets idle workers begin operations, after everything else that is due now.
    pub(super) fn ask_idle_workers(&mut self) {
        if !std::mem::replace(&mut self.will_ask_idle_workers, true) {
            self.agenda.add(self.now, Event::WorkersAreIdle);
        }
    }

    pub(super) fn workers_are_idle(&mut self) {
        self.will_ask_idle_workers = false;
        if self.script.is_some() {
            (0..self.workers.len()).for_each(|worker| self.begin_planned(worker));
            return self.maybe_end_final_phase();
        }
        match self.phase {
            Phase::Main => self.begin_owed_operation(),
            Phase::Final => self.ask_in_final_phase(),
            _ => {}
        }
    }
}
