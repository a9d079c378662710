//! A scenario with every option read, judged and given its default.
//!
//! # Defaults of the attribute
//! A test should find bugs without being told how. What matters for that is that operations overlap and that messages
//! overtake one another: so tests run at [`TEST_RATE`] operations per second with an exponential delay of
//! [`TEST_LATENCY`] on average between nodes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, json};

use super::builder::{Defaults, Scenario, WorkloadChoice};
use super::options::{self, OptionRow, Value, format_nanos};
use super::{Interrupt, Program, ProgressSink, RunError};
use crate::history::Nanos;
use crate::nemesis::FaultKind;
use crate::network::Distribution;
use crate::workload::{self, Settings, Workload};

/// Operations per second in tests that do not say.
pub const TEST_RATE: f64 = 100.0;
/// Mean delay between nodes in tests that do not say.
pub const TEST_LATENCY: Nanos = 10_000_000;
/// Length of the main phase in real time where `auto` could not give virtual time.
const FALLBACK_TIME_LIMIT: Nanos = 20_000_000_000;

/// The clock that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeMode {
    /// Virtual where that is possible, else real.
    #[default]
    Auto,
    /// Simulated, or an error.
    Virtual,
    /// The wall clock.
    Real,
}

/// A delay of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// Mean.
    pub mean: Nanos,
    /// Shape.
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
    /// Recovery time before the final phase.
    pub quiet_period: Nanos,
    /// A client's patience; `None`: the workload's.
    pub timeout: Option<Nanos>,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The clock that was asked for.
    pub time: TimeMode,
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
    pub written: Map<String, serde_json::Value>,
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
        let shorter = self.default_time_limit && self.time == TimeMode::Auto;
        if shorter {
            self.settings.time_limit = FALLBACK_TIME_LIMIT;
        }
        shorter
    }

    /// What `scenario.json` holds: enough to run the same again.
    pub fn to_json(&self) -> serde_json::Value {
        let args: Vec<_> = self.program.args.iter().map(|arg| arg.to_string_lossy()).collect();
        let env: Map<String, serde_json::Value> = (self.program.env.iter())
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
        let config = workload.map(|workload| reader.config(workload, seed));
        let program = scenario.program.resolve();
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
                let found = workload::find(name);
                if found.is_none() {
                    let wrong = options::check_workload(name).err();
                    self.wrong.push(wrong.unwrap_or_else(|| format!("the workload {name} is not in this build")));
                }
                found
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
        let (mean, usual) = match given {
            Some(mean) => (mean, Distribution::Constant),
            None if test => (TEST_LATENCY, Distribution::Exponential),
            None => (0, Distribution::Constant),
        };
        let named = self.name("latency_dist");
        let find = |name: String| Distribution::ALL.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape);
        Delay { mean, distribution: named.and_then(find).unwrap_or(usual) }
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
            lenient: self.flag("lenient").unwrap_or(usual.lenient),
        };
        if settings.min_txn_length > settings.max_txn_length {
            let (min, max) = (settings.min_txn_length, settings.max_txn_length);
            self.wrong.push(format!("min_txn_length is {min}, more than max_txn_length, which is {max}"));
        }
        settings
    }

    fn config(&mut self, workload: Arc<dyn Workload>, seed: Option<u64>) -> Config {
        let scenario = self.scenario;
        let test = scenario.defaults == Defaults::Test;
        let latency = self.latency();
        let settings = self.settings(&*workload, latency.mean);
        let name = scenario.name.clone().unwrap_or_else(|| workload.name().to_string());
        let seed = seed.unwrap_or_else(|| crate::random::hash(&name));
        let kinds = self.names("nemesis").unwrap_or_default();
        let time = match self.name("time").as_deref() {
            Some("virtual") => TimeMode::Virtual,
            Some("real") => TimeMode::Real,
            _ => TimeMode::Auto,
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
            quiet_period: self.nanos("quiet_period").unwrap_or(10_000_000_000),
            timeout: self.nanos("timeout"),
            seed,
            time,
            log_stderr: self.flag("log_stderr").unwrap_or(false),
            log_net_send: self.flag("log_net_send").unwrap_or(false),
            log_net_recv: self.flag("log_net_recv").unwrap_or(false),
            directory: scenario.directory.clone().unwrap_or_else(|| super::store::fresh_directory(workload.name())),
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
    /// The scenario in a line: `lin-kv, 5 nodes, partition, latency 10ms (exponential), 60s`.
    pub fn describe(&self) -> String {
        let mut parts = vec![self.workload.name().to_string()];
        let nodes = self.settings.nodes.len();
        parts.push(format!("{nodes} node{}", if nodes == 1 { "" } else { "s" }));
        if !self.nemesis.is_empty() {
            parts.push(self.nemesis.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" and "));
        }
        if self.latency.mean > 0 {
            let shape = Distribution::ALL.iter().find(|(_, shape)| *shape == self.latency.distribution);
            parts.push(format!("latency {} ({})", format_nanos(self.latency.mean), shape.map_or("", |(name, _)| name)));
        }
        parts.push(format!("{:?}", Duration::from_nanos(self.settings.time_limit)));
        parts.join(", ")
    }
}
