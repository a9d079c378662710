//! The configuration of a run: all options, parsed and checked, with their defaults.

mod field;
mod read;
mod stored;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use self::field::Field;
use super::options::{self, Defaults, FALLBACK_TIME_LIMIT, OptionRow, Options, format_nanos};
use super::{Interrupt, Program, ProgressSink};
use crate::simulation;

/// The requested clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeChoice {
    /// Virtual time if it is available, otherwise real time.
    #[default]
    Auto,
    /// Virtual time. If it is not available, the run fails.
    Virtual,
    /// Real time.
    Real,
}

/// The working directory of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// Each node runs in its own directory.
    #[default]
    Node,
    /// All nodes run in the directory that is the base of relative paths of the node program.
    Package,
}

/// The runs of which the journal of messages is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepJournal {
    /// All runs.
    #[default]
    Always,
    /// Runs with an unexpected outcome.
    Failures,
}

/// The configuration of a run. Times are in nanoseconds of the run's clock.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The run's name in reports.
    pub name: String,
    /// Workload, nodes, network, operations, faults and seed.
    pub simulation: simulation::Config,
    /// The node program, with absolute paths.
    pub program: Program,
    /// Required share of operations that are ok, from 0 to 1.
    pub availability: Option<f64>,
    /// Whether a fault without effect fails a run that is otherwise valid.
    pub require_faults: bool,
    /// The expected outcome, for reports.
    pub expect: Option<String>,
    /// The requested clock.
    pub time: TimeChoice,
    /// The working directory of the nodes.
    pub cwd: WorkingDirectory,
    /// The runs of which the journal of messages is kept.
    pub journal: KeepJournal,
    /// How many times a failing run may be repeated to find its cause.
    pub shrink: u64,
    /// Whether the nodes' standard error is copied to the log of the run.
    pub log_stderr: bool,
    /// Whether messages are logged when they are sent.
    pub log_net_send: bool,
    /// Whether messages are logged when they are received.
    pub log_net_recv: bool,
    /// The directory for the files of the run.
    pub directory: PathBuf,
    /// The command that repeats the run.
    pub again: Option<String>,
    /// A function that receives the progress of the run.
    pub progress: Option<ProgressSink>,
    /// The interrupt that aborts the run.
    pub interrupt: Interrupt,
    /// Notes for the user about options that were ignored or adapted.
    pub notes: Vec<String>,
    /// The options that are set.
    pub given: Options,
    /// The defaults of the other options.
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
        let shorter = self.given.time_limit.is_none() && self.time == TimeChoice::Auto;
        if shorter {
            self.simulation.settings.time_limit.set(FALLBACK_TIME_LIMIT);
        }
        shorter
    }

    /// Returns a hash of the file of the node program, with which a replay detects a change; `None` if it cannot be read.
    pub fn program_hash(&self) -> Option<String> {
        self.program.hash().ok().map(|hash| format!("{hash:016x}"))
    }

    /// Returns the shape of the scenario for reports and snapshots: the number of nodes and the faults (`5 nodes`,
    /// `partition`, …).
    pub fn shape(&self) -> Vec<String> {
        let nodes = self.simulation.settings.nodes.len();
        let mut words = vec![format!("{nodes} node{}", if nodes == 1 { "" } else { "s" })];
        words.extend(self.simulation.faults.iter().map(|kind| kind.name().to_string()));
        words
    }

    /// Returns all options that the workload uses with their values, as they are written in an attribute.
    pub fn options(&self) -> Vec<(String, String)> {
        let workload = &self.simulation.workload;
        let used = workload.options();
        let rows = options::OPTIONS.iter().filter(|row| row.workloads.is_empty() || used.contains(&row.name));
        let mut options = vec![("workload".to_string(), workload.name().to_string())];
        options.extend(rows.filter_map(|row| Some((row.name.to_string(), self.show(row)?))));
        options
    }

    /// Returns the value of an option; `None` if it does not apply to this run.
    fn show(&self, row: &OptionRow) -> Option<String> {
        let simulation = &self.simulation;
        match row.name {
            "nodes" => Some(simulation.settings.nodes.join(",")),
            "concurrency" => Some(simulation.settings.concurrency.to_string()),
            "latency_dist" => Some(simulation.network.distribution.name().to_string()),
            "latency_shape" => simulation.network.distribution.shape().map(|shape| shape.to_string()),
            "timeout" => Some(format_nanos(simulation.client_timeout())),
            _ => self.field(row.name).or_else(|| Some(row.default.text.replace('`', ""))),
        }
    }
}

macro_rules! fields {
    ($({
        name: $name:ident,
        doc: $doc:literal,
        value: $value:ty,
        builder: $argument:ty as $literal:ty,
        kind: $kind:expr,
        default: $default:tt,
        workloads: $workloads:expr,
        flag: $flag:literal $metavar:literal in $commands:expr,
        config: $config:tt,
    })*) => {
        impl Config {
            /// Sets the fields of all options that have a value.
            fn write(&mut self, options: Options) {
                let config = self;
                $(field!(set config $config: $value = options.$name);)*
            }

            /// Returns the value of the field of an option, as it is written in an attribute.
            fn field(&self, name: &str) -> Option<String> {
                let config = self;
                match name {
                    $(stringify!($name) => field!(show config $config: $value),)*
                    _ => None,
                }
            }
        }
    };
}

/// Sets or shows the field of an option. Some rows of the table have no field.
macro_rules! field {
    (set $config:ident []: $value:ty = $option:expr) => {};
    (show $config:ident []: $value:ty) => {
        None
    };
    (set $config:ident [$($field:ident).+]: $value:ty = $option:expr) => {
        if let Some(value) = $option {
            Field::<$value>::set(&mut $config.$($field).+, value);
        }
    };
    (show $config:ident [$($field:ident).+]: $value:ty) => {
        Field::<$value>::show(&$config.$($field).+)
    };
}

maelstrom_options::for_each_option!(fields);
