//! [`Schedule`]: when the next operation of the main phase is due.

use rand::RngExt;

use crate::history::Nanos;
use crate::random::{choice, hash, mix};

/// How far the schedule may lag behind the clock before it is moved up.
const MAX_LAG: Nanos = 20_000_000;
/// How many operations may be left out at once before the schedule is moved up.
const MAX_LEFT_OUT: u64 = 10_000_000;

/// The kinds of choice.
const WAIT: u64 = hash("wait before an operation");
const WORKER: u64 = hash("worker of an operation");

/// The number of an operation of the main phase.
pub(in super::super) type OperationNumber = u64;

/// The times of operations, and the order in which idle workers are asked.
///
/// Operation *n* is due when the waits before operations 0 … *n* have passed. So the time of an operation does not depend on
/// how earlier ones went. An operation that no worker can begin is owed until one can. The operations that would be due before
/// that are left out: there is no burst after a time in which all workers wait.
pub(in super::super) struct Schedule {
    rate_hz: f64,
    seed: u64,
    next: OperationNumber,
    /// When the operation `next` is due.
    due: Nanos,
    /// The operation that is due and that no worker could begin.
    owed: Option<OperationNumber>,
}

impl Schedule {
    pub(in super::super) fn new(rate_hz: f64, seed: u64) -> Schedule {
        Schedule { rate_hz, seed, next: 0, due: 0, owed: None }
    }

    /// The main phase begins.
    pub(in super::super) fn begin(&mut self, now: Nanos) {
        self.due = now.saturating_add(self.wait(self.next));
    }

    /// Draws the time before an operation: uniform in 0 … 2/rate.
    fn wait(&self, number: OperationNumber) -> Nanos {
        (choice(self.seed, WAIT, &[number]).random::<f64>() * 2e9 / self.rate_hz) as Nanos
    }

    /// When the next operation is due. `None` while one is owed, or if there are no operations.
    pub(in super::super) fn next_due(&self) -> Option<Nanos> {
        (self.owed.is_none() && self.rate_hz > 0.0).then_some(self.due)
    }

    /// The next operation is due, and owed until it begins. A real clock wakes us a little late, which must not lower the rate;
    /// but the schedule does not catch up if it lags far behind.
    pub(in super::super) fn take_due(&mut self, now: Nanos) {
        self.owed = Some(self.next);
        self.go_on_from(self.due.max(now.saturating_sub(MAX_LAG)));
    }

    fn go_on_from(&mut self, time: Nanos) {
        self.next += 1;
        self.due = time.saturating_add(self.wait(self.next));
    }

    pub(in super::super) fn owed(&self) -> Option<OperationNumber> {
        self.owed
    }

    /// The operation that was owed has begun. Those that would have been due before are left out.
    pub(in super::super) fn has_begun(&mut self, now: Nanos) {
        self.owed = None;
        for _ in 0..MAX_LEFT_OUT {
            if self.due >= now {
                return;
            }
            self.go_on_from(self.due);
        }
        self.go_on_from(now);
    }

    /// No operation is owed any more: the main phase is over.
    pub(in super::super) fn end(&mut self) {
        self.owed = None;
    }

    /// Sorts idle workers in the order in which they are asked for an operation. Two workers always have the same order for
    /// the same operation, whoever else is idle.
    pub(in super::super) fn sort(&self, number: OperationNumber, workers: &mut [usize]) {
        workers.sort_by_cached_key(|&worker| (mix(self.seed, &[WORKER, number, worker as u64]), worker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    /// The numbers and times of the operations of ten seconds, of which `delay` says how long they are owed.
    fn times(delay: impl Fn(OperationNumber) -> Nanos) -> Vec<(OperationNumber, Nanos)> {
        let mut schedule = Schedule::new(100.0, 1);
        schedule.begin(0);
        let mut times = Vec::new();
        while let Some(due) = schedule.next_due().filter(|&due| due < 10 * SECOND) {
            schedule.take_due(due);
            let number = schedule.owed().unwrap();
            times.push((number, due));
            schedule.has_begun(due + delay(number));
        }
        times
    }

    #[test]
    fn operations_come_at_the_requested_rate() {
        let times = times(|_| 0);
        assert!((950..1050).contains(&times.len()), "{}", times.len());
        assert!(times.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1 && pair[1].1 - pair[0].1 <= SECOND / 50));
    }

    #[test]
    fn operations_that_begin_late_do_not_change_the_times_of_others() {
        let undisturbed = times(|_| 0);
        let late = times(|number| if number.is_multiple_of(50) { SECOND / 10 } else { 0 });
        assert!(late.len() < undisturbed.len() && late.len() > undisturbed.len() / 2);
        assert!(late.iter().all(|time| undisturbed.contains(time)));
    }

    #[test]
    fn a_schedule_that_lags_behind_the_clock_does_not_catch_up() {
        let mut schedule = Schedule::new(100.0, 1);
        schedule.begin(0);
        schedule.take_due(5 * SECOND);
        assert!(schedule.due >= 5 * SECOND - MAX_LAG);
    }
}
