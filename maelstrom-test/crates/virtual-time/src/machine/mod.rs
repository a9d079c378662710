//! The machine: nodes, their threads, and one clock for all of them.

mod affinity;
pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod scheduler;
pub(crate) mod stdio;
pub(crate) mod table;
pub(crate) mod timers;
pub(crate) mod watchdog;

use std::io;
use std::marker::PhantomData;
use std::process::ExitStatus;
use std::time::Duration;

use rand::RngExt;
use rustc_hash::FxHashMap;

use crate::Nanos;
use crate::machine::affinity::Pin;
use crate::machine::stdio::{Input, Output};
use crate::machine::table::{Go, Life, Node, Process, ProcessId, SpaceId, State, Thread, ThreadId, Wait, What};
use crate::machine::timers::Timers;
use crate::machine::watchdog::Watchdog;
use crate::tracee::spawn::{self, NodeProgram, StartError};
use crate::tracee::sys::{self, Tid};
use crate::tracee::tsc::Renunciation;
use crate::tracee::vdso::ClockPage;
use maelstrom_random::stream;

/// Why virtual time is not possible here: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// How a machine is made.
#[derive(Clone, Debug)]
pub struct MachineOptions {
    /// All randomness that nodes see comes from this.
    pub seed: u64,
    /// The nodes' names; their positions are their numbers.
    pub nodes: Vec<String>,
    /// Whether the order in which a node's threads go on, and where one of them is preempted, are drawn from the seed. If
    /// not, they go on in the order in which they were made, and are never preempted: then waits end at the exact nanosecond,
    /// and most races stay hidden.
    pub preemption: bool,
}

/// What happened while nodes ran.
#[derive(Debug)]
pub enum Event {
    /// A node printed a line (given without its line feed).
    Line {
        /// The node's number.
        node: usize,
        /// What it printed.
        line: Vec<u8>,
    },
    /// A node's standard output has come to its end: nobody has it open for writing any more.
    OutputClosed {
        /// The node's number.
        node: usize,
    },
    /// A node printed a line of more than 64 MiB. It is of no further use.
    LineTooLong {
        /// The node's number.
        node: usize,
    },
    /// A node has printed 64 MiB without waiting for anything, so that no time has passed. It is not run any more.
    Flooded {
        /// The node's number.
        node: usize,
    },
    /// A node's process ended by itself. What else it had started is gone as well.
    Exited {
        /// The node's number.
        node: usize,
        /// How it ended.
        status: ExitStatus,
    },
    /// A node has computed for ten seconds on end, and is not run any more.
    Hung {
        /// The node's number.
        node: usize,
    },
}

/// Too much waits for a node that does not read its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputFull;

/// Processes on a simulated clock. It belongs to the thread that made it.
pub struct Machine {
    pub(crate) seed: u64,
    pub(crate) preemption: bool,
    /// Whether a thread was preempted because of the processor time that it had used. From then on the run cannot be repeated.
    pub(crate) preempted_by_time: bool,
    pub(crate) now: Nanos,
    pub(crate) nodes: Vec<Node>,
    pub(crate) threads: Slab<Thread>,
    pub(crate) processes: Slab<Process>,
    pub(crate) by_tid: FxHashMap<Tid, ThreadId>,
    /// Who waits at which word of memory, in order of arrival.
    pub(crate) futexes: FxHashMap<(SpaceId, u64), Vec<ThreadId>>,
    pub(crate) next_space: SpaceId,
    pub(crate) watchdog: Watchdog,
    pub(crate) notes: Vec<String>,
    remarks: Vec<String>,
    /// How long each node ran on the wall clock.
    busy: Vec<Duration>,
    pub(crate) events: Vec<Event>,
    /// A node has computed for so long that whoever runs the machine should see whether to go on.
    pub(crate) wants_look: bool,
    /// The tracer's tie to a processor, for as long as the machine lives.
    _pin: Pin,
    pub(crate) counter: Renunciation,
    /// Only the thread that traces may use it.
    not_send: PhantomData<*const ()>,
}

