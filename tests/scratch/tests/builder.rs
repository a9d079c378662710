#![deny(warnings, clippy::all)]

use maelstrom::Scenario;

fn ids() -> Scenario {
    Scenario::new("unique-ids").bin(env!("CARGO_BIN_EXE_scratch")).nodes(3).time_limit("500ms").rate(50)
}

#[test]
fn runs() {
    let run = ids().run().unwrap();
    println!("files in {}", run.directory.display());
}

#[test]
fn asserts() {
    let run = ids().arg("bad").seed(7).run().unwrap();
    println!("files in {}", run.directory.display());
    run.assert_valid();
}

#[test]
fn wrong_options() {
    ids().time_limit("soon").run().unwrap();
}

#[test]
fn crashes() {
    ids().arg("crash").run().unwrap();
}

#[test]
fn seeds_pass() {
    let summary = ids().run_seeds(0..4).unwrap();
    summary.assert_valid();
    print!("{summary}");
}

#[test]
fn seeds_fail() {
    ids().arg("bad").run_seeds(0..4).unwrap().assert_valid();
}
