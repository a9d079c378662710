//! The simulation: clients, network, services, operations and faults as one state machine.
//!
//! A [`Simulation`] does no I/O, starts no thread, reads no clock, and draws all randomness from its seed. The executor
//! *tells* it the time and what happened (a node printed this line, a node exited). The simulation *answers* what to do
//! (write these bytes to that node, kill that node) and when it has to be called again. So the same code drives nodes in
//! real time, nodes in virtual time, and nodes that are functions in memory (see [`in_memory`]).
//!
//! # Phases of a run
//! ```text
//! Boot      every node is started and gets `init` and the workload's set-up requests, all nodes in parallel
//! Main      operations at the requested rate, and faults; ends at the time limit
//! Recovery  all faults are ended; operations in flight complete; the quiet period passes (if there is a final phase)
//! Final     every worker performs its final operations
//! Over      the checkers have their turn
//! ```
//!
//! # Files
//! The folder `state` holds the parts of the state. Each keeps its own invariants and knows none of the others. The files
//! beside it route events between the parts: `boot`, `messages`, `operations`, `faults`, `phases`.
//!
//! # Driving it
//! ```text
//! loop {
//!     simulation.advance(now)                     // or advance_one(now), in lockstep
//!     while let Some(command) = simulation.next_command() { carry it out; simulation.on_effect(now, …) }
//!     write simulation.output(node) to each node that has any
//!     if simulation.is_over() { break }
//!     wait for a node's output or for simulation.next_wakeup(), whichever comes first
//!     simulation.on_line(now, node, line)  or  simulation.on_exit(now, node, …)
//! }
//! ```

mod boot;
mod command;
mod config;
mod failure;
mod faults;
pub mod in_memory;
mod messages;
mod operations;
mod performed;
mod phases;
mod state;

use std::collections::VecDeque;

use crate::checker::exceptions::{Exception, ExceptionKind, Exceptions};
use crate::generator::Generator;
use crate::history::{History, Nanos, Op, OpType, Process};
use crate::json::Value;
use crate::nemesis::{FaultKind, Nemesis};
use crate::network::Network;
use crate::protocol::SERVICE_NAMES;
use crate::service::Service;

pub use command::{Command, Effect, Exit};
pub use config::Config;
pub use failure::Failure;
pub use performed::Performed;
pub use phases::Phase;
use state::{Agenda, Clients, Event, Faults, Nodes, Rank, Requests, Schedule, Script, Traffic, Workers};
pub use state::{FaultCounts, FaultReport, MalformedLine, OUTPUT_LIMIT};

/// A program that exits closes its output first; one that still runs after this time has closed it while it goes on.
const TIME_TO_EXIT: Nanos = 100_000_000;

/// The state of a run.
pub struct Simulation {
    config: Config,
    /// Client request timeout.
    timeout: Nanos,
    now: Nanos,
    phase: Phase,
    main_began: Nanos,
    final_phase_began: Option<Nanos>,
    /// The number of entries in the history when the final phase began.
    first_final_entry: usize,
    /// When the run was complete.
    ended: Option<Nanos>,
    /// Everything is healed, and the quiet period is over.
    is_quiet: bool,
    failure: Option<Failure>,
    agenda: Agenda,
    commands: VecDeque<Command>,
    network: Network,
    services: Vec<Box<dyn Service>>,
    nodes: Nodes,
    clients: Clients,
    requests: Requests,
    traffic: Traffic,
    workers: Workers,
    schedule: Schedule,
    generator: Box<dyn Generator>,
    /// The operations of the plan, which replace those of the generator.
    script: Option<Script>,
    /// [`Event::WorkersAreIdle`] is on the agenda.
    will_ask_idle_workers: bool,
    faults: Faults,
    history: History,
    exceptions: Exceptions,
    notes: Vec<String>,
}

impl Simulation {
    /// A run that is about to begin: its first commands start the nodes.
    pub fn new(config: Config) -> Simulation {
        let (settings, seed) = (&config.settings, config.seed);
        let plan = &config.plan;
        let (nemesis, notes) = match &plan.faults {
            None => Nemesis::new(&config.faults, &settings.nodes, config.nemesis_interval, settings.time_limit, seed),
            Some(faults) => (Nemesis::planned(faults, &settings.nodes, settings.time_limit), Vec::new()),
        };
        let mut network = Network::new(config.network.clone(), &settings.nodes, seed);
        network.obey(plan, seed);
        // A plan that spells out faults replaces the requested kinds, too.
        let requested = if plan.faults.is_some() { nemesis.kinds() } else { config.faults.clone() };
        let kills = requested.contains(&FaultKind::Kill);
        let nodes = settings.nodes.len();
        let mut simulation = Simulation {
            timeout: config.client_timeout(),
            now: 0,
            phase: Phase::Boot,
            main_began: 0,
            final_phase_began: None,
            first_final_entry: 0,
            ended: None,
            is_quiet: false,
            failure: None,
            agenda: Agenda::default(),
            commands: VecDeque::new(),
            network,
            services: SERVICE_NAMES.iter().filter_map(|name| crate::service::by_name(name)).collect(),
            nodes: Nodes::new(nodes),
            clients: Clients::new(nodes + SERVICE_NAMES.len(), config.workload.rpcs()),
            requests: Requests::new(kills),
            traffic: Traffic::new(config.max_messages, nodes, SERVICE_NAMES.len()),
            workers: Workers::new(settings.concurrency),
            schedule: Schedule::new(config.rate, seed),
            generator: config.workload.generator(settings),
            script: plan.operations.as_ref().map(|operations| Script::new(operations, settings.concurrency)),
            will_ask_idle_workers: false,
            faults: Faults::new(&requested, nemesis),
            history: History::default(),
            exceptions: Exceptions::default(),
            notes,
            config,
        };
        if let Some(end) = simulation.config.plan.end_ns {
            simulation.agenda.add(end, Event::RunEnds);
        }
        simulation.boot((0..nodes).collect());
        simulation
    }

