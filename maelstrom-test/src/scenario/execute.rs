//! Executes a run: prepares the directory, drives the simulation with an executor, and checks the history.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use crate::json::{Map, Value};

use super::options::OUTCOMES;
use super::pace::Pace;
use super::paths::lost_paths;
use super::recorder::Recorder;
use super::{
    Config, KeepJournal, NetStats, Run, RunError, TimeChoice, WorkingDirectory, journal, judge, shrink, turns,
};
use crate::checker::exceptions::Exceptions;
use crate::checker::{Availability, CheckContext, Checker, Perf, Results, Stats, Valid, Verdict};
use crate::executor::{self, NodeProgram, VirtualTimeStats};
use crate::history::{History, OpType, Pair};
use crate::nemesis::FaultKind;
use crate::network::NetworkConfig;
use crate::plan::FaultEffect;
use crate::report::file_names::{self, NODE_LOGS};
use crate::report::{self, Breakdown, Expectation, FaultSummary, NodeLog, TimeMode};
use crate::simulation::{self, Failure, Simulation};

/// The file that marks the directory of a run. Only directories with this file are replaced.
const MARKER: &str = file_names::SCENARIO;

/// Executes a run and checks it.
pub(super) fn execute(mut config: Config) -> Result<Run, RunError> {
    let (clock, fallback) = choose_clock(&mut config)?;
    config.notes.splice(0..0, fallback.clone());
    let _turn = (clock == TimeMode::Real).then(turns::wait);
    let began = Instant::now();
    let (_lock, programs) = prepare(&config).map_err(|error| cannot_write(&config.directory, &error))?;
    if clock == TimeMode::Virtual {
        config.simulation.network.base_delay = NetworkConfig::VIRTUAL_BASE_DELAY;
    }
    let mut simulation = Simulation::new(config.simulation.clone());
    let stats = drive(&config, clock, &programs, &mut simulation)?;
    let mut run = finish(config.clone(), clock, &mut simulation, stats, began);
    run.real_time_fallback = fallback;
    match shrink::explain(&config, &run, &simulation) {
        Some(Ok(cause)) => run.cause = Some(cause),
        Some(Err(why)) => run.notes.push(format!("the cause was not found: {why}")),
        None => {}
    }
    if run.cause.is_none() && run.breakdown.is_none() && !run.is_as_expected() {
        run.cause = journal::choose(&run);
        if let Some(cause) = &mut run.cause {
            cause.add_log_lines(&run.directory);
        }
    }
    let written = report::write(&run.view(), &run.directory);
    run.has_report = written.is_ok();
    if !run.has_journal {
        // An unneeded file is not worth an error.
        let _ = fs::remove_file(run.directory.join(file_names::MESSAGES));
    }
    if let Err(error) = written {
        let story = format!("the run completed, but its report is incomplete: {error}");
        let headline = "the report cannot be written".into();
        run.breakdown.get_or_insert(Breakdown { headline, story, ..Breakdown::default() });
    }
    match &run.breakdown {
        None => Ok(run),
        Some(breakdown) => Err(RunError::Broke { reason: breakdown.story.clone(), run: Box::new(run) }),
    }
}

/// Returns the error for a directory that cannot be created. Errors of the file system get a hint to choose another directory.
pub(super) fn cannot_write(directory: &Path, error: &io::Error) -> RunError {
    let mut text = format!("cannot create the directory of the run `{}`: {error}", directory.display());
    if error.kind() != io::ErrorKind::Other {
        text += "\n  help: set the environment variable MAELSTROM_OUTPUT to a writable directory";
    }
    RunError::Setup(text)
}

/// Returns the requested clock. If it is not available, returns the other clock, with a note that names the reason.
fn choose_clock(config: &mut Config) -> Result<(TimeMode, Option<String>), RunError> {
    let mut fallback = None;
    if config.time != TimeChoice::Real {
        let program = &config.program.path;
        let possible = match executor::virtual_time::available() {
            Ok(()) if executor::is_32_bit(program) => Err(format!("`{}` is a 32-bit program", program.display())),
            other => other.map_err(|missing| missing.to_string()),
        };
        match possible {
            Ok(()) => return Ok((TimeMode::Virtual, None)),
            Err(missing) if config.time == TimeChoice::Virtual => {
                return Err(RunError::Setup(format!(
                    "virtual time is not available: {missing}\n  help: use `time = \"auto\"` or `time = \"real\"`"
                )));
            }
            Err(missing) => {
                let usual = report::length(config.simulation.settings.time_limit);
                let shorter = if config.fall_back_to_real_time() {
                    let shorter = report::length(config.simulation.settings.time_limit);
                    format!(", for {shorter} instead of {usual}")
                } else {
                    String::new()
                };
                fallback = Some(format!("in real time{shorter}: {missing}"));
            }
        }
    }
    let shifts_clocks = match &config.simulation.plan.faults {
        Some(faults) => faults.iter().any(|fault| matches!(fault.does, FaultEffect::Clock(_))),
        None => config.simulation.faults.contains(&FaultKind::Clock),
    };
    if shifts_clocks {
        let why = "the clock fault needs virtual time: in real time all nodes share the machine's clock";
        return Err(RunError::Setup(why.into()));
    }
    Ok((TimeMode::Real, fallback))
}

