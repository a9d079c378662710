//! Finds relative paths in the arguments of a node program that the node probably could not find.
//!
//! [`Program::resolve`] makes an argument absolute if the whole argument is a path (`python3 nodes/echo.py`). It does not
//! recognise other notations: `go run ../x`, `python3 -m nodes.echo`, `sh -c "exec python3 nodes/echo.py"`. If a node exits
//! without output, this module searches for such paths. It is a heuristic that only adds hints to an error message.

use std::fs;
use std::path::{Path, PathBuf};

use super::config::WorkingDirectory;
use super::program::Program;
use super::store::STORE;
use crate::suggest::closest;

/// The maximum number of files that are compared with a path.
const MAX_FILES: usize = 2_000;
/// The maximum depth of these files below the root of the package.
const MAX_DEPTH: usize = 4;
/// The maximum number of paths that are reported.
const MAX_REPORTED: usize = 2;

/// A relative path that a node did not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LostPath {
    /// The error.
    pub(super) wrong: String,
    /// How to correct it.
    pub(super) help: String,
}

/// Returns the relative paths that a node of this resolved program probably did not find.
pub(super) fn lost_paths(program: &Program, cwd: WorkingDirectory) -> Vec<LostPath> {
    let base = program.base.clone().unwrap_or_default();
    let own = match cwd {
        WorkingDirectory::Node => "; each node runs in its own directory",
        WorkingDirectory::Package => "",
    };
    let mut lost = Vec::new();
    let texts: Vec<&str> = program.args.iter().filter_map(|arg| arg.to_str()).collect();
    for (number, arg) in texts.iter().enumerate() {
        if number > 0 && texts[number - 1] == "-m" {
            if cwd == WorkingDirectory::Node && is_module(&base, arg) {
                lost.push(in_package(arg));
            }
            continue;
        }
        for word in arg.split_whitespace().map(|word| word.trim_matches(['\'', '"', ';'])) {
            if !is_relative_path(word) {
                continue;
            }
            if base.join(word).exists() {
                let is_found = cwd == WorkingDirectory::Package || !(word.contains('/') || word == ".");
                lost.extend((!is_found).then(|| in_package(word)));
                continue;
            }
            let similar = similar_file(&base, word);
            if !word.contains('/') && similar.is_none() {
                continue;
            }
            lost.extend(has_short_extension(word).then(|| LostPath {
                wrong: format!("the package ({}) has no file `{word}`{own}", base.display()),
                help: match similar {
                    Some(similar) => format!("did you mean `{similar}`?"),
                    None => "correct the path, which is relative to the root of the package".into(),
                },
            }));
        }
    }
    lost.truncate(MAX_REPORTED);
    lost
}

fn in_package(word: &str) -> LostPath {
    LostPath {
        wrong: format!("`{word}` is in the package, but each node runs in its own directory"),
        help: "set `cwd = \"package\"` (on the command line: `--cwd package`)".into(),
    }
}

fn is_relative_path(word: &str) -> bool {
    !word.starts_with(['-', '/', '$', '~'])
        && !word.contains("://")
        && (word.contains('/') || word == "." || has_short_extension(word))
}

fn has_short_extension(word: &str) -> bool {
    let extension = Path::new(word).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    (1..=4).contains(&extension.len()) && extension.chars().all(|c| c.is_ascii_alphabetic())
}

/// Whether Python finds a module with this name below a directory.
fn is_module(base: &Path, name: &str) -> bool {
    let path = base.join(name.replace('.', "/"));
    path.is_dir() || path.with_extension("py").is_file()
}

/// Returns the file of the package with the most similar path, if one is similar.
fn similar_file(base: &Path, word: &str) -> Option<String> {
    let files = files_below(base);
    let names: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix(base).ok()?.to_str()).collect();
    let word = word.strip_prefix("./").unwrap_or(word);
    closest(word, names).map(str::to_owned)
}

