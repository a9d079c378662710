//! The machine: nodes, their threads, and one simulated clock for all of them.
//!
//! ```text
//!   Machine ── now, events, Agenda
//!     ├── Node n0 ── NodeClock, paused
//!     │     └── Incarnation ── Input, Output, Timers, Activity
//!     │           ├── RunQueue      threads that are ready
//!     │           └── WaitQueues    threads that are blocked: by deadline, futex, file
//!     ├── Node n1 …
//!     ├── Process …  ── address space, special descriptors
//!     ├── Thread …   ── State, CallState, Polling
//!     └── Watchdog
//! ```
//!
//! Each type changes only itself: a run queue knows nothing of clocks, a timer nothing of threads. [`Machine`] connects
//! them. At any time at most one thread of all nodes runs.
//!
//! | file | content |
//! | --- | --- |
//! | [`node`], [`thread`] | what is remembered of nodes, processes and threads |
//! | [`scheduler`], [`run_queue`], [`wait_queues`] | turns, blocking, wakeups, preemption |
//! | [`lifecycle`] | threads, processes and incarnations that begin and end |
//! | [`clock`], [`timers`] | clocks of nodes, deadlines, timers |
//! | [`agenda`] | which nodes must be looked at, and when |
//! | [`files`], [`futexes`], [`signals`] | what blocked threads wait for |
//! | [`backoff`], [`coalescing`] | delays for programs that poll; longer sleeps for those that poll and sleep |
//! | [`watchdog`], [`affinity`] | the helper thread; the tracer's processor |
//! | [`stdio`] | input and output of a node |
//! | [`handler`] | the interface to the layer above |
//!
//! This module uses [`crate::tracee`] and [`crate::time`]. It does not use [`crate::calls`]: that module uses this one, and
//! the machine calls it through [`CallHandler`].

mod affinity;
mod agenda;
pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod coalescing;
pub(crate) mod files;
pub(crate) mod futexes;
pub(crate) mod handler;
mod lifecycle;
mod node;
mod run_queue;
pub(crate) mod scheduler;
pub(crate) mod signals;
mod stdio;
pub(crate) mod thread;
pub(crate) mod timers;
mod wait_queues;
mod watchdog;

use std::io;
use std::marker::PhantomData;
use std::process::ExitStatus;
use std::time::Duration;

use maelstrom_random::stream;
use rand::Rng as _;
use rustc_hash::FxHashMap;
use rustix::time::{ClockId, clock_gettime};
use slab::Slab;

use crate::time::Nanos;
use crate::tracee::process::{self, Tid};
use crate::tracee::spawn::{self, Program, StartError, Unavailable};
use crate::tracee::tsc::TscGuard;

use affinity::Pin;
use agenda::Agenda;
use clock::NodeClock;
use handler::CallHandler;
use node::{Incarnation, Node, Process, ProcessId, SpaceId, SpecialFiles};
use run_queue::RunQueue;
use stdio::{Input, Output};
use thread::{CallState, Thread, ThreadId};
use watchdog::Watchdog;

pub use scheduler::FLOOD_LIMIT;
pub use stdio::LINE_LIMIT;
pub use watchdog::HANG_LIMIT_NS;

/// How to make a machine.
#[derive(Clone, Debug)]
pub struct MachineOptions {
    /// The seed of all randomness that nodes see.
    pub seed: u64,
    /// The nodes' names. A node is identified by its index here.
    pub nodes: Vec<String>,
    /// Whether the order of a node's threads, and where one of them is preempted, are drawn from the seed. Otherwise threads
    /// run in the order in which they were made, and are never preempted: then waits end at the exact nanosecond, and most
    /// races do not show.
    pub preemption: bool,
}

/// What happened while nodes ran.
#[derive(Debug)]
pub enum Event {
    /// A node printed a line.
    Line {
        /// The node's index.
        node: usize,
        /// The line, without its line feed.
        line: Vec<u8>,
    },
    /// Nobody has a node's standard output open any more.
    OutputClosed {
        /// The node's index.
        node: usize,
    },
    /// A node printed a line of more than [`LINE_LIMIT`] bytes, which is discarded.
    LineTooLong {
        /// The node's index.
        node: usize,
    },
    /// A node printed [`FLOOD_LIMIT`] bytes within one instant. It is not run any more.
    Flooded {
        /// The node's index.
        node: usize,
    },
    /// A node's process has exited. Everything else that the node had started has been killed.
    Exited {
        /// The node's index.
        node: usize,
        /// The exit status.
        status: ExitStatus,
    },
    /// A node has used [`HANG_LIMIT_NS`] of CPU time without a traced call. It is not run any more.
    Hung {
        /// The node's index.
        node: usize,
    },
}

