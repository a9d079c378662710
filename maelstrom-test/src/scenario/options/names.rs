//! The closed lists of names that options accept.

/// The built-in workloads.
pub const WORKLOADS: &[&str] = &[
    "echo",
    "unique-ids",
    "broadcast",
    "g-set",
    "g-counter",
    "pn-counter",
    "lin-kv",
    "kafka",
    "txn-list-append",
    "txn-rw-register",
];

/// Kinds of faults.
pub const FAULTS: &[&str] = &["partition", "kill", "pause", "packet", "clock"];

/// Who is told of whom in the broadcast workload.
pub const TOPOLOGIES: &[&str] = &["line", "grid", "tree", "tree2", "tree3", "tree4", "total"];

/// Distributions of the delay between nodes.
pub const LATENCY_DISTRIBUTIONS: &[&str] = &["constant", "uniform", "exponential"];

/// Clocks.
pub const TIME_MODES: &[&str] = &["auto", "virtual", "real"];

/// What can be expected of any run, besides anomalies.
pub const OUTCOMES: &[&str] = &["valid", "invalid", "unknown", "error"];

/// What transactions can be asked to satisfy.
pub const CONSISTENCY_MODELS: &[&str] = &[
    "1SR",
    "PL-1",
    "PL-2",
    "PL-2+",
    "PL-2.99",
    "PL-2L",
    "PL-3",
    "PL-3U",
    "PL-CS",
    "PL-FCV",
    "PL-MSR",
    "PL-SI",
    "PL-SS",
    "PRAM",
    "causal",
    "causal-cerone",
    "conflict-serializable",
    "consistent-view",
    "cursor-stability",
    "forward-consistent-view",
    "linearizable",
    "monotonic-atomic-view",
    "monotonic-reads",
    "monotonic-snapshot-read",
    "monotonic-view",
    "monotonic-writes",
    "parallel-snapshot-isolation",
    "prefix",
    "read-atomic",
    "read-committed",
    "read-uncommitted",
    "read-your-writes",
    "repeatable-read",
    "sequential",
    "serializable",
    "session-serializable",
    "snapshot-isolation",
    "strict-serializable",
    "strong-PL-1",
    "strong-PL-2",
    "strong-read-committed",
    "strong-read-uncommitted",
    "strong-serializable",
    "strong-session-PL-1",
    "strong-session-PL-2",
    "strong-session-read-committed",
    "strong-session-read-uncommitted",
    "strong-session-serializable",
    "strong-session-snapshot-isolation",
    "strong-snapshot-isolation",
    "update-atomic",
    "update-serializable",
    "view-serializable",
    "writes-follow-reads",
];

/// An anomaly that a test can expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnomalyRow {
    /// The name, as verdicts carry it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub doc: &'static str,
}

