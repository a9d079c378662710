use std::time::Duration;

use super::*;
use crate::json::json;
use crate::nemesis::FaultKind;
use crate::network::Distribution;
use crate::scenario::{Program, Scenario};
use crate::workload::{self, Topology};

fn scenario(workload: &str) -> Scenario {
    Scenario::new(workload).bin("/bin/sh").directory("unused")
}

fn wrong(scenario: Scenario) -> String {
    scenario.config().expect_err("the options are invalid").to_string()
}

#[test]
fn tables_of_names_agree_with_the_types_that_use_them() {
    let workloads = workload::all();
    assert_eq!(workloads.iter().map(|workload| workload.name()).collect::<Vec<_>>(), options::WORKLOADS);
    assert_eq!(FaultKind::ALL.map(FaultKind::name), options::FAULTS);
    assert_eq!(Topology::NAMES, options::TOPOLOGIES);
    assert_eq!(TimeChoice::NAMES, options::TIME_MODES);
    assert_eq!(WorkingDirectory::NAMES, options::WORKING_DIRECTORIES);
    assert_eq!(KeepJournal::NAMES, options::JOURNALS);
    for workload in &workloads {
        assert!(crate::checker::anomalies::of_workload(workload.name()).is_some());
    }
}

/// Workloads determine these defaults. The table contains them as text.
#[test]
fn the_table_documents_the_defaults_of_workloads() {
    let text = |name: &str| options::find(name).expect("the option exists").default.text;
    let timeout = |workload: &str| {
        let config = scenario(workload).config().expect("the options are valid");
        crate::report::length(config.simulation.client_timeout())
    };
    let of_lin_kv = format!("; lin-kv: {}, or ten times the latency if that is longer", timeout("lin-kv"));
    for workload in options::WORKLOADS.iter().filter(|name| **name != "lin-kv") {
        assert_eq!(text("timeout"), format!("the workload's: {}{of_lin_kv}", timeout(workload)));
    }
    let workers = |workload: &str| {
        scenario(workload).nodes(1).config().expect("the options are valid").simulation.settings.concurrency
    };
    let of_lin_kv = format!("; lin-kv: `{}n`", workers("lin-kv"));
    for workload in options::WORKLOADS.iter().filter(|name| **name != "lin-kv") {
        assert_eq!(text("concurrency"), format!("`{}n`{of_lin_kv}", workers(workload)));
    }
}

/// Only the rows of the table connect options with fields.
#[test]
fn every_option_sets_its_field() {
    let values = [
        ("nodes", "a,b"),
        ("concurrency", "6"),
        ("rate", "7"),
        ("time_limit", "8s"),
        ("ops_per_key", "9"),
        ("require_faults", "true"),
        ("lenient", "true"),
        ("latency", "10ms"),
        ("latency_dist", "normal"),
        ("latency_shape", "0.5"),
        ("client_latency", "11ms"),
        ("p_loss", "0.12"),
        ("p_duplicate", "0.13"),
        ("nemesis", "kill,pause"),
        ("nemesis_interval", "14s"),
        ("topology", "line"),
        ("availability", "0.15"),
        ("consistency_models", "serializable"),
        ("key_count", "16"),
        ("min_txn_length", "2"),
        ("max_txn_length", "3"),
        ("max_writes_per_key", "17"),
        ("sequential_keys", "true"),
        ("linearizable_keys", "true"),
        ("ww_deps", "true"),
        ("seed", "18"),
        ("time", "real"),
        ("cwd", "package"),
        ("quiet_period", "19s"),
        ("timeout", "20ms"),
        ("max_messages", "21"),
        ("journal", "failures"),
        ("shrink", "500"),
        ("log_stderr", "true"),
        ("log_net_send", "true"),
        ("log_net_recv", "true"),
    ];
    assert_eq!(values.map(|(name, _)| name).to_vec(), options::OPTIONS.iter().map(|row| row.name).collect::<Vec<_>>());
    for (name, value) in values {
        let workload = options::find(name).and_then(|row| row.workloads.last().copied()).unwrap_or("echo");
        let mut scenario = scenario(workload).option(name, value);
        if name == "latency_shape" {
            scenario = scenario.latency_dist("normal");
        }
        let config = scenario.config().expect(name);
        let shown = config.options().into_iter().find(|(shown, _)| shown == name).expect(name).1;
        assert_eq!(shown, value, "{name}");
    }
}

