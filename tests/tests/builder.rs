//! Scenarios in ordinary tests of a user's package.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use maelstrom_e2e::{Printed, Scratch, run, target_directory};

/// The package and its test program, built once.
fn shared() -> &'static (Scratch, PathBuf) {
    static SHARED: OnceLock<(Scratch, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let scratch = Scratch::new("builder").expect("the package is copied");
        let program = scratch.build("builder");
        (scratch, program)
    })
}

/// Runs one test of the program.
fn test(name: &str, variables: &[(&str, &str)]) -> Printed {
    let (scratch, program) = shared();
    run(scratch.program(program, &["--exact", name, "--nocapture"]).envs(variables.iter().copied()))
}

/// Returns the directory of the run, which the test prints.
fn directory(printed: &Printed) -> &Path {
    let line = printed.stdout.lines().find_map(|line| line.strip_prefix("files in "));
    Path::new(line.expect("the test prints the directory"))
}

#[test]
fn a_run_writes_no_files_into_the_package() {
    let printed = test("runs", &[]).expect_status(0);
    assert!(directory(&printed).starts_with(target_directory().join("maelstrom/scratch/unique-ids")), "{printed:?}");
    assert!(directory(&printed).join("report.html").is_file());
    assert!(!shared().0.root.join("store").exists());
}

/// Asserts that a text contains some parts, in their order.
fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in its place in:\n{text}")).1;
    }
}

#[test]
fn a_failed_assertion_shows_the_report() {
    let printed = test("asserts", &[]).expect_status(101);
    let report = format!("{}/report.html", directory(&printed).display());
    let parts = [
        "panicked at tests/builder.rs:19:",
        "\nunique-ids: ",
        "ids handed out more than once",
        "seed 7",
        "report",
        &report,
    ];
    assert_in_order(&printed.stderr, &parts);
}

#[test]
fn the_debug_form_of_errors_is_their_text() {
    let printed = test("wrong_options", &[]).expect_status(101);
    assert_in_order(&printed.stderr, &["on an `Err` value: time_limit: `soon` is not a time"]);
    let printed = test("crashes", &[]).expect_status(101);
    let parts =
        ["on an `Err` value: the run was aborted\n\nunique-ids: ", "exited unexpectedly", "about to crash", "report"];
    assert_in_order(&printed.stderr, &parts);
}

#[test]
fn runs_with_many_seeds_have_a_summary() {
    let printed = test("seeds_pass", &[]).expect_status(0);
    assert_in_order(&printed.stdout, &["4 seeds passed\n"]);
    let printed = test("seeds_fail", &[]).expect_status(101);
    let parts = [
        "4 of 4 seeds failed, first 3:\n  seed 0: ",
        "seed=0/report.html\n  seed 1: ",
        "seed=1/report.html\n  seed 2: ",
        "seed=2/report.html\n\nunique-ids: ",
        "seed 0 ",
    ];
    assert_in_order(&printed.stderr, &parts);
}
