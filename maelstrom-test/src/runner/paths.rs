//! Where things are at run time: a test program may run on another machine than the one that compiled it
//! (`cargo nextest archive`).

use std::path::{Path, PathBuf};

use crate::scenario;

/// A binary of the package: where cargo-nextest says that it is, else where cargo said.
pub(super) fn binary(name: &str, compiled: &str) -> PathBuf {
    let variable = |name: &str| std::env::var_os(format!("NEXTEST_BIN_EXE_{name}"));
    let found = variable(name).or_else(|| variable(&name.replace('-', "_")));
    found.map_or_else(|| compiled.into(), PathBuf::from)
}

/// The package's directory: the one at compile time, else the one that cargo names at run time.
pub(super) fn package_directory(compiled: &str) -> PathBuf {
    existing(compiled, std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from))
}

/// The compiler's directory if it is there, else the one at run time.
fn existing(compiled: &str, now: Option<PathBuf>) -> PathBuf {
    let compiled = PathBuf::from(compiled);
    if compiled.is_dir() { compiled } else { now.unwrap_or(compiled) }
}

/// The folder of all runs: what `MAELSTROM_OUTPUT` says, else `maelstrom` in cargo's target directory.
pub(super) fn output(temporary: Option<&str>) -> PathBuf {
    scenario::named_output().unwrap_or_else(|| target_directory(temporary).join("maelstrom"))
}

fn target_directory(temporary: Option<&str>) -> PathBuf {
    let of_temporary = temporary.map(Path::new).filter(|path| path.is_dir()).and_then(Path::parent);
    of_temporary.map_or_else(scenario::target_directory, Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_found_from_the_program_too() {
        let target = target_directory(None);
        assert!(std::env::current_exe().expect("we run").starts_with(&target));
        assert_eq!(target_directory(Some("/no/such/directory/tmp")), target);
        let temporary = target.join("debug");
        assert_eq!(target_directory(temporary.to_str()), target);
    }

    #[test]
    fn directories_of_another_machine_are_replaced() {
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(package_directory(here), Path::new(here));
        assert_eq!(existing("/no/such/directory", Some(here.into())), Path::new(here));
        assert_eq!(existing("/no/such/directory", None), Path::new("/no/such/directory"));
    }
}
