//! Clients of a system, whose operations overlap, fail, and get lost.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::damage::{damage, rename_processes};
use crate::history::{Op, OpType, Process};
use crate::json::{Map, Value, json};
use crate::random::Rng;

/// What a client asks for.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) f: &'static str,
    pub(super) value: Value,
    pub(super) extra: Option<Box<Map<String, Value>>>,
}

impl Request {
    pub(super) fn new(f: &'static str, value: Value) -> Request {
        Request { f, value, extra: None }
    }
}

/// A correct system.
pub(super) trait System {
    /// What a worker asks for next.
    fn request(&mut self, worker: usize, rng: &mut Rng) -> Request;

    /// What a worker asks for in the final phase, if there is one.
    fn final_request(&mut self, _worker: usize, _rng: &mut Rng) -> Option<Request> {
        None
    }

    /// Performs an operation of a worker, at one moment: its result, or its error.
    fn perform(&mut self, worker: usize, request: &Request, rng: &mut Rng) -> Result<Value, Value>;

    /// Something happens without any client.
    fn tick(&mut self, _rng: &mut Rng) {}

    /// Before the final phase, what was done is told to everybody.
    fn settle(&mut self) {}

    /// A worker goes on as a new process.
    fn restart(&mut self, _worker: usize) {}
}

/// An operation of a worker that has not ended.
enum State {
    Idle,
    Asked(Request),
    Performed(Request, Result<Value, Value>),
}

struct Worker {
    process: u64,
    state: State,
}

struct Run<'a, S> {
    system: &'a mut S,
    workers: Vec<Worker>,
    /// Operations that their clients have given up, but that may still take effect.
    late: Vec<(usize, Request)>,
    is_final: bool,
    ops: Vec<Op>,
}

/// The history of so many workers, half of the time damaged.
pub(super) fn history(system: &mut impl System, workers: usize, length: usize, rng: &mut Rng) -> Vec<Op> {
    let workers = (0..workers as u64).map(|process| Worker { process, state: State::Idle }).collect();
    let mut run = Run { system, workers, late: Vec::new(), is_final: false, ops: Vec::new() };
    while run.ops.len() < length {
        run.step(rng);
    }
    run.finish(rng);
    let mut ops = run.ops;
    damage(&mut ops, rng);
    rename_processes(&mut ops, rng);
    let base = *[0, 0, u64::MAX - 1_000_000_000].choose(rng).expect("there are some");
    let has_times = rng.random_ratio(3, 4);
    for (op, at) in ops.iter_mut().zip(0..) {
        (op.index, op.time) = (base + at, if has_times { base + at * 1_500_000 } else { 0 });
    }
    ops
}

impl<S: System> Run<'_, S> {
    fn step(&mut self, rng: &mut Rng) {
        if rng.random_ratio(1, 16) {
            self.fault(rng);
        }
        if !self.late.is_empty() && rng.random_ratio(1, 4) {
            let (worker, request) = self.late.swap_remove(rng.random_range(0..self.late.len()));
            let _ = self.system.perform(worker, &request, rng);
        }
        self.system.tick(rng);
        let worker = rng.random_range(0..self.workers.len());
        let request = match &self.workers[worker].state {
            State::Idle => Some(self.system.request(worker, rng)),
            _ => None,
        };
        self.advance(worker, request, rng);
    }

    /// A worker begins the request, or goes on with what it is doing.
    fn advance(&mut self, worker: usize, request: Option<Request>, rng: &mut Rng) {
        match std::mem::replace(&mut self.workers[worker].state, State::Idle) {
            State::Idle => {
                let Some(request) = request else { return };
                self.push(worker, OpType::Invoke, &request, request.value.clone(), None);
                self.workers[worker].state = State::Asked(request);
            }
            State::Asked(request) => match rng.random_range(0..16) {
                0 => {
                    let error = json!(["temporarily-unavailable", "try again"]);
                    self.push(worker, OpType::Fail, &request, request.value.clone(), Some(error));
                }
                1 => {
                    self.give_up(worker, &request, rng);
                    self.late.push((worker, request));
                }
                _ => {
                    let result = self.system.perform(worker, &request, rng);
                    self.workers[worker].state = State::Performed(request, result);
                    if rng.random() {
                        self.advance(worker, None, rng);
                    }
                }
            },
            State::Performed(request, result) => match (rng.random_range(0..16), result) {
                (0, _) => self.give_up(worker, &request, rng),
                (_, Ok(value)) => self.push(worker, OpType::Ok, &request, value, None),
                (_, Err(error)) => self.push(worker, OpType::Fail, &request, request.value.clone(), Some(error)),
            },
        }
    }

    /// A worker does not learn what became of its operation, and goes on as a new process.
    fn give_up(&mut self, worker: usize, request: &Request, rng: &mut Rng) {
        if rng.random_ratio(2, 3) {
            let error = rng.random::<bool>().then(|| json!("net-timeout"));
            self.push(worker, OpType::Info, request, request.value.clone(), error);
        }
        self.workers[worker].process += self.workers.len() as u64;
        self.system.restart(worker);
    }

    fn push(&mut self, worker: usize, kind: OpType, request: &Request, value: Value, error: Option<Value>) {
        let op = Op::new(0, kind, self.workers[worker].process, request.f, value);
        let extra = request.extra.clone().filter(|_| kind == OpType::Invoke || kind == OpType::Ok);
        self.ops.push(Op { error, extra, is_final: self.is_final, ..op });
    }

    /// The nemesis does something, whose name may be that of a client's function.
    fn fault(&mut self, rng: &mut Rng) {
        let f = *["start-partition", "kill", "read", "add", "echo", "generate", "poll"]
            .choose(rng)
            .expect("there are some");
        let kind = *[OpType::Invoke, OpType::Info, OpType::Ok].choose(rng).expect("there are some");
        let op = Op::new(0, kind, 0, f, json!(["n1", 1]));
        self.ops.push(Op { process: Process::Nemesis, is_final: self.is_final, ..op });
    }

    /// Ends what can be ended, most of the time, and lets every worker do something in the final phase.
    fn finish(&mut self, rng: &mut Rng) {
        if rng.random_ratio(1, 6) {
            return;
        }
        for worker in 0..self.workers.len() {
            while !matches!(self.workers[worker].state, State::Idle) {
                self.advance(worker, None, rng);
            }
        }
        self.system.settle();
        self.is_final = true;
        let mut requests: Vec<Option<Request>> =
            (0..self.workers.len()).map(|worker| self.system.final_request(worker, rng)).collect();
        loop {
            let is_busy =
                |worker: &usize| requests[*worker].is_some() || !matches!(self.workers[*worker].state, State::Idle);
            let busy: Vec<usize> = (0..self.workers.len()).filter(is_busy).collect();
            let Some(&worker) = busy.choose(rng) else { break };
            let request = match self.workers[worker].state {
                State::Idle => requests[worker].take(),
                _ => None,
            };
            self.advance(worker, request, rng);
        }
    }
}
