//! Backoff: time passes for programs that poll or spin.
//!
//! Computing takes no virtual time. So a program that asks again and again whether something has happened would ask for
//! ever within one instant, for nothing can happen before time passes. Two counts see to it that time passes:
//!
//! - Of each thread: calls in a row that gave nothing ([`Machine::empty_call`]). These are polls with a time limit of
//!   zero, reads that find nothing, waits for a lock or a child that end at once, readings of a clock, yields, and sleeps
//!   shorter than [`SHORT_WAIT`]. After [`EMPTY_CALLS`] of them the thread *pauses* at each further one.
//! - Of each node: stops within one instant ([`Machine::has_exhausted_instant`]), whatever the calls gave. This is for a
//!   node whose processes send each other signals or bytes without end. After [`STOPS_PER_INSTANT`] of them, the thread
//!   whose turn it is pauses.
//!
//! A pause ends when what the thread looks for is there, and otherwise after a time that grows with the time for which
//! the program has been polling. While that is short the pauses double, up to a millisecond; then each is an eighth of it.
//! So a program that compares the clock with a deadline of its own finds that it has passed at most an eighth too late,
//! and never more than [`LONGEST_PAUSE`].

use std::io;

use crate::Nanos;
use crate::machine::Machine;
use crate::machine::scheduler::Next;
use crate::machine::table::{Go, ThreadId, Wait, What};
use crate::tracee::arch::Registers;
use crate::tracee::sys::{self, Stop};

/// The weight of calls that give nothing and that a thread may make in a row. Most calls weigh [`HEAVY`], which allows 32.
const EMPTY_CALLS: u32 = 32 * HEAVY;
/// What is left of that to a thread that got something after it had begun to pause: it will poll on.
const AFTER_SUCCESS: u32 = EMPTY_CALLS - 8 * HEAVY;
/// A call that only a program that polls makes.
pub(crate) const HEAVY: u32 = 128;
/// A call that event loops make in passing while they have work to do, so they may make more of them.
pub(crate) const LIGHT: u32 = 64;
/// A reading of a clock, which weighs something only after [`READINGS`] in a row: a program may want to know the time of
/// everything that it does.
const READING_WEIGHT: u32 = HEAVY / 16;
const READINGS: u32 = 2_000;

/// Sleeps and time limits shorter than this count as calls that gave nothing.
pub(crate) const SHORT_WAIT: Nanos = 100_000;
/// How long those can become, if there are many in a row.
const LONGEST_SHORT_WAIT: Nanos = 1_000_000;

const FIRST_PAUSE: Nanos = 10_000;
/// Up to here pauses double.
const DOUBLING: Nanos = 1_000_000;
/// From there on a pause is this part of the time spent polling.
const PART: Nanos = 8;
/// The longest pause of a thread that polls. Programs that poll have deadlines of this order.
const LONGEST_PAUSE: Nanos = 5_000_000;
/// Of a node that never comes to rest, whose deadlines are late in any case.
const PART_OF_REST: Nanos = 2;
/// The longest pause of a thread of a node that never comes to rest.
const LONGEST_REST: Nanos = 100_000_000;

/// Stops of a node within one instant before its threads have to pause. The start of a large program makes thousands.
const STOPS_PER_INSTANT: u64 = 10_000;
/// Threads that may pause for this reason within one instant before all others have to as well: processes that beget
/// others would never come to an end of it.
const RESTS_PER_INSTANT: u32 = 4;
/// The making or the end of a process or thread costs as much as so many stops.
const STOPS_PER_PROCESS: u64 = 100;
/// What this is reduced to, by halves, while the node goes on.
const FEWEST_STOPS_PER_INSTANT: u64 = 500;

/// How long to pause after having polled for so long.
fn pause(polled_for: Nanos, part: Nanos, longest: Nanos) -> Nanos {
    (polled_for / part).max(polled_for.min(DOUBLING)).clamp(FIRST_PAUSE, longest)
}

/// How long a thread has been polling.
#[derive(Default)]
pub(crate) struct Polling {
    /// The weight of calls in a row that gave nothing.
    empty: u32,
    /// Trapped calls in a row that read a clock.
    readings: u32,
    /// When the thread began to pause.
    since: Option<Nanos>,
}

impl Polling {
    /// The thread got something, or truly waits.
    pub(crate) fn succeeded(&mut self) {
        self.empty = if self.since.take().is_some() { AFTER_SUCCESS } else { 0 };
    }

    /// Makes the thread pause at its next call that gives nothing: it is known to have read a clock very often.
    fn exhaust(&mut self) {
        self.empty = self.empty.max(EMPTY_CALLS);
    }

    /// The thread has read a clock very often without a trap.
    pub(crate) fn exhaust_readings(&mut self) {
        self.readings = self.readings.max(READINGS);
        self.empty = self.empty.max(EMPTY_CALLS + HEAVY);
    }

    /// A trapped call that does not read a clock.
    pub(crate) fn other_call(&mut self) {
        self.readings = 0;
    }

    /// Counts a call that gave nothing. How long to pause, if so many came before.
    fn count(&mut self, weight: u32, now: Nanos) -> Option<Nanos> {
        self.empty = self.empty.saturating_add(weight);
        if self.empty <= EMPTY_CALLS {
            return None;
        }
        // The next pause comes after a call of full weight, or as many lighter ones.
        self.empty -= HEAVY;
        Some(pause(now - *self.since.get_or_insert(now), PART, LONGEST_PAUSE))
    }
}