#[test]
fn plain_defaults_are_those_of_the_original() {
    let config = scenario("lin-kv").config().expect("the options are valid");
    assert_eq!(config.simulation.settings.nodes, ["n0", "n1", "n2", "n3", "n4"]);
    assert_eq!(config.simulation.settings.concurrency, 10);
    assert_eq!((config.simulation.rate, config.simulation.network.latency), (5.0, 0));
    assert_eq!(config.simulation.network.distribution, Distribution::Constant);
    assert_eq!(config.simulation.settings.time_limit, 60_000_000_000);
    assert!(!config.require_faults);
    assert_eq!(config.name, "lin-kv");
}

#[test]
fn tests_have_different_defaults() {
    let config = scenario("echo").defaults(Defaults::Test).config().expect("the options are valid");
    assert_eq!((config.simulation.rate, config.simulation.network.latency), (100.0, 10_000_000));
    assert_eq!(config.journal, KeepJournal::Failures);
    assert_eq!(config.shrink, 200);
    assert_eq!(config.simulation.network.distribution, Distribution::Exponential);
    assert!(config.require_faults);
    let config = scenario("echo").defaults(Defaults::Test).latency("5ms").config().expect("the options are valid");
    let network = &config.simulation.network;
    assert_eq!((network.latency, network.distribution), (5_000_000, Distribution::Constant));
}

#[test]
fn values_can_have_rust_types() {
    let config = scenario("broadcast")
        .nodes(["a", "b"])
        .latency(Duration::from_millis(7))
        .rate(2.5)
        .nemesis(["kill", "pause"])
        .log_stderr(true)
        .topology("line")
        .config()
        .expect("the options are valid");
    assert_eq!(config.simulation.settings.nodes, ["a", "b"]);
    assert_eq!(config.simulation.network.latency, 7_000_000);
    assert_eq!(config.simulation.rate, 2.5);
    assert_eq!(config.simulation.faults, [FaultKind::Kill, FaultKind::Pause]);
    assert!(config.log_stderr);
    assert_eq!(config.simulation.settings.topology, "line");
}

