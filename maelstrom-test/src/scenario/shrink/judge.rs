//! [`Judge`]: repeats runs side by side, and judges them in a fixed order.
//!
//! ```text
//! candidates   0    1    2    3    4    5          two threads run them
//! fails?       no   no   yes  no   –    –          2 is the first that still fails: it is adopted
//! counted      ●    ●    ●                         3 has run, but a single thread would not have run it
//! ```
//!
//! Candidates after the first one that fails are not judged and not counted. So the outcome does not depend on the number of
//! threads, only on the budget.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::candidate::Candidate;
use crate::scenario::Interrupt;

/// Repeats a run.
pub(super) trait Repeat: Sync {
    /// What is learnt from a run that still fails.
    type Trial: Send;

    /// Runs a candidate. Returns what was learnt, or `None` if the failure is gone, and the effort of the run: about the number
    /// of its messages, so that it does not depend on the speed of the machine. `slot` is the number of the thread.
    fn run(&self, candidate: &Candidate, slot: usize) -> (Option<Self::Trial>, u64);

    /// Called after each judgement with the number of repetitions so far.
    fn judged(&self, used: u64) {
        let _ = used;
    }
}

/// Why the search ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// All repetitions are used.
    Budget,
    /// The repetitions together were too much work.
    Effort,
    /// The user interrupted it.
    Interrupted,
}

/// What was learnt from a run, and its effort.
type Judged<T> = (Option<T>, u64);

/// Repeats runs within a budget.
pub(super) struct Judge<'a, R: Repeat> {
    repeat: &'a R,
    interrupt: &'a Interrupt,
    threads: usize,
    used: u64,
    /// The number of repetitions after which the search ends.
    limit: u64,
    /// The effort that all repetitions together may still take.
    effort_left: u64,
}

