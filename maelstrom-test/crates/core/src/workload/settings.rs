//! What a workload may know of its run.

use crate::history::Nanos;

/// What a workload may know of the run that it is used in.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Names of the nodes under test, in order.
    pub nodes: Vec<String>,
    /// Number of client workers.
    pub concurrency: usize,
    /// Length of the main phase.
    pub time_limit: Nanos,
    /// Mean delay between nodes.
    pub latency: Nanos,
    /// `line`, `grid`, `tree`, `tree2`, `tree3`, `tree4` or `total`.
    pub topology: String,
    /// lin-kv: operations per key; `None`: no limit.
    pub ops_per_key: Option<u64>,
    /// Concurrent keys (transactions, kafka); `None`: the workload's default.
    pub key_count: Option<u64>,
    /// Fewest operations of a transaction.
    pub min_txn_length: u64,
    /// Most operations of a transaction.
    pub max_txn_length: u64,
    /// Writes to a key before it is replaced by a new one.
    pub max_writes_per_key: u64,
    /// What transactions must satisfy.
    pub consistency_models: Vec<String>,
    /// Registers: no process sees a key go back to an earlier value.
    pub sequential_keys: bool,
    /// Registers: no key goes back to an earlier value in real time.
    pub linearizable_keys: bool,
    /// kafka: successive messages of a log were sent by operations that happened in that order.
    pub ww_deps: bool,
    /// Verdicts as lax as the original's.
    pub lenient: bool,
}

impl Default for Settings {
    /// Five nodes, five workers, the documented defaults.
    fn default() -> Self {
        Settings {
            nodes: (0..5).map(|i| format!("n{i}")).collect(),
            concurrency: 5,
            time_limit: 60_000_000_000,
            latency: 0,
            topology: "grid".into(),
            ops_per_key: None,
            key_count: None,
            min_txn_length: 1,
            max_txn_length: 4,
            max_writes_per_key: 16,
            consistency_models: vec!["strict-serializable".into()],
            sequential_keys: false,
            linearizable_keys: false,
            ww_deps: false,
            lenient: false,
        }
    }
}
