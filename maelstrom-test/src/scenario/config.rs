//! A scenario with every option read, judged and given its default.
//!
//! # Defaults of the attribute
//! A test should find bugs without being told how. What matters for that is that operations overlap and that messages
//! overtake one another: so tests run at [`TEST_RATE`] operations per second with an exponential delay of
//! [`TEST_LATENCY`] on average between nodes.
//!
//! Measured on nodes with planted bugs (`fixtures`), five of them, in virtual time: with how many seeds the bug is found,
//! of 24 where the time limit is 20 s and faults come every 4 s on average, and of 8 with the defaults, 60 s and 10 s.
//!
//! | bug | fault | of 24 | of 8 |
//! | --- | --- | ---: | ---: |
//! | ids from a bare counter | – | 24 | 8 |
//! | broadcast without retry | partition | 24 | 8 |
//! | a set that forgets | – | 24 | 8 |
//! | a counter that counts twice: growing only, both ways | partition | 18, 21 | 7, 7 |
//! | lin-kv on `seq-kv`; stale local reads; a compare-and-set that is not atomic | – | 24 each | 8 each |
//! | a Raft that answers reads without a quorum | partition | 13 | 6 |
//! | a Raft that commits on a minority | partition | 14 | 4 |
//! | a Raft that votes twice in a term | partition | 17 | 6 |
//! | a Raft that forgets its log when killed, on one node | kill | 22 | 6 |
//!
//! So eight seeds miss the most hidden of them at most once in two hundred times. The seeds were 0 … 7, 100 … 107 and
//! 200 … 207; `MAELSTROM_SEEDS=0..8 cargo test -p maelstrom-fixtures --test verdicts` counts again, and with
//! `MAELSTROM_DEFAULTS=1` it does so with the defaults.
//!
//! In real time bugs are found no more often than in virtual time. With the time limit of 20 s and seeds 0 … 7, of 272 runs
//! of 34 planted bugs 252 found theirs in virtual time, and 247 in real time (which `MAELSTROM_TIME=real` measures). The
//! difference is in the three Rafts with partitions: 15 and 10 of 24. The two counters, with 24 seeds each, were found 45
//! and 46 times of 48; all others with 7 or 8 seeds of 8 in both, but for two that need a partition at the right moment.
//!
//! The last bug wants more than a fault's name. Every request that is not answered ends a process, and some twenty
//! processes end a key; so on five nodes keys do not outlive outages of 10 s, and nobody misses what was lost. On one node
//! they do.

use std::path::PathBuf;
use std::sync::Arc;

use crate::json::{Map, json};

use super::builder::{Defaults, Scenario};
use super::options::{self, OptionRow, Value, format_nanos};
use super::{Interrupt, Program, ProgressSink, RunError};
use crate::history::Nanos;
use crate::nemesis::FaultKind;
use crate::network::Distribution;
use crate::workload::WorkloadChoice;
use crate::workload::{self, Settings, Workload};

/// Operations per second in tests that do not say.
pub const TEST_RATE: f64 = 100.0;
/// Mean delay between nodes in tests that do not say.
pub const TEST_LATENCY: Nanos = 10_000_000;
/// Length of the main phase in real time where `auto` could not give virtual time.
const FALLBACK_TIME_LIMIT: Nanos = 20_000_000_000;

/// The clock that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeChoice {
    /// Virtual where that is possible, else real.
    #[default]
    Auto,
    /// Simulated, or an error.
    Virtual,
    /// The wall clock.
    Real,
}

/// The working directory of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// Each node has one of its own.
    #[default]
    Node,
    /// All nodes share the directory from which relative paths of the node program are taken.
    Package,
}

/// A delay of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// Mean.
    pub mean: Nanos,
    /// Distribution.
    pub distribution: Distribution,
}

