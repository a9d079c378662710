//! The run queue: which of a node's threads runs next.
//!
//! Threads run in rounds. A thread that becomes ready gets a place in the next round, so all others that are ready run
//! first and none starves. The order within a round is drawn from the seed, because a real kernel guarantees none.
//!
//! ```text
//!   round 7        round 8               round 9
//!   (now)          became ready          yielded to threads that it has woken
//! ```

use std::collections::BTreeSet;

use maelstrom_random::Rng;
use rand::RngExt;

use super::thread::ThreadId;

/// When a thread that becomes ready runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before all others.
    First,
    /// After those that are ready now.
    NextRound,
    /// After those that have become ready in this turn.
    RoundAfterNext,
}

/// The threads of a node that are ready to run.
pub(super) struct RunQueue {
    /// (round, draw, thread)
    ready: BTreeSet<(u64, u32, ThreadId)>,
    round: u64,
    /// Decides the order of threads, and when a thread is preempted.
    rng: Rng,
    /// Whether the order is drawn from the seed. If not, threads run in the order in which they were made.
    is_random: bool,
}

impl RunQueue {
    pub(super) fn new(rng: Rng, is_random: bool) -> Self {
        RunQueue { ready: BTreeSet::new(), round: 0, rng, is_random }
    }

    /// Adds a thread. `number`: the thread's number within its node.
    pub(super) fn push(&mut self, id: ThreadId, number: u32, place: Place) {
        let rounds = match place {
            Place::First => 0,
            Place::NextRound => 1,
            Place::RoundAfterNext => 2,
        };
        let draw = match place {
            Place::First => 0,
            _ if self.is_random => self.rng.random(),
            _ => number,
        };
        self.ready.insert((self.round + rounds, draw, id));
    }

    /// Takes the thread that runs next.
    pub(super) fn pop(&mut self) -> Option<ThreadId> {
        let (round, _, id) = self.ready.pop_first()?;
        self.round = round;
        Some(id)
    }

    pub(super) fn remove(&mut self, id: ThreadId) {
        self.ready.retain(|(_, _, other)| *other != id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// The random numbers that decide about preemption.
    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_run_round_by_round_in_the_order_of_their_numbers() {
        let mut queue = RunQueue::new(maelstrom_random::stream(1, "test"), false);
        queue.push(10, 2, Place::NextRound);
        queue.push(11, 1, Place::NextRound);
        queue.push(12, 0, Place::RoundAfterNext);
        assert_eq!(queue.pop(), Some(11));
        queue.push(11, 1, Place::NextRound);
        queue.push(13, 3, Place::First);
        let rest: Vec<ThreadId> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, [13, 10, 12, 11]);
    }
}
