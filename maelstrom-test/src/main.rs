//! The program `maelstrom`: see `maelstrom help`.

use std::process::ExitCode;

use maelstrom::cli::{self, BuiltInNodes};

// The nodes of `fixtures`, for `maelstrom demo` (a link, so that the package stands alone).
mod nodes;

fn main() -> ExitCode {
    cli::main(&BuiltInNodes { names: || nodes::names().collect(), run: nodes::run })
}
