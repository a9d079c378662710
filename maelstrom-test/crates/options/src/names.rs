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

/// Clocks.
pub const TIME_MODES: &[&str] = &["auto", "virtual", "real"];

/// Where nodes can work.
pub const WORKING_DIRECTORIES: &[&str] = &["node", "package"];

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

/// Of which runs the journal of messages is kept.
pub const JOURNALS: &[&str] = &["always", "failures"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_54_models_in_order() {
        assert_eq!(CONSISTENCY_MODELS.len(), 54);
        assert!(CONSISTENCY_MODELS.is_sorted());
    }
}
