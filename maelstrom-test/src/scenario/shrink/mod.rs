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
//! | `start`, `passes`, `narrow`, `arrange` | what is tried |
//! | `matter` | which messages matter in the shrunk run |
//! | `cause` | the table of the report |

mod arrange;
mod candidate;
mod cause;
mod failure;
mod judge;
mod matter;
mod narrow;
mod passes;
mod start;
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
use self::trial::{Trial, Trials, longest_operation};
use super::{Config, Interrupt, KeepJournal, Run, RunError, determinism, execute};
use crate::history::{History, Nanos};
use crate::report::cause::{Cause, Reduction};
use crate::report::{self, TimeMode, file_names};
use crate::simulation::Simulation;

/// The share of the budget, in percent, that the passes may use. The rest finds out which messages matter.
const PASSES_PERCENT: u64 = 70;
/// Of so many repetitions, one may be as long as the failing run. Most are much shorter, because they end with the proof.
const RUNS_PER_FULL_LENGTH: u64 = 5;
/// The effort of a run that is so small that only the number of runs is limited, such as that of a plan that is shrunk already.
const SMALL_RUN: u64 = 4_000;
/// With more operations than these, it is not searched which messages matter.
const FEW_OPERATIONS: usize = 40;
/// The repetitions, of those of the budget, that are kept for the search for a message that should have arrived.
const MISSING_RESERVE: u64 = 6;

/// The shrunk version of a failing run.
struct Shrunk {
    /// Its configuration, with the plan.
    config: Config,
    /// Its history.
    history: History,
    /// The messages whose fate matters in it; `None` if this was not tested.
    messages: Option<Vec<Decisive>>,
    /// A message that did not arrive, and with which the failure disappears.
    missing: Option<Decisive>,
    /// How many repetitions the search took.
    reruns: u64,
    /// Why the search ended early, if it did.
    stop: Option<Stop>,
}

/// Searches for the cause of a run's failure. Returns `None` if the run did not fail, or need not or cannot be repeated.
///
/// # Errors
/// Says why no cause was found.
pub(super) fn explain(config: &Config, run: &Run, simulation: &Simulation) -> Option<Result<Cause, String>> {
    let is_wanted = config.shrink > 0 && (!run.is_as_expected() || config.given.shrink.is_some());
    if !is_wanted || run.time_mode != TimeMode::Virtual || !run.reproducible {
        return None;
    }
    let failure = FailureKind::of(run, simulation.failure())?;
    // A signal during the search can end the program. An error shows when the report is written again.
    let _ = report::write(&run.view(), &run.directory);
    Some(search(config, run, simulation, &failure))
}

