//! Timers: `timerfd_*`, `setitimer`, `getitimer`, `alarm`, `timer_*`.

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;

use super::answer::errno;
use crate::machine::Machine;
use crate::machine::clock::Clock;
use crate::machine::scheduler::Outcome;
use crate::machine::thread::{AtExit, ThreadId};
use crate::machine::timers::{Timer, TimerAction, TimerId, counter_id};
use crate::time::{Nanos, SECOND};
use crate::tracee::arch::Call;
use crate::tracee::descriptors;
use crate::tracee::memory::{self, EFAULT, Fraction};
use crate::tracee::process::{Tid, TimerSignal};
use crate::tracee::registers::Registers;

/// The shortest interval of a timer. With a shorter one, a run would hardly contain anything else.
const SHORTEST_INTERVAL: Nanos = 100_000;

/// The arguments of a call that sets a timer.
struct Setting {
    /// The new setting: an `itimerspec` or `itimerval`.
    new: u64,
    /// Where the former setting is written, or 0.
    old: u64,
    fraction: Fraction,
    is_absolute: bool,
}

impl Machine {
    /// `timerfd_create` is replaced by the making of an event counter.
    pub(super) fn timerfd_create(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let clock = registers.arg(0) as i32;
        let flags = registers.arg(1);
        let known = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        if Clock::of(clock).is_none_or(|clock| clock == Clock::Cpu) || flags & !(known as u64) != 0 {
            return self.answer(id, registers, errno(libc::EINVAL));
        }
        let mut altered = registers;
        altered.set_number(libc::SYS_eventfd2);
        altered.set_arg(0, 0);
        self.execute_altered(id, &altered, AtExit::RegisterTimer(registers, clock))
    }

    /// The event counter of a new timer descriptor has been made.
    pub(super) fn register_timerfd(&mut self, id: ThreadId, result: i64, clock: i32) {
        let (process, node) = (self.process_of(id), self.node_of(id));
        let (Ok(fd), Some(clock)) = (i32::try_from(result), Clock::of(clock)) else { return };
        let Ok(counter) = self.process(id).descriptor(fd) else { return };
        let Some(counter_id) = counter_id(&counter) else {
            self.note_of(node, "uses timer descriptors, which this kernel is too old to simulate");
            return;
        };
        let timer = Timer::new(clock, TimerAction::Count { process, fd });
        self.timers(node).insert(TimerId::Descriptor(counter_id), timer);
    }

    pub(super) fn timerfd_settime(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let (timer, counter) = match self.timer_of_descriptor(id, registers.arg(0) as i32) {
            Ok(found) => found,
            Err(error) => return self.answer(id, registers, error),
        };
        let is_absolute = registers.arg(1) as i32 & libc::TFD_TIMER_ABSTIME != 0;
        let (new, old) = (registers.arg(2), registers.arg(3));
        let result = self.change_timer(id, timer, Setting { new, old, fraction: Fraction::Nanos, is_absolute });
        if result == 0 && descriptors::poll([(&counter, libc::POLLIN)].into_iter())[0] & libc::POLLIN != 0 {
            // Setting the timer discards the expirations so far.
            let _ = fs::File::from(counter).read(&mut [0; 8]);
        }
        self.answer(id, registers, result)
    }

    pub(super) fn timerfd_gettime(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let result = match self.timer_of_descriptor(id, registers.arg(0) as i32) {
            Ok((timer, _)) => self.write_timer(id, timer, registers.arg(1), Fraction::Nanos),
            Err(error) => error,
        };
        self.answer(id, registers, result)
    }

