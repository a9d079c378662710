//! The determinism check: runs a scenario twice and compares the files byte for byte.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Run, RunError, Scenario, execute};
use crate::protocol::shorten;
use crate::report::file_names::{HISTORY, MESSAGES};

/// The subdirectory with the first run, in the directory of the second run.
const FIRST: &str = "first-run";

/// The first difference between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The name of the file: `history.jsonl` or `messages.jsonl`.
    pub file: String,
    /// The number of the first line that differs, starting with 1.
    pub line: u64,
    /// The line in the first run; `None` if the file ends before it.
    pub first: Option<String>,
    /// The line in the second run; `None` if the file ends before it.
    pub second: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |line: &Option<String>| line.as_ref().map_or("(end of file)".into(), |line| shorten(line, 400));
        writeln!(f, "{} differs in line {}", self.file, self.line)?;
        writeln!(f, "  was  {}", show(&self.first))?;
        write!(f, "  is   {}", show(&self.second))
    }
}

impl Scenario {
    /// Runs the scenario twice with the same seed, and compares the histories and journals byte for byte. Returns the
    /// second run, and the first difference if there is one. The files of the first run are in the subdirectory `first-run`
    /// of the second.
    ///
    /// In real time, two runs almost always differ.
    ///
    /// ```no_run
    /// use maelstrom::Scenario;
    /// # fn main() -> Result<(), maelstrom::RunError> {
    /// let (_run, difference) = Scenario::new("lin-kv").bin("target/debug/raft").seed(7u64).check_determinism()?;
    /// assert_eq!(difference, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Scenario::run`], except that aborted runs are compared like other runs.
    pub fn check_determinism(self) -> Result<(Run, Option<Difference>), RunError> {
        // Both runs use the same directory, one after the other, because nodes may see its path.
        let scenario = self.with_directory()?;
        let config = scenario.config()?;
        let scenario = scenario.seed(config.simulation.seed).journal("always");
        let directory = config.directory.clone();
        let mut aside = directory.clone().into_os_string();
        aside.push(".first");
        let aside = PathBuf::from(aside);
        let failed = |error: io::Error| {
            RunError::Setup(format!("cannot compare the files of the two runs in `{}`: {error}", directory.display()))
        };
        finished(scenario.clone().run())?;
        execute::clear(&aside)
            .map_err(|error| RunError::Setup(format!("cannot replace `{}`: {error}", aside.display())))?;
        fs::rename(&directory, &aside).map_err(failed)?;
        let second = finished(scenario.run());
        fs::rename(&aside, directory.join(FIRST)).map_err(failed)?;
        let second = second?;
        let difference = compare(&directory.join(FIRST), &directory, &[HISTORY, MESSAGES]).map_err(failed)?;
        Ok((second, difference))
    }
}

/// Returns the run, whether it completed or was aborted.
fn finished(result: Result<Run, RunError>) -> Result<Run, RunError> {
    match result {
        Err(RunError::Broke { run, .. }) => Ok(*run),
        other => other,
    }
}

/// Returns the first difference between the files of two runs with these names.
///
/// # Errors
/// Fails if a file of one of the runs cannot be read.
pub(crate) fn compare(first: &Path, second: &Path, names: &[&str]) -> io::Result<Option<Difference>> {
    for name in names {
        let open = |directory: &Path| File::open(directory.join(name)).map(BufReader::new);
        if let Some(difference) = first_difference(name, open(first)?, open(second)?)? {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

fn first_difference(name: &str, first: impl BufRead, second: impl BufRead) -> io::Result<Option<Difference>> {
    let (mut first, mut second) = (first.split(b'\n'), second.split(b'\n'));
    for line in 1.. {
        match (first.next().transpose()?, second.next().transpose()?) {
            (None, None) => break,
            (first, second) if first == second => {}
            (first, second) => {
                let text = |line: Option<Vec<u8>>| line.map(|line| String::from_utf8_lossy(&line).into_owned());
                return Ok(Some(Difference { file: name.into(), line, first: text(first), second: text(second) }));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(first: &str, second: &str) -> Option<String> {
        first_difference("x", first.as_bytes(), second.as_bytes()).unwrap().map(|difference| difference.to_string())
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").unwrap(), "x differs in line 2\n  was  b\n  is   c");
        assert_eq!(difference("a\n", "a\nc\n").unwrap(), "x differs in line 2\n  was  (end of file)\n  is   c");
    }
}
