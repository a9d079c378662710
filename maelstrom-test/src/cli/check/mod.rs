//! `maelstrom check`: checks a recorded history.
//!
//! Checkers read the history entry by entry and keep only what they need, so a history may be larger than the memory. Only the
//! models of a single register and of a mutex need the whole history at once. `benches/check.rs` measures time and memory.

mod input;
mod judge;
pub(super) mod models;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::json::Value;
use clap::ArgMatches;

use self::input::Source;
use self::judge::Judged;
use self::models::ModelKind;
use super::{CliError, CliResult, status};
use crate::checker::{CheckContext, Checker, MEMORY_BUDGET, Part, STEP_BUDGET, txn};
use crate::network::Stats;
use crate::report::{RunView, TimeMode, file_names, results, text};
use crate::workload::{self, Settings};

/// Reads and checks the history, and prints the report.
pub(super) fn main(matches: &ArgMatches) -> CliResult {
    let file = matches.get_one::<String>("file").expect("the argument is required");
    let (name, checker) = checker(matches, Path::new(file))?;
    let shown = if file == "-" { "standard input" } else { file };
    let times = *matches.get_one::<u32>("budget").expect("the flag has a default");
    let context = CheckContext {
        step_budget: STEP_BUDGET.saturating_mul(times.into()),
        memory_budget: MEMORY_BUDGET.saturating_mul(times as usize),
        ..CheckContext::default()
    };
    let source = Source::open(file);
    let judged = judge::judge(&source, &*checker, &context, judge::MAX_KEPT).map_err(CliError::Arguments)?;
    let report = show(&judged, shown, &name, &context, |view| {
        if matches.get_flag("json") {
            return results::render(view);
        }
        text::render(view, text::Style { full: matches.get_flag("full"), ..text::Style::for_stdout() })
    });
    crate::cli::print(&report.to_string());
    Ok(status(judged.verdict.valid))
}

/// Renders the result of a check with the given function.
fn show(
    judged: &Judged,
    name: &str,
    workload: &str,
    context: &CheckContext,
    render: impl FnOnce(&RunView<'_>) -> String,
) -> String {
    let parts = [Part { name: "workload", verdict: judged.verdict.clone() }];
    render(&RunView {
        name,
        workload,
        context,
        seed: None,
        time_mode: TimeMode::default(),
        duration: judged.duration(),
        elapsed: Duration::ZERO,
        history: &judged.history,
        counts: judged.tally.as_ref(),
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
        has_journal: false,
        again: None,
        expected_anomaly: None,
        expectation: None,
        breakdown: None,
        cause: None,
    })
}

/// The options of a check: the flags, and for a directory of a run without `--workload` and `--model`, the run's options.
struct CheckOptions<'a> {
    matches: &'a ArgMatches,
    /// The content of `scenario.json`; null if it is not used.
    scenario: Value,
}

impl CheckOptions<'_> {
    fn new<'a>(matches: &'a ArgMatches, file: &Path) -> CheckOptions<'a> {
        let is_explicit = ["workload", "model"].iter().any(|name| matches.contains_id(name));
        let read = || crate::json::from_slice(&fs::read(file.join(file_names::SCENARIO)).ok()?).ok();
        CheckOptions { matches, scenario: if is_explicit { None } else { read() }.unwrap_or_default() }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.matches.get_one::<String>(name).cloned()
    }

    fn workload(&self) -> Option<String> {
        self.text("workload").or_else(|| self.scenario["workload"].as_str().map(str::to_owned))
    }

    fn recorded(&self, name: &str) -> Option<&str> {
        self.scenario["options"][name].as_str()
    }

    fn flag(&self, name: &str) -> bool {
        self.matches.get_flag(name) || self.recorded(name) == Some("true")
    }

    /// Returns the consistency models and the anomalies. Flags replace the models of the run.
    fn promise(&self) -> [Vec<String>; 2] {
        let [models, anomalies] = ["consistency_models", "anomalies"].map(|name| self.text(name));
        let is_given = models.is_some() || anomalies.is_some();
        let recorded = self.recorded("consistency_models").filter(|_| !is_given);
        [models.or(recorded.map(str::to_owned)), anomalies].map(|names| {
            let names = names.iter().flat_map(|names| names.split(','));
            names.map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
        })
    }
}

