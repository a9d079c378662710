//! Workers: which operation comes next, on whom, and how it ends.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::clients::Owner;
use super::{Event, ExceptionKind, Phase, Simulation};
use crate::generator::{self, Invocation, Next};
use crate::history::{Nanos, Op, OpType, Process};
use crate::network::EndpointId;
use crate::workload::{Answer, Client, Completion, Step};

/// How far the schedule of operations may lag behind the clock before it is given up.
const MOST_LATE: Nanos = 20_000_000;

/// A client worker: one operation at a time.
pub(super) struct Worker {
    index: usize,
    process: u64,
    client: Option<(EndpointId, Box<dyn Client>)>,
    current: Option<Invocation>,
    /// The final phase has nothing more for it.
    done: bool,
    /// The generator wants to be asked again at a certain time.
    waiting: bool,
}

impl Worker {
    pub(super) fn new(index: usize) -> Worker {
        Worker { index, process: index as u64, client: None, current: None, done: false, waiting: false }
    }

    pub(super) fn begin_final_phase(&mut self) {
        (self.done, self.waiting) = (false, false);
    }

    /// Idle, with nothing left to do in the final phase.
    pub(super) fn is_finished(&self) -> bool {
        self.done && self.is_idle()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none()
    }
}

impl Simulation {
    /// Sets the time of the next operation of the main phase: uniform in 0 … 2/rate after the last one was due. (Not
    /// after it began: real clocks wake us a little late, which must not lower the rate.)
    pub(super) fn schedule_operation(&mut self) {
        if self.phase == Phase::Main && self.config.rate > 0.0 {
            let wait = self.schedule_rng.random::<f64>() * 2e9 / self.config.rate;
            self.agenda.add(self.last_due.saturating_add(wait as u64), Event::Operation);
        }
    }

    /// An operation's time has come: some worker begins it, or it is owed until one is free.
    pub(super) fn operation_due(&mut self, due: Nanos) {
        if self.phase != Phase::Main {
            return;
        }
        self.last_due = due.max(self.now.saturating_sub(MOST_LATE));
        self.begin_somewhere();
    }

    fn begin_somewhere(&mut self) {
        let mut free: Vec<usize> = (0..self.workers.len()).filter(|&worker| self.workers[worker].is_idle()).collect();
        free.shuffle(&mut self.schedule_rng);
        self.owed = true;
        for worker in free {
            if self.ask(worker) {
                return;
            }
        }
    }

    /// Asks the generator for an operation of an idle worker and begins it. False if there is none now.
    fn ask(&mut self, worker: usize) -> bool {
        let asking = generator::Worker { index: worker, process: self.workers[worker].process, now: self.now };
        match self.generator.next(asking, &mut self.generator_rng) {
            Next::Op(invocation) => {
                if self.phase == Phase::Main {
                    self.owed = false;
                    self.schedule_operation();
                }
                self.begin(worker, invocation);
                return true;
            }
            Next::At(time) => {
                if !std::mem::replace(&mut self.workers[worker].waiting, true) {
                    self.agenda.add(time.max(self.now + 1), Event::AskAgain(worker));
                }
            }
            Next::Pending => {}
            Next::Done => self.workers[worker].done = true,
        }
        false
    }

    pub(super) fn ask_again(&mut self, worker: usize) {
        self.workers[worker].waiting = false;
        match self.phase {
            Phase::Main if self.owed && self.workers[worker].is_idle() => {
                self.last_due = self.now;
                self.ask(worker);
            }
            Phase::Final => self.ask_finally(),
            _ => {}
        }
    }

    /// In the final phase every idle worker is asked whenever something has changed.
    pub(super) fn ask_finally(&mut self) {
        for worker in 0..self.workers.len() {
            let state = &self.workers[worker];
            if self.phase == Phase::Final && state.is_idle() && !state.done && !state.waiting {
                self.ask(worker);
            }
        }
        self.maybe_end_final_phase();
    }

    fn begin(&mut self, worker: usize, invocation: Invocation) {
        if self.workers[worker].client.is_none() {
            let name = self.new_client_name();
            let endpoint = self.network.add(&name);
            self.clients.open(endpoint, Owner::Worker(worker));
            let client = self.config.workload.client(worker, &self.config.settings);
            self.workers[worker].client = Some((endpoint, client));
        }
        let state = &mut self.workers[worker];
        let (_, client) = state.client.as_mut().expect("opened above");
        let step = client.invoke(&invocation);
        let process = state.process;
        state.current = Some(invocation.clone());
        self.record(Op {
            is_final: invocation.is_final,
            extra: invocation.extra,
            ..Op::new(0, OpType::Invoke, process, &invocation.f, invocation.value)
        });
        self.follow(worker, step, "");
    }

    /// An answer, or its absence, reached a worker. `text` is the body as the node wrote it.
    pub(super) fn worker_answered(&mut self, worker: usize, answer: Answer, text: &str) {
        let state = &mut self.workers[worker];
        let (Some((_, client)), Some(invocation)) = (&mut state.client, &state.current) else { return };
        let step = client.answer(invocation, answer);
        self.follow(worker, step, text);
    }

    fn follow(&mut self, worker: usize, step: Step, text: &str) {
        match step {
            Step::Call(body) => {
                let node = self.workers[worker].index % self.nodes.len();
                let client = self.workers[worker].client.as_ref().expect("a client performs the operation").0;
                self.request(client, node, body, self.timeout);
            }
            Step::Done(completion) => self.complete(worker, completion),
            Step::Malformed(cause) => {
                let node = self.workers[worker].index % self.nodes.len();
                self.complain(node, ExceptionKind::MalformedResponse, &cause, text, None);
                self.complete(worker, Completion::not_ok(&Answer::Malformed(cause), false));
            }
        }
    }

    fn complete(&mut self, worker: usize, completion: Completion) {
        let concurrency = self.workers.len() as u64;
        let state = &mut self.workers[worker];
        let Some(invocation) = state.current.take() else { return };
        let op = Op {
            kind: completion.kind,
            process: Process::Client(state.process),
            value: completion.value.unwrap_or(invocation.value),
            error: completion.error,
            f: invocation.f,
            is_final: invocation.is_final,
            extra: invocation.extra,
            index: 0,
            time: 0,
        };
        let closed = if op.kind == OpType::Info {
            state.process += concurrency;
            state.client.take_if(|_| !self.config.workload.reusable_clients())
        } else {
            None
        };
        if let Some((client, _)) = closed {
            self.close_client(client);
        }
        self.record(op);
        self.worker_is_free(worker);
    }

    fn worker_is_free(&mut self, worker: usize) {
        match self.phase {
            Phase::Main if self.owed => {
                // The completion may have unblocked any idle worker, so ask this one first and then the others.
                // It begins late, and the schedule does not catch up.
                self.last_due = self.now;
                if !self.ask(worker) {
                    self.begin_somewhere();
                }
            }
            Phase::Main | Phase::Boot | Phase::Over => {}
            Phase::Recovery => self.maybe_end_recovery(),
            Phase::Final => self.ask_finally(),
        }
    }
}
