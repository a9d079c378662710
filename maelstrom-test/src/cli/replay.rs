//! `maelstrom replay`: runs a stored run again.

use std::fs;
use std::path::Path;

use clap::ArgMatches;
use serde_json::Value;

use super::{Done, Stop, interrupt, store};
use crate::report::{TimeMode, text};
use crate::scenario::{Run, RunError, Scenario};

/// Runs it again and compares.
pub(super) fn main(matches: &ArgMatches) -> Done {
    let directory = Path::new(matches.get_one::<String>("directory").expect("it is required"));
    let stored = read(directory, "scenario.json")?;
    let results = read(directory, "results.json")?;
    let scenario = Scenario::from_json(&stored).map_err(|why| {
        Stop::Arguments(format!("{} cannot be run again: {why}", directory.join("scenario.json").display()))
    })?;
    let config = scenario.config()?;
    if config.program_hash().as_deref() != stored["program"]["hash"].as_str() {
        eprintln!("note: the node program {} is not the one of the stored run", config.program.path.display());
    }
    let run = match scenario.directory(&config.directory).interrupt(interrupt::on_signals()).run() {
        Ok(run) => run,
        Err(RunError::Broke { run, .. }) => *run,
        Err(error) => return Err(error.into()),
    };
    store::link(&run.directory, &run.workload);
    print!("{}", text::render(&run.view(), text::Style::for_stdout()));
    match difference(directory, &results, &run) {
        None => {
            println!("the outcome is the same");
            Ok(0)
        }
        Some(difference) => {
            println!("the outcome differs: {difference}");
            Ok(1)
        }
    }
}

fn read(directory: &Path, name: &str) -> Result<Value, Stop> {
    let file = directory.join(name);
    let text = fs::read(&file).map_err(|error| {
        Stop::Arguments(format!(
            "{} does not hold a run: {} cannot be read: {error}",
            directory.display(),
            file.display()
        ))
    })?;
    serde_json::from_slice(&text).map_err(|error| Stop::Arguments(format!("{}: {error}", file.display())))
}

/// What is not as it was: the outcome, or, where time was virtual both times, any entry of the history.
fn difference(directory: &Path, stored: &Value, run: &Run) -> Option<String> {
    let (before, now) = (stored["outcome"].as_str().unwrap_or("unknown"), run.view().outcome());
    if before != now {
        return Some(format!("it was {before}, and is {now} now"));
    }
    let was_virtual = stored["scenario"]["time"] == "virtual";
    if !was_virtual || run.time_mode != TimeMode::Virtual {
        return None;
    }
    let lines = |directory: &Path| fs::read_to_string(directory.join("history.jsonl")).unwrap_or_default();
    first_difference(&lines(directory), &lines(&run.directory))
}

fn first_difference(before: &str, now: &str) -> Option<String> {
    let (mut before, mut now) = (before.lines(), now.lines());
    for number in 1.. {
        match (before.next(), now.next()) {
            (None, None) => return None,
            (before, now) if before == now => {}
            (before, now) => {
                let (before, now) = (before.unwrap_or("(no more entries)"), now.unwrap_or("(no more entries)"));
                return Some(format!("entry {number} of the history\n  was  {before}\n  is   {now}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_that_differs_is_shown() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").as_deref(), Some("entry 2 of the history\n  was  b\n  is   c"));
        assert!(first_difference("a\n", "a\nc\n").is_some_and(|text| text.contains("(no more entries)")));
    }
}
