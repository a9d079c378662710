//! `maelstrom check`: judges a recorded history.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use serde_json::Value;

use super::{Done, Stop, status};
use crate::checker::linearizable::Linearizable;
use crate::checker::{CheckContext, Checker, Part, txn};
use crate::history::History;
use crate::network::Stats;
use crate::report::{RunView, TimeMode, results, text};
use crate::workload::{self, Settings};

/// Models by name, each with the workload whose checker knows it.
const MODELS: &[(&str, &str)] = &[
    ("keyed-register", "lin-kv"),
    ("list-append", "txn-list-append"),
    ("rw-register", "txn-rw-register"),
    ("set", "g-set"),
    ("counter", "pn-counter"),
    ("log", "kafka"),
];

/// Reads, judges, and prints the report.
pub(super) fn main(matches: &ArgMatches) -> Done {
    let (name, checker) = checker(matches)?;
    let file = matches.get_one::<String>("file").expect("it is required");
    let shown = if file == "-" { "standard input" } else { file };
    let history = open(file).map_err(|error| Stop::Arguments(format!("{shown}: {error}")))?;
    let history = History::read(history).map_err(|error| Stop::Arguments(format!("{shown}: {error}")))?;
    let context = CheckContext::default();
    let verdict = checker.check(&history, &context);
    let valid = verdict.valid;
    let parts = [Part { name: "workload", verdict }];
    let view = RunView {
        name: shown,
        workload: &name,
        context: &context,
        seed: None,
        time_mode: TimeMode::default(),
        duration: history.ops.iter().map(|op| op.time).max().unwrap_or(0),
        elapsed: Duration::ZERO,
        history: &history,
        journal: &[],
        journal_events: 0,
        net: &Stats::default(),
        parts: &parts,
        faults: &[],
        notes: &[],
        scenario: &[],
        options: &[],
        logs: &[],
        directory: None,
        again: None,
        expected_anomaly: None,
        breakdown: None,
    };
    if matches.get_flag("json") {
        print!("{}", results::render(&view));
    } else {
        let style = text::Style { full: matches.get_flag("full"), ..text::Style::for_stdout() };
        print!("{}", text::render(&view, style));
    }
    Ok(status(valid))
}

/// The checker that was asked for, with a name for the report.
fn checker(matches: &ArgMatches) -> Result<(String, Box<dyn Checker>), Stop> {
    let given = |name: &str| matches.get_one::<String>(name).cloned();
    let (workload, model) = (given("workload"), given("model"));
    let initial = match given("initial") {
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| Stop::Arguments(format!("--initial: `{text}` is not JSON: {error}")))?,
        None => Value::Null,
    };
    if let Some(transactions) = workload.as_deref().or(model.as_deref()).and_then(transactions) {
        let checker = transaction_checker(matches, transactions, workload.is_some())?;
        return Ok((transactions.into(), checker));
    }
    let name = match (workload, model.as_deref()) {
        (Some(workload), _) => workload,
        (None, Some("register")) => {
            let checker = Linearizable::register().initial(initial);
            let unrecorded = matches.get_flag("unrecorded-reads");
            let checker = if unrecorded { checker.ignoring_null_reads() } else { checker };
            return Ok(("register".into(), Box::new(checker)));
        }
        (None, Some(model)) => match MODELS.iter().find(|(known, _)| *known == model) {
            Some((_, workload)) => workload.to_string(),
            None => return Err(Stop::Arguments(unknown_model(model))),
        },
        (None, None) => {
            return Err(Stop::Arguments(
                "what should the history satisfy? Give --workload NAME or --model NAME".into(),
            ));
        }
    };
    let workload: Arc<dyn workload::Workload> =
        workload::by_name(&name).map_err(|error| Stop::Arguments(error.to_string()))?;
    let settings = Settings { lenient: matches.get_flag("lenient"), ..Settings::default() };
    Ok((name, workload.checker(&settings)))
}

/// The workload of transactions that this name of a workload or model means.
fn transactions(name: &str) -> Option<&'static str> {
    match name {
        "list-append" | "txn-list-append" => Some("txn-list-append"),
        "rw-register" | "txn-rw-register" => Some("txn-rw-register"),
        _ => None,
    }
}