impl<'a, R: Repeat> Judge<'a, R> {
    pub(super) fn new(
        repeat: &'a R,
        interrupt: &'a Interrupt,
        threads: usize,
        (limit, effort_left): (u64, u64),
    ) -> Judge<'a, R> {
        Judge { repeat, interrupt, threads: threads.max(1), used: 0, limit, effort_left }
    }

    /// The number of repetitions that were counted so far.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// Sets the number of repetitions after which the search ends, counted from its beginning, and the effort that they may still
    /// take together.
    pub(super) fn set_limit(&mut self, limit: u64, effort_left: u64) {
        (self.limit, self.effort_left) = (limit, effort_left);
    }

    /// Returns the first candidate that still fails, with its position.
    ///
    /// # Errors
    /// Fails if the budget ends before one is found, or on an interrupt.
    pub(super) fn first(&mut self, candidates: &[Candidate]) -> Result<Option<(usize, R::Trial)>, Stop> {
        let affordable = self.affordable(candidates);
        let first_failure = AtomicUsize::new(usize::MAX);
        let results = self.run(&candidates[..affordable], Some(&first_failure))?;
        let mut found = None;
        let mut judged = 0;
        for (index, (trial, effort)) in results.into_iter().flatten().enumerate() {
            judged += 1;
            self.effort_left = self.effort_left.saturating_sub(effort);
            if let Some(trial) = trial {
                found = Some((index, trial));
                break;
            }
        }
        self.count(judged);
        if found.is_none() && affordable < candidates.len() { Err(Stop::Budget) } else { Ok(found) }
    }

    /// Runs all candidates. Returns for each whether it still fails.
    ///
    /// # Errors
    /// Fails if the budget is too small for all, or on an interrupt.
    pub(super) fn each(&mut self, candidates: &[Candidate]) -> Result<Vec<Option<R::Trial>>, Stop> {
        if self.affordable(candidates) < candidates.len() {
            return Err(Stop::Budget);
        }
        let results = self.run(candidates, None)?;
        self.count(candidates.len());
        let judged = results.into_iter().flatten().map(|(trial, effort)| {
            self.effort_left = self.effort_left.saturating_sub(effort);
            trial
        });
        Ok(judged.collect())
    }

    fn affordable(&self, candidates: &[Candidate]) -> usize {
        candidates.len().min(usize::try_from(self.limit.saturating_sub(self.used)).unwrap_or(usize::MAX))
    }

    fn count(&mut self, repetitions: usize) {
        self.used += repetitions as u64;
        self.repeat.judged(self.used);
    }

    /// Runs candidates. A search for the first failure leaves out those after it, and their results are `None`.
    fn run(
        &self,
        candidates: &[Candidate],
        first: Option<&AtomicUsize>,
    ) -> Result<Vec<Option<Judged<R::Trial>>>, Stop> {
        if self.effort_left == 0 {
            return Err(Stop::Effort);
        }
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<Judged<R::Trial>>>> = Mutex::new(candidates.iter().map(|_| None).collect());
        let work = |slot: usize| {
            while !self.interrupt.is_raised() {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= candidates.len() || first.is_some_and(|first| index > first.load(Ordering::Relaxed)) {
                    return;
                }
                let trial = self.repeat.run(&candidates[index], slot);
                if trial.0.is_some()
                    && let Some(first) = first
                {
                    first.fetch_min(index, Ordering::Relaxed);
                }
                results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(trial);
            }
        };
        match self.threads.min(candidates.len()) {
            0 => {}
            1 => work(0),
            threads => std::thread::scope(|scope| {
                for slot in 0..threads {
                    scope.spawn(move || work(slot));
                }
            }),
        }
        if self.interrupt.is_raised() {
            return Err(Stop::Interrupted);
        }
        Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Overrides;

    /// Candidates are told apart by their time limit. Those of the list fail.
    struct Failing(Vec<u64>);

    impl Repeat for Failing {
        type Trial = u64;

        fn run(&self, candidate: &Candidate, _: usize) -> (Option<u64>, u64) {
            (self.0.contains(&candidate.time_limit).then_some(candidate.time_limit), 10)
        }
    }

    fn candidates(count: u64) -> Vec<Candidate> {
        let candidate = |time_limit| Candidate {
            nodes: vec!["n0".into()],
            concurrency: 1,
            time_limit,
            overrides: Overrides::default(),
        };
        (0..count).map(candidate).collect()
    }

    #[test]
    fn the_first_failure_in_order_is_adopted_whatever_the_number_of_threads() {
        let (failing, interrupt) = (Failing(vec![5, 7, 90]), Interrupt::default());
        for threads in [1, 2, 8] {
            let mut judge = Judge::new(&failing, &interrupt, threads, (100, u64::MAX));
            assert_eq!(judge.first(&candidates(10)), Ok(Some((5, 5))));
            assert_eq!(judge.used(), 6);
            assert_eq!(judge.each(&candidates(6)), Ok(vec![None, None, None, None, None, Some(5)]));
            assert_eq!(judge.used(), 12);
            assert_eq!(judge.first(&candidates(100)[8..]), Ok(Some((82, 90))));
            assert_eq!(judge.used(), 95);
            assert_eq!(judge.first(&candidates(6)), Err(Stop::Budget));
            assert_eq!((judge.used(), judge.each(&candidates(1))), (100, Err(Stop::Budget)));
        }
    }

    #[test]
    fn an_interrupt_ends_the_search() {
        let (failing, interrupt) = (Failing(vec![]), Interrupt::default());
        let mut judge = Judge::new(&failing, &interrupt, 2, (100, u64::MAX));
        assert_eq!(judge.first(&candidates(3)), Ok(None));
        interrupt.raise();
        assert_eq!(judge.first(&candidates(3)), Err(Stop::Interrupted));
    }

    #[test]
    fn the_effort_of_all_runs_is_limited() {
        let (failing, interrupt) = (Failing(vec![]), Interrupt::default());
        let mut judge = Judge::new(&failing, &interrupt, 2, (100, 25));
        assert_eq!(judge.first(&candidates(2)), Ok(None));
        assert_eq!(judge.each(&candidates(1)), Ok(vec![None]));
        assert_eq!((judge.first(&candidates(1)), judge.each(&candidates(1))), (Err(Stop::Effort), Err(Stop::Effort)));
    }
}