    /// The timer of a descriptor, or the call's result if there is none.
    fn timer_of_descriptor(&mut self, id: ThreadId, fd: i32) -> Result<(TimerId, OwnedFd), i64> {
        let (process, node) = (self.process_of(id), self.node_of(id));
        let counter = self.process(id).descriptor(fd).map_err(|_| errno(libc::EBADF))?;
        let timer_id = counter_id(&counter).map(TimerId::Descriptor).ok_or(errno(libc::EINVAL))?;
        let timer = self.timers(node).get_mut(timer_id).ok_or(errno(libc::EINVAL))?;
        timer.set_action(TimerAction::Count { process, fd });
        Ok((timer_id, counter))
    }

    /// Sets a timer, and writes its former setting. Returns the call's result.
    fn change_timer(&mut self, id: ThreadId, timer: TimerId, setting: Setting) -> i64 {
        let (node, tid) = (self.node_of(id), self.tid(id));
        let Setting { new, old, fraction, is_absolute } = setting;
        let (Ok(interval), Ok(value)) = (memory::read_pair(tid, new), memory::read_pair(tid, new + 16)) else {
            return EFAULT;
        };
        let (Some(interval), Some(value)) = (fraction.to_nanos(interval), fraction.to_nanos(value)) else {
            return errno(libc::EINVAL);
        };
        if old != 0 {
            let result = self.write_timer(id, timer, old, fraction);
            if result != 0 {
                return result;
            }
        }
        let now = self.node_time(node);
        let Some(clock) = self.timers(node).get(timer).map(Timer::clock) else {
            return errno(libc::EINVAL);
        };
        let interval = self.lengthen_interval(node, timer, interval);
        let deadline = match value {
            0 => None,
            value if is_absolute => Some(self.time_at(node, clock, value)),
            value => Some(self.lengthen_short_wait(id, now.saturating_add(value))),
        };
        self.set_timer(node, timer, deadline, interval, is_absolute && clock == Clock::Wall);
        0
    }

    /// The interval that a timer really gets, with a remark if it differs from the requested one.
    fn lengthen_interval(&mut self, node: usize, timer: TimerId, interval: Nanos) -> Nanos {
        let acts = self.timers(node).get(timer).is_some_and(Timer::acts);
        if !acts || interval == 0 || interval >= SHORTEST_INTERVAL {
            return interval;
        }
        self.remark_of(
            node,
            &format!("sets a timer to expire every {interval} ns; in virtual time it expires every 100 µs"),
        );
        SHORTEST_INTERVAL
    }

    /// Writes a timer's setting. Returns the call's result.
    fn write_timer(&mut self, id: ThreadId, timer: TimerId, address: u64, fraction: Fraction) -> i64 {
        let node = self.node_of(id);
        let now = self.node_time(node);
        let setting = self.timers(node).get(timer).map_or([0, 0], |timer| timer.setting(now));
        let [interval, left] = setting.map(|nanos| fraction.split(nanos));
        let words = [interval[0], interval[1], left[0], left[1]];
        if memory::write_words(self.tid(id), address, &words).is_ok() { 0 } else { EFAULT }
    }

    /// `setitimer`, `getitimer` and `alarm`.
    pub(super) fn interval_timer(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        let (process, node) = (self.process_of(id), self.node_of(id));
        let which = if call == Call::Alarm { 0 } else { registers.arg(0) };
        let (clock, signal) = match which as i32 {
            libc::ITIMER_REAL => (Clock::Monotonic, libc::SIGALRM),
            libc::ITIMER_VIRTUAL => (Clock::Cpu, libc::SIGVTALRM),
            libc::ITIMER_PROF => (Clock::Cpu, libc::SIGPROF),
            _ => return self.answer(id, registers, errno(libc::EINVAL)),
        };
        let timer = TimerId::Interval(process, which as u8);
        let sent = TimerSignal { signal, timer: 0, value: 0 };
        let unset = Timer::new(clock, TimerAction::Signal { process, thread: None, sent });
        self.timers(node).get_or_insert(timer, unset);
        let fraction = Fraction::Micros;
        let result = match call {
            Call::Getitimer => self.write_timer(id, timer, registers.arg(1), fraction),
            Call::Setitimer => {
                let (new, old) = (registers.arg(1), registers.arg(2));
                self.change_timer(id, timer, Setting { new, old, fraction, is_absolute: false })
            }
            _ => self.set_alarm(node, timer, u64::from(registers.arg(0) as u32)),
        };
        self.answer(id, registers, result)
    }

