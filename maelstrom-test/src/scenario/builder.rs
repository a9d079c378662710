//! The builder of scenarios, its methods made from the table of options.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;

use super::options::{Defaults, FrontEnd};
use super::{Config, Interrupt, Program, ProgressSink, Run, RunError, SeedSummary, execute, seeds, store};
use crate::workload::WorkloadChoice;

/// A scenario under construction: what to run, and with which options.
///
/// Each option of the [table](super::options::OPTIONS) has a method. [`Scenario::run`] reports wrong values.
///
/// ```
/// use std::time::Duration;
///
/// let scenario = maelstrom::Scenario::new("lin-kv")
///     .bin("target/debug/raft")
///     .nodes(5)
///     .concurrency("2n")
///     .time_limit("2m") // or a Duration
///     .latency(Duration::from_millis(10))
///     .nemesis(["partition", "kill"]); // or "partition,kill"
/// # drop(scenario);
/// ```
#[derive(Clone)]
#[must_use = "a scenario does nothing until it is run"]
pub struct Scenario {
    pub(super) workload: WorkloadChoice,
    pub(super) program: Program,
    /// The options that are given, as they are written.
    pub(super) literals: BTreeMap<String, String>,
    pub(super) front_end: FrontEnd,
    pub(super) defaults: Defaults,
    pub(super) name: Option<String>,
    pub(super) directory: Option<PathBuf>,
    pub(super) output: Option<PathBuf>,
    pub(super) again: Option<String>,
    pub(super) expect: Option<String>,
    pub(super) progress: Option<ProgressSink>,
    pub(super) interrupt: Interrupt,
    pub(super) warn_unused: bool,
}

impl Scenario {
    /// A scenario of a workload: a name (`"lin-kv"`), or a value that implements
    /// [`Workload`](crate::Workload).
    pub fn new(workload: impl Into<WorkloadChoice>) -> Scenario {
        Scenario {
            workload: workload.into(),
            program: Program::default(),
            literals: BTreeMap::new(),
            front_end: FrontEnd::default(),
            defaults: Defaults::default(),
            name: None,
            directory: None,
            output: None,
            again: None,
            expect: None,
            progress: None,
            interrupt: Interrupt::default(),
            warn_unused: false,
        }
    }

    /// The node program: an executable file. Relative paths start at the current directory.
    pub fn bin(mut self, path: impl Into<PathBuf>) -> Scenario {
        self.program.path = path.into();
        self
    }

    /// The node program with its arguments. The first word is a path, or a name to look up in `PATH`.
    pub fn command<S: Into<OsString>>(mut self, words: impl IntoIterator<Item = S>) -> Scenario {
        let mut words = words.into_iter().map(Into::into);
        self.program.path = words.next().unwrap_or_default().into();
        self.program.args = words.collect();
        self
    }