/// Too much input is queued for a node that does not read its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputFull;

/// Processes on a simulated clock. It belongs to the thread that made it.
pub struct Machine {
    handler: &'static dyn CallHandler,
    seed: u64,
    preemption: bool,
    /// Whether a thread was preempted because of the CPU time that it had used. From then on the run is not reproducible.
    preempted_by_time: bool,
    now: Nanos,
    nodes: Vec<Node>,
    agenda: Agenda,
    threads: Slab<Thread>,
    processes: Slab<Process>,
    by_tid: FxHashMap<Tid, ThreadId>,
    last_space: SpaceId,
    watchdog: Watchdog,
    events: Vec<Event>,
    nondeterminism: Vec<String>,
    remarks: Vec<String>,
    /// How long each node ran on the wall clock.
    wall_times: Vec<Duration>,
    /// The caller should check whether to go on.
    check_due: bool,
    #[cfg(test)]
    pub(crate) interruptions: scheduler::Interruptions,
    /// Keeps the tracer on one processor while the machine exists.
    _pin: Pin,
    tsc: TscGuard,
    /// Only the thread that traces may use the machine.
    not_send: PhantomData<*const ()>,
}

impl Machine {
    /// Makes a machine whose system calls `handler` handles.
    pub(crate) fn with_handler(
        options: MachineOptions,
        handler: &'static dyn CallHandler,
    ) -> Result<Self, Unavailable> {
        let node = |name| Node {
            name,
            starts: 0,
            incarnation: None,
            paused: false,
            has_run: false,
            clock: NodeClock::default(),
        };
        let watchdog =
            Watchdog::new().map_err(|error| Unavailable(format!("cannot start the watchdog thread: {error}")))?;
        let wall_times = vec![Duration::ZERO; options.nodes.len()];
        Ok(Machine {
            handler,
            seed: options.seed,
            preemption: options.preemption,
            preempted_by_time: false,
            now: 0,
            agenda: Agenda::new(options.nodes.len()),
            nodes: options.nodes.into_iter().map(node).collect(),
            threads: Slab::default(),
            processes: Slab::default(),
            by_tid: FxHashMap::default(),
            last_space: 0,
            watchdog,
            events: Vec::new(),
            nondeterminism: Vec::new(),
            remarks: Vec::new(),
            wall_times,
            check_due: false,
            #[cfg(test)]
            interruptions: scheduler::Interruptions::default(),
            _pin: Pin::new(),
            tsc: TscGuard::new(),
            not_send: PhantomData,
        })
    }

    /// Starts a node, for the first time or after it was killed or has exited. It runs when the machine runs.
    ///
    /// # Errors
    /// The program cannot be executed, or virtual time is not possible here.
    pub fn start(&mut self, node: usize, program: &Program) -> Result<(), StartError> {
        self.end_incarnation(node);
        let spawned = spawn::spawn(program)?;
        if !spawned.has_pid_namespace {
            self.note(
                "process ids differ between runs, because PID namespaces require a privilege that is missing here",
            );
        }
        if !spawned.has_fixed_addresses {
            self.note("addresses differ between runs, because the system refuses to disable address randomisation");
        }
        if !spawned.has_fixed_directory {
            self.note(
                "programs whose memory depends on the length of their directory's path (Java's does) differ between \
                 runs in different directories, because the system refuses to mount directories",
            );
        }
        let failed = |action| move |error| StartError::System { action, error };
        let pidfd = process::open(spawned.tid).map_err(failed("cannot open a process descriptor"))?;
        let space = self.new_space();
        let main = self.processes.insert(Process {
            pid: spawned.tid,
            pidfd,
            node,
            space,
            threads: Default::default(),
            vfork_parent: None,
            files: SpecialFiles { stdin_is_input: true, input_copy: None, random: Default::default() },
        });
        let entry = &mut self.nodes[node];
        entry.starts += 1;
        entry.paused = false;
        // The names of the streams decide what they yield: a change changes every run.
        let rng = stream(self.seed, &format!("node {} life {}", entry.name, entry.starts));
        let scheduling = stream(self.seed, &format!("threads of node {} life {}", entry.name, entry.starts));
        entry.clock.add_page();
        entry.incarnation = Some(Incarnation {
            init: spawned.init,
            main,
            processes: [main].into(),
            next_thread_number: 0,
            input: Input::new(spawned.stdin.0, spawned.stdin.1),
            output: Output::new(spawned.stdout),
            printed: 0,
            outputs: 0,
            rng,
            run_queue: RunQueue::new(scheduling, self.preemption),
            waits: Default::default(),
            timers: Default::default(),
            activity: Default::default(),
            generation: 0,
            signals_pending: false,
            may_progress: true,
            preempts_at_clock_read: false,
            cpu_without_call: 0,
        });
        self.add_thread(spawned.tid, main);
        self.update_wakeup(node);
        self.prepare_program(spawned.tid, node).map_err(failed("cannot prepare the program"))
    }

