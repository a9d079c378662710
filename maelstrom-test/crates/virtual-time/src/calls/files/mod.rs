//! Calls that wait for files: `read`, `epoll_wait`, `poll`, `select` and others.
//!
//! Whether such a call would block is checked from outside, with the tracer's own descriptors for the files. The call is
//! executed only when it will not block. `poll` and `select` are answered, because the kernel would return the remaining
//! real time.
//!
//! ```text
//!   this file ──► waits ──► poll_sets, recvmmsg, partial_writes
//!       └──► sockets            ▲
//!   untraced ───────────────────┘
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | this file | how each call begins |
//! | [`waits`] | blocking until a file is ready, and what follows |
//! | [`poll_sets`] | the arguments of `poll` and `select` in memory |
//! | [`recvmmsg`] | receiving several messages with one call |
//! | [`sockets`] | time limits of sockets; addresses |
//! | [`partial_writes`] | writes that are completed after an interruption |
//! | [`untraced`] | untraced calls that block in the kernel |

pub(crate) mod partial_writes;
pub(crate) mod poll_sets;
pub(crate) mod recvmmsg;
pub(crate) mod sockets;
pub(crate) mod untraced;
pub(crate) mod waits;

use crate::machine::Machine;
use crate::machine::backoff::FULL_WEIGHT;
use crate::machine::clock::Clock;
use crate::machine::files::PollTarget;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{ThreadId, Until, Wait};
use crate::time::Nanos;
use crate::tracee::arch::Call;
use crate::tracee::descriptors::{self, Timeout};
use crate::tracee::memory::{self, Fraction};
use crate::tracee::registers::Registers;

use poll_sets::LimitPlace;

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeLimit {
    /// The call does not wait.
    Zero,
    Until(Nanos),
    None,
}

impl Machine {
    /// Calls that wait for input of one file.
    pub(super) fn read(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let fd = registers.arg(0) as i32;
        if self.special_files(id).random.contains(&fd)
            && let Some(outcome) = self.read_random(id, registers, call)
        {
            return outcome;
        }
        let dont_wait = match call {
            Call::Recvfrom => registers.arg(3) as i32 & libc::MSG_DONTWAIT != 0,
            Call::Recvmsg => registers.arg(2) as i32 & libc::MSG_DONTWAIT != 0,
            Call::Splice => registers.arg(5) & u64::from(libc::SPLICE_F_NONBLOCK) != 0,
            _ => false,
        };
        let mut target = self.poll_target(id, fd, IN);
        if matches!(target, PollTarget::File(..)) {
            // Most reads find something. So this is checked first, and all else only if there is nothing.
            if self.poll_files(id, std::slice::from_ref(&target))[0] != 0 {
                self.polling(id).succeeded();
                return CONTINUE;
            }
            if self.is_input_copy(id, fd) {
                target = PollTarget::Input(IN);
            }
        }
        let mut deadline = None;
        let is_known_empty = matches!(target, PollTarget::Input(_));
        let nonblocking = match &target {
            PollTarget::Unknown(_) => return CONTINUE,
            PollTarget::Input(_) => {
                let input = self.input(id);
                if input.is_readable() {
                    self.polling(id).succeeded();
                    return CONTINUE;
                }
                input.is_nonblocking()
            }
            PollTarget::File(file, _) => {
                let nonblocking = descriptors::is_nonblocking(file);
                if !nonblocking && let Some(limit) = sockets::time_limit(file, Timeout::Recv) {
                    deadline = Some(self.node_time(self.node_of(id)).saturating_add(limit));
                }
                nonblocking
            }
        };
        if nonblocking || dont_wait {
            deadline = self.count_idle_call(id, FULL_WEIGHT);
            if deadline.is_none() {
                return CONTINUE;
            }
        } else {
            self.polling(id).succeeded();
        }
        let deadline = interrupted.map_or(deadline, |wait| wait.deadline);
        let wait = Wait::new(registers, deadline, Until::FileReady(vec![target]));
        if is_known_empty {
            self.block(id, wait);
            return Ok(Next::TurnOver);
        }
        self.wait_for_files(id, wait, true)
    }

    /// `recvmmsg`. Its time limit is applied as documented. The kernel itself checks it only when a message has arrived.
    pub(super) fn receive_messages(
        &mut self,
        id: ThreadId,
        registers: Registers,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let target = self.poll_target(id, registers.arg(0) as i32, IN);
        let PollTarget::File(file, _) = &target else { return CONTINUE };
        if registers.arg(2) as u32 == 0 {
            return CONTINUE;
        }
        let nonblocking = recvmmsg::is_nonblocking(file, &registers);
        let per_message = sockets::time_limit(file, Timeout::Recv);
        let overall = match registers.arg(4) {
            0 => None,
            limit => match memory::read_timespec(self.tid(id), limit) {
                Some(limit) => Some(limit),
                None => return CONTINUE,
            },
        };
        let now = self.node_time(self.node_of(id));
        let mut wait = Wait::new(registers, None, Until::FileReady(vec![target]));
        if nonblocking {
            wait.deadline = self.count_idle_call(id, FULL_WEIGHT);
            if wait.deadline.is_none() {
                return self.receive_now(id, wait);
            }
        } else if let Some(before) = interrupted {
            (wait.deadline, wait.done) = (before.deadline, before.done);
        } else {
            wait.deadline = overall.into_iter().chain(per_message).min().map(|limit| now.saturating_add(limit));
        }
        self.wait_for_files(id, wait, true)
    }

