//! Threads that fall asleep in the kernel after all: in calls that are not trapped, most of them writes.
//!
//! Whether a write has to wait is seldom worth a stop. So it is made, and if it does wait, the [watchdog](crate::machine::watchdog)
//! finds the thread asleep and nudges it: the kernel takes the thread out of its sleep, as for any signal. From then on
//! the thread waits in our books like all others, and makes its call again when it may succeed. The program learns
//! nothing of it; if a part was written already, the rest is written before the call returns.

use crate::Nanos;
use crate::calls::errno;
use crate::calls::sockets;
use crate::machine::Machine;
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{AtExit, Place, Source, State, ThreadId, Wait, What};
use crate::tracee::arch::Registers;
use crate::tracee::sys;

/// Results by which the kernel tells itself that a call is to be restarted.
const RESTARTS: std::ops::RangeInclusive<i64> = -516..=-512;

/// Calls that write to the file that they name first.
const WRITES: [i64; 6] =
    [libc::SYS_write, libc::SYS_writev, libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg, libc::SYS_sendfile];

/// Whether a call's second and third arguments are what it writes and how much.
fn is_plain_write(number: i64) -> bool {
    [libc::SYS_write, libc::SYS_sendto].contains(&number)
}

impl Machine {
    /// A thread was found asleep in the kernel, in a call that nobody foresaw, and fetched out of it.
    pub(crate) fn on_foreign_sleep(&mut self, id: ThreadId) -> Step {
        let registers = sys::registers(self.threads[id].tid)?;
        if registers.number() < 0 {
            return ON;
        }
        let deadline = self.foreign_deadline(id, &registers);
        if registers.result() >= 0
            && !(is_plain_write(registers.number()) && self.write_the_rest(id, registers, deadline)?)
        {
            return ON;
        }
        self.go_on_or_hold(id, registers, deadline)
    }

    /// When a call in which a thread sleeps is to time out.
    fn foreign_deadline(&mut self, id: ThreadId, registers: &Registers) -> Option<Nanos> {
        let number = registers.number();
        match &self.threads[id].at_exit {
            Some(AtExit::Written { deadline, .. }) => return *deadline,
            _ if number == libc::SYS_connect => {
                if let Some(before) = self.threads[id].interrupted.take() {
                    return before.deadline;
                }
            }
            _ if WRITES.contains(&number) => {}
            _ => return None,
        }
        let Source::File(file, _) = self.source(id, registers.arg(0) as i32, libc::POLLOUT) else { return None };
        let limit = sockets::timeout(&file, libc::SO_SNDTIMEO)?;
        Some(self.node_time(self.threads[id].node).saturating_add(limit))
    }

    /// Lets a thread make its call again if there is room for it now, else keeps it.
    fn go_on_or_hold(&mut self, id: ThreadId, registers: Registers, deadline: Option<Nanos>) -> Step {
        let what = match self.source(id, registers.arg(0) as i32, libc::POLLOUT) {
            source @ Source::File(..) if WRITES.contains(&registers.number()) => What::Files(vec![source]),
            _ => What::Again,
        };
        let mut wait = Wait::new(registers, deadline, what);
        wait.place = Place::Fetched;
        let node = self.threads[id].node;
        // Most likely its output did not fit in the pipe.
        if !self.collect(node) {
            self.hold(id, wait);
        } else if self.nodes[node].paused {
            self.make_ready(id, State::Recheck(wait));
        } else {
            return self.make_call(id, wait);
        }
        Ok(Next::Over)
    }

    /// A write that was put together stands at the end of another part.
    pub(crate) fn on_part_written(
        &mut self,
        id: ThreadId,
        mut registers: Registers,
        done: u64,
        deadline: Option<Nanos>,
        now: Registers,
    ) -> Step {
        // Interrupted again, perhaps before anything was written.
        let interrupted = RESTARTS.contains(&now.result()) || now.result() == errno(libc::EINTR);
        let more = now.result().max(0) as u64;
        if interrupted || (more > 0 && done + more < registers.arg(2)) {
            self.threads[id].at_exit = Some(AtExit::Written { registers, done, deadline, entered: true });
            self.write_the_rest(id, now, deadline)?;
            return self.go_on_or_hold(id, registers, deadline);
        }
        // An error now is one to be seen at the next write.
        registers.set_result(done as i64 + now.result().max(0));
        sys::set_registers(self.threads[id].tid, &registers)?;
        ON
    }

    /// A write was interrupted when it had written a part, which without us would not have happened: arranges for it
    /// to write the rest, and to return the whole in the end. False if it has written everything.
    fn write_the_rest(
        &mut self,
        id: ThreadId,
        mut registers: Registers,
        deadline: Option<Nanos>,
    ) -> std::io::Result<bool> {
        let (mut original, mut done) = (registers, 0);
        if let Some(AtExit::Written { registers, done: before, .. }) = &self.threads[id].at_exit {
            (original, done) = (*registers, *before);
        }
        done += registers.result().max(0) as u64;
        if done >= original.arg(2) {
            return Ok(false);
        }
        let number = registers.number();
        registers.set_arg(1, original.arg(1) + done);
        registers.set_arg(2, original.arg(2) - done);
        registers.rewind(number);
        sys::set_registers(self.threads[id].tid, &registers)?;
        original.set_behind_call(registers.instruction());
        self.threads[id].at_exit = Some(AtExit::Written { registers: original, done, deadline, entered: false });
        Ok(true)
    }

    /// If a thread is to write the rest of something: it is not to any more. The registers of the whole call, and what
    /// that returns.
    pub(crate) fn cancel_rest(&mut self, id: ThreadId) -> Option<(Registers, i64)> {
        match self.threads[id].at_exit.take() {
            Some(AtExit::Written { registers, done, .. }) => Some((registers, done as i64)),
            other => {
                self.threads[id].at_exit = other;
                None
            }
        }
    }
}
