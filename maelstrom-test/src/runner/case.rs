//! Test cases: the combinations of a function's lists and seeds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use super::body::{self, BodyFailure};
use super::environment::{self, Environment, Seeds, random_seed};
use super::function::{Function, ProgramSpec};
use super::judge;
use super::progress::ProgressLine;
use super::regressions::Regressions;
use super::{paths, snapshot};
use crate::checker::Valid;
use crate::random;
use crate::report::{index, text};
use crate::scenario::options::FrontEnd;
use crate::scenario::{Defaults, Run, Scenario, WorkloadChoice, options};
use crate::suggest;

/// Default seeds are below this limit, so that they are easy to type.
const SEED_LIMIT: u64 = 1_000_000;
/// The maximum length of the file name of a case, in bytes, without extension.
const FILE_NAME_LIMIT: usize = 150;

/// A case of a function.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) function: &'static Function,
    /// Its name: the path of the function, followed by `::nodes=5,seed=3` if there are several cases.
    pub(super) name: String,
    /// The name without the seed, for the command that repeats the run.
    name_without_seed: String,
    workload: fn() -> WorkloadChoice,
    program: ProgramSpec,
    options: BTreeMap<&'static str, String>,
    seed: u64,
    /// Whether the seed comes from the environment. The report is then not compared with the snapshot.
    is_seed_overridden: bool,
    /// Whether this is the first seed of its combination. It runs the regressions.
    is_first_seed: bool,
    regressions: environment::Regressions,
}

/// Why a case failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CaseFailure {
    /// The headline of the run and its seed, in one line. JUnit reports show it.
    pub(super) headline: String,
    /// What was expected, and the report.
    pub(super) text: String,
}

/// Prints once per program that a run fell back to real time, which is slower and not reproducible. Uses standard error
/// directly, because the harness shows the output of tests only if they fail.
fn warn_about_real_time(run: &Run) {
    static ONCE: Once = Once::new();
    let Some(fallback) = &run.real_time_fallback else { return };
    ONCE.call_once(|| {
        let help = "help: set `time = \"real\"` to use real time without this notice";
        let _ = writeln!(io::stderr(), "note: runs are {fallback}\n  {help}");
    });
}

/// A parameter of a function: a list, or seeds. Each of its values makes a case.
struct Parameter {
    name: &'static str,
    labels: Vec<String>,
}

