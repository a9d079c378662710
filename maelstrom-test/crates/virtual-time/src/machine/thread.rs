//! What the machine remembers of a thread: its state, and the system call that blocks it.

use super::backoff::Polling;
use super::coalescing::Coalesced;
use super::files::PollTarget;
use super::node::{ProcessId, SpaceId};
use crate::time::Nanos;
use crate::tracee::process::Tid;
use crate::tracee::ptrace::Request;
use crate::tracee::registers::Registers;

/// A thread: its index in the machine's table.
pub(crate) type ThreadId = usize;

/// A thread of a node.
pub(super) struct Thread {
    pub(super) tid: Tid,
    /// The node's index.
    pub(super) node: usize,
    pub(super) process: ProcessId,
    /// Threads of one incarnation of a node are numbered in the order in which they are made.
    pub(super) number: u32,
    pub(super) state: State,
    pub(super) call: CallState,
    /// The thread is stopped before a system call and has not been resumed since.
    pub(super) is_before_call: bool,
    pub(super) polling: Polling,
    /// The thread was preempted in its last turn and has made no traced call since.
    pub(super) preempted: bool,
    /// A forced stop is still to come: the thread stopped for another reason first.
    pub(super) forced_stop_pending: bool,
    /// A forced stop interrupted the thread after it was resumed.
    pub(super) stopped_while_computing: bool,
    /// The turn that a forced stop or a check interrupted, and the node's generation then. If that is still the generation,
    /// the next turn continues this one.
    pub(super) interrupted_turn: Option<(Turn, u64)>,
}

/// The state of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The node's generation when the turn began.
    pub(super) generation: u64,
    /// The instruction of the call that is retried.
    pub(super) retried: Option<u64>,
    /// Stops since the turn began.
    pub(super) stops: u32,
}

impl Thread {
    pub(super) fn new(tid: Tid, node: usize, process: ProcessId, number: u32) -> Self {
        Thread {
            tid,
            node,
            process,
            number,
            state: State::Ready(Resume::CONTINUE),
            call: CallState::default(),
            is_before_call: false,
            polling: Polling::default(),
            preempted: false,
            forced_stop_pending: false,
            stopped_while_computing: false,
            interrupted_turn: None,
        }
    }

    /// The wait of a blocked thread.
    pub(super) fn wait(&self) -> Option<&Wait> {
        if let State::Blocked(wait) = &self.state { Some(wait) } else { None }
    }

    pub(super) fn wait_mut(&mut self) -> Option<&mut Wait> {
        if let State::Blocked(wait) = &mut self.state { Some(wait) } else { None }
    }
}

/// What a thread is doing.
pub(super) enum State {
    /// It is stopped, and is resumed like this in its next turn.
    Ready(Resume),
    /// It is stopped, and its call is handled again in its next turn.
    ReadyToRetry(Wait),
    /// It has its turn.
    Running,
    /// It is kept stopped until something happens.
    Blocked(Wait),
    /// It waits in the kernel for a process that shares its memory (`vfork`).
    Vfork,
    /// Stopped by job control.
    JobControlStopped,
    /// The main thread has ended before the others: the kernel keeps it until they end.
    Exiting,
}

/// How to resume a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resume {
    pub(crate) request: Request,
    /// The signal to deliver, or 0.
    pub(crate) signal: i32,
}

impl Resume {
    pub(crate) const CONTINUE: Resume = Resume { request: Request::Continue, signal: 0 };
    pub(crate) const TO_SYSCALL_EXIT: Resume = Resume { request: Request::ToSyscallExit, signal: 0 };
}

/// State of a thread's current system call. The call handler writes it.
#[derive(Default)]
pub(crate) struct CallState {
    /// What to do at the end of the call.
    pub(crate) at_exit: Option<AtExit>,
    /// The wait that a signal has interrupted. It continues if the thread makes the same call again.
    pub(crate) interrupted: Option<Wait>,
    /// The call has a result that only the kernel may see, so the thread must stop once more before it returns to the
    /// program.
    pub(crate) is_restarting: bool,
    /// A signal arrived before the call began to wait.
    pub(crate) got_signal: bool,
    /// The call may run another program, which changes the thread's id.
    pub(crate) may_exec: bool,
}

