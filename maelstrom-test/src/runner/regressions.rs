//! Regressions: plans of failures that were found. They are kept in the user's package and run first from then on.
//!
//! ```text
//! tests/regressions/<test target>/<case>.json     the first failure of the case
//!                                 <case>-2.json   another one
//! ```
//!
//! A plan is not removed when its failure is gone: it stays as a test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::json::{self, Value};

/// The directory of all plans, in the directory of the package.
const DIRECTORY: &str = "tests/regressions";

/// The plans of a case.
#[derive(Clone, Debug)]
pub(super) struct Regressions {
    /// The directory of the test target.
    directory: PathBuf,
    /// The name of the case as a file name, without its seed.
    stem: String,
}

impl Regressions {
    /// Returns the plans of a case, in a package or in another directory.
    pub(super) fn new(package: &Path, other: Option<&Path>, target: &str, stem: String) -> Regressions {
        let directory = other.map_or_else(|| package.join(DIRECTORY), Path::to_owned);
        Regressions { directory: directory.join(target), stem }
    }

    fn path(&self, number: usize) -> PathBuf {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        self.directory.join(format!("{}{suffix}.json", self.stem))
    }

    /// Returns the plans that exist, in the order in which they were written.
    pub(super) fn plans(&self) -> Vec<PathBuf> {
        (1..).map(|number| self.path(number)).take_while(|path| path.exists()).collect()
    }

    /// Keeps the plan of a failure, unless it is kept already. Returns its path.
    ///
    /// # Errors
    /// Fails if the plan cannot be read, or the package cannot be written.
    pub(super) fn keep(&self, plan: &Path) -> io::Result<PathBuf> {
        let mut plan: Value = json::from_slice(&fs::read(plan)?).map_err(io::Error::other)?;
        // The program is that of the test, and its path differs between machines.
        if let Value::Object(scenario) = &mut plan["scenario"] {
            scenario.remove("program");
        }
        let mut text = serde_json::to_vec_pretty(&plan)?;
        text.push(b'\n');
        let known = self.plans();
        if let Some(same) = known.iter().find(|path| fs::read(path).is_ok_and(|kept| kept == text)) {
            return Ok(same.clone());
        }
        let path = self.path(known.len() + 1);
        fs::create_dir_all(&self.directory)?;
        // A reader never sees half of a plan.
        let unfinished = path.with_extension("json.new");
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &path)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_kept_once_and_without_the_program() {
        let package = std::env::temp_dir().join(format!("maelstrom-regressions-{}", std::process::id()));
        fs::create_dir_all(&package).unwrap();
        let found = |seed: u64| {
            let path = package.join(format!("found-{seed}.json"));
            let text = format!(r#"{{"plan":1,"scenario":{{"seed":{seed},"program":{{"path":"/home/me/raft"}}}}}}"#);
            fs::write(&path, text).unwrap();
            path
        };
        let regressions = Regressions::new(&package, None, "cluster", "raft".into());
        assert_eq!(regressions.plans(), [] as [PathBuf; 0]);
        let first = regressions.keep(&found(1)).unwrap();
        assert_eq!(first, package.join("tests/regressions/cluster/raft.json"));
        assert_eq!(regressions.keep(&found(1)).unwrap(), first);
        let second = regressions.keep(&found(2)).unwrap();
        assert_eq!(second, package.join("tests/regressions/cluster/raft-2.json"));
        assert_eq!(regressions.plans(), [first.clone(), second]);
        assert!(!fs::read_to_string(first).unwrap().contains("program"));
        let elsewhere = Regressions::new(&package, Some(&package.join("plans")), "cluster", "raft".into());
        assert_eq!(elsewhere.keep(&found(1)).unwrap(), package.join("plans/cluster/raft.json"));
        fs::remove_dir_all(&package).unwrap();
    }
}
