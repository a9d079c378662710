//! What the tracer remembers of nodes, processes and threads.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use super::arch::Registers;
use super::backoff::{Activity, Polling};
use super::stdio::{Input, Output};
use super::sys::{Request, Tid};
use super::timer::Timers;
use super::vdso::ClockPage;
use crate::Nanos;
use maelstrom_random::Rng;

/// A thread, by its place in the machine's table.
pub(super) type ThreadId = usize;
/// A process, by its place in the machine's table.
pub(super) type ProcessId = usize;
/// An address space: processes between `vfork` and `exec` share one.
pub(super) type SpaceId = u64;

/// A node's place in the cluster, and what all of its lives share.
pub(super) struct Node {
    pub(super) name: String,
    /// Times it was started.
    pub(super) lives: u32,
    /// Its present life.
    pub(super) life: Option<Life>,
    pub(super) paused: bool,
    /// How far its wall clock is off.
    pub(super) skew: i64,
    /// What it has been told the time is; never goes back, and may be a little ahead of the machine's.
    pub(super) clock: Nanos,
    /// What reading clocks has added: all the processor time there is in a world where computing takes none.
    pub(super) cpu: Nanos,
}

/// One life of a node, from start to end.
pub(super) struct Life {
    pub(super) keeper: Tid,
    /// The process that was started; the life ends with it.
    pub(super) main: ProcessId,
    pub(super) input: Input,
    pub(super) output: Output,
    /// Bytes printed since it last had nothing left to do.
    pub(super) printed: usize,
    pub(super) rng: Rng,
    /// The clock that its processes read by themselves, where that is possible.
    pub(super) page: Option<ClockPage>,
    pub(super) next_number: u32,
    /// Grows whenever the node's world may have changed: a thread has had a turn, a message has come, a timer has run
    /// out. A file that was not ready can only have become so if this has grown.
    pub(super) changes: u64,
    /// A signal may be pending for a thread that waits.
    pub(super) signals: bool,
    /// Whether it may have something to do.
    pub(super) stirred: bool,
    /// Threads whose turn has come: (round, draw, thread). A thread that yields goes to the next round; the order within a
    /// round is drawn from the seed, because the kernel promises none.
    pub(super) ready: BTreeSet<(u64, u32, ThreadId)>,
    /// Draws the order of threads, and where one is preempted.
    pub(super) scheduling: Rng,
    /// The clock that programs read by themselves has been restricted, so as to preempt the thread that runs.
    pub(super) preempts_at_clock: bool,
    pub(super) round: u64,
    /// When waits time out.
    pub(super) deadlines: BTreeSet<(Nanos, u32, ThreadId)>,
    /// Threads that wait for files, or for something that has to be tried.
    pub(super) watchers: BTreeSet<(u32, ThreadId)>,
    pub(super) processes: BTreeSet<ProcessId>,
    pub(super) timers: Timers,
    pub(super) activity: Activity,
    /// CPU time of turns that were cut short since a thread last got something or came to rest.
    pub(super) hogged: Nanos,
}

/// A process of a node.
pub(super) struct Process {
    pub(super) pid: Tid,
    pub(super) pidfd: OwnedFd,
    pub(super) node: usize,
    pub(super) space: SpaceId,
    pub(super) threads: BTreeSet<ThreadId>,
    /// Descriptor 0 is the pipe that messages arrive in.
    pub(super) stdin: bool,
    /// Descriptors that were opened as a source of randomness.
    pub(super) random: BTreeSet<i32>,
    /// The thread that waits for this process to run a program or exit.
    pub(super) vfork_parent: Option<Tid>,
}

/// A thread of a node.
pub(super) struct Thread {
    pub(super) tid: Tid,
    pub(super) node: usize,
    pub(super) process: ProcessId,
    pub(super) number: u32,
    pub(super) state: State,
    /// What to do at the end of the system call it is in.
    pub(super) at_exit: Option<AtExit>,
    /// The wait that a signal has interrupted, to be continued if the thread comes back to it.
    pub(super) interrupted: Option<Wait>,
    /// Its call has a result that only the kernel may see, so it must stop once more before it returns to the program.
    pub(super) restarting: bool,
    /// A signal came while it was kept before a call that had not begun to wait.
    pub(super) signalled: bool,
    pub(super) polling: Polling,
    /// It was preempted in its last turn and has made no trapped call since.
    pub(super) preempted: bool,
    /// A nudge is pending that has crossed with a trap.
    pub(super) nudged: bool,
    /// A nudge has ended its last turn, in the middle of a computation.
    pub(super) cut_short: bool,
    /// It may be about to run another program, which changes its number.
    pub(super) executing: bool,
}

