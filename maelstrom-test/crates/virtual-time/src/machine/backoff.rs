//! Backoff: time passes for programs that poll or spin.
//!
//! Computing takes no virtual time. A program that polls in a loop would therefore poll forever within one instant, because
//! nothing can happen before time passes. Two counters make time pass:
//!
//! | counter | counts | limit | consequence |
//! | --- | --- | --- | --- |
//! | [`Polling`], of each thread | idle calls in a row | [`IDLE_CALLS`] | each further idle call is delayed |
//! | [`Activity`], of each node | stops within one instant | [`STOPS_PER_INSTANT`] | the running thread is throttled |
//!
//! An *idle call* is one that returned nothing: a poll with a timeout of zero, a read that finds nothing, a wait for a lock
//! or a child that ends at once, a read of a clock, a yield, or a sleep shorter than [`SHORT_WAIT`]. The second counter is
//! for a node whose processes send each other signals or bytes without end.
//!
//! A delay ends when what the thread polls for happens, and otherwise after a time that grows with the time for which the
//! program has been polling. First the delays double, up to a millisecond. Then each is an eighth of the time spent
//! polling. So a program that compares the clock with its own deadline is at most an eighth late, and never more than
//! [`LONGEST_DELAY`]. [`coalescing`](super::coalescing) is for programs that sleep between two polls.

use std::io;

use super::Machine;
use super::coalescing::IdleRounds;
use super::scheduler::Next;
use super::thread::{Resume, ThreadId, Until, Wait};
use crate::time::Nanos;
use crate::tracee::ptrace::{self, Stop};
use crate::tracee::registers::Registers;

/// The weight of idle calls that a thread may make in a row. Most calls have [`FULL_WEIGHT`], so 32 of them are allowed.
const IDLE_CALLS: u32 = 32 * FULL_WEIGHT;
/// What a thread keeps of this count if a call succeeds after it was delayed: it will go on polling.
const IDLE_CALLS_AFTER_SUCCESS: u32 = IDLE_CALLS - 8 * FULL_WEIGHT;
/// The weight of a call that only a program that polls makes.
pub(crate) const FULL_WEIGHT: u32 = 128;
/// The weight of a call that event loops make while they have work to do, so they may make more of them.
pub(crate) const EVENT_LOOP_WEIGHT: u32 = 64;
/// The weight of a clock read. It counts only after [`CLOCK_READS`] in a row, because a program may time everything it
/// does.
const CLOCK_READ_WEIGHT: u32 = FULL_WEIGHT / 16;
const CLOCK_READS: u32 = 2_000;

/// Sleeps and timeouts shorter than this count as idle calls.
pub(super) const SHORT_WAIT: Nanos = 100_000;
/// How long short waits can become if there are many in a row.
const LONGEST_SHORT_WAIT: Nanos = 1_000_000;

const FIRST_DELAY: Nanos = 10_000;
/// Delays double up to this one.
const LAST_DOUBLED_DELAY: Nanos = 1_000_000;
/// From there on, a delay is the time spent polling divided by this.
pub(super) const POLLING_PER_DELAY: Nanos = 8;
/// The longest delay of a thread that polls. The timeouts of such programs are of this order.
pub(super) const LONGEST_DELAY: Nanos = 5_000_000;
/// The same for a node that does not come to rest. Its timeouts are late in any case.
const BUSY_TIME_PER_THROTTLE: Nanos = 2;
const LONGEST_THROTTLE: Nanos = 100_000_000;

/// Stops of a node within one instant before its threads are throttled. Starting a large program takes thousands.
const STOPS_PER_INSTANT: u64 = 10_000;
/// Threads throttled within one instant before all others are throttled too. Without this limit, processes that start
/// other processes without end would all have to be throttled one by one.
const THROTTLES_PER_INSTANT: u32 = 4;
/// Making or ending a process or thread costs as much as this number of stops.
const STOPS_PER_PROCESS: u64 = 100;
/// The number of stops that is allowed at least, however often the node is throttled.
const MIN_STOPS_PER_INSTANT: u64 = 500;

/// The delay after polling for a time.
fn delay(polled_for: Nanos, polling_per_delay: Nanos, longest: Nanos) -> Nanos {
    (polled_for / polling_per_delay).max(polled_for.min(LAST_DOUBLED_DELAY)).clamp(FIRST_DELAY, longest)
}

