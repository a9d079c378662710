//! The resolved configuration of a run: every option read, checked and given its default.

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
    /// The options that were given.
    pub given: Options,
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
        let shorter = self.given.time_limit.is_none() && self.time == TimeChoice::Auto;
        if shorter {
            self.simulation.settings.time_limit.set(FALLBACK_TIME_LIMIT);
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

    /// Every option that the workload uses with its value, as people write it.
    pub fn options(&self) -> Vec<(String, String)> {
        let workload = &self.simulation.workload;
        let used = workload.options();
        let rows = options::OPTIONS.iter().filter(|row| row.workloads.is_empty() || used.contains(&row.name));
        let mut options = vec![("workload".to_string(), workload.name().to_string())];
        options.extend(rows.filter_map(|row| Some((row.name.to_string(), self.show(row)?))));
        options
    }

    /// The value of an option; `None` if it means nothing in this run.
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
            /// Writes every option that has a value into its field.
            fn write(&mut self, options: Options) {
                let config = self;
                $(field!(set config $config: $value = options.$name);)*
            }

            /// The value of an option's field as people write it.
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

/// What is done with the field that a row of the table names, if it names one.
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
