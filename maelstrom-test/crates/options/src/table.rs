//! The table of options.

use crate::anomalies;
use crate::latency::LATENCY_DISTRIBUTIONS;
use crate::names::{
    CONSISTENCY_MODELS, FAULTS, JOURNALS, OUTCOMES, TIME_MODES, TOPOLOGIES, WORKING_DIRECTORIES, WORKLOADS,
};
use crate::suggest::did_you_mean;
use crate::value::Kind;

/// A row of the table of options.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The name in the attribute and in the builder.
    pub name: &'static str,
    /// The flag on the command line without its dashes; empty if there is none.
    pub flag: &'static str,
    /// How the flag's argument is called; empty if it takes none.
    pub argument: &'static str,
    /// What values look like.
    pub kind: Kind,
    /// The default, for people.
    pub default: &'static str,
    /// The workloads which use it; empty: all do.
    pub workloads: &'static [&'static str],
    /// What it means: a short paragraph.
    pub doc: &'static str,
}

/// Workloads that work on several keys at once.
const MULTI_KEY: &[&str] = &["kafka", "txn-list-append", "txn-rw-register"];
/// Registers, the order of whose values must be inferred.
const RW_REGISTER: &[&str] = &["txn-rw-register"];
/// Workloads of transactions.
const TXN: &[&str] = &["txn-list-append", "txn-rw-register"];