    /// When [`Simulation::advance`] next has something to do; `None` if only the nodes can bring the run on.
    pub fn next_wakeup(&self) -> Option<Nanos> {
        let event = self.agenda.next().map(|(time, _)| time);
        [event, self.network.next_deadline()].into_iter().flatten().min()
    }

    /// Performs everything that is due at or before `now`.
    pub fn advance(&mut self, now: Nanos) {
        while self.advance_one(now) {}
    }

    /// Performs at most one thing that is due at or before `now`: one delivery, or one entry of the agenda. False if
    /// there was none.
    pub fn advance_one(&mut self, now: Nanos) -> bool {
        self.now = now;
        if self.is_over() {
            return false;
        }
        let delivery = self.network.next_deadline().map(|deadline| (deadline, Rank::Delivery));
        let [delivery, event] = [delivery, self.agenda.next()].map(|next| next.filter(|&(time, _)| time <= now));
        match (delivery, event) {
            (None, None) => return false,
            (Some(delivery), event) if event.is_none_or(|event| delivery < event) => match self.network.receive(now) {
                Some(delivery) => self.deliver(delivery),
                None => return true, // was dropped
            },
            _ => {
                let (_, event) = self.agenda.pop().expect("an event is due");
                self.perform(event);
            }
        }
        true
    }

    fn perform(&mut self, event: Event) {
        match event {
            Event::RunEnds => self.end_run(),
            Event::WorkersAreIdle => self.workers_are_idle(),
            Event::Operation => self.operation_due(),
            Event::AskAgain(worker) => self.ask_again(worker),
            Event::Timeout(client) => self.client_timer_expired(client),
            Event::Fault => self.fault_due(),
            Event::OutputClosed(node, closed) => self.report_closed_output(node, closed),
            Event::MainPhaseEnds => self.end_main_phase(),
            Event::QuietPeriodEnds => self.quiet_period_ended(),
        }
    }

    /// The next thing to do with a node.
    pub fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What is to be written to a node's standard input.
    pub fn output(&self, node: usize) -> &[u8] {
        self.nodes.pending_output(node)
    }

    /// Tells that this many bytes of [`Simulation::output`] were written.
    pub fn consume_output(&mut self, node: usize, count: usize) {
        self.nodes.consume_output(node, count);
    }

    /// Tells that a node's program exited by itself. (The end of a killed one is an [`Effect::Killed`].)
    pub fn on_exit(&mut self, now: Nanos, node: usize, exit: Exit) {
        self.now = now;
        self.end_if_planned();
        if self.is_over() {
            return;
        }
        let (stdout, node) = (self.nodes.tail(node), self.node_name(node));
        let Exit { status, stderr, log } = exit;
        self.fail(Failure::NodeExited { node, status, stdout, stderr, log });
    }

    /// Tells that a node closed its standard output. The node may still be running.
    pub fn on_output_closed(&mut self, now: Nanos, node: usize) {
        self.now = now;
        if !self.is_over() && self.nodes.close_output(node, now) {
            self.agenda.add(now + TIME_TO_EXIT, Event::OutputClosed(node, now));
        }
    }

    /// Reports a node that lives on without output. One that was killed or restarted since then is not reported.
    fn report_closed_output(&mut self, node: usize, closed: Nanos) {
        if !self.nodes.is_alive_without_output(node, closed) {
            return;
        }
        self.exceptions.record(&Exception {
            kind: ExceptionKind::ClosedStdout,
            node: &self.config.settings.nodes[node],
            cause: "it closed its standard output and kept running; a node must keep it open until the run ends",
            expected: None,
            example: "",
            line_number: self.nodes.lines_printed(node),
            time: closed,
        });
    }

    /// Nodes that are down.
    pub fn nodes_down(&self) -> Vec<usize> {
        self.nodes.all_down()
    }

    fn node_name(&self, node: usize) -> String {
        self.config.settings.nodes[node].clone()
    }

    /// Adds an entry to the history.
    fn record(&mut self, op: Op) {
        let op = Op { index: self.history.ops.len() as u64, time: self.now, ..op };
        if op.process != Process::Nemesis {
            self.generator.update(&op);
        }
        self.history.ops.push(op);
    }

    fn record_nemesis(&mut self, f: &str, value: Value) {
        self.record(Op { process: Process::Nemesis, ..Op::new(0, OpType::Info, 0, f, value) });
    }

    /// Aborts the run. Only the first failure counts.
    pub fn fail(&mut self, failure: Failure) {
        if self.failure.is_none() && self.phase != Phase::Over {
            self.failure = Some(failure);
        }
    }

    /// Why the run was aborted, if it was.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Whether the run is complete or aborted.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over || self.failure.is_some()
    }

    /// The phase of the run.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// When the main phase began (0 before that).
    pub fn main_began(&self) -> Nanos {
        self.main_began
    }

    /// When the final phase began, if there was one.
    pub fn final_phase_began(&self) -> Option<Nanos> {
        self.final_phase_began
    }

    /// The time of the last call.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// What clients and nemesis did so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Takes the history out, at the end.
    pub fn take_history(&mut self) -> History {
        std::mem::take(&mut self.history)
    }

    /// Everything malformed that nodes printed so far.
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// The network, with its journal and statistics.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to take journal lines from.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Adds a note to the report.
    pub fn add_note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Notes for the report: faults that are impossible in this cluster, and the like.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The configuration of the run.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
