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
