//! The core: clients, network, services, operations and faults as one state machine.
//!
//! A [`Simulation`] does no I/O, starts no thread, reads no clock, and draws all randomness from its seed. It is *told*
//! the time and what happened (a node printed this line, a node exited), and *says* what to do (write these bytes to
//! that node, kill that node) and when it next wants to be called. So the same core serves nodes in real time, nodes
//! in simulated time, and nodes that are mere functions in memory (see [`in_memory`]).
//!
//! # The life of a run
//! ```text
//! Boot      every node is started, gets `init` and the workload's own set-up, all in parallel
//! Main      operations at the asked rate, faults; ends at the time limit
//! Recovery  everything is healed; operations in flight finish; the quiet period passes (if there is a final phase)
//! Final     every worker performs its final operations
//! Over      what remains is for the checkers
//! ```
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

mod agenda;
mod boot;
mod clients;
mod config;
mod failure;
mod faults;
pub mod in_memory;
mod nodes;
mod phases;
mod requests;
mod traffic;
mod workers;

use std::collections::VecDeque;

use crate::json::Value;

use crate::checker::exceptions::{Exception, ExceptionKind, Exceptions};
use crate::generator::Generator;
use crate::history::{History, Nanos, Op, OpType, Process};
use crate::nemesis::{FaultKind, Nemesis};
use crate::network::{Delivery, Network, Sender};
use crate::protocol::{Envelope, NodeKind, SERVICE_NAMES};
use crate::random::{Rng, stream};
use crate::service::Service;

use agenda::{Agenda, Event};
use clients::Clients;
pub use config::{Config, MAX_MESSAGES};
pub use failure::Failure;
pub use faults::{FaultCounts, FaultReport};
use nodes::Node;
pub use nodes::{Command, Complaint, Effect, Exit, OUTPUT_LIMIT};
pub use phases::Phase;
use requests::Requests;
use traffic::Traffic;
use workers::Worker;

/// Lines of a node that an error shows.
const LAST_LINES: usize = 3;

/// The state of a run.
pub struct Simulation {
    config: Config,
    timeout: Nanos,
    now: Nanos,
    phase: Phase,
    main_began: Nanos,
    failure: Option<Failure>,
    network: Network,
    services: Vec<Box<dyn Service>>,
    service_rng: Rng,
    agenda: Agenda,
    nodes: Vec<Node>,
    commands: VecDeque<Command>,
    clients: Clients,
    workers: Vec<Worker>,
    generator: Box<dyn Generator>,
    generator_rng: Rng,
    /// Draws the times between operations and which worker goes first.
    schedule_rng: Rng,
    /// An operation's time has come while no worker could take it.
    owed: bool,
    /// When the last operation was due to begin; the next one is scheduled from there.
    last_due: Nanos,
    nemesis: Nemesis,
    faults: faults::Faults,
    requests: Requests,
    traffic: Traffic,
    history: History,
    exceptions: Exceptions,
    notes: Vec<String>,
    final_phase_began: Option<Nanos>,
    /// Recovery has lasted long enough.
    quiet: bool,
}

impl Simulation {
    /// A run that is about to begin: its first commands start the nodes.
    pub fn new(config: Config) -> Simulation {
        let (settings, seed) = (&config.settings, config.seed);
        let (nemesis, notes) =
            Nemesis::new(&config.faults, &settings.nodes, config.nemesis_interval, settings.time_limit, seed);
        let mut simulation = Simulation {
            timeout: config.client_timeout(),
            now: 0,
            phase: Phase::Boot,
            main_began: 0,
            failure: None,
            network: Network::new(config.network.clone(), &settings.nodes, seed),
            services: SERVICE_NAMES.iter().filter_map(|name| crate::service::by_name(name)).collect(),
            service_rng: stream(seed, "services"),
            agenda: Agenda::default(),
            nodes: settings.nodes.iter().map(|_| Node::default()).collect(),
            commands: VecDeque::new(),
            clients: Clients::new(settings.nodes.len() + SERVICE_NAMES.len(), &config.workload.rpcs()),
            workers: (0..settings.concurrency).map(Worker::new).collect(),
            generator: config.workload.generator(settings),
            generator_rng: stream(seed, "generator"),
            schedule_rng: stream(seed, "schedule"),
            owed: false,
            last_due: 0,
            faults: faults::Faults::new(&config.faults),
            nemesis,
            requests: Requests::new(config.faults.contains(&FaultKind::Kill)),
            traffic: Traffic::new(config.max_messages, settings.nodes.len(), SERVICE_NAMES.len()),
            history: History::default(),
            exceptions: Exceptions::default(),
            notes,
            final_phase_began: None,
            quiet: false,
            config,
        };
        simulation.boot((0..simulation.nodes.len()).collect());
        simulation
    }

    /// When [`Simulation::advance`] next has something to do; `None` if only the nodes can bring the run on.
    pub fn next_wakeup(&self) -> Option<Nanos> {
        [self.agenda.next_time(), self.network.next_deadline()].into_iter().flatten().min()
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
        let deadline = self.network.next_deadline().filter(|&deadline| deadline <= now);
        let event = self.agenda.next_time().filter(|&time| time <= now);
        match (deadline, event) {
            (None, None) => return false,
            (Some(deadline), event) if event.is_none_or(|time| deadline < time) => match self.network.receive(now) {
                Some(delivery) => self.deliver(delivery),
                None => return true, // was dropped
            },
            _ => {
                let (time, event) = self.agenda.pop().expect("an event is due");
                self.perform(time, event);
            }
        }
        true
    }

