//! `maelstrom test`: runs a workload and prints the report.

use clap::ArgMatches;

use super::{ABORTED, CliError, CliResult, arguments, interrupt, status, store};
use crate::report::text;
use crate::runner::{self, progress::ProgressLine};
use crate::scenario::options::{self, FrontEnd};
use crate::scenario::{Config, Interrupt, Run, RunError, Scenario};

/// Runs the workload once, or several times with successive seeds.
pub(super) fn main(matches: &ArgMatches) -> CliResult {
    for flag in arguments::ignored(matches) {
        eprintln!("note: --{flag} has no effect");
    }
    let workload = matches.get_one::<String>("workload").expect("the flag has a default");
    let expect = matches.get_one::<String>("expect");
    if let Some(expect) = expect {
        options::check_expect(expect, workload).map_err(|wrong| CliError::Arguments(wrong.to_string()))?;
    }
    let first = match matches.get_one::<String>("seed") {
        Some(seed) => seed.replace('_', "").parse().unwrap_or_default(),
        None => runner::random_seed(),
    };
    let interrupt = interrupt::on_signals();
    if matches.get_flag("check-determinism") {
        let scenario = scenario(matches, workload)?.seed(first).interrupt(interrupt.clone());
        return check_determinism(scenario, expect.map(String::as_str), &interrupt);
    }
    let count = *matches.get_one::<u64>("seeds").expect("the flag has a default");
    let mut last = 0;
    for number in 0..count {
        let scenario = scenario(matches, workload)?.seed(first.wrapping_add(number)).interrupt(interrupt.clone());
        if count > 1 {
            eprintln!("run {} of {count}", number + 1);
        }
        last = run(scenario, expect.map(String::as_str), &interrupt, |config| {
            repeat_command(super::program(), std::env::args(), config.simulation.seed)
        })?;
        if last != 0 {
            break;
        }
    }
    Ok(last)
}

/// Runs one seed twice. Returns the exit status of the second run, or 1 if the runs differ and were not aborted.
fn check_determinism(scenario: Scenario, expect: Option<&str>, interrupt: &Interrupt) -> CliResult {
    let scenario = scenario.with_directory()?;
    let config = scenario.config()?;
    let scenario = scenario.again(repeat_command(super::program(), std::env::args(), config.simulation.seed));
    let (run, difference) = scenario.check_determinism()?;
    store::link(&run.directory, &run.workload);
    super::print(&text::render(&run.view(), text::Style::for_stdout()));
    if let Some(note) = run.pace_note() {
        eprintln!("note: {note}");
    }
    println!("");
    if interrupt.is_raised() {
        return Ok(ABORTED);
    }
    let status = run_status(expect, config.require_faults, &run);
    let outcome = run.view().outcome();
    let seed = run.seed;
    // Two identical runs can both be invalid. Without the outcome, the line below would read like a success.
    let prefix = if status == 0 { String::new() } else { format!("outcome {outcome}, ") };
    match difference {
        None => {
            println!(
                "{prefix}deterministic: two runs with seed {seed} have the same history and journal, byte for byte"
            );
            Ok(status)
        }
        Some(difference) => {
            println!("{prefix}not deterministic: two runs with seed {seed} differ: {difference}");
            Ok(if status == ABORTED { ABORTED } else { 1 })
        }
    }
}

/// Creates the scenario from the flags.
fn scenario(matches: &ArgMatches, workload: &str) -> Result<Scenario, CliError> {
    let bin = matches.get_one::<String>("bin").expect("the argument is required");
    let args = matches.get_many::<String>("args").into_iter().flatten();
    let mut scenario = Scenario::new(workload).bin(bin).args(args).output(store::directory());
    scenario = scenario.front_end(FrontEnd::CommandLine).allow_unused_options();
    for (name, value) in arguments::given(matches) {
        scenario = scenario.option(name, value);
    }
    for variable in matches.get_many::<String>("pass_env").into_iter().flatten() {
        scenario = match variable.split_once('=') {
            Some((name, value)) => scenario.env(name, value),
            None if std::env::var_os(variable).is_some() => scenario.pass_env(variable),
            None => {
                return Err(CliError::Arguments(format!(
                    "--env: the variable `{variable}` is not set\n  help: set it, or write `--env {variable}=…`"
                )));
            }
        };
    }
    let names = node_names(matches)?;
    // As in the original, a number takes precedence over names.
    let is_numbered = matches.value_source("nodes") == Some(clap::parser::ValueSource::CommandLine);
    if is_numbered && !names.is_empty() {
        eprintln!("note: the names of the nodes are ignored, because --node-count is given");
    }
    Ok(if is_numbered || names.is_empty() { scenario } else { scenario.nodes(names.join(",")) })
}