/// A lock that prevents other runs from replacing the directory of an active run.
struct Lock(File);

impl Lock {
    fn new(file: File) -> Lock {
        // Some file systems have no locks. The user is then responsible for not using a directory twice.
        let _ = file.try_lock();
        Lock(file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough, because a process that another thread is starting may have inherited it.
        let _ = self.0.unlock();
    }
}

/// Creates the directory of the run, with one directory for each node. Removes an earlier run.
fn prepare(config: &Config) -> io::Result<(Lock, Vec<NodeProgram>)> {
    let directory = std::path::absolute(&config.directory)?;
    clear(&directory)?;
    fs::create_dir_all(&directory)?;
    let mut marker = File::create(directory.join(MARKER))?;
    write_json(&mut marker, &config.to_json())?;
    let lock = Lock::new(marker);
    write_json(&mut File::create(directory.join(file_names::PLAN))?, &config.plan_json()?)?;
    Ok((lock, prepare_nodes(config, &directory)?))
}

fn write_json(file: &mut File, value: &Value) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// Creates the directories and the logs of all nodes below an absolute directory.
pub(super) fn prepare_nodes(config: &Config, directory: &Path) -> io::Result<Vec<NodeProgram>> {
    fs::create_dir_all(directory.join(NODE_LOGS))?;
    config.simulation.settings.nodes.iter().map(|name| prepare_node(config, directory, name)).collect()
}

fn prepare_node(config: &Config, directory: &Path, name: &str) -> io::Result<NodeProgram> {
    let own = directory.join(file_names::NODES).join(name);
    fs::create_dir_all(&own)?;
    let mut env = config.program.env.clone();
    env.push(("MAELSTROM_NODE_ID".into(), name.into()));
    let log = directory.join(NODE_LOGS).join(file_names::node_log(name));
    fs::write(&log, "")?;
    let (program, args) = (config.program.path.clone(), config.program.args.clone());
    let cwd = match config.cwd {
        WorkingDirectory::Node => None,
        WorkingDirectory::Package => config.program.base.clone(),
    };
    Ok(NodeProgram { name: name.to_owned(), program, args, env, directory: own, cwd, log })
}

/// Removes the directory of an earlier run.
///
/// # Errors
/// Fails if the directory belongs to an active run, or is neither empty nor the directory of a run.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if let Ok(marker) = File::open(directory.join(MARKER)) {
        if let Err(TryLockError::WouldBlock) = marker.try_lock() {
            return Err(io::Error::other(
                "an active run uses it\n  help: wait until that run ends, or choose another directory",
            ));
        }
        fs::remove_dir_all(directory)
    } else if entries.next().is_none() {
        Ok(())
    } else {
        Err(io::Error::other(
            "it exists and is not the directory of a run\n  help: remove it, or choose another directory",
        ))
    }
}

