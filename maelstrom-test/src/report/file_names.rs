//! The names of the files in the directory of a run.
//!
//! ```no_run
//! use maelstrom::report::file_names;
//! # let run = maelstrom::Scenario::new("echo").bin("echo").run()?;
//! let history = std::fs::read_to_string(run.file(file_names::HISTORY));
//! # Ok::<(), maelstrom::RunError>(())
//! ```

/// The options, the seed, and the other data that `maelstrom replay` needs.
pub const SCENARIO: &str = "scenario.json";
/// The plan, with which `maelstrom replay` repeats the run.
pub const PLAN: &str = "plan.json";
/// The directory of the shrunk version of a failing run.
pub const SHRUNK: &str = "shrunk";
/// The directory of repetitions, while a failing run is shrunk.
pub const REPETITIONS: &str = "repetitions";
/// The history, one JSON object per line.
pub const HISTORY: &str = "history.jsonl";
/// The history for Jepsen's tools.
pub const HISTORY_EDN: &str = "history.edn";
/// The history in the columns of Jepsen's Maelstrom.
pub const HISTORY_TEXT: &str = "history.txt";
/// Every network event, one JSON object per line.
pub const MESSAGES: &str = "messages.jsonl";
/// The diagram of messages.
pub const MESSAGES_DIAGRAM: &str = "messages.svg";
/// The verdicts, for programs.
pub const RESULTS: &str = "results.json";
/// The verdicts with Jepsen's names.
pub const RESULTS_EDN: &str = "results.edn";
/// The report for browsers.
pub const REPORT: &str = "report.html";
/// The report for terminals.
pub const REPORT_TEXT: &str = "report.txt";
/// The timeline of operations.
pub const TIMELINE: &str = "timeline.html";
/// The latency of every operation.
pub const LATENCY_RAW: &str = "latency-raw.svg";
/// Quantiles of latencies.
pub const LATENCY_QUANTILES: &str = "latency-quantiles.svg";
/// The rate of operations.
pub const RATE: &str = "rate.svg";
/// The log of the run. Tutorials of Jepsen's Maelstrom use this name.
pub const LOG: &str = "jepsen.log";
/// The directory with the standard error of each node: `n1.log`. In virtual time, `n1.times` has the times of its lines.
pub const NODE_LOGS: &str = "node-logs";
/// The directory with the working directory of each node.
pub const NODES: &str = "nodes";
/// The list of all runs, in the directory that contains their directories.
pub const INDEX: &str = "index.html";

/// Returns the file name of the log of a node in [`NODE_LOGS`].
pub(crate) fn node_log(node: &str) -> String {
    format!("{node}.log")
}

/// Returns the file name of the times of the lines of a node's log in [`NODE_LOGS`].
pub(crate) fn node_log_times(node: &str) -> String {
    format!("{node}.times")
}
