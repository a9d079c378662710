//! Rows of the table, and how to find them.

use crate::kind::{Bare, DAY, HOUR, Kind, MILLISECOND, Unit, ZERO};
use crate::latency::LATENCY_DISTRIBUTIONS;
use crate::names::{CONSISTENCY_MODELS, FAULTS, JOURNALS, TIME_MODES, TOPOLOGIES, WORKING_DIRECTORIES};
use crate::suggest::closest;
use crate::{Defaults, FrontEnd, OptionError, Value};

/// A row of the table of options.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionRow {
    /// The name in the attribute and in the builder.
    pub name: &'static str,
    /// What it means: a short paragraph of Markdown.
    pub doc: &'static str,
    /// The values that are allowed.
    pub kind: Kind,
    /// What holds if it is not given.
    pub default: DefaultValue,
    /// The workloads that use it; empty: all of them.
    pub workloads: &'static [&'static str],
    /// The flag on the command line, if there is one.
    pub flag: Option<Flag>,
    /// How the builder takes it: a method of `Scenario`. `None`: only tests have this option.
    pub method: Option<&'static str>,
}

/// A flag of the command line.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Flag {
    /// Its name without dashes.
    pub name: &'static str,
    /// The letter that is short for it.
    pub short: Option<char>,
    /// The name of its argument; empty if it takes none.
    pub argument: &'static str,
    /// The commands that have it: `test`, `check`, `demo`.
    pub commands: &'static [&'static str],
    /// What it means on the command line, where that differs from the row's text.
    pub doc: Option<&'static str>,
    /// Its default on the command line, where that differs from the row's.
    pub default: Option<&'static str>,
}

/// What holds if an option is not given.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DefaultValue {
    /// The value, as people write it.
    pub value: Option<&'static str>,
    /// The value in tests with the attribute.
    pub in_tests: Option<&'static str>,
    /// Both of them in words, in Markdown.
    pub text: &'static str,
}

impl DefaultValue {
    const fn new((value, in_tests): (Option<&'static str>, Option<&'static str>), text: &'static str) -> DefaultValue {
        DefaultValue { value, in_tests, text }
    }

    /// The value, as people write it.
    pub fn of(&self, defaults: Defaults) -> Option<&'static str> {
        match defaults {
            Defaults::Plain => self.value,
            Defaults::Test => self.in_tests,
        }
    }
}

/// Workloads that work on several keys at once.
const MULTI_KEY: &[&str] = &["kafka", "txn-list-append", "txn-rw-register"];
/// Registers, the order of whose values must be inferred.
const RW_REGISTER: &[&str] = &["txn-rw-register"];
/// Workloads of transactions.
const TXN: &[&str] = &["txn-list-append", "txn-rw-register"];
/// Every workload.
const ALL: &[&str] = &[];

const TEST: &[&str] = &["test"];
const TEST_AND_CHECK: &[&str] = &["test", "check"];
const TEST_AND_DEMO: &[&str] = &["test", "demo"];

macro_rules! default_value {
    ([none $text:literal]) => {
        (None, None)
    };
    ([$value:literal $(; note $note:literal)?]) => {
        (Some($value), Some($value))
    };
    ([$value:literal; tests $tests:literal $(; note $note:literal)?]) => {
        (Some($value), Some($tests))
    };
}

macro_rules! rows {
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
        &[$(OptionRow {
            name: stringify!($name),
            doc: $doc,
            kind: $kind,
            default: DefaultValue::new(default_value!($default), default_text!($default)),
            workloads: $workloads,
            flag: Some(Flag {
                name: $flag,
                short: None,
                argument: $metavar,
                commands: $commands,
                doc: None,
                default: None,
            }),
            method: Some(stringify!($name)),
        }),*]
    };
}

/// Options of a run that have a value.
pub const OPTIONS: &[OptionRow] = for_each_option!(rows);

/// A row that is not made from the table: its form depends on the front end, which reads it itself.
const fn special(name: &'static str, default: &'static str, doc: &'static str) -> OptionRow {
    let default = DefaultValue { value: None, in_tests: None, text: default };
    OptionRow { name, doc, kind: Kind::Special, default, workloads: ALL, flag: None, method: None }
}

