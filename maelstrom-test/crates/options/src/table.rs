//! The table of options: everything about an option stands in its row.

/// Calls a macro with the rows of all options that have a value, in the order in which people read them.
///
/// Attribute, builder, command line, configuration and documentation are made from these rows. A row says:
///
/// | part | content |
/// | --- | --- |
/// | `name` | the option's name in the attribute and the method's in the builder |
/// | `doc` | what it means; one paragraph of Markdown |
/// | `value` | the type of its checked value: the field's in [`Options`](crate::Options) |
/// | `builder` | the parameter of the builder's method, and the type into which that is converted |
/// | `kind` | the values that are allowed, and how they are written |
/// | `default` | `["VALUE"]`; `tests "VALUE"` where the attribute's default differs, `note "…"` to add words; `[none "…"]` says what holds without a default |
/// | `workloads` | the workloads that use it; `ALL` or a list |
/// | `flag` | the flag on the command line, the name of its argument (empty for switches), and the commands that have it |
/// | `config` | the field of `maelstrom::scenario::Config` that takes the value; empty where code decides |
#[macro_export]
macro_rules! for_each_option {
    ($callback:ident) => {
        $callback! {
            {
                name: nodes,
                doc: "How many nodes (`n0`, `n1`, …), or their names separated by commas (on the command line with `--nodes`). Names must differ, must be safe as file names, must not begin with `c`, and must not be a service's name.",
                value: $crate::Nodes,
                builder: impl Into<$crate::literal::Nodes> as $crate::literal::Nodes,
                kind: Kind::Nodes,
                default: ["5"],
                workloads: ALL,
                flag: "node-count" "N" in TEST,
                config: [],
            }
            {
                name: concurrency,
                doc: "Number of client workers, or `Kn` for K times the number of nodes.",
                value: $crate::Concurrency,
                builder: impl Into<$crate::literal::Concurrency> as $crate::literal::Concurrency,
                kind: Kind::Concurrency,
                default: [none "`1n`; lin-kv: `2n`"],
                workloads: ALL,
                flag: "concurrency" "N|Kn" in TEST,
                config: [],
            }
            {
                name: rate,
                doc: "Operations per second, all clients together. 0: no operations in the main phase, only in the final phase.",
                value: f64,
                builder: impl Into<f64> as f64,
                kind: Kind::Number { min: 0.0, max: 1_000_000.0 },
                default: ["5"; tests "100"],
                workloads: ALL,
                flag: "rate" "HZ" in TEST,
                config: [simulation.rate],
            }
            {
                name: time_limit,
                doc: "Length of the main phase, in the run's time. A number without a unit counts seconds.",
                value: ::std::time::Duration,
                builder: impl Into<$crate::literal::Time> as $crate::literal::Time,
                kind: Kind::Time { min: ZERO, max: DAY.saturating_mul(30), bare: Bare::Everywhere(Unit::Seconds) },
                default: ["60s"; note "`20s` where `time = \"auto\"` falls back to real time"],
                workloads: ALL,
                flag: "time-limit" "SECONDS" in TEST_AND_DEMO,
                config: [simulation.settings.time_limit],
            }
            {
                name: ops_per_key,
                doc: "Operations on one key before the clients take the next one. Each key gets up to a tenth less, so that the keys do not change at the same time.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 1, max: u64::MAX },
                default: [none "no limit"],
                workloads: &["lin-kv"],
                flag: "ops-per-key" "N" in TEST,
                config: [simulation.settings.ops_per_key],
            }
            {
                name: require_faults,
                doc: "Whether an otherwise valid run fails if a requested fault never took effect.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"; tests "true"],
                workloads: ALL,
                flag: "require-faults" "" in TEST,
                config: [require_faults],
            }
            {
                name: lenient,
                doc: "Judge as leniently as the original: malformed messages are listed, but do not make a run invalid.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: ALL,
                flag: "lenient" "" in TEST_AND_CHECK,
                config: [simulation.settings.lenient],
            }
            {
                name: latency,
                doc: "Mean delay of messages between nodes. A number without a unit counts milliseconds.",
                value: ::std::time::Duration,
                builder: impl Into<$crate::literal::Time> as $crate::literal::Time,
                kind: Kind::Time { min: ZERO, max: HOUR, bare: Bare::Everywhere(Unit::Millis) },
                default: ["0ms"; tests "10ms"],
                workloads: ALL,
                flag: "latency" "MILLIS" in TEST,
                config: [simulation.network.latency],
            }
            {
                name: latency_dist,
                doc: "Distribution of all delays, each with its own mean: `constant` (always the mean), `uniform` (0 to 2 × mean), `exponential`, or, with a `latency_shape`, `normal`, `lognormal` or `pareto`.",
                value: String,
                builder: impl Into<String> as String,
                kind: Kind::Choice(LATENCY_DISTRIBUTIONS),
                default: ["constant"; tests "exponential"; note "while `latency` is not given"],
                workloads: ALL,
                flag: "latency-dist" "NAME" in TEST,
                config: [],
            }
            {
                name: latency_shape,
                doc: "Shape of the distribution; the mean stays the same. `normal`: the standard deviation divided by the mean, from 0 to 1 (draws below 0 count as 0, and draws above 2 × mean as 2 × mean, which keeps the mean). `lognormal`: sigma, the standard deviation of the logarithm, from 0 to 2. `pareto`: alpha, the tail index, from 1.1 to 100 (a smaller one means a longer tail; the shortest delay is mean × (alpha - 1) / alpha).",
                value: f64,
                builder: impl Into<f64> as f64,
                kind: Kind::Number { min: 0.0, max: 100.0 },
                default: [none "`normal` 0.25, `lognormal` 0.5, `pareto` 3"],
                workloads: ALL,
                flag: "latency-shape" "X" in TEST,
                config: [],
            }
            {
                name: client_latency,
                doc: "Mean delay of messages between clients and nodes. The flag counts milliseconds if there is no unit.",
                value: ::std::time::Duration,
                builder: impl Into<$crate::literal::Time> as $crate::literal::Time,
                kind: Kind::Time { min: ZERO, max: HOUR, bare: Bare::InFlag(Unit::Millis) },
                default: ["0ms"],
                workloads: ALL,
                flag: "client-latency" "MILLIS" in TEST,
                config: [simulation.network.client_latency],
            }
            {
                name: p_loss,
                doc: "Probability that a message between nodes is lost.",
                value: f64,
                builder: impl Into<f64> as f64,
                kind: Kind::Probability,
                default: ["0"],
                workloads: ALL,
                flag: "p-loss" "P" in TEST,
                config: [simulation.network.p_loss],
            }
            {
                name: p_duplicate,
                doc: "Probability that a message between nodes arrives twice.",
                value: f64,
                builder: impl Into<f64> as f64,
                kind: Kind::Probability,
                default: ["0"],
                workloads: ALL,
                flag: "p-duplicate" "P" in TEST,
                config: [simulation.network.p_duplicate],
            }
            {
                name: nemesis,
                doc: "Faults, separated by commas: `partition`, `kill`, `pause`, `packet`, `clock`.",
                value: Vec<String>,
                builder: impl Into<$crate::literal::Names> as $crate::literal::Names,
                kind: Kind::Set(FAULTS),
                default: ["none"],
                workloads: ALL,
                flag: "nemesis" "A,B" in TEST,
                config: [simulation.faults],
            }
            {
                name: nemesis_interval,
                doc: "Mean time between two actions of a fault. A number without a unit counts seconds.",
                value: ::std::time::Duration,
                builder: impl Into<$crate::literal::Time> as $crate::literal::Time,
                kind: Kind::Time { min: MILLISECOND, max: DAY, bare: Bare::Everywhere(Unit::Seconds) },
                default: ["10s"],
                workloads: ALL,
                flag: "nemesis-interval" "SECONDS" in TEST,
                config: [simulation.nemesis_interval],
            }
            {
                name: topology,
                doc: "The topology that tells each node its neighbours: `line`, `grid`, `tree`, `tree2`, `tree3`, `tree4` or `total`.",
                value: String,
                builder: impl Into<String> as String,
                kind: Kind::Choice(TOPOLOGIES),
                default: ["grid"],
                workloads: &["broadcast"],
                flag: "topology" "SPEC" in TEST,
                config: [simulation.settings.topology],
            }
            {
                name: availability,
                doc: "Required share of operations that are ok: a number from 0 to 1, or `total`.",
                value: f64,
                builder: impl Into<$crate::literal::Share> as $crate::literal::Share,
                kind: Kind::Availability,
                default: [none "none"],
                workloads: ALL,
                flag: "availability" "F|total" in TEST,
                config: [availability],
            }
            {
                name: consistency_models,
                doc: "Consistency models that transactions must satisfy, separated by commas.",
                value: Vec<String>,
                builder: impl Into<$crate::literal::Names> as $crate::literal::Names,
                kind: Kind::Set(CONSISTENCY_MODELS),
                default: ["strict-serializable"],
                workloads: TXN,
                flag: "consistency-models" "A,B" in TEST_AND_CHECK,
                config: [simulation.settings.consistency_models],
            }
            {
                name: key_count,
                doc: "Number of keys that are in use at the same time.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 1, max: 100_000 },
                default: [none "the workload's: 10"],
                workloads: MULTI_KEY,
                flag: "key-count" "N" in TEST,
                config: [simulation.settings.key_count],
            }
            {
                name: min_txn_length,
                doc: "Minimum number of operations in a transaction.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 1, max: 10_000 },
                default: ["1"],
                workloads: TXN,
                flag: "min-txn-length" "N" in TEST,
                config: [simulation.settings.min_txn_length],
            }
            {
                name: max_txn_length,
                doc: "Maximum number of operations in a transaction.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 1, max: 10_000 },
                default: ["4"],
                workloads: TXN,
                flag: "max-txn-length" "N" in TEST,
                config: [simulation.settings.max_txn_length],
            }
            {
                name: max_writes_per_key,
                doc: "Number of writes to a key before a new key takes its place.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 1, max: u64::MAX },
                default: ["16"],
                workloads: MULTI_KEY,
                flag: "max-writes-per-key" "N" in TEST,
                config: [simulation.settings.max_writes_per_key],
            }
            {
                name: sequential_keys,
                doc: "Assume that no process sees a register return to an earlier value.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: RW_REGISTER,
                flag: "sequential-keys" "" in TEST_AND_CHECK,
                config: [simulation.settings.sequential_keys],
            }
            {
                name: linearizable_keys,
                doc: "Assume that no register returns to an earlier value in real time.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: RW_REGISTER,
                flag: "linearizable-keys" "" in TEST_AND_CHECK,
                config: [simulation.settings.linearizable_keys],
            }
            {
                name: ww_deps,
                doc: "Assume that operations which sent successive messages of a log happened in that order. Cycles of these dependencies are reported, and allowed.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: &["kafka"],
                flag: "ww-deps" "" in TEST_AND_CHECK,
                config: [simulation.settings.ww_deps],
            }
            {
                name: seed,
                doc: "The seed of all randomness of the run.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 0, max: u64::MAX },
                default: [none "a hash of the case's name; random on the command line"],
                workloads: ALL,
                flag: "seed" "N" in TEST_AND_DEMO,
                config: [simulation.seed],
            }
            {
                name: time,
                doc: "The clock of the run: `virtual` (simulated), `real` (the wall clock), or `auto` (virtual where that is possible).",
                value: String,
                builder: impl Into<String> as String,
                kind: Kind::Choice(TIME_MODES),
                default: ["auto"],
                workloads: ALL,
                flag: "time" "auto|virtual|real" in TEST_AND_DEMO,
                config: [time],
            }
            {
                name: cwd,
                doc: "Working directory of the nodes. `node`: each node has a directory to itself. `package`: all nodes share the package's root (with the flag: the current directory). Files that they write there by relative paths stay after the run; `MAELSTROM_NODE_DIR` names a node's own directory.",
                value: String,
                builder: impl Into<String> as String,
                kind: Kind::Choice(WORKING_DIRECTORIES),
                default: ["node"],
                workloads: ALL,
                flag: "cwd" "node|package" in TEST,
                config: [cwd],
            }
            {
                name: quiet_period,
                doc: "Recovery time between the end of all faults and the final phase. The flag counts seconds if there is no unit.",
                value: ::std::time::Duration,
                builder: impl Into<$crate::literal::Time> as $crate::literal::Time,
                kind: Kind::Time { min: ZERO, max: DAY, bare: Bare::InFlag(Unit::Seconds) },
                default: ["10s"],
                workloads: ALL,
                flag: "quiet-period" "SECONDS" in TEST,
                config: [simulation.quiet_period],
            }
            {
                name: timeout,
                doc: "Client request timeout. The flag counts milliseconds if there is no unit.",
                value: ::std::time::Duration,
                builder: impl Into<$crate::literal::Time> as $crate::literal::Time,
                kind: Kind::Time { min: ZERO, max: HOUR, bare: Bare::InFlag(Unit::Millis) },
                default: [none "the workload's: 5 s; lin-kv: 1 s, or ten times the latency if that is longer"],
                workloads: ALL,
                flag: "timeout" "MILLIS" in TEST,
                config: [simulation.timeout],
            }
            {
                name: max_messages,
                doc: "Limit on the number of messages that nodes send. A run that exceeds it ends with an error that shows the busiest links.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Int { min: 1, max: u64::MAX },
                default: ["10000000"],
                workloads: ALL,
                flag: "max-messages" "N" in TEST,
                config: [simulation.max_messages],
            }
            {
                name: journal,
                doc: "The runs whose `messages.jsonl` is kept, which has every message of the run (tens of megabytes): all, or those that did not end as expected.",
                value: String,
                builder: impl Into<String> as String,
                kind: Kind::Choice(JOURNALS),
                default: ["always"; tests "failures"],
                workloads: ALL,
                flag: "journal" "always|failures" in TEST,
                config: [journal],
            }
            {
                name: shrink,
                doc: "How many times a run that fails in virtual time may be repeated, to cut it down to the operations, faults and messages that its failure needs. `false` or 0: not at all. By default only runs that do not end as expected are cut down; where this option is set, every invalid run is.",
                value: u64,
                builder: u64 as u64,
                kind: Kind::Reruns,
                default: ["200"],
                workloads: ALL,
                flag: "shrink" "RUNS" in TEST,
                config: [shrink],
            }
            {
                name: log_stderr,
                doc: "Copy the nodes' standard error to the run's log (and, with the flag, to the terminal).",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: ALL,
                flag: "log-stderr" "" in TEST,
                config: [log_stderr],
            }
            {
                name: log_net_send,
                doc: "Log every message when it is sent.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: ALL,
                flag: "log-net-send" "" in TEST,
                config: [log_net_send],
            }
            {
                name: log_net_recv,
                doc: "Log every message when it is received.",
                value: bool,
                builder: bool as bool,
                kind: Kind::Flag,
                default: ["false"],
                workloads: ALL,
                flag: "log-net-recv" "" in TEST,
                config: [log_net_recv],
            }
        }
    };
}

/// The `default` of a row for people: a literal, so that it can stand in `concat!`.
#[macro_export]
macro_rules! default_text {
    ([none $text:literal]) => {
        $text
    };
    ([$value:literal]) => {
        concat!("`", $value, "`")
    };
    ([$value:literal; note $note:literal]) => {
        concat!("`", $value, "`; ", $note)
    };
    ([$value:literal; tests $tests:literal]) => {
        concat!("`", $value, "`; in the attribute `", $tests, "`")
    };
    ([$value:literal; tests $tests:literal; note $note:literal]) => {
        concat!("`", $value, "`; in the attribute `", $tests, "` ", $note)
    };
}
