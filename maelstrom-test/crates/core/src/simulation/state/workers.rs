//! [`Workers`]: which operation each worker performs, and with which client.

use crate::generator::{self, Invocation};
use crate::history::{Nanos, Op, OpType, Process};
use crate::network::EndpointId;
use crate::workload::{Client, ClientStep, Completion, Response};

/// A worker performs one operation at a time.
struct Worker {
    process: u64,
    client: Option<(EndpointId, Box<dyn Client>)>,
    current: Option<Invocation>,
    /// The final phase has no more operations for it.
    is_done: bool,
    /// The generator has to be asked again at a time that is on the agenda.
    is_waiting: bool,
    /// How many operations of the final phase it has begun.
    final_operations: u64,
}

/// The client workers, by number.
pub(in super::super) struct Workers {
    workers: Vec<Worker>,
}

impl Workers {
    pub(in super::super) fn new(count: usize) -> Workers {
        let worker = |index| Worker {
            process: index as u64,
            client: None,
            current: None,
            is_done: false,
            is_waiting: false,
            final_operations: 0,
        };
        Workers { workers: (0..count).map(worker).collect() }
    }

    pub(in super::super) fn len(&self) -> usize {
        self.workers.len()
    }

    pub(in super::super) fn is_idle(&self, worker: usize) -> bool {
        self.workers[worker].current.is_none()
    }

    pub(in super::super) fn all_idle(&self) -> Vec<usize> {
        (0..self.workers.len()).filter(|&worker| self.is_idle(worker)).collect()
    }

    pub(in super::super) fn are_all_idle(&self) -> bool {
        self.workers.iter().all(|worker| worker.current.is_none())
    }

    /// Whether the final phase has nothing left to do.
    pub(in super::super) fn are_all_done(&self) -> bool {
        self.workers.iter().all(|worker| worker.is_done && worker.current.is_none())
    }

    /// Whether the final phase has to ask for an operation of this worker.
    pub(in super::super) fn is_ready(&self, worker: usize) -> bool {
        let Worker { current, is_done, is_waiting, .. } = &self.workers[worker];
        current.is_none() && !is_done && !is_waiting
    }

    pub(in super::super) fn begin_final_phase(&mut self) {
        for worker in &mut self.workers {
            (worker.is_done, worker.is_waiting) = (false, false);
        }
    }

    /// How many operations of the final phase the worker has begun.
    pub(in super::super) fn final_operations(&self, worker: usize) -> u64 {
        self.workers[worker].final_operations
    }

    pub(in super::super) fn begin_final_operation(&mut self, worker: usize) {
        self.workers[worker].final_operations += 1;
    }

    /// The worker as the generator knows it.
    pub(in super::super) fn asking(&self, worker: usize, now: Nanos) -> generator::Worker {
        generator::Worker { index: worker, process: self.workers[worker].process, now }
    }

    /// False if it waits already.
    pub(in super::super) fn begin_to_wait(&mut self, worker: usize) -> bool {
        !std::mem::replace(&mut self.workers[worker].is_waiting, true)
    }

    pub(in super::super) fn stop_waiting(&mut self, worker: usize) {
        self.workers[worker].is_waiting = false;
    }

    pub(in super::super) fn set_done(&mut self, worker: usize) {
        self.workers[worker].is_done = true;
    }

    /// The endpoint of the worker's client, if it has one.
    pub(in super::super) fn endpoint(&self, worker: usize) -> Option<EndpointId> {
        self.workers[worker].client.as_ref().map(|(endpoint, _)| *endpoint)
    }

    pub(in super::super) fn set_client(&mut self, worker: usize, endpoint: EndpointId, client: Box<dyn Client>) {
        self.workers[worker].client = Some((endpoint, client));
    }

    /// Begins an operation of a worker that has a client: its entry in the history, and what the client does first.
    pub(in super::super) fn invoke(&mut self, worker: usize, invocation: Invocation) -> (Op, ClientStep) {
        let worker = &mut self.workers[worker];
        let (_, client) = worker.client.as_mut().expect("the worker has a client");
        let step = client.invoke(&invocation);
        worker.current = Some(invocation.clone());
        let Invocation { f, value, is_final, extra } = invocation;
        (Op { is_final, extra, ..Op::new(0, OpType::Invoke, worker.process, &f, value) }, step)
    }

    /// What the worker's client does after a response; `None` if the worker performs no operation.
    pub(in super::super) fn on_response(&mut self, worker: usize, response: Response) -> Option<ClientStep> {
        let Worker { client, current, .. } = &mut self.workers[worker];
        let (_, client) = client.as_mut()?;
        Some(client.on_response(current.as_ref()?, response))
    }

    /// Ends the worker's operation: its entry in the history. After an `info` completion the worker goes on as a new process.
    pub(in super::super) fn complete(&mut self, worker: usize, completion: Completion) -> Option<Op> {
        let count = self.workers.len() as u64;
        let worker = &mut self.workers[worker];
        let Invocation { f, value, is_final, extra } = worker.current.take()?;
        let op = Op {
            kind: completion.kind,
            process: Process::Client(worker.process),
            value: completion.value.unwrap_or(value),
            error: completion.error,
            f,
            is_final,
            extra,
            index: 0,
            time: 0,
        };
        if op.kind == OpType::Info {
            worker.process += count;
        }
        Some(op)
    }

    /// Takes the client away from a worker; gives its endpoint.
    pub(in super::super) fn remove_client(&mut self, worker: usize) -> Option<EndpointId> {
        self.workers[worker].client.take().map(|(endpoint, _)| endpoint)
    }
}
