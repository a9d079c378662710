//! Sockets: their time limits, and the addresses that they use.
//!
//! A program sets a socket's time limits once (`SO_RCVTIMEO`, `SO_SNDTIMEO`). They apply to all later calls of all processes
//! that share the socket. So the kernel stores them, but increased by [`ADDED_SECONDS`]: no limit ever expires in real time.

use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::calls::answer::errno;
use crate::machine::Machine;
use crate::machine::files::PollTarget;
use crate::machine::scheduler::{CONTINUE, Outcome};
use crate::machine::thread::ThreadId;
use crate::time::Nanos;
use crate::tracee::arch::Call;
use crate::tracee::descriptors::{self, Timeout};
use crate::tracee::memory::{self, EFAULT, Fraction};
use crate::tracee::registers::Registers;

/// Seconds that are added to a time limit: about nine thousand years.
const ADDED_SECONDS: u64 = 1 << 38;
/// Length of a `struct timeval`.
const TIMEVAL: u32 = 16;

/// Returns a socket's time limit as the program has set it: seconds and microseconds.
fn program_limit(file: &OwnedFd, which: Timeout) -> Option<[u64; 2]> {
    let stored = descriptors::socket_timeout(file, which).ok()?;
    let seconds = stored.as_secs();
    Some([seconds.checked_sub(ADDED_SECONDS).unwrap_or(seconds), stored.subsec_micros().into()])
}

/// How long calls on a file may wait; `None` if it is not a socket or has no limit.
pub(super) fn time_limit(file: &OwnedFd, which: Timeout) -> Option<Nanos> {
    Fraction::Micros.to_nanos(program_limit(file, which)?).filter(|limit| *limit > 0)
}

/// The time limit that an option of a socket sets.
fn which(option: u64) -> Timeout {
    const SO_RCVTIMEO_NEW: i32 = 66;
    match option as i32 {
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => Timeout::Recv,
        _ => Timeout::Send,
    }
}

impl Machine {
    /// `setsockopt` for a time limit.
    pub(in crate::calls) fn set_socket_option(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        if registers.arg(1) as i32 != libc::SOL_SOCKET || (registers.arg(4) as u32) < TIMEVAL {
            return CONTINUE;
        }
        let Ok([seconds, micros]) = memory::read_pair(self.tid(id), registers.arg(3)) else { return CONTINUE };
        // The kernel reports invalid arguments, and removes a limit of zero.
        let limit = Fraction::Micros.to_nanos([seconds, micros]);
        if limit.is_none_or(|limit| limit == 0) || seconds >= ADDED_SECONDS {
            return CONTINUE;
        }
        let target = self.poll_target(id, registers.arg(0) as i32, libc::POLLIN);
        let PollTarget::File(file, _) = target else { return CONTINUE };
        let stored = Duration::new(seconds + ADDED_SECONDS, micros as u32 * 1_000);
        let result = match descriptors::set_socket_timeout(&file, which(registers.arg(2)), stored) {
            Ok(()) => 0,
            Err(error) => errno(error.raw_os_error().unwrap_or(libc::EINVAL)),
        };
        self.answer(id, registers, result)
    }

    /// `getsockopt` for a time limit.
    pub(in crate::calls) fn get_socket_option(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let tid = self.tid(id);
        let target = self.poll_target(id, registers.arg(0) as i32, libc::POLLIN);
        let PollTarget::File(file, _) = target else { return CONTINUE };
        let Ok(room) = memory::read_u32(tid, registers.arg(4)) else { return CONTINUE };
        if registers.arg(1) as i32 != libc::SOL_SOCKET || room > i32::MAX as u32 {
            return CONTINUE;
        }
        let Some(words) = program_limit(&file, which(registers.arg(2))) else { return CONTINUE };
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).take(room as usize).collect();
        let written = memory::write(tid, registers.arg(3), &bytes)
            .and_then(|()| memory::write(tid, registers.arg(4), &room.min(TIMEVAL).to_ne_bytes()));
        self.answer(id, registers, written.map_or(EFAULT, |()| 0))
    }

    /// `connect` and `bind`. Network sockets are outside the simulation. A socket bound to a port that the kernel chooses is
    /// harmless, because nobody outside knows the port; the runtime of Erlang makes one at its start.
    pub(in crate::calls) fn use_address(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        let address = memory::read_u32(self.tid(id), registers.arg(1)).unwrap_or(0);
        let [family, port] = [address & 0xffff, address >> 16];
        let is_private = call == Call::Bind && port == 0;
        if !is_private && (family as i32 == libc::AF_INET || family as i32 == libc::AF_INET6) {
            self.note_of(self.node_of(id), "uses a network socket, whose input is not simulated");
        }
        CONTINUE
    }
}
