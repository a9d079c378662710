//! Sockets: their time limits, and receiving many messages at once.
//!
//! A program sets a socket's time limits once (`SO_RCVTIMEO`, `SO_SNDTIMEO`), and they hold for all later calls of all
//! processes that share the socket. So the kernel is left to remember them; but what it remembers is longer by
//! [`FOR_EVER`], so that no limit ever runs out in real time.

use std::os::fd::OwnedFd;

use crate::Nanos;
use crate::calls::errno;
use crate::machine::Machine;
use crate::machine::backoff::HEAVY;
use crate::machine::clock::SECOND;
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{AtExit, Place, Source, ThreadId, Wait, What};
use crate::tracee::arch::{self, Call, Registers};
use crate::tracee::memory::{self, EFAULT};
use crate::tracee::sys;

/// Seconds that are added to a time limit: some ten thousand years.
const FOR_EVER: u64 = 1 << 38;
const MICROSECONDS: u64 = 1_000_000;
/// Length of a `struct timeval`.
const TIMEVAL: u32 = 16;
/// Length of a `struct mmsghdr`.
const MESSAGE: u64 = 64;
/// The kernel receives no more messages than this in one call.
const MESSAGES: u64 = 1024;

/// How long calls on a socket may wait, if it is one and there is a limit.
pub(crate) fn timeout(file: &OwnedFd, option: i32) -> Option<Nanos> {
    let [seconds, fraction] = sys::socket_timeout(file, option).ok()?;
    memory::time([seconds.checked_sub(FOR_EVER).unwrap_or(seconds), fraction], MICROSECONDS).filter(|span| *span > 0)
}

/// Whether a wait is one of `recvmmsg`.
pub(crate) fn is_for_messages(wait: &Wait) -> bool {
    arch::call(wait.registers.number()) == Some(Call::Recvmmsg)
}

/// Whether a `recvmmsg` on this socket never waits.
fn must_not_wait(file: &OwnedFd, registers: &Registers) -> bool {
    registers.arg(3) as i32 & libc::MSG_DONTWAIT != 0 || sys::file_flags(file) & libc::O_NONBLOCK != 0
}

impl Machine {
    /// `setsockopt` for a time limit.
    pub(crate) fn set_socket_option(&mut self, id: ThreadId, registers: Registers) -> Step {
        let tid = self.threads[id].tid;
        if registers.arg(1) as i32 != libc::SOL_SOCKET || (registers.arg(4) as u32) < TIMEVAL {
            return ON;
        }
        let Ok([seconds, fraction]) = memory::read_pair(tid, registers.arg(3)) else { return ON };
        // What is wrong with it is the kernel's to say; and no limit is no limit.
        let span = memory::time([seconds, fraction], MICROSECONDS);
        if span.is_none_or(|span| span == 0) || seconds >= FOR_EVER {
            return ON;
        }
        let Source::File(file, _) = self.source(id, registers.arg(0) as i32, libc::POLLIN) else { return ON };
        let set = sys::set_socket_timeout(&file, registers.arg(2) as i32, [seconds + FOR_EVER, fraction]);
        let result = set.map_or_else(|error| errno(error.raw_os_error().unwrap_or(libc::EINVAL)), |()| 0);
        self.answer(id, registers, result)
    }