    /// `mq_timedsend` and `mq_timedreceive`.
    pub(super) fn message_queue(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let events = if call == Call::MqTimedsend { OUT } else { IN };
        let target = self.poll_target(id, registers.arg(0) as i32, events);
        let PollTarget::File(file, _) = &target else { return CONTINUE };
        if descriptors::is_nonblocking(file) {
            return CONTINUE;
        }
        let mut deadline = None;
        if registers.arg(4) != 0 {
            // The kernel reports an invalid time.
            let Some(time) = memory::read_timespec(self.tid(id), registers.arg(4)) else { return CONTINUE };
            deadline = Some(self.time_at(self.node_of(id), Clock::Wall, time));
        }
        let deadline = interrupted.map_or(deadline, |wait| wait.deadline);
        let mut wait = Wait::new(registers, deadline, Until::FileReady(vec![target]));
        wait.follows_wall_clock = deadline.is_some();
        self.wait_for_files(id, wait, true)
    }

    pub(super) fn epoll(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let target = self.poll_target(id, registers.arg(0) as i32, IN);
        if matches!(target, PollTarget::Unknown(_)) {
            return CONTINUE;
        }
        let limit = match call {
            Call::EpollPwait2 => self.time_limit(id, registers.arg(3), Fraction::Nanos),
            _ => Some(self.time_limit_in_milliseconds(id, registers.arg(3))),
        };
        let Some(limit) = limit else { return CONTINUE };
        self.wait_with_limit(id, Wait::new(registers, None, Until::FileReady(vec![target])), limit, interrupted)
    }

    pub(super) fn poll(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        const ALWAYS_REPORTED: i16 = libc::POLLERR | libc::POLLHUP;
        let place = (call == Call::Ppoll).then(|| LimitPlace { address: registers.arg(2), fraction: Fraction::Nanos });
        // The kernel reports a fault and invalid arguments.
        let Ok(arguments) = poll_sets::read_poll(self.tid(id), &registers, place) else { return CONTINUE };
        let limit = match place {
            Some(place) => self.time_limit_of(id, arguments.limit, place.fraction),
            None => Some(self.time_limit_in_milliseconds(id, registers.arg(2))),
        };
        let Some(limit) = limit else { return CONTINUE };
        let targets = poll_sets::poll_entries(&arguments.sets).map(|(fd, events)| match fd {
            ..0 => PollTarget::Unknown(0),
            fd => match self.poll_target(id, fd, events) {
                PollTarget::Unknown(_) => PollTarget::Unknown(libc::POLLNVAL),
                PollTarget::File(file, events) => PollTarget::File(file, events | ALWAYS_REPORTED),
                input => input,
            },
        });
        let wait = Wait::new(registers, None, Until::FileReady(targets.collect()));
        self.wait_with_limit(id, wait, limit, interrupted)
    }

    pub(super) fn select(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Outcome {
        let fraction = if call == Call::Select { Fraction::Micros } else { Fraction::Nanos };
        let place = LimitPlace { address: registers.arg(4), fraction };
        // The kernel reports a fault and invalid arguments.
        let Ok(arguments) = poll_sets::read_select(self.tid(id), &registers, place) else { return CONTINUE };
        let Some(limit) = self.time_limit_of(id, arguments.limit, fraction) else { return CONTINUE };
        let mut targets = Vec::new();
        for (fd, events) in poll_sets::select_entries(&arguments.sets, &registers) {
            match self.poll_target(id, fd, events) {
                // The kernel reports a bad descriptor at once.
                PollTarget::Unknown(_) => return CONTINUE,
                target => targets.push(target),
            }
        }
        let mut wait = Wait::new(registers, None, Until::FileReady(targets));
        wait.sets = arguments.sets;
        self.wait_with_limit(id, wait, limit, interrupted)
    }

    fn time_limit_in_milliseconds(&mut self, id: ThreadId, limit: u64) -> TimeLimit {
        match limit as i32 {
            ..0 => TimeLimit::None,
            0 => TimeLimit::Zero,
            limit => TimeLimit::Until(self.node_time(self.node_of(id)).saturating_add(limit as u64 * 1_000_000)),
        }
    }

    /// Reads a time limit from a `timespec` or `timeval`. `None` if the kernel would refuse it.
    fn time_limit(&mut self, id: ThreadId, address: u64, fraction: Fraction) -> Option<TimeLimit> {
        let pair = if address == 0 { None } else { Some(memory::read_pair(self.tid(id), address).ok()?) };
        self.time_limit_of(id, pair, fraction)
    }

    /// Converts a time limit, if there is one. `None` if the kernel would refuse it.
    fn time_limit_of(&mut self, id: ThreadId, pair: Option<[u64; 2]>, fraction: Fraction) -> Option<TimeLimit> {
        let Some(pair) = pair else { return Some(TimeLimit::None) };
        Some(match fraction.to_nanos(pair)? {
            0 => TimeLimit::Zero,
            limit => TimeLimit::Until(self.node_time(self.node_of(id)).saturating_add(limit)),
        })
    }

    fn wait_with_limit(
        &mut self,
        id: ThreadId,
        mut wait: Wait,
        limit: TimeLimit,
        interrupted: Option<Wait>,
    ) -> Outcome {
        if let TimeLimit::Until(deadline) = limit {
            let deadline = self.lengthen_short_wait(id, deadline);
            let is_new = interrupted.is_none();
            wait.deadline = interrupted.and_then(|wait| wait.deadline).or(Some(deadline));
            // Without files it is a sleep.
            if is_new && matches!(&wait.until, Until::FileReady(targets) if targets.is_empty()) {
                self.coalesce(id, &mut wait);
            }
        }
        self.wait_for_files(id, wait, limit != TimeLimit::Zero)
    }
}
