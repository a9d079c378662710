//! Cuts a failing run down to what its failure needs.
//!
//! Runs in virtual time repeat exactly, so the search leaves something out, repeats the run, and sees whether it still fails
//! in the same way.
//!
//! ```text
//! failing run ──► passes ──► shrunk run ──► what matters ──► cause (table of the report), shrunk/plan.json
//!                   │  ▲                      │  ▲
//!                   ▼  │ fails?               ▼  │ fails?
//!                  judge: repeats candidates side by side, within a budget of repetitions
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | `failure` | which failure has to be found again |
//! | `candidate` | a smaller version of the failing run |
//! | `judge`, `trial` | repetitions: their order and budget, and a single one |
//! | `passes`, `narrow` | what is tried |
//! | `matter` | which messages matter in the shrunk run |

mod candidate;
mod cause;
mod failure;
mod judge;
mod matter;
mod narrow;
mod passes;
#[cfg(test)]
mod tests;
mod trial;

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use self::candidate::Candidate;
use self::failure::FailureKind;
use self::judge::{Judge, Stop};
use self::matter::Decisive;
use self::passes::Search;
use self::trial::{Trial, Trials};
use super::{Config, KeepJournal, Run, RunError, determinism, execute};
use crate::history::Nanos;
use crate::report::cause::{Cause, Reduction};
use crate::report::{self, TimeMode, file_names};
use crate::simulation::{Failure, Performed};

/// The share of the budget, in percent, that the passes may use. The rest finds out which messages matter.
const PASSES_PERCENT: u64 = 65;
/// Of so many repetitions, one may be as long as the failing run. Most are much shorter, because they end with the proof.
const RUNS_OF_FULL_LENGTH: u64 = 20;
/// The repetitions, of those of the budget, that are kept for the search for a message that should have arrived.
const MISSING_RESERVE: u64 = 6;

/// The shrunk version of a failing run.
struct Shrunk {
    /// Its configuration, with the plan.
    config: Config,
    /// The messages whose fate matters in it.
    messages: Vec<Decisive>,
    /// A message that did not arrive, and with which the failure disappears.
    missing: Option<Decisive>,
    /// How many repetitions the search took.
    reruns: u64,
    /// Why the search ended early, if it did.
    stop: Option<Stop>,
}

/// Searches for the cause of a run's failure. Returns `None` if the run did not fail, or need not or cannot be repeated.
pub(super) fn explain(config: &Config, run: &Run, failure: Option<&Failure>, performed: Performed) -> Option<Cause> {
    let is_as_expected = run.expectation.as_ref().is_some_and(|expectation| expectation.failure.is_none());
    let is_wanted = config.shrink > 0 && (!is_as_expected || config.given.shrink.is_some());
    if !is_wanted || run.time_mode != TimeMode::Virtual || !run.reproducible {
        return None;
    }
    let began = Instant::now();
    let failure = FailureKind::of(run, failure)?;
    let finding = failure.find(&run.verdict).cloned();
    let main_phase = config.simulation.settings.time_limit.min(run.duration);
    let trial = Trial::new(run.history.clone(), run.journal.clone(), performed, finding, main_phase);
    let shrunk = shrink(config, &failure, trial, run.duration)?;
    let (mut again, remarks) = repeat(config, &shrunk.config)?;
    let (columns, rows) = cause::table(&again, &shrunk.messages, shrunk.missing.as_ref());
    let kept = |kept: usize, total: u64| Reduction { kept: kept as u64, total };
    let plan = &shrunk.config.simulation.plan;
    let mut cause = Cause {
        anomaly: failure.name().to_owned(),
        checker: failure.checker().to_owned(),
        headline: again.headline(),
        sentence: cause::sentence(&rows, &columns, &again.history),
        operations: kept(plan.operations.as_ref().map_or(0, Vec::len), run.ops().invoked),
        faults: kept(plan.faults.as_ref().map_or(0, Vec::len), run.faults.iter().map(|fault| fault.actions).sum()),
        messages: kept(shrunk.messages.len(), run.net.all.send_count),
        columns,
        rows,
        reruns: shrunk.reruns,
        budget: config.shrink,
        incomplete: shrunk.stop.map(|stop| match stop {
            Stop::Time => {
                format!("its runs took {} times as long as the failing run", config.shrink / RUNS_OF_FULL_LENGTH)
            }
            Stop::Budget => format!("the limit of {} runs was reached", config.shrink),
            Stop::Interrupted => "it was interrupted".to_owned(),
        }),
        plan: PathBuf::from(file_names::SHRUNK).join(file_names::PLAN),
        directory: Some(file_names::SHRUNK.into()),
        remarks,
        wall: began.elapsed(),
        repeats_in: again.elapsed,
    };
    cause.add_log_lines(&again.directory);
    // The report of the shrunk run has the same table. Its paths are relative to that run.
    let directory = Some(PathBuf::new());
    again.cause = Some(Cause { directory, plan: file_names::PLAN.into(), ..cause.clone() });
    if report::write(&again.view(), &again.directory).is_err() {
        cause.remarks.push("the report of the shrunk run is incomplete: it cannot be written".into());
    }
    Some(cause)
}

