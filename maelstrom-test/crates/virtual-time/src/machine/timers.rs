//! The timers of a node: `timerfd`, `setitimer`, `alarm`, `timer_create`.
//!
//! The kernel's timers would run on real time, so none of them is really made. A timer descriptor is an event counter
//! (`eventfd`), which reads and polls like a timer descriptor; the tracer increments it when the timer expires. Other
//! timers are signals that the tracer sends.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};

use super::Machine;
use super::clock::Clock;
use super::node::ProcessId;
use crate::time::Nanos;
use crate::tracee::process::{self, Tid, TimerSignal};

/// A timer of a node.
pub(crate) struct Timer {
    clock: Clock,
    /// When it expires next, in the machine's time.
    deadline: Option<Nanos>,
    /// It was set to a time of day: its deadline moves with the wall clock.
    follows_wall_clock: bool,
    /// The time between expirations; 0 if it expires once.
    interval: Nanos,
    action: TimerAction,
}

/// What a timer does when it expires.
pub(crate) enum TimerAction {
    /// Increments an event counter: a descriptor of a process, where it was last seen.
    Count { process: ProcessId, fd: i32 },
    /// Sends a signal to a process, or to one thread of it.
    Signal { process: ProcessId, thread: Option<Tid>, sent: TimerSignal },
    /// Nothing: its owner only reads it.
    Nothing,
}

/// Identifies a timer within its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerId {
    /// The event counter with this id of the kernel.
    Descriptor(u64),
    /// A timer of `setitimer` and `alarm`.
    Interval(ProcessId, u8),
    /// A timer of `timer_create`.
    Posix(ProcessId, i32),
}

impl Timer {
    /// Makes a timer that is not set.
    pub(crate) fn new(clock: Clock, action: TimerAction) -> Self {
        Timer { clock, deadline: None, follows_wall_clock: false, interval: 0, action }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn set_action(&mut self, action: TimerAction) {
        self.action = action;
    }

    /// Whether it does something when it expires.
    pub(crate) fn acts(&self) -> bool {
        !matches!(self.action, TimerAction::Nothing)
    }

    /// Sets the timer, or stops it. `is_time_of_day`: the deadline moves with the wall clock.
    pub(crate) fn set(&mut self, deadline: Option<Nanos>, interval: Nanos, is_time_of_day: bool) {
        self.interval = interval;
        self.follows_wall_clock = is_time_of_day;
        // A CPU-time clock does not advance: computing takes no time.
        self.deadline = deadline.filter(|_| self.clock != Clock::Cpu);
    }

    /// The interval and the time until the timer expires, as system calls return them.
    pub(crate) fn setting(&self, now: Nanos) -> [Nanos; 2] {
        let has_passed = |deadline: Nanos| !self.acts() && deadline < now;
        let left = match self.deadline {
            None => 0,
            Some(deadline) if has_passed(deadline) && self.interval == 0 => 0,
            Some(deadline) if has_passed(deadline) => self.interval - (now - deadline) % self.interval,
            // A timer that expires now still counts as set.
            Some(deadline) => deadline.saturating_sub(now).max(1),
        };
        [self.interval, left]
    }

    /// If the timer has expired: sets the next deadline, and returns how often it has expired.
    fn expire(&mut self, now: Nanos) -> Option<u64> {
        let deadline = self.deadline.filter(|deadline| *deadline <= now)?;
        let mut times = 1;
        self.deadline = (self.interval > 0).then(|| {
            times += (now - deadline) / self.interval;
            deadline + times * self.interval
        });
        Some(times)
    }
}

/// The timers of a node.
#[derive(Default)]
pub(crate) struct Timers(BTreeMap<TimerId, Timer>);

impl Timers {
    pub(crate) fn insert(&mut self, id: TimerId, timer: Timer) {
        self.0.insert(id, timer);
    }

    pub(crate) fn get(&self, id: TimerId) -> Option<&Timer> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: TimerId) -> Option<&mut Timer> {
        self.0.get_mut(&id)
    }

    /// Returns a timer, which is made if it does not exist.
    pub(crate) fn get_or_insert(&mut self, id: TimerId, timer: Timer) -> &mut Timer {
        self.0.entry(id).or_insert(timer)
    }

    pub(crate) fn remove(&mut self, id: TimerId) {
        self.0.remove(&id);
    }