/// A scenario ready to run.
#[derive(Clone)]
pub struct Config {
    /// How reports call the run.
    pub name: String,
    /// What to run.
    pub workload: Arc<dyn Workload>,
    /// What the workload may know: nodes, concurrency, time limit, …
    pub settings: Settings,
    /// The node program, with absolute paths.
    pub program: Program,
    /// Operations per second.
    pub rate: f64,
    /// Whether the time limit is the default one, which is shorter where `auto` falls back to real time.
    pub default_time_limit: bool,
    /// Delay between nodes.
    pub latency: Delay,
    /// Mean delay between clients and nodes.
    pub client_latency: Nanos,
    /// Probability that a message between nodes is lost.
    pub p_loss: f64,
    /// Probability that it arrives twice.
    pub p_duplicate: f64,
    /// Faults.
    pub nemesis: Vec<FaultKind>,
    /// Mean time between two actions of a fault.
    pub nemesis_interval: Nanos,
    /// Share of operations that must be ok.
    pub availability: Option<f64>,
    /// Whether a fault without effect fails a run that is otherwise valid.
    pub require_faults: bool,
    /// How the run should end, for reports.
    pub expect: Option<String>,
    /// Recovery time before the final phase.
    pub quiet_period: Nanos,
    /// Messages of nodes, beyond which the run ends with an error.
    pub max_messages: u64,
    /// A client's patience; `None`: the workload's.
    pub timeout: Option<Nanos>,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The clock that was asked for.
    pub time: TimeChoice,
    /// Where nodes work.
    pub cwd: WorkingDirectory,
    /// Whether the journal of messages is removed if the run ends as expected.
    pub journal_of_failures: bool,
    /// Copy the nodes' standard error to the run's log.
    pub log_stderr: bool,
    /// Log messages as they are sent.
    pub log_net_send: bool,
    /// Log messages as they are received.
    pub log_net_recv: bool,
    /// Where the run's files go.
    pub directory: PathBuf,
    /// The command that runs this again.
    pub again: Option<String>,
    /// Who is told how far the run has come.
    pub progress: Option<ProgressSink>,
    /// Asks the run to end early.
    pub interrupt: Interrupt,
    /// What people should know about how their options were read.
    pub notes: Vec<String>,
    /// The options as they were written, for `scenario.json`.
    pub written: Map<String, crate::json::Value>,
    /// Which defaults held.
    pub defaults: Defaults,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Config {
    /// A client's patience.
    pub fn client_timeout(&self) -> Nanos {
        self.timeout.unwrap_or_else(|| self.workload.timeout(&self.settings))
    }

    /// Shortens the main phase if nobody said how long it should be and the run fell back to real time.
    /// Returns whether it did.
    pub fn fall_back_to_real_time(&mut self) -> bool {
        let shorter = self.default_time_limit && self.time == TimeChoice::Auto;
        if shorter {
            self.settings.time_limit = FALLBACK_TIME_LIMIT;
        }
        shorter
    }

    /// A hash of the node program's file, to tell whether it is still the same; `None` if it cannot be read.
    pub fn program_hash(&self) -> Option<String> {
        self.program.hash().ok().map(|hash| format!("{hash:016x}"))
    }

    /// What `scenario.json` holds: enough to run the same again.
    pub fn to_json(&self) -> crate::json::Value {
        let args: Vec<_> = self.program.args.iter().map(|arg| arg.to_string_lossy()).collect();
        let env: Map<String, crate::json::Value> = (self.program.env.iter())
            .map(|(key, value)| (key.to_string_lossy().into_owned(), value.to_string_lossy().into()))
            .collect();
        json!({
            "version": 1,
            "name": self.name,
            "workload": self.workload.name(),
            "program": {
                "path": self.program.path.to_string_lossy(),
                "args": args,
                "env": env,
                "base": self.program.base.as_ref().map(|base| base.to_string_lossy()),
                "hash": self.program_hash(),
            },
            "defaults": if self.defaults == Defaults::Test { "test" } else { "plain" },
            "seed": self.seed,
            "options": self.written,
        })
    }

    /// Reads and judges the options of a scenario.
    pub(super) fn resolve(scenario: &Scenario) -> Result<Config, RunError> {
        let mut reader = Reader { scenario, wrong: Vec::new(), notes: Vec::new() };
        let workload = reader.workload();
        reader.refuse_unknown_and_unused(workload.as_deref());
        let seed = reader.int("seed");
        let cwd = match reader.name("cwd").as_deref() {
            Some("package") => WorkingDirectory::Package,
            _ => WorkingDirectory::Node,
        };
        let config = workload.map(|workload| reader.config(workload, seed, cwd));
        let program = scenario.program.resolve(cwd);
        match (reader.wrong.is_empty(), config, program) {
            (true, Some(mut config), Ok(program)) => {
                config.notes = reader.notes;
                config.program = program;
                Ok(config)
            }
            (true, _, Err(wrong)) => Err(RunError::Setup(wrong)),
            _ => Err(RunError::Options(reader.wrong)),
        }
    }
}

/// Reads options one by one and collects everything that is wrong with them.
struct Reader<'a> {
    scenario: &'a Scenario,
    wrong: Vec<String>,
    notes: Vec<String>,
}