/// Groups of anomalies, each with the workloads that can show them (none: all workloads).
pub const ANOMALIES: &[(&[&str], &[AnomalyRow])] = &[
    (
        &[],
        &[
            row("malformed", "a node printed something that is no message, or answered against the schema"),
            row("no-ok", "a kind of operation never succeeded"),
            row("availability", "fewer operations succeeded than `availability` asks"),
        ],
    ),
    (&["echo"], &[row("wrong-echo", "an answer differs from its request")]),
    (&["unique-ids"], &[row("duplicated", "an id was given twice")]),
    (
        &["broadcast", "g-set"],
        &[
            row("lost", "a known element is missing later"),
            row("duplicated", "an element stands twice in one read"),
            row("unexpected", "a read holds an element that nobody added"),
        ],
    ),
    (&["g-counter", "pn-counter"], &[row("wrong-sum", "a read is no sum of the additions that may have happened")]),
    (&["lin-kv"], &[row("nonlinearizable", "no order of the operations explains their results")]),
    (
        &["kafka"],
        &[
            row("G1a", "a poll returned a message whose send failed"),
            row("lost-write", "an acknowledged message was never polled though later ones were"),
            row("inconsistent-offsets", "one offset, two messages"),
            row("duplicate", "one message at two offsets"),
            row("int-poll-skip", "one poll jumped over messages"),
            row("int-nonmonotonic-poll", "one poll went backwards"),
            row("poll-skip", "successive polls jumped over messages"),
            row("nonmonotonic-poll", "successive polls went backwards"),
            row("nonmonotonic-send", "successive sends got smaller offsets"),
            row("int-nonmonotonic-send", "sends of one operation got smaller offsets"),
            row("int-send-skip", "sends of one operation skipped offsets"),
            row("precommitted-read", "an operation polled its own send"),
            row("unseen", "an acknowledged message had not been polled by the end"),
            row("G0", "a cycle of write-write dependencies"),
            row("G0-process", "the same with the order of a process"),
            row("G0-realtime", "the same with real-time order"),
            row("G1c", "a cycle of write-read dependencies"),
            row("G1c-process", "the same with the order of a process"),
            row("G1c-realtime", "the same with real-time order"),
        ],
    ),
    (
        &["txn-list-append", "txn-rw-register"],
        &[
            row("G0", "a cycle of write-write dependencies"),
            row("G0-process", "the same with the order of a process"),
            row("G0-realtime", "the same with real-time order"),
            row("G1", "any of G1a, G1b and G1c"),
            row("G1a", "a read of something whose writer failed"),
            row("G1b", "a read of an intermediate state of another transaction"),
            row("G1c", "a cycle of write-write and write-read dependencies"),
            row("G1c-process", "the same with the order of a process"),
            row("G1c-realtime", "the same with real-time order"),
            row("G-single", "the same as G-single-item, with or without predicates"),
            row("G-single-process", "the same with the order of a process"),
            row("G-single-realtime", "the same with real-time order"),
            row("G-single-item", "a cycle with one read-write dependency"),
            row("G-single-item-process", "the same with the order of a process"),
            row("G-single-item-realtime", "the same with real-time order"),
            row("G-nonadjacent", "the same as G-nonadjacent-item, with or without predicates"),
            row("G-nonadjacent-process", "the same with the order of a process"),
            row("G-nonadjacent-realtime", "the same with real-time order"),
            row("G-nonadjacent-item", "a cycle with several read-write dependencies, none adjacent"),
            row("G-nonadjacent-item-process", "the same with the order of a process"),
            row("G-nonadjacent-item-realtime", "the same with real-time order"),
            row("G2", "the same as G2-item, with or without predicates"),
            row("G2-process", "the same with the order of a process"),
            row("G2-realtime", "the same with real-time order"),
            row("G2-item", "a cycle with adjacent read-write dependencies"),
            row("G2-item-process", "the same with the order of a process"),
            row("G2-item-realtime", "the same with real-time order"),
            row("internal", "a read contradicts what its own transaction did before"),
            row("dirty-update", "an aborted write is followed by a committed one in the version order"),
            row("lost-update", "two transactions read the same state and then wrote it"),
            row("unexpected", "a read holds something that nobody wrote"),
        ],
    ),
    (
        &["txn-list-append"],
        &[
            row("future-read", "a transaction reads an element that it appends later"),
            row("duplicate-elements", "an element stands twice in one read"),
            row("incompatible-order", "two reads of a key, neither a prefix of the other"),
        ],
    ),
    (&["txn-rw-register"], &[row("cyclic-versions", "the versions of a key are in no order")]),
];

const fn row(name: &'static str, doc: &'static str) -> AnomalyRow {
    AnomalyRow { name, doc }
}

/// Every anomaly that a workload can show.
pub fn anomalies_of(workload: &str) -> Vec<AnomalyRow> {
    let groups = ANOMALIES.iter().filter(|(workloads, _)| workloads.is_empty() || workloads.contains(&workload));
    groups.flat_map(|(_, rows)| rows.iter().copied()).collect()
}

/// Whether an anomaly that was found is the expected one: the same, or the expected one's form on single items
/// (`G-single-item` is a `G-single`), or one of the three that `G1` stands for.
pub fn is_anomaly(expected: &str, found: &str) -> bool {
    found == expected
        || found.replacen("-item", "", 1) == expected
        || (expected == "G1" && ["G1a", "G1b", "G1c"].contains(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_54_models_in_order() {
        assert_eq!(CONSISTENCY_MODELS.len(), 54);
        assert!(CONSISTENCY_MODELS.is_sorted());
    }

    #[test]
    fn groups_name_workloads_that_exist_and_no_workload_has_a_name_twice() {
        for workload in ANOMALIES.iter().flat_map(|(workloads, _)| *workloads) {
            assert!(WORKLOADS.contains(workload), "{workload}");
        }
        for workload in WORKLOADS {
            let mut names: Vec<&str> = anomalies_of(workload).iter().map(|row| row.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{workload}");
        }
    }

    #[test]
    fn an_anomaly_on_items_is_the_anomaly() {
        assert!(is_anomaly("lost", "lost"));
        assert!(is_anomaly("G-single", "G-single-item"));
        assert!(is_anomaly("G2-realtime", "G2-item-realtime"));
        assert!(is_anomaly("G1", "G1b"));
        assert!(!is_anomaly("G-single-item", "G-single"));
        assert!(!is_anomaly("G2-item", "G2-item-realtime"));
        assert!(!is_anomaly("G1a", "G1b"));
    }
}