impl Case {
    /// Returns the cases of all functions, in order.
    ///
    /// # Errors
    /// Fails if two cases have the same name, or if the seeds are invalid.
    pub(super) fn all(functions: &[&'static Function], environment: &Environment) -> Result<Vec<Case>, String> {
        let mut cases = Vec::new();
        for function in functions {
            cases.extend(Case::of(function, environment)?);
        }
        if let Some(part) = &environment.case {
            cases.retain(|case| case.name.contains(part.as_str()));
        }
        let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!(
                "two cases are named `{}`\n  help: remove the duplicate value from the list of the attribute",
                pair[0]
            )),
            None => Ok(cases),
        }
    }

    /// Returns an error message if `MAELSTROM_CASE` matches none of the selected cases.
    pub(super) fn empty_selection(
        functions: &[&'static Function],
        environment: &Environment,
        is_selected: impl Fn(&Case) -> bool,
    ) -> Option<String> {
        let part = environment.case.as_ref()?;
        let mut all = Case::all(functions, &Environment { case: None, ..environment.clone() }).ok()?;
        all.retain(is_selected);
        if all.is_empty() || all.iter().any(|case| case.name.contains(part.as_str())) {
            return None;
        }
        let nearest = suggest::nearest(part, all.iter().map(|case| &*case.name));
        Some(format!(
            "MAELSTROM_CASE: no case of this test program has `{part}` in its name\n  help: similar names are {}",
            nearest.join(", ")
        ))
    }

    /// Returns the cases of a function.
    fn of(function: &'static Function, environment: &Environment) -> Result<Vec<Case>, String> {
        let parameters = parameters(function, environment)?;
        let count: usize = parameters.iter().map(|parameter| parameter.labels.len()).product();
        let cases = (0..count).map(|number| {
            // The last parameter varies fastest.
            let mut rest = number;
            let mut chosen: Vec<(&'static str, usize, &str)> = Vec::new();
            for parameter in parameters.iter().rev() {
                let index = rest % parameter.labels.len();
                rest /= parameter.labels.len();
                chosen.push((parameter.name, index, &parameter.labels[index]));
            }
            chosen.reverse();
            Case::choose(function, environment, &chosen)
        });
        Ok(cases.collect())
    }

    /// Returns the case of one combination. `chosen` has the name of each parameter, the index of the value and its label.
    fn choose(function: &'static Function, environment: &Environment, chosen: &[(&'static str, usize, &str)]) -> Case {
        let index = |name: &str| chosen.iter().find(|(of, ..)| *of == name).map_or(0, |(_, index, _)| *index);
        let label = |with_seed: bool| {
            let shown = chosen.iter().filter(|(name, ..)| with_seed || *name != "seed");
            let parts: Vec<String> = shown.map(|(name, _, value)| format!("{name}={value}")).collect();
            if parts.is_empty() { function.path() } else { format!("{}::{}", function.path(), parts.join(",")) }
        };
        let (name, name_without_seed) = (label(true), label(false));
        let value = |name: &str| chosen.iter().find(|(of, ..)| *of == name).map(|(_, _, label)| *label);
        let mut options: BTreeMap<&'static str, String> = (function.options.iter())
            .map(|(name, values)| (*name, value(name).unwrap_or(values[0]).to_string()))
            .collect();
        if let Some(time) = &environment.time {
            options.insert("time", time.clone());
        }
        if let Some(shrink) = &environment.shrink {
            options.insert("shrink", shrink.clone());
        }
        let of_option = options.remove("seed").and_then(|seed| seed.parse().ok());
        let of_parameter = value("seed").and_then(|seed| seed.parse().ok());
        let default = || random::hash(&name) % SEED_LIMIT;
        let seed = match environment.seeds {
            Seeds::One(seed) => seed,
            Seeds::Random => random_seed(),
            Seeds::Default | Seeds::Several(_) => of_parameter.or(of_option).unwrap_or_else(default),
        };
        Case {
            function,
            workload: function.workloads[index("workload")].1,
            program: function.programs[index("bin")].1,
            options,
            seed,
            is_seed_overridden: environment.seeds != Seeds::Default,
            is_first_seed: index("seed") == 0,
            regressions: environment.regressions.clone(),
            name,
            name_without_seed,
        }
    }

    /// Returns its name as a file name.
    fn file_name(&self) -> String {
        case_file_name(&self.name)
    }

    /// Returns the name of its snapshot. It begins with the name of the crate, as names of insta do, because the test targets
    /// of a package share a directory of snapshots.
    pub(super) fn snapshot_name(&self) -> String {
        let of_crate = self.function.module.split("::").next().unwrap_or_default();
        case_file_name(&format!("{of_crate}::{}", self.name))
    }

    /// Runs the case and returns its report.
    ///
    /// # Errors
    /// Fails if the run cannot be started or does not end as expected, or if the body or the snapshot fails.
    pub(super) fn run(&self, progress: Option<&ProgressLine>) -> Result<String, CaseFailure> {
        let not_started = |error: String| {
            let first_line = error.lines().next().unwrap_or_default();
            CaseFailure { headline: self.with_seed(first_line), text: error }
        };
        let regressions = self.regressions();
        for plan in regressions.iter().flat_map(Regressions::plans) {
            self.run_regression(&plan, progress)?;
        }
        let scenario = self.scenario(progress).map_err(not_started)?;
        let config = scenario.config().map_err(|error| not_started(error.to_string()))?;
        let require_faults = config.require_faults;
        let result = scenario.run();
        if let Some(progress) = progress {
            progress.finish(&self.name);
        }
        let run = judge::ended(result).map_err(not_started)?;
        // The index is a convenience, so a test does not fail because of it.
        let _ = index::add(&paths::output(self.function.temporary_directory), &self.directory(), &run.view());
        let report = text::render(&run.view(), text::Style::PLAIN);
        if self.options.get("time").is_none_or(|time| time == "auto") {
            warn_about_real_time(&run);
        }
        if let Some(note) = run.pace_note() {
            eprintln!("note: {}: {note}", self.name);
        }
        let judged = judge::judge(self.function.expect, require_faults, &run);
        let is_unexpected = judged.is_err();
        let outcome = self.outcome(judged, &run, &report);
        let kept = if is_unexpected { self.keep(regressions.as_ref(), &run) } else { String::new() };
        let failed = |text: String| CaseFailure { headline: self.with_seed(&run.headline()), text: text + &kept };
        self.apply_should_panic(outcome).map_err(failed)?;
        if self.function.snapshot != "false" && !self.is_seed_overridden {
            snapshot::compare(self, &run).map_err(|why| CaseFailure {
                headline: self.with_seed("the report differs from its snapshot"),
                text: why + &text::references(&run.view()),
            })?;
        }
        Ok(report)
    }

    /// The regressions of the case. `None` if they are switched off, or if a seed was asked for.
    fn regressions(&self) -> Option<Regressions> {
        let function = self.function;
        let is_on = self.regressions != environment::Regressions::Off && function.expect == "valid";
        let is_on = is_on && function.plan.is_none() && function.should_panic.is_none();
        (is_on && !self.is_seed_overridden && self.is_first_seed).then(|| self.all_regressions())
    }

    fn all_regressions(&self) -> Regressions {
        let package = paths::package_directory(self.function.package_directory);
        let other = match &self.regressions {
            environment::Regressions::Directory(directory) => Some(directory.as_path()),
            _ => None,
        };
        Regressions::new(&package, other, self.function.target, case_file_name(&self.name_without_seed))
    }

    /// Runs the plan of a failure that was found before.
    ///
    /// # Errors
    /// Fails if the run cannot be started, is aborted, or is invalid.
    fn run_regression(&self, plan: &Path, progress: Option<&ProgressLine>) -> Result<(), CaseFailure> {
        let shown = plan.strip_prefix(paths::package_directory(self.function.package_directory)).unwrap_or(plan);
        let failed = |headline: String, text: String| CaseFailure {
            headline: format!("{headline} (regression {})", shown.display()),
            text: format!("the failure of the plan {} is back\n\n{text}", shown.display()),
        };
        let stem = plan.file_stem().unwrap_or_default().to_string_lossy();
        let mut directory = self.directory();
        directory.set_file_name(format!("{}.regression={stem}", self.file_name()));
        let directory = paths::output(self.function.temporary_directory).join(directory);
        let scenario = self.scenario(progress).and_then(|scenario| {
            let scenario = scenario.directory(directory).with_plan(plan).map_err(|error| error.to_string())?;
            Ok(scenario.again(format!("cargo test {}", self.function.path())))
        });
        let result = scenario.map(Scenario::run).and_then(judge::ended);
        if let Some(progress) = progress {
            progress.finish(&self.name);
        }
        let run = result.map_err(|error| CaseFailure {
            headline: error.lines().next().unwrap_or_default().to_owned(),
            text: error.clone(),
        })?;
        match run.breakdown.is_some() || run.verdict.valid() == Valid::False {
            true => Err(failed(run.headline(), text::render(&run.view(), text::Style::PLAIN))),
            false => Ok(()),
        }
    }

    /// Keeps the plan of an unexpected failure in the package. Returns what to tell the user.
    fn keep(&self, regressions: Option<&Regressions>, run: &Run) -> String {
        let Some(cause) = run.cause.as_ref().filter(|cause| !cause.is_chosen) else { return String::new() };
        let plan = run.file(&cause.plan);
        let all;
        let regressions = match regressions {
            Some(regressions) => regressions,
            // Another seed than the first one failed.
            None if self.function.expect == "valid" && self.function.plan.is_none() => {
                all = self.all_regressions();
                &all
            }
            None => return String::new(),
        };
        match &self.regressions {
            environment::Regressions::Off => String::new(),
            environment::Regressions::ReadOnly => format!(
                "\nplan      {}\n          it is not copied to the package, because the environment variable CI is set\n",
                plan.display()
            ),
            environment::Regressions::On | environment::Regressions::Directory(_) => match regressions.keep(&plan) {
                Ok(path) => {
                    let package = paths::package_directory(self.function.package_directory);
                    let shown = path.strip_prefix(package).unwrap_or(&path).display().to_string();
                    format!(
                        "\nkept      {shown}\n          every test run begins with this plan from now on; commit the file\n"
                    )
                }
                Err(error) => format!("\nnote: the plan {} cannot be kept in the package: {error}\n", plan.display()),
            },
        }
    }

    fn with_seed(&self, headline: &str) -> String {
        format!("{headline} (seed {})", self.seed)
    }

    fn scenario(&self, progress: Option<&ProgressLine>) -> Result<Scenario, String> {
        let function = self.function;
        let directory = paths::output(function.temporary_directory).join(self.directory());
        let mut scenario = Scenario::new((self.workload)())
            .defaults(Defaults::Test)
            .front_end(FrontEnd::Attribute)
            .name(&self.name)
            .directory(directory)
            .again(self.again())
            .expect(function.expect)
            .seed(self.seed);
        for (name, value) in &self.options {
            scenario = scenario.option(name, value);
        }
        if let Some(progress) = progress {
            scenario = scenario.progress(progress.sink(&self.name));
        }
        if let Some(plan) = function.plan {
            let path = paths::package_directory(function.package_directory).join(plan);
            scenario = scenario.with_plan(path).map_err(|error| error.to_string())?;
        }
        function.add_program(scenario, self.program)
    }

    /// Returns the directory of the run, relative to the directory of all runs. It begins with the name of the package,
    /// because the packages of a workspace share the target directory and cargo-nextest runs their tests at the same time.
    fn directory(&self) -> PathBuf {
        [self.function.package, self.function.target, &self.file_name()].iter().collect()
    }

    /// Returns the command that repeats the run with the same seed.
    fn again(&self) -> String {
        let path = self.function.path();
        let case = match self.name_without_seed.strip_prefix(&path) {
            Some("") | None => String::new(),
            Some(case) => format!("MAELSTROM_CASE='{case}' "),
        };
        format!("{case}MAELSTROM_SEED={} cargo test {path}", self.seed)
    }

    /// Runs the body if the run ended as expected.
    fn outcome(&self, judged: Result<(), String>, run: &Run, report: &str) -> Result<(), BodyFailure> {
        judged.map_err(|why| {
            let text = format!("{why}\n\n{report}");
            BodyFailure::Panic { message: text.clone(), shown: text }
        })?;
        body::call(self.function.body, run).map_err(|failure| match failure {
            BodyFailure::Error(error) => BodyFailure::Error(format!("{error}\n\n{report}")),
            BodyFailure::Panic { message, shown } => {
                BodyFailure::Panic { message, shown: format!("{shown}\n\n{report}") }
            }
        })
    }

    /// Applies `#[should_panic]`: a panic of the body or an unexpected end of the run is then a success.
    fn apply_should_panic(&self, outcome: Result<(), BodyFailure>) -> Result<(), String> {
        match (self.function.should_panic, outcome) {
            (None, Ok(())) => Ok(()),
            (None, Err(BodyFailure::Error(shown) | BodyFailure::Panic { shown, .. })) => Err(shown),
            (Some(_), Ok(())) => Err("the test did not panic as expected by #[should_panic]".into()),
            (Some(expected), Err(BodyFailure::Panic { message, .. })) if message.contains(expected) => Ok(()),
            (Some(expected), Err(BodyFailure::Error(shown) | BodyFailure::Panic { shown, .. })) => {
                Err(format!("the panic message does not contain {expected:?} as expected by #[should_panic]:\n{shown}"))
            }
        }
    }
}

