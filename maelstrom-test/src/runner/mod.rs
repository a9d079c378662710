//! The test runner: from functions under `#[maelstrom::test]` to test cases with results.
//!
//! The attribute registers each function. With `harness = false`, [`main!`](crate::main) makes a case of every
//! combination of its lists and seeds and runs them under libtest-mimic: filters, `--list`, `--exact`, `--ignored`,
//! `--test-threads`, `--nocapture` and cargo-nextest work as everywhere. With the ordinary harness each function is one
//! `#[test]` that runs all its cases.
//!
//! A case passes if its run ends as `expect` says, the function's body does not panic or return an error, and its
//! snapshot, if it has one, is as stored.
//!
//! # Environment variables
#![doc = include_str!("environment.md")]

mod body;
mod case;
mod environment;
mod filters;
mod function;
mod judge;
mod paths;
pub mod progress;
mod snapshot;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

pub use body::Outcome;
pub use case::case_file_name;
pub use function::{Failure, Function, Labelled, Source};

#[cfg(feature = "cli")]
pub(crate) use {environment::random_seed, judge::judge};

use case::{Case, CaseFailure};
use environment::Environment;
use progress::Display;

/// Runs the registered tests of this program, as `harness = false` wants it. Call it through
/// [`main!`](crate::main).
pub fn main() -> ExitCode {
    environment::warn_of_unknown();
    let (mut words, filters) = filters::split(std::env::args());
    if let [filter] = &*filters {
        // The only one: the harness can apply it itself, and say how many it has left out.
        words.push(filter.clone());
    }
    let mut arguments = Arguments::from_iter(words);
    let cases = Environment::read().and_then(|environment| {
        let functions = function::registered();
        let is_selected = |case: &Case| filters::select(case, &filters, arguments.exact);
        match Case::nothing_left(&functions, &environment, is_selected) {
            Some(nothing) => Err(nothing),
            None => Case::all(&functions, &environment),
        }
    });
    let cases: Vec<Case> = match cases {
        Ok(cases) => cases,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return ExitCode::from(101);
        }
    };
    let cases = if arguments.exact || filters.len() > 1 {
        arguments.filter = None;
        cases.into_iter().filter(|case| filters::select(case, &filters, arguments.exact)).collect()
    } else {
        cases
    };
    body::silence_panics_of_bodies();
    let display = Display::for_tests();
    let show_reports = arguments.nocapture;
    let under_nextest = std::env::var_os("NEXTEST").is_some();
    let trial = |case: Case| {
        let display = display.clone();
        let ignored = case.function.ignored;
        let name = case.name.clone();
        let run = move || match case.run(display.as_ref()) {
            Ok(report) if show_reports => {
                println!("{report}");
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(failure) => {
                if under_nextest {
                    // cargo-nextest takes the message of a JUnit failure from such a line, as the ordinary harness
                    // prints it.
                    eprintln!("Error: {}", failure.headline);
                }
                Err(Failed::from(failure.text))
            }
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    let trials = cases.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs all cases of one function: what the plain `#[test]` of the ordinary harness calls.
///
/// # Errors
/// The failures of its cases, each under the case's name.
pub fn run_function(module: &str, name: &str) -> Result<(), Failure> {
    environment::warn_of_unknown();
    let functions = function::registered();
    let function = functions.iter().find(|function| function.module == module && function.name == name);
    let function = function.ok_or_else(|| Failure(format!("{module}::{name} is not registered")))?;
    let cases = Environment::read()
        .and_then(|environment| Case::all(std::slice::from_ref(function), &environment))
        .map_err(Failure)?;
    let count = cases.len();
    if count == 0
        && let Ok(environment) = Environment::read()
        && let Some(nothing) = Case::nothing_left(&functions, &environment, |_| true)
    {
        return Err(Failure(nothing));
    }
    let mut failures = Vec::new();
    for case in cases {
        match case.run(None) {
            Ok(report) => println!("{report}"),
            Err(failure) => failures.push((case.name, failure)),
        }
    }
    // libtest prints `Error: ` before it, and JUnit reports show its first line.
    let shown = |(name, failure): &(String, CaseFailure)| format!("{}\n\n{name}\n{}", failure.headline, failure.text);
    match &*failures {
        [] => Ok(()),
        [failure] if count == 1 => Err(Failure(shown(failure))),
        [first, ..] => {
            let all: Vec<String> = failures.iter().map(shown).collect();
            let head = format!("{} of {count} cases failed, the first: {}", failures.len(), first.1.headline);
            Err(Failure(format!("{head}\n\n{}", all.join("\n"))))
        }
    }
}

/// The `main` function of a test target with `harness = false`; with the ordinary harness it does no harm.
#[macro_export]
macro_rules! main {
    () => {
        fn main() -> ::std::process::ExitCode {
            $crate::runner::main()
        }
    };
}