    /// An unused id for a timer of `timer_create`.
    pub(crate) fn next_posix_id(&self, process: ProcessId) -> i32 {
        let ids = self.0.keys().filter_map(|name| match name {
            TimerId::Posix(owner, id) if *owner == process => Some(*id),
            _ => None,
        });
        ids.max().map_or(0, |last| last + 1)
    }

    /// When the next timer expires. A timer without action does not count.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.0.values().filter(|timer| timer.acts()).filter_map(|timer| timer.deadline).min()
    }

    /// Removes the timers of a process that is gone. Descriptors may live on in other processes.
    pub(super) fn remove_process(&mut self, gone: ProcessId) {
        self.0.retain(
            |id, _| !matches!(id, TimerId::Interval(process, _) | TimerId::Posix(process, _) if *process == gone),
        );
    }

    /// Moves deadlines, because the wall clock has jumped ahead.
    pub(super) fn shift(&mut self, by_ns: i64) {
        for timer in self.0.values_mut().filter(|timer| timer.follows_wall_clock) {
            timer.deadline = timer.deadline.map(|deadline| deadline.saturating_add_signed(by_ns.saturating_neg()));
        }
    }
}

impl Machine {
    /// The timers of a node that runs.
    pub(crate) fn timers(&mut self, node: usize) -> &mut Timers {
        &mut self.incarnation(node).timers
    }

    /// Sets a timer; one that has expired already fires at once.
    pub(crate) fn set_timer(
        &mut self,
        node: usize,
        id: TimerId,
        deadline: Option<Nanos>,
        interval: Nanos,
        is_time_of_day: bool,
    ) {
        if let Some(timer) = self.timers(node).get_mut(id) {
            timer.set(deadline, interval, is_time_of_day);
        }
        self.expire(node);
    }

    /// Carries out the actions of a node's timers that have expired.
    pub(super) fn fire_timers(&mut self, node: usize) {
        self.end_coalescing(node, None);
        let now = self.now;
        let ids: Vec<TimerId> = self.timers(node).0.keys().copied().collect();
        for id in ids {
            let Some(timer) = self.timers(node).0.get_mut(&id) else { continue };
            let Some(times) = timer.expire(now) else { continue };
            match timer.action {
                TimerAction::Nothing => {}
                TimerAction::Count { process, fd } => self.increment(node, id, (process, fd), times),
                TimerAction::Signal { process, thread, sent } => {
                    if let Some(process) = self.processes.get(process) {
                        let _ = process::send_timer_signal(process.pid, thread, sent);
                        self.incarnation(node).signals_pending = true;
                    }
                }
            }
            let incarnation = self.incarnation(node);
            incarnation.may_progress = true;
            incarnation.generation += 1;
            self.agenda.activate(node);
        }
    }

    /// Increments an event counter if it still exists. `last_seen`: a process and its descriptor.
    fn increment(&mut self, node: usize, id: TimerId, last_seen: (ProcessId, i32), times: u64) {
        let TimerId::Descriptor(counter_id) = id else { return };
        let (process, fd) = last_seen;
        let counter = self.processes.get(process).and_then(|process| find_counter(&process.pidfd, fd, counter_id));
        let counter = counter.or_else(|| {
            // The descriptor may have been copied or inherited, and then closed here.
            let processes: Vec<ProcessId> = self.incarnation(node).processes.iter().copied().collect();
            processes.into_iter().find_map(|process| {
                let process = &self.processes[process];
                let fds = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
                let fds = fds.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
                fds.into_iter().find_map(|fd| find_counter(&process.pidfd, fd, counter_id))
            })
        });
        match counter {
            Some(counter) => {
                let _ = fs::File::from(counter).write(&times.to_ne_bytes());
            }
            None => self.timers(node).remove(id),
        }
    }
}

/// Copies a process's descriptor if it refers to the event counter with this id.
fn find_counter(process: &OwnedFd, fd: i32, id: u64) -> Option<OwnedFd> {
    let counter = process::copy_descriptor(process, fd).ok()?;
    (counter_id(&counter) == Some(id)).then_some(counter)
}

/// The kernel's id of an event counter.
pub(crate) fn counter_id(counter: &OwnedFd) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", counter.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("eventfd-id:")?.trim().parse().ok())
}