impl Machine {
    /// A machine whose nodes are yet to be started.
    ///
    /// # Errors
    /// Says why virtual time is not possible here.
    pub fn new(options: MachineOptions) -> Result<Self, Unavailable> {
        crate::available()?;
        let node = |name| Node { name, lives: 0, life: None, paused: false, skew: 0, clock: 0, cpu: 0 };
        let watchdog =
            Watchdog::new().map_err(|error| Unavailable(format!("a helper thread cannot be started: {error}")))?;
        let busy = vec![Duration::ZERO; options.nodes.len()];
        Ok(Machine {
            seed: options.seed,
            preemption: options.preemption,
            preempted_by_time: false,
            now: 0,
            nodes: options.nodes.into_iter().map(node).collect(),
            threads: Slab::default(),
            processes: Slab::default(),
            by_tid: FxHashMap::default(),
            futexes: FxHashMap::default(),
            next_space: 0,
            watchdog,
            notes: Vec::new(),
            remarks: Vec::new(),
            busy,
            events: Vec::new(),
            wants_look: false,
            _pin: Pin::new(),
            counter: Renunciation::new(),
            not_send: PhantomData,
        })
    }

    /// Starts a node, for the first time or after it was killed or has exited. It runs when the machine does.
    ///
    /// # Errors
    /// The program cannot be run, or virtual time is not possible here.
    pub fn start(&mut self, node: usize, program: &NodeProgram) -> Result<(), StartError> {
        self.end_life(node);
        let born = spawn::spawn(program)?;
        if !born.own_ids {
            self.note(
                "process ids differ from run to run, because PID namespaces need a privilege that is lacking here",
            );
        }
        if !born.fixed_addresses {
            self.note("addresses differ from run to run, because the system does not allow their randomisation to be turned off");
        }
        if !born.fixed_directory {
            self.note("programs whose memory depends on the length of their directory's path (Java's does) differ between runs in different places, because nothing can be mounted here");
        }
        let failed = |doing| move |error| StartError::System { doing, error };
        let pidfd = sys::pidfd_open(born.tid).map_err(failed("a process descriptor cannot be had"))?;
        let space = self.new_space();
        let process = self.processes.insert(Process {
            pid: born.tid,
            pidfd,
            node,
            space,
            threads: Default::default(),
            stdin: true,
            random: Default::default(),
            vfork_parent: None,
        });
        let place = &mut self.nodes[node];
        place.lives += 1;
        place.paused = false;
        let rng = stream(self.seed, &format!("node {} life {}", place.name, place.lives));
        let scheduling = stream(self.seed, &format!("threads of node {} life {}", place.name, place.lives));
        let page = ClockPage::new(place.skew).ok();
        place.life = Some(Life {
            keeper: born.keeper,
            main: process,
            input: Input::new(born.stdin.0, born.stdin.1),
            output: Output::new(born.stdout),
            printed: 0,
            rng,
            page,
            next_number: 0,
            changes: 0,
            signals: false,
            stirred: true,
            ready: Default::default(),
            scheduling,
            preempts_at_clock: false,
            round: 0,
            deadlines: Default::default(),
            watchers: Default::default(),
            processes: [process].into(),
            timers: Timers::default(),
            activity: Default::default(),
            hogged: 0,
        });
        self.add_thread(born.tid, process);
        self.prepare_program(born.tid, node).map_err(failed("a new process cannot be changed"))
    }

    /// Sends a line (with its line feed) to a node's standard input. A node that is down ignores it.
    ///
    /// # Errors
    /// 256 MiB are waiting for the node already.
    pub fn deliver(&mut self, node: usize, line: &[u8]) -> Result<(), InputFull> {
        let Some(life) = &mut self.nodes[node].life else { return Ok(()) };
        life.changes += 1;
        life.stirred = true;
        if life.input.send(line) { Ok(()) } else { Err(InputFull) }
    }

