//! Runs a scenario with many seeds.

use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Run, RunError, Scenario};
use crate::report::file_names;

/// The maximum number of failures that are shown and kept with their runs.
const SHOWN: usize = 3;

/// The outcomes of one scenario with many seeds.
///
/// Its text (`{summary}`) has the number of failed seeds, the verdicts and report paths of the first three, and the report of
/// the first. Its `Debug` form is the same text.
#[derive(Clone)]
pub struct SeedSummary {
    count: usize,
    failures: Vec<SeedFailure>,
    runs: Vec<Run>,
}

/// A seed whose run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeedFailure {
    /// The seed.
    pub seed: u64,
    /// The summary of the verdict.
    pub headline: String,
}

impl SeedSummary {
    /// Returns the number of seeds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the failed seeds, in the order of the input.
    pub fn failures(&self) -> &[SeedFailure] {
        &self.failures
    }

    /// Returns the runs of the first failures, at most three. Of other runs, only the files are kept.
    pub fn failed_runs(&self) -> &[Run] {
        &self.runs
    }

    /// Asserts that every seed passed.
    ///
    /// # Panics
    /// If a seed failed. The message is the text of the summary.
    #[track_caller]
    pub fn assert_valid(&self) {
        assert!(self.failures.is_empty(), "{self}");
    }
}

impl fmt::Display for SeedSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, failed) = (self.count, self.failures.len());
        let seeds = if count == 1 { "seed" } else { "seeds" };
        if failed == 0 {
            return writeln!(f, "{count} {seeds} passed");
        }
        let first = if failed > SHOWN { format!(", first {SHOWN}") } else { String::new() };
        writeln!(f, "{failed} of {count} {seeds} failed{first}:")?;
        for (failure, run) in self.failures.iter().zip(&self.runs) {
            writeln!(f, "  seed {}: {}", failure.seed, failure.headline)?;
            writeln!(f, "    {}", run.file(file_names::REPORT).display())?;
        }
        self.runs.first().map_or(Ok(()), |run| write!(f, "\n{run}"))
    }
}

impl fmt::Debug for SeedSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The outcomes of the runs that have ended. Runs end in any order, so each outcome has the index of its seed.
#[derive(Default)]
struct Outcomes {
    failures: Vec<(usize, SeedFailure)>,
    runs: Vec<(usize, Run)>,
    /// The error that prevents all runs, with the smallest index at which it occurred.
    error: Option<(usize, RunError)>,
}

impl Outcomes {
    fn add(&mut self, index: usize, seed: u64, result: Result<Run, RunError>) {
        let run = match result {
            Ok(run) => run,
            Err(RunError::Broke { run, .. }) => *run,
            Err(error) => {
                if self.error.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                    self.error = Some((index, error));
                }
                return;
            }
        };
        let passed = run.expectation.as_ref().map_or_else(|| run.is_valid(), |expected| expected.failure.is_none());
        if passed {
            return;
        }
        let why = run.expectation.as_ref().and_then(|expected| expected.failure.as_deref());
        let headline = why.filter(|_| run.is_valid()).map_or_else(|| run.headline(), str::to_owned);
        self.failures.push((index, SeedFailure { seed, headline }));
        // A run takes megabytes, so only runs that are shown are kept.
        self.runs.push((index, run));
        self.runs.sort_by_key(|(index, _)| *index);
        self.runs.truncate(SHOWN);
    }

    fn summary(mut self, count: usize) -> Result<SeedSummary, RunError> {
        if let Some((_, error)) = self.error {
            return Err(error);
        }
        self.failures.sort_by_key(|(index, _)| *index);
        Ok(SeedSummary {
            count,
            failures: self.failures.into_iter().map(|(_, failure)| failure).collect(),
            runs: self.runs.into_iter().map(|(_, run)| run).collect(),
        })
    }
}