    /// Sends a line (with its line feed) to a node's standard input. A node that is down ignores it.
    ///
    /// # Errors
    /// 256 MiB are queued for the node already.
    pub fn deliver(&mut self, node: usize, line: &[u8]) -> Result<(), InputFull> {
        let Some(incarnation) = &mut self.nodes[node].incarnation else { return Ok(()) };
        incarnation.generation += 1;
        incarnation.may_progress = true;
        let is_sent = incarnation.input.send(line);
        self.agenda.activate(node);
        self.end_coalescing(node, None);
        self.update_wakeup(node);
        if is_sent { Ok(()) } else { Err(InputFull) }
    }

    /// The time, in nanoseconds since the machine was made.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// When the next timer or timeout of a node expires, if there is any.
    pub fn next_timer(&self) -> Option<Nanos> {
        self.agenda.next_wakeup()
    }

    /// Enters in the agenda when the next timer or timeout of a node expires.
    fn update_wakeup(&mut self, node: usize) {
        let entry = &self.nodes[node];
        let incarnation = entry.incarnation.as_ref().filter(|_| !entry.paused);
        let next = incarnation.and_then(|incarnation| {
            let deadline = incarnation.waits.next_deadline().map(|(deadline, _)| deadline);
            deadline.into_iter().chain(incarnation.timers.next()).min()
        });
        self.agenda.set_wakeup(node, next);
    }

    /// Moves the clock forward, never back. Timers that are due then expire.
    pub fn advance_to(&mut self, time: Nanos) {
        self.now = self.now.max(time);
        for node in self.agenda.due(self.now) {
            self.expire(node);
            self.update_wakeup(node);
        }
    }

    /// Kills a node and everything that it has started, at once.
    pub fn kill(&mut self, node: usize) {
        self.end_incarnation(node);
        self.update_wakeup(node);
    }

    /// Pauses a node: its clock goes on, it does not run.
    pub fn pause(&mut self, node: usize) {
        self.nodes[node].paused = true;
        self.update_wakeup(node);
    }

