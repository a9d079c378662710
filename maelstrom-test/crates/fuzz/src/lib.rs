//! Fuzz targets: functions that take any bytes and panic if a parser breaks its promise.
//!
//! The package in `fuzz` runs them under `cargo-fuzz`, for as long as you like:
//!
//! ```text
//! cd maelstrom-test/crates/fuzz
//! RUSTC_BOOTSTRAP=1 cargo fuzz run history -- -max_total_time=600     # or with a nightly toolchain
//! ```
//!
//! An input that breaks a promise belongs in `regressions/<target>`. The tests of this package run all of those, and each
//! target on some thousand random inputs.

use maelstrom_checker::CheckContext;
use maelstrom_checker::history::{History, HistoryFormat, HistoryReader, Op};
use maelstrom_options::FrontEnd;
use maelstrom_protocol::Envelope;
use maelstrom_protocol::json::{self, Value};

/// A target: any bytes go in, and it panics if something is wrong.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("check", check),
    ("history", history),
    ("json", parse_json),
    ("message", message),
    ("option", option),
    ("scenario", scenario),
];

/// A line that a node prints. What is accepted has a body that is a JSON object; what is refused has a place in the line.
pub fn message(line: &[u8]) {
    match Envelope::parse(line) {
        Ok(envelope) => {
            let body: Result<serde_json::Value, _> = serde_json::from_str(envelope.body());
            // The envelope's parser does not look at depth and numbers of the body.
            assert!(envelope.body().starts_with('{') && body.map_or(true, |body| body.is_object()));
        }
        Err(malformed) => {
            assert!(!malformed.to_string().is_empty());
            let text = String::from_utf8_lossy(line);
            assert!(malformed.position_in(&text) <= text.chars().count());
        }
    }
}

/// A JSON text. What is accepted is what `serde_json` accepts, and is the same value when it is printed and read again.
pub fn parse_json(text: &[u8]) {
    let theirs = serde_json::from_slice::<Box<serde_json::value::RawValue>>(text);
    match json::from_slice(text) {
        Ok(value) => {
            assert!(theirs.is_ok(), "accepted, though serde_json says: {theirs:?}");
            assert_eq!(json::from_str(&value.to_string()).expect("what is printed can be read"), value);
        }
        // What is nested too deeply is refused here only.
        Err(error) => assert!(theirs.is_err() || error.to_string().contains("recursion"), "{error}"),
    }
}

/// A history in either notation. It is read without a panic, and what was read survives being written and read again.
pub fn history(text: &[u8]) {
    let Ok(reader) = HistoryReader::new(text) else { return };
    let ops: Vec<Op> = reader.map_while(Result::ok).collect();
    if ops.is_empty() {
        return;
    }
    let mut written = Vec::new();
    History { ops: ops.clone() }.write(&mut written, HistoryFormat::JsonLines).expect("a Vec takes everything");
    let again = History::read(&*written).expect("what is written can be read");
    assert_eq!(again.ops.len(), ops.len());
}

/// A history that every workload's checker judges: without a panic, and twice with the same verdict.
pub fn check(text: &[u8]) {
    let Ok(history) = History::read(text) else { return };
    let context = CheckContext { step_budget: 100_000, ..CheckContext::default() };
    for workload in maelstrom::workload::all() {
        let checker = workload.checker(&maelstrom::workload::Settings::default());
        let verdict = checker.check(&history, &context);
        assert_eq!(verdict.valid, checker.check(&history, &context).valid, "{}", workload.name());
    }
}

/// An option of the table and its value: `name=value`.
pub fn option(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let Some(row) = maelstrom_options::find(name) else {
        return assert!(!maelstrom_options::unknown_option(name).message().is_empty());
    };
    for front_end in [FrontEnd::Attribute, FrontEnd::CommandLine] {
        if let Err(error) = row.parse(value, front_end) {
            assert!(!error.message().is_empty());
        }
    }
    drop(maelstrom_options::parse_seeds(value));
}

/// The configuration of a stored run, which `maelstrom replay` reads.
pub fn scenario(text: &[u8]) {
    if let Ok(stored) = json::from_slice(text) {
        let stored: Value = stored;
        drop(maelstrom::Scenario::from_json(&stored));
    }
}
