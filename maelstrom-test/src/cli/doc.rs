//! `maelstrom doc`: prints the reference, which is generated from the code.

use std::fmt::Write;

use clap::ArgMatches;

use super::{CliError, CliResult};
use crate::checker::anomalies;
use crate::protocol::ErrorCode;
use crate::scenario::options;
use crate::workload::{self, Workload};

/// Prints the reference as Markdown, or the part about one workload.
pub(super) fn main(matches: &ArgMatches) -> CliResult {
    match matches.get_one::<String>("workload") {
        Some(name) => {
            let workload = workload::by_name(name).map_err(|error| CliError::Arguments(error.to_string()))?;
            super::print(describe(&*workload).trim_start());
        }
        None => super::print(&reference()),
    }
    Ok(0)
}

fn reference() -> String {
    let mut text = String::from("# Reference\n\n## Workloads\n");
    for workload in workload::all() {
        text += &describe(&*workload);
    }
    text += "\n## Errors\n\nA definite error means that the operation did not happen and never will.\n\n";
    text += "| code | name | definite | meaning |\n| ---: | --- | :---: | --- |\n";
    for row in ErrorCode::ALL {
        let definite = if row.definite { "yes" } else { "" };
        line(&mut text, format_args!("| {} | {} | {definite} | {} |", row.code, row.name, row.meaning));
    }
    text += "\n## Options\n\n| attribute | flag | default | workloads | meaning |\n| --- | --- | --- | --- | --- |\n";
    for row in options::all() {
        let flag = match row.flag {
            None => String::new(),
            Some(flag) if flag.argument.is_empty() => format!("`--{}`", flag.name),
            Some(flag) => format!("`--{} {}`", flag.name, flag.argument.replace('|', "\\|")),
        };
        let workloads = if row.workloads.is_empty() { "all".to_string() } else { row.workloads.join(", ") };
        line(&mut text, format_args!("| `{}` | {flag} | {} | {workloads} | {} |", row.name, row.default.text, row.doc));
    }
    text += "\n## Environment variables of tests\n\n";
    text += include_str!("../runner/environment.md");
    text
}

fn describe(workload: &dyn Workload) -> String {
    let mut text = format!("\n### {}\n\n{}\n", workload.name(), workload.doc());
    for rpc in workload.rpcs() {
        line(&mut text, format_args!("\n**{}** {}\n", rpc.name, rpc.doc));
        line(&mut text, format_args!("```\n{}\n→ {}\n```", rpc.request_schema(), rpc.response_schema()));
    }
    let found = anomalies::of_workload(workload.name()).unwrap_or_default();
    text += "\n| anomaly | meaning |\n| --- | --- |\n";
    for anomaly in found {
        line(&mut text, format_args!("| `{}` | {} |", anomaly.name, anomaly.meaning));
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_complete() {
        let text = reference();
        for workload in options::WORKLOADS {
            assert!(text.contains(&format!("### {workload}\n")), "{workload}");
        }
        for row in options::all() {
            assert!(text.contains(&format!("| `{}` |", row.name)), "{}", row.name);
        }
        for words in ["| 22 | precondition-failed | yes |", "`nonlinearizable`", "{type: \"cas\"", "MAELSTROM_SEEDS"] {
            assert!(text.contains(words), "{words}");
        }
    }
}
