//! Directories of runs: `<output>/<workload>/<time>`.
//!
//! | program | output directory |
//! | --- | --- |
//! | tests, examples and programs that cargo built or runs | `target/maelstrom/<package>` |
//! | any other program | `store` in the current directory |
//! | any program with `MAELSTROM_OUTPUT` in the environment | the value of the variable |

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The output directory of programs that cargo neither built nor runs, relative to the current directory.
pub(crate) const STORE: &str = "store";
/// The file with which cargo marks its target directory.
const TARGET_MARKER: &str = "CACHEDIR.TAG";

/// The properties of a process that determine its output directory.
struct Surroundings<'a> {
    /// The path of the program.
    program: PathBuf,
    /// Returns a variable of the environment.
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Surroundings<'static> {
    fn of_process() -> Self {
        let variable = &|name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Surroundings { program: std::env::current_exe().unwrap_or_default(), variable }
    }
}

impl Surroundings<'_> {
    /// Returns cargo's target directory, if cargo built or runs this program.
    fn target(&self) -> Option<PathBuf> {
        // Test programs are in `target/debug/deps`, or `target/<triple>/debug/deps`; cargo marks `target` itself.
        let marked = |directory: &&Path| directory.join(TARGET_MARKER).is_file();
        if let Some(target) = self.program.ancestors().skip(1).find(marked) {
            return Some(target.to_path_buf());
        }
        let deps = self.program.ancestors().find(|path| path.ends_with("deps"));
        if let Some(target) = deps.and_then(|deps| deps.ancestors().nth(2)) {
            return Some(target.to_path_buf());
        }
        if let Some(target) = (self.variable)("CARGO_TARGET_DIR") {
            return Some(target.into());
        }
        // Documentation tests are compiled into a temporary directory.
        let package = PathBuf::from((self.variable)("CARGO_MANIFEST_DIR")?);
        let nearest = package.ancestors().map(|path| path.join("target")).find(|path| marked(&path.as_path()));
        Some(nearest.unwrap_or_else(|| package.join("target")))
    }

    /// Returns the output directory.
    fn output(&self) -> PathBuf {
        let of_package = |root: PathBuf| match (self.variable)("CARGO_PKG_NAME") {
            Some(package) => root.join(package),
            None => root,
        };
        match ((self.variable)("MAELSTROM_OUTPUT"), self.target()) {
            (Some(output), _) => of_package(output.into()),
            (None, Some(target)) => of_package(target.join("maelstrom")),
            (None, None) => STORE.into(),
        }
    }
}

/// Returns the value of `MAELSTROM_OUTPUT`.
pub(crate) fn named_output() -> Option<PathBuf> {
    (Surroundings::of_process().variable)("MAELSTROM_OUTPUT").map(PathBuf::from)
}

/// Returns cargo's target directory, or `target` if it is not known.
pub(crate) fn target_directory() -> PathBuf {
    Surroundings::of_process().target().unwrap_or_else(|| "target".into())
}

/// Returns the path of a new directory for a run, with the current time (UTC) as its name. The default of `output` is the
/// output directory of this program. [`reserve`] creates the directory.
pub(super) fn fresh_directory(output: Option<&Path>, workload: &str) -> PathBuf {
    let parent = output.map_or_else(|| Surroundings::of_process().output(), Path::to_path_buf).join(workload);
    parent.join(timestamp(UNIX_EPOCH + Duration::from_millis(unique_millis())))
}

/// Creates a directory. If it exists, creates one with a number after its name, because another process may have started a
/// run in the same millisecond.
///
/// # Errors
/// Fails if the directory cannot be created.
pub(super) fn reserve(directory: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(directory.parent().unwrap_or(directory))?;
    for number in 1.. {
        let mut name = directory.as_os_str().to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        match fs::create_dir(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| name.into()),
        }
    }
    unreachable!("the numbers are not limited")
}

/// Returns the milliseconds since 1970. A process gets each value only once, so that concurrent runs have different directories.
fn unique_millis() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let next = |last: u64| now.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    next(last.unwrap_or_default())
}

/// Formats a time as `20260314T150926.535Z`, which sorts chronologically and is safe in file names.
fn timestamp(now: SystemTime) -> String {
    humantime::format_rfc3339_millis(now).to_string().replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the output directory of a program in an environment.
    fn output(program: &str, variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let surroundings = Surroundings { program: program.into(), variable: &variable };
        surroundings.output().to_string_lossy().into_owned()
    }

    #[test]
    fn programs_of_cargo_use_its_target_directory() {
        let package = ("CARGO_PKG_NAME", "raft");
        for (program, variables, expected) in [
            ("/usr/bin/tool", &[] as &[(&str, &str)], "store"),
            ("/usr/bin/tool", &[("MAELSTROM_OUTPUT", "/runs")], "/runs"),
            ("/x/target/debug/deps/cluster-1", &[], "/x/target/maelstrom"),
            ("/x/target/debug/deps/cluster-1", &[package], "/x/target/maelstrom/raft"),
            ("/x/target/debug/deps/cluster-1", &[package, ("MAELSTROM_OUTPUT", "runs")], "runs/raft"),
            ("/tmp/rust_out", &[package, ("CARGO_TARGET_DIR", "/t")], "/t/maelstrom/raft"),
            ("/tmp/rust_out", &[package, ("CARGO_MANIFEST_DIR", "/no/raft")], "/no/raft/target/maelstrom/raft"),
        ] {
            assert_eq!(output(program, variables), expected, "{program} {variables:?}");
        }
        let this = std::env::current_exe().expect("the path of this program is available");
        assert!(this.starts_with(target_directory()));
    }

    #[test]
    fn existing_directories_are_not_reserved() {
        let parent = std::env::temp_dir().join(format!("maelstrom-reserve-{}", std::process::id()));
        let name = parent.join("echo/now");
        let reserved: Vec<PathBuf> = (0..3).map(|_| reserve(&name).expect("the directory can be created")).collect();
        assert_eq!(reserved, ["echo/now", "echo/now-2", "echo/now-3"].map(|name| parent.join(name)));
        fs::remove_dir_all(&parent).expect("the directory exists");
    }

    #[test]
    fn each_time_is_returned_once() {
        let times: Vec<u64> = (0..100).map(|_| unique_millis()).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn times_are_written_in_utc() {
        for (millis, text) in [
            (0, "19700101T000000.000Z"),
            (951_782_400_000, "20000229T000000.000Z"),
            (1_773_500_966_535, "20260314T150926.535Z"),
            (4_102_444_799_999, "20991231T235959.999Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(millis)), text);
        }
    }
}