/// Returns the selected checker, with a name for the report. For the directory of a run it is by default the checker of the
/// run's workload, with the options of the run.
fn checker(matches: &ArgMatches, file: &Path) -> Result<(String, Box<dyn Checker>), CliError> {
    let options = CheckOptions::new(matches, file);
    let (workload, model) = (options.workload(), options.text("model"));
    let initial = match options.text("initial") {
        Some(text) => crate::json::from_str(&text)
            .map_err(|error| CliError::Arguments(format!("--initial: `{text}` is not JSON: {error}")))?,
        None => Value::Null,
    };
    if let Some(transactions) = workload.as_deref().or(model.as_deref()).and_then(transactions) {
        let checker = transaction_checker(&options, transactions, workload.is_some())?;
        return Ok((transactions.into(), checker));
    }
    let name = match (workload, model.as_deref()) {
        (Some(workload), _) => workload,
        (None, Some(model)) => {
            let model = models::by_name(model).map_err(CliError::Arguments)?;
            match (model.kind, model.checker(matches, initial)) {
                (ModelKind::Workload(workload), _) => workload.to_string(),
                (_, checker) => {
                    return Ok((model.name.into(), checker.expect("only models of workloads have no checker")));
                }
            }
        }
        (None, None) => {
            return Err(CliError::Arguments(
                "the workload or model of the history is missing\n  help: add --workload NAME or --model NAME".into(),
            ));
        }
    };
    let workload: Arc<dyn workload::Workload> =
        workload::by_name(&name).map_err(|error| CliError::Arguments(error.to_string()))?;
    let settings =
        Settings { lenient: options.flag("lenient"), ww_deps: options.flag("ww_deps"), ..Settings::default() };
    Ok((name, workload.checker(&settings)))
}

/// Returns the name of the transaction workload with this name or with a model of this name.
fn transactions(name: &str) -> Option<&'static str> {
    match name {
        "list-append" | "txn-list-append" => Some("txn-list-append"),
        "rw-register" | "txn-rw-register" => Some("txn-rw-register"),
        _ => None,
    }
}