impl Reader<'_> {
    fn workload(&mut self) -> Option<Arc<dyn Workload>> {
        match &self.scenario.workload {
            WorkloadChoice::Own(workload) => Some(workload.clone()),
            WorkloadChoice::Named(name) => {
                workload::by_name(name).map_err(|error| self.wrong.push(error.to_string())).ok()
            }
        }
    }

    fn refuse_unknown_and_unused(&mut self, workload: Option<&dyn Workload>) {
        self.wrong.extend(self.scenario.unknown.iter().map(|name| options::unknown_option(name)));
        let Some(workload) = workload else { return };
        for name in self.scenario.written.keys() {
            let row = options::find(name).expect("only options of the table are written down");
            if row.workloads.is_empty() || workload.options().contains(name) {
                continue;
            }
            let unused = row.unused_by(workload.name());
            if self.scenario.warn_unused { &mut self.notes } else { &mut self.wrong }.push(unused);
        }
    }

    /// The option's value, if it was given and makes sense.
    fn value(&mut self, name: &'static str) -> Option<Value> {
        let row: &OptionRow = options::find(name).expect("an option of the table");
        let written = self.scenario.written.get(name)?;
        match row.kind.parse(&written.0) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong.push(format!("{name}: {wrong}"));
                None
            }
        }
    }

    fn int(&mut self, name: &'static str) -> Option<u64> {
        self.value(name).and_then(|value| if let Value::Int(int) = value { Some(int) } else { None })
    }

    fn number(&mut self, name: &'static str) -> Option<f64> {
        self.value(name).and_then(|value| if let Value::Number(number) = value { Some(number) } else { None })
    }

    fn nanos(&mut self, name: &'static str) -> Option<Nanos> {
        self.value(name).and_then(|value| if let Value::Nanos(nanos) = value { Some(nanos) } else { None })
    }

    fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.value(name).and_then(|value| if let Value::Flag(flag) = value { Some(flag) } else { None })
    }

    fn name(&mut self, name: &'static str) -> Option<String> {
        self.value(name).and_then(|value| if let Value::Name(name) = value { Some(name) } else { None })
    }

    fn names(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.value(name).and_then(|value| if let Value::Names(names) = value { Some(names) } else { None })
    }

    fn nodes(&mut self) -> Vec<String> {
        let numbered = |count: u64| (0..count).map(|i| format!("n{i}")).collect();
        match self.value("nodes") {
            Some(Value::Names(names)) => names,
            Some(Value::Int(count)) => numbered(count),
            _ => numbered(5),
        }
    }

    fn concurrency(&mut self, workload: &dyn Workload, nodes: usize) -> usize {
        let asked = self.value("concurrency").and_then(|value| match value {
            Value::Int(workers) => Some(workers as usize),
            Value::PerNode(times) => Some((times as usize).saturating_mul(nodes)),
            _ => None,
        });
        let taken = workload.concurrency(asked, nodes);
        if let Some(asked) = asked.filter(|asked| *asked != taken) {
            self.notes.push(format!(
                "{} works with {taken} clients instead of the {asked} that were asked for",
                workload.name()
            ));
        }
        taken
    }

    fn latency(&mut self) -> Delay {
        let given = self.nanos("latency");
        let test = self.scenario.defaults == Defaults::Test;
        let mean = given.unwrap_or(if test { TEST_LATENCY } else { 0 });
        let usual = options::default_latency_distribution(test, given.is_some());
        let name = self.name("latency_dist").unwrap_or_else(|| usual.to_string());
        let mut shape = self.number("latency_shape");
        if let Some(Err(wrong)) = shape.map(|shape| options::check_latency_shape(&name, shape)) {
            self.wrong.push(format!("latency_shape: {wrong}"));
            shape = None;
        }
        Delay { mean, distribution: Distribution::from_name(&name, shape).unwrap_or_default() }
    }

    fn settings(&mut self, workload: &dyn Workload, latency: Nanos) -> Settings {
        let nodes = self.nodes();
        let usual = Settings::default();
        let settings = Settings {
            concurrency: self.concurrency(workload, nodes.len()),
            nodes,
            time_limit: self.nanos("time_limit").unwrap_or(usual.time_limit),
            latency,
            topology: self.name("topology").unwrap_or(usual.topology),
            ops_per_key: self.int("ops_per_key"),
            key_count: self.int("key_count"),
            min_txn_length: self.int("min_txn_length").unwrap_or(usual.min_txn_length),
            max_txn_length: self.int("max_txn_length").unwrap_or(usual.max_txn_length),
            max_writes_per_key: self.int("max_writes_per_key").unwrap_or(usual.max_writes_per_key),
            consistency_models: self.names("consistency_models").unwrap_or(usual.consistency_models),
            sequential_keys: self.flag("sequential_keys").unwrap_or(usual.sequential_keys),
            linearizable_keys: self.flag("linearizable_keys").unwrap_or(usual.linearizable_keys),
            ww_deps: self.flag("ww_deps").unwrap_or(usual.ww_deps),
            lenient: self.flag("lenient").unwrap_or(usual.lenient),
        };
        if settings.min_txn_length > settings.max_txn_length {
            let (min, max) = (settings.min_txn_length, settings.max_txn_length);
            self.wrong.push(format!("min_txn_length is {min}, more than max_txn_length, which is {max}"));
        }
        settings
    }

    fn config(&mut self, workload: Arc<dyn Workload>, seed: Option<u64>, cwd: WorkingDirectory) -> Config {
        let scenario = self.scenario;
        let test = scenario.defaults == Defaults::Test;
        let latency = self.latency();
        let settings = self.settings(&*workload, latency.mean);
        let name = scenario.name.clone().unwrap_or_else(|| workload.name().to_string());
        let seed = seed.unwrap_or_else(|| crate::random::hash(&name));
        let kinds = self.names("nemesis").unwrap_or_default();
        let time = match self.name("time").as_deref() {
            Some("virtual") => TimeChoice::Virtual,
            Some("real") => TimeChoice::Real,
            _ => TimeChoice::Auto,
        };
        let written = scenario.written.iter().map(|(name, value)| (name.to_string(), value.0.clone().into())).collect();
        Config {
            program: Program::default(),
            rate: self.number("rate").unwrap_or(if test { TEST_RATE } else { 5.0 }),
            default_time_limit: !scenario.written.contains_key("time_limit"),
            latency,
            client_latency: self.nanos("client_latency").unwrap_or(0),
            p_loss: self.number("p_loss").unwrap_or(0.0),
            p_duplicate: self.number("p_duplicate").unwrap_or(0.0),
            nemesis: kinds.iter().filter_map(|kind| kind.parse().ok()).collect(),
            nemesis_interval: self.nanos("nemesis_interval").unwrap_or(10_000_000_000),
            availability: self.number("availability"),
            require_faults: self.flag("require_faults").unwrap_or(test),
            expect: scenario.expect.clone(),
            quiet_period: self.nanos("quiet_period").unwrap_or(10_000_000_000),
            max_messages: self.int("max_messages").unwrap_or(crate::simulation::MAX_MESSAGES),
            timeout: self.nanos("timeout"),
            seed,
            time,
            cwd,
            journal_of_failures: self.name("journal").as_deref() == Some("failures"),
            log_stderr: self.flag("log_stderr").unwrap_or(false),
            log_net_send: self.flag("log_net_send").unwrap_or(false),
            log_net_recv: self.flag("log_net_recv").unwrap_or(false),
            directory: scenario
                .directory
                .clone()
                .unwrap_or_else(|| super::store::fresh_directory(scenario.output.as_deref(), workload.name())),
            again: scenario.again.clone(),
            progress: scenario.progress.clone(),
            interrupt: scenario.interrupt.clone(),
            notes: Vec::new(),
            written,
            defaults: scenario.defaults,
            name,
            workload,
            settings,
        }
    }
}

