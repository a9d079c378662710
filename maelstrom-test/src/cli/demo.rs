//! `maelstrom demo`: every workload against nodes that are built into this program, a self-test that needs nothing else.

use std::process::ExitCode;

use clap::ArgMatches;
use maelstrom_node::nodes;

use super::{BAD_ARGUMENTS, Done, Stop, arguments, interrupt, store, test};
use crate::runner;
use crate::scenario::options::FrontEnd;
use crate::scenario::{Config, Scenario};
use crate::workload;

/// Runs every workload. The exit status is the worst of all.
pub(super) fn main(matches: &ArgMatches) -> Done {
    let program =
        std::env::current_exe().map_err(|error| Stop::Broke(format!("this program does not find itself: {error}")))?;
    let names = nodes::names().collect::<Vec<_>>();
    let interrupt = interrupt::on_signals();
    let mut worst = 0;
    for workload in workload::all() {
        let node = node_for(workload.name(), &names);
        let node = node.ok_or_else(|| Stop::Broke(format!("no node for {} is built in", workload.name())))?;
        let mut scenario = Scenario::new(workload.clone())
            .bin(&program)
            .output(store::folder())
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
        // The command `demo` would run all of them again.
        let again = |config: &Config| format!("maelstrom replay {}", test::quote(&config.directory.to_string_lossy()));
        worst = worst.max(test::run(scenario, None, &interrupt, again)?);
        if interrupt.is_raised() {
            return Ok(worst);
        }
        println!("");
    }
    let all = if worst == 0 { "all workloads are valid" } else { "not all workloads are valid" };
    println!(
        "{all}; `maelstrom serve` shows these runs in a browser, `maelstrom doc` says what each workload asks for"
    );
    Ok(worst)
}

/// The correct node for a workload: the one named like it, or the one on Raft (which may serve a family of workloads:
/// `txn-raft`).
fn node_for<'a>(workload: &str, names: &[&'a str]) -> Option<&'a str> {
    let family = workload.split('-').next().unwrap_or(workload);
    let candidates = [workload.to_string(), format!("{workload}-raft"), format!("{family}-raft")];
    candidates.iter().find_map(|candidate| names.iter().find(|name| **name == candidate).copied())
}

/// `maelstrom node NAME`: what `demo` starts.
pub(super) fn node(matches: &ArgMatches) -> ExitCode {
    let name = matches.get_one::<String>("name").expect("it is required");
    nodes::run(name).unwrap_or_else(|| {
        eprintln!("error: there is no node `{name}`; nodes are: {}", nodes::names().collect::<Vec<_>>().join(", "));
        ExitCode::from(BAD_ARGUMENTS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_named_like_the_workload_or_its_implementation() {
        let names = ["echo", "lin-kv-proxy", "lin-kv-raft", "txn-raft"];
        assert_eq!(node_for("echo", &names), Some("echo"));
        assert_eq!(node_for("txn-rw-register", &names), Some("txn-raft"));
        assert_eq!(node_for("lin-kv", &names), Some("lin-kv-raft"));
        assert_eq!(node_for("kafka", &names), None);
    }
}
