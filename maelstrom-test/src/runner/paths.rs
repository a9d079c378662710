//! Paths at run time. They can differ from the paths at compile time, because a test program may run on another machine
//! (`cargo nextest archive`).

use std::path::{Path, PathBuf};

use crate::scenario;

/// Returns the path of a binary of the package: the one that cargo-nextest sets, otherwise the one at compile time.
pub(super) fn binary(name: &str, compiled: &str) -> PathBuf {
    let variable = |name: &str| std::env::var_os(format!("NEXTEST_BIN_EXE_{name}"));
    let found = variable(name).or_else(|| variable(&name.replace('-', "_")));
    found.map_or_else(|| compiled.into(), PathBuf::from)
}

/// Returns the directory of the package: the one at compile time if it exists, otherwise the one that cargo sets at run time.
pub(super) fn package_directory(compiled: &str) -> PathBuf {
    existing(compiled, std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from))
}

fn existing(compiled: &str, at_run_time: Option<PathBuf>) -> PathBuf {
    let compiled = PathBuf::from(compiled);
    if compiled.is_dir() { compiled } else { at_run_time.unwrap_or(compiled) }
}

/// Returns the directory of all runs: `MAELSTROM_OUTPUT`, otherwise `maelstrom` in cargo's target directory.
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
    fn the_target_directory_is_found_without_a_temporary_directory() {
        let target = target_directory(None);
        assert!(std::env::current_exe().expect("a test program has a path").starts_with(&target));
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