/// Returns the names from `--node`, `--nodes` and `--nodes-file`.
fn node_names(matches: &ArgMatches) -> Result<Vec<String>, CliError> {
    let given = matches.get_many::<String>("node-names").into_iter().flatten();
    let mut names: Vec<String> = given.flat_map(|names| names.split(',')).map(|name| name.trim().to_string()).collect();
    if let Some(file) = matches.get_one::<String>("nodes-file") {
        let text = std::fs::read_to_string(file)
            .map_err(|error| CliError::Arguments(format!("--nodes-file: cannot read `{file}`: {error}")))?;
        names.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string));
    }
    Ok(names)
}

/// Runs one scenario and prints its report. `repeat` returns the command that repeats the run. Returns the exit status.
pub(super) fn run(
    scenario: Scenario,
    expect: Option<&str>,
    interrupt: &Interrupt,
    repeat: impl Fn(&Config) -> String,
) -> CliResult {
    // The links need the directory before the run.
    let scenario = scenario.with_directory()?;
    let config = scenario.config()?;
    let name = config.name.clone();
    let workload = config.simulation.workload.name();
    eprintln!("{workload}: {}, seed {}", config.shape().join(", "), config.simulation.seed);
    let display =
        ProgressLine::for_program().filter(|_| !(config.log_stderr || config.log_net_send || config.log_net_recv));
    let mut scenario = scenario.again(repeat(&config));
    if let Some(expect) = expect {
        scenario = scenario.expect(expect);
    }
    store::link_current(&config.directory, workload);
    if let Some(display) = &display {
        scenario = scenario.progress(display.sink(&name));
    }
    let result = scenario.run();
    if let Some(display) = &display {
        display.finish(&name);
    }
    let run = match result {
        Ok(run) => run,
        Err(RunError::Broke { run, .. }) => *run,
        Err(error) => return Err(error.into()),
    };
    store::link(&run.directory, &run.workload);
    super::print(&text::render(&run.view(), text::Style::for_stdout()));
    if let Some(note) = run.pace_note() {
        eprintln!("note: {note}");
    }
    if interrupt.is_raised() {
        return Ok(ABORTED);
    }
    Ok(run_status(expect, config.require_faults, &run))
}

/// Returns the exit status for a run.
pub(super) fn run_status(expect: Option<&str>, require_faults: bool, run: &Run) -> u8 {
    match expect {
        Some(expect) => expectation_status(expect, require_faults, run),
        None if run.breakdown.is_some() => ABORTED,
        None if require_faults && run.is_valid() => expectation_status("valid", true, run),
        None => status(run.verdict.valid()),
    }
}

/// Returns the command that repeats a run: the command line with the seed of the run.
fn repeat_command(program: &str, words: impl Iterator<Item = String>, seed: u64) -> String {
    let mut words = words.skip(1);
    let (mut flags, mut rest) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            // The command repeats one run, not all of them.
            "--seed" | "--test-count" => drop(words.next()),
            "--" => {
                rest.push(word);
                rest.extend(words.by_ref());
            }
            word if word.starts_with("--seed=") || word.starts_with("--test-count=") => {}
            _ => flags.push(word),
        }
    }
    let words = [flags, vec!["--seed".into(), seed.to_string()], rest].concat();
    words.iter().fold(program.to_owned(), |command, word| command + " " + &quote(word))
}

/// Quotes a word for a shell if necessary.
pub(super) fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Returns 0 if the run ended as expected. Otherwise prints the difference and returns 1.
fn expectation_status(expect: &str, require_faults: bool, run: &Run) -> u8 {
    match runner::judge(expect, require_faults, run) {
        Ok(()) => 0,
        Err(why) => {
            println!("{why}");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_repeats_a_run_has_its_seed() {
        let again = |line: &[&str]| repeat_command("maelstrom", line.iter().map(|word| word.to_string()), 7);
        assert_eq!(again(&["x/maelstrom", "test", "-w", "echo"]), "maelstrom test -w echo --seed 7");
        assert_eq!(again(&["m", "test", "--seed", "3", "--bin", "a b"]), "maelstrom test --bin 'a b' --seed 7");
        assert_eq!(again(&["m", "test", "--test-count", "3", "--test-count=4"]), "maelstrom test --seed 7");
        assert_eq!(again(&["m", "test", "--seed=3", "--", "--seed", "1"]), "maelstrom test --seed 7 -- --seed 1");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote(""), "''");
    }
}
