//! The kernel's timers: `timerfd`, `setitimer`, `alarm`, `timer_create`.
//!
//! None of them may run on real time, so none is really made. A timer descriptor is an event counter (`eventfd`), which
//! reads and polls like one, and which the tracer adds to when the time has come; the others are signals that the
//! tracer sends.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::Nanos;
use crate::calls::errno;
use crate::machine::Machine;
use crate::machine::clock::{Clock, SECOND};
use crate::machine::scheduler::Step;
use crate::machine::table::{AtExit, ProcessId, ThreadId};
use crate::tracee::arch::{Call, Registers};
use crate::tracee::memory::{self, EFAULT};
use crate::tracee::sys::{self, Tid};

/// The shortest interval of a timer. A run with a shorter one would consist of little else.
const LEAST_INTERVAL: Nanos = 100_000;

/// A timer of a node.
pub(crate) struct Timer {
    clock: Clock,
    /// When it runs out next, in the machine's time.
    deadline: Option<Nanos>,
    /// Set for a time of day: moves with the wall clock.
    wall: bool,
    /// After which time again; 0: never.
    interval: Nanos,
    action: Action,
}

/// What a timer does when it runs out.
enum Action {
    /// Adds to an event counter: a descriptor of a process, where it was last seen.
    Count { process: ProcessId, fd: i32 },
    /// Sends a signal, to one thread or to any.
    Signal { process: ProcessId, thread: Option<Tid>, signal: i32, id: i32, value: u64 },
    /// Nothing: its owner only looks at it.
    Nothing,
}

/// Which timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// The event counter with this identity.
    Descriptor(u64),
    /// What `setitimer` and `alarm` set.
    Interval(ProcessId, u8),
    /// One of `timer_create`.
    Posix(ProcessId, i32),
}

/// All timers of a node.
#[derive(Default)]
pub(crate) struct Timers(BTreeMap<Name, Timer>);

impl Timers {
    /// When the next one runs out.
    pub(crate) fn next(&self) -> Option<Nanos> {
        // A timer that does nothing is looked at by its owner only.
        let acting = self.0.values().filter(|timer| !matches!(timer.action, Action::Nothing));
        acting.filter_map(|timer| timer.deadline).min()
    }

    /// A process is gone, and its timers with it. Descriptors may live on in others.
    pub(crate) fn forget(&mut self, gone: ProcessId) {
        self.0.retain(
            |name, _| !matches!(name, Name::Interval(process, _) | Name::Posix(process, _) if *process == gone),
        );
    }

    /// The wall clock has jumped ahead by so much.
    pub(crate) fn shift(&mut self, by: i64) {
        for timer in self.0.values_mut().filter(|timer| timer.wall) {
            timer.deadline = timer.deadline.map(|deadline| deadline.saturating_add_signed(by.saturating_neg()));
        }
    }
}

/// Time until a timer runs out, and its interval, as the calls that ask for it want it.
fn setting(timer: Option<&Timer>, now: Nanos) -> [Nanos; 2] {
    let Some(timer) = timer else { return [0, 0] };
    let passed = |deadline: Nanos| matches!(timer.action, Action::Nothing) && deadline < now;
    let left = match timer.deadline {
        None => 0,
        Some(deadline) if passed(deadline) && timer.interval == 0 => 0,
        Some(deadline) if passed(deadline) => timer.interval - (now - deadline) % timer.interval,
        // One that is due this very moment is still armed.
        Some(deadline) => deadline.saturating_sub(now).max(1),
    };
    [timer.interval, left]
}

impl Machine {
    /// The timers of a node that are due do what they are for.
    pub(crate) fn fire_timers(&mut self, node: usize) {
        let now = self.now;
        let names: Vec<Name> = self.life(node).timers.0.keys().copied().collect();
        for name in names {
            let Some(timer) = self.life(node).timers.0.get_mut(&name) else { continue };
            let Some(deadline) = timer.deadline.filter(|deadline| *deadline <= now) else { continue };
            let mut times = 1;
            timer.deadline = (timer.interval > 0).then(|| {
                times += (now - deadline) / timer.interval;
                deadline + times * timer.interval
            });
            match timer.action {
                Action::Nothing => {}
                Action::Count { process, fd } => self.count(node, name, process, fd, times),
                Action::Signal { process, thread, signal, id, value } => {
                    if let Some(process) = self.processes.get(process) {
                        let _ = sys::send_timer_signal(process.pid, thread, signal, id, value);
                        self.life(node).signals = true;
                    }
                }
            }
            let life = self.life(node);
            life.stirred = true;
            life.changes += 1;
        }
    }

