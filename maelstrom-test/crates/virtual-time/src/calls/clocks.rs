//! Reading clocks, and sleeping.

use crate::machine::Machine;
use crate::machine::clock::Clock;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{Resume, ThreadId, Until, Wait};
use crate::time::SECOND;
use crate::tracee::arch::Call;
use crate::tracee::memory::{self, Fraction};
use crate::tracee::registers::Registers;

impl Machine {
    pub(super) fn clock_gettime(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let Some(clock) = Clock::of(registers.arg(0) as i32) else { return CONTINUE };
        let node = self.node_of(id);
        let time = self.read_clock(node);
        let shown = self.clock_shows(node, clock, time);
        let written = memory::write_timespec(self.tid(id), registers.arg(1), shown).map(|()| 0);
        self.answer_written(id, registers, written)
    }

    pub(super) fn gettimeofday(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let (node, tid) = (self.node_of(id), self.tid(id));
        let time = self.read_clock(node);
        let shown = Fraction::Micros.split(self.clock_shows(node, Clock::Wall, time));
        let write = |address: u64, words: &[u64]| match address {
            0 => Ok(()),
            address => memory::write_words(tid, address, words),
        };
        // The time zone, two 32-bit numbers, is obsolete.
        let written = write(registers.arg(0), &shown).and_then(|()| write(registers.arg(1), &[0])).map(|()| 0);
        self.answer_written(id, registers, written)
    }

    pub(super) fn time(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let node = self.node_of(id);
        let time = self.read_clock(node);
        let shown = self.clock_shows(node, Clock::Wall, time) / SECOND;
        let written = match registers.arg(0) {
            0 => Ok(()),
            address => memory::write_words(self.tid(id), address, &[shown]),
        };
        self.answer_written(id, registers, written.map(|()| shown as i64))
    }

    /// `nanosleep` and `clock_nanosleep`.
    pub(super) fn sleep(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let (node, tid) = (self.node_of(id), self.tid(id));
        let (clock, is_absolute, address) = match call {
            Call::Nanosleep => (Some(Clock::Monotonic), false, registers.arg(0)),
            _ => (
                Clock::of(registers.arg(0) as i32),
                registers.arg(1) as i32 & libc::TIMER_ABSTIME != 0,
                registers.arg(2),
            ),
        };
        // The kernel reports invalid arguments.
        let Some(clock) = clock else { return CONTINUE };
        let Some(time) = memory::read_timespec(tid, address) else { return CONTINUE };
        let now = self.node_time(node);
        let is_new = interrupted.is_none();
        let deadline = match interrupted {
            Some(Wait { deadline: Some(deadline), .. }) => deadline,
            _ if is_absolute => self.time_at(node, clock, time),
            _ => now.saturating_add(time),
        };
        let deadline = self.lengthen_short_wait(id, deadline);
        if deadline <= now {
            // Programs often use this as a yield.
            self.skip_call(id, registers, 0)?;
            self.make_ready(id, Resume::CONTINUE);
            return Ok(Next::TurnOver);
        }
        let mut wait = Wait::new(registers, Some(deadline), Until::Deadline);
        wait.follows_wall_clock = is_absolute && matches!(clock, Clock::Wall | Clock::Tai);
        if is_new {
            self.coalesce(id, &mut wait);
        }
        self.block(id, wait);
        Ok(Next::TurnOver)
    }

    /// Writes the rest of an interrupted sleep, where the program asks for it.
    pub(super) fn write_remaining_sleep(&mut self, id: ThreadId, wait: &Wait) {
        let registers = &wait.registers;
        let address = match registers.number() {
            libc::SYS_nanosleep => registers.arg(1),
            libc::SYS_clock_nanosleep if registers.arg(1) as i32 & libc::TIMER_ABSTIME == 0 => registers.arg(3),
            _ => return,
        };
        let left = wait.deadline.unwrap_or(0).saturating_sub(self.node_time(self.node_of(id)));
        if address != 0 {
            // The kernel would report a failure. The sleep has ended in either case.
            let _ = memory::write_timespec(self.tid(id), address, left);
        }
    }
}
