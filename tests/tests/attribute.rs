//! `#[maelstrom::test]` in a user's package: both harnesses, cargo-nextest, and the errors of the compiler.

use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use maelstrom_e2e::{Printed, run, shared};

const CASES: [&str; 16] = [
    "bare_counter_is_caught",
    "bare_counter_matches_snapshot",
    "crash_aborts_the_run",
    "fails",
    "fault_without_effect_fails",
    "fault_without_effect_is_allowed",
    "full_report_matches_snapshot",
    "ids_are_unique::nodes=1",
    "ids_are_unique::nodes=3",
    "inner::nested::seed=0",
    "inner::nested::seed=1",
    "own_workload",
    "own_workload_finds_anomaly",
    "panic_is_expected",
    "program_is_missing",
    "returns_an_error",
];

fn cluster(words: &[&str], variables: &[(&str, &str)]) -> Printed {
    let (scratch, program) = shared();
    // Tests share the package, so a plan that one of them keeps would fail the others.
    let variables = [("MAELSTROM_REGRESSIONS", "off")].iter().chain(variables).copied();
    run(scratch.program(program, words).envs(variables))
}

/// Tests that run the case `fails` take turns, because its runs have one directory.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names that the program lists, sorted.
fn listed(words: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let printed = cluster(&[&["--list", "--format", "terse"], words].concat(), variables).expect_status(0);
    let name = |line: &str| line.strip_suffix(": test").unwrap_or_else(|| panic!("not a test: {line}")).to_string();
    let mut names: Vec<String> = printed.stdout.lines().map(name).collect();
    names.sort();
    names
}

#[test]
fn exactly_the_cases_are_listed() {
    assert_eq!(listed(&[], &[]), CASES);
    let ignored = listed(&["--ignored"], &[]);
    assert_eq!(
        ignored,
        [
            "bare_counter_matches_snapshot",
            "fails",
            "fault_without_effect_fails",
            "full_report_matches_snapshot",
            "program_is_missing",
            "returns_an_error",
        ]
    );
    assert_eq!(
        listed(&["nested", "nodes=3"], &[]),
        ["ids_are_unique::nodes=3", "inner::nested::seed=0", "inner::nested::seed=1"]
    );
    let widened = listed(&["inner::nested"], &[("MAELSTROM_SEEDS", "5..8")]);
    assert_eq!(widened, ["inner::nested::seed=5", "inner::nested::seed=6", "inner::nested::seed=7"]);
}

#[test]
fn cases_that_are_not_ignored_pass() {
    let printed = cluster(&[], &[]).expect_status(0);
    assert!(printed.stdout.contains("10 passed; 0 failed; 6 ignored"), "{}", printed.stdout);
}

#[test]
fn the_name_of_a_function_selects_all_its_cases() {
    for (name, count) in [("ids_are_unique", 2), ("ids_are_unique::nodes=3", 1), ("inner::nested", 2), ("inner", 0)] {
        let printed = cluster(&["--exact", name, "--nocapture"], &[("MAELSTROM_PROGRESS", "never")]).expect_status(0);
        assert!(printed.stdout.contains(&format!("{count} passed")), "{name}: {}", printed.stdout);
    }
}

#[test]
fn failures_have_a_short_report() {
    let _turn = turn();
    let printed = cluster(&["--ignored", "--exact", "fails"], &[("MAELSTROM_SEED", "7")]).expect_status(101);
    assert!(printed.stdout.lines().count() < 40, "{}", printed.stdout);
    for words in ["expected: valid", "seed 7", "report.html", "MAELSTROM_SEED=7 cargo test fails"] {
        assert!(printed.stdout.contains(words), "{words} in {}", printed.stdout);
    }
    let printed = cluster(&["--ignored", "returns_an_error"], &[]).expect_status(101);
    assert!(printed.stdout.contains("Error: ParseIntError"), "{}", printed.stdout);
    let printed = cluster(&["--ignored", "program_is_missing"], &[]).expect_status(101);
    assert!(printed.stdout.contains("the node program `no-such-program` does not exist"), "{}", printed.stdout);
    assert!(!printed.stdout.contains("panicked") && printed.stderr.is_empty(), "{printed:?}");
}

