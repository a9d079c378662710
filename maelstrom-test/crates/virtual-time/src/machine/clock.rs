//! Clocks and sleeps.
//!
//! A node's clock shows the machine's time, plus a little for each time it was read since the machine's clock last
//! moved. So two readings always differ, while the machine itself jumps from one event to the next exactly.

use crate::Nanos;
use crate::calls::errno;
use crate::calls::nonblocking::{is_file_lock, timed_out};
use crate::machine::Machine;
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{State, ThreadId, Wait, What};
use crate::tracee::arch::{Call, Registers};
use crate::tracee::memory;

/// What reading a clock costs. The code that programs read the clock with, `arch::CLOCK_READER`, has the same number.
pub(crate) const READING: Nanos = 40;
/// The monotonic clock at the start of the run: the machine was switched on an hour ago.
pub(crate) const BOOT: Nanos = 3_600_000_000_000;
/// The wall clock at the start of the run: 2026-01-01 00:00:00 UTC.
pub(crate) const EPOCH: Nanos = 1_767_225_600_000_000_000;
/// International atomic time is ahead of UTC by so much.
const TAI: Nanos = 37_000_000_000;

pub(crate) const SECOND: u64 = 1_000_000_000;

/// What a clock of the system shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Wall,
    Tai,
    Monotonic,
    /// Processor time.
    Cpu,
}

impl Clock {
    /// By the system's number; `None` if there is no such clock.
    pub(crate) fn of(id: i32) -> Option<Clock> {
        match id {
            libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_REALTIME_ALARM => Some(Clock::Wall),
            libc::CLOCK_TAI => Some(Clock::Tai),
            libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_RAW
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME
            | libc::CLOCK_BOOTTIME_ALARM => Some(Clock::Monotonic),
            libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => Some(Clock::Cpu),
            // Clocks of other processes and threads, but not those of devices.
            id if id < 0 && id & 7 != 3 => Some(Clock::Cpu),
            _ => None,
        }
    }
}

impl Machine {
    /// What a node takes the time to be, in the machine's count.
    pub(crate) fn node_time(&mut self, node: usize) -> Nanos {
        let now = self.now;
        let node = &mut self.nodes[node];
        let page = node.life.as_mut().and_then(|life| life.page.as_mut());
        if let Some(page) = &page
            && page.readings() > 0
        {
            // What it has read by itself.
            let read = page.readings() * READING;
            node.clock = page.shown() + read;
            node.cpu += read;
        }
        node.clock = node.clock.max(now);
        if let Some(page) = page {
            page.show(node.clock);
        }
        node.clock
    }

    /// The same, after the node has looked at a clock.
    pub(crate) fn reading(&mut self, node: usize) -> Nanos {
        let time = self.node_time(node) + READING;
        let node = &mut self.nodes[node];
        node.clock = time;
        node.cpu += READING;
        if let Some(page) = node.life.as_mut().and_then(|life| life.page.as_mut()) {
            page.show(time);
        }
        time
    }

    /// What a clock shows a node at a time of the machine.
    pub(crate) fn shown(&self, node: usize, clock: Clock, time: Nanos) -> Nanos {
        let node = &self.nodes[node];
        match clock {
            Clock::Wall => (EPOCH + time).saturating_add_signed(node.skew),
            Clock::Tai => (EPOCH + time).saturating_add_signed(node.skew) + TAI,
            Clock::Monotonic => BOOT + time,
            Clock::Cpu => node.cpu,
        }
    }

    /// The machine's time at which a clock shows a node this.
    pub(crate) fn time_of(&self, node: usize, clock: Clock, shown: Nanos) -> Nanos {
        let skew = self.nodes[node].skew;
        match clock {
            Clock::Wall => shown.saturating_add_signed(skew.saturating_neg()).saturating_sub(EPOCH),
            Clock::Tai => shown.saturating_add_signed(skew.saturating_neg()).saturating_sub(EPOCH + TAI),
            Clock::Monotonic | Clock::Cpu => shown.saturating_sub(BOOT),
        }
    }

    pub(crate) fn clock_gettime(&mut self, id: ThreadId, registers: Registers) -> Step {
        let Some(clock) = Clock::of(registers.arg(0) as i32) else { return ON };
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let time = self.reading(node);
        let shown = memory::timespec(self.shown(node, clock, time));
        let written = memory::write_words(tid, registers.arg(1), &shown).map(|()| 0);
        self.answer_written(id, registers, written)
    }

    pub(crate) fn gettimeofday(&mut self, id: ThreadId, registers: Registers) -> Step {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let time = self.reading(node);
        let shown = memory::timeval(self.shown(node, Clock::Wall, time));
        let write = |address: u64, words: &[u64]| match address {
            0 => Ok(()),
            address => memory::write_words(tid, address, words),
        };
        // The time zone, two 32-bit numbers, is long out of use.
        let written = write(registers.arg(0), &shown).and_then(|()| write(registers.arg(1), &[0])).map(|()| 0);
        self.answer_written(id, registers, written)
    }