/// Returns the checker of a transaction workload. Unlike other checkers, it has flags for anomalies and assumptions.
fn transaction_checker(
    given: &CheckOptions<'_>,
    workload: &str,
    is_workload: bool,
) -> Result<Box<dyn Checker>, CliError> {
    let [models, anomalies] = given.promise();
    let promise = txn::Promise::new(&models, &anomalies).map_err(|error| CliError::Arguments(error.to_string()))?;
    let options = txn::Options {
        promise: if given.flag("lenient") { promise.lenient() } else { promise },
        preloaded: given.flag("preloaded"),
        wfr_keys: is_workload || given.flag("wfr-keys"),
        sequential_keys: given.flag("sequential_keys"),
        linearizable_keys: given.flag("linearizable_keys"),
        transaction_order: None,
        order_key: given.text("transaction-order"),
    };
    Ok(match workload {
        "txn-list-append" => Box::new(txn::ListAppend::new(options)),
        _ => Box::new(txn::RwRegister::new(options)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;

    fn verdict(line: &str, history: &str) -> crate::checker::Verdict {
        let arguments = crate::cli::arguments::command().get_matches_from(line.split_whitespace());
        let (_, matches) = arguments.subcommand().expect("there is a subcommand");
        let history = History::read(history.as_bytes()).expect("the history is well-formed");
        checker(matches, Path::new("-")).expect("the arguments are correct").1.check(&history, &CheckContext::default())
    }

    #[test]
    fn flags_configure_the_checkers_of_transactions() {
        use crate::checker::Valid;
        let skipped = r#"{"type": "ok", "process": 0, "value": [["w", "x", 1]]}
            {"type": "ok", "process": 0, "value": [["w", "x", 2]]}
            {"type": "ok", "process": 0, "value": [["r", "x", 1]]}"#;
        assert_eq!(verdict("maelstrom check --model rw-register -", skipped).valid, Valid::True);
        let sequential = verdict("maelstrom check --model rw-register --sequential-keys -", skipped);
        assert_eq!(sequential.findings[0].anomaly, "cyclic-versions");
        let only = verdict("maelstrom check --model rw-register --sequential-keys --anomalies G2 -", skipped);
        assert_eq!(only.valid, Valid::True);
        let ordered = r#"{"type": "ok", "value": [["w", "x", 1]], "commit": 2}
            {"type": "ok", "process": 1, "value": [["w", "x", 2], ["w", "y", 1]], "commit": 1}
            {"type": "ok", "process": 2, "value": [["r", "y", 1], ["r", "x", 2]], "commit": 4}
            {"type": "ok", "process": 3, "value": [["r", "x", 1], ["w", "y", 2]], "commit": 3}
            {"type": "ok", "process": 4, "value": [["r", "y", 2], ["r", "x", 2]], "commit": 5}"#;
        let unordered = verdict("maelstrom check --model rw-register --consistency-models serializable -", ordered);
        assert_eq!(unordered.valid, Valid::True);
        let line = "maelstrom check --model rw-register --consistency-models serializable --transaction-order commit -";
        assert_eq!(verdict(line, ordered).valid, Valid::False);
        let long = ordered.replace("\"commit\": ", "\"commit\": 1844674407370955161");
        assert_eq!(verdict(line, &long).valid, Valid::False);
        let before = r#"{"type": "ok", "value": [["r", "x", 7], ["w", "x", 8]]}
            {"type": "ok", "value": [["r", "x", 8]]}"#;
        assert_eq!(verdict("maelstrom check --workload txn-rw-register -", before).valid, Valid::False);
        assert_eq!(verdict("maelstrom check --workload txn-rw-register --preloaded -", before).valid, Valid::True);
    }

    #[test]
    fn the_directory_of_a_run_is_checked_with_the_options_of_the_run() {
        use crate::checker::Valid;
        let directory = std::env::temp_dir().join(format!("maelstrom-check-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the directory can be created");
        // Each of two transactions misses what the other one appends.
        let skew = r#"{"type": "ok", "process": 0, "value": [["r", "x", []], ["append", "y", 1]]}
            {"type": "ok", "process": 1, "value": [["r", "y", []], ["append", "x", 1]]}
            {"type": "ok", "process": 2, "value": [["r", "x", [1]], ["r", "y", [1]]]}"#;
        let history = History::read(skew.as_bytes()).expect("the history is well-formed");
        let verdict = |options: &str, flags: &str| {
            let scenario = format!(r#"{{"workload": "txn-list-append", "options": {options}}}"#);
            fs::write(directory.join(file_names::SCENARIO), scenario).expect("the directory is writable");
            let line = format!("maelstrom check {flags} -");
            let arguments = crate::cli::arguments::command().get_matches_from(line.split_whitespace());
            let (_, matches) = arguments.subcommand().expect("there is a subcommand");
            let (_, checker) = checker(matches, &directory).expect("the arguments are correct");
            checker.check(&history, &CheckContext::default()).valid
        };
        let snapshot = r#"{"consistency_models": "snapshot-isolation"}"#;
        assert_eq!(verdict("{}", ""), Valid::False);
        assert_eq!(verdict(snapshot, ""), Valid::True);
        assert_eq!(verdict(snapshot, "--consistency-models serializable"), Valid::False);
        assert_eq!(verdict(snapshot, "--anomalies G2-item"), Valid::False);
        assert_eq!(verdict(snapshot, "--workload txn-list-append"), Valid::False);
        fs::remove_dir_all(&directory).expect("the directory exists");
    }

    #[test]
    fn models_check_json_and_edn() {
        use crate::checker::Valid;
        let held = "{:type :ok, :process 0, :f :acquire} {:type :ok, :process 1, :f :acquire}";
        let twice = r#"{"type": "ok", "process": 0, "f": "enqueue", "value": 1}
            {"type": "ok", "process": 0, "f": "dequeue", "value": 1}
            {"type": "ok", "process": 0, "f": "dequeue", "value": 1}"#;
        let stale = "{:type :invoke, :process 0, :f :add, :value 1} {:type :ok, :process 0, :f :add, :value 1}
            {:type :invoke, :process 1, :f :read} {:type :ok, :process 1, :f :read, :value #{}}
            {:type :invoke, :process 1, :f :read} {:type :ok, :process 1, :f :read, :value #{1}}";
        let overdrawn = r#"{"type": "ok", "process": 0, "f": "read", "value": {"0": 12, "1": -2}}"#;
        for (options, history, valid) in [
            ("mutex", held, Valid::False),
            ("unordered-queue", twice, Valid::False),
            ("linearizable-set", stale, Valid::False),
            ("set", stale, Valid::True),
            ("set-full", stale, Valid::True),
            ("bank", overdrawn, Valid::False),
            ("bank --allow-negative-balances", overdrawn, Valid::True),
            ("bank --allow-negative-balances --total-amount 10", overdrawn, Valid::True),
            ("bank --allow-negative-balances --total-amount -10", overdrawn, Valid::False),
            ("cas-register", "{:type :ok, :f :read, :value 1}", Valid::False),
            ("cas-register --initial 1", "{:type :ok, :f :read, :value 1}", Valid::True),
        ] {
            let verdict = verdict(&format!("maelstrom check --model {options} -"), history);
            assert_eq!(verdict.valid, valid, "{options}: {verdict:?}");
        }
    }
}