#[test]
fn the_plan_of_a_failure_is_kept_and_runs_first() {
    let _turn = turn();
    let plans = shared().0.root.join("plans");
    let directory = plans.to_str().expect("the path is UTF-8");
    let fails = |variables: &[(&str, &str)]| {
        let variables = [&[("MAELSTROM_REGRESSIONS", directory)], variables].concat();
        cluster(&["--ignored", "--exact", "fails"], &variables).expect_status(101).stdout
    };
    let plan = plans.join("cluster/fails.json");
    let printed = fails(&[("MAELSTROM_SHRINK", "0")]);
    assert!(!plan.exists() && !printed.contains("kept"), "{printed}");
    let printed = fails(&[]);
    assert!(printed.contains("expected: valid") && printed.contains("plans/cluster/fails.json"), "{printed}");
    let kept = fs::read_to_string(&plan).expect("the plan is kept");
    assert!(kept.contains("\"operations\"") && !kept.contains("\"program\""), "{kept}");
    let printed = fails(&[]);
    assert!(printed.contains("the failure of the plan") && !printed.contains("expected: valid"), "{printed}");
    // A seed that was asked for is not preceded by plans.
    assert!(fails(&[("MAELSTROM_SEED", "7")]).contains("expected: valid"));
    fs::remove_dir_all(plans).expect("it was there");
}

#[test]
fn a_fault_without_effect_fails_unless_it_is_allowed() {
    let printed = cluster(&["--ignored", "fault_without_effect_fails"], &[]).expect_status(101);
    // Reports are wrapped.
    let text = printed.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["took no effect: partition", "valid (partition had no effect)", "there is only one node"] {
        assert!(text.contains(words), "{words} in {}", printed.stdout);
    }
    let printed = cluster(&["--exact", "fault_without_effect_is_allowed", "--nocapture"], &[]).expect_status(0);
    assert!(printed.stdout.contains("valid (partition had no effect)"), "{}", printed.stdout);
}

#[test]
fn wrong_environment_variables_are_one_message() {
    let printed = cluster(&[], &[("MAELSTROM_SEED", "seven")]).expect_status(101);
    assert_eq!(printed.stderr, "error: MAELSTROM_SEED: `seven` is neither a number nor `random`\n");
    let printed = cluster(&[], &[("MAELSTROM_CASE", "nodes=7")]).expect_status(101);
    let expected = "error: MAELSTROM_CASE: no case of this test program has `nodes=7` in its name\n  help: ";
    assert!(printed.stderr.starts_with(expected), "{}", printed.stderr);
    // Cases that the command line filters out are not an error.
    cluster(&["no-such-case"], &[("MAELSTROM_CASE", "nodes=7")]).expect_status(0);
}

#[test]
fn snapshots_are_beside_the_tests_of_the_user() {
    let (scratch, _) = shared();
    let pinned = ["--ignored", "bare_counter_matches_snapshot"];
    let folder = scratch.root.join("tests/snapshots");
    let file = folder.join("cluster__bare_counter_matches_snapshot.snap");
    let printed = cluster(&pinned, &[("INSTA_UPDATE", "no")]).expect_status(101);
    assert!(printed.stdout.contains("there is no snapshot yet in"), "{}", printed.stdout);
    assert!(!folder.exists());
    cluster(&pinned, &[("INSTA_UPDATE", "always")]).expect_status(0);
    let stored = fs::read_to_string(&file).expect("insta stored it");
    assert!(stored.contains("scenario      unique-ids, 3 nodes"), "{stored}");
    cluster(&pinned, &[]).expect_status(0);
    // With a seed from the environment, the snapshot is not compared.
    fs::write(&file, stored.replace("invalid", "valid")).expect("it can be written");
    cluster(&pinned, &[("MAELSTROM_SEED", "3")]).expect_status(0);
    let printed = cluster(&pinned, &[]).expect_status(101);
    for words in ["differs from the snapshot", "--- stored", "  report  ", "  again   MAELSTROM_SEED="] {
        assert!(printed.stdout.contains(words), "{words} in {}", printed.stdout);
    }
    fs::remove_dir_all(&folder).expect("it was there");
    // In virtual time, the full report with its numbers is the same in a second run. Otherwise it is neither compared nor
    // stored.
    let everything = ["--ignored", "full_report_matches_snapshot"];
    let printed = cluster(&everything, &[("INSTA_UPDATE", "always")]).expect_status(0);
    cluster(&everything, &[("INSTA_UPDATE", "no")]).expect_status(0);
    assert_eq!(folder.exists(), !printed.stderr.contains("skipped the full snapshot"), "{printed:?}");
}

