//! End-to-end tests use the library as its users do: from a package of their own, built by cargo, in a directory outside
//! the workspace. The package is `tests/scratch`, copied and completed with the path of the library.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A user's package, in a directory that goes away with it.
#[derive(Debug)]
pub struct Scratch {
    /// Its root.
    pub root: PathBuf,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Printed {
    /// Exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Printed {
    fn from(output: Output) -> Printed {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Printed { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Printed {
    /// Panics with everything that was printed if the status is another one.
    #[track_caller]
    pub fn expect_status(self, status: i32) -> Printed {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// The root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is in the workspace")
}

/// The workspace's target directory: sharing it saves building the library's dependencies again.
pub fn target_directory() -> PathBuf {
    let program = std::env::current_exe().expect("a test program has a path");
    let target = program.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file());
    target.expect("cargo marks its target directory").to_path_buf()
}

/// Runs a command to its end, without what cargo and nextest tell *this* test program by variables. Variables that were
/// set for the command stay.
pub fn run(command: &mut Command) -> Printed {
    for (name, _) in std::env::vars_os() {
        let is_set = command.get_envs().any(|(set, _)| set == name);
        let name = name.to_string_lossy();
        if !is_set
            && ["NEXTEST", "CARGO_PKG", "CARGO_MANIFEST", "MAELSTROM_", "INSTA_"]
                .iter()
                .any(|own| name.starts_with(own))
        {
            command.env_remove(&*name);
        }
    }
    command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}")).into()
}

impl Scratch {
    /// A fresh copy of the package. It must not lie in the target directory: there, cargo takes copies of several test
    /// programs for one and the same, and does not build the later ones.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new(name: &str) -> io::Result<Scratch> {
        let prefix = format!("maelstrom-{name}-");
        remove_leftovers(&prefix)?;
        let root = std::env::temp_dir().join(format!("{prefix}{}", std::process::id()));
        copy(&repository().join("tests/scratch"), &root)?;
        // The same versions of everything as in the workspace, so that nothing is resolved or fetched.
        fs::copy(repository().join("Cargo.lock"), root.join("Cargo.lock"))?;
        let manifest = fs::read_to_string(root.join("Cargo.toml.in"))?;
        let library = repository().join("maelstrom-test");
        fs::write(root.join("Cargo.toml"), manifest.replace("@LIBRARY@", &library.to_string_lossy()))?;
        Ok(Scratch { root })
    }

    /// A cargo command in the package.
    pub fn cargo(&self, words: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(words).arg("--offline").current_dir(&self.root).env("CARGO_TARGET_DIR", target_directory());
        command.env("CI", "true").env("CARGO_TERM_COLOR", "never").env_remove("RUSTFLAGS");
        command
    }

    /// Builds one test target and returns its program.
    pub fn build(&self, target: &str) -> PathBuf {
        let words = ["test", "--no-run", "--message-format=json", "--test", target];
        let printed = run(&mut self.cargo(&words)).expect_status(0);
        let messages = printed.stdout.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut programs = messages.filter(|message| message["target"]["name"] == target);
        let program = programs.find_map(|message| message["executable"].as_str().map(PathBuf::from));
        program.unwrap_or_else(|| panic!("cargo built no program of {target}:\n{}", printed.stderr))
    }

    /// A command that runs a built test program as cargo would.
    pub fn program(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.root).env("CI", "true");
        command.env("CARGO_MANIFEST_DIR", &self.root).env("CARGO_PKG_NAME", "scratch");
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now goes when the next test begins.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The package that all tests of a program share, so that it is built once.
///
/// # Panics
/// If it cannot be copied or built.
pub fn shared() -> &'static (Scratch, PathBuf) {
    static SHARED: OnceLock<(Scratch, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let scratch = Scratch::new("scratch").expect("the package is copied");
        let program = scratch.build("cluster");
        (scratch, program)
    })
}

/// Removes the copies of test programs that have ended: a copy that all tests share has nobody to remove it, and a killed
/// test removes nothing.
fn remove_leftovers(prefix: &str) -> io::Result<()> {
    if !Path::new("/proc/self").exists() {
        return Ok(()); // without it, nobody knows who has ended
    }
    for entry in fs::read_dir(std::env::temp_dir())? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Somebody else may be removing it at this moment.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}