impl Config {
    /// The shape of the scenario for reports and snapshots, without seed and measure: `5 nodes`, `partition`, …
    pub fn shape(&self) -> Vec<String> {
        let nodes = self.settings.nodes.len();
        let mut words = vec![format!("{nodes} node{}", if nodes == 1 { "" } else { "s" })];
        words.extend(self.nemesis.iter().map(|kind| kind.name().to_string()));
        words
    }

    /// Every option with its value, as people write it.
    pub fn options(&self) -> Vec<(String, String)> {
        let settings = &self.settings;
        let uses = |name: &str| self.workload.options().contains(&name);
        let mut options = vec![
            ("workload", self.workload.name().to_string()),
            ("nodes", settings.nodes.join(",")),
            ("concurrency", settings.concurrency.to_string()),
            ("rate", self.rate.to_string()),
            ("time_limit", format_nanos(settings.time_limit)),
            ("latency", format_nanos(self.latency.mean)),
            ("latency_dist", self.latency.distribution.name().to_string()),
            ("client_latency", format_nanos(self.client_latency)),
            ("p_loss", self.p_loss.to_string()),
            ("p_duplicate", self.p_duplicate.to_string()),
            ("nemesis", self.nemesis.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")),
            ("nemesis_interval", format_nanos(self.nemesis_interval)),
            ("quiet_period", format_nanos(self.quiet_period)),
            ("max_messages", self.max_messages.to_string()),
            ("timeout", format_nanos(self.client_timeout())),
            ("cwd", if self.cwd == WorkingDirectory::Package { "package" } else { "node" }.to_string()),
            ("journal", if self.journal_of_failures { "failures" } else { "always" }.to_string()),
            ("availability", self.availability.map_or("none".into(), |share| share.to_string())),
        ];
        let of_workload = [
            ("topology", settings.topology.clone()),
            ("ops_per_key", settings.ops_per_key.map_or("no limit".into(), |count| count.to_string())),
            ("consistency_models", settings.consistency_models.join(",")),
            ("key_count", settings.key_count.map_or("default".into(), |count| count.to_string())),
            ("min_txn_length", settings.min_txn_length.to_string()),
            ("max_txn_length", settings.max_txn_length.to_string()),
            ("max_writes_per_key", settings.max_writes_per_key.to_string()),
            ("sequential_keys", settings.sequential_keys.to_string()),
            ("linearizable_keys", settings.linearizable_keys.to_string()),
            ("ww_deps", settings.ww_deps.to_string()),
        ];
        if let Some(shape) = self.latency.distribution.shape() {
            let after = options.iter().position(|(name, _)| *name == "latency_dist").map_or(options.len(), |at| at + 1);
            options.insert(after, ("latency_shape", shape.to_string()));
        }
        options.extend(of_workload.into_iter().filter(|(name, _)| uses(name)));
        options.push(("seed", self.seed.to_string()));
        options.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::workload::Topology;

    fn scenario(workload: &str) -> Scenario {
        Scenario::new(workload).bin("/bin/sh").directory("unused")
    }

    fn wrong(scenario: Scenario) -> String {
        scenario.config().expect_err("this makes no sense").to_string()
    }

    #[test]
    fn tables_of_names_agree_with_the_rooms_that_use_them() {
        let workloads = workload::all();
        assert_eq!(workloads.iter().map(|workload| workload.name()).collect::<Vec<_>>(), options::WORKLOADS);
        assert_eq!(FaultKind::ALL.map(FaultKind::name), options::FAULTS);
        assert_eq!(Topology::NAMES, options::TOPOLOGIES);
        for workload in &workloads {
            let of_table = options::OPTIONS.iter().filter(|row| row.workloads.contains(&workload.name()));
            let mut own = workload.options().to_vec();
            own.sort_unstable();
            let mut listed: Vec<&str> = of_table.map(|row| row.name).collect();
            listed.sort_unstable();
            assert_eq!(own, listed, "{}", workload.name());
            assert!(crate::checker::anomalies::of_workload(workload.name()).is_some());
        }
    }

    #[test]
    fn plain_defaults_are_those_of_the_original() {
        let config = scenario("lin-kv").config().expect("all defaults");
        assert_eq!(config.settings.nodes, ["n0", "n1", "n2", "n3", "n4"]);
        assert_eq!(config.settings.concurrency, 10);
        assert_eq!((config.rate, config.latency.mean), (5.0, 0));
        assert_eq!(config.latency.distribution, Distribution::Constant);
        assert_eq!(config.settings.time_limit, 60_000_000_000);
        assert!(!config.require_faults);
        assert_eq!(config.name, "lin-kv");
    }

    #[test]
    fn tests_have_defaults_of_their_own() {
        let config = scenario("echo").defaults(Defaults::Test).config().expect("all defaults");
        assert_eq!((config.rate, config.latency.mean), (TEST_RATE, TEST_LATENCY));
        assert_eq!(config.latency.distribution, Distribution::Exponential);
        assert!(config.require_faults);
        let config = scenario("echo").defaults(Defaults::Test).latency("5ms").config().expect("a latency");
        assert_eq!(config.latency, Delay { mean: 5_000_000, distribution: Distribution::Constant });
    }

    #[test]
    fn values_come_in_rust_types_too() {
        let config = scenario("broadcast")
            .nodes(["a", "b"])
            .latency(Duration::from_millis(7))
            .rate(2.5)
            .nemesis(["kill", "pause"])
            .log_stderr(true)
            .topology("line")
            .config()
            .expect("all right");
        assert_eq!(config.settings.nodes, ["a", "b"]);
        assert_eq!(config.latency.mean, 7_000_000);
        assert_eq!(config.rate, 2.5);
        assert_eq!(config.nemesis, [FaultKind::Kill, FaultKind::Pause]);
        assert!(config.log_stderr);
        assert_eq!(config.settings.topology, "line");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let error = wrong(scenario("echo").nodes(0).topology("line").option("node", 3).p_loss(2));
        assert_eq!(error.lines().count(), 4, "{error}");
        assert!(error.contains("nodes: `0` is not a number of nodes"), "{error}");
        assert!(error.contains("broadcast does"), "{error}");
        assert!(error.contains("did you mean \"nodes\"?"), "{error}");
        assert!(error.contains("p_loss: `2`"), "{error}");
        assert!(wrong(scenario("lin-kb")).contains("did you mean \"lin-kv\"?"));
        let lengths = scenario("txn-list-append").min_txn_length(5).max_txn_length(2);
        assert!(wrong(lengths).contains("more than max_txn_length"));
    }

    #[test]
    fn shapes_of_latencies_belong_to_distributions() {
        let config = scenario("echo").latency("5ms").latency_dist("pareto").latency_shape(1.5).config().expect("right");
        assert_eq!(config.latency, Delay { mean: 5_000_000, distribution: Distribution::Pareto { alpha: 1.5 } });
        let options = config.options();
        let at = options.iter().position(|(name, _)| name == "latency_dist").expect("an option");
        assert_eq!(options[at + 1], ("latency_shape".into(), "1.5".into()));
        let usual = scenario("echo").latency_dist("lognormal").config().expect("right");
        assert_eq!(usual.latency.distribution, Distribution::LogNormal { sigma: 0.5 });
        assert_eq!(
            wrong(scenario("echo").latency_shape(0.5)),
            "latency_shape: the latency distribution `constant` has no shape; set latency_dist to one that has: \
             normal, lognormal and pareto"
        );
        assert!(wrong(scenario("echo").latency_dist("normal").latency_shape(2)).contains("from 0 to 1"));
        assert!(wrong(scenario("echo").latency_dist("log-normal")).contains("did you mean \"lognormal\"?"));
    }

    #[test]
    fn unused_options_can_be_a_note() {
        let config = scenario("echo").topology("line").allow_unused_options().config().expect("a note only");
        assert!(config.notes[0].contains("broadcast does"), "{:?}", config.notes);
    }

    #[test]
    fn adapted_concurrency_is_a_note() {
        let config = scenario("lin-kv").nodes(3).concurrency(7).config().expect("it is rounded up");
        assert_eq!(config.settings.concurrency, 12);
        assert!(config.notes[0].contains("12 clients instead of the 7"), "{:?}", config.notes);
    }

    #[test]
    fn a_stored_scenario_is_the_same_again() {
        let scenario = scenario("broadcast")
            .args(["-v", "x y"])
            .env("MODE", "fast")
            .name("gossip")
            .defaults(Defaults::Test)
            .nodes(3)
            .latency("5ms")
            .nemesis(["kill", "pause"])
            .cwd("package")
            .seed(u64::MAX);
        let config = scenario.config().expect("right");
        let again = Scenario::from_json(&config.to_json()).and_then(|again| again.config().map_err(|e| e.to_string()));
        let again = again.expect("it can be read");
        assert_eq!(again.to_json(), config.to_json());
        assert_eq!(again.options(), config.options());
        assert_eq!((config.cwd, again.cwd), (WorkingDirectory::Package, WorkingDirectory::Package));
        assert_eq!((again.seed, again.program), (u64::MAX, Program { has_stored_env: true, ..config.program }));
        assert!(Scenario::from_json(&json!({"version": 2})).is_err_and(|why| why.contains("version 1")));
    }

    #[test]
    fn real_time_by_fallback_is_shorter_unless_somebody_said_how_long() {
        let mut config = scenario("echo").config().expect("right");
        assert!(config.fall_back_to_real_time());
        assert_eq!(config.settings.time_limit, FALLBACK_TIME_LIMIT);
        let mut config = scenario("echo").time_limit(30).config().expect("right");
        assert!(!config.fall_back_to_real_time());
        assert_eq!(config.settings.time_limit, 30_000_000_000);
    }
}