/// How long a thread has been polling.
#[derive(Default)]
pub(crate) struct Polling {
    /// The weight of idle calls in a row.
    idle: u32,
    /// Traced calls in a row that read a clock.
    clock_reads: u32,
    /// When the thread was first delayed.
    since: Option<Nanos>,
    rounds: IdleRounds,
}

impl Polling {
    /// A call succeeded, or the thread truly waits.
    pub(crate) fn succeeded(&mut self) {
        self.rounds = IdleRounds::default();
        self.waits();
    }

    /// The thread waits for time to pass.
    fn waits(&mut self) {
        self.idle = if self.since.take().is_some() { IDLE_CALLS_AFTER_SUCCESS } else { 0 };
    }

    /// The rounds of polling and sleeping in a row.
    pub(super) fn rounds(&mut self) -> &mut IdleRounds {
        &mut self.rounds
    }

    /// Delays the thread at its next idle call.
    fn exhaust(&mut self) {
        self.idle = self.idle.max(IDLE_CALLS);
    }

    /// The thread has read a clock very often without a traced call.
    pub(crate) fn exhaust_clock_reads(&mut self) {
        self.clock_reads = self.clock_reads.max(CLOCK_READS);
        self.idle = self.idle.max(IDLE_CALLS + FULL_WEIGHT);
    }

    /// The thread makes a traced call that does not read a clock.
    pub(crate) fn count_other_call(&mut self) {
        self.clock_reads = 0;
    }

    /// Counts an idle call. Returns the delay, if too many came before.
    fn count(&mut self, weight: u32, now: Nanos) -> Option<Nanos> {
        self.idle = self.idle.saturating_add(weight);
        if self.idle <= IDLE_CALLS {
            return None;
        }
        // The next delay comes after a call of full weight, or several lighter ones.
        self.idle -= FULL_WEIGHT;
        Some(delay(now - *self.since.get_or_insert(now), POLLING_PER_DELAY, LONGEST_DELAY))
    }
}

/// How busy a node has been within the present instant.
pub(super) struct Activity {
    /// The machine's time.
    instant: Nanos,
    /// Stops since then, or since a thread was last throttled.
    stops: u64,
    /// The number of stops that is allowed.
    allowed: u64,
    /// When a thread was first throttled.
    since: Option<Nanos>,
    /// Threads that were throttled within this instant.
    throttles: u32,
    /// Threads that are throttled now.
    throttled: u64,
}

impl Default for Activity {
    fn default() -> Self {
        Activity { instant: 0, stops: 0, allowed: STOPS_PER_INSTANT, since: None, throttles: 0, throttled: 0 }
    }
}

impl Activity {
    pub(super) fn count(&mut self, stop: Stop) {
        self.stops += match stop {
            Stop::Clone | Stop::Vfork | Stop::Exec | Stop::Exited(_) => STOPS_PER_PROCESS,
            _ => 1,
        };
    }

    /// A thread begins to be throttled.
    pub(super) fn throttle_began(&mut self) {
        self.throttled += 1;
    }

    /// A thread is no longer throttled.
    pub(super) fn throttle_ended(&mut self) {
        self.throttled -= 1;
    }

    /// Starts to count again if time has passed since the node last ran.
    fn set_time(&mut self, now: Nanos) {
        if self.instant != now {
            if self.throttled == 0 && self.throttles == 0 {
                // The node came to rest without being throttled.
                (self.allowed, self.since) = (STOPS_PER_INSTANT, None);
            }
            (self.instant, self.stops, self.throttles) = (now, 0, 0);
        }
    }

    /// Returns for how long the running thread must be throttled, if it must.
    fn throttle(&mut self, now: Nanos) -> Option<Nanos> {
        self.set_time(now);
        if self.stops <= self.allowed && self.throttles < THROTTLES_PER_INSTANT {
            return None;
        }
        (self.stops, self.throttles) = (0, self.throttles + 1);
        self.allowed = (self.allowed / 2).max(MIN_STOPS_PER_INSTANT);
        Some(delay(now - *self.since.get_or_insert(now), BUSY_TIME_PER_THROTTLE, LONGEST_THROTTLE))
    }
}

impl Machine {
    /// The polling state of a thread.
    pub(crate) fn polling(&mut self, id: ThreadId) -> &mut Polling {
        &mut self.threads[id].polling
    }

