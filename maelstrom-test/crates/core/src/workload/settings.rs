//! [`Settings`]: the parameters of a run that workloads use.

use maelstrom_options::{Defaults, Options};

use crate::history::Nanos;

/// The parameters of a run that workloads use.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The names of the nodes under test, in order.
    pub nodes: Vec<String>,
    /// The number of client workers.
    pub concurrency: usize,
    /// The duration of the main phase.
    pub time_limit: Nanos,
    /// Mean delay between nodes.
    pub latency: Nanos,
    /// broadcast: the name of the suggested [`Topology`](super::Topology).
    pub topology: String,
    /// lin-kv: maximum number of operations per key; `None` for no limit.
    pub ops_per_key: Option<u64>,
    /// Transactions, kafka: the number of active keys; `None` for the workload's default.
    pub key_count: Option<u64>,
    /// Minimum number of operations of a transaction.
    pub min_txn_length: u64,
    /// Maximum number of operations of a transaction.
    pub max_txn_length: u64,
    /// Transactions, kafka: the number of writes to a key before a new key replaces it.
    pub max_writes_per_key: u64,
    /// Transactions: the consistency models that the history must satisfy.
    pub consistency_models: Vec<String>,
    /// Registers: assume that no process observes a key returning to an earlier value.
    pub sequential_keys: bool,
    /// Registers: assume that no key returns to an earlier value in real time.
    pub linearizable_keys: bool,
    /// kafka: assume that the order of messages in a log is the order of the operations that sent them.
    pub ww_deps: bool,
    /// Accept the anomalies that the original checkers accept.
    pub lenient: bool,
}

impl Default for Settings {
    /// The documented defaults of all options, and as many workers as nodes.
    fn default() -> Self {
        let defaults = Options::of_defaults(Defaults::Plain);
        let missing = "the table of options has a default";
        let nodes = defaults.nodes.expect(missing).names();
        Settings {
            concurrency: nodes.len(),
            nodes,
            time_limit: defaults.time_limit.expect(missing).as_nanos() as Nanos,
            latency: defaults.latency.expect(missing).as_nanos() as Nanos,
            topology: defaults.topology.expect(missing),
            ops_per_key: defaults.ops_per_key,
            key_count: defaults.key_count,
            min_txn_length: defaults.min_txn_length.expect(missing),
            max_txn_length: defaults.max_txn_length.expect(missing),
            max_writes_per_key: defaults.max_writes_per_key.expect(missing),
            consistency_models: defaults.consistency_models.expect(missing),
            sequential_keys: defaults.sequential_keys.expect(missing),
            linearizable_keys: defaults.linearizable_keys.expect(missing),
            ww_deps: defaults.ww_deps.expect(missing),
            lenient: defaults.lenient.expect(missing),
        }
    }
}