    /// The time, in nanoseconds since the machine was made.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// When the next timer of a node runs out, if there is any.
    pub fn next_timer(&self) -> Option<Nanos> {
        let of_node = |node: &Node| {
            let life = node.life.as_ref().filter(|_| !node.paused)?;
            let wait = life.deadlines.first().map(|(deadline, _, _)| *deadline);
            wait.into_iter().chain(life.timers.next()).min()
        };
        self.nodes.iter().filter_map(of_node).min()
    }

    /// Moves the clock, never back. Timers that are due then will have run out.
    pub fn advance_to(&mut self, time: Nanos) {
        self.now = self.now.max(time);
        for node in 0..self.nodes.len() {
            self.expire(node);
        }
    }

    /// Ends a node and everything that it has started, at once.
    pub fn kill(&mut self, node: usize) {
        self.end_life(node);
    }

    /// Lets a node stand still: its clock goes on, it does not.
    pub fn pause(&mut self, node: usize) {
        self.nodes[node].paused = true;
    }

    /// Lets it go on; timers that were due in the meantime run out now.
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].paused = false;
        self.expire(node);
    }

    /// Whether a node has been started and has not ended since.
    pub fn is_up(&self, node: usize) -> bool {
        self.nodes[node].life.is_some()
    }

    /// How many processes a node consists of.
    pub fn processes(&self, node: usize) -> u64 {
        self.nodes[node].life.as_ref().map_or(0, |life| life.processes.len() as u64)
    }

    /// Moves a node's wall clock by so many nanoseconds. Its monotonic clock does not jump, as on a real machine.
    pub fn bump_clock(&mut self, node: usize, by: i64) {
        let place = &mut self.nodes[node];
        place.skew = place.skew.saturating_add(by);
        if let Some(page) = place.life.as_mut().and_then(|life| life.page.as_mut()) {
            page.set_skew(place.skew);
        }
        self.shift_wall_deadlines(node, by);
    }

    /// Sets a node's wall clock right.
    pub fn reset_clock(&mut self, node: usize) {
        self.bump_clock(node, self.nodes[node].skew.saturating_neg());
    }

    /// What was noticed that a second run with the same seed may do differently; empty if there is nothing.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Lets nodes run, one thread at a time, until every thread of every node waits for a message or for time to pass.
    ///
    /// # Errors
    /// Tracing has failed in a way that should not be possible.
    pub fn run_until_quiescent(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        while !self.run_for_a_while(events)? {}
        Ok(())
    }

    /// Does the same, but returns false if a node has computed for so long that the caller may want to do something else
    /// in between. To call it again is to go on as if nothing had been.
    ///
    /// # Errors
    /// As [`run_until_quiescent`](Machine::run_until_quiescent).
    pub fn run_for_a_while(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        for node in 0..self.nodes.len() {
            let began = sys::coarse_clock();
            self.settle(node)?;
            self.busy[node] += sys::coarse_clock().saturating_sub(began);
        }
        events.append(&mut self.events);
        Ok(!std::mem::take(&mut self.wants_look))
    }

    /// How long each node ran on the wall clock, the tracer's work for it included.
    pub fn busy(&self) -> &[Duration] {
        &self.busy
    }

    /// What people should know of a run that can be repeated all the same.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    pub(crate) fn remark(&mut self, text: String) {
        /// A program may do something remarkable very often, each time a little differently.
        const MOST: usize = 16;
        if self.remarks.len() < MOST && !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    pub(crate) fn new_space(&mut self) -> SpaceId {
        self.next_space += 1;
        self.next_space
    }

    pub(crate) fn life(&mut self, node: usize) -> &mut Life {
        self.nodes[node].life.as_mut().expect("a node with a thread is alive")
    }

    /// The life of a thread's node.
    pub(crate) fn life_of(&mut self, thread: ThreadId) -> &mut Life {
        self.life(self.threads[thread].node)
    }

    /// Enters a new thread, which is stopped and has yet to run.
    pub(crate) fn add_thread(&mut self, tid: Tid, process: ProcessId) -> ThreadId {
        let node = self.processes[process].node;
        let life = self.life(node);
        let number = life.next_number;
        life.next_number += 1;
        let id = self.threads.insert(Thread::new(tid, node, process, number));
        self.by_tid.insert(tid, id);
        self.processes[process].threads.insert(id);
        self.make_ready(id, State::Ready(Go::ON));
        id
    }

    /// Gives a thread that is stopped a place among those that want a turn. All others that are ready come first, so
    /// that none of them waits for ever.
    pub(crate) fn make_ready(&mut self, id: ThreadId, state: State) {
        self.line_up(id, state, 1);
    }

    /// Lets a thread go on after those that have just been made ready.
    pub(crate) fn give_way(&mut self, id: ThreadId) {
        self.line_up(id, State::Ready(Go::ON), 2);
    }

    /// Gives a thread a place among those that want a turn, `rounds` rounds from now; 0: before all others.
    pub(crate) fn line_up(&mut self, id: ThreadId, state: State, rounds: u64) {
        let thread = &mut self.threads[id];
        thread.state = state;
        let (number, preemption) = (thread.number, self.preemption);
        let life = self.life_of(id);
        life.stirred = true;
        let draw = match rounds {
            0 => 0,
            _ if preemption => life.scheduling.random(),
            _ => number,
        };
        life.ready.insert((life.round + rounds, draw, id));
    }

    /// Keeps a thread in its stop until what it waits for happens.
    pub(crate) fn hold(&mut self, id: ThreadId, mut wait: Wait) {
        let number = self.threads[id].number;
        let life = self.life_of(id);
        wait.seen = life.changes;
        if matches!(wait.what, What::Rest(_)) {
            life.activity.resting += 1;
        }
        if let Some(deadline) = wait.deadline {
            life.deadlines.insert((deadline, number, id));
        }
        if wait.what.is_watched() {
            life.watchers.insert((number, id));
        }
        if let What::Futexes(space, words) = &wait.what {
            for word in words {
                self.futexes.entry((*space, word.address)).or_default().push(id);
            }
        }
        self.threads[id].state = State::Waiting(wait);
    }

    /// Ends a thread's wait, without saying yet how it goes on.
    pub(crate) fn end_wait(&mut self, id: ThreadId) -> Option<Wait> {
        let thread = &mut self.threads[id];
        if !matches!(thread.state, State::Waiting(_)) {
            return None;
        }
        let State::Waiting(wait) = std::mem::replace(&mut thread.state, State::Running) else { unreachable!() };
        let number = thread.number;
        let life = self.life_of(id);
        if let Some(deadline) = wait.deadline {
            life.deadlines.remove(&(deadline, number, id));
        }
        if wait.what.is_watched() {
            life.watchers.remove(&(number, id));
        }
        if matches!(wait.what, What::Rest(_)) {
            life.activity.resting -= 1;
        }
        if let What::Futexes(space, words) = &wait.what {
            for word in words {
                let queue = self.futexes.get_mut(&(*space, word.address));
                let empty = queue.is_some_and(|queue| {
                    queue.retain(|other| *other != id);
                    queue.is_empty()
                });
                if empty {
                    self.futexes.remove(&(*space, word.address));
                }
            }
        }
        Some(wait)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.end_life(node);
        }
    }
}

/// A table whose places are used again.
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, value: T) -> usize {
        if let Some(place) = self.free.pop() {
            self.places[place] = Some(value);
            return place;
        }
        self.places.push(Some(value));
        self.places.len() - 1
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        let value = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        Some(value)
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.places.get(place)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.places.get_mut(place)?.as_mut()
    }
}

impl<T> std::ops::Index<usize> for Slab<T> {
    type Output = T;
    fn index(&self, place: usize) -> &T {
        self.places[place].as_ref().expect("the place is taken")
    }
}

impl<T> std::ops::IndexMut<usize> for Slab<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        self.places[place].as_mut().expect("the place is taken")
    }
}