    /// Counts an idle call. Returns until when the thread must be delayed, if it has made many of them.
    pub(crate) fn count_idle_call(&mut self, id: ThreadId, weight: u32) -> Option<Nanos> {
        self.polling(id).rounds.poll();
        self.delay_after(id, weight)
    }

    /// The same for a call that does not look for anything.
    fn delay_after(&mut self, id: ThreadId, weight: u32) -> Option<Nanos> {
        let now = self.node_time(self.node_of(id));
        self.polling(id).count(weight, now).map(|delay| now + delay)
    }

    /// Counts a traced read of a clock. Returns as [`count_idle_call`](Machine::count_idle_call).
    pub(crate) fn count_clock_read(&mut self, id: ThreadId) -> Option<Nanos> {
        let polling = self.polling(id);
        polling.clock_reads += 1;
        if polling.clock_reads <= CLOCK_READS {
            return None;
        }
        polling.exhaust();
        self.delay_after(id, CLOCK_READ_WEIGHT)
    }

    /// Returns when a wait until `deadline` really ends: many short waits in a row become longer.
    pub(crate) fn lengthen_short_wait(&mut self, id: ThreadId, deadline: Nanos) -> Nanos {
        let now = self.node_time(self.node_of(id));
        if deadline.saturating_sub(now) >= SHORT_WAIT {
            self.polling(id).waits();
            return deadline;
        }
        let delayed = self.delay_after(id, FULL_WEIGHT);
        delayed.map_or(deadline, |delayed| deadline.max(delayed.min(now + LONGEST_SHORT_WAIT)))
    }

    /// Throttles a thread that could run, if its node has done too much within this instant.
    pub(super) fn throttle(&mut self, id: ThreadId, resume: Resume) -> io::Result<bool> {
        let now = self.now;
        let Some(delay) = self.incarnation_of(id).activity.throttle(now) else { return Ok(false) };
        let registers = ptrace::registers(self.tid(id))?;
        self.block(id, Wait::new(registers, Some(now + delay), Until::ThrottleEnds(resume)));
        Ok(true)
    }

    /// Delays a thread before its call until a time.
    pub(crate) fn delay_call(&mut self, id: ThreadId, registers: Registers, until: Nanos) -> Next {
        self.block(id, Wait::new(registers, Some(until), Until::BackoffEnds));
        Next::TurnOver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_then_grow_with_the_time_spent_polling() {
        let mut polling = Polling::default();
        let mut now = 0;
        let mut lengths = Vec::new();
        for _ in 0..IDLE_CALLS / FULL_WEIGHT {
            assert_eq!(polling.count(FULL_WEIGHT, now), None);
        }
        while now < 1_000_000_000 {
            let delay = polling.count(FULL_WEIGHT, now).expect("it has polled for long");
            lengths.push(delay / 1_000);
            now += delay;
        }
        assert_eq!(lengths[..12], [10, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]);
        assert_eq!(lengths.last(), Some(&5_000));
        assert!(lengths.len() < 250, "{}", lengths.len());
    }

    #[test]
    fn a_success_ends_the_delays_for_a_few_calls() {
        let mut polling = Polling::default();
        polling.exhaust();
        assert_eq!(polling.count(EVENT_LOOP_WEIGHT, 5), Some(FIRST_DELAY));
        polling.succeeded();
        assert_eq!((0..).take_while(|_| polling.count(FULL_WEIGHT, 5).is_none()).count(), 8);
        let mut fresh = Polling::default();
        assert_eq!(fresh.count(FULL_WEIGHT, 5), None);
        fresh.succeeded();
        assert_eq!((0..).take_while(|_| fresh.count(FULL_WEIGHT, 5).is_none()).count(), 32);
    }

    #[test]
    fn a_node_may_do_less_in_each_instant_until_it_comes_to_rest() {
        let mut activity = Activity::default();
        let run = |activity: &mut Activity, now| {
            let mut stops = 0;
            loop {
                activity.count(Stop::Seccomp);
                stops += 1;
                if let Some(delay) = activity.throttle(now) {
                    return (stops, delay);
                }
            }
        };
        assert_eq!(run(&mut activity, 0), (10_001, 10_000));
        activity.throttle_began();
        assert_eq!(run(&mut activity, 10_000), (5_002, 10_000));
        assert_eq!(run(&mut activity, 20_000), (2_502, 20_000));
        activity.throttle_ended();
        activity.set_time(30_000);
        activity.set_time(40_000);
        assert_eq!(run(&mut activity, 40_000), (10_001, 10_000));
    }
}