/// Returns the parameters of a function, in the order of the attribute, with seeds last.
fn parameters(function: &Function, environment: &Environment) -> Result<Vec<Parameter>, String> {
    let is_seed_overridden = environment.seeds != Seeds::Default;
    let labels = |name: &str| -> Vec<String> {
        let of_options = || function.options.iter().find(|(option, _)| *option == name);
        match name {
            "workload" => function.workloads.iter().map(|(label, _)| label.to_string()).collect(),
            "bin" => function.programs.iter().map(|(label, _)| label.to_string()).collect(),
            _ => of_options().map_or(Vec::new(), |(_, values)| values.iter().map(|value| value.to_string()).collect()),
        }
    };
    // A seed of the environment replaces the seeds of the attribute.
    let lists = function.lists.iter().filter(|name| !(is_seed_overridden && **name == "seed"));
    let mut parameters: Vec<Parameter> = lists.map(|name| Parameter { name, labels: labels(name) }).collect();
    let seeds = match (&environment.seeds, function.seeds) {
        (Seeds::Several(range), _) => Some(range.clone()),
        (Seeds::Default, Some(written)) => Some(options::parse_seeds(written).map_err(|wrong| wrong.to_string())?),
        (Seeds::One(_) | Seeds::Random, _) | (Seeds::Default, None) => None,
    };
    let seeds = seeds.map(|seeds| Parameter { name: "seed", labels: seeds.map(|seed| seed.to_string()).collect() });
    parameters.extend(seeds);
    Ok(parameters)
}