/// Runs the shrunk version twice, with all its files. Returns the second run, and what there is to remark.
fn repeat(failing: &Config, shrunk: &Config) -> Option<(Run, Vec<String>)> {
    let directory = failing.directory.join(file_names::SHRUNK);
    let aside = failing.directory.join(file_names::REPETITIONS);
    let config = Config {
        directory: directory.clone(),
        shrink: 0,
        expect: None,
        journal: KeepJournal::Always,
        again: Some(format!("maelstrom replay {}", directory.display())),
        progress: None,
        ..shrunk.clone()
    };
    let finished = |result: Result<Run, RunError>| match result {
        Ok(run) => Some(run),
        Err(RunError::Broke { run, .. }) => Some(*run),
        Err(_) => None,
    };
    finished(execute::execute(config.clone()))?;
    fs::rename(&directory, &aside).ok()?;
    let again = finished(execute::execute(config));
    let names = [file_names::HISTORY, file_names::MESSAGES];
    let difference = determinism::compare(&aside, &directory, &names);
    let _ = fs::remove_dir_all(&aside);
    let remark = match difference {
        Ok(None) => None,
        Ok(Some(difference)) => Some(format!("two runs of the plan differ: {difference}")),
        Err(error) => Some(format!("two runs of the plan could not be compared: {error}")),
    };
    Some((again?, remark.into_iter().collect()))
}

/// Cuts a failing run down. Returns `None` if a repetition does not fail in the same way.
fn shrink(config: &Config, failure: &FailureKind, trial: Trial, run_length: Nanos) -> Option<Shrunk> {
    let directory = config.directory.join(file_names::REPETITIONS);
    let limit = config.shrink.saturating_sub(MISSING_RESERVE);
    let trials = Trials { failing: config, failure, directory: directory.clone(), limit };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let time = run_length.saturating_mul(config.shrink / RUNS_OF_FULL_LENGTH);
    let of_passes = (limit * PASSES_PERCENT / 100, time * PASSES_PERCENT / 100);
    let judge = Judge::new(&trials, &config.interrupt, threads, of_passes);
    let original = Candidate::of(config);
    let workload = &*config.simulation.workload;
    let mut search = Search { judge, workload, best: original.clone(), trial };
    let mut stop = search.shrink().err();
    let Search { mut judge, best, trial, .. } = search;
    let found = (best != original).then(|| {
        judge.set_limit(limit, time - of_passes.1);
        let mut messages = Vec::new();
        if stop != Some(Stop::Interrupted) {
            let early;
            (messages, early) = matter::search(&mut judge, &best, &trial.journal);
            stop = early.or(stop);
        }
        let mut missing = None;
        if let Some(node) = trial.culprit(&best)
            && stop != Some(Stop::Interrupted)
        {
            // The reserve is for this.
            judge.set_limit(config.shrink.max(MISSING_RESERVE), run_length);
            missing = matter::missing(&mut judge, &best, &trial.journal, &node, usual_delay(config)).ok().flatten();
        }
        Shrunk { config: best.config(config), messages, missing, reruns: judge.used(), stop }
    });
    let _ = fs::remove_dir_all(&directory);
    found
}

/// How long a message between nodes takes usually.
fn usual_delay(config: &Config) -> Nanos {
    let network = &config.simulation.network;
    network.latency + (network.base_delay.0 + network.base_delay.1) / 2
}
