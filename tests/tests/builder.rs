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

/// The directory of the run that a test tells of.
fn directory(printed: &Printed) -> &Path {
    let line = printed.stdout.lines().find_map(|line| line.strip_prefix("files in "));
    Path::new(line.expect("the test tells it"))
}

#[test]
fn a_run_litters_nobodys_package() {
    let printed = test("runs", &[]).expect_status(0);
    assert!(directory(&printed).starts_with(target_directory().join("maelstrom/scratch/unique-ids")), "{printed:?}");
    assert!(directory(&printed).join("report.html").is_file());
    assert!(!shared().0.root.join("store").exists());
}
