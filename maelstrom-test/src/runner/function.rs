//! What the attribute registers of a function.

use std::fmt;

use super::paths;
use crate::scenario::{Run, Scenario, WorkloadChoice};

/// Something with its label in case names.
pub type Labelled<T> = (&'static str, T);

/// A function under `#[maelstrom::test]`, as the attribute describes it: everything is checked already, and constant.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The path of its module, crate included.
    pub module: &'static str,
    /// The package's name.
    pub package: &'static str,
    /// The test target (its crate's name).
    pub target: &'static str,
    /// The package's directory.
    pub package_directory: &'static str,
    /// Cargo's directory for temporary files of integration tests.
    pub temporary_directory: Option<&'static str>,
    /// The file and the line where it stands.
    pub source: (&'static str, u32),
    /// The workloads, each with its label in case names.
    pub workloads: &'static [Labelled<fn() -> WorkloadChoice>],
    /// The node programs, each with its label in case names.
    pub programs: &'static [Labelled<Source>],
    /// Further arguments of the node program.
    pub args: &'static [&'static str],
    /// Environment variables of the node program.
    pub env: &'static [(&'static str, &'static str)],
    /// Names of environment variables that are passed on to the node program.
    pub pass_env: &'static [&'static str],
    /// Options with their values; several where a list makes several cases.
    pub options: &'static [(&'static str, &'static [&'static str])],
    /// The options that are lists, in the order in which they are written.
    pub lists: &'static [&'static str],
    /// A case for each of these seeds.
    pub seeds: Option<&'static str>,
    /// What must come out.
    pub expect: &'static str,
    /// `true`, `false` or `full`.
    pub snapshot: &'static str,
    /// Whether it runs only if asked for.
    pub ignored: bool,
    /// It must fail, and its message must contain this.
    pub should_panic: Option<&'static str>,
    /// The function itself.
    pub body: fn(&Run) -> Result<(), String>,
    /// insta's assertion, expanded in the user's crate so that insta finds the user's workspace.
    pub assert_snapshot: fn(&str, &str),
}

inventory::collect!(Function);

/// The node program as the attribute names it.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A binary target of the package.
    Binary {
        /// Its name.
        name: &'static str,
        /// Where cargo said that it would be.
        path: &'static str,
    },
    /// Any program, with its arguments.
    Command(&'static [&'static str]),
    /// None was given, and cargo named none to the compiler.
    Missing,
}

/// Why a test function failed. Its `Debug` form is its text: that is what libtest prints of an error.
pub struct Failure(pub String);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All functions of this program, in the order of their places in the source.
pub(super) fn registered() -> Vec<&'static Function> {
    let mut functions: Vec<&'static Function> = inventory::iter::<Function>().collect();
    functions.sort_by_key(|function| (function.source, function.module, function.name));
    functions
}

impl Function {
    /// Its path within the crate, which is its name for filters: `module::name`.
    pub(super) fn path(&self) -> String {
        match self.module.split_once("::") {
            Some((_, module)) => format!("{module}::{}", self.name),
            None => self.name.into(),
        }
    }

    /// Tells a scenario which program to run.
    ///
    /// # Errors
    /// A sentence if there is none.
    pub(super) fn add_program(&self, scenario: Scenario, source: Source) -> Result<Scenario, String> {
        let scenario = match source {
            Source::Binary { name, path } => scenario.bin(paths::binary(name, path)),
            Source::Command(words) => scenario.command(words),
            Source::Missing => {
                return Err(
                    "there is no node program: the package has no binary that this test can run\n  help: write \
                            `bin = \"…\"` (in a test in the folder `tests/`) or `command = [\"…\"]`"
                        .into(),
                );
            }
        };
        let scenario = scenario.base_directory(paths::package_directory(self.package_directory)).args(self.args);
        let scenario = self.pass_env.iter().fold(scenario, |scenario, key| scenario.pass_env(key));
        Ok(self.env.iter().fold(scenario, |scenario, (key, value)| scenario.env(key, value)))
    }
}