impl Thread {
    pub(super) fn new(tid: Tid, node: usize, process: ProcessId, number: u32) -> Self {
        Thread {
            tid,
            node,
            process,
            number,
            state: State::Ready(Go::ON),
            at_exit: None,
            interrupted: None,
            restarting: false,
            signalled: false,
            polling: Polling::default(),
            preempted: false,
            nudged: false,
            cut_short: false,
            executing: false,
        }
    }
}

/// What a thread is doing.
pub(super) enum State {
    /// It is stopped, and will go on like this when its turn comes.
    Ready(Go),
    /// The same, but first it is to be seen whether it can still go on.
    Recheck(Wait),
    /// It has its turn.
    Running,
    /// It is kept in a stop until something happens.
    Waiting(Wait),
    /// It waits in the kernel for a process that borrows its memory.
    Vfork,
    /// Stopped by job control.
    Stopped,
    /// It is exiting in the kernel's own time: a main thread that ended before the others.
    Leaving,
}

/// How a thread goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Go {
    pub(super) request: Request,
    pub(super) signal: i32,
}

impl Go {
    pub(super) const ON: Go = Go { request: Request::Continue, signal: 0 };
    pub(super) const TO_EXIT: Go = Go { request: Request::ToExit, signal: 0 };
}

/// A system call that waits, kept from being executed.
pub(super) struct Wait {
    /// As they were when the call was made.
    pub(super) registers: Registers,
    /// When it times out.
    pub(super) deadline: Option<Nanos>,
    /// The deadline is a time of day, and moves with the node's wall clock.
    pub(super) wall: bool,
    pub(super) what: What,
    /// Where the thread is kept.
    pub(super) place: Place,
    /// How much the call has got already, of more that it wants.
    pub(super) done: u64,
    /// [`Life::changes`] when it was last found that the thread cannot go on.
    pub(super) seen: u64,
}

/// Where a thread that waits is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before its call.
    Before,
    /// At the end of its call, having found nothing.
    Behind,
    /// It was fetched out of its sleep in the kernel, which may restart the call by itself.
    Fetched,
}

impl Wait {
    pub(super) fn new(registers: Registers, deadline: Option<Nanos>, what: What) -> Self {
        Wait { registers, deadline, wall: false, what, place: Place::Before, done: 0, seen: 0 }
    }
}

/// What a thread waits for.
pub(super) enum What {
    /// Only its deadline, as it asked.
    Sleep,
    /// Only its deadline, because it polls: then its call is made.
    Nap,
    /// Only its deadline, because its node never comes to rest: then it goes on.
    Rest(Go),
    /// That another thread wakes it at one of these addresses.
    Futexes(SpaceId, Vec<Word>),
    /// That a file becomes ready.
    Files(Vec<Source>),
    /// That a child changes state.
    Child,
    /// A signal.
    Signal,
    /// Something that the tracer cannot look at, and tries again whenever the node has done something.
    Again,
}

impl What {
    /// Whether it has to be looked at when the node's world may have changed.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self, What::Files(_) | What::Again)
    }
}

/// A word in memory that a thread waits at.
#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) address: u64,
    /// What it was when the thread began to wait.
    pub(super) value: u32,
    pub(super) mask: u32,
}

/// A file that a thread waits for.
pub(super) enum Source {
    /// The pipe that messages arrive in, and the events wanted.
    Stdin(i16),
    /// Any other: our own descriptor for it, and the events wanted.
    File(OwnedFd, i16),
    /// One that cannot be looked at, which is an answer in itself: these events.
    Known(i16),
}

/// What to do at the end of a system call.
pub(super) enum AtExit {
    /// It was tried without waiting; this is what comes of it if it found nothing.
    Tried(Wait),
    /// It has received what messages there were, of those that it waits for.
    Received(Wait),
    /// It was replaced by the making of a memory file, to be filled with this.
    Fill(Registers, Vec<u8>),
    /// It was replaced by the making of an event counter, which serves as a timer of this clock.
    TimerMade(Registers, i32),
    /// A source of randomness was opened.
    RandomOpened,
    /// It writes what was left of a larger write, of which `done` bytes were written before, until this deadline. The
    /// stop at its beginning comes first.
    Written { registers: Registers, done: u64, deadline: Option<Nanos>, entered: bool },
    /// It was skipped, and is to look to the kernel like the real call with this result.
    Pretend(Registers, i64),
}
