//! `maelstrom test`: runs, and prints the report.

use clap::ArgMatches;

use super::{BROKE, Done, Stop, arguments, interrupt, status, store};
use crate::report::text;
use crate::runner::{self, progress::ProgressLine};
use crate::scenario::options::{self, FrontEnd};
use crate::scenario::{Config, Interrupt, Run, RunError, Scenario};

/// One run, or several.
pub(super) fn main(matches: &ArgMatches) -> Done {
    for flag in arguments::ignored(matches) {
        eprintln!("note: --{flag} means nothing here");
    }
    let workload = matches.get_one::<String>("workload").expect("it has a default");
    let expect = matches.get_one::<String>("expect");
    if let Some(expect) = expect {
        options::check_expect(expect, workload).map_err(|wrong| Stop::Arguments(wrong.to_string()))?;
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
    let count = *matches.get_one::<u64>("seeds").expect("it has a default");
    let mut last = 0;
    for number in 0..count {
        let scenario = scenario(matches, workload)?.seed(first.wrapping_add(number)).interrupt(interrupt.clone());
        if count > 1 {
            eprintln!("run {} of {count}", number + 1);
        }
        last = run(scenario, expect.map(String::as_str), &interrupt, |config| {
            again(std::env::args(), config.simulation.seed)
        })?;
        if last != 0 {
            break;
        }
    }
    Ok(last)
}

/// One seed, twice. The exit status is that of the run; 1 if the two runs of a valid or undecided one differ.
fn check_determinism(scenario: Scenario, expect: Option<&str>, interrupt: &Interrupt) -> Done {
    let scenario = scenario.with_directory()?;
    let config = scenario.config()?;
    let scenario = scenario.again(again(std::env::args(), config.simulation.seed));
    let (run, difference) = scenario.check_determinism()?;
    store::link(&run.directory, &run.workload);
    super::print(&text::render(&run.view(), text::Style::for_stdout()));
    if let Some(note) = run.pace_note() {
        eprintln!("note: {note}");
    }
    println!("");
    if interrupt.is_raised() {
        return Ok(BROKE);
    }
    let status = run_status(expect, config.require_faults, &run);
    let outcome = run.view().outcome();
    let seed = run.seed;
    // A run that failed the same way twice is repeatable, and nobody should take that for a success.
    let also = if status == 0 { String::new() } else { format!("the outcome is {outcome}; ") };
    match difference {
        None => {
            println!("{also}deterministic: two runs with seed {seed} left the same history and journal, byte for byte");
            Ok(status)
        }
        Some(difference) => {
            println!("{also}not deterministic: of two runs with seed {seed}, {difference}");
            Ok(if status == BROKE { BROKE } else { 1 })
        }
    }
}

/// The scenario that the flags describe.
fn scenario(matches: &ArgMatches, workload: &str) -> Result<Scenario, Stop> {
    let bin = matches.get_one::<String>("bin").expect("it is required");
    let args = matches.get_many::<String>("args").into_iter().flatten();
    let mut scenario = Scenario::new(workload).bin(bin).args(args).output(store::folder());
    scenario = scenario.front_end(FrontEnd::CommandLine).allow_unused_options();
    for (name, value) in arguments::given(matches) {
        scenario = scenario.option(name, value);
    }
    for variable in matches.get_many::<String>("pass_env").into_iter().flatten() {
        scenario = match variable.split_once('=') {
            Some((name, value)) => scenario.env(name, value),
            None if std::env::var_os(variable).is_some() => scenario.pass_env(variable),
            None => {
                let wrong = format!("--env {variable}: the variable is not set here; give a value: {variable}=…");
                return Err(Stop::Arguments(wrong));
            }
        };
    }
    let names = node_names(matches)?;
    // As in the original, a number wins over names.
    let is_numbered = matches.value_source("nodes") == Some(clap::parser::ValueSource::CommandLine);
    if is_numbered && !names.is_empty() {
        eprintln!("note: --node-count is given, so the names of --nodes are not used");
    }
    Ok(if is_numbered || names.is_empty() { scenario } else { scenario.nodes(names.join(",")) })
}

/// Names from `--node`, `--nodes` and `--nodes-file`.
fn node_names(matches: &ArgMatches) -> Result<Vec<String>, Stop> {
    let given = matches.get_many::<String>("node-names").into_iter().flatten();
    let mut names: Vec<String> = given.flat_map(|names| names.split(',')).map(|name| name.trim().to_string()).collect();
    if let Some(file) = matches.get_one::<String>("nodes-file") {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Stop::Arguments(format!("--nodes-file {file} cannot be read: {error}")))?;
        names.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string));
    }
    Ok(names)
}

/// Runs one scenario and prints its report, which says with `again` how to repeat it. Returns the exit status.
pub(super) fn run(
    scenario: Scenario,
    expect: Option<&str>,
    interrupt: &Interrupt,
    again: impl Fn(&Config) -> String,
) -> Done {
    // The directory is linked to before the run and after it.
    let scenario = scenario.with_directory()?;
    let config = scenario.config()?;
    let name = config.name.clone();
    let workload = config.simulation.workload.name();
    eprintln!("{workload}: {}, seed {}", config.shape().join(", "), config.simulation.seed);
    let display =
        ProgressLine::for_program().filter(|_| !(config.log_stderr || config.log_net_send || config.log_net_recv));
    let mut scenario = scenario.again(again(&config));
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
        return Ok(BROKE);
    }
    Ok(run_status(expect, config.require_faults, &run))
}

/// The exit status of a finished run.
fn run_status(expect: Option<&str>, require_faults: bool, run: &Run) -> u8 {
    match expect {
        Some(expect) => met(expect, require_faults, run),
        None if run.breakdown.is_some() => BROKE,
        None if require_faults && run.is_valid() => met("valid", true, run),
        None => status(run.verdict.valid()),
    }
}

/// The command line with the seed of the run: what runs it again.
fn again(words: impl Iterator<Item = String>, seed: u64) -> String {
    let mut words = words.skip(1);
    let (mut flags, mut rest) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            // One run is repeated, not a series of them.
            "--seed" | "--test-count" => drop(words.next()),
            "--" => {
                rest.push(word);
                rest.extend(words.by_ref());
            }
            word if word.starts_with("--seed=") || word.starts_with("--test-count=") => {}
            _ => flags.push(word),
        }
    }
    let command = [vec!["maelstrom".into()], flags, vec!["--seed".into(), seed.to_string()], rest].concat();
    command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it.
pub(super) fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// 0 if the run ended as expected, else 1.
fn met(expect: &str, require_faults: bool, run: &Run) -> u8 {
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
        let again = |line: &[&str]| again(line.iter().map(|word| word.to_string()), 7);
        assert_eq!(again(&["x/maelstrom", "test", "-w", "echo"]), "maelstrom test -w echo --seed 7");
        assert_eq!(again(&["m", "test", "--seed", "3", "--bin", "a b"]), "maelstrom test --bin 'a b' --seed 7");
        assert_eq!(again(&["m", "test", "--test-count", "3", "--test-count=4"]), "maelstrom test --seed 7");
        assert_eq!(again(&["m", "test", "--seed=3", "--", "--seed", "1"]), "maelstrom test --seed 7 -- --seed 1");
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote(""), "''");
    }
}