/// Calls a macro with every option that has a value of its own: name, flag, argument, kind, default, workloads, doc.
#[macro_export]
macro_rules! for_each_option {
    ($callback:ident) => {
        $callback! {
            nodes, "node-count", "N", Kind::Nodes, "5", &[],
            "How many nodes (`n0`, `n1`, …), or their names separated by commas (not beginning with `c`, no service's name, no doubles, safe as file names).";
            concurrency, "concurrency", "N|Kn", Kind::Concurrency, "`1n`, lin-kv `2n`", &[],
            "Client workers: a number, or `Kn` for K times the number of nodes.";
            rate, "rate", "HZ", Kind::Number { min: 0.0, max: 1_000_000.0 }, "5; in the attribute 100", &[],
            "Operations per second, all clients together. 0: none in the main phase, only the final phase.";
            time_limit, "time-limit", "SECONDS", Kind::Seconds { min: 0, max: 30 * DAY }, "60 s; 20 s where `auto` falls back to real time", &[],
            "Length of the main phase, in the run's time.";
            ops_per_key, "ops-per-key", "N", Kind::Int { min: 1, max: u64::MAX }, "no limit", &["lin-kv"],
            "Operations on one key (less up to a tenth, so that keys drift out of step) before the clients take the next.";
            require_faults, "require-faults", "", Kind::Flag, "true in tests", &[],
            "Whether an otherwise valid run fails if a fault that was asked for never had an effect.";
            lenient, "lenient", "", Kind::Flag, "off", &[],
            "Verdicts as lax as the original's: malformed messages are listed, but do not make a run invalid.";
            latency, "latency", "MILLIS", Kind::Millis { max: HOUR }, "0; in the attribute 10 ms", &[],
            "Mean delay of messages between nodes.";
            latency_dist, "latency-dist", "NAME", Kind::Choice(LATENCY_DISTRIBUTIONS), "`constant`; with the attribute's own default latency `exponential`", &[],
            "Distribution of all delays, each with its own mean: `constant` (always the mean), `uniform` (0 to 2 × mean), `exponential`, or, with a `latency_shape`, `normal`, `lognormal` or `pareto`.";
            latency_shape, "latency-shape", "X", Kind::Number { min: 0.0, max: 100.0 }, "`normal` 0.25, `lognormal` 0.5, `pareto` 3", &[],
            "Shape of the distribution; the mean stays the same. `normal`: the standard deviation divided by the mean, from 0 to 1 (draws below 0 count as 0, and draws above 2 × mean as 2 × mean, which keeps the mean). `lognormal`: sigma, the standard deviation of the logarithm, from 0 to 2. `pareto`: alpha, the tail index, from 1.1 to 100 (a smaller one means a longer tail; the shortest delay is mean × (alpha - 1) / alpha).";
            client_latency, "client-latency", "MILLIS", Kind::Millis { max: HOUR }, "0", &[],
            "Mean delay of messages between clients and nodes.";
            p_loss, "p-loss", "P", Kind::Probability, "0", &[],
            "Probability that a message between nodes is lost.";
            p_duplicate, "p-duplicate", "P", Kind::Probability, "0", &[],
            "Probability that a message between nodes arrives twice.";
            nemesis, "nemesis", "A,B", Kind::Set(FAULTS), "none", &[],
            "Faults, separated by commas: `partition`, `kill`, `pause`, `packet`, `clock`.";
            nemesis_interval, "nemesis-interval", "SECONDS", Kind::Seconds { min: 1_000_000, max: DAY }, "10 s", &[],
            "Mean time between two actions of a fault.";
            topology, "topology", "SPEC", Kind::Choice(TOPOLOGIES), "`grid`", &["broadcast"],
            "The neighbours that nodes are told of: `line`, `grid`, `tree`, `tree2`, `tree3`, `tree4` or `total`.";
            availability, "availability", "F|total", Kind::Availability, "none", &[],
            "Share of operations that must be ok: a number from 0 to 1, or `total`.";
            consistency_models, "consistency-models", "A,B", Kind::Set(CONSISTENCY_MODELS), "`strict-serializable`", TXN,
            "What transactions must satisfy: names of consistency models, separated by commas.";
            key_count, "key-count", "N", Kind::Int { min: 1, max: 100_000 }, "the workload's: 10", MULTI_KEY,
            "Keys in use at any one time.";
            min_txn_length, "min-txn-length", "N", Kind::Int { min: 1, max: 10_000 }, "1", TXN,
            "Fewest operations of a transaction.";
            max_txn_length, "max-txn-length", "N", Kind::Int { min: 1, max: 10_000 }, "4", TXN,
            "Most operations of a transaction.";
            max_writes_per_key, "max-writes-per-key", "N", Kind::Int { min: 1, max: u64::MAX }, "16", MULTI_KEY,
            "Writes to a key before a new key takes its place.";
            sequential_keys, "sequential-keys", "", Kind::Flag, "off", RW_REGISTER,
            "Assume that no process sees a register go back to an earlier value.";
            linearizable_keys, "linearizable-keys", "", Kind::Flag, "off", RW_REGISTER,
            "Assume that no register goes back to an earlier value in real time.";
            ww_deps, "ww-deps", "", Kind::Flag, "off", &["kafka"],
            "Assume that operations which sent successive messages of a log happened in that order; cycles of these are reported, and allowed.";
            seed, "seed", "N", Kind::Int { min: 0, max: u64::MAX }, "a hash of the case's name; random on the command line", &[],
            "The number from which all randomness of the run comes.";
            time, "time", "auto|virtual|real", Kind::Choice(TIME_MODES), "`auto`", &[],
            "The clock of the run: simulated, the wall clock, or simulated where that is possible.";
            cwd, "cwd", "node|package", Kind::Choice(WORKING_DIRECTORIES), "`node`", &[],
            "Working directory of the nodes. `node`: a directory of its own for each. `package`: the package's root (flag: the current directory), which all nodes share; files that they write by relative paths stay there after the run, and `MAELSTROM_NODE_DIR` names a node's own directory.";
            quiet_period, "quiet-period", "SECONDS", Kind::Seconds { min: 0, max: DAY }, "10 s", &[],
            "Recovery time between the end of all faults and the final phase.";
            timeout, "timeout", "MILLIS", Kind::Millis { max: HOUR }, "the workload's: 5 s, lin-kv 1 s or ten times the latency", &[],
            "How long a client waits for an answer.";
            max_messages, "max-messages", "N", Kind::Int { min: 1, max: u64::MAX }, "10000000", &[],
            "Messages of nodes, beyond which the run ends with an error that shows the busiest links.";
            journal, "journal", "always|failures", Kind::Choice(JOURNALS), "`always`; in the attribute `failures`", &[],
            "Of which runs `messages.jsonl` is kept, every message of the run (tens of megabytes): of all, or of those that did not end as expected.";
            log_stderr, "log-stderr", "", Kind::Flag, "off", &[],
            "Copy what nodes write to standard error to the run's log (and, with the flag, to the terminal).";
            log_net_send, "log-net-send", "", Kind::Flag, "off", &[],
            "Log every message as it is sent.";
            log_net_recv, "log-net-recv", "", Kind::Flag, "off", &[],
            "Log every message as it is received.";
        }
    };
}
/// An hour in nanoseconds.
const HOUR: u64 = 3_600_000_000_000;
/// A day in nanoseconds.
const DAY: u64 = 24 * HOUR;

