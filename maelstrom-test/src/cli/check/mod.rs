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
    })
}

/// Returns the workload of a run, if `file` is its directory.
fn workload_of_run(file: &Path) -> Option<String> {
    let scenario = fs::read(file.join(file_names::SCENARIO)).ok()?;
    crate::json::from_slice(&scenario).ok()?["workload"].as_str().map(str::to_owned)
}

/// Returns the selected checker, with a name for the report. For the directory of a run it is by default the checker of the
/// run's workload.
fn checker(matches: &ArgMatches, file: &Path) -> Result<(String, Box<dyn Checker>), CliError> {
    let given = |name: &str| matches.get_one::<String>(name).cloned();
    let model = given("model");
    let workload = given("workload").or_else(|| if model.is_none() { workload_of_run(file) } else { None });
    let initial = match given("initial") {
        Some(text) => crate::json::from_str(&text)
            .map_err(|error| CliError::Arguments(format!("--initial: `{text}` is not JSON: {error}")))?,
        None => Value::Null,
    };
    if let Some(transactions) = workload.as_deref().or(model.as_deref()).and_then(transactions) {
        let checker = transaction_checker(matches, transactions, workload.is_some())?;
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
        Settings { lenient: matches.get_flag("lenient"), ww_deps: matches.get_flag("ww_deps"), ..Settings::default() };
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
fn transaction_checker(matches: &ArgMatches, workload: &str, is_workload: bool) -> Result<Box<dyn Checker>, CliError> {
    let list = |name: &str| -> Vec<String> {
        let names = matches.get_one::<String>(name).into_iter().flat_map(|names| names.split(','));
        names.map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
    };
    let promise = txn::Promise::new(&list("consistency_models"), &list("anomalies"))
        .map_err(|error| CliError::Arguments(error.to_string()))?;
    let options = txn::Options {
        promise: if matches.get_flag("lenient") { promise.lenient() } else { promise },
        preloaded: matches.get_flag("preloaded"),
        wfr_keys: is_workload || matches.get_flag("wfr-keys"),
        sequential_keys: matches.get_flag("sequential_keys"),
        linearizable_keys: matches.get_flag("linearizable_keys"),
        transaction_order: None,
        order_key: matches.get_one::<String>("transaction-order").cloned(),
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