    /// Adds to an event counter, if it still exists.
    fn count(&mut self, node: usize, name: Name, process: ProcessId, fd: i32, times: u64) {
        let Name::Descriptor(identity) = name else { return };
        let counter = self.processes.get(process).and_then(|process| find_counter(&process.pidfd, fd, identity));
        let counter = counter.or_else(|| {
            // It may have been copied, or inherited, and closed here.
            let processes: Vec<ProcessId> = self.life(node).processes.iter().copied().collect();
            processes.into_iter().find_map(|process| {
                let process = &self.processes[process];
                let fds = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
                let fds = fds.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
                fds.into_iter().find_map(|fd| find_counter(&process.pidfd, fd, identity))
            })
        });
        match counter {
            Some(counter) => {
                let _ = fs::File::from(counter).write(&times.to_ne_bytes());
            }
            None => drop(self.life(node).timers.0.remove(&name)),
        }
    }

    pub(crate) fn timerfd_create(&mut self, id: ThreadId, registers: Registers) -> Step {
        let clock = registers.arg(0) as i32;
        let flags = registers.arg(1);
        let known = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        if Clock::of(clock).is_none_or(|clock| clock == Clock::Cpu) || flags & !(known as u64) != 0 {
            return self.answer(id, registers, errno(libc::EINVAL));
        }
        let mut altered = registers;
        altered.set_number(libc::SYS_eventfd2);
        altered.set_arg(0, 0);
        self.alter(id, &altered, AtExit::TimerMade(registers, clock))
    }

    /// The event counter of a new timer descriptor has been made.
    pub(crate) fn timerfd_made(&mut self, id: ThreadId, result: i64, clock: i32) {
        let (process, node) = (self.threads[id].process, self.threads[id].node);
        let (Ok(fd), Some(clock)) = (i32::try_from(result), Clock::of(clock)) else { return };
        let Ok(counter) = sys::pidfd_getfd(&self.processes[process].pidfd, fd) else { return };
        let Some(identity) = counter_identity(&counter) else {
            let name = self.nodes[node].name.clone();
            self.note(format!("{name} uses timer descriptors, which this kernel is too old to simulate"));
            return;
        };
        let action = Action::Count { process, fd };
        let timer = Timer { clock, deadline: None, wall: false, interval: 0, action };
        self.life(node).timers.0.insert(Name::Descriptor(identity), timer);
    }

