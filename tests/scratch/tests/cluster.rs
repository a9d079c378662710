#![deny(warnings, clippy::all)]
#![forbid(unsafe_code)]

mod own;

use std::time::Duration;

/// One case for each number of nodes.
#[maelstrom::test(workload = "unique-ids", nodes = [1, 3], time_limit = "1s", rate = 50)]
fn ids_are_unique(run: &maelstrom::Run) {
    assert!(run.ops().ok > 5);
    assert!(run.latency().quantile(1.0) < Duration::from_secs(5));
    assert_eq!(run.file("history.jsonl").parent(), Some(&*run.directory));
    if run.name.contains("nodes=1") {
        assert_eq!(run.net.servers.send_count, 0);
    }
}

#[maelstrom::test(
    workload = "unique-ids",
    nodes = 3,
    time_limit = "1s",
    rate = 50,
    args = ["bad"],
    expect = "duplicated",
    snapshot = false
)]
fn bare_counter_is_caught() {}

#[maelstrom::test(workload = "unique-ids", nodes = 3, time_limit = "1s", rate = 50, args = ["bad"], expect = "duplicated")]
#[ignore = "its snapshot must be stored first"]
fn bare_counter_matches_snapshot() {}

#[maelstrom::test(workload = "unique-ids", nodes = 3, time_limit = "1s", rate = 50, snapshot = "full")]
#[ignore = "its snapshot must be stored first"]
fn full_report_matches_snapshot() {}

#[maelstrom::test(workload = "unique-ids", nodes = 3, time_limit = "1s", rate = 50, args = ["bad"])]
#[ignore = "it fails, on purpose"]
fn fails() {}

#[maelstrom::test(workload = "unique-ids", nodes = 1, time_limit = "1s", rate = 50, args = ["crash"], expect = "error")]
fn crash_aborts_the_run() {}

#[maelstrom::test(workload = "unique-ids", nodes = 1, time_limit = "500ms", rate = 50)]
#[should_panic(expected = "boom")]
fn panic_is_expected(run: &maelstrom::Run) {
    assert!(!run.is_valid(), "boom");
}

#[maelstrom::test(workload = "unique-ids", nodes = 1, time_limit = "500ms", rate = 50)]
#[ignore = "it fails, on purpose"]
fn returns_an_error() -> Result<(), std::num::ParseIntError> {
    "seven".parse::<u8>().map(drop)
}

#[maelstrom::test(workload = "unique-ids", command = ["no-such-program"])]
#[ignore = "it fails, on purpose"]
fn program_is_missing() {}

#[maelstrom::test(workload = own::PAIRS, nodes = 1, time_limit = "500ms", rate = 50)]
fn own_workload(run: &maelstrom::Run) {
    assert_eq!((&*run.workload, run.is_valid()), ("tuples", true));
}

#[maelstrom::test(workload = own::PAIRS, nodes = 1, time_limit = "500ms", rate = 50, args = ["bad"], expect = "wrong-length", snapshot = false)]
fn own_workload_finds_anomaly() {}

#[maelstrom::test(workload = "unique-ids", nodes = 1, time_limit = "500ms", rate = 50, nemesis = "partition")]
#[ignore = "it fails, on purpose"]
fn fault_without_effect_fails() {}

#[maelstrom::test(
    workload = "unique-ids",
    nodes = 1,
    time_limit = "500ms",
    rate = 50,
    nemesis = "partition",
    require_faults = false
)]
fn fault_without_effect_is_allowed() {}

#[cfg(any())]
#[maelstrom::test(workload = "unique-ids")]
fn never_compiled() {
    does_not_exist();
}

mod inner {
    #[maelstrom::test(workload = "unique-ids", nodes = 1, time_limit = "500ms", rate = 50, seeds = 2)]
    fn nested() -> Result<(), String> {
        Ok(())
    }
}

maelstrom::main!();
