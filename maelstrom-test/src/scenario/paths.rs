//! Relative paths among the arguments of a node program that the node cannot find, and what to do about them.
//!
//! [`Program::resolve`] makes a path absolute if a whole argument is one (`python3 nodes/echo.py`). It does not understand
//! programs' own notations: `go run ../x`, `python3 -m nodes.echo`, `sh -c "exec python3 nodes/echo.py"`. This module
//! recognises them after the fact, when a node has ended without a word. It guesses, so nothing depends on it.

use std::fs;
use std::path::{Path, PathBuf};

use super::config::WorkingDirectory;
use super::program::Program;
use super::store::STORE;
use crate::suggest::closest;

/// How many files are looked at to find the one that was meant.
const MOST_FILES: usize = 2_000;
/// How deep below the package's root they may be.
const MOST_LEVELS: usize = 4;
/// How many paths are reported.
const MOST_REPORTED: usize = 2;

/// A relative path that a node did not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LostPath {
    /// What is wrong.
    pub(super) wrong: String,
    /// What to do.
    pub(super) help: String,
}

/// The relative paths that a node of this resolved program probably did not find.
pub(super) fn lost_paths(program: &Program, cwd: WorkingDirectory) -> Vec<LostPath> {
    let base = program.base.clone().unwrap_or_default();
    let own = match cwd {
        WorkingDirectory::Node => "; nodes run in a directory of their own",
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
            let meant = file_meant(&base, word);
            if !word.contains('/') && meant.is_none() {
                continue;
            }
            lost.extend(has_short_extension(word).then(|| LostPath {
                wrong: format!("no `{word}` in the package ({}){own}", base.display()),
                help: match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "correct the path; it is relative to the package's root".into(),
                },
            }));
        }
    }
    lost.truncate(MOST_REPORTED);
    lost
}

fn in_package(word: &str) -> LostPath {
    LostPath {
        wrong: format!("`{word}` is in the package, and nodes run in a directory of their own"),
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

/// Whether Python finds a module of this name below a directory.
fn is_module(base: &Path, name: &str) -> bool {
    let path = base.join(name.replace('.', "/"));
    path.is_dir() || path.with_extension("py").is_file()
}

/// The file of the package whose path is most like this one, if one is like it at all.
fn file_meant(base: &Path, word: &str) -> Option<String> {
    let files = files_below(base);
    let names: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix(base).ok()?.to_str()).collect();
    let word = word.strip_prefix("./").unwrap_or(word);
    closest(word, names).map(str::to_owned)
}

/// Files below a directory in order, as far as people write them themselves.
fn files_below(base: &Path) -> Vec<PathBuf> {
    const OTHERS: [&str; 5] = ["target", "node_modules", STORE, "vendor", "__pycache__"];
    let mut files = Vec::new();
    let mut level = vec![base.to_path_buf()];
    for _ in 0..MOST_LEVELS {
        let mut next = Vec::new();
        for directory in level {
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if name.is_empty() || name.starts_with('.') || OTHERS.contains(&name) {
                    continue;
                }
                if path.is_dir() {
                    next.push(path);
                } else {
                    files.push(path);
                }
                if files.len() >= MOST_FILES {
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

    /// A package with `nodes/echo.py`, `cmd/raft/main.go` and `top.py`; removed at the end.
    struct Package(PathBuf);

    impl Package {
        fn new(name: &str) -> Package {
            let root = std::env::temp_dir().join(format!("maelstrom-paths-{name}-{}", std::process::id()));
            for file in ["nodes/echo.py", "cmd/raft/main.go", "top.py", "target/nodes/ecko.py"] {
                let file = root.join(file);
                fs::create_dir_all(file.parent().expect("a directory")).expect("there is room");
                fs::write(file, "").expect("there is room");
            }
            Package(root)
        }

        fn lost(&self, cwd: WorkingDirectory, args: &[&str]) -> Vec<String> {
            let args = args.iter().map(Into::into).collect();
            let program = Program { path: "sh".into(), args, base: Some(self.0.clone()), ..Program::default() };
            let program = program.resolve(cwd).expect("a shell");
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
    fn files_that_do_not_exist_are_named_with_the_one_that_was_meant() {
        let package = Package::new("missing");
        let lost = |args: &[&str]| package.lost(WorkingDirectory::Node, args);
        let no =
            |word: &str| format!("no `{word}` in the package (/pkg); nodes run in a directory of their own; help: ");
        assert_eq!(lost(&["nodes/ecko.py"]), [no("nodes/ecko.py") + "did you mean `nodes/echo.py`?"]);
        assert_eq!(lost(&["node/echo.py"]), [no("node/echo.py") + "did you mean `nodes/echo.py`?"]);
        assert_eq!(lost(&["tpo.py"]), [no("tpo.py") + "did you mean `top.py`?"]);
        assert_eq!(
            lost(&["-c", "exec python3 ./nodes/ecko.py"]),
            [no("./nodes/ecko.py") + "did you mean `nodes/echo.py`?"]
        );
        let far = no("a/quite/different.rb") + "correct the path; it is relative to the package's root";
        assert_eq!(lost(&["a/quite/different.rb"]), [far]);
        let shared = "no `nodes/ecko.py` in the package (/pkg); help: did you mean `nodes/echo.py`?";
        assert_eq!(package.lost(WorkingDirectory::Package, &["nodes/ecko.py"]), [shared]);
    }

    #[test]
    fn paths_in_notations_of_programs_ask_for_the_package_as_working_directory() {
        let package = Package::new("notations");
        let said = |word: &str| {
            format!(
                "`{word}` is in the package, and nodes run in a directory of their own; \
                 help: set `cwd = \"package\"` (on the command line: `--cwd package`)"
            )
        };
        for (args, word) in [
            (["run", "cmd/raft"], "cmd/raft"),
            (["run", "."], "."),
            (["-m", "nodes.echo"], "nodes.echo"),
            (["-c", "exec python3 'nodes/echo.py'"], "nodes/echo.py"),
        ] {
            assert_eq!(package.lost(WorkingDirectory::Node, &args), [said(word)]);
            assert_eq!(package.lost(WorkingDirectory::Package, &args), [""; 0]);
        }
    }

    #[test]
    fn other_arguments_are_left_alone() {
        let package = Package::new("others");
        let args =
            ["nodes/echo.py", "--file=a/b.py", "key/value", "http://x/y.py", "3.5", "/no/such.py", "-m", "http.server"];
        assert_eq!(package.lost(WorkingDirectory::Node, &args), [""; 0]);
    }
}
