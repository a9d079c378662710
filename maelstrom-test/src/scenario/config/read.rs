//! From the options of a scenario to its configuration.

use std::sync::Arc;

use super::{Config, Defaults, KeepJournal, TEST_LATENCY, TEST_RATE, TimeChoice, WorkingDirectory};
use crate::history::Nanos;
use crate::network::{Distribution, NetworkConfig};
use crate::scenario::options::{self, OptionRow, Value};
use crate::scenario::{Program, RunError, Scenario, store};
use crate::simulation;
use crate::workload::{self, Settings, Workload, WorkloadChoice};

impl Config {
    /// Reads and checks the options of a scenario.
    pub(in crate::scenario) fn resolve(scenario: &Scenario) -> Result<Config, RunError> {
        let mut reader = Reader { scenario, wrong: Vec::new(), notes: Vec::new() };
        let workload = reader.workload();
        reader.refuse_unknown_and_unused(workload.as_deref());
        let config = workload.map(|workload| reader.config(workload));
        let cwd = config.as_ref().map(|config| config.cwd).unwrap_or_default();
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

    fn network(&mut self) -> NetworkConfig {
        let given = self.nanos("latency");
        let test = self.scenario.defaults == Defaults::Test;
        let usual = options::default_latency_distribution(test, given.is_some());
        let name = self.name("latency_dist").unwrap_or_else(|| usual.to_string());
        let mut shape = self.number("latency_shape");
        if let Some(Err(wrong)) = shape.map(|shape| options::check_latency_shape(&name, shape)) {
            self.wrong.push(format!("latency_shape: {wrong}"));
            shape = None;
        }
        let defaults = NetworkConfig::default();
        NetworkConfig {
            latency: given.unwrap_or(if test { TEST_LATENCY } else { 0 }),
            distribution: Distribution::from_name(&name, shape).unwrap_or_default(),
            client_latency: self.nanos("client_latency").unwrap_or(defaults.client_latency),
            p_loss: self.number("p_loss").unwrap_or(defaults.p_loss),
            p_duplicate: self.number("p_duplicate").unwrap_or(defaults.p_duplicate),
            ..defaults
        }
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

    fn simulation(&mut self, workload: Arc<dyn Workload>, name: &str) -> simulation::Config {
        let network = self.network();
        let settings = self.settings(&*workload, network.latency);
        let usual = simulation::Config::new(workload, settings);
        let rate = if self.scenario.defaults == Defaults::Test { TEST_RATE } else { usual.rate };
        let faults = self.names("nemesis").unwrap_or_default();
        simulation::Config {
            network,
            rate: self.number("rate").unwrap_or(rate),
            timeout: self.nanos("timeout"),
            faults: faults.iter().filter_map(|kind| kind.parse().ok()).collect(),
            nemesis_interval: self.nanos("nemesis_interval").unwrap_or(usual.nemesis_interval),
            quiet_period: self.nanos("quiet_period").unwrap_or(usual.quiet_period),
            max_messages: self.int("max_messages").unwrap_or(usual.max_messages),
            seed: self.int("seed").unwrap_or_else(|| crate::random::hash(name)),
            ..usual
        }
    }

    fn config(&mut self, workload: Arc<dyn Workload>) -> Config {
        let scenario = self.scenario;
        let name = scenario.name.clone().unwrap_or_else(|| workload.name().to_string());
        let directory = scenario.directory.clone();
        let directory =
            directory.unwrap_or_else(|| store::fresh_directory(scenario.output.as_deref(), workload.name()));
        let written = scenario.written.iter().map(|(name, value)| (name.to_string(), value.0.clone().into())).collect();
        Config {
            simulation: self.simulation(workload, &name),
            name,
            program: Program::default(),
            default_time_limit: !scenario.written.contains_key("time_limit"),
            availability: self.number("availability"),
            require_faults: self.flag("require_faults").unwrap_or(scenario.defaults == Defaults::Test),
            expect: scenario.expect.clone(),
            time: match self.name("time").as_deref() {
                Some("virtual") => TimeChoice::Virtual,
                Some("real") => TimeChoice::Real,
                _ => TimeChoice::Auto,
            },
            cwd: match self.name("cwd").as_deref() {
                Some("package") => WorkingDirectory::Package,
                _ => WorkingDirectory::Node,
            },
            journal: match self.name("journal").as_deref() {
                Some("failures") => KeepJournal::Failures,
                _ => KeepJournal::Always,
            },
            log_stderr: self.flag("log_stderr").unwrap_or(false),
            log_net_send: self.flag("log_net_send").unwrap_or(false),
            log_net_recv: self.flag("log_net_recv").unwrap_or(false),
            directory,
            again: scenario.again.clone(),
            progress: scenario.progress.clone(),
            interrupt: scenario.interrupt.clone(),
            notes: Vec::new(),
            written,
            defaults: scenario.defaults,
        }
    }
}