/// Drives the simulation on a separate thread, because the thread of the caller may belong to an event loop or may be traced by
/// a debugger. Returns the statistics of virtual time.
fn drive(
    config: &Config,
    clock: TimeMode,
    programs: &[NodeProgram],
    simulation: &mut Simulation,
) -> Result<VirtualTimeStats, RunError> {
    let failed = |error: io::Error| RunError::Setup(format!("cannot start the run: {error}"));
    let mut recorder = Recorder::new(config, programs).map_err(failed)?;
    let thread = std::thread::Builder::new().name("maelstrom-run".into());
    let written = std::thread::scope(|scope| {
        let run = thread.spawn_scoped(scope, || {
            let stats = match clock {
                TimeMode::Virtual => {
                    executor::virtual_time::run(simulation, programs, config.simulation.seed, &mut recorder)
                }
                TimeMode::Real => {
                    executor::real::run(simulation, programs, &mut recorder);
                    VirtualTimeStats::default()
                }
            };
            recorder.finish(simulation).map(|()| stats)
        })?;
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    Ok(written.unwrap_or_else(|error| {
        let directory = config.directory.display();
        simulation.fail(Failure::Machine(format!("the run's files in {directory} cannot be written: {error}")));
        VirtualTimeStats::default()
    }))
}

/// The parts of a verdict, in the order of reports.
const PARTS: [&str; 5] = ["exceptions", "stats", "availability", "workload", "perf"];

/// Adds one part to the verdict on a history.
pub(super) fn check(
    part: &'static str,
    config: &Config,
    history: &History,
    exceptions: &Exceptions,
    verdict: &mut Results,
) {
    let (settings, context) = (&config.simulation.settings, context(config));
    // How much succeeds says nothing about a few operations that a plan spells out.
    let is_spelled_out = config.simulation.plan.operations.is_some();
    let required = config.availability.filter(|_| !is_spelled_out);
    let judged = match part {
        "exceptions" => exceptions.verdict(settings.lenient),
        "stats" if is_spelled_out => {
            let planned = config.simulation.plan.operations.as_deref().unwrap_or_default();
            let nothing_happened =
                !planned.is_empty() && !history.pairs().into_iter().any(|pair| may_have_happened(history, pair));
            let reason =
                nothing_happened.then(|| "no operation of the plan succeeded, so nothing was tested".to_owned());
            let valid = if nothing_happened { Valid::Unknown } else { Valid::True };
            Verdict { valid, reason, findings: Vec::new(), ..Stats.check(history, &context) }
        }
        "stats" => Stats.check(history, &context),
        "availability" => Availability { required }.check(history, &context),
        "perf" => Perf.check(history, &context),
        _ => config.simulation.workload.checker(settings).check(history, &context),
    };
    verdict.add(part, judged);
}

/// Whether an operation of a client can have had an effect.
fn may_have_happened(history: &History, pair: Pair) -> bool {
    let (Some(invocation), completion) = history.entries(pair) else { return false };
    invocation.process.client().is_some() && completion.is_none_or(|op| op.kind != OpType::Fail)
}

fn context(config: &Config) -> CheckContext {
    let settings = &config.simulation.settings;
    CheckContext { nodes: settings.nodes.clone(), concurrency: settings.concurrency, ..CheckContext::default() }
}

fn finish(
    config: Config,
    clock: TimeMode,
    simulation: &mut Simulation,
    stats: VirtualTimeStats,
    began: Instant,
) -> Run {
    let history = simulation.take_history();
    let breakdown = simulation.failure().map(|failure| {
        let mut breakdown = Breakdown::of(failure, simulation.now());
        // If the node printed something, its program was found.
        if matches!(failure, Failure::NodeExited { .. } | Failure::NoResponse { .. }) && breakdown.stdout.is_empty() {
            for lost in lost_paths(&config.program, config.cwd) {
                breakdown.story.push_str(&format!("\n{}\nhelp: {}", lost.wrong, lost.help));
            }
        }
        breakdown
    });
    let context = context(&config);
    let mut verdict = Results::default();
    for part in PARTS {
        check(part, &config, &history, simulation.exceptions(), &mut verdict);
    }
    let invoked = history.ops.iter().filter(|op| op.process.client().is_some() && op.kind == OpType::Invoke).count();
    let logs = config.simulation.settings.nodes.iter();
    let logs = logs.filter_map(|node| {
        NodeLog::read(node, &config.directory.join(NODE_LOGS).join(file_names::node_log(node))).ok()
    });
    let mut notes = config.notes.clone();
    notes.extend_from_slice(simulation.notes());
    notes.extend(simulation.unmet_overrides().into_iter().map(|unmet| format!("plan: {unmet}")));
    let (expect, require_faults) = (config.expect.clone(), config.require_faults);
    let journal = config.journal;
    let expected_anomaly = expect.clone().filter(|expect| !OUTCOMES.contains(&&**expect));
    let reproducible = clock == TimeMode::Virtual && stats.nondeterminism.is_empty();
    notes.extend(stats.nondeterminism.into_iter().map(|why| format!("not reproducible: {why}")));
    let mut run = Run {
        workload: config.simulation.workload.name().to_owned(),
        seed: config.simulation.seed,
        time_mode: clock,
        verdict,
        net: NetStats::new(simulation.network().stats(), invoked as u64),
        faults: tallies(simulation),
        notes,
        real_time_fallback: None,
        context,
        journal: simulation.network().journal().kept().to_vec(),
        journal_events: simulation.network().journal().events(),
        scenario: config.shape(),
        options: config.options(),
        logs: logs.collect(),
        duration: simulation.now(),
        elapsed: began.elapsed(),
        pace: Pace::new(config.simulation.settings.nodes.iter().map(String::as_str).zip(stats.wall_times)),
        breakdown,
        reproducible,
        name: config.name,
        history,
        settings: config.simulation.settings,
        directory: config.directory,
        has_report: true,
        has_journal: true,
        again: config.again,
        expected_anomaly,
        expectation: None,
        cause: None,
    };
    run.expectation = expect.map(|expect| {
        let failure = judge(&expect, require_faults, &run).err();
        Expectation { expect, failure }
    });
    run.has_journal = journal == KeepJournal::Always || !run.is_as_expected();
    run
}

fn tallies(simulation: &Simulation) -> Vec<FaultSummary> {
    let tally = |(kind, counts): (FaultKind, simulation::FaultCounts)| FaultSummary {
        kind: kind.name().to_owned(),
        actions: counts.actions,
        had_effect: counts.had_effect(),
        counts: Map::from_iter(counts.effects.into_iter().map(|(name, count)| (name.to_owned(), count.into()))),
    };
    simulation.fault_report().into_iter().map(tally).collect()
}

impl Breakdown {
    /// Describes a run that was aborted at this time for the report.
    fn of(failure: &Failure, time: u64) -> Breakdown {
        let (headline, node) = (failure.headline(), failure.node().map(str::to_owned));
        let usual = Breakdown { headline, node, story: failure.to_string(), time: Some(time), ..Breakdown::default() };
        match failure.clone() {
            // The report shows the last lines of the output separately.
            Failure::NodeExited { node, status, stdout, stderr, log } => Breakdown {
                story: format!("node {node} exited ({status}) before the run was over"),
                stdout,
                stderr,
                log,
                ..usual
            },
            Failure::NoResponse { stdout, .. } => Breakdown { stdout, ..usual },
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_completed_runs_are_replaced() {
        let directory = std::env::temp_dir().join(format!("maelstrom-replaced-{}", std::process::id()));
        let why = || clear(&directory).expect_err("the directory must not be removed").to_string();
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("thesis.tex"), "years of work").unwrap();
        assert!(why().contains("is not the directory of a run"), "{}", why());
        let lock = Lock::new(File::create(directory.join(MARKER)).unwrap());
        // A process that is started at this moment has inherited the file.
        let _inherited = lock.0.try_clone().unwrap();
        assert!(why().contains("an active run uses it"), "{}", why());
        drop(lock);
        clear(&directory).unwrap();
        assert!(!directory.exists());
        clear(&directory).unwrap();
    }

    #[test]
    fn a_plan_of_which_nothing_happened_tests_nothing() {
        use crate::history::Op;
        use crate::json::json;
        use crate::plan::{Operation, OperationPhase, Overrides};

        let read = Operation {
            phase: OperationPhase::Main,
            time_ns: 0,
            worker: 0,
            f: "read".into(),
            value: json!([1, null]),
            is_final: false,
            extra: Map::new(),
        };
        let valid = |operations: Vec<Operation>, kinds: &[OpType]| {
            let overrides = Overrides { operations: Some(operations), ..Overrides::default() };
            let scenario = super::super::Scenario::new("lin-kv").bin("/bin/sh").overrides(overrides);
            let entries = kinds.iter().map(|kind| Op::new(0, *kind, 0, "read", json!([1, null])));
            let history = History { ops: entries.collect() };
            let mut verdict = Results::default();
            check("stats", &scenario.config().unwrap(), &history, &Exceptions::default(), &mut verdict);
            verdict.valid()
        };
        assert_eq!(valid(vec![read.clone()], &[]), Valid::Unknown);
        assert_eq!(valid(vec![read.clone()], &[OpType::Invoke, OpType::Fail]), Valid::Unknown);
        assert_eq!(valid(vec![read.clone()], &[OpType::Invoke, OpType::Ok]), Valid::True);
        assert_eq!(valid(vec![read], &[OpType::Invoke]), Valid::True, "it may have happened");
        assert_eq!(valid(Vec::new(), &[]), Valid::True, "faults alone can be planned");
    }
}