    pub(crate) fn timerfd_settime(&mut self, id: ThreadId, registers: Registers) -> Step {
        let (name, counter) = match self.timer_descriptor(id, registers.arg(0) as i32) {
            Ok(found) => found,
            Err(error) => return self.answer(id, registers, error),
        };
        let absolute = registers.arg(1) as i32 & libc::TFD_TIMER_ABSTIME != 0;
        let result = self.set_timer(id, name, absolute, registers.arg(2), registers.arg(3), SECOND);
        if result == 0 {
            // What it has counted so far is void.
            let mut ready = [libc::pollfd { fd: counter.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
            sys::poll(&mut ready);
            if ready[0].revents & libc::POLLIN != 0 {
                let _ = fs::File::from(counter).read(&mut [0; 8]);
            }
        }
        self.answer(id, registers, result)
    }

    pub(crate) fn timerfd_gettime(&mut self, id: ThreadId, registers: Registers) -> Step {
        match self.timer_descriptor(id, registers.arg(0) as i32) {
            Ok((name, _)) => {
                let result = self.write_setting(id, name, registers.arg(1), SECOND);
                self.answer(id, registers, result)
            }
            Err(error) => self.answer(id, registers, error),
        }
    }

    /// The timer behind a descriptor; else what the system would answer.
    fn timer_descriptor(&mut self, id: ThreadId, fd: i32) -> Result<(Name, OwnedFd), i64> {
        let (process, node) = (self.threads[id].process, self.threads[id].node);
        let counter = sys::pidfd_getfd(&self.processes[process].pidfd, fd).map_err(|_| errno(libc::EBADF))?;
        let name = counter_identity(&counter).map(Name::Descriptor).ok_or(errno(libc::EINVAL))?;
        let timer = self.life(node).timers.0.get_mut(&name).ok_or(errno(libc::EINVAL))?;
        timer.action = Action::Count { process, fd };
        Ok((name, counter))
    }

    /// Sets a timer from an `itimerspec` or `itimerval`, and writes its former setting. Returns the call's result.
    fn set_timer(&mut self, id: ThreadId, name: Name, absolute: bool, new: u64, old: u64, per_second: u64) -> i64 {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let (Ok(interval), Ok(value)) = (memory::read_pair(tid, new), memory::read_pair(tid, new + 16)) else {
            return EFAULT;
        };
        let (Some(interval), Some(value)) = (memory::time(interval, per_second), memory::time(value, per_second))
        else {
            return errno(libc::EINVAL);
        };
        if old != 0 {
            let result = self.write_setting(id, name, old, per_second);
            if result != 0 {
                return result;
            }
        }
        let now = self.node_time(node);
        let Some(clock) = self.life(node).timers.0.get(&name).map(|timer| timer.clock) else {
            return errno(libc::EINVAL);
        };
        let deadline = match value {
            0 => None,
            value if absolute => Some(self.time_of(node, clock, value)),
            value => Some(now.saturating_add(value)),
        };
        let interval = self.longer_interval(node, name, interval);
        let deadline = deadline.map(|deadline| if absolute { deadline } else { self.short_wait(id, deadline) });
        if let Some(timer) = self.life(node).timers.0.get_mut(&name) {
            timer.interval = interval;
            timer.wall = absolute && clock == Clock::Wall;
            // Processor time does not pass: computing takes none.
            timer.deadline = deadline.filter(|_| clock != Clock::Cpu);
        }
        self.expire(node);
        0
    }

    /// The interval that a timer really gets, and a remark if that is not the one it should have.
    fn longer_interval(&mut self, node: usize, name: Name, interval: Nanos) -> Nanos {
        let acts = self.life(node).timers.0.get(&name).is_some_and(|timer| !matches!(timer.action, Action::Nothing));
        if !acts || interval == 0 || interval >= LEAST_INTERVAL {
            return interval;
        }
        let name = &self.nodes[node].name;
        let remark =
            format!("{name} sets a timer to run out every {interval} ns; in virtual time it does so every 100 µs");
        self.remark(remark);
        LEAST_INTERVAL
    }

    fn write_setting(&mut self, id: ThreadId, name: Name, address: u64, per_second: u64) -> i64 {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let now = self.node_time(node);
        let pair = |nanos: Nanos| if per_second == SECOND { memory::timespec(nanos) } else { memory::timeval(nanos) };
        let [interval, left] = setting(self.life(node).timers.0.get(&name), now).map(pair);
        let words = [interval[0], interval[1], left[0], left[1]];
        if memory::write_words(tid, address, &words).is_ok() { 0 } else { EFAULT }
    }

    /// `setitimer`, `getitimer` and `alarm`.
    pub(crate) fn interval_timer(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        let (process, node) = (self.threads[id].process, self.threads[id].node);
        let which = if call == Call::Alarm { 0 } else { registers.arg(0) };
        let (clock, signal) = match which as i32 {
            libc::ITIMER_REAL => (Clock::Monotonic, libc::SIGALRM),
            libc::ITIMER_VIRTUAL => (Clock::Cpu, libc::SIGVTALRM),
            libc::ITIMER_PROF => (Clock::Cpu, libc::SIGPROF),
            _ => return self.answer(id, registers, errno(libc::EINVAL)),
        };
        let name = Name::Interval(process, which as u8);
        let action = Action::Signal { process, thread: None, signal, id: 0, value: 0 };
        let unset = Timer { clock, deadline: None, wall: false, interval: 0, action };
        self.life(node).timers.0.entry(name).or_insert(unset);
        let result = match call {
            Call::Getitimer => self.write_setting(id, name, registers.arg(1), 1_000_000),
            Call::Setitimer => self.set_timer(id, name, false, registers.arg(1), registers.arg(2), 1_000_000),
            _ => {
                let now = self.node_time(node);
                let timer = self.life(node).timers.0.get_mut(&name).expect("entered above");
                let [_, left] = setting(Some(timer), now);
                let seconds = u64::from(registers.arg(0) as u32);
                timer.deadline = (seconds > 0).then(|| now.saturating_add(seconds * SECOND));
                timer.interval = 0;
                left.div_ceil(SECOND) as i64
            }
        };
        self.answer(id, registers, result)
    }

    pub(crate) fn timer_create(&mut self, id: ThreadId, registers: Registers) -> Step {
        let (process, node, tid) = (self.threads[id].process, self.threads[id].node, self.threads[id].tid);
        let Some(clock) = Clock::of(registers.arg(0) as i32) else {
            return self.answer(id, registers, errno(libc::EINVAL));
        };
        let posix = self.life(node).timers.0.keys().filter_map(|name| match name {
            Name::Posix(owner, id) if *owner == process => Some(*id),
            _ => None,
        });
        let timer_id = posix.max().map_or(0, |last| last + 1);
        // struct sigevent: value, signal, way of notification, thread.
        let event = match registers.arg(1) {
            0 => Ok([timer_id as u64, libc::SIGALRM as u64, 0]),
            at => memory::read_pair(tid, at)
                .and_then(|[value, signal]| Ok([value, signal, u64::from(memory::read_u32(tid, at + 16)?)])),
        };
        let Ok([value, signal_and_way, thread]) = event else { return self.answer(id, registers, EFAULT) };
        let signal = signal_and_way as u32 as i32;
        let action = match (signal_and_way >> 32) as i32 {
            libc::SIGEV_NONE => Action::Nothing,
            way => {
                let thread = (way == libc::SIGEV_THREAD_ID).then(|| self.thread_by_own_number(process, thread));
                Action::Signal { process, thread: thread.flatten(), signal, id: timer_id, value }
            }
        };
        if memory::write(tid, registers.arg(2), &timer_id.to_ne_bytes()).is_err() {
            return self.answer(id, registers, EFAULT);
        }
        let timer = Timer { clock, deadline: None, wall: false, interval: 0, action };
        self.life(node).timers.0.insert(Name::Posix(process, timer_id), timer);
        self.answer(id, registers, 0)
    }

    /// Our number for a thread which its process knows by this one.
    fn thread_by_own_number(&self, process: ProcessId, number: u64) -> Option<Tid> {
        let tids = self.processes[process].threads.iter().map(|id| self.threads[*id].tid);
        tids.into_iter().find(|tid| {
            let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            line.and_then(|line| line.split_whitespace().last()?.parse::<u64>().ok()) == Some(number)
        })
    }

    pub(crate) fn timer_settime(&mut self, id: ThreadId, registers: Registers) -> Step {
        let name = Name::Posix(self.threads[id].process, registers.arg(0) as i32);
        let absolute = registers.arg(1) as i32 & libc::TIMER_ABSTIME != 0;
        let known = self.life_of(id).timers.0.contains_key(&name);
        let result = match known {
            true => self.set_timer(id, name, absolute, registers.arg(2), registers.arg(3), SECOND),
            false => errno(libc::EINVAL),
        };
        self.answer(id, registers, result)
    }

    /// `timer_gettime`, `timer_getoverrun` and `timer_delete`.
    pub(crate) fn timer_other(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        let name = Name::Posix(self.threads[id].process, registers.arg(0) as i32);
        if !self.life_of(id).timers.0.contains_key(&name) {
            return self.answer(id, registers, errno(libc::EINVAL));
        }
        let result = match call {
            Call::TimerGettime => self.write_setting(id, name, registers.arg(1), SECOND),
            Call::TimerDelete => {
                self.life_of(id).timers.0.remove(&name);
                0
            }
            _ => 0,
        };
        self.answer(id, registers, result)
    }
}

/// Our own descriptor for the event counter that a process had under this one, if it still has.
fn find_counter(process: &OwnedFd, fd: i32, identity: u64) -> Option<OwnedFd> {
    let counter = sys::pidfd_getfd(process, fd).ok()?;
    (counter_identity(&counter) == Some(identity)).then_some(counter)
}

/// The kernel's number of an event counter.
fn counter_identity(counter: &OwnedFd) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", counter.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("eventfd-id:")?.trim().parse().ok())
}