    fn perform(&mut self, time: Nanos, event: Event) {
        match event {
            Event::Operation => self.operation_due(time),
            Event::AskAgain(worker) => self.ask_again(worker),
            Event::Timeout(client) => self.timeout_due(client),
            Event::Fault => self.fault_due(),
            Event::OutputClosed(node, closed) => self.output_stays_closed(node, closed),
            Event::MainPhaseEnds => self.end_main_phase(),
            Event::QuietPeriodEnds => self.quiet_period_ended(),
        }
    }

    /// A node printed a line (given without its line feed).
    pub fn on_line(&mut self, now: Nanos, node: usize, line: &[u8]) {
        self.now = now;
        self.nodes[node].printed(line);
        if line.trim_ascii().is_empty() || self.is_over() {
            return;
        }
        let sent = match Envelope::parse(line) {
            Ok(envelope) => self.send_from_node(node, &envelope),
            Err(cause) => Err(cause),
        };
        if let Err(cause) = sent {
            self.complain(node, ExceptionKind::MalformedMessage, &cause, &String::from_utf8_lossy(line), None);
        }
    }

    fn send_from_node(&mut self, node: usize, envelope: &Envelope<'_>) -> Result<(), String> {
        let src = if envelope.src == self.network.name(node) {
            node
        } else {
            // The original asks only that somebody has that name, and so do its demonstrations: a Raft node forwards
            // a client's request as it is.
            let Some(src) = self.network.find(&envelope.src) else {
                return Err(format!(
                    "src should be the node's own name, {}, but is {}, and nobody has that name",
                    self.network.name(node),
                    envelope.src
                ));
            };
            src
        };
        let Some(dest) = self.network.find(&envelope.dest) else {
            return Err(format!("dest is {}, but nobody has that name", envelope.dest));
        };
        let body = envelope.body();
        if src != node && !std::mem::replace(&mut self.nodes[node].sends_for_others, true) {
            self.notes.push(format!(
                "{} sends in the names of others; its messages are delivered under the names that they bear",
                self.network.name(node)
            ));
        }
        if self.traffic.is_too_much(self.now, node, dest) {
            let last_lines = |node: usize| {
                let tail = self.nodes[node].tail();
                tail[tail.len().saturating_sub(LAST_LINES)..].to_vec()
            };
            let failure = self.traffic.failure(&self.network, last_lines);
            self.fail(failure);
            return Ok(());
        }
        let incarnation = match self.requests.answered_life(dest, src, body) {
            Some(life) => life,
            None => self.network.incarnation(dest),
        };
        self.network.send_for(self.now, Sender { node, src }, dest, body, incarnation);
        if self.network.queued_bytes() > OUTPUT_LIMIT {
            let node = self.config.settings.nodes[node].clone();
            self.fail(Failure::NetworkFull { node, bytes: OUTPUT_LIMIT });
        }
        Ok(())
    }

    /// Brings an arrived message to its destination.
    fn deliver(&mut self, delivery: Delivery) {
        match self.network.kind(delivery.dest) {
            NodeKind::Server => {
                self.requests.delivered(&delivery);
                self.write_to_node(delivery.dest, delivery.line());
            }
            NodeKind::Service => self.serve(&delivery),
            NodeKind::Client => self.client_received(&delivery),
        }
        self.network.recycle(delivery);
    }

    fn serve(&mut self, delivery: &Delivery) {
        let Ok(request) = crate::json::object_from_str(delivery.body()) else {
            return self.complain_of(delivery, ExceptionKind::UnexpectedMessage, clients::UNREADABLE, None);
        };
        let service = &mut self.services[delivery.dest - self.nodes.len()];
        let mut response = service.handle(self.network.name(delivery.src), &request, &mut self.service_rng);
        if let Some(msg_id) = request.get("msg_id") {
            response.insert("in_reply_to".into(), msg_id.clone());
        }
        let body = Value::Object(response).to_string();
        self.network.send_to_incarnation(self.now, delivery.dest, delivery.src, &body, delivery.src_incarnation);
    }

    /// Reports something malformed that a node printed.
    fn complain(&mut self, node: usize, kind: ExceptionKind, cause: &str, example: &str, rpc: Option<(&str, &str)>) {
        let booting = &mut self.nodes[node];
        if booting.boot.is_some() && booting.complaint.is_none() {
            booting.complaint = Some(nodes::Complaint {
                cause: cause.into(),
                line: crate::protocol::shorten(example, 300),
                line_number: booting.lines_printed(),
            });
        }
        self.exceptions.record(&Exception {
            kind,
            node: &self.config.settings.nodes[node],
            cause,
            expected: rpc,
            example,
            line_number: self.nodes[node].lines_printed(),
            time: self.now,
        });
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

    /// The run is broken; nothing more happens.
    pub fn fail(&mut self, failure: Failure) {
        if self.failure.is_none() && self.phase != Phase::Over {
            self.failure = Some(failure);
        }
    }

    /// Why the run broke off, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Nothing more will happen: the run is complete, or broken.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over || self.failure.is_some()
    }

    /// Where the run stands.
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

    /// Everything that clients and nemesis did so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Takes the history out, at the end.
    pub fn take_history(&mut self) -> History {
        std::mem::take(&mut self.history)
    }

    /// Everything malformed so far.
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

    /// Adds a remark for people.
    pub fn add_note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Remarks for people: faults that cannot exist, and the like.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the run consists of.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

#[cfg(test)]
mod tests;
