//! The program `maelstrom`: what people who come from the original's command line expect, and some more.
//!
//! | command | does |
//! | --- | --- |
//! | `maelstrom test …` | one run (or several); prints the report |
//! | `maelstrom check …` | judges a recorded history without running anything |
//! | `maelstrom replay DIR` | runs a stored run again, and says whether the outcome is the same |
//! | `maelstrom demo` | every workload against nodes built into the program |
//! | `maelstrom serve` | stored runs in a browser: list, reports, files |
//! | `maelstrom doc` | the reference of workloads, RPCs, errors and options |
//!
//! Exit status: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 the run itself broke.

/// Replaces the standard macros, which panic if standard output is closed (`maelstrom demo | head`).
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

/// The arguments make no sense.
const BAD_ARGUMENTS: u8 = 254;
/// The run itself broke.
const BROKE: u8 = 255;

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and versions are "errors" to clap, but not to us.
            let code = if error.use_stderr() { BAD_ARGUMENTS } else { 0 };
            // Nobody is left to tell if this cannot be written.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = match matches.subcommand() {
        Some(("test", matches)) => test::main(matches),
        Some(("check", matches)) => check::main(matches),
        Some(("replay", matches)) => replay::main(matches),
        Some(("serve", matches)) => serve::main(matches),
        Some(("demo", matches)) => demo::main(matches),
        Some(("doc", matches)) => doc::main(matches),
        Some(("node", matches)) => return demo::node(matches),
        _ => Err(Stop::Arguments("no such command; see `maelstrom help`".into())),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Stop::Arguments(wrong)) => {
            eprintln!("error: {wrong}");
            ExitCode::from(BAD_ARGUMENTS)
        }
        Err(Stop::Broke(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(BROKE)
        }
    }
}

/// Prints to standard output, which may be closed (`maelstrom doc | head`).
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Why a command ends without a verdict.
#[derive(Debug)]
enum Stop {
    /// The arguments make no sense.
    Arguments(String),
    /// Something else went wrong.
    Broke(String),
}

/// Exit status, or why there is none.
type Done = Result<u8, Stop>;

impl From<RunError> for Stop {
    fn from(error: RunError) -> Stop {
        match error {
            RunError::Options(wrong) => {
                let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                Stop::Arguments(wrong.join("\nerror: "))
            }
            error => Stop::Broke(error.to_string()),
        }
    }
}

/// The exit status of a verdict.
fn status(valid: Valid) -> u8 {
    match valid {
        Valid::True => 0,
        Valid::False => 1,
        Valid::Unknown => 2,
    }
}