/// Returns the name of a case as a file name. `::` becomes `__`, every character outside `[A-Za-z0-9_.=,-]` becomes `_`, and
/// names over [`FILE_NAME_LIMIT`] bytes are cut and get a hash.
fn case_file_name(name: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_.=,-".contains(c);
    let safe: String = name.replace("::", "__").chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    if safe.len() <= FILE_NAME_LIMIT {
        return safe;
    }
    let hash = format!("-{:016x}", random::hash(name));
    format!("{}{hash}", &safe[..FILE_NAME_LIMIT - hash.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    static MATRIX: Function = Function {
        name: "raft",
        module: "cluster::inner",
        package: "raft",
        target: "cluster",
        package_directory: env!("CARGO_MANIFEST_DIR"),
        temporary_directory: None,
        source: (file!(), 1),
        workloads: &[("lin-kv", || "lin-kv".into())],
        programs: &[("bin", ProgramSpec::Missing)],
        args: &[],
        env: &[],
        pass_env: &[],
        options: &[("nodes", &["1", "3"]), ("rate", &["10"]), ("nemesis", &["partition", "kill,pause"])],
        lists: &["nemesis", "nodes"],
        seeds: None,
        expect: "valid",
        snapshot: "false",
        plan: None,
        ignored: false,
        should_panic: None,
        body: |_| Ok(()),
        assert_snapshot: |_, _| (),
    };

    static SEEDS: Function =
        Function { name: "seeds", options: &[], lists: &[], seeds: Some("3..5"), module: "cluster", ..MATRIX };

    static LISTED: Function = Function {
        name: "listed",
        options: &[("seed", &["7", "9"])],
        lists: &["seed"],
        seeds: None,
        module: "cluster",
        ..MATRIX
    };

    fn cases(function: &'static Function, seeds: Seeds) -> Vec<(String, u64)> {
        let environment = Environment { seeds, ..Environment::default() };
        let cases = Case::all(&[function], &environment).expect("names differ");
        cases.into_iter().map(|case| (case.name, case.seed)).collect()
    }

    fn names(function: &'static Function, seeds: Seeds) -> Vec<String> {
        cases(function, seeds).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn lists_make_all_combinations_in_the_order_of_the_attribute() {
        assert_eq!(
            names(&MATRIX, Seeds::Default),
            [
                "inner::raft::nemesis=partition,nodes=1",
                "inner::raft::nemesis=partition,nodes=3",
                "inner::raft::nemesis=kill,pause,nodes=1",
                "inner::raft::nemesis=kill,pause,nodes=3",
            ]
        );
        let all = Case::all(&[&MATRIX], &Environment::default()).expect("names differ");
        assert_eq!(all[3].options["nodes"], "3");
        assert_eq!(all[3].options["nemesis"], "kill,pause");
        assert_eq!(all[3].options["rate"], "10");
    }

    #[test]
    fn files_of_equal_names_in_different_packages_and_targets_differ() {
        static OTHER: Function = Function { package: "paxos", ..SEEDS };
        static TARGET: Function = Function { target: "chaos", module: "chaos", ..SEEDS };
        let files: Vec<(PathBuf, String)> = [&SEEDS, &OTHER, &TARGET]
            .map(|function| Case::all(&[function], &Environment::default()).expect("names differ").remove(0))
            .map(|case| (case.directory(), case.snapshot_name()))
            .into();
        assert_eq!(
            files,
            [
                ("raft/cluster/seeds__seed=3".into(), "cluster__seeds__seed=3".into()),
                ("paxos/cluster/seeds__seed=3".into(), "cluster__seeds__seed=3".into()),
                ("raft/chaos/seeds__seed=3".into(), "chaos__seeds__seed=3".into()),
            ]
        );
    }

    #[test]
    fn seeds_make_cases() {
        let expected = [("seeds::seed=3".to_string(), 3), ("seeds::seed=4".to_string(), 4)];
        assert_eq!(cases(&SEEDS, Seeds::Default), expected);
        let expected = [("listed::seed=7".to_string(), 7), ("listed::seed=9".to_string(), 9)];
        assert_eq!(cases(&LISTED, Seeds::Default), expected);
    }

    #[test]
    fn seeds_of_the_environment_override_those_of_the_attribute() {
        for function in [&SEEDS, &LISTED] {
            assert_eq!(cases(function, Seeds::One(42)), [(function.name.to_string(), 42)]);
            let widened = cases(function, Seeds::Several(0..3));
            assert_eq!(widened.iter().map(|(_, seed)| *seed).collect::<Vec<_>>(), [0, 1, 2]);
            assert_eq!(names(function, Seeds::Random), [function.name]);
        }
        assert_eq!(names(&MATRIX, Seeds::Several(0..2)).len(), 8);
    }

    #[test]
    fn default_seeds_depend_on_the_names_only() {
        let seeds: Vec<u64> = cases(&MATRIX, Seeds::Default).into_iter().map(|(_, seed)| seed).collect();
        assert_eq!(seeds, cases(&MATRIX, Seeds::Default).into_iter().map(|(_, seed)| seed).collect::<Vec<_>>());
        assert_ne!(seeds[0], seeds[1]);
        assert!(seeds.iter().all(|seed| *seed < SEED_LIMIT));
    }

    #[test]
    fn the_command_that_repeats_a_run_has_case_and_seed() {
        let again = |function| {
            let cases = Case::all(&[function], &Environment::default()).expect("names differ");
            cases[0].again()
        };
        assert_eq!(again(&SEEDS), "MAELSTROM_SEED=3 cargo test seeds");
        assert!(again(&MATRIX).starts_with("MAELSTROM_CASE='::nemesis=partition,nodes=1' MAELSTROM_SEED="));
        assert!(again(&MATRIX).ends_with(" cargo test inner::raft"));
    }

    #[test]
    fn should_panic_requires_the_expected_message() {
        let case = |should_panic: Option<&'static str>| {
            let function: &'static Function = Box::leak(Box::new(Function { should_panic, ..SEEDS }));
            Case::all(&[function], &Environment::default()).expect("names differ").remove(0)
        };
        let panic = || Err(BodyFailure::Panic { message: "boom".into(), shown: "boom at x".into() });
        assert_eq!(case(None).apply_should_panic(panic()), Err("boom at x".into()));
        assert_eq!(case(Some("")).apply_should_panic(panic()), Ok(()));
        assert_eq!(case(Some("oom")).apply_should_panic(panic()), Ok(()));
        assert!(case(Some("bang")).apply_should_panic(panic()).is_err());
        assert!(case(Some("")).apply_should_panic(Ok(())).is_err());
        assert!(case(Some("no")).apply_should_panic(Err(BodyFailure::Error("no".into()))).is_err());
    }

    #[test]
    fn names_of_cases_become_file_names() {
        assert_eq!(case_file_name("tests::raft::nodes=5,nemesis=kill"), "tests__raft__nodes=5,nemesis=kill");
        assert_eq!(case_file_name("a b/ü"), "a_b__");
    }

    #[test]
    fn long_names_are_cut_and_stay_distinct() {
        let long = "x".repeat(200);
        let (a, b) = (case_file_name(&format!("{long}a")), case_file_name(&format!("{long}b")));
        assert_ne!(a, b);
        assert_eq!(a.len(), FILE_NAME_LIMIT);
    }
}