/// Returns the files below a directory in a fixed order, without files that tools generate.
fn files_below(base: &Path) -> Vec<PathBuf> {
    const GENERATED: [&str; 5] = ["target", "node_modules", STORE, "vendor", "__pycache__"];
    let mut files = Vec::new();
    let mut level = vec![base.to_path_buf()];
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for directory in level {
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if name.is_empty() || name.starts_with('.') || GENERATED.contains(&name) {
                    continue;
                }
                if path.is_dir() {
                    next.push(path);
                } else {
                    files.push(path);
                }
                if files.len() >= MAX_FILES {
                    return files;
                }
            }
        }
        level = next;
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with `nodes/echo.py`, `cmd/raft/main.go` and `top.py`. It is removed when the value is dropped.
    struct Package(PathBuf);

    impl Package {
        fn new(name: &str) -> Package {
            let root = std::env::temp_dir().join(format!("maelstrom-paths-{name}-{}", std::process::id()));
            for file in ["nodes/echo.py", "cmd/raft/main.go", "top.py", "target/nodes/ecko.py"] {
                let file = root.join(file);
                fs::create_dir_all(file.parent().expect("the path has a parent")).expect("the directory is writable");
                fs::write(file, "").expect("the directory is writable");
            }
            Package(root)
        }

        fn lost(&self, cwd: WorkingDirectory, args: &[&str]) -> Vec<String> {
            let args = args.iter().map(Into::into).collect();
            let program = Program { path: "sh".into(), args, base: Some(self.0.clone()), ..Program::default() };
            let program = program.resolve(cwd).expect("there is a shell");
            let lost = lost_paths(&program, cwd).into_iter().map(|lost| format!("{}; help: {}", lost.wrong, lost.help));
            lost.map(|text| text.replace(&*self.0.to_string_lossy(), "/pkg")).collect()
        }
    }

    impl Drop for Package {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_similar_file_is_suggested_for_a_missing_file() {
        let package = Package::new("missing");
        let lost = |args: &[&str]| package.lost(WorkingDirectory::Node, args);
        let no = |word: &str| {
            format!("the package (/pkg) has no file `{word}`; each node runs in its own directory; help: ")
        };
        assert_eq!(lost(&["nodes/ecko.py"]), [no("nodes/ecko.py") + "did you mean `nodes/echo.py`?"]);
        assert_eq!(lost(&["node/echo.py"]), [no("node/echo.py") + "did you mean `nodes/echo.py`?"]);
        assert_eq!(lost(&["tpo.py"]), [no("tpo.py") + "did you mean `top.py`?"]);
        assert_eq!(
            lost(&["-c", "exec python3 ./nodes/ecko.py"]),
            [no("./nodes/ecko.py") + "did you mean `nodes/echo.py`?"]
        );
        let far = no("a/quite/different.rb") + "correct the path, which is relative to the root of the package";
        assert_eq!(lost(&["a/quite/different.rb"]), [far]);
        let shared = "the package (/pkg) has no file `nodes/ecko.py`; help: did you mean `nodes/echo.py`?";
        assert_eq!(package.lost(WorkingDirectory::Package, &["nodes/ecko.py"]), [shared]);
    }

    #[test]
    fn paths_in_other_notations_cause_a_hint_to_set_the_working_directory() {
        let package = Package::new("notations");
        let hint = |word: &str| {
            format!(
                "`{word}` is in the package, but each node runs in its own directory; \
                 help: set `cwd = \"package\"` (on the command line: `--cwd package`)"
            )
        };
        for (args, word) in [
            (["run", "cmd/raft"], "cmd/raft"),
            (["run", "."], "."),
            (["-m", "nodes.echo"], "nodes.echo"),
            (["-c", "exec python3 'nodes/echo.py'"], "nodes/echo.py"),
        ] {
            assert_eq!(package.lost(WorkingDirectory::Node, &args), [hint(word)]);
            assert_eq!(package.lost(WorkingDirectory::Package, &args), [""; 0]);
        }
    }

    #[test]
    fn other_arguments_cause_no_hint() {
        let package = Package::new("others");
        let args =
            ["nodes/echo.py", "--file=a/b.py", "key/value", "http://x/y.py", "3.5", "/no/such.py", "-m", "http.server"];
        assert_eq!(package.lost(WorkingDirectory::Node, &args), [""; 0]);
    }
}
