//! Signals that are pending for blocked threads, and job control.
//!
//! The kernel delivers signals, but only to a thread that runs. So when a signal may have been sent, the machine checks
//! every blocked thread of the node. The call handler then makes the thread's call look as if the signal had interrupted
//! it, and the kernel does the rest.

use std::fs;
use std::io;

use super::Machine;
use super::node::ProcessId;
use super::scheduler::{Next, Outcome};
use super::thread::{Resume, State, ThreadId, Until};
use crate::tracee::process::Tid;
use crate::tracee::ptrace::{self, Request, Stop};

/// A set of signals. Bit 0 is signal 1.
pub(crate) type SignalSet = u64;

const fn only(signal: i32) -> SignalSet {
    1 << (signal - 1)
}

/// The signals of a thread, as the kernel reports them.
pub(crate) struct Signals {
    /// Pending for the thread.
    pub(crate) own: SignalSet,
    /// Pending for its process.
    pub(crate) shared: SignalSet,
    pub(crate) blocked: SignalSet,
    /// With a handler.
    pub(crate) caught: SignalSet,
    /// The thread is being killed, or dead.
    pub(crate) is_dying: bool,
}

impl Signals {
    fn of(tid: Tid) -> Self {
        let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let set = |name| field(name).and_then(|text| SignalSet::from_str_radix(text, 16).ok()).unwrap_or(0);
        let (own, shared) = (set("SigPnd:"), set("ShdPnd:"));
        let state = field("State:").unwrap_or("X");
        let is_dying = (own | shared) & only(libc::SIGKILL) != 0 || state.starts_with(['X', 'Z']);
        Signals { own, shared, blocked: set("SigBlk:"), caught: set("SigCgt:"), is_dying }
    }
}

impl Machine {
    /// A signal may have been sent to a thread of a node: check its blocked threads when this turn is over.
    pub(crate) fn signals_may_be_pending(&mut self, id: ThreadId) {
        self.incarnation_of(id).signals_pending = true;
    }

    /// The same, if a signal is pending for this thread. Only one thread is checked, because a program may have very many.
    pub(crate) fn check_signals_of(&mut self, id: ThreadId) {
        let signals = Signals::of(self.tid(id));
        if signals.is_dying || signals.own | signals.shared != 0 {
            self.signals_may_be_pending(id);
        }
    }

    /// Handles signals that are pending for threads of a node.
    pub(super) fn check_signals(&mut self, node: usize) -> io::Result<()> {
        let mut processes: Vec<ProcessId> = self.incarnation(node).processes.iter().copied().collect();
        processes.sort_by_key(|process| {
            let threads = &self.processes[*process].threads;
            threads.iter().map(|id| self.threads[*id].number).min()
        });
        for process in processes {
            // A signal to a process goes to the first of its threads that does not block it.
            let mut taken = 0;
            let Some(entry) = self.processes.get(process) else { continue };
            let mut threads: Vec<ThreadId> = entry.threads.iter().copied().collect();
            threads.sort_by_key(|id| self.threads[*id].number);
            for id in threads {
                if self.processes.get(process).is_none() || self.threads.get(id).is_none() {
                    break;
                }
                if matches!(self.threads[id].state, State::Exiting | State::Vfork) {
                    continue;
                }
                let signals = Signals::of(self.tid(id));
                if signals.is_dying {
                    self.end_process(process, None)?;
                    break;
                }
                if matches!(self.threads[id].state, State::JobControlStopped) {
                    self.check_job_control(id)?;
                    continue;
                }
                taken |= self.deliver_to_blocked(id, &signals, taken)?;
            }
            if !self.is_up(node) {
                break;
            }
        }
        Ok(())
    }

    /// Ends a thread's wait if a signal is pending for it. Returns the signals of its process that it takes.
    fn deliver_to_blocked(&mut self, id: ThreadId, signals: &Signals, taken: SignalSet) -> io::Result<SignalSet> {
        match self.threads[id].wait() {
            Some(wait) if !matches!(wait.until, Until::ThrottleEnds(_)) => {
                let handler = self.handler;
                handler.on_pending_signals(self, id, signals, taken)
            }
            // It gets its signals when it runs.
            _ => Ok(signals.shared & !signals.blocked),
        }
    }

    /// Job control stops the thread's process.
    pub(super) fn on_group_stop(&mut self, id: ThreadId) -> Outcome {
        ptrace::resume(self.tid(id), Request::Listen, 0)?;
        self.threads[id].state = State::JobControlStopped;
        self.wake_parents(self.node_of(id));
        Ok(Next::TurnOver)
    }

    /// Checks whether job control continues a thread.
    fn check_job_control(&mut self, id: ThreadId) -> io::Result<()> {
        match ptrace::wait(Some(self.tid(id)), false)? {
            Some((_, Stop::Group(libc::SIGTRAP))) => {
                self.make_ready(id, Resume::CONTINUE);
                self.wake_parents(self.node_of(id));
            }
            Some((_, Stop::Group(_))) => _ = self.on_group_stop(id)?,
            Some((_, Stop::Exited(status))) => {
                let process = self.process_of(id);
                self.end_process(process, Some(status))?;
            }
            Some(_) => self.make_ready(id, Resume::CONTINUE),
            None => {}
        }
        Ok(())
    }

    /// A process of the node has ended, stopped or continued: threads that wait for children retry.
    pub(super) fn wake_parents(&mut self, node: usize) {
        let processes: Vec<ProcessId> = self.incarnation(node).processes.iter().copied().collect();
        for process in processes {
            let threads: Vec<ThreadId> = self.processes[process].threads.iter().copied().collect();
            for id in threads {
                if self.threads[id].wait().is_some_and(|wait| matches!(wait.until, Until::ChildChanges))
                    && let Some(wait) = self.unblock(id)
                {
                    self.make_ready_to_retry(id, wait);
                }
            }
        }
    }
}