/// How busy a node has been within the present instant.
pub(crate) struct Activity {
    /// The machine's time.
    instant: Nanos,
    /// Stops since then, or since a thread last had to pause.
    stops: u64,
    /// How many there may be.
    allowed: u64,
    /// When a thread first had to pause.
    since: Option<Nanos>,
    /// How many threads had to pause within this instant.
    rests: u32,
    /// Threads that pause now.
    pub(crate) resting: u64,
}

impl Default for Activity {
    fn default() -> Self {
        Activity { instant: 0, stops: 0, allowed: STOPS_PER_INSTANT, since: None, rests: 0, resting: 0 }
    }
}

impl Activity {
    pub(crate) fn count(&mut self, stop: Stop) {
        self.stops += match stop {
            Stop::Born | Stop::BornVfork | Stop::Exec | Stop::Gone(_) => STOPS_PER_PROCESS,
            _ => 1,
        };
    }

    /// Begins to count anew if time has passed since the node last ran.
    fn at(&mut self, now: Nanos) {
        if self.instant != now {
            if self.resting == 0 && self.rests == 0 {
                // It came to rest by itself.
                (self.allowed, self.since) = (STOPS_PER_INSTANT, None);
            }
            (self.instant, self.stops, self.rests) = (now, 0, 0);
        }
    }

    fn exhausted(&mut self, now: Nanos) -> Option<Nanos> {
        self.at(now);
        if self.stops <= self.allowed && self.rests < RESTS_PER_INSTANT {
            return None;
        }
        (self.stops, self.rests) = (0, self.rests + 1);
        self.allowed = (self.allowed / 2).max(FEWEST_STOPS_PER_INSTANT);
        Some(pause(now - *self.since.get_or_insert(now), PART_OF_REST, LONGEST_REST))
    }
}

impl Machine {
    /// A call gave nothing, and may well be repeated. Until when the thread is to pause, if it has made many of these.
    pub(crate) fn empty_call(&mut self, id: ThreadId, weight: u32) -> Option<Nanos> {
        let now = self.node_time(self.threads[id].node);
        self.threads[id].polling.count(weight, now).map(|pause| now + pause)
    }

    /// The same for a reading of a clock.
    pub(crate) fn reading_in_a_row(&mut self, id: ThreadId) -> Option<Nanos> {
        let polling = &mut self.threads[id].polling;
        polling.readings += 1;
        if polling.readings <= READINGS {
            return None;
        }
        polling.exhaust();
        self.empty_call(id, READING_WEIGHT)
    }

    /// When a wait ends that a program wants to end then. Many short ones in a row become longer.
    pub(crate) fn short_wait(&mut self, id: ThreadId, deadline: Nanos) -> Nanos {
        let now = self.node_time(self.threads[id].node);
        if deadline.saturating_sub(now) >= SHORT_WAIT {
            self.threads[id].polling.succeeded();
            return deadline;
        }
        self.empty_call(id, HEAVY).map_or(deadline, |pause| deadline.max(pause.min(now + LONGEST_SHORT_WAIT)))
    }

    /// Whether a thread that could go on has to pause instead, because its node has done so much within this instant.
    pub(crate) fn has_to_rest(&mut self, id: ThreadId, go: Go) -> io::Result<bool> {
        let now = self.now;
        let Some(pause) = self.life_of(id).activity.exhausted(now) else { return Ok(false) };
        let registers = sys::registers(self.threads[id].tid)?;
        self.hold(id, Wait::new(registers, Some(now + pause), What::Rest(go)));
        Ok(true)
    }

    /// Ends the turn of a thread that pauses before its call until this time.
    pub(crate) fn pause_until(&mut self, id: ThreadId, registers: Registers, time: Nanos) -> Next {
        self.hold(id, Wait::new(registers, Some(time), What::Nap));
        Next::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_then_grow_with_the_time_spent_polling() {
        let mut polling = Polling::default();
        let mut now = 0;
        let mut lengths = Vec::new();
        for _ in 0..EMPTY_CALLS / HEAVY {
            assert_eq!(polling.count(HEAVY, now), None);
        }
        while now < 1_000_000_000 {
            let pause = polling.count(HEAVY, now).expect("it has polled for long");
            lengths.push(pause / 1_000);
            now += pause;
        }
        assert_eq!(lengths[..12], [10, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]);
        assert_eq!(lengths.last(), Some(&5_000));
        assert!(lengths.len() < 250, "{}", lengths.len());
    }

    #[test]
    fn a_success_ends_the_pauses_for_a_few_calls() {
        let mut polling = Polling::default();
        polling.exhaust();
        assert_eq!(polling.count(LIGHT, 5), Some(FIRST_PAUSE));
        polling.succeeded();
        assert_eq!((0..).take_while(|_| polling.count(HEAVY, 5).is_none()).count(), 8);
        let mut eager = Polling::default();
        assert_eq!(eager.count(HEAVY, 5), None);
        eager.succeeded();
        assert_eq!((0..).take_while(|_| eager.count(HEAVY, 5).is_none()).count(), 32);
    }

    #[test]
    fn a_node_may_do_less_in_each_instant_until_it_comes_to_rest() {
        let mut activity = Activity::default();
        let run = |activity: &mut Activity, now| {
            let mut stops = 0;
            loop {
                activity.count(Stop::Filtered);
                stops += 1;
                if let Some(pause) = activity.exhausted(now) {
                    return (stops, pause);
                }
            }
        };
        assert_eq!(run(&mut activity, 0), (10_001, 10_000));
        activity.resting = 1;
        assert_eq!(run(&mut activity, 10_000), (5_002, 10_000));
        assert_eq!(run(&mut activity, 20_000), (2_502, 20_000));
        activity.resting = 0;
        activity.at(30_000);
        activity.at(40_000);
        assert_eq!(run(&mut activity, 40_000), (10_001, 10_000));
    }
}