/// Unlike the other workloads, transactions have options of their own here: what to look for and what to assume.
fn transaction_checker(matches: &ArgMatches, workload: &str, is_workload: bool) -> Result<Box<dyn Checker>, Stop> {
    let list = |name: &str| -> Vec<String> {
        let names = matches.get_one::<String>(name).into_iter().flat_map(|names| names.split(','));
        names.map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
    };
    let options = txn::Options {
        promise: txn::Promise::new(&list("consistency_models"), &list("anomalies"))
            .map_err(|error| Stop::Arguments(error.to_string()))?,
        preloaded: matches.get_flag("preloaded"),
        wfr_keys: is_workload || matches.get_flag("wfr-keys"),
        sequential_keys: matches.get_flag("sequential-keys"),
        linearizable_keys: matches.get_flag("linearizable-keys"),
        transaction_order: None,
    };
    Ok(match workload {
        "txn-list-append" => Box::new(txn::ListAppend::new(options)),
        _ => Box::new(txn::RwRegister::new(options)),
    })
}

fn unknown_model(model: &str) -> String {
    let names: Vec<&str> = std::iter::once("register").chain(MODELS.iter().map(|(name, _)| *name)).collect();
    let near = crate::suggest::did_you_mean(model, names.iter().copied());
    format!("there is no model \"{model}\"{near}; models are {}", names.join(", "))
}

/// Opens a file, or standard input (`-`), and takes compression away, whatever the name says.
fn open(file: &str) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if file == "-" { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    decompress(BufReader::with_capacity(1 << 16, raw))
}

fn decompress(mut reader: BufReader<Box<dyn Read>>) -> io::Result<Box<dyn BufRead>> {
    let beginning = reader.fill_buf()?;
    Ok(match beginning {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(BufReader::new(zstd::Decoder::with_buffer(reader)?)),
        _ => Box::new(reader),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn unpack(bytes: Vec<u8>) -> String {
        let raw: Box<dyn Read> = Box::new(io::Cursor::new(bytes));
        let mut text = String::new();
        decompress(BufReader::new(raw)).and_then(|mut reader| reader.read_to_string(&mut text)).expect("it is intact");
        text
    }

    fn verdict(line: &str, history: &str) -> crate::checker::Verdict {
        let arguments = crate::cli::arguments::command().get_matches_from(line.split_whitespace());
        let (_, matches) = arguments.subcommand().expect("check");
        let history = History::read(history.as_bytes()).expect("it is a history");
        checker(matches).unwrap_or_else(|_| panic!("it exists")).1.check(&history, &CheckContext::default())
    }

    #[test]
    fn transactions_are_checked_as_the_options_say() {
        use crate::checker::Valid;
        let skipped = r#"{"type": "ok", "process": 0, "value": [["w", "x", 1]]}
            {"type": "ok", "process": 0, "value": [["w", "x", 2]]}
            {"type": "ok", "process": 0, "value": [["r", "x", 1]]}"#;
        assert_eq!(verdict("maelstrom check --model rw-register -", skipped).valid, Valid::True);
        let sequential = verdict("maelstrom check --model rw-register --sequential-keys -", skipped);
        assert_eq!(sequential.findings[0].anomaly, "cyclic-versions");
        let only = verdict("maelstrom check --model rw-register --sequential-keys --anomalies G2 -", skipped);
        assert_eq!(only.valid, Valid::True);
        let before = r#"{"type": "ok", "value": [["r", "x", 7], ["w", "x", 8]]}
            {"type": "ok", "value": [["r", "x", 8]]}"#;
        assert_eq!(verdict("maelstrom check --workload txn-rw-register -", before).valid, Valid::False);
        assert_eq!(verdict("maelstrom check --workload txn-rw-register --preloaded -", before).valid, Valid::True);
    }

    #[test]
    fn compression_is_told_by_the_content() {
        let text = "{\"type\": \"invoke\"}\n";
        assert_eq!(unpack(text.into()), text);
        assert_eq!(unpack(zstd::encode_all(text.as_bytes(), 1).expect("it fits into memory")), text);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).expect("it fits into memory");
        assert_eq!(unpack(gzip.finish().expect("it fits into memory")), text);
    }

    #[test]
    fn models_are_those_of_workloads() {
        for (_, workload) in MODELS {
            assert!(workload::by_name(workload).is_ok(), "{workload}");
        }
        assert!(unknown_model("registre").contains("did you mean \"register\"?"));
    }
}
