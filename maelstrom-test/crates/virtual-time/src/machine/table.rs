//! What the tracer remembers of nodes, processes and threads.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use crate::Nanos;
use crate::machine::backoff::{Activity, Polling};
use crate::machine::stdio::{Input, Output};
use crate::machine::timers::Timers;
use crate::tracee::arch::Registers;
use crate::tracee::sys::{Request, Tid};
use crate::tracee::vdso::ClockPage;
use maelstrom_random::Rng;

/// A thread, by its place in the machine's table.
pub(crate) type ThreadId = usize;
/// A process, by its place in the machine's table.
pub(crate) type ProcessId = usize;
/// An address space: processes between `vfork` and `exec` share one.
pub(crate) type SpaceId = u64;

/// A node's place in the cluster, and what all of its lives share.
pub(crate) struct Node {
    pub(crate) name: String,
    /// Times it was started.
    pub(crate) lives: u32,
    /// Its present life.
    pub(crate) life: Option<Life>,
    pub(crate) paused: bool,
    /// How far its wall clock is off.
    pub(crate) skew: i64,
    /// What it has been told the time is; never goes back, and may be a little ahead of the machine's.
    pub(crate) clock: Nanos,
    /// What reading clocks has added: all the processor time there is in a world where computing takes none.
    pub(crate) cpu: Nanos,
}

/// One life of a node, from start to end.
pub(crate) struct Life {
    pub(crate) keeper: Tid,
    /// The process that was started; the life ends with it.
    pub(crate) main: ProcessId,
    pub(crate) input: Input,
    pub(crate) output: Output,
    /// Bytes printed since it last had nothing left to do.
    pub(crate) printed: usize,
    pub(crate) rng: Rng,
    /// The clock that its processes read by themselves, where that is possible.
    pub(crate) page: Option<ClockPage>,
    pub(crate) next_number: u32,
    /// Grows whenever the node's world may have changed: a thread has had a turn, a message has come, a timer has run
    /// out. A file that was not ready can only have become so if this has grown.
    pub(crate) changes: u64,
    /// A signal may be pending for a thread that waits.
    pub(crate) signals: bool,
    /// Whether it may have something to do.
    pub(crate) stirred: bool,
    /// Threads whose turn has come: (round, draw, thread). A thread that yields goes to the next round; the order within a
    /// round is drawn from the seed, because the kernel promises none.
    pub(crate) ready: BTreeSet<(u64, u32, ThreadId)>,
    /// Draws the order of threads, and where one is preempted.
    pub(crate) scheduling: Rng,
    /// The clock that programs read by themselves has been restricted, so as to preempt the thread that runs.
    pub(crate) preempts_at_clock: bool,
    pub(crate) round: u64,
    /// When waits time out.
    pub(crate) deadlines: BTreeSet<(Nanos, u32, ThreadId)>,
    /// Threads that wait for files, or for something that has to be tried.
    pub(crate) watchers: BTreeSet<(u32, ThreadId)>,
    pub(crate) processes: BTreeSet<ProcessId>,
    pub(crate) timers: Timers,
    pub(crate) activity: Activity,
    /// CPU time of turns that were cut short since a thread last got something or came to rest.
    pub(crate) hogged: Nanos,
}

/// A process of a node.
pub(crate) struct Process {
    pub(crate) pid: Tid,
    pub(crate) pidfd: OwnedFd,
    pub(crate) node: usize,
    pub(crate) space: SpaceId,
    pub(crate) threads: BTreeSet<ThreadId>,
    /// Descriptor 0 is the pipe that messages arrive in.
    pub(crate) stdin: bool,
    /// Descriptors that were opened as a source of randomness.
    pub(crate) random: BTreeSet<i32>,
    /// The thread that waits for this process to run a program or exit.
    pub(crate) vfork_parent: Option<Tid>,
}

/// A thread of a node.
pub(crate) struct Thread {
    pub(crate) tid: Tid,
    pub(crate) node: usize,
    pub(crate) process: ProcessId,
    pub(crate) number: u32,
    pub(crate) state: State,
    /// What to do at the end of the system call it is in.
    pub(crate) at_exit: Option<AtExit>,
    /// The wait that a signal has interrupted, to be continued if the thread comes back to it.
    pub(crate) interrupted: Option<Wait>,
    /// Its call has a result that only the kernel may see, so it must stop once more before it returns to the program.
    pub(crate) restarting: bool,
    /// A signal came while it was kept before a call that had not begun to wait.
    pub(crate) signalled: bool,
    pub(crate) polling: Polling,
    /// It was preempted in its last turn and has made no trapped call since.
    pub(crate) preempted: bool,
    /// A nudge is pending that has crossed with a trap.
    pub(crate) nudged: bool,
    /// A nudge has ended its last turn, in the middle of a computation.
    pub(crate) cut_short: bool,
    /// It may be about to run another program, which changes its number.
    pub(crate) executing: bool,
}

impl Thread {
    pub(crate) fn new(tid: Tid, node: usize, process: ProcessId, number: u32) -> Self {
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
pub(crate) enum State {
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
pub(crate) struct Go {
    pub(crate) request: Request,
    pub(crate) signal: i32,
}

impl Go {
    pub(crate) const ON: Go = Go { request: Request::Continue, signal: 0 };
    pub(crate) const TO_EXIT: Go = Go { request: Request::ToExit, signal: 0 };
}

/// A system call that waits, kept from being executed.
pub(crate) struct Wait {
    /// As they were when the call was made.
    pub(crate) registers: Registers,
    /// When it times out.
    pub(crate) deadline: Option<Nanos>,
    /// The deadline is a time of day, and moves with the node's wall clock.
    pub(crate) wall: bool,
    pub(crate) what: What,
    /// Where the thread is kept.
    pub(crate) place: Place,
    /// How much the call has got already, of more that it wants.
    pub(crate) done: u64,
    /// [`Life::changes`] when it was last found that the thread cannot go on.
    pub(crate) seen: u64,
}

/// Where a thread that waits is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before its call.
    Before,
    /// At the end of its call, having found nothing.
    Behind,
    /// It was fetched out of its sleep in the kernel, which may restart the call by itself.
    Fetched,
}

impl Wait {
    pub(crate) fn new(registers: Registers, deadline: Option<Nanos>, what: What) -> Self {
        Wait { registers, deadline, wall: false, what, place: Place::Before, done: 0, seen: 0 }
    }
}

/// What a thread waits for.
pub(crate) enum What {
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
    pub(crate) fn is_watched(&self) -> bool {
        matches!(self, What::Files(_) | What::Again)
    }
}

/// A word in memory that a thread waits at.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) address: u64,
    /// What it was when the thread began to wait.
    pub(crate) value: u32,
    pub(crate) mask: u32,
}

/// A file that a thread waits for.
pub(crate) enum Source {
    /// The pipe that messages arrive in, and the events wanted.
    Stdin(i16),
    /// Any other: our own descriptor for it, and the events wanted.
    File(OwnedFd, i16),
    /// One that cannot be looked at, which is an answer in itself: these events.
    Known(i16),
}

/// What to do at the end of a system call.
pub(crate) enum AtExit {
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