    /// Resumes a node. Timers that were due in the meantime expire now.
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].paused = false;
        self.agenda.activate(node);
        self.expire(node);
        self.update_wakeup(node);
    }

    /// Whether a node has been started and has not ended since.
    pub fn is_up(&self, node: usize) -> bool {
        self.nodes[node].incarnation.is_some()
    }

    /// The number of processes that a node consists of.
    pub fn process_count(&self, node: usize) -> u64 {
        self.nodes[node].incarnation.as_ref().map_or(0, |incarnation| incarnation.processes.len() as u64)
    }

    /// Runs nodes, one thread at a time, until every thread of every node waits for a message or for time to pass.
    ///
    /// # Errors
    /// Tracing itself failed, which should not be possible.
    pub fn run_until_quiescent(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        while !self.run_briefly(events)? {}
        Ok(())
    }

    /// Runs nodes as [`run_until_quiescent`](Machine::run_until_quiescent) does, but for about a quarter of a second at most.
    /// Returns whether the nodes are quiescent. If not, the caller may do something else before it calls again; the result
    /// of the run is the same.
    ///
    /// # Errors
    /// As [`run_until_quiescent`](Machine::run_until_quiescent).
    pub fn run_briefly(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        let mut first = 0;
        while let Some(node) = self.agenda.next_active(first).filter(|_| !self.check_due) {
            let start = coarse_time();
            self.settle(node)?;
            self.wall_times[node] += coarse_time().saturating_sub(start);
            if !self.check_due {
                self.agenda.is_settled(node);
            }
            self.update_wakeup(node);
            first = node + 1;
        }
        events.append(&mut self.events);
        Ok(!std::mem::take(&mut self.check_due))
    }

    /// Whether a thread of a node has run since the last call.
    pub fn take_activity(&mut self, node: usize) -> bool {
        std::mem::take(&mut self.nodes[node].has_run)
    }

    /// How long each node ran on the wall clock, including the tracer's work for it.
    pub fn wall_times(&self) -> &[Duration] {
        &self.wall_times
    }

    /// What may differ in a second run with the same seed: a sentence each. Empty if nothing was noticed.
    pub fn nondeterminism(&self) -> &[String] {
        &self.nondeterminism
    }

    /// What users should know of a run although it is reproducible.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Adds a remark about a node, which begins with the node's name.
    pub(crate) fn remark_of(&mut self, node: usize, text: &str) {
        /// A program may cause remarks very often, with a small difference each time.
        const LIMIT: usize = 16;
        let text = format!("{} {text}", self.nodes[node].name);
        if self.remarks.len() < LIMIT && !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    /// Adds a reason why the run is not reproducible.
    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.nondeterminism.contains(&text) {
            self.nondeterminism.push(text);
        }
    }

    /// The same for a node: the text begins with the node's name.
    pub(crate) fn note_of(&mut self, node: usize, text: &str) {
        self.note(format!("{} {text}", self.nodes[node].name));
    }

    /// Whether a node is paused.
    pub(crate) fn is_paused(&self, node: usize) -> bool {
        self.nodes[node].paused
    }

    /// The thread's id in the tracer's PID namespace.
    pub(crate) fn tid(&self, id: ThreadId) -> Tid {
        self.threads[id].tid
    }

    /// The index of a thread's node.
    pub(crate) fn node_of(&self, id: ThreadId) -> usize {
        self.threads[id].node
    }

    /// The id of a thread's process.
    pub(crate) fn process_of(&self, id: ThreadId) -> ProcessId {
        self.threads[id].process
    }

    /// A thread's process.
    pub(crate) fn process(&self, id: ThreadId) -> &Process {
        &self.processes[self.process_of(id)]
    }

    /// Special descriptors of a thread's process.
    pub(crate) fn special_files(&mut self, id: ThreadId) -> &mut SpecialFiles {
        let process = self.process_of(id);
        &mut self.processes[process].files
    }

    /// The thread ids of all threads in a thread's process.
    pub(crate) fn tids_of_process(&self, id: ThreadId) -> impl Iterator<Item = Tid> + '_ {
        self.process(id).threads.iter().map(|thread| self.tid(*thread))
    }

    /// The state of a thread's current system call.
    pub(crate) fn call_state(&mut self, id: ThreadId) -> &mut CallState {
        &mut self.threads[id].call
    }

    /// The wait of a thread that is blocked.
    pub(crate) fn wait_of(&self, id: ThreadId) -> Option<&thread::Wait> {
        self.threads[id].wait()
    }

    /// The input of a thread's node.
    pub(crate) fn input(&self, id: ThreadId) -> &Input {
        let incarnation = self.nodes[self.node_of(id)].incarnation.as_ref();
        &incarnation.expect("a node with a thread is up").input
    }

    /// Draws random bytes that a node sees.
    pub(crate) fn fill_random(&mut self, id: ThreadId, bytes: &mut [u8]) {
        self.incarnation_of(id).rng.fill_bytes(bytes);
    }

    fn new_space(&mut self) -> SpaceId {
        self.last_space += 1;
        self.last_space
    }

    /// The incarnation of a node that is up.
    fn incarnation(&mut self, node: usize) -> &mut Incarnation {
        self.nodes[node].incarnation.as_mut().expect("a node with a thread is up")
    }

    /// The incarnation that a thread belongs to.
    fn incarnation_of(&mut self, id: ThreadId) -> &mut Incarnation {
        self.incarnation(self.node_of(id))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.end_incarnation(node);
        }
    }
}

/// Wall time since some moment, to a few milliseconds. The kernel answers without a system call, and without the time-stamp
/// counter that the tracing thread has disabled.
fn coarse_time() -> Duration {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