    /// `getsockopt` for a time limit.
    pub(crate) fn socket_option(&mut self, id: ThreadId, registers: Registers) -> Step {
        let tid = self.threads[id].tid;
        let Source::File(file, _) = self.source(id, registers.arg(0) as i32, libc::POLLIN) else { return ON };
        let Ok(room) = memory::read_u32(tid, registers.arg(4)) else { return ON };
        if registers.arg(1) as i32 != libc::SOL_SOCKET || room > i32::MAX as u32 {
            return ON;
        }
        let Ok([seconds, fraction]) = sys::socket_timeout(&file, registers.arg(2) as i32) else { return ON };
        let words = [seconds.checked_sub(FOR_EVER).unwrap_or(seconds), fraction];
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).take(room as usize).collect();
        let written = memory::write(tid, registers.arg(3), &bytes)
            .and_then(|()| memory::write(tid, registers.arg(4), &room.min(TIMEVAL).to_ne_bytes()));
        self.answer(id, registers, written.map_or(EFAULT, |()| 0))
    }

    /// `recvmmsg`. Its time limit is taken at its word; the kernel itself looks at it only when a message has come.
    pub(crate) fn receive_messages(&mut self, id: ThreadId, registers: Registers, interrupted: Option<Wait>) -> Step {
        let (node, tid, limit) = (self.threads[id].node, self.threads[id].tid, registers.arg(4));
        let source = self.source(id, registers.arg(0) as i32, libc::POLLIN);
        let Source::File(file, _) = &source else { return ON };
        if registers.arg(2) as u32 == 0 {
            return ON;
        }
        let nonblocking = must_not_wait(file, &registers);
        let per_message = timeout(file, libc::SO_RCVTIMEO);
        let overall = match limit {
            0 => None,
            limit => match memory::read_pair(tid, limit).ok().and_then(|pair| memory::time(pair, SECOND)) {
                Some(span) => Some(span),
                None => return ON,
            },
        };
        let now = self.node_time(node);
        let mut wait = Wait::new(registers, None, What::Files(vec![source]));
        if nonblocking {
            wait.deadline = self.empty_call(id, HEAVY);
            if wait.deadline.is_none() {
                return self.receive_now(id, wait);
            }
        } else if let Some(before) = interrupted {
            (wait.deadline, wait.done) = (before.deadline, before.done);
        } else {
            wait.deadline = overall.into_iter().chain(per_message).min().map(|span| now.saturating_add(span));
        }
        self.wait_for_files(id, wait, true)
    }

    /// Receives the messages that are there.
    pub(crate) fn receive_now(&mut self, id: ThreadId, wait: Wait) -> Step {
        let mut altered = wait.registers;
        altered.set_arg(1, altered.arg(1) + wait.done * MESSAGE);
        altered.set_arg(2, altered.arg(2) as u32 as u64 - wait.done);
        altered.set_arg(3, altered.arg(3) | libc::MSG_DONTWAIT as u64);
        altered.set_arg(4, 0);
        self.alter(id, &altered, AtExit::Received(wait))
    }

    /// It has: it may want more, and have the time to wait for them.
    pub(crate) fn on_received(&mut self, id: ThreadId, mut wait: Wait, result: i64) -> Step {
        let mut registers = wait.registers;
        let nothing = result == errno(libc::EAGAIN);
        let done = wait.done + result.max(0) as u64;
        let now = self.node_time(self.threads[id].node);
        let wanted = u64::from(registers.arg(2) as u32).min(MESSAGES);
        let waits_for_all = registers.arg(3) as i32 & libc::MSG_WAITFORONE == 0;
        let What::Files(sources) = &wait.what else { unreachable!("it waits for a file") };
        let nonblocking = matches!(&sources[..], [Source::File(file, _)] if must_not_wait(file, &registers));
        let goes_on = (result >= 0 || nothing)
            && !nonblocking
            && (done == 0 || waits_for_all && done < wanted)
            && wait.deadline.is_none_or(|deadline| now < deadline);
        if goes_on {
            (wait.done, wait.place) = (done, Place::Behind);
            self.hold(id, wait);
            return Ok(Next::Over);
        }
        let result = if done > 0 { self.received(id, &wait, done) } else { result };
        registers.set_result(result);
        sys::set_registers(self.threads[id].tid, &registers)?;
        ON
    }

    /// So many messages are what a call ends with: writes the time that is left. Returns the call's result.
    pub(crate) fn received(&mut self, id: ThreadId, wait: &Wait, done: u64) -> i64 {
        let (node, tid, limit) = (self.threads[id].node, self.threads[id].tid, wait.registers.arg(4));
        if limit != 0 {
            let left = wait.deadline.unwrap_or(0).saturating_sub(self.node_time(node));
            // The kernel says so if this is not writable; but the messages have been received.
            let _ = memory::write_words(tid, limit, &memory::timespec(left));
        }
        done as i64
    }
}
