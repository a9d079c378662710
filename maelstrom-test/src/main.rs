//! The program `maelstrom`: see `maelstrom help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    maelstrom::cli::main()
}