impl OptionRow {
    const fn with_method(self, method: &'static str) -> OptionRow {
        OptionRow { method: Some(method), ..self }
    }

    const fn with_flag(self, name: &'static str, argument: &'static str) -> OptionRow {
        let flag = Flag { name, short: None, argument, commands: TEST, doc: None, default: None };
        OptionRow { flag: Some(flag), ..self }
    }

    /// The row with a flag that has a text and a default of its own.
    const fn with_own_flag(self, flag: Flag) -> OptionRow {
        OptionRow { flag: Some(flag), ..self }
    }
}

/// The other options: what is run, and what a test makes of it.
pub const SPECIAL: &[OptionRow] = &[
    special(
        "workload",
        "`lin-kv` (flag); required in the attribute",
        "What to run: a workload's name, or (attribute, builder) any value that implements `Workload`.",
    )
    .with_method("new")
    .with_own_flag(Flag {
        name: "workload",
        short: Some('w'),
        argument: "NAME",
        commands: TEST,
        doc: Some("What to run: a workload's name"),
        default: Some("lin-kv"),
    }),
    special(
        "bin",
        "the package's only binary, or the one named like the package; required as a flag",
        "The node program. In the attribute: the name of one of the package's binary targets.",
    )
    .with_method("bin")
    .with_own_flag(Flag {
        name: "bin",
        short: None,
        argument: "FILE",
        commands: TEST,
        doc: Some("The node program"),
        default: None,
    }),
    special(
        "command",
        "none",
        "The node program in any language, with its arguments. Relative paths start at the package's root (see `cwd`).",
    )
    .with_method("command"),
    special("args", "none", "Further arguments of the node program; on the command line, everything after `--`.")
        .with_method("args"),
    special(
        "env",
        "none",
        "Environment variables of the node program: `env = {KEY = \"value\"}`; the flag: `--env KEY=VALUE`.",
    )
    .with_method("env"),
    special(
        "pass_env",
        "`RUST_LOG`, `PYTHON*` and others: see `maelstrom::scenario::PASSED_ON`",
        "Environment variables of this process that nodes in virtual time get too: `pass_env = [\"NAME\"]`.",
    )
    .with_method("pass_env")
    .with_own_flag(Flag {
        name: "env",
        short: None,
        argument: "NAME[=VALUE]",
        commands: TEST,
        doc: Some("Environment variable of the node program; without a value, the value it has here"),
        default: None,
    }),
    special(
        "seeds",
        "one case",
        "One case per seed: `seeds = 16` (0 to 15) or `seeds = 0..16`. The flag: the number of runs.",
    )
    .with_method("run_seeds")
    .with_own_flag(Flag {
        name: "test-count",
        short: None,
        argument: "N",
        commands: TEST,
        doc: Some("Number of runs, each with the next seed; stops at the first that is not valid"),
        default: Some("1"),
    }),
    special(
        "expect",
        "`valid`",
        "The expected outcome: `valid`, `invalid`, `unknown`, `error`, or the name of an anomaly.",
    )
    .with_method("expect")
    .with_flag("expect", "OUTCOME"),
    special(
        "snapshot",
        "`false`; `true` where `expect` names an anomaly",
        "Whether the text report is compared with a stored one: `true`, `false`, or `\"full\"`.",
    ),
    special(
        "plan",
        "none",
        "A file, relative to the package's root, whose options, seed and choices the run has. Every run writes one, `plan.json`.",
    ),
];

/// Every row of the table, special ones first.
pub fn all() -> impl Iterator<Item = &'static OptionRow> {
    SPECIAL.iter().chain(OPTIONS)
}

/// The row of an option by its name in the attribute.
pub fn find(name: &str) -> Option<&'static OptionRow> {
    all().find(|row| row.name == name)
}

/// The rows whose flags a command has.
pub fn of_command(command: &str) -> impl Iterator<Item = (&'static OptionRow, Flag)> {
    all().filter_map(|row| Some((row, row.flag?))).filter(move |(_, flag)| flag.commands.contains(&command))
}