macro_rules! rows {
    ($($name:ident, $flag:literal, $argument:literal, $kind:expr, $default:literal, $workloads:expr, $doc:literal;)*) => {
        &[$(OptionRow {
            name: stringify!($name), flag: $flag, argument: $argument, kind: $kind, default: $default, workloads: $workloads, doc: $doc,
        }),*]
    };
}

/// Options of a run with a value of their own.
pub const OPTIONS: &[OptionRow] = for_each_option!(rows);

/// The other options: what is run, and what a test makes of it. They have no common form, so each front end reads
/// them itself.
pub const SPECIAL: &[OptionRow] = &[
    OptionRow {
        name: "workload",
        flag: "workload",
        argument: "NAME",
        kind: Kind::Special,
        default: "`lin-kv` (flag); required in the attribute",
        workloads: &[],
        doc: "What to run: a workload's name, or (attribute, builder) any value that implements `Workload`.",
    },
    OptionRow {
        name: "bin",
        flag: "bin",
        argument: "FILE",
        kind: Kind::Special,
        default: "the package's only binary, or the one named like it",
        workloads: &[],
        doc: "The node program. In the attribute: the name of one of the package's binary targets.",
    },
    OptionRow {
        name: "command",
        flag: "",
        argument: "",
        kind: Kind::Special,
        default: "none",
        workloads: &[],
        doc: "The node program in any language, with its arguments; relative paths from the package's root (see `cwd`).",
    },
    OptionRow {
        name: "args",
        flag: "",
        argument: "",
        kind: Kind::Special,
        default: "none",
        workloads: &[],
        doc: "Further arguments of the node program; on the command line whatever stands after `--`.",
    },
    OptionRow {
        name: "env",
        flag: "",
        argument: "",
        kind: Kind::Special,
        default: "none",
        workloads: &[],
        doc: "Environment variables of the node program: `env = {KEY = \"value\"}`; the flag: `--env KEY=VALUE`.",
    },
    OptionRow {
        name: "pass_env",
        flag: "env",
        argument: "NAME",
        kind: Kind::Special,
        default: "`RUST_LOG`, `PYTHON*` and others: see `maelstrom::scenario::PASSED_ON`",
        workloads: &[],
        doc: "Environment variables that nodes in virtual time get as they are here: `pass_env = [\"NAME\"]`.",
    },
    OptionRow {
        name: "seeds",
        flag: "test-count",
        argument: "N",
        kind: Kind::Special,
        default: "one case",
        workloads: &[],
        doc: "One case per seed: `seeds = 16` (0 to 15) or `seeds = 0..16`. The flag: how many runs.",
    },
    OptionRow {
        name: "expect",
        flag: "expect",
        argument: "OUTCOME",
        kind: Kind::Special,
        default: "`valid`",
        workloads: &[],
        doc: "What must come out: `valid`, `invalid`, `unknown`, `error`, or an anomaly's name.",
    },
    OptionRow {
        name: "snapshot",
        flag: "",
        argument: "",
        kind: Kind::Special,
        default: "false; true where `expect` names an anomaly",
        workloads: &[],
        doc: "Whether the text report is compared with a stored one: `true`, `false`, or `\"full\"`.",
    },
];

/// The row of an option by its name in the attribute.
pub fn find(name: &str) -> Option<&'static OptionRow> {
    all().find(|row| row.name == name)
}

/// Every row of the table, special ones first.
pub fn all() -> impl Iterator<Item = &'static OptionRow> {
    SPECIAL.iter().chain(OPTIONS)
}

/// What to say of an option that does not exist: the one that was meant, if a flag of the command line has this name or
/// an option has one like it, else all names.
pub fn unknown_option(name: &str) -> String {
    let flag = name.replace('_', "-");
    let of_flag = all().find(|row| row.flag == flag).map(|row| format!(" (did you mean \"{}\"?)", row.name));
    let hint = of_flag.unwrap_or_else(|| did_you_mean(name, all().map(|row| row.name)));
    if hint.is_empty() {
        let names: Vec<&str> = all().map(|row| row.name).collect();
        format!("there is no option `{name}`; options are: {}", names.join(", "))
    } else {
        format!("there is no option `{name}`{hint}")
    }
}