    /// Adds an argument of the node program.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Scenario {
        self.program.args.push(arg.into());
        self
    }

    /// Adds arguments of the node program.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Scenario {
        self.program.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The expected outcome: `valid`, `invalid`, `unknown`, `error`, or the name of an anomaly. Reports show it beside the
    /// actual outcome. It does not change the run.
    pub fn expect(mut self, outcome: impl Into<String>) -> Scenario {
        self.expect = Some(outcome.into());
        self
    }

    /// Sets an environment variable of the node program.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Scenario {
        self.program.env.push((key.into(), value.into()));
        self
    }

    /// Passes an environment variable of this process on to the node program, if it is set. Nodes in real time have all of
    /// them, nodes in virtual time those of [`PASSED_ON`](super::PASSED_ON).
    pub fn pass_env(self, key: impl Into<OsString>) -> Scenario {
        let key = key.into();
        match std::env::var_os(&key) {
            Some(value) => self.env(key, value),
            None => self,
        }
    }

    /// The directory from which relative paths of the node program are taken; the current one by default. With
    /// [`cwd("package")`](Scenario::cwd) nodes work there.
    pub fn base_directory(mut self, directory: impl Into<PathBuf>) -> Scenario {
        self.program.base = Some(directory.into());
        self
    }

    /// The run's name in reports. By default it is the workload's name.
    pub fn name(mut self, name: impl Into<String>) -> Scenario {
        self.name = Some(name.into());
        self
    }

    /// The directory for the run's files. Those of an earlier run are replaced. By default `<output>/<workload>/<time>`, where the output
    /// folder is:
    ///
    /// - the value of the environment variable `MAELSTROM_OUTPUT`, if it is set;
    /// - `target/maelstrom/<package>` in programs that cargo built or runs: tests, examples, `cargo run`;
    /// - `store` in the current directory in any other program.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Scenario {
        self.directory = Some(directory.into());
        self
    }

    /// The output folder, if the run has no directory of its own.
    #[cfg(feature = "cli")]
    pub(crate) fn output(mut self, folder: impl Into<PathBuf>) -> Scenario {
        self.output = Some(folder.into());
        self
    }

    /// The command that runs this again, for the report's last line.
    pub fn again(mut self, command: impl Into<String>) -> Scenario {
        self.again = Some(command.into());
        self
    }

    /// Receives the run's progress.
    pub fn progress(mut self, sink: ProgressSink) -> Scenario {
        self.progress = Some(sink);
        self
    }

    /// A switch with which another thread can end the run early.
    pub fn interrupt(mut self, interrupt: Interrupt) -> Scenario {
        self.interrupt = interrupt;
        self
    }

    /// The defaults of options that are not given.
    pub fn defaults(mut self, defaults: Defaults) -> Scenario {
        self.defaults = defaults;
        self
    }

    /// Reports options that the workload does not use as notes of the run instead of errors.
    pub fn allow_unused_options(mut self) -> Scenario {
        self.warn_unused = true;
        self
    }

    /// Sets an option by its name in the table, to a value as people write it.
    ///
    /// ```
    /// # use maelstrom::Scenario;
    /// let error = Scenario::new("echo").bin("x").option("node", 3).config().unwrap_err();
    /// assert!(error.to_string().contains("did you mean \"nodes\"?"));
    /// ```
    pub fn option(mut self, name: &str, value: impl Display) -> Scenario {
        self.literals.insert(name.into(), value.to_string());
        self
    }

    /// Where the options are written.
    pub(crate) fn front_end(mut self, front_end: FrontEnd) -> Scenario {
        self.front_end = front_end;
        self
    }

    /// Reads and checks all options.
    ///
    /// # Errors
    /// [`RunError::Options`] with everything that is wrong.
    pub fn config(&self) -> Result<Config, RunError> {
        Config::resolve(self)
    }

    /// Runs the scenario and checks the run. An invalid run is a result, not an error.
    ///
    /// # Errors
    /// [`RunError::Options`] if options are wrong, [`RunError::Setup`] if the run could not start, and
    /// [`RunError::Broke`] if it aborted. The last one contains the run up to that point.
    pub fn run(self) -> Result<Run, RunError> {
        execute::execute(self.with_directory()?.config()?)
    }

    /// The same scenario with a directory that exists and that no other run has, unless one was given.
    pub(crate) fn with_directory(self) -> Result<Scenario, RunError> {
        if self.directory.is_some() {
            return Ok(self);
        }
        let wanted = self.config()?.directory;
        let reserved = store::reserve(&wanted).map_err(|error| execute::cannot_write(&wanted, &error))?;
        Ok(self.directory(reserved))
    }

    /// Runs the scenario once for each seed, as many runs at a time as there are processors, and sums up the outcomes.
    /// A seed passes if its run ends as [`Scenario::expect`] says, and by default if it is valid. The files of each run
    /// are in `seed=N`, a folder in the directory of the scenario.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), maelstrom::RunError> {
    /// let ids = maelstrom::Scenario::new("unique-ids").bin("target/debug/ids").nodes(3);
    /// ids.run_seeds(0..200)?.assert_valid();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RunError::Options`] and [`RunError::Setup`]. An aborted run counts as a failure of its seed.
    pub fn run_seeds(self, seeds: impl IntoIterator<Item = u64>) -> Result<SeedSummary, RunError> {
        seeds::run(&self, &seeds.into_iter().collect::<Vec<_>>())
    }
}

macro_rules! methods {
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
        /// One method for each option of the [table](super::options::OPTIONS). The types of parameters are Rust's own,
        /// or those of [`literal`](super::options::literal), which take texts (`"10s"`, `"n1,n2"`) besides Rust values.
        impl Scenario {
            $(
                #[doc = concat!($doc, "\n\nDefault: ", maelstrom_options::default_text!($default), ".")]
                pub fn $name(self, value: $argument) -> Scenario {
                    let value: $literal = value.into();
                    self.option(stringify!($name), value)
                }
            )*
        }
    };
}

maelstrom_options::for_each_option!(methods);
