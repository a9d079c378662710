//! The names of all anomalies, per workload: what `expect = "…"` may say.

use crate::suggest::did_you_mean;

/// A fault that a checker can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Its name, in findings and in `expect`.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

const fn anomaly(name: &'static str, meaning: &'static str) -> Anomaly {
    Anomaly { name, meaning }
}

/// Of every workload.
const COMMON: &[Anomaly] = &[
    anomaly("no-ok", "No operation of some kind ever succeeded."),
    anomaly("availability", "Fewer operations succeeded than the option `availability` asks for."),
    anomaly("malformed", "A node printed something that is not a message, or an answer that does not fit its request."),
];

const ECHO: &[Anomaly] = &[anomaly("wrong-echo", "A node echoed something other than what it was sent.")];

const UNIQUE_IDS: &[Anomaly] = &[anomaly("duplicated", "An id was handed out more than once.")];

const SET: &[Anomaly] = &[
    anomaly("lost", "An element that was known to be in the set was missing from a later read."),
    anomaly("duplicated", "A read contained an element twice."),
    anomaly("unexpected", "A read contained an element that nobody had tried to add."),
];

const COUNTER: &[Anomaly] = &[anomaly("wrong-sum", "A read returned a sum that the additions cannot give.")];

const LIN_KV: &[Anomaly] =
    &[anomaly("nonlinearizable", "No order of a key's operations that respects real time explains their results.")];

const KAFKA: &[Anomaly] = &[
    anomaly("lost-write", "An acknowledged message was passed over: no poll returned it, but polls went beyond it."),
    anomaly("G1a", "A poll returned a message whose send had failed."),
    anomaly("inconsistent-offsets", "One offset held two different messages."),
    anomaly("duplicate", "One message stood at two offsets."),
    anomaly("int-poll-skip", "One poll jumped over a message."),
    anomaly("int-nonmonotonic-poll", "One poll returned messages out of order, or the same one twice."),
    anomaly("poll-skip", "Successive polls of a process jumped over a message."),
    anomaly("nonmonotonic-poll", "A poll returned messages at or before those that the process had polled already."),
    anomaly("nonmonotonic-send", "A process's later send got an offset that is not above its earlier one's."),
    anomaly(
        "int-nonmonotonic-send",
        "Within one operation, a later send got an offset that is not above the earlier one's.",
    ),
    anomaly("int-send-skip", "Within one operation, messages of others stand between two sends to a key (allowed)."),
    anomaly("precommitted-read", "An operation polled the message that it sent itself."),
    anomaly("unexpected", "A poll returned a message that nobody had sent."),
    anomaly("unseen", "An acknowledged message was never polled, although the final phase polled everything."),
];

const LIST_APPEND: &[Anomaly] = &[
    anomaly("future-read", "A transaction read an element that it appended only later."),
    anomaly("dirty-update", "A committed append followed one that had been aborted."),
    anomaly("duplicate-elements", "A read contained an element twice."),
    anomaly("incompatible-order", "Two reads of a key, neither of which is the beginning of the other."),
];

const RW_REGISTER: &[Anomaly] =
    &[anomaly("cyclic-versions", "The order of a key's values, as the history proves it, is a circle.")];

/// Of both kinds of transactions.
const TXN: &[Anomaly] = &[
    anomaly("G1", "One of G1a, G1b and G1c: not read committed."),
    anomaly("G1a", "Aborted read: a transaction read what a failed one wrote."),
    anomaly("G1b", "Intermediate read: a transaction read what another one wrote and then wrote over."),
    anomaly("internal", "A read contradicts what the same transaction read or wrote before."),
    anomaly("lost-update", "Transactions read the same state of a key, and each then wrote it."),
    anomaly("unexpected", "A read returned something that nobody wrote."),
];