#[test]
fn the_default_harness_runs_the_same_file() {
    let _turn = turn();
    let (scratch, _) = shared();
    let program = scratch.build("plain");
    let plain = |words: &[&str]| run(&mut scratch.program(&program, words));
    let printed = plain(&[]).expect_status(0);
    assert!(printed.stdout.contains("8 passed; 0 failed; 6 ignored"), "{}", printed.stdout);
    for name in ["test inner::nested ... ok", "test fails ... ignored, it fails, on purpose"] {
        assert!(printed.stdout.contains(name), "{}", printed.stdout);
    }
    let printed = plain(&["--ignored", "fails"]).expect_status(101);
    assert!(printed.stdout.contains("expected: valid"), "{}", printed.stdout);
    assert!(!printed.stdout.contains("panicked"), "{}", printed.stdout);
}

#[test]
fn nextest_runs_every_case() {
    let _turn = turn();
    let (scratch, _) = shared();
    let mut command = scratch.cargo(&["nextest", "run", "--test", "cluster", "--no-fail-fast"]);
    if run(Command::new("cargo").args(["nextest", "--version"])).status != Some(0) {
        eprintln!("skipped: cargo-nextest is not installed");
        return;
    }
    let printed = run(&mut command).expect_status(0);
    assert!(printed.stderr.contains("10 tests run: 10 passed, 6 skipped"), "{}", printed.stderr);
    // In both harnesses, the message of a failure in a JUnit report is the headline of the run.
    for target in ["cluster", "plain"] {
        let words =
            ["nextest", "run", "--profile", "ci", "--run-ignored", "all", "--test", target, "-E", "test(=fails)"];
        run(&mut scratch.cargo(&words)).expect_status(100);
        let report = fs::read_to_string(scratch.root.join("target/nextest/ci/junit.xml")).expect("nextest wrote it");
        let failure = report.lines().find(|line| line.contains("<failure")).unwrap_or_default();
        assert!(failure.contains("message=\"Error: "), "{target}: {report}");
        assert!(failure.contains("handed out more than once") && failure.contains("(seed "), "{target}: {failure}");
    }
}

#[test]
fn errors_of_the_compiler_point_at_the_wrong_token() {
    let (scratch, _) = shared();
    let printed = run(&mut scratch.cargo(&["check", "--test", "wrong"])).expect_status(101);
    for (place, says) in [
        ("1:30", "there is no workload `lin-kb`\n  help: did you mean \"lin-kv\"?"),
        ("4:44", "there is no option `node`\n  help: did you mean \"nodes\"?"),
        ("7:44", "the workload unique-ids does not use the option `topology`; broadcast does"),
        ("10:54", "`partitions` is none of the choices\n  help: did you mean \"partition\"?"),
        ("13:50", "the package has no binary `scrtch`\n  help: did you mean \"scratch\"?"),
        ("17:1", "remove `async`"),
        ("20:26", "returns nothing or a `Result<(), E>` where `E: Debug`, not `u8`"),
        ("25:21", "mismatched types"),
        ("29:44", "there is no option `node_count`\n  help: did you mean \"nodes\"?"),
        ("32:44", "there is no option `time-limit`\n  help: did you mean \"time_limit\"?"),
        ("35:52", "when constants have no values"),
        ("38:52", "`three` would be the name of the only node\n  help: write `3` for a number of nodes"),
    ] {
        // The compiler aligns further lines of a message with its first.
        let printed_by_compiler = printed.stderr.replace("\n         help: ", "\n  help: ");
        let mut errors = printed_by_compiler.split("\nerror").filter(|error| error.contains(says));
        let points = errors.any(|error| error.contains(&format!("--> tests/wrong.rs:{place}")));
        assert!(points, "{place} {says}\n{}", printed.stderr);
    }
}
