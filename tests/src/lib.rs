//! Support for end-to-end tests. They use the library as users do: from a separate package that cargo builds in a directory
//! outside the workspace. The package is a copy of `tests/scratch` with the path of the library.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A package of a user in a temporary directory, which is removed when this value is dropped.
#[derive(Debug)]
pub struct Scratch {
    /// The root directory.
    pub root: PathBuf,
}

/// The output and the exit status of a command.
#[derive(Debug)]
pub struct Printed {
    /// The exit status. `None` if a signal killed the command.
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
    /// Panics with the output if the exit status is not `status`.
    #[track_caller]
    pub fn expect_status(self, status: i32) -> Printed {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// Returns the root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is in the workspace")
}

/// Returns the target directory of the workspace. Sharing it avoids another build of the dependencies.
pub fn target_directory() -> PathBuf {
    let program = std::env::current_exe().expect("a test program has a path");
    let target = program.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file());
    target.expect("cargo marks its target directory").to_path_buf()
}

/// Runs a command without the environment variables that cargo and nextest set for *this* test program. Variables that are
/// set explicitly for the command are kept.
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
    /// Creates a copy of the package. It is not in the target directory, because cargo would then take the copies of several
    /// test programs for the same package and build only the first.
    ///
    /// # Errors
    /// Fails if a file cannot be copied.
    pub fn new(name: &str) -> io::Result<Scratch> {
        let prefix = format!("maelstrom-{name}-");
        remove_leftovers(&prefix)?;
        let root = std::env::temp_dir().join(format!("{prefix}{}", std::process::id()));
        copy(&repository().join("tests/scratch"), &root)?;
        // With the lock file of the workspace, cargo resolves and fetches nothing.
        fs::copy(repository().join("Cargo.lock"), root.join("Cargo.lock"))?;
        let manifest = fs::read_to_string(root.join("Cargo.toml.in"))?;
        let library = repository().join("maelstrom-test");
        fs::write(root.join("Cargo.toml"), manifest.replace("@LIBRARY@", &library.to_string_lossy()))?;
        Ok(Scratch { root })
    }

    /// Returns a cargo command in the package.
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

    /// Returns a command that runs a built test program as cargo does.
    pub fn program(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.root).env("CI", "true");
        command.env("CARGO_MANIFEST_DIR", &self.root).env("CARGO_PKG_NAME", "scratch");
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next test removes leftovers.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Returns the package that all tests of a program share, so that it is built only once.
///
/// # Panics
/// Panics if it cannot be copied or built.
pub fn shared() -> &'static (Scratch, PathBuf) {
    static SHARED: OnceLock<(Scratch, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let scratch = Scratch::new("scratch").expect("the package is copied");
        let program = scratch.build("cluster");
        (scratch, program)
    })
}

/// Removes the copies of test programs that have exited. Shared copies are never dropped, and a killed test drops nothing.
fn remove_leftovers(prefix: &str) -> io::Result<()> {
    if !Path::new("/proc/self").exists() {
        return Ok(()); // Without it, active processes cannot be recognised.
    }
    for entry in fs::read_dir(std::env::temp_dir())? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Another process may be removing it at the same time.
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
