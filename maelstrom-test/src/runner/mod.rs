//! The test runner: runs functions with `#[maelstrom::test]` as test cases.
//!
//! ```text
//! #[maelstrom::test(nodes = [3, 5], seeds = 2)] ──► one case per combination ──► run ──► expect, body, snapshot
//! ```
//!
//! The attribute registers each function. How its cases run depends on the harness of the test target:
//!
//! | harness | cases |
//! | --- | --- |
//! | `harness = false`, with [`main!`](crate::main) | each case is a test of libtest-mimic. `--list`, filters, `--exact`, `--ignored`, `--test-threads`, `--nocapture` and cargo-nextest work as usual. |
//! | the default harness | each function is one `#[test]` that runs all its cases |
//!
//! A case passes if
//!
//! - its run ends as `expect` requires,
//! - the body of the function neither panics nor returns an error, and
//! - its report is equal to its snapshot, if it has one.
//!
//! # Environment variables
#![doc = include_str!("environment.md")]

pub(crate) mod body;
mod case;
mod environment;
mod filters;
pub(crate) mod function;
mod judge;
mod paths;
pub(crate) mod progress;
mod regressions;
mod snapshot;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

#[cfg(feature = "cli")]
pub(crate) use {environment::random_seed, judge::judge};

use case::{Case, CaseFailure};
use environment::Environment;
use function::TestFailure;
use progress::ProgressLine;

/// Runs the registered tests of this program under `harness = false`. Call it with [`main!`](crate::main).
pub fn main() -> ExitCode {
    environment::warn_about_unknown_variables();
    let (mut words, filters) = filters::split(std::env::args());
    if let [filter] = &*filters {
        // A single filter is left to the harness, which also counts the cases that are filtered out.
        words.push(filter.clone());
    }
    let mut arguments = Arguments::from_iter(words);
    let cases = Environment::read().and_then(|environment| {
        let functions = function::registered();
        let is_selected = |case: &Case| filters::select(case, &filters, arguments.exact);
        match Case::empty_selection(&functions, &environment, is_selected) {
            Some(error) => Err(error),
            None => Case::all(&functions, &environment),
        }
    });
    let cases: Vec<Case> = match cases {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(101);
        }
    };
    let cases = if arguments.exact || filters.len() > 1 {
        arguments.filter = None;
        cases.into_iter().filter(|case| filters::select(case, &filters, arguments.exact)).collect()
    } else {
        cases
    };
    body::capture_panics();
    let progress = ProgressLine::for_tests();
    let show_reports = arguments.nocapture;
    let under_nextest = std::env::var_os("NEXTEST").is_some();
    let trial = |case: Case| {
        let progress = progress.clone();
        let ignored = case.function.ignored;
        let name = case.name.clone();
        let run = move || match case.run(progress.as_ref()) {
            Ok(report) if show_reports => {
                println!("{report}");
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(failure) => {
                if under_nextest {
                    // cargo-nextest uses this line as the message of a failure in JUnit reports. The default harness
                    // prints the same line.
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

/// Runs all cases of a function. The `#[test]` of the default harness calls it.
///
/// # Errors
/// Fails if a case fails. The error has the report of each such case.
#[doc(hidden)]
pub fn run_function(module: &str, name: &str) -> Result<(), TestFailure> {
    environment::warn_about_unknown_variables();
    let functions = function::registered();
    let function = functions.iter().find(|function| function.module == module && function.name == name);
    let function = function.ok_or_else(|| TestFailure(format!("{module}::{name} is not registered")))?;
    let cases = Environment::read()
        .and_then(|environment| Case::all(std::slice::from_ref(function), &environment))
        .map_err(TestFailure)?;
    let count = cases.len();
    if count == 0
        && let Ok(environment) = Environment::read()
        && let Some(error) = Case::empty_selection(&functions, &environment, |_| true)
    {
        return Err(TestFailure(error));
    }
    let mut failures = Vec::new();
    for case in cases {
        match case.run(None) {
            Ok(report) => println!("{report}"),
            Err(failure) => failures.push((case.name, failure)),
        }
    }
    // libtest prints `Error: ` before the text, and JUnit reports show its first line.
    let shown = |(name, failure): &(String, CaseFailure)| format!("{}\n\n{name}\n{}", failure.headline, failure.text);
    match &*failures {
        [] => Ok(()),
        [failure] if count == 1 => Err(TestFailure(shown(failure))),
        [first, ..] => {
            let all: Vec<String> = failures.iter().map(shown).collect();
            let head = format!("{} of {count} cases failed, the first: {}", failures.len(), first.1.headline);
            Err(TestFailure(format!("{head}\n\n{}", all.join("\n"))))
        }
    }
}

/// Defines the `main` function of a test target with `harness = false`. Under the default harness it has no effect.
#[macro_export]
macro_rules! main {
    () => {
        fn main() -> ::std::process::ExitCode {
            $crate::runner::main()
        }
    };
}
