//! Parses the options of a scenario.

use std::sync::Arc;

use super::{Config, KeepJournal, TimeChoice, WorkingDirectory};
use crate::network::Distribution;
use crate::scenario::options::{self, Concurrency, OptionError, Options};
use crate::scenario::{Program, RunError, Scenario, store};
use crate::simulation;
use crate::workload::{self, Settings, Workload, WorkloadChoice};

impl Config {
    /// Parses and checks the options of a scenario.
    pub(in crate::scenario) fn resolve(scenario: &Scenario) -> Result<Config, RunError> {
        let mut reader = Reader { scenario, wrong: Vec::new(), notes: Vec::new() };
        let workload = reader.workload();
        let given = reader.options(workload.as_deref());
        let config = workload.map(|workload| reader.config(workload, given));
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

/// Parses options and collects all errors.
struct Reader<'a> {
    scenario: &'a Scenario,
    wrong: Vec<OptionError>,
    notes: Vec<String>,
}

impl Reader<'_> {
    fn workload(&mut self) -> Option<Arc<dyn Workload>> {
        match &self.scenario.workload {
            WorkloadChoice::Custom(workload) => Some(workload.clone()),
            WorkloadChoice::Named(name) => {
                self.wrong.extend(options::check_workload(name).err());
                workload::by_name(name).ok()
            }
        }
    }

    /// Parses the options that are set.
    fn options(&mut self, workload: Option<&dyn Workload>) -> Options {
        let mut given = Options::default();
        for (name, text) in &self.scenario.literals {
            let Some(row) = options::find(name).filter(|row| row.kind != options::Kind::Special) else {
                // The error for an unknown name contains the name.
                self.wrong.extend(given.set(name, text, self.scenario.front_end).err());
                continue;
            };
            if let Err(wrong) = given.set(name, text, self.scenario.front_end) {
                self.wrong.push(wrong.of(name));
            }
            let Some(workload) = workload else { continue };
            if !row.workloads.is_empty() && !workload.options().contains(&row.name) {
                let unused = row.unused_by(workload.name());
                if self.scenario.warn_unused {
                    self.notes.push(unused.message().to_owned());
                } else {
                    self.wrong.push(unused);
                }
            }
        }
        given
    }

    fn config(&mut self, workload: Arc<dyn Workload>, given: Options) -> Config {
        let scenario = self.scenario;
        let options = given.clone().or_default(scenario.defaults);
        let name = scenario.name.clone().unwrap_or_else(|| workload.name().to_string());
        let directory = scenario.directory.clone();
        let directory =
            directory.unwrap_or_else(|| store::fresh_directory(scenario.output.as_deref(), workload.name()));
        let nodes = options.nodes.clone().map(options::Nodes::names).unwrap_or_default();
        let concurrency = self.concurrency(&*workload, options.concurrency, nodes.len());
        let distribution = self.distribution(&options);
        let settings = Settings { nodes, concurrency, ..Settings::default() };
        let mut config = Config {
            simulation: simulation::Config {
                seed: crate::random::hash(&name),
                plan: scenario.overrides.clone(),
                ..simulation::Config::new(workload, settings)
            },
            name,
            program: Program::default(),
            availability: None,
            require_faults: false,
            expect: scenario.expect.clone(),
            time: TimeChoice::default(),
            cwd: WorkingDirectory::default(),
            journal: KeepJournal::default(),
            shrink: 0,
            log_stderr: false,
            log_net_send: false,
            log_net_recv: false,
            directory,
            again: scenario.again.clone(),
            progress: scenario.progress.clone(),
            interrupt: scenario.interrupt.clone(),
            notes: Vec::new(),
            given,
            defaults: scenario.defaults,
        };
        config.write(options);
        config.simulation.network.distribution = distribution;
        let settings = &mut config.simulation.settings;
        settings.latency = config.simulation.network.latency;
        let (min, max) = (settings.min_txn_length, settings.max_txn_length);
        if min > max {
            self.wrong.push(OptionError::new(
                format!("min_txn_length is {min}, which is more than max_txn_length ({max})"),
                "decrease min_txn_length, or increase max_txn_length",
            ));
        }
        config
    }

    fn concurrency(&mut self, workload: &dyn Workload, requested: Option<Concurrency>, nodes: usize) -> usize {
        let requested = requested.map(|requested| requested.workers(nodes));
        let actual = workload.concurrency(requested, nodes);
        if let Some(requested) = requested.filter(|requested| *requested != actual) {
            self.notes
                .push(format!("{} runs with {actual} clients instead of the requested {requested}", workload.name()));
        }
        actual
    }

    fn distribution(&mut self, options: &Options) -> Distribution {
        let name = options.latency_dist.as_deref().unwrap_or_default();
        let mut shape = options.latency_shape;
        if let Some(Err(wrong)) = shape.map(|shape| options::check_latency_shape(name, shape)) {
            self.wrong.push(wrong.of("latency_shape"));
            shape = None;
        }
        Distribution::from_name(name, shape).unwrap_or_default()
    }
}