    pub(crate) fn time(&mut self, id: ThreadId, registers: Registers) -> Step {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let time = self.reading(node);
        let shown = self.shown(node, Clock::Wall, time) / SECOND;
        let written = match registers.arg(0) {
            0 => Ok(()),
            address => memory::write_words(tid, address, &[shown]),
        };
        self.answer_written(id, registers, written.map(|()| shown as i64))
    }

    /// `nanosleep` and `clock_nanosleep`.
    pub(crate) fn sleep(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Step {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let (clock, absolute, address) = match call {
            Call::Nanosleep => (Some(Clock::Monotonic), false, registers.arg(0)),
            _ => (
                Clock::of(registers.arg(0) as i32),
                registers.arg(1) as i32 & libc::TIMER_ABSTIME != 0,
                registers.arg(2),
            ),
        };
        // What is wrong with the call is the kernel's to say.
        let Some(clock) = clock else { return ON };
        let Some(span) = memory::read_pair(tid, address).ok().and_then(|pair| memory::time(pair, SECOND)) else {
            return ON;
        };
        let now = self.node_time(node);
        let deadline = match interrupted {
            Some(Wait { deadline: Some(deadline), .. }) => deadline,
            _ if absolute => self.time_of(node, clock, span),
            _ => now.saturating_add(span),
        };
        let deadline = self.short_wait(id, deadline);
        if deadline <= now {
            // Often meant as: let others go first.
            self.prepare_answer(id, registers, 0)?;
            self.make_ready(id, State::Ready(crate::machine::table::Go::ON));
            return Ok(Next::Over);
        }
        let mut wait = Wait::new(registers, Some(deadline), What::Sleep);
        wait.wall = absolute && matches!(clock, Clock::Wall | Clock::Tai);
        self.hold(id, wait);
        Ok(Next::Over)
    }

    /// Writes how much of an interrupted sleep is left, where the program wants to know.
    pub(crate) fn write_remaining_sleep(&mut self, id: ThreadId, wait: &Wait) {
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let registers = &wait.registers;
        let address = match registers.number() {
            libc::SYS_nanosleep => registers.arg(1),
            libc::SYS_clock_nanosleep if registers.arg(1) as i32 & libc::TIMER_ABSTIME == 0 => registers.arg(3),
            _ => return,
        };
        let left = wait.deadline.unwrap_or(0).saturating_sub(self.node_time(node));
        if address != 0 {
            // If it cannot be written, the kernel would say so; the sleep is over either way.
            let _ = memory::write_words(tid, address, &memory::timespec(left));
        }
    }

    /// Lets the timers of a node run out whose time has come.
    pub(crate) fn expire(&mut self, node: usize) {
        let now = self.now;
        let place = &mut self.nodes[node];
        if place.paused {
            return;
        }
        let Some(life) = &place.life else { return };
        if life.timers.next().is_some_and(|next| next <= now) {
            self.fire_timers(node);
        }
        while let Some(life) = &self.nodes[node].life
            && let Some((deadline, _, id)) = life.deadlines.first().copied()
            && deadline <= now
        {
            self.time_out(id);
        }
    }

    /// A thread has waited for as long as it wanted to.
    fn time_out(&mut self, id: ThreadId) {
        let State::Waiting(wait) = &self.threads[id].state else { return };
        match wait.what {
            What::Futexes(..) => self.wake(id, errno(libc::ETIMEDOUT)),
            What::Signal => self.wake(id, errno(libc::EAGAIN)),
            What::Again if is_file_lock(&wait.registers) => {
                if let Some(wait) = self.end_wait(id) {
                    self.make_ready(id, State::Recheck(wait));
                }
            }
            What::Nap => {
                if let Some(wait) = self.end_wait(id) {
                    self.make_ready(id, State::Recheck(wait));
                }
            }
            What::Rest(go) => {
                if self.end_wait(id).is_some() {
                    self.make_ready(id, State::Ready(go));
                }
            }
            What::Files(_) => self.time_out_files(id),
            What::Again => self.wake(id, timed_out(&wait.registers)),
            _ => self.wake(id, 0),
        }
    }

    /// A node's wall clock has jumped ahead by so much: waits for a time of day are over sooner.
    pub(crate) fn shift_wall_deadlines(&mut self, node: usize, by: i64) {
        let Some(life) = &mut self.nodes[node].life else { return };
        life.timers.shift(by);
        let deadlines = std::mem::take(&mut life.deadlines);
        for (mut deadline, number, id) in deadlines {
            if let State::Waiting(wait) = &mut self.threads[id].state
                && wait.wall
            {
                deadline = deadline.saturating_add_signed(by.saturating_neg());
                wait.deadline = Some(deadline);
            }
            self.life(node).deadlines.insert((deadline, number, id));
        }
        self.expire(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_told_apart() {
        assert_eq!(Clock::of(0), Some(Clock::Wall));
        assert_eq!(Clock::of(1), Some(Clock::Monotonic));
        assert_eq!(Clock::of(7), Some(Clock::Monotonic));
        assert_eq!(Clock::of(2), Some(Clock::Cpu));
        assert_eq!(Clock::of((!1234 << 3) | 2), Some(Clock::Cpu));
        assert_eq!(Clock::of((!5 << 3) | 3), None);
        assert_eq!(Clock::of(100), None);
    }
}
