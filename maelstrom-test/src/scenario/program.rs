//! The node program.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::config::WorkingDirectory;
use super::environment;

/// Bytes of a program that are hashed at once: whole words.
const HASHED_AT_ONCE: u64 = 64 << 10;

/// Which program the nodes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The executable: a path, or a bare name to look up in `PATH`. Absolute after [`Program::resolve`].
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables beside those that every node has. After [`Program::resolve`] those of
    /// [`PASSED_ON`](super::PASSED_ON) are among them.
    pub env: Vec<(OsString, OsString)>,
    /// These are all: what a stored run had.
    pub has_stored_env: bool,
    /// Where relative paths begin; the current directory if there is none.
    pub base: Option<PathBuf>,
}

impl Program {
    /// Makes the executable's path absolute, and that of every argument that names an existing file by a relative
    /// path (`python3 nodes/raft.py`): nodes run in directories of their own. Where they work in the package, arguments
    /// stay as they are.
    ///
    /// # Errors
    /// A sentence that says what is missing and what to do.
    pub fn resolve(&self, cwd: WorkingDirectory) -> Result<Program, String> {
        if self.path.as_os_str().is_empty() {
            return Err("no node program was given; set `bin` or `command`".into());
        }
        let base = match &self.base {
            Some(base) => std::path::absolute(base),
            None => std::env::current_dir(),
        }
        .map_err(|error| format!("the current directory cannot be read: {error}"))?;
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

    /// A hash of the executable's content, eight bytes at a time (FNV's steps on words), so that large programs take
    /// little time.
    pub(super) fn hash(&self) -> io::Result<u64> {
        let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
        // Piece by piece: a program may be larger than all that a run needs besides.
        let mut file = fs::File::open(&self.path)?;
        let mut piece = Vec::new();
        let mut hash = file.metadata()?.len();
        loop {
            piece.clear();
            let length = file.by_ref().take(HASHED_AT_ONCE).read_to_end(&mut piece)?;
            let (words, rest) = piece.as_chunks::<8>();
            hash = words.iter().fold(hash, |hash, word| step(hash, u64::from_le_bytes(*word)));
            hash = rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)));
            if (length as u64) < HASHED_AT_ONCE {
                return Ok(hash);
            }
        }
    }

    /// The executable: as a path if it is one, else in `PATH`.
    fn find(&self, base: &Path) -> Result<PathBuf, String> {
        let here = base.join(&self.path);
        if self.path.components().count() == 1 && !here.is_file() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let found =
                std::env::split_paths(&path).map(|directory| directory.join(&self.path)).find(|f| is_executable(f));
            return found.ok_or_else(|| {
                let name = self.path.display();
                format!(
                    "the node program `{name}` does not exist: it is neither a file in {} nor a program in PATH",
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

/// Says what hinders a file from being run.
fn check_executable(file: &Path) -> Result<(), String> {
    let shown = file.display();
    match file.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("the node program {shown} does not exist; build it, or correct the path"));
        }
        Err(error) => return Err(format!("the node program {shown} cannot be read: {error}")),
        Ok(data) if data.is_dir() => return Err(format!("the node program {shown} is a directory; name a file in it")),
        Ok(_) => {}
    }
    if !is_executable(file) {
        return Err(format!("the node program {shown} is not executable; run `chmod +x {shown}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_up_in_the_path_and_made_absolute() {
        let program = Program { path: "sh".into(), ..Program::default() };
        let resolved = program.resolve(WorkingDirectory::Node).expect("every system has a shell");
        assert!(resolved.path.is_absolute() && resolved.path.ends_with("sh"));
    }

    #[test]
    fn arguments_that_are_files_become_absolute_and_others_stay() {
        let program = Program {
            path: "sh".into(),
            args: vec!["src/lib.rs".into(), "src".into(), "--file=src/lib.rs".into(), "no/such.py".into()],
            base: Some(env!("CARGO_MANIFEST_DIR").into()),
            ..Program::default()
        };
        let args = program.resolve(WorkingDirectory::Node).expect("a shell").args;
        assert_eq!(args[0], Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs").into_os_string());
        assert_eq!(args[1..], program.args[1..]);
    }

    #[test]
    fn arguments_stay_as_they_are_where_nodes_work_in_the_package() {
        let base = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let program = Program { path: "sh".into(), args: vec!["src/lib.rs".into()], base, ..Program::default() };
        let resolved = program.resolve(WorkingDirectory::Package).expect("a shell");
        assert_eq!(resolved.args, program.args);
        assert!(resolved.path.is_absolute());
    }

    #[test]
    fn variables_given_for_the_node_win_over_those_passed_on() {
        // Cargo sets this one for test programs.
        let variable = ("LD_LIBRARY_PATH".into(), "/mine".into());
        let program = Program { path: "sh".into(), env: vec![variable], ..Program::default() };
        let env = program.resolve(WorkingDirectory::Node).expect("a shell").env;
        assert_eq!(env.iter().filter(|(name, _)| name == "LD_LIBRARY_PATH").count(), 1);
        assert!(env.contains(&("LD_LIBRARY_PATH".into(), "/mine".into())));
    }

    #[test]
    fn the_hash_is_that_of_the_content() {
        let hash = |path: &str| Program { path: path.into(), ..Program::default() }.hash().expect("it can be read");
        let (lib, main) =
            (concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"), concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs"));
        assert_eq!(hash(lib), hash(lib));
        assert_ne!(hash(lib), hash(main));
    }

    #[test]
    fn what_cannot_be_run_is_said_with_what_to_do() {
        let base = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        for (path, says) in [
            ("", "set `bin` or `command`"),
            ("no-such-program", "nor a program in PATH"),
            ("./no/such/program", "build it"),
            ("src/lib.rs", "chmod +x"),
            ("./src", "is a directory"),
        ] {
            let error = Program { path: path.into(), base: base.clone(), ..Program::default() }
                .resolve(WorkingDirectory::Node)
                .unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
