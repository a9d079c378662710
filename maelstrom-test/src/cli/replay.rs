//! `maelstrom replay`: runs a stored run again and compares the outcomes.

use std::fs;
use std::path::Path;

use crate::json::Value;
use clap::ArgMatches;

use super::{CliError, CliResult, interrupt, store};
use crate::report::{TimeMode, file_names, text};
use crate::scenario::{self, Run, RunError, Scenario};

/// Runs the stored run again and compares the outcomes.
pub(super) fn main(matches: &ArgMatches) -> CliResult {
    let directory = Path::new(matches.get_one::<String>("directory").expect("the argument is required"));
    let bin = matches.get_one::<String>("bin");
    if directory.is_file() {
        return run_plan(directory, bin);
    }
    // The link `latest` refers to another run afterwards.
    let directory = &directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let stored = read(directory, file_names::SCENARIO)?;
    // An aborted run may have no results. Then only the files of the runs are compared.
    let results = read(directory, file_names::RESULTS).ok();
    let again = if directory.join(file_names::PLAN).exists() {
        Scenario::from_plan(directory)?
    } else {
        // The run of an earlier version.
        Scenario::from_json(&stored).map_err(|why| {
            CliError::Arguments(format!("cannot replay `{}`: {why}", directory.join(file_names::SCENARIO).display()))
        })?
    };
    let again = bin.into_iter().fold(again, |again, bin| again.bin(bin));
    // Tests keep the messages only if a run does not end as expected.
    let has_messages = directory.join(file_names::MESSAGES).exists();
    let again = again.output(store::directory()).journal(if has_messages { "always" } else { "failures" });
    let config = again.config()?;
    if config.program_hash().as_deref() != stored["program"]["hash"].as_str() {
        eprintln!("note: the node program `{}` differs from that of the stored run", config.program.path.display());
    }
    let stored_env = stored["program"]["env"].as_object().into_iter().flatten();
    let stored_env: Vec<(String, String)> =
        stored_env.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    for difference in scenario::differences(&stored_env) {
        eprintln!("note: {difference}; nodes get the stored environment");
    }
    let run = match again.interrupt(interrupt::on_signals()).run() {
        Ok(run) => run,
        Err(RunError::Broke { run, .. }) => *run,
        Err(error) => return Err(error.into()),
    };
    store::link(&run.directory, &run.workload);
    super::print(&text::render(&run.view(), text::Style::for_stdout()));
    match difference(directory, results.as_ref(), has_messages, &run) {
        None if has_messages => {
            println!("the outcome is the same");
            Ok(0)
        }
        None => {
            println!("the outcome is the same; the messages of the stored run were not kept and are not compared");
            Ok(0)
        }
        Some(difference) => {
            println!("the outcome differs: {difference}");
            Ok(1)
        }
    }
}

/// Runs a plan that is not in the directory of a run, so that there is nothing to compare with.
fn run_plan(file: &Path, bin: Option<&String>) -> CliResult {
    let scenario = Scenario::from_plan(file)?;
    let scenario = bin.into_iter().fold(scenario, |scenario, bin| scenario.bin(bin)).output(store::directory());
    if scenario.has_no_program() {
        return Err(CliError::Arguments(format!(
            "the plan `{}` has no node program\n  help: name it: `--bin PROGRAM`",
            file.display()
        )));
    }
    let run = match scenario.interrupt(interrupt::on_signals()).run() {
        Ok(run) => run,
        Err(RunError::Broke { run, .. }) => *run,
        Err(error) => return Err(error.into()),
    };
    store::link(&run.directory, &run.workload);
    super::print(&text::render(&run.view(), text::Style::for_stdout()));
    Ok(super::test::run_status(None, false, &run))
}

fn read(directory: &Path, name: &str) -> Result<Value, CliError> {
    let file = directory.join(name);
    let text = fs::read(&file).map_err(|error| {
        CliError::Arguments(format!(
            "`{}` is not the directory of a run: cannot read `{}`: {error}",
            directory.display(),
            file.display()
        ))
    })?;
    crate::json::from_slice(&text)
        .map_err(|error| CliError::Arguments(format!("cannot parse `{}`: {error}", file.display())))
}

/// Describes the first difference between the runs: the outcome, or the first different line of history and journal if both
/// runs used virtual time.
fn difference(directory: &Path, stored: Option<&Value>, has_messages: bool, run: &Run) -> Option<String> {
    let now = run.view().outcome();
    match stored.and_then(|stored| stored["outcome"].as_str()) {
        Some(before) if before != now => return Some(format!("it was {before} and is now {now}")),
        _ => {}
    }
    let was_virtual = stored.is_none_or(|stored| stored["scenario"]["time"] == "virtual");
    if !was_virtual || run.time_mode != TimeMode::Virtual {
        return None;
    }
    let files = [file_names::HISTORY, file_names::MESSAGES];
    match scenario::compare(directory, &run.directory, &files[..1 + usize::from(has_messages)]) {
        Ok(difference) => difference.map(|difference| difference.to_string()),
        Err(error) => Some(format!("cannot compare the files of the two runs: {error}")),
    }
}
