//! [`Schedule`]: when the next operation of the main phase is due.

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::history::Nanos;
use crate::random::{Rng, stream};

/// How far the schedule may lag behind the clock before it is moved up.
const MAX_LAG: Nanos = 20_000_000;

/// Times between operations, and the order in which idle workers are asked.
pub(in super::super) struct Schedule {
    rate_hz: f64,
    rng: Rng,
    /// When the last operation was due to begin; the next one is scheduled from there.
    last_due: Nanos,
    /// An operation was due while no worker could begin one.
    is_owed: bool,
}

impl Schedule {
    pub(in super::super) fn new(rate_hz: f64, seed: u64) -> Schedule {
        Schedule { rate_hz, rng: stream(seed, "schedule"), last_due: 0, is_owed: false }
    }

    /// Draws when the next operation is due: uniform in 0 … 2/rate after the last one was due. (Not after it began: a real
    /// clock wakes us a little late, which must not lower the rate.) `None` if there are no operations.
    pub(in super::super) fn next(&mut self) -> Option<Nanos> {
        if self.rate_hz <= 0.0 {
            return None;
        }
        let wait = self.rng.random::<f64>() * 2e9 / self.rate_hz;
        Some(self.last_due.saturating_add(wait as u64))
    }

    /// An operation is due.
    pub(in super::super) fn due(&mut self, due: Nanos, now: Nanos) {
        self.last_due = due.max(now.saturating_sub(MAX_LAG));
    }

    /// An operation begins late or outside the schedule, which goes on from here.
    pub(in super::super) fn restart(&mut self, now: Nanos) {
        self.last_due = now;
    }

    pub(in super::super) fn is_owed(&self) -> bool {
        self.is_owed
    }

    pub(in super::super) fn set_owed(&mut self, is_owed: bool) {
        self.is_owed = is_owed;
    }

    /// Draws the order in which workers are asked.
    pub(in super::super) fn shuffle(&mut self, workers: &mut [usize]) {
        workers.shuffle(&mut self.rng);
    }
}
