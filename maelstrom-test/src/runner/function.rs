//! Functions that the attribute registers.

use std::fmt;

use super::paths;
use crate::scenario::{Run, Scenario, WorkloadChoice};

/// A value with its label in the names of cases.
type Labelled<T> = (&'static str, T);

/// A function with `#[maelstrom::test]`. The attribute has checked all values.
#[derive(Debug)]
pub struct Function {
    /// The name.
    pub name: &'static str,
    /// The path of the module, including the crate.
    pub module: &'static str,
    /// The name of the package.
    pub package: &'static str,
    /// The name of the crate of the test target.
    pub target: &'static str,
    /// The directory of the package.
    pub package_directory: &'static str,
    /// Cargo's directory for temporary files of integration tests.
    pub temporary_directory: Option<&'static str>,
    /// The file and the line of the function.
    pub source: (&'static str, u32),
    /// The workloads.
    pub workloads: &'static [Labelled<fn() -> WorkloadChoice>],
    /// The node programs.
    pub programs: &'static [Labelled<ProgramSpec>],
    /// Additional arguments of the node program.
    pub args: &'static [&'static str],
    /// Environment variables of the node program.
    pub env: &'static [(&'static str, &'static str)],
    /// Names of environment variables that the node program inherits.
    pub pass_env: &'static [&'static str],
    /// Options with their values. An option has several values if it is a list.
    pub options: &'static [(&'static str, &'static [&'static str])],
    /// The options that are lists, in the order of the attribute.
    pub lists: &'static [&'static str],
    /// The seeds, each of which makes a case.
    pub seeds: Option<&'static str>,
    /// The expected end of the run.
    pub expect: &'static str,
    /// `true`, `false` or `full`.
    pub snapshot: &'static str,
    /// The plan that the cases follow, relative to the directory of the package.
    pub plan: Option<&'static str>,
    /// Whether it has `#[ignore]`.
    pub ignored: bool,
    /// The text that the panic message must contain, if it has `#[should_panic]`.
    pub should_panic: Option<&'static str>,
    /// The function itself.
    pub body: fn(&Run) -> Result<(), String>,
    /// The assertion of insta. It is expanded in the user's crate, because insta finds the workspace by its place of
    /// expansion.
    pub assert_snapshot: fn(&str, &str),
}

inventory::collect!(Function);

/// The node program of the attribute.
#[derive(Clone, Copy, Debug)]
pub enum ProgramSpec {
    /// A binary target of the package.
    Binary {
        /// The name.
        name: &'static str,
        /// The path at compile time.
        path: &'static str,
    },
    /// A program with its arguments.
    Command(&'static [&'static str]),
    /// The attribute has no program, and the package has no binary that the compiler knows.
    Missing,
}

/// Why a test function failed. libtest prints errors with `Debug`, so that is the text.
pub struct TestFailure(pub(super) String);

impl fmt::Debug for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns all functions of this program, in the order of the source.
pub(super) fn registered() -> Vec<&'static Function> {
    let mut functions: Vec<&'static Function> = inventory::iter::<Function>().collect();
    functions.sort_by_key(|function| (function.source, function.module, function.name));
    functions
}

impl Function {
    /// Returns its path within the crate: `module::name`. Filters refer to it.
    pub(super) fn path(&self) -> String {
        match self.module.split_once("::") {
            Some((_, module)) => format!("{module}::{}", self.name),
            None => self.name.into(),
        }
    }

    /// Adds the node program to a scenario.
    ///
    /// # Errors
    /// Fails if there is no program.
    pub(super) fn add_program(&self, scenario: Scenario, program: ProgramSpec) -> Result<Scenario, String> {
        let scenario = match program {
            ProgramSpec::Binary { name, path } => scenario.bin(paths::binary(name, path)),
            ProgramSpec::Command(words) => scenario.command(words),
            ProgramSpec::Missing => {
                return Err(
                    "the node program is missing: the package has no binary that this test can run\n  help: add \
                            `bin = \"…\"` (in a test in the directory `tests/`) or `command = [\"…\"]`"
                        .into(),
                );
            }
        };
        let scenario = scenario.base_directory(paths::package_directory(self.package_directory)).args(self.args);
        let scenario = self.pass_env.iter().fold(scenario, |scenario, key| scenario.pass_env(key));
        Ok(self.env.iter().fold(scenario, |scenario, (key, value)| scenario.env(key, value)))
    }
}