/// Runs the scenario with each seed.
pub(super) fn run(scenario: &Scenario, seeds: &[u64]) -> Result<SeedSummary, RunError> {
    // The options are the same for all seeds, so errors in them are reported once, before the runs.
    let parent = scenario.clone().with_directory()?.config()?.directory;
    let outcomes = Mutex::new(Outcomes::default());
    let lock = || outcomes.lock().unwrap_or_else(PoisonError::into_inner);
    let next = AtomicUsize::new(0);
    let worker = || {
        while lock().error.is_none() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&seed) = seeds.get(index) else { return };
            let one = scenario.clone().directory(parent.join(format!("seed={seed}"))).seed(seed);
            let result = one.run();
            lock().add(index, seed, result);
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(seeds.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner).summary(seeds.len())
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;
    use crate::checker::{Valid, Verdict};

    fn run(seed: u64, valid: Valid) -> Run {
        let mut run = Run { seed, directory: format!("runs/seed={seed}").into(), ..sample_run() };
        run.verdict.add("workload", Verdict { valid, ..Verdict::default() });
        run
    }

    fn summary(failed: &[u64], passed: usize) -> SeedSummary {
        let mut outcomes = Outcomes::default();
        // The runs end in the opposite order.
        for (index, seed) in failed.iter().enumerate().rev() {
            outcomes.add(index, *seed, Ok(run(*seed, Valid::False)));
        }
        for index in 0..passed {
            outcomes.add(failed.len() + index, 100, Ok(run(100, Valid::True)));
        }
        outcomes.summary(failed.len() + passed).expect("every run was started")
    }

    #[test]
    fn the_first_failures_are_listed_in_order() {
        let several = summary(&[4, 9, 12, 13], 6);
        let text = several.to_string();
        let (list, report) = text.split_once("\n\n").expect("a list and a report");
        insta::assert_snapshot!(list, @r"
        4 of 10 seeds failed, first 3:
          seed 4: invalid (workload)
            runs/seed=4/report.html
          seed 9: invalid (workload)
            runs/seed=9/report.html
          seed 12: invalid (workload)
            runs/seed=12/report.html
        ");
        assert_eq!(report, several.failed_runs()[0].to_string());
        assert_eq!(several.failures().iter().map(|failure| failure.seed).collect::<Vec<_>>(), [4, 9, 12, 13]);
        assert_eq!(summary(&[4], 1).to_string().lines().next(), Some("1 of 2 seeds failed:"));
        let panic = std::panic::catch_unwind(|| several.assert_valid()).expect_err("seeds failed");
        assert_eq!(panic.downcast_ref::<String>(), Some(&text));
    }

    #[test]
    fn passing_seeds_are_counted() {
        assert_eq!(summary(&[], 200).to_string(), "200 seeds passed\n");
        summary(&[], 1).assert_valid();
    }

    #[test]
    fn seeds_fail_if_the_expectation_is_not_met() {
        let expected = |seed, failure: Option<&str>, valid| {
            let expect = "invalid".into();
            let expectation = Some(crate::report::Expectation { expect, failure: failure.map(str::to_owned) });
            Ok(Run { expectation, ..run(seed, valid) })
        };
        let mut outcomes = Outcomes::default();
        outcomes.add(0, 1, expected(1, None, Valid::False));
        outcomes.add(1, 2, expected(2, Some("expected: invalid"), Valid::True));
        let summary = outcomes.summary(2).expect("both runs were started");
        assert_eq!(summary.failures(), [SeedFailure { seed: 2, headline: "expected: invalid".into() }]);
    }

    #[test]
    fn the_error_with_the_smallest_index_is_returned() {
        let mut outcomes = Outcomes::default();
        outcomes.add(1, 2, Err(RunError::Setup("second".into())));
        outcomes.add(0, 1, Err(RunError::Setup("first".into())));
        assert_eq!(outcomes.summary(2).expect_err("no run was started").to_string(), "first");
    }
}