/// The options that a built-in workload uses and that not all workloads use. Empty for others.
pub fn of_workload(workload: &str) -> Vec<&'static str> {
    OPTIONS.iter().filter(|row| row.workloads.contains(&workload)).map(|row| row.name).collect()
}

/// The error about an option that does not exist. It names the option that was probably meant: the one whose flag has
/// this name, or one with a similar name. Otherwise it names all.
pub fn unknown_option(name: &str) -> OptionError {
    let flag = name.replace('_', "-");
    let of_flag = all().find(|row| row.flag.is_some_and(|known| known.name == flag)).map(|row| row.name);
    let help = match of_flag.or_else(|| closest(name, all().map(|row| row.name))) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => {
            let names: Vec<&str> = all().map(|row| row.name).collect();
            format!("options are: {}", names.join(", "))
        }
    };
    OptionError::new(format!("there is no option `{name}`"), help)
}

impl OptionRow {
    /// Reads a value as people write it.
    ///
    /// # Errors
    /// The value is not one of those that are allowed. The error does not name the option: the front end points at it.
    pub fn parse(&self, text: &str, front_end: FrontEnd) -> Result<Value, OptionError> {
        self.kind.parse(text, front_end)
    }

    /// Whether a built-in workload uses this option.
    pub fn is_used_by(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.contains(&workload)
    }

    /// The error about an option that the workload does not use.
    pub fn unused_by(&self, workload: &str) -> OptionError {
        let verb = if self.workloads.len() == 1 { "does" } else { "do" };
        let users = english(self.workloads);
        OptionError::new(
            format!("the workload {workload} does not use the option `{}`; {users} {verb}", self.name),
            "remove it",
        )
    }

    /// The error about an option that the builder cannot set by its name.
    pub fn not_by_name(&self) -> OptionError {
        let help = match self.method {
            Some(method) => format!("call `Scenario::{method}`"),
            None => "only tests with the attribute have it".into(),
        };
        OptionError::new(format!("the option `{}` cannot be set by its name", self.name), help)
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn english(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_string(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_flags_are_unique() {
        let mut names: Vec<&str> = all().map(|row| row.name).collect();
        let mut flags: Vec<&str> = all().filter_map(|row| row.flag).map(|flag| flag.name).collect();
        for list in [&mut names, &mut flags] {
            let count = list.len();
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), count);
        }
    }

    #[test]
    fn documentation_says_what_numbers_without_a_unit_count() {
        for row in OPTIONS {
            let Kind::Time { bare, .. } = row.kind else { continue };
            let sentence = match bare {
                Bare::Everywhere(unit) => format!(" A number without a unit counts {unit}."),
                Bare::InFlag(unit) => format!(" The flag counts {unit} if there is no unit."),
            };
            assert!(row.doc.ends_with(&sentence), "{}: {}", row.name, row.doc);
            let argument = row.flag.map(|flag| flag.argument);
            assert_eq!(argument, Some(bare.unit().argument()), "{}", row.name);
        }
    }

    #[test]
    fn an_unknown_option_names_the_nearest() {
        let error = |name| unknown_option(name).to_string();
        assert_eq!(error("latencey"), "there is no option `latencey`\n  help: did you mean \"latency\"?");
        assert_eq!(error("node-count"), "there is no option `node-count`\n  help: did you mean \"nodes\"?");
        assert!(error("wholly_unknown").contains("\n  help: options are: workload, bin, "));
    }

    #[test]
    fn an_unused_option_names_its_workloads() {
        let row = find("topology").expect("a row");
        assert!(!row.is_used_by("echo"));
        assert_eq!(
            row.unused_by("echo").to_string(),
            "the workload echo does not use the option `topology`; broadcast does\n  help: remove it"
        );
        assert_eq!(
            find("key_count").expect("a row").unused_by("echo").to_string(),
            "the workload echo does not use the option `key_count`; kafka, txn-list-append and txn-rw-register do\n  \
             help: remove it"
        );
    }

    #[test]
    fn special_options_name_their_methods() {
        let error = |name| find(name).expect("a row").not_by_name().to_string();
        assert!(error("seeds").ends_with("help: call `Scenario::run_seeds`"));
        assert!(error("snapshot").ends_with("help: only tests with the attribute have it"));
    }
}
