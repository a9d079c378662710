//! Sleep coalescing: a thread that polls and sleeps by turns, and finds nothing, sleeps several times at once.
//!
//! Many programs have a main loop that looks for input without waiting, and then sleeps for a millisecond. Each round costs
//! two stops, and a thousand of them make a second. After [`IDLE_ROUNDS`] rounds in which nothing happens, the tracer
//! lengthens the sleep to a multiple of its length:
//!
//! ```text
//!   asked for   ├───┼───┼───┼───┼───┤        each │: the thread looks and finds nothing
//!   coalesced   ├───────────────────┤
//!   with input  ├───────────┤                a message arrives in the third millisecond
//!                         ▲
//! ```
//!
//! When something happens in its node, the thread wakes where it would have looked next without coalescing. So it handles
//! messages at the same time as before. Only its own deadlines, with which it compares the clock, are noticed later: by an
//! eighth of the time spent polling, and never more than [`LONGEST_DELAY`].

use super::Machine;
use super::backoff::{LONGEST_DELAY, POLLING_PER_DELAY, SHORT_WAIT};
use super::thread::{ThreadId, Wait};
use crate::time::Nanos;

/// Rounds that a thread may make before its sleeps are coalesced.
const IDLE_ROUNDS: u32 = 32;

/// The rounds of polling and sleeping that a thread has made in a row.
#[derive(Default)]
pub(crate) struct IdleRounds {
    /// The thread has polled since it last slept.
    has_polled: bool,
    count: u32,
    /// When the first of them ended.
    since: Nanos,
    /// How often the node had printed something by then.
    outputs: u64,
}

/// A sleep that is several sleeps of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coalesced {
    start: Nanos,
    /// What the program asked for.
    length: Nanos,
}

impl IdleRounds {
    /// The thread polls and finds nothing.
    pub(super) fn poll(&mut self) {
        self.has_polled = true;
    }

    /// Ends a round with a sleep. Returns how many sleeps to make of it. `outputs`: how often the node has printed something.
    fn sleep(&mut self, now: Nanos, length: Nanos, outputs: u64) -> u64 {
        let is_idle = std::mem::take(&mut self.has_polled) && outputs == self.outputs && length >= SHORT_WAIT;
        self.outputs = outputs;
        if !is_idle {
            self.count = 0;
            return 1;
        }
        if self.count == 0 {
            self.since = now;
        }
        self.count += 1;
        if self.count <= IDLE_ROUNDS {
            return 1;
        }
        let longest = ((now - self.since) / POLLING_PER_DELAY).min(LONGEST_DELAY);
        (longest / length).max(1)
    }
}

impl Coalesced {
    /// When the first of the sleeps ends that does not end before `now`.
    fn next_end(&self, now: Nanos) -> Nanos {
        self.start + now.saturating_sub(self.start).div_ceil(self.length).max(1) * self.length
    }

    /// The deadline of a thread whose sleep ends early.
    pub(super) fn early_deadline(&self, deadline: Option<Nanos>, now: Nanos) -> Option<Nanos> {
        deadline.map(|deadline| deadline.min(self.next_end(now)))
    }
}

impl Machine {
    /// Lengthens a sleep that is about to begin if the thread has been polling without success.
    pub(crate) fn coalesce(&mut self, id: ThreadId, wait: &mut Wait) {
        let Some(deadline) = wait.deadline.filter(|_| !wait.follows_wall_clock) else { return };
        let now = self.node_time(self.node_of(id));
        let outputs = self.incarnation_of(id).outputs;
        let length = deadline.saturating_sub(now);
        let count = self.polling(id).rounds().sleep(now, length, outputs);
        if count > 1 {
            wait.deadline = Some(now + count * length);
            wait.coalesced = Some(Coalesced { start: now, length });
        }
    }

    /// Something has happened in a node: its threads that sleep look sooner. `except`: the thread that has caused it.
    pub(super) fn end_coalescing(&mut self, node: usize, except: Option<ThreadId>) {
        let now = self.now;
        let Some(incarnation) = &mut self.nodes[node].incarnation else { return };
        if incarnation.waits.coalesced().is_empty() {
            return;
        }
        for id in incarnation.waits.coalesced().to_vec() {
            let thread = &mut self.threads[id];
            let number = thread.number;
            if except != Some(id)
                && let Some(wait) = thread.wait_mut()
            {
                incarnation.waits.leave(id, number, wait);
                if let Some(coalesced) = wait.coalesced.take() {
                    wait.deadline = coalesced.early_deadline(wait.deadline, now);
                }
                incarnation.waits.enter(id, number, wait);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Nanos = 1_000_000;

    #[test]
    fn sleeps_between_fruitless_polls_become_longer() {
        let mut rounds = IdleRounds::default();
        let (mut now, mut counts) = (0, Vec::new());
        while now < 100 * MILLISECOND {
            rounds.poll();
            counts.push(rounds.sleep(now, MILLISECOND, 0));
            now += counts.last().expect("it was pushed") * MILLISECOND;
        }
        assert_eq!(counts[..32], [1; 32]);
        assert_eq!(counts[32..36], [4, 4, 5, 5]);
        assert_eq!(counts.last(), Some(&5));
    }

    #[test]
    fn sleeps_are_not_lengthened_for_programs_that_do_something() {
        let mut rounds = IdleRounds::default();
        let sleep = |rounds: &mut IdleRounds, round: u64, length, outputs| {
            rounds.poll();
            rounds.sleep(round * MILLISECOND, length, outputs)
        };
        assert!((0..100).all(|round| sleep(&mut rounds, round, MILLISECOND, round) == 1), "it prints in each round");
        assert!((100..200).all(|round| sleep(&mut rounds, round, 5 * MILLISECOND, 0) == 1), "it sleeps for long");
        assert!((200..300).all(|round| rounds.sleep(round * MILLISECOND, MILLISECOND, 0) == 1), "it does not poll");
    }

    #[test]
    fn an_event_ends_a_sleep_where_the_program_would_have_looked_next() {
        let coalesced = Coalesced { start: 10, length: 5 };
        let ends: Vec<Nanos> = [10, 11, 15, 16, 29].into_iter().map(|now| coalesced.next_end(now)).collect();
        assert_eq!(ends, [15, 15, 15, 20, 30]);
        assert_eq!(coalesced.early_deadline(Some(25), 29), Some(25));
    }
}