    /// Sets the timer of `alarm`. Returns the call's result: the seconds that were left.
    fn set_alarm(&mut self, node: usize, timer: TimerId, seconds: u64) -> i64 {
        let now = self.node_time(node);
        let Some(timer) = self.timers(node).get_mut(timer) else { return 0 };
        let [_, left] = timer.setting(now);
        timer.set((seconds > 0).then(|| now.saturating_add(seconds * SECOND)), 0, false);
        left.div_ceil(SECOND) as i64
    }

    pub(super) fn timer_create(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let (process, node, tid) = (self.process_of(id), self.node_of(id), self.tid(id));
        let Some(clock) = Clock::of(registers.arg(0) as i32) else {
            return self.answer(id, registers, errno(libc::EINVAL));
        };
        let timer_id = self.timers(node).next_posix_id(process);
        // struct sigevent: value, signal, notification, thread.
        let event = match registers.arg(1) {
            0 => Ok([timer_id as u64, libc::SIGALRM as u64, 0]),
            at => memory::read_pair(tid, at)
                .and_then(|[value, signal]| Ok([value, signal, u64::from(memory::read_u32(tid, at + 16)?)])),
        };
        let Ok([value, signal_and_notification, thread]) = event else { return self.answer(id, registers, EFAULT) };
        let signal = signal_and_notification as u32 as i32;
        let action = match (signal_and_notification >> 32) as i32 {
            libc::SIGEV_NONE => TimerAction::Nothing,
            notification => {
                let to_thread = notification == libc::SIGEV_THREAD_ID;
                let thread = to_thread.then(|| self.tid_of_own_id(id, thread)).flatten();
                TimerAction::Signal { process, thread, sent: TimerSignal { signal, timer: timer_id, value } }
            }
        };
        if memory::write(tid, registers.arg(2), &timer_id.to_ne_bytes()).is_err() {
            return self.answer(id, registers, EFAULT);
        }
        self.timers(node).insert(TimerId::Posix(process, timer_id), Timer::new(clock, action));
        self.answer(id, registers, 0)
    }

    /// Finds a thread of a process by the id that it has in its own PID namespace.
    fn tid_of_own_id(&self, id: ThreadId, own_id: u64) -> Option<Tid> {
        self.tids_of_process(id).find(|tid| {
            let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            line.and_then(|line| line.split_whitespace().last()?.parse::<u64>().ok()) == Some(own_id)
        })
    }

    pub(super) fn timer_settime(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let timer = TimerId::Posix(self.process_of(id), registers.arg(0) as i32);
        let is_absolute = registers.arg(1) as i32 & libc::TIMER_ABSTIME != 0;
        let (new, old) = (registers.arg(2), registers.arg(3));
        let result = match self.timers(self.node_of(id)).get(timer) {
            Some(_) => self.change_timer(id, timer, Setting { new, old, fraction: Fraction::Nanos, is_absolute }),
            None => errno(libc::EINVAL),
        };
        self.answer(id, registers, result)
    }

    /// `timer_gettime`, `timer_getoverrun` and `timer_delete`.
    pub(super) fn other_timer_call(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        let node = self.node_of(id);
        let timer = TimerId::Posix(self.process_of(id), registers.arg(0) as i32);
        let result = match call {
            _ if self.timers(node).get(timer).is_none() => errno(libc::EINVAL),
            Call::TimerGettime => self.write_timer(id, timer, registers.arg(1), Fraction::Nanos),
            Call::TimerDelete => {
                self.timers(node).remove(timer);
                0
            }
            _ => 0,
        };
        self.answer(id, registers, result)
    }
}