#[test]
fn all_errors_are_reported_at_once() {
    let error = wrong(scenario("echo").nodes(0).topology("line").option("node", 3).p_loss(2));
    insta::assert_snapshot!(error, @r#"
    there is no option `node`
      help: did you mean "nodes"?
    nodes: `0` is not a number of nodes
      help: write a number from 1 to 1000, or the names of the nodes separated by commas
    p_loss: `2` is out of range
      help: write a number from 0 to 1
    the workload echo does not use the option `topology`; broadcast does
      help: remove it
    "#);
    assert!(wrong(scenario("lin-kb")).contains("did you mean \"lin-kv\"?"));
    let lengths = scenario("txn-list-append").min_txn_length(5).max_txn_length(2);
    assert!(wrong(lengths).contains("more than max_txn_length"));
}

#[test]
fn shapes_of_latencies_depend_on_the_distribution() {
    let config = scenario("echo")
        .latency("5ms")
        .latency_dist("pareto")
        .latency_shape(1.5)
        .config()
        .expect("the options are valid");
    let network = &config.simulation.network;
    assert_eq!((network.latency, network.distribution), (5_000_000, Distribution::Pareto { alpha: 1.5 }));
    let options = config.options();
    let at = options.iter().position(|(name, _)| name == "latency_dist").expect("the option exists");
    assert_eq!(options[at + 1], ("latency_shape".into(), "1.5".into()));
    let usual = scenario("echo").latency_dist("lognormal").config().expect("the options are valid");
    assert_eq!(usual.simulation.network.distribution, Distribution::LogNormal { sigma: 0.5 });
    assert_eq!(
        wrong(scenario("echo").latency_shape(0.5)),
        "latency_shape: the latency distribution `constant` has no shape\n  \
         help: set latency_dist to one that has: normal, lognormal and pareto"
    );
    assert!(wrong(scenario("echo").latency_dist("normal").latency_shape(2)).contains("from 0 to 1"));
    assert!(wrong(scenario("echo").latency_dist("log-normal")).contains("did you mean \"lognormal\"?"));
}

#[test]
fn unused_options_can_be_a_note() {
    let config = scenario("echo").topology("line").allow_unused_options().config().expect("unused options are allowed");
    assert!(config.notes[0].contains("broadcast does"), "{:?}", config.notes);
}

#[test]
fn adapted_concurrency_is_a_note() {
    let config = scenario("lin-kv").nodes(3).concurrency(7).config().expect("the concurrency is adapted");
    assert_eq!(config.simulation.settings.concurrency, 12);
    assert!(config.notes[0].contains("12 clients instead of the requested 7"), "{:?}", config.notes);
}

#[test]
fn a_stored_scenario_can_be_restored() {
    let scenario = scenario("broadcast")
        .args(["-v", "x y"])
        .env("MODE", "fast")
        .name("gossip")
        .defaults(Defaults::Test)
        .nodes(3)
        .latency("5ms")
        .nemesis(["kill", "pause"])
        .cwd("package")
        .seed(u64::MAX);
    let config = scenario.config().expect("the options are valid");
    let again = Scenario::from_json(&config.to_json()).and_then(|again| again.config().map_err(|e| e.to_string()));
    let again = again.expect("the stored scenario is complete");
    assert_eq!(again.to_json(), config.to_json());
    assert_eq!(again.options(), config.options());
    assert_eq!((config.cwd, again.cwd), (WorkingDirectory::Package, WorkingDirectory::Package));
    assert_eq!((again.simulation.seed, again.program), (u64::MAX, Program { has_stored_env: true, ..config.program }));
    assert!(Scenario::from_json(&json!({"version": 2})).is_err_and(|why| why.contains("version 1")));
}

#[test]
fn only_options_of_the_original_accept_numbers_without_a_unit() {
    let config =
        scenario("echo").time_limit(30).latency(5).nemesis_interval(0.5).config().expect("the options are valid");
    assert_eq!(config.simulation.settings.time_limit, 30_000_000_000);
    assert_eq!((config.simulation.network.latency, config.simulation.nemesis_interval), (5_000_000, 500_000_000));
    let number = scenario("echo").quiet_period(3).timeout(500);
    insta::assert_snapshot!(wrong(number.clone()), @r#"
    quiet_period: `3` has no unit
      help: write "3s" for seconds or "3ms" for milliseconds
    timeout: `500` has no unit
      help: write "500s" for seconds or "500ms" for milliseconds
    "#);
    let config =
        number.front_end(options::FrontEnd::CommandLine).config().expect("flags accept numbers without a unit");
    assert_eq!((config.simulation.quiet_period, config.simulation.timeout), (3_000_000_000, Some(500_000_000)));
    let config = scenario("echo").quiet_period(0).config().expect("zero needs no unit");
    assert_eq!(config.simulation.quiet_period, 0);
}

/// Earlier versions stored values in several notations.
#[test]
fn scenarios_of_earlier_versions_can_be_restored() {
    let stored = json!({
        "version": 1, "name": "x", "workload": "echo", "defaults": "test", "seed": 3,
        "program": {"path": "/bin/sh", "args": [], "env": {}, "base": null, "hash": null},
        "options": {"latency": "7000000ns", "quiet_period": "5", "timeout": "250", "journal": "failures", "nodes": "2"},
    });
    let config =
        Scenario::from_json(&stored).expect("the stored scenario is complete").config().expect("the options are valid");
    assert_eq!(config.simulation.network.latency, 7_000_000);
    assert_eq!((config.simulation.quiet_period, config.simulation.timeout), (5_000_000_000, Some(250_000_000)));
    assert_eq!(config.simulation.settings.nodes, ["n0", "n1"]);
}

#[test]
fn the_fallback_to_real_time_shortens_only_the_default_time_limit() {
    let mut config = scenario("echo").config().expect("the options are valid");
    assert!(config.fall_back_to_real_time());
    assert_eq!(config.simulation.settings.time_limit, 20_000_000_000);
    let mut config = scenario("echo").time_limit(30).config().expect("the options are valid");
    assert!(!config.fall_back_to_real_time());
    assert_eq!(config.simulation.settings.time_limit, 30_000_000_000);
}
