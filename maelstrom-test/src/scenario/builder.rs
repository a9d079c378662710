//! The builder of scenarios. The methods for options are made from the table of options.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;

use super::options::{Defaults, FrontEnd};
use super::{Config, Interrupt, Program, ProgressSink, Run, RunError, SeedSummary, execute, seeds, store};
use crate::plan::Overrides;
use crate::workload::WorkloadChoice;

/// A builder of a run: a workload, a node program, and options.
///
/// Each option of the [table](super::options::OPTIONS) has a method. [`Scenario::run`] reports invalid values.
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
    /// The values of the options that are set, as text.
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
    pub(super) overrides: Overrides,
}

impl Scenario {
    /// Creates a scenario of a workload, which is a name (`"lin-kv"`) or a value that implements
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
            overrides: Overrides::default(),
        }
    }

    /// Sets the node program, which is an executable file. Relative paths are relative to
    /// [`base_directory`](Scenario::base_directory).
    pub fn bin(mut self, path: impl Into<PathBuf>) -> Scenario {
        self.program.path = path.into();
        self
    }

    /// Sets the node program and its arguments. The first word is a path, or a name that is looked up in `PATH`.
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

    /// Sets the expected outcome: `valid`, `invalid`, `unknown`, `error`, or the name of an anomaly. Reports show it beside the
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

    /// Passes an environment variable of this process to the node program, if it is set. Nodes in real time inherit all
    /// variables. Nodes in virtual time inherit only those of [`PASSED_ON`](super::PASSED_ON).
    pub fn pass_env(self, key: impl Into<OsString>) -> Scenario {
        let key = key.into();
        match std::env::var_os(&key) {
            Some(value) => self.env(key, value),
            None => self,
        }
    }

    /// Sets the base of relative paths of the node program. The default is the current directory. With
    /// [`cwd("package")`](Scenario::cwd), it is also the working directory of the nodes.
    pub fn base_directory(mut self, directory: impl Into<PathBuf>) -> Scenario {
        self.program.base = Some(directory.into());
        self
    }

    /// Sets the name of the run in reports. The default is the name of the workload.
    pub fn name(mut self, name: impl Into<String>) -> Scenario {
        self.name = Some(name.into());
        self
    }

    /// Sets the directory for the files of the run. The files of an earlier run are replaced. The default is
    /// `<output>/<workload>/<time>`, where `<output>` is:
    ///
    /// - the value of the environment variable `MAELSTROM_OUTPUT`, if it is set;
    /// - `target/maelstrom/<package>` in programs that cargo built or runs: tests, examples, `cargo run`;
    /// - `store` in the current directory in all other programs.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Scenario {
        self.directory = Some(directory.into());
        self
    }

    /// Sets the output directory, in which the default directory of the run is created.
    #[cfg(feature = "cli")]
    pub(crate) fn output(mut self, directory: impl Into<PathBuf>) -> Scenario {
        self.output = Some(directory.into());
        self
    }

    /// Sets the command that repeats the run, for the last line of the report.
    pub fn again(mut self, command: impl Into<String>) -> Scenario {
        self.again = Some(command.into());
        self
    }

    /// Whether no node program is set.
    #[cfg(feature = "cli")]
    pub(crate) fn has_no_program(&self) -> bool {
        self.program.path.as_os_str().is_empty()
    }

    /// Sets a function that receives the progress of the run.
    pub fn progress(mut self, sink: ProgressSink) -> Scenario {
        self.progress = Some(sink);
        self
    }

    /// Sets the interrupt with which another thread can abort the run.
    pub fn interrupt(mut self, interrupt: Interrupt) -> Scenario {
        self.interrupt = interrupt;
        self
    }

    /// Spells out choices of the run that are otherwise drawn from the seed: operations, faults, fates of messages.
    ///
    /// ```
    /// use maelstrom::Scenario;
    /// use maelstrom::plan::{Fate, MessageId, Overrides};
    /// let first = MessageId { src: "n0".into(), incarnation: 0, dest: "n1".into(), number: 0 };
    /// let lost = Overrides { messages: vec![Fate { id: first, delays_ns: vec![] }], ..Overrides::default() };
    /// let scenario = Scenario::new("broadcast").bin("target/debug/broadcast").overrides(lost);
    /// # drop(scenario);
    /// ```
    pub fn overrides(mut self, overrides: Overrides) -> Scenario {
        self.overrides = overrides;
        self
    }

    /// Sets the defaults of options.
    pub fn defaults(mut self, defaults: Defaults) -> Scenario {
        self.defaults = defaults;
        self
    }

    /// Reports options that the workload does not use as notes of the run instead of errors.
    pub fn allow_unused_options(mut self) -> Scenario {
        self.warn_unused = true;
        self
    }

    /// Sets an option by its name in the table. The value is parsed from its text.
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

    /// Sets the notation of the options, which determines the units of numbers.
    pub(crate) fn front_end(mut self, front_end: FrontEnd) -> Scenario {
        self.front_end = front_end;
        self
    }

    /// Parses and checks all options.
    ///
    /// # Errors
    /// [`RunError::Options`] with all errors in options, and [`RunError::Setup`] if the node program is not executable.
    pub fn config(&self) -> Result<Config, RunError> {
        Config::resolve(self)
    }

    /// Runs the scenario and checks the run. An invalid run is not an error.
    ///
    /// # Errors
    /// [`RunError::Options`] if options are invalid, [`RunError::Setup`] if the run could not be started, and
    /// [`RunError::Broke`] if it was aborted. The last one contains the run up to that point.
    pub fn run(self) -> Result<Run, RunError> {
        execute::execute(self.with_directory()?.config()?)
    }

    /// Creates a new directory for the run, unless one is set.
    pub(crate) fn with_directory(self) -> Result<Scenario, RunError> {
        if self.directory.is_some() {
            return Ok(self);
        }
        let wanted = self.config()?.directory;
        let reserved = store::reserve(&wanted).map_err(|error| execute::cannot_write(&wanted, &error))?;
        Ok(self.directory(reserved))
    }

    /// Runs the scenario once for each seed, and summarises the outcomes. The number of concurrent runs is the number of
    /// processors. A seed passes if the outcome of its run is that of [`Scenario::expect`], by default `valid`. The files of
    /// each run are in the subdirectory `seed=N` of the scenario's directory.
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
        /// Methods for the options of the [table](super::options::OPTIONS). Parameters have types of Rust, or types of
        /// [`literal`](super::options::literal), which accept text (`"10s"`, `"n1,n2"`) as well as Rust values.
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