impl OptionRow {
    /// Whether a built-in workload uses this option.
    pub fn is_used_by(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.contains(&workload)
    }

    /// What to say of an option that the workload does not use.
    pub fn unused_by(&self, workload: &str) -> String {
        format!("the workload {workload} does not use the option `{}`; {} use it", self.name, english(self.workloads))
            .replace(" use it", if self.workloads.len() == 1 { " does" } else { " do" })
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn english(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_string(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// Judges the value of `expect` for a workload; nobody knows the anomalies of one that is not built in.
pub fn check_expect(expect: &str, workload: &str) -> Result<(), String> {
    let Some(anomalies) = anomalies::of_workload(workload) else { return Ok(()) };
    let choices: Vec<&str> = OUTCOMES.iter().copied().chain(anomalies.iter().map(|anomaly| anomaly.name)).collect();
    if choices.contains(&expect) {
        return Ok(());
    }
    Err(format!(
        "`{expect}` is not something to expect of {workload}{}; choices are: {}",
        did_you_mean(expect, choices.iter().copied()),
        choices.join(", ")
    ))
}

/// Judges the name of a workload.
pub fn check_workload(name: &str) -> Result<(), String> {
    if WORKLOADS.contains(&name) {
        return Ok(());
    }
    Err(format!(
        "there is no workload `{name}`{}; workloads are: {}",
        did_you_mean(name, WORKLOADS.iter().copied()),
        WORKLOADS.join(", ")
    ))
}

/// Reads `16` (0 to 15), `3..9` or `3..=9`: first and one past the last.
pub fn parse_seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let wrong = || format!("`{text}` is not a range of seeds; write a number of seeds (16) or a range (0..16)");
    let number = |part: &str| part.trim().replace('_', "").parse::<u64>().map_err(|_| wrong());
    let range = match text.split_once("..") {
        None => 0..number(text)?,
        Some((start, end)) => match end.strip_prefix('=') {
            Some(last) => number(start)?..number(last)?.checked_add(1).ok_or_else(wrong)?,
            None => number(start)?..number(end)?,
        },
    };
    if range.is_empty() {
        return Err(format!("the range of seeds `{text}` is empty"));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_flags_are_unique() {
        let mut names: Vec<&str> = all().map(|row| row.name).collect();
        let mut flags: Vec<&str> = all().map(|row| row.flag).filter(|flag| !flag.is_empty()).collect();
        for list in [&mut names, &mut flags] {
            let count = list.len();
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), count);
        }
    }

    #[test]
    fn an_unknown_option_names_the_nearest() {
        assert!(unknown_option("latencey").starts_with("there is no option `latencey` (did you mean \"latency\"?)"));
    }

    #[test]
    fn an_unused_option_names_its_workloads() {
        let row = find("topology").expect("a row");
        assert!(!row.is_used_by("echo"));
        assert_eq!(row.unused_by("echo"), "the workload echo does not use the option `topology`; broadcast does");
        assert_eq!(
            find("key_count").expect("a row").unused_by("echo"),
            "the workload echo does not use the option `key_count`; kafka, txn-list-append and txn-rw-register do"
        );
    }

    #[test]
    fn expectations_belong_to_workloads() {
        assert_eq!(check_expect("lost", "broadcast"), Ok(()));
        assert_eq!(check_expect("anything", "my-own"), Ok(()));
        let wrong = check_expect("lost", "lin-kv").unwrap_err();
        assert!(wrong.contains("nonlinearizable"), "{wrong}");
        let wrong = check_expect("nonlinearisable", "lin-kv").unwrap_err();
        assert!(wrong.contains("did you mean \"nonlinearizable\"?"), "{wrong}");
    }

    #[test]
    fn seeds_are_a_number_or_a_range() {
        assert_eq!(parse_seeds("16"), Ok(0..16));
        assert_eq!(parse_seeds("3..9"), Ok(3..9));
        assert_eq!(parse_seeds("3..=9"), Ok(3..10));
        for wrong in ["", "x", "5..5", "9..3", "0", "-1", "0..=18446744073709551615"] {
            assert!(parse_seeds(wrong).is_err(), "{wrong}");
        }
    }
}
