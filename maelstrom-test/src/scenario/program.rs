//! Node programs.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::config::WorkingDirectory;
use super::environment;

/// The number of bytes that are read at once to hash a program. Must be a multiple of eight.
const HASH_CHUNK: u64 = 64 << 10;

/// A node program: an executable with its arguments and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The executable: a path, or a name that is looked up in `PATH`. Absolute after [`Program::resolve`].
    pub path: PathBuf,
    /// The arguments.
    pub args: Vec<OsString>,
    /// Additional environment variables. After [`Program::resolve`] they include those of
    /// [`PASSED_ON`](super::PASSED_ON).
    pub env: Vec<(OsString, OsString)>,
    /// Whether `env` comes from a stored run. [`Program::resolve`] then adds no variables of this process.
    pub has_stored_env: bool,
    /// The base of relative paths; the current directory if it is `None`.
    pub base: Option<PathBuf>,
}

impl Program {
    /// Makes the path of the executable absolute, and every argument that is the relative path of an existing file
    /// (`python3 nodes/raft.py`), because each node runs in its own directory. If nodes run in the package, arguments are not
    /// changed.
    ///
    /// # Errors
    /// Fails if the program is missing or not executable. The message says what to do.
    pub fn resolve(&self, cwd: WorkingDirectory) -> Result<Program, String> {
        if self.path.as_os_str().is_empty() {
            return Err("the node program is missing\n  help: set `bin` or `command`".into());
        }
        let base = match &self.base {
            Some(base) => std::path::absolute(base),
            None => std::env::current_dir(),
        }
        .map_err(|error| format!("the current directory is not available: {error}"))?;
        let path = self.find(&base)?;
        let absolute = |arg: &OsString| {
            let text = arg.to_string_lossy();
            let file = base.join(arg);
            if !text.starts_with('-') && (text.contains('/') || text.contains('.')) && file.is_file() {
                file.into_os_string()
            } else {
                arg.clone()
            }
        };
        let mut env = if self.has_stored_env { Vec::new() } else { environment::passed_on() };
        env.retain(|(name, _)| self.env.iter().all(|(other, _)| other != name));
        env.extend(self.env.iter().cloned());
        env.sort_by(|(one, _), (other, _)| one.cmp(other));
        let args = match cwd {
            WorkingDirectory::Node => self.args.iter().map(absolute).collect(),
            WorkingDirectory::Package => self.args.clone(),
        };
        Ok(Program { path, args, env, base: Some(base), has_stored_env: self.has_stored_env })
    }

    /// Returns a hash of the content of the executable. It is FNV on words of eight bytes, which is fast for large programs.
    pub(super) fn hash(&self) -> io::Result<u64> {
        let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
        // In chunks, because a program may be large.
        let mut file = fs::File::open(&self.path)?;
        let mut chunk = Vec::new();
        let mut hash = file.metadata()?.len();
        loop {
            chunk.clear();
            let length = file.by_ref().take(HASH_CHUNK).read_to_end(&mut chunk)?;
            let (words, rest) = chunk.as_chunks::<8>();
            hash = words.iter().fold(hash, |hash, word| step(hash, u64::from_le_bytes(*word)));
            hash = rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)));
            if (length as u64) < HASH_CHUNK {
                return Ok(hash);
            }
        }
    }

    /// Returns the path of the executable, which is looked up in `PATH` if it is only a name.
    fn find(&self, base: &Path) -> Result<PathBuf, String> {
        let here = base.join(&self.path);
        if self.path.components().count() == 1 && !here.is_file() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let found =
                std::env::split_paths(&path).map(|directory| directory.join(&self.path)).find(|f| is_executable(f));
            return found.ok_or_else(|| {
                let name = self.path.display();
                format!(
                    "the node program `{name}` does not exist: it is neither a file in `{}` nor a program in PATH",
                    base.display()
                )
            });
        }
        check_executable(&here)?;
        Ok(here)
    }
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Checks that a file can be executed.
///
/// # Errors
/// Fails if it cannot. The message says what to do.
fn check_executable(file: &Path) -> Result<(), String> {
    let shown = file.display();
    match file.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("the node program `{shown}` does not exist\n  help: build it, or correct the path"));
        }
        Err(error) => return Err(format!("cannot read the node program `{shown}`: {error}")),
        Ok(data) if data.is_dir() => {
            return Err(format!("the node program `{shown}` is a directory\n  help: use a file in it"));
        }
        Ok(_) => {}
    }
    if !is_executable(file) {
        return Err(format!("the node program `{shown}` is not executable\n  help: run `chmod +x {shown}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_up_in_the_path_and_made_absolute() {
        let program = Program { path: "sh".into(), ..Program::default() };
        let resolved = program.resolve(WorkingDirectory::Node).expect("there is a shell");
        assert!(resolved.path.is_absolute() && resolved.path.ends_with("sh"));
    }

    #[test]
    fn only_arguments_that_are_files_become_absolute() {
        let program = Program {
            path: "sh".into(),
            args: vec!["src/lib.rs".into(), "src".into(), "--file=src/lib.rs".into(), "no/such.py".into()],
            base: Some(env!("CARGO_MANIFEST_DIR").into()),
            ..Program::default()
        };
        let args = program.resolve(WorkingDirectory::Node).expect("there is a shell").args;
        assert_eq!(args[0], Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs").into_os_string());
        assert_eq!(args[1..], program.args[1..]);
    }

    #[test]
    fn arguments_are_unchanged_if_nodes_run_in_the_package() {
        let base = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let program = Program { path: "sh".into(), args: vec!["src/lib.rs".into()], base, ..Program::default() };
        let resolved = program.resolve(WorkingDirectory::Package).expect("there is a shell");
        assert_eq!(resolved.args, program.args);
        assert!(resolved.path.is_absolute());
    }

    #[test]
    fn explicit_variables_take_precedence_over_inherited_ones() {
        // Cargo sets this one for test programs.
        let variable = ("LD_LIBRARY_PATH".into(), "/mine".into());
        let program = Program { path: "sh".into(), env: vec![variable], ..Program::default() };
        let env = program.resolve(WorkingDirectory::Node).expect("there is a shell").env;
        assert_eq!(env.iter().filter(|(name, _)| name == "LD_LIBRARY_PATH").count(), 1);
        assert!(env.contains(&("LD_LIBRARY_PATH".into(), "/mine".into())));
    }

    #[test]
    fn the_hash_depends_on_the_content() {
        let hash =
            |path: &str| Program { path: path.into(), ..Program::default() }.hash().expect("the file is readable");
        let (lib, main) =
            (concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"), concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs"));
        assert_eq!(hash(lib), hash(lib));
        assert_ne!(hash(lib), hash(main));
    }

    #[test]
    fn errors_say_what_to_do() {
        let base = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        for (path, expected) in [
            ("", "set `bin` or `command`"),
            ("no-such-program", "nor a program in PATH"),
            ("./no/such/program", "build it"),
            ("src/lib.rs", "chmod +x"),
            ("./src", "is a directory"),
        ] {
            let error = Program { path: path.into(), base: base.clone(), ..Program::default() }
                .resolve(WorkingDirectory::Node)
                .unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