/// A system call that waits. The thread is stopped, so the kernel does not execute it.
pub(crate) struct Wait {
    /// The registers at the start of the call.
    pub(crate) registers: Registers,
    /// When the wait times out.
    pub(crate) deadline: Option<Nanos>,
    /// The deadline is a time of day: it moves with the node's wall clock.
    pub(crate) follows_wall_clock: bool,
    pub(crate) until: Until,
    pub(crate) stop_point: StopPoint,
    /// How much the call has received so far, if it wants more.
    pub(crate) done: u64,
    /// The sets of a `select`, as they were in memory at the start of the call.
    pub(crate) sets: Box<[u8]>,
    /// The call does not wait. The thread polls, and is delayed.
    pub(crate) polls: bool,
    /// The wait is several sleeps of the program.
    pub(super) coalesced: Option<Coalesced>,
    /// The node's generation (see [`Incarnation`](super::node::Incarnation)) when the thread was last found to be blocked.
    pub(super) checked_at: u64,
}

impl Wait {
    pub(crate) fn new(registers: Registers, deadline: Option<Nanos>, until: Until) -> Self {
        let stop_point = StopPoint::CallEntry;
        Wait {
            registers,
            deadline,
            follows_wall_clock: false,
            until,
            stop_point,
            done: 0,
            sets: Box::default(),
            polls: false,
            coalesced: None,
            checked_at: 0,
        }
    }
}

/// Where a blocked thread is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopPoint {
    /// Before its call.
    CallEntry,
    /// At the end of its call, which would have blocked.
    CallExit,
    /// In its call, where a forced stop interrupted it. The kernel may restart the call.
    InsideCall,
}

/// What ends a wait, besides its deadline.
pub(crate) enum Until {
    /// Nothing: the thread sleeps.
    Deadline,
    /// Nothing: the thread polls and is delayed. Then its call is made.
    BackoffEnds,
    /// Nothing: its node does not come to rest and is throttled. Then the thread is resumed like this.
    ThrottleEnds(Resume),
    /// Another thread wakes one of these words.
    FutexWoken(SpaceId, Vec<FutexWord>),
    /// One of these files becomes ready.
    FileReady(Vec<PollTarget>),
    /// A child changes state.
    ChildChanges,
    /// A signal arrives.
    SignalArrives,
    /// A retry succeeds. The tracer cannot check the condition, and retries whenever the node has done something.
    RetrySucceeds,
}

impl Until {
    /// Whether the condition must be checked when the node has done something.
    pub(super) fn needs_checks(&self) -> bool {
        matches!(self, Until::FileReady(_) | Until::RetrySucceeds)
    }
}

/// A word in memory that a thread waits at.
#[derive(Clone, Copy)]
pub(crate) struct FutexWord {
    pub(crate) address: u64,
    /// Its value when the wait began.
    pub(crate) value: u32,
    pub(crate) mask: u32,
}

/// What to do at the end of a system call.
pub(crate) enum AtExit {
    /// The call was made in its nonblocking form. If it would have blocked, the thread waits like this.
    BlockOrReturn(Wait),
    /// The call has received the messages that were available.
    Received(Wait),
    /// The call was replaced by `memfd_create`. Fill the file with this content.
    FillFile(Registers, Vec<u8>),
    /// The call was replaced by `eventfd2`. The descriptor becomes a timer of this clock.
    RegisterTimer(Registers, i32),
    /// The call opens a source of random numbers.
    RegisterRandomFile,
    /// The call writes the rest of a larger write, of which `done` bytes were written before, until this deadline.
    /// `entered`: the stop at the call's beginning is over.
    FinishWrite { registers: Registers, done: u64, deadline: Option<Nanos>, entered: bool },
    /// The call was skipped. Make it look to the kernel like the original call with this result.
    Return(Registers, i64),
}
