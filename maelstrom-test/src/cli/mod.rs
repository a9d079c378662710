//! The program `maelstrom`: the commands of the original, with additions.
//!
//! | command | does |
//! | --- | --- |
//! | `maelstrom test …` | runs a workload once or several times and prints the report |
//! | `maelstrom check …` | checks a recorded history without running nodes |
//! | `maelstrom replay DIR` | runs a stored run again and compares the outcomes |
//! | `maelstrom demo` | runs every workload against built-in nodes |
//! | `maelstrom serve` | serves the stored runs to a browser: list, reports, files |
//! | `maelstrom doc` | prints the reference of workloads, RPCs, errors and options |
//!
//! Exit status: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 the run could not be started or was aborted.

// The standard macros panic if their stream is closed (`maelstrom demo | head`), so these replace them.
macro_rules! println {
    ($($text:tt)*) => { drop(std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($text)*)))) };
}
macro_rules! eprintln {
    ($($text:tt)*) => { drop(std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*)))) };
}

mod arguments;
mod check;
mod demo;
mod doc;
mod interrupt;
mod replay;
mod serve;
mod store;
mod test;

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::checker::Valid;
use crate::scenario::RunError;

/// The exit status for wrong arguments.
const BAD_ARGUMENTS: u8 = 254;
/// The exit status for an aborted run and for other errors.
const ABORTED: u8 = 255;

/// Runs the command on the command line and returns the exit status.
pub fn main() -> ExitCode {
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // clap returns the texts of `--help` and `--version` as errors.
            let code = if error.use_stderr() { BAD_ARGUMENTS } else { 0 };
            // If the stream is closed, the error cannot be reported anywhere.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let result = match matches.subcommand() {
        Some(("test", matches)) => test::main(matches),
        Some(("check", matches)) => check::main(matches),
        Some(("replay", matches)) => replay::main(matches),
        Some(("serve", matches)) => serve::main(matches),
        Some(("demo", matches)) => demo::main(matches),
        Some(("doc", matches)) => doc::main(matches),
        Some(("node", matches)) => return demo::node(matches),
        _ => Err(CliError::Arguments("unknown command\n  help: `maelstrom help` lists the commands".into())),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(CliError::Arguments(wrong)) => {
            eprintln!("error: {wrong}");
            ExitCode::from(BAD_ARGUMENTS)
        }
        Err(CliError::Failed(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(ABORTED)
        }
    }
}

/// Returns how to run this program again. `cargo maelstrom` runs it from its sources, and then it may not be installed.
fn program() -> &'static str {
    let is_run_by_cargo = std::env::var("CARGO_PKG_NAME").is_ok_and(|package| package == env!("CARGO_PKG_NAME"));
    if is_run_by_cargo { "cargo maelstrom" } else { "maelstrom" }
}

/// Prints to standard output, and ignores errors: it may be closed (`maelstrom doc | head`).
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// An error of a command.
#[derive(Debug)]
enum CliError {
    /// The arguments are wrong.
    Arguments(String),
    /// Any other error.
    Failed(String),
}

/// The exit status of a command, or its error.
type CliResult = Result<u8, CliError>;

impl From<RunError> for CliError {
    fn from(error: RunError) -> CliError {
        match error {
            RunError::Options(wrong) => {
                let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                CliError::Arguments(wrong.join("\nerror: "))
            }
            error => CliError::Failed(error.to_string()),
        }
    }
}

/// Returns the exit status for a verdict.
fn status(valid: Valid) -> u8 {
    match valid {
        Valid::True => 0,
        Valid::False => 1,
        Valid::Unknown => 2,
    }
}
