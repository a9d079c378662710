//! What the machine remembers of a node and its processes.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

use maelstrom_random::Rng;

use super::backoff::Activity;
use super::clock::NodeClock;
use super::run_queue::RunQueue;
use super::stdio::{Input, Output};
use super::thread::ThreadId;
use super::timers::Timers;
use super::wait_queues::WaitQueues;
use crate::time::Nanos;
use crate::tracee::process::{self, Tid};

/// A process: its index in the machine's table.
pub(crate) type ProcessId = usize;
/// An address space. Processes between `vfork` and `exec` share one.
pub(crate) type SpaceId = u64;

/// A member of the cluster, across all of its incarnations.
pub(super) struct Node {
    pub(super) name: String,
    /// How often it was started.
    pub(super) starts: u32,
    /// The running incarnation.
    pub(super) incarnation: Option<Incarnation>,
    pub(super) paused: bool,
    /// Whether a thread has had a turn since [`Machine::take_activity`](super::Machine::take_activity) was called.
    pub(super) has_run: bool,
    pub(super) clock: NodeClock,
}

/// One incarnation of a node, from start to end.
pub(super) struct Incarnation {
    /// The init process; 0 if it is gone.
    pub(super) init: Tid,
    /// The process that was started. The incarnation ends with it.
    pub(super) main: ProcessId,
    pub(super) processes: BTreeSet<ProcessId>,
    pub(super) next_thread_number: u32,
    pub(super) input: Input,
    pub(super) output: Output,
    /// Bytes printed since the node was last at rest.
    pub(super) printed: usize,
    /// How often the node has printed something.
    pub(super) outputs: u64,
    /// The source of random numbers that the node's programs see.
    pub(super) rng: Rng,
    pub(super) run_queue: RunQueue,
    pub(super) waits: WaitQueues,
    pub(super) timers: Timers,
    pub(super) activity: Activity,
    /// Grows whenever the state that the node sees may have changed: a thread had a turn, a message arrived, a timer
    /// expired. A file that was not ready can only have become ready if this has grown.
    pub(super) generation: u64,
    /// Whether a signal may be pending for a blocked thread.
    pub(super) signals_pending: bool,
    /// Whether a thread may be able to run.
    pub(super) may_progress: bool,
    /// The reads of the clock page are limited in order to preempt the running thread.
    pub(super) preempts_at_clock_read: bool,
    /// CPU time of turns that a forced stop has ended, since a thread last made a traced call or the node was at rest.
    pub(super) cpu_without_call: Nanos,
}

/// A process of a node.
pub(crate) struct Process {
    pub(super) pid: Tid,
    pub(super) pidfd: OwnedFd,
    pub(super) node: usize,
    pub(super) space: SpaceId,
    pub(super) threads: BTreeSet<ThreadId>,
    /// The thread that waits for this process to run a program or exit.
    pub(super) vfork_parent: Option<Tid>,
    /// Special descriptors of the process. The call handler writes them.
    pub(crate) files: SpecialFiles,
}

impl Process {
    /// Copies a descriptor of the process into the tracer.
    pub(crate) fn descriptor(&self, fd: i32) -> io::Result<OwnedFd> {
        process::copy_descriptor(&self.pidfd, fd)
    }

    pub(crate) fn has_several_threads(&self) -> bool {
        self.threads.len() > 1
    }
}

/// Descriptors of a process that the simulation treats specially. A new process inherits them.
#[derive(Clone)]
pub(crate) struct SpecialFiles {
    /// Descriptor 0 is the pipe that messages arrive in.
    pub(crate) stdin_is_input: bool,
    /// Another descriptor that was found to be that pipe.
    pub(crate) input_copy: Option<i32>,
    /// Descriptors that were opened as a source of random numbers.
    pub(crate) random: BTreeSet<i32>,
}
