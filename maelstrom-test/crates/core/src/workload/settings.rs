//! What a workload may know of its run.

use maelstrom_options::{Defaults, Options};

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
    /// The documented defaults, and as many workers as nodes.
    fn default() -> Self {
        let usual = Options::of_defaults(Defaults::Plain);
        let missing = "the table of options has a default";
        let nodes = usual.nodes.expect(missing).names();
        Settings {
            concurrency: nodes.len(),
            nodes,
            time_limit: usual.time_limit.expect(missing).as_nanos() as Nanos,
            latency: usual.latency.expect(missing).as_nanos() as Nanos,
            topology: usual.topology.expect(missing),
            ops_per_key: usual.ops_per_key,
            key_count: usual.key_count,
            min_txn_length: usual.min_txn_length.expect(missing),
            max_txn_length: usual.max_txn_length.expect(missing),
            max_writes_per_key: usual.max_writes_per_key.expect(missing),
            consistency_models: usual.consistency_models.expect(missing),
            sequential_keys: usual.sequential_keys.expect(missing),
            linearizable_keys: usual.linearizable_keys.expect(missing),
            ww_deps: usual.ww_deps.expect(missing),
            lenient: usual.lenient.expect(missing),
        }
    }
}
