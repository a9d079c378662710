//! `maelstrom demo`: runs every workload against built-in nodes. This is a self-test without other programs.

use std::process::ExitCode;

use clap::ArgMatches;
use maelstrom_node::nodes;

use super::{BAD_ARGUMENTS, CliError, CliResult, arguments, interrupt, store, test};
use crate::runner;
use crate::scenario::options::FrontEnd;
use crate::scenario::{Config, Scenario};
use crate::workload;

/// Runs every workload. Returns the highest exit status.
pub(super) fn main(matches: &ArgMatches) -> CliResult {
    let program = std::env::current_exe()
        .map_err(|error| CliError::Failed(format!("the path of this program is not available: {error}")))?;
    let names = nodes::names().collect::<Vec<_>>();
    let interrupt = interrupt::on_signals();
    let mut worst = 0;
    for workload in workload::all() {
        let node = node_for(workload.name(), &names);
        let node = node.ok_or_else(|| {
            CliError::Failed(format!("there is no built-in node for the workload `{}`", workload.name()))
        })?;
        let mut scenario = Scenario::new(workload.clone())
            .bin(&program)
            .output(store::directory())
            .front_end(FrontEnd::CommandLine)
            .args(["node", node])
            .time_limit("10s")
            .rate(50)
            .latency("10ms")
            .seed(runner::random_seed())
            .interrupt(interrupt.clone());
        if workload.name() == "echo" {
            scenario = scenario.nodes(1);
        }
        for (name, value) in arguments::given(matches) {
            scenario = scenario.option(name, value);
        }
        // The command `demo` would repeat the runs of all workloads.
        let again = |config: &Config| {
            format!("{} replay {}", super::program(), test::quote(&config.directory.to_string_lossy()))
        };
        worst = worst.max(test::run(scenario, None, &interrupt, again)?);
        if interrupt.is_raised() {
            return Ok(worst);
        }
        println!("");
    }
    let all = if worst == 0 { "all workloads are valid" } else { "not all workloads are valid" };
    let program = super::program();
    println!("{all}\n  help: `{program} serve` shows the runs in a browser, `{program} doc` describes the workloads");
    Ok(worst)
}

/// Returns the correct node for a workload: the one with its name, or one based on Raft, which may serve a family of
/// workloads (`txn-raft`).
fn node_for<'a>(workload: &str, names: &[&'a str]) -> Option<&'a str> {
    let family = workload.split('-').next().unwrap_or(workload);
    let candidates = [workload.to_string(), format!("{workload}-raft"), format!("{family}-raft")];
    candidates.iter().find_map(|candidate| names.iter().find(|name| **name == candidate).copied())
}

/// `maelstrom node NAME`: runs a built-in node. `demo` starts its nodes with this command.
pub(super) fn node(matches: &ArgMatches) -> ExitCode {
    let name = matches.get_one::<String>("name").expect("the argument is required");
    nodes::run(name).unwrap_or_else(|| {
        eprintln!(
            "error: there is no node `{name}`\n  help: the nodes are {}",
            nodes::names().collect::<Vec<_>>().join(", ")
        );
        ExitCode::from(BAD_ARGUMENTS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_the_name_of_its_workload_or_is_based_on_raft() {
        let names = ["echo", "lin-kv-proxy", "lin-kv-raft", "txn-raft"];
        assert_eq!(node_for("echo", &names), Some("echo"));
        assert_eq!(node_for("txn-rw-register", &names), Some("txn-raft"));
        assert_eq!(node_for("lin-kv", &names), Some("lin-kv-raft"));
        assert_eq!(node_for("kafka", &names), None);
    }
}
