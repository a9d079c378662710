//! The environment variables in the table of the documentation of [`runner`](super).

use std::hash::BuildHasher;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Once;

use crate::scenario::options::{self, FrontEnd};
use crate::suggest::closest;

/// The settings in the environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Environment {
    /// `MAELSTROM_SEED`, `MAELSTROM_SEEDS`.
    pub(super) seeds: Seeds,
    /// `MAELSTROM_TIME`.
    pub(super) time: Option<String>,
    /// `MAELSTROM_CASE`.
    pub(super) case: Option<String>,
    /// `MAELSTROM_SHRINK`.
    pub(super) shrink: Option<String>,
    /// `MAELSTROM_REGRESSIONS`, `CI`.
    pub(super) regressions: Regressions,
}

/// What happens with plans of failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Regressions {
    /// They are in the user's package. They are run, and new ones are written.
    #[default]
    On,
    /// They are in the user's package. They are run. Nothing is written.
    ReadOnly,
    /// They are in this directory. They are run, and new ones are written.
    Directory(PathBuf),
    /// They are ignored.
    Off,
}

/// The seeds in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Seeds {
    /// The seeds of the attribute.
    #[default]
    Default,
    /// This seed for every case.
    One(u64),
    /// A random seed for every case.
    Random,
    /// A case for each of these seeds.
    Several(Range<u64>),
}

impl Environment {
    /// Reads the environment variables of this process.
    ///
    /// # Errors
    /// Fails if a value is invalid. The message names the variable.
    pub(super) fn read() -> Result<Environment, String> {
        Environment::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Environment, String> {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let seeds = match (get("MAELSTROM_SEED"), get("MAELSTROM_SEEDS")) {
            (None, None) => Seeds::Default,
            (Some(_), Some(_)) => {
                return Err("MAELSTROM_SEED and MAELSTROM_SEEDS cannot both be set\n  help: unset one of them".into());
            }
            (Some(seed), None) if seed == "random" => Seeds::Random,
            (Some(seed), None) => Seeds::One(
                seed.parse().map_err(|_| format!("MAELSTROM_SEED: `{seed}` is neither a number nor `random`"))?,
            ),
            (None, Some(seeds)) => {
                Seeds::Several(options::parse_seeds(&seeds).map_err(|wrong| wrong.of("MAELSTROM_SEEDS").to_string())?)
            }
        };
        let time = get("MAELSTROM_TIME");
        if let Some(time) = &time {
            let row = options::find("time").expect("the option exists");
            row.parse(time, FrontEnd::Attribute).map_err(|wrong| wrong.of("MAELSTROM_TIME").to_string())?;
        }
        let shrink = get("MAELSTROM_SHRINK");
        if let Some(shrink) = &shrink {
            let row = options::find("shrink").expect("the option exists");
            row.parse(shrink, FrontEnd::Attribute).map_err(|wrong| wrong.of("MAELSTROM_SHRINK").to_string())?;
        }
        let regressions = match get("MAELSTROM_REGRESSIONS").as_deref() {
            Some("off") => Regressions::Off,
            None | Some("on") if get("CI").is_some() => Regressions::ReadOnly,
            None | Some("on") => Regressions::On,
            Some(directory) if directory.contains('/') => Regressions::Directory(directory.into()),
            Some(other) => {
                return Err(format!(
                    "MAELSTROM_REGRESSIONS: `{other}` is neither `on`, `off` nor the path of a directory\n  help: a path \
                     contains a `/`: `./{other}`"
                ));
            }
        };
        Ok(Environment { seeds, time, case: get("MAELSTROM_CASE"), shrink, regressions })
    }
}

/// The variables of the table and those that nodes get, without the prefix `MAELSTROM_`. If several are equally similar to
/// an unknown name, the first is suggested.
const KNOWN: [&str; 11] = [
    "case",
    "node_dir",
    "node_id",
    "output",
    "progress",
    "real_time_runs",
    "regressions",
    "seeds",
    "seed",
    "shrink",
    "time",
];

/// Warns about unknown `MAELSTROM_` variables on standard error, once per program.
pub(super) fn warn_about_unknown_variables() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for warning in warnings(names) {
            eprintln!("{warning}");
        }
    });
}

