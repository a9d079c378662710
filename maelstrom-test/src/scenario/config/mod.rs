//! The resolved configuration of a run: every option read, checked and given its default.

mod defaults;
mod read;
mod stored;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

pub use defaults::{Defaults, TEST_LATENCY, TEST_RATE};

use super::options::format_nanos;
use super::{Interrupt, Program, ProgressSink};
use crate::json::{Map, Value};
use crate::simulation;

/// The clock that an option asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeChoice {
    /// Virtual time where that is possible, else real time.
    #[default]
    Auto,
    /// Virtual time. Where that is not possible, the run fails.
    Virtual,
    /// Real time.
    Real,
}

/// The working directory of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// Each node has a directory to itself.
    #[default]
    Node,
    /// All nodes share the directory from which relative paths of the node program are taken.
    Package,
}

/// The runs whose journal of messages is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepJournal {
    /// All runs.
    #[default]
    Always,
    /// Runs that did not end as expected.
    Failures,
}

/// The configuration of a run. Times are in nanoseconds of the run's own clock.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The run's name in reports.
    pub name: String,
    /// Workload, nodes, network, operations, faults and seed.
    pub simulation: simulation::Config,
    /// The node program, with absolute paths.
    pub program: Program,
    /// Whether the time limit is the default one, which is shorter where `auto` falls back to real time.
    pub default_time_limit: bool,
    /// Required share of operations that are ok, from 0 to 1.
    pub availability: Option<f64>,
    /// Whether a fault without effect fails a run that is otherwise valid.
    pub require_faults: bool,
    /// How the run should end, for reports.
    pub expect: Option<String>,
    /// The clock that was asked for.
    pub time: TimeChoice,
    /// The nodes' working directory.
    pub cwd: WorkingDirectory,
    /// Whether the journal of messages is kept.
    pub journal: KeepJournal,
    /// Copy the nodes' standard error to the run's log.
    pub log_stderr: bool,
    /// Log messages when they are sent.
    pub log_net_send: bool,
    /// Log messages when they are received.
    pub log_net_recv: bool,
    /// The directory for the run's files.
    pub directory: PathBuf,
    /// The command that runs this again.
    pub again: Option<String>,
    /// Receives the run's progress.
    pub progress: Option<ProgressSink>,
    /// Ends the run early.
    pub interrupt: Interrupt,
    /// Remarks for people on how the options were read.
    pub notes: Vec<String>,
    /// The options that were given, as they were written, for `scenario.json`.
    pub written: Map<String, Value>,
    /// Which defaults held for the others.
    pub defaults: Defaults,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("seed", &self.simulation.seed).finish_non_exhaustive()
    }
}

impl Config {
    /// Shortens the main phase if its length is the default one and `auto` fell back to real time. Returns whether it
    /// did.
    pub fn fall_back_to_real_time(&mut self) -> bool {
        let shorter = self.default_time_limit && self.time == TimeChoice::Auto;
        if shorter {
            self.simulation.settings.time_limit = defaults::FALLBACK_TIME_LIMIT;
        }
        shorter
    }

    /// A hash of the node program's file, to tell whether it is still the same; `None` if it cannot be read.
    pub fn program_hash(&self) -> Option<String> {
        self.program.hash().ok().map(|hash| format!("{hash:016x}"))
    }

    /// The shape of the scenario for reports and snapshots, without seed and measure: `5 nodes`, `partition`, …
    pub fn shape(&self) -> Vec<String> {
        let nodes = self.simulation.settings.nodes.len();
        let mut words = vec![format!("{nodes} node{}", if nodes == 1 { "" } else { "s" })];
        words.extend(self.simulation.faults.iter().map(|kind| kind.name().to_string()));
        words
    }

    /// Every option with its value, as people write it.
    pub fn options(&self) -> Vec<(String, String)> {
        let simulation = &self.simulation;
        let (settings, network) = (&simulation.settings, &simulation.network);
        let uses = |name: &str| simulation.workload.options().contains(&name);
        let mut options = vec![
            ("workload", simulation.workload.name().to_string()),
            ("nodes", settings.nodes.join(",")),
            ("concurrency", settings.concurrency.to_string()),
            ("rate", simulation.rate.to_string()),
            ("time_limit", format_nanos(settings.time_limit)),
            ("latency", format_nanos(network.latency)),
            ("latency_dist", network.distribution.name().to_string()),
            ("client_latency", format_nanos(network.client_latency)),
            ("p_loss", network.p_loss.to_string()),
            ("p_duplicate", network.p_duplicate.to_string()),
            ("nemesis", simulation.faults.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")),
            ("nemesis_interval", format_nanos(simulation.nemesis_interval)),
            ("quiet_period", format_nanos(simulation.quiet_period)),
            ("max_messages", simulation.max_messages.to_string()),
            ("timeout", format_nanos(simulation.client_timeout())),
            ("cwd", if self.cwd == WorkingDirectory::Package { "package" } else { "node" }.to_string()),
            ("journal", if self.journal == KeepJournal::Failures { "failures" } else { "always" }.to_string()),
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
        if let Some(shape) = network.distribution.shape() {
            let after = options.iter().position(|(name, _)| *name == "latency_dist").map_or(options.len(), |at| at + 1);
            options.insert(after, ("latency_shape", shape.to_string()));
        }
        options.extend(of_workload.into_iter().filter(|(name, _)| uses(name)));
        options.push(("seed", simulation.seed.to_string()));
        options.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}