fn search(config: &Config, run: &Run, simulation: &Simulation, failure: &FailureKind) -> Result<Cause, String> {
    let began = Instant::now();
    let finding = failure.find(&run.verdict).cloned();
    let main_phase = config.simulation.settings.time_limit.min(run.duration);
    let performed = simulation.performed_in(&run.history);
    let trial = Trial {
        longest_operation: longest_operation(&run.history),
        history: run.history.clone(),
        journal: run.journal.clone(),
        performed,
        finding,
        main_began: simulation.main_began(),
        main_phase,
    };
    let shrunk = shrink(config, failure, trial, trial::effort(simulation))?;
    let (mut again, remarks) = repeat(config, &shrunk, failure)?;
    let messages = shrunk.messages.as_deref().unwrap_or_default();
    let (columns, rows) = cause::table(&again, messages, shrunk.missing.as_ref());
    let is_complete = shrunk.stop.is_none();
    let matter = shrunk.messages.as_ref().map(|messages| messages.len() + usize::from(shrunk.missing.is_some()));
    let kept = |kept: usize, total: u64| Reduction { kept: kept as u64, total };
    let plan = &shrunk.config.simulation.plan;
    let mut cause = Cause {
        is_chosen: false,
        anomaly: failure.name().to_owned(),
        checker: failure.checker().to_owned(),
        headline: again.headline(),
        sentence: cause::sentence(&rows, &columns, &again.history, is_complete),
        operations: kept(plan.operations.as_ref().map_or(0, Vec::len), run.ops().invoked),
        faults: kept(plan.faults.as_ref().map_or(0, Vec::len), run.faults.iter().map(|fault| fault.actions).sum()),
        messages: matter.map(|matter| kept(matter, run.net.servers.send_count)),
        columns,
        rows,
        reruns: shrunk.reruns,
        budget: config.shrink,
        incomplete: shrunk.stop.map(|stop| match stop {
            Stop::Effort => format!("its runs had too many messages for a limit of {} runs (`shrink`)", config.shrink),
            Stop::Budget => format!("the limit of {} runs was reached (`shrink`)", config.shrink),
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
    Ok(cause)
}

/// Runs the shrunk version twice, with all its files, or once after an interrupt. Returns the last run, and what there is to
/// remark.
fn repeat(failing: &Config, shrunk: &Shrunk, failure: &FailureKind) -> Result<(Run, Vec<String>), String> {
    let directory = failing.directory.join(file_names::SHRUNK);
    let aside = failing.directory.join(file_names::REPETITIONS);
    let config = Config {
        directory: directory.clone(),
        shrink: 0,
        expect: None,
        journal: KeepJournal::Always,
        again: Some(format!("maelstrom replay {}", directory.display())),
        progress: None,
        // An interrupt ended the search. What it found is still wanted.
        interrupt: Interrupt::default(),
        ..shrunk.config.clone()
    };
    let finished = |result: Result<Run, RunError>| match result {
        Ok(run) => Ok(run),
        Err(RunError::Broke { run, .. }) => Ok(*run),
        Err(error) => Err(format!("the shrunk run cannot be repeated: {error}")),
    };
    let first = finished(execute::execute(config.clone()))?;
    let (again, difference) = if shrunk.stop == Some(Stop::Interrupted) {
        (first, Ok(None))
    } else {
        fs::rename(&directory, &aside)
            .map_err(|error| format!("`{}` cannot be renamed: {error}", directory.display()))?;
        let again = finished(execute::execute(config));
        let names = [file_names::HISTORY, file_names::MESSAGES];
        let difference = determinism::compare(&aside, &directory, &names);
        let _ = fs::remove_dir_all(&aside);
        (again?, difference)
    };
    if !failure.is_of(&again) {
        return Err("the shrunk run did not fail when it was repeated".into());
    }
    let remark = match difference {
        Ok(None) if again.history.ops != shrunk.history.ops => {
            Some("the runs of the plan agree with each other, but not with that of the search".into())
        }
        Ok(None) => None,
        Ok(Some(difference)) => Some(format!("two runs of the plan differ: {difference}")),
        Err(error) => Some(format!("two runs of the plan could not be compared: {error}")),
    };
    Ok((again, remark.into_iter().collect()))
}

/// The effort that all repetitions together may take.
fn effort_limit(of_failing_run: u64, runs: u64) -> u64 {
    (of_failing_run / RUNS_PER_FULL_LENGTH).max(SMALL_RUN).saturating_mul(runs).max(of_failing_run)
}

/// Cuts a failing run down.
///
/// # Errors
/// Fails if no repetition fails in the same way.
fn shrink(config: &Config, failure: &FailureKind, trial: Trial, effort: u64) -> Result<Shrunk, String> {
    let directory = config.directory.join(file_names::REPETITIONS);
    // A small budget is too small for reserves.
    let reserve = if config.shrink > 10 * MISSING_RESERVE { MISSING_RESERVE } else { 0 };
    let limit = config.shrink - reserve;
    let trials = Trials { failing: config, failure, directory: directory.clone(), limit };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let all = effort_limit(effort, config.shrink);
    let of_passes = if reserve > 0 { (limit * PASSES_PERCENT / 100, all * PASSES_PERCENT / 100) } else { (limit, all) };
    let judge = Judge::new(&trials, &config.interrupt, threads, of_passes);
    let original = Candidate::of(config);
    let workload = &*config.simulation.workload;
    let mut search =
        Search { judge, workload, usual_delay: usual_delay(config), best: original, trial, has_repeated: false };
    let mut stop = search.shrink().err();
    search.judge.set_limit(limit, all - of_passes.1);
    let is_early = matches!(stop, Some(Stop::Budget | Stop::Effort));
    if is_early && search.best.operations().len() > FEW_OPERATIONS {
        // Nobody reads so many operations. Which messages matter is not worth a run yet.
        stop = search.fewer_operations().err().or(stop);
    }
    let Search { mut judge, best, trial, has_repeated, .. } = search;
    let has_few = best.operations().len() <= FEW_OPERATIONS;
    // After an interrupt, there is no time for a run that is nearly as long as the failing one.
    let found = (has_repeated && (has_few || stop != Some(Stop::Interrupted))).then(|| {
        let mut messages = None;
        if stop != Some(Stop::Interrupted) && has_few {
            let (found, early) = matter::search(&mut judge, &best, &trial.journal);
            messages = (early.is_none() || !found.is_empty()).then_some(found);
            stop = early.or(stop);
        }
        let mut missing = None;
        if let Some(node) = trial.culprit(&best)
            && stop != Some(Stop::Interrupted)
        {
            // The reserve is for this.
            judge.set_limit(config.shrink, effort);
            missing = matter::missing(&mut judge, &best, &trial.journal, &node, usual_delay(config)).ok().flatten();
        }
        Shrunk { config: best.config(config), history: trial.history, messages, missing, reruns: judge.used(), stop }
    });
    let _ = fs::remove_dir_all(&directory);
    found.ok_or_else(|| match stop {
        Some(Stop::Interrupted) => "the search was interrupted".into(),
        Some(Stop::Budget | Stop::Effort) => "no repetition failed within the budget (option `shrink`)".into(),
        None => "repetitions of the run did not fail in the same way".into(),
    })
}

/// How long a message between nodes takes usually.
fn usual_delay(config: &Config) -> Nanos {
    let network = &config.simulation.network;
    network.latency + (network.base_delay.0 + network.base_delay.1) / 2
}