/// Returns a warning for each unknown variable, in the order of the names.
fn warnings(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    let warning = |name: String| {
        let own = name.strip_prefix("MAELSTROM_")?;
        if KNOWN.iter().any(|known| known.to_uppercase() == own) {
            return None;
        }
        let help = match closest(own, KNOWN) {
            Some(near) => format!("did you mean `MAELSTROM_{}`?", near.to_uppercase()),
            None => "the documentation of `maelstrom::runner` lists the variables".into(),
        };
        Some(format!("warning: the environment variable `{name}` is unknown and has no effect\n  help: {help}"))
    };
    names.into_iter().filter_map(warning).collect()
}

/// Returns a random seed that is short enough to type.
pub(crate) fn random_seed() -> u64 {
    std::hash::RandomState::new().hash_one(std::process::id()) % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        Environment::from(find)
    }

    #[test]
    fn variables_are_read() {
        assert_eq!(read(&[("MAELSTROM_SEED", "")]), Ok(Environment::default()));
        assert_eq!(read(&[("MAELSTROM_SEED", "7")]).map(|e| e.seeds), Ok(Seeds::One(7)));
        assert_eq!(read(&[("MAELSTROM_SEED", "random")]).map(|e| e.seeds), Ok(Seeds::Random));
        assert_eq!(read(&[("MAELSTROM_SEEDS", "0..1000")]).map(|e| e.seeds), Ok(Seeds::Several(0..1000)));
        assert_eq!(read(&[("MAELSTROM_TIME", "real")]).map(|e| e.time), Ok(Some("real".into())));
        assert_eq!(read(&[("MAELSTROM_SHRINK", "0")]).map(|e| e.shrink), Ok(Some("0".into())));
        let regressions = |variables| read(variables).map(|environment| environment.regressions);
        assert_eq!(regressions(&[]), Ok(Regressions::On));
        assert_eq!(regressions(&[("CI", "true")]), Ok(Regressions::ReadOnly));
        assert_eq!(regressions(&[("CI", "true"), ("MAELSTROM_REGRESSIONS", "off")]), Ok(Regressions::Off));
        let directory = regressions(&[("CI", "true"), ("MAELSTROM_REGRESSIONS", "./plans")]);
        assert_eq!(directory, Ok(Regressions::Directory("./plans".into())));
    }

    #[test]
    fn unknown_variables_cause_warnings() {
        let names = ["PATH", "MAELSTROM_SEEDZ", "MAELSTROM_SEEDS", "MAELSTROM_REAL_TIME_RUNS", "MAELSTROM_FLAVOUR"];
        insta::assert_snapshot!(warnings(names.into_iter().map(str::to_owned)).join("\n"), @r"
        warning: the environment variable `MAELSTROM_FLAVOUR` is unknown and has no effect
          help: the documentation of `maelstrom::runner` lists the variables
        warning: the environment variable `MAELSTROM_SEEDZ` is unknown and has no effect
          help: did you mean `MAELSTROM_SEEDS`?
        ");
    }

    #[test]
    fn errors_name_the_variable() {
        for variables in [
            &[("MAELSTROM_SEED", "seven")] as &[(&str, &str)],
            &[("MAELSTROM_SEEDS", "3..3")],
            &[("MAELSTROM_TIME", "wall")],
            &[("MAELSTROM_SHRINK", "a bit")],
            &[("MAELSTROM_REGRESSIONS", "no")],
            &[("MAELSTROM_SEED", "1"), ("MAELSTROM_SEEDS", "2")],
        ] {
            let error = read(variables).expect_err("the variables are invalid");
            assert!(error.contains(variables[0].0), "{error}");
        }
    }
}