macro_rules! cycles {
    ($($name:literal, $edges:literal;)*) => {
        &[$(
            anomaly($name, concat!("A cycle of transactions: ", $edges, ".")),
            anomaly(concat!($name, "-process"), concat!("A cycle that the order of a process's transactions closes: ", $edges, ".")),
            anomaly(concat!($name, "-realtime"), concat!("A cycle that the order in real time closes: ", $edges, ".")),
        )*]
    };
}

/// Cycles without read-write dependencies; kafka's too.
const WRITE_CYCLES: &[Anomaly] = cycles! {
    "G0", "each wrote over what the one before had written";
    "G1c", "each read or wrote over what the one before had written";
};

/// Names without `-item` cover the cycles with it.
const READ_CYCLES: &[Anomaly] = cycles! {
    "G-single", "exactly one wrote over what another had read";
    "G-single-item", "exactly one wrote over what another had read";
    "G-nonadjacent", "several wrote over what others had read, but never two of these in a row";
    "G-nonadjacent-item", "several wrote over what others had read, but never two of these in a row";
    "G2", "several wrote over what others had read";
    "G2-item", "several wrote over what others had read, at least two of these in a row";
};

/// The anomalies of a built-in workload, its own first; `None` if there is no such workload.
///
/// ```
/// use maelstrom_options::anomalies;
/// let names: Vec<_> = anomalies::of_workload("echo").unwrap().iter().map(|anomaly| anomaly.name).collect();
/// assert_eq!(names, ["wrong-echo", "no-ok", "availability", "malformed"]);
/// ```
pub fn of_workload(workload: &str) -> Option<Vec<Anomaly>> {
    let own: &[&[Anomaly]] = match workload {
        "echo" => &[ECHO],
        "unique-ids" => &[UNIQUE_IDS],
        "broadcast" | "g-set" => &[SET],
        "g-counter" | "pn-counter" => &[COUNTER],
        "lin-kv" => &[LIN_KV],
        "kafka" => &[KAFKA, WRITE_CYCLES],
        "txn-list-append" => &[TXN, LIST_APPEND, WRITE_CYCLES, READ_CYCLES],
        "txn-rw-register" => &[TXN, RW_REGISTER, WRITE_CYCLES, READ_CYCLES],
        _ => return None,
    };
    Some(own.iter().chain([&COMMON]).flat_map(|table| table.iter().copied()).collect())
}

/// Checks that a workload has an anomaly of this name; the error is a sentence with the choices. Workloads that are not
/// built in have names of their own, which cannot be known: any will do.
///
/// ```
/// use maelstrom_options::anomalies;
/// assert!(anomalies::check_name("broadcast", "lost").is_ok());
/// let error = anomalies::check_name("broadcast", "lots").unwrap_err();
/// assert!(error.starts_with("broadcast has no anomaly \"lots\" (did you mean \"lost\"?); expected one of lost, "));
/// ```
pub fn check_name(workload: &str, name: &str) -> Result<(), String> {
    let Some(anomalies) = of_workload(workload) else { return Ok(()) };
    let names: Vec<&str> = anomalies.iter().map(|anomaly| anomaly.name).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let hint = did_you_mean(name, names.iter().copied());
    Err(format!("{workload} has no anomaly \"{name}\"{hint}; expected one of {}", names.join(", ")))
}

/// Whether finding `found` fulfils the expectation `expected`: they are the same, or `expected` is the general form of
/// which `found` is a case (`G-single` of `G-single-item`, `G1` of `G1a`, `G1b` and `G1c`).
///
/// ```
/// use maelstrom_options::anomalies::fulfils;
/// assert!(fulfils("G-single-item-realtime", "G-single-realtime"));
/// assert!(!fulfils("G-single-item-realtime", "G-single"));
/// assert!(fulfils("G1a", "G1"));
/// ```
pub fn fulfils(found: &str, expected: &str) -> bool {
    found == expected
        || (found.contains("-item") && found.replacen("-item", "", 1) == expected)
        || (expected == "G1" && matches!(found, "G1a" | "G1b" | "G1c"))
}
