//! The clocks of a node, and the end of waits whose time has come.
//!
//! A node's clock shows the machine's time, plus a little for each read since the machine's clock last moved. So two reads
//! always differ, while the machine itself jumps from one event to the next exactly.

use super::Machine;
use crate::time::{CLOCK_READ_COST, Nanos, TAI_OFFSET, UPTIME_AT_START, WALL_CLOCK_AT_START};
use crate::tracee::clock_page::ClockPage;

/// What a clock of the system shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Wall,
    Tai,
    Monotonic,
    Cpu,
}

impl Clock {
    /// The clock with a number of the system; `None` if there is no such clock.
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
            // CPU-time clocks of other processes and threads, but not the clocks of devices.
            id if id < 0 && id & 7 != 3 => Some(Clock::Cpu),
            _ => None,
        }
    }
}

/// The clocks of a node.
#[derive(Default)]
pub(super) struct NodeClock {
    /// How far the wall clock is ahead.
    skew_ns: i64,
    /// The node's time, in the machine's count. It never goes back, and may be a little ahead of the machine's time.
    time: Nanos,
    /// What clock reads have added: the only CPU time in a world where computing takes none.
    cpu_time: Nanos,
    /// The clock that the node's processes read without a system call, if they can.
    page: Option<ClockPage>,
}

impl NodeClock {
    /// Makes the page of a new incarnation.
    pub(super) fn add_page(&mut self) {
        self.page = ClockPage::new(self.skew_ns).ok();
    }

    /// Removes the page of an incarnation that has ended.
    pub(super) fn remove_page(&mut self) {
        self.page = None;
    }

    pub(super) fn page(&mut self) -> Option<&mut ClockPage> {
        self.page.as_mut()
    }

    /// Returns the node's time, at a time of the machine.
    fn advance(&mut self, now: Nanos) -> Nanos {
        if let Some(page) = &self.page
            && page.reads() > 0
        {
            // Reads that made no system call.
            let read = page.reads() * CLOCK_READ_COST;
            self.time = page.base() + read;
            self.cpu_time += read;
        }
        self.set(self.time.max(now));
        self.time
    }

    /// The same, for a node that reads a clock.
    fn read(&mut self, now: Nanos) -> Nanos {
        let time = self.advance(now) + CLOCK_READ_COST;
        self.cpu_time += CLOCK_READ_COST;
        self.set(time);
        time
    }

    fn set(&mut self, time: Nanos) {
        self.time = time;
        if let Some(page) = &mut self.page {
            page.set_base(time);
        }
    }

    /// Moves the wall clock.
    fn bump(&mut self, by_ns: i64) {
        self.skew_ns = self.skew_ns.saturating_add(by_ns);
        if let Some(page) = &mut self.page {
            page.set_skew(self.skew_ns);
        }
    }

    /// What a clock shows at a time of the machine.
    fn shown(&self, clock: Clock, time: Nanos) -> Nanos {
        match clock {
            Clock::Wall => (WALL_CLOCK_AT_START + time).saturating_add_signed(self.skew_ns),
            Clock::Tai => (WALL_CLOCK_AT_START + time).saturating_add_signed(self.skew_ns) + TAI_OFFSET,
            Clock::Monotonic => UPTIME_AT_START + time,
            Clock::Cpu => self.cpu_time,
        }
    }

    /// The machine's time at which a clock shows a value.
    fn time_at(&self, clock: Clock, shown: Nanos) -> Nanos {
        let without_skew = shown.saturating_add_signed(self.skew_ns.saturating_neg());
        match clock {
            Clock::Wall => without_skew.saturating_sub(WALL_CLOCK_AT_START),
            Clock::Tai => without_skew.saturating_sub(WALL_CLOCK_AT_START + TAI_OFFSET),
            Clock::Monotonic | Clock::Cpu => shown.saturating_sub(UPTIME_AT_START),
        }
    }
}

impl Machine {
    /// Moves a node's wall clock. Its monotonic clock does not jump, as on a real computer.
    pub fn bump_clock(&mut self, node: usize, by_ns: i64) {
        self.nodes[node].clock.bump(by_ns);
        self.shift_wall_clock_deadlines(node, by_ns);
    }

    /// Corrects a node's wall clock.
    pub fn reset_clock(&mut self, node: usize) {
        self.bump_clock(node, self.nodes[node].clock.skew_ns.saturating_neg());
    }

    /// A node's time, in the machine's count.
    pub(crate) fn node_time(&mut self, node: usize) -> Nanos {
        self.nodes[node].clock.advance(self.now)
    }

    /// The same, for a node that reads a clock, which takes a few nanoseconds.
    pub(crate) fn read_clock(&mut self, node: usize) -> Nanos {
        self.nodes[node].clock.read(self.now)
    }

    /// What a clock of a node shows at a time of the machine.
    pub(crate) fn clock_shows(&self, node: usize, clock: Clock, time: Nanos) -> Nanos {
        self.nodes[node].clock.shown(clock, time)
    }

    /// The machine's time at which a clock of a node shows a value.
    pub(crate) fn time_at(&self, node: usize, clock: Clock, shown: Nanos) -> Nanos {
        self.nodes[node].clock.time_at(clock, shown)
    }

    /// Whether a node has read its clock page so often that the next read is a system call.
    pub(crate) fn clock_page_is_exhausted(&self, node: usize) -> bool {
        self.nodes[node].clock.page.as_ref().is_some_and(ClockPage::is_exhausted)
    }

    /// Ends the waits and fires the timers of a node whose time has come.
    pub(super) fn expire(&mut self, node: usize) {
        let now = self.now;
        if self.nodes[node].paused {
            return;
        }
        let Some(incarnation) = &self.nodes[node].incarnation else { return };
        if incarnation.timers.next().is_some_and(|next| next <= now) {
            self.fire_timers(node);
        }
        let handler = self.handler;
        while let Some(incarnation) = &self.nodes[node].incarnation
            && let Some((deadline, id)) = incarnation.waits.next_deadline()
            && deadline <= now
        {
            handler.on_timeout(self, id);
        }
    }

    /// A node's wall clock has jumped: waits for a time of day end earlier or later.
    fn shift_wall_clock_deadlines(&mut self, node: usize, by_ns: i64) {
        let Some(incarnation) = &mut self.nodes[node].incarnation else { return };
        incarnation.timers.shift(by_ns);
        incarnation.waits.change_deadlines(|id, mut deadline| {
            if let Some(wait) = self.threads[id].wait_mut()
                && wait.follows_wall_clock
            {
                deadline = deadline.saturating_add_signed(by_ns.saturating_neg());
                wait.deadline = Some(deadline);
            }
            deadline
        });
        self.expire(node);
        self.update_wakeup(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_found_by_their_numbers() {
        assert_eq!(Clock::of(0), Some(Clock::Wall));
        assert_eq!(Clock::of(1), Some(Clock::Monotonic));
        assert_eq!(Clock::of(7), Some(Clock::Monotonic));
        assert_eq!(Clock::of(2), Some(Clock::Cpu));
        assert_eq!(Clock::of((!1234 << 3) | 2), Some(Clock::Cpu));
        assert_eq!(Clock::of((!5 << 3) | 3), None);
        assert_eq!(Clock::of(100), None);
    }
}
