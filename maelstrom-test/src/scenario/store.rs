//! Where runs keep their files: `<output>/<workload>/<time>`.
//!
//! | program | output folder |
//! | --- | --- |
//! | tests, examples and programs that cargo built or runs | `target/maelstrom` |
//! | any other program | `store` in the current directory |
//! | with `MAELSTROM_OUTPUT` in the environment | what it says |

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The output folder of programs that cargo neither built nor runs, in the current directory.
pub(crate) const STORE: &str = "store";
/// The file that cargo puts into its target directory.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// What the process knows of itself, for the choice of the output folder.
struct Surroundings<'a> {
    /// This program's file.
    program: PathBuf,
    /// The environment.
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Surroundings<'static> {
    fn of_process() -> Self {
        let variable = &|name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Surroundings { program: std::env::current_exe().unwrap_or_default(), variable }
    }
}

impl Surroundings<'_> {
    /// Cargo's target directory, if cargo built or runs this program.
    fn target(&self) -> Option<PathBuf> {
        // Test programs are in `target/debug/deps`, or `target/<triple>/debug/deps`; cargo marks `target` itself.
        let marked = |directory: &&Path| directory.join(CACHE_MARK).is_file();
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

    /// The folder of runs that have no directory of their own.
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

/// The folder that `MAELSTROM_OUTPUT` names.
pub(crate) fn named_output() -> Option<PathBuf> {
    (Surroundings::of_process().variable)("MAELSTROM_OUTPUT").map(PathBuf::from)
}

/// Cargo's target directory, or `target` in the current directory.
pub(crate) fn target_directory() -> PathBuf {
    Surroundings::of_process().target().unwrap_or_else(|| "target".into())
}

/// A directory for a run, named after this moment (UTC), in the output folder that is given, or else in the one of this
/// program. [`reserve`] makes it.
pub(super) fn fresh_directory(output: Option<&Path>, workload: &str) -> PathBuf {
    let parent = output.map_or_else(|| Surroundings::of_process().output(), Path::to_path_buf).join(workload);
    parent.join(timestamp(UNIX_EPOCH + Duration::from_millis(moment())))
}

/// Makes the directory, or one with a number after its name if it exists: another process may have begun a run in the same
/// millisecond.
///
/// # Errors
/// Those of the file system.
pub(super) fn reserve(directory: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(directory.parent().unwrap_or(directory))?;
    for number in 1.. {
        let mut name = directory.as_os_str().to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        match fs::create_dir(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| name.into()),
        }
    }
    unreachable!("some number is not in use")
}

/// Milliseconds since 1970, never the same twice in one process: runs that begin together have directories of their own.
fn moment() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let next = |last: u64| now.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    next(last.unwrap_or_default())
}

/// `20260314T150926.535Z`: sorts by time, and is safe in file names.
fn timestamp(now: SystemTime) -> String {
    humantime::format_rfc3339_millis(now).to_string().replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output folder for a program and an environment.
    fn output(program: &str, variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let surroundings = Surroundings { program: program.into(), variable: &variable };
        surroundings.output().to_string_lossy().into_owned()
    }

    #[test]
    fn programs_of_cargo_write_into_its_target_directory() {
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
        let this = std::env::current_exe().expect("this test");
        assert!(this.starts_with(target_directory()));
    }

    #[test]
    fn a_directory_that_exists_is_left_to_whoever_made_it() {
        let parent = std::env::temp_dir().join(format!("maelstrom-reserve-{}", std::process::id()));
        let name = parent.join("echo/now");
        let reserved: Vec<PathBuf> = (0..3).map(|_| reserve(&name).expect("it can be made")).collect();
        assert_eq!(reserved, ["echo/now", "echo/now-2", "echo/now-3"].map(|name| parent.join(name)));
        fs::remove_dir_all(&parent).expect("it is there");
    }

    #[test]
    fn no_moment_comes_twice() {
        let moments: Vec<u64> = (0..100).map(|_| moment()).collect();
        assert!(moments.windows(2).all(|pair| pair[0] < pair[1]));
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
