//! Rules of this workspace that the compiler cannot keep by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use maelstrom_e2e::{repository, run};
use serde_json::Value;

/// Crates that do no I/O: what they compute depends on nothing but their input.
const PURE: [&str; 5] =
    ["maelstrom-options", "maelstrom-random", "maelstrom-protocol", "maelstrom-checker", "maelstrom-core"];

/// What a pure crate must not do. Each line is an expression.
const FORBIDDEN: &[&str] = &[
    "std::time::Instant::now()",
    "std::time::SystemTime::now()",
    "std::thread::spawn(|| ())",
    "std::thread::sleep(std::time::Duration::ZERO)",
    "std::fs::File::open(\"x\")",
    "std::fs::read(\"x\")",
    "std::fs::write(\"x\", \"\")",
    "std::path::Path::new(\"x\").exists()",
    "std::env::var(\"X\")",
    "std::env::args()",
    "std::env::current_dir()",
    "std::process::id()",
    "std::process::Command::new(\"x\")",
    "std::net::TcpStream::connect(\"127.0.0.1:1\")",
    "std::io::stdin()",
    "println!()",
    "eprintln!()",
    "std::hash::RandomState::new()",
    "std::collections::HashMap::<u8, u8>::new()",
];

fn cargo(directory: &Path, arguments: &[&str]) -> maelstrom_e2e::Printed {
    run(Command::new("cargo").args(arguments).current_dir(directory).env("CARGO_TERM_COLOR", "never"))
}

fn crates() -> PathBuf {
    repository().join("maelstrom-test/crates")
}

#[test]
fn pure_crates_refuse_clocks_files_threads_and_the_environment() {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pure-crate");
    fs::create_dir_all(package.join("src")).unwrap();
    fs::copy(crates().join("clippy.toml"), package.join("clippy.toml")).unwrap();
    let manifest = "[package]\nname = \"pure-crate\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    let function = |(i, expression): (usize, &&str)| format!("pub fn f{i}() {{ let _ = {expression}; }}\n");
    let source: String = FORBIDDEN.iter().enumerate().map(function).collect();
    fs::write(package.join("src/lib.rs"), source).unwrap();

    let target = package.join("target");
    let target = target.to_string_lossy();
    let arguments = ["clippy", "--offline", "--message-format", "short", "--target-dir", &target];
    let printed = cargo(&package, &arguments).expect_status(0);
    let refused = |i: usize| {
        let place = format!("src/lib.rs:{}:", i + 1);
        printed.stderr.lines().any(|line| line.starts_with(&place) && line.contains("disallowed"))
    };
    let allowed: Vec<&&str> = FORBIDDEN.iter().enumerate().filter(|(i, _)| !refused(*i)).map(|(_, it)| it).collect();
    assert!(allowed.is_empty(), "not refused: {allowed:?}\n{}", printed.stderr);
}

#[test]
fn pure_crates_obey_the_common_rules() {
    for name in PURE {
        let own = crates().join(name.trim_start_matches("maelstrom-")).join("clippy.toml");
        assert!(!own.exists(), "{} would replace the rules that hold for pure crates", own.display());
    }
}

#[test]
fn pure_crates_depend_on_nothing_that_does_io() {
    let allowed: BTreeSet<&str> = [
        "cfg-if",
        "equivalent",
        "foldhash",
        "hashbrown",
        "itoa",
        "libm",
        "memchr",
        "num-traits",
        "petgraph",
        "rand",
        "rand_core",
        "rand_distr",
        "rand_xoshiro",
        "rustc-hash",
        "serde",
        "serde_core",
        "serde_json",
        "slab",
        "strsim",
        "thiserror",
        "zmij",
        "fixedbitset",
        "indexmap",
    ]
    .into_iter()
    .chain(PURE)
    .collect();
    for name in PURE {
        let found = dependencies(name);
        let others: Vec<&String> = found.iter().filter(|name| !allowed.contains(name.as_str())).collect();
        assert!(others.is_empty(), "{name} depends on {others:?}: do they read clocks or files, or start threads?");
    }
}

#[test]
fn a_node_program_builds_few_crates() {
    let found = dependencies("maelstrom-node");
    assert!(found.len() <= 11, "a program on maelstrom-node builds {} crates besides its own: {found:?}", found.len());
}

/// All crates that a package is linked with or uses for macros, itself included, except those that only macros need.
fn dependencies(package: &str) -> BTreeSet<String> {
    let target = ["--target", "x86_64-unknown-linux-gnu"];
    let arguments = ["tree", "--offline", "-e", "normal,no-proc-macro", "--prefix", "none", "-p", package];
    let tree = cargo(repository(), &[&arguments[..], &target].concat()).expect_status(0).stdout;
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn no_file_is_a_symbolic_link() {
    let listed = run(Command::new("git").args(["ls-files", "--stage"]).current_dir(repository()));
    if listed.status != Some(0) {
        println!("skipped: this is no checkout of Git");
        return;
    }
    let links: Vec<&str> = listed.stdout.lines().filter(|line| line.starts_with("120000")).collect();
    assert!(links.is_empty(), "these break checkouts with core.symlinks=false: {links:?}");
}

/// What other packages need in order to use a package that was published.
#[test]
fn packages_are_complete() {
    let metadata = cargo(repository(), &["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata.expect_status(0).stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let public: BTreeMap<&str, &Value> = packages
        .iter()
        .filter(|package| package["publish"].is_null())
        .map(|package| (package["name"].as_str().unwrap(), package))
        .collect();
    assert_eq!(public.len(), 9, "{:?}", public.keys());
    for (name, package) in public {
        for key in ["description", "license", "readme", "rust_version"] {
            assert!(package[key].is_string(), "{name} lacks {key}");
        }
        for key in ["keywords", "categories"] {
            assert!(package[key].as_array().is_some_and(|list| !list.is_empty()), "{name} lacks {key}");
        }
        assert_eq!(package["metadata"]["docs"]["rs"]["all-features"], true, "{name}: documentation shows all features");
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let [ours, original] = [folder.join(file), repository().join(file)].map(fs::read);
            assert!(ours.is_ok_and(|ours| original.is_ok_and(|original| ours == original)), "{name}: {file}");
        }
    }
}

/// The modules of the library, each of which may use those before it.
const MODULES: [&str; 5] = ["executor", "report", "scenario", "runner", "cli"];

#[test]
fn modules_of_the_library_use_only_those_before_them() {
    let source = repository().join("maelstrom-test/src");
    let uses = uses(&source, &MODULES);
    let position = |name: &str| MODULES.iter().position(|module| *module == name);
    let backward: Vec<_> = uses.iter().filter(|(from, to)| position(from) < position(to)).collect();
    assert!(backward.is_empty(), "these modules use later ones: {backward:?}");
}

/// Folders whose sub-modules must not depend on one another in a circle.
const FOLDERS: [&str; 4] = [
    "maelstrom-test/crates/checker/src/txn",
    "maelstrom-test/crates/core/src",
    "maelstrom-test/crates/core/src/simulation/state",
    "maelstrom-test/crates/virtual-time/src",
];

#[test]
fn modules_do_not_depend_on_one_another_in_a_circle() {
    for folder in FOLDERS.map(|folder| repository().join(folder)) {
        let modules = modules(&folder);
        let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
        let mut uses = uses(&folder, &modules);
        assert!(!uses.is_empty(), "{}: no use was found, so the search is wrong", folder.display());
        // Take away those that use nothing, again and again. What is left then is a circle, or uses one.
        loop {
            let free = |name: &str| !uses.iter().any(|(from, _)| from == name);
            let kept: BTreeSet<_> = uses.iter().filter(|(_, to)| !free(to)).cloned().collect();
            if kept.len() == uses.len() {
                break;
            }
            uses = kept;
        }
        assert!(uses.is_empty(), "{}: these modules depend on one another in a circle: {uses:?}", folder.display());
    }
}

/// The sub-modules of a folder: its folders, and its files if it has no folders.
fn modules(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let names: Vec<String> = if folders.is_empty() { &files } else { &folders }.iter().map(stem).collect();
    names.into_iter().filter(|name| !["mod", "lib", "tests"].contains(&name.as_str())).collect()
}

/// Which module of a folder mentions which other one: `super::name` and `crate::…::name`, outside tests.
fn uses(folder: &Path, modules: &[&str]) -> BTreeSet<(String, String)> {
    let mut uses = BTreeSet::new();
    for from in modules {
        for text in sources(&folder.join(from)).into_iter().chain(fs::read_to_string(folder.join(format!("{from}.rs"))))
        {
            let code: String = text.split("#[cfg(test)]").next().unwrap_or_default().lines().filter(is_code).collect();
            for to in modules.iter().filter(|to| *to != from) {
                let mentions = code.match_indices(&format!("{to}::")).any(|(at, _)| {
                    let before = &code[..at];
                    before.ends_with("super::") || before.ends_with("crate::") || before.ends_with("txn::")
                });
                if mentions {
                    uses.insert((from.to_string(), to.to_string()));
                }
            }
        }
    }
    uses
}

fn is_code(line: &&str) -> bool {
    !line.trim_start().starts_with("//")
}

/// The texts of all source files in a folder, tests excepted.
fn sources(folder: &Path) -> Vec<String> {
    files(folder).into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// All source files below a folder, tests excepted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "target"].contains(&name.as_str()) {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            found.push(path);
        }
    }
    found
}

#[test]
fn unsafe_code_stays_where_processes_are_made() {
    let allowed = ["maelstrom-test/src/executor", "maelstrom-test/crates/virtual-time/src", "maelstrom-test/benches"];
    let allows = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(concat!("allow(", "unsafe_code"));
    let mut places: Vec<PathBuf> = files(repository()).into_iter().filter(allows).collect();
    assert!(!places.is_empty(), "nothing was found, so the search is wrong");
    places.retain(|path| !allowed.iter().any(|folder| path.starts_with(repository().join(folder))));
    assert!(places.is_empty(), "unsafe code outside of executors: {places:?}");
}

/// The table of invariants in ARCHITECTURE.md names tests and files. They exist.
#[test]
fn what_keeps_the_invariants_exists() {
    let page = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = page.split_once("| invariant | kept by |").expect("there is a table of invariants");
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 10, "{} rows", rows.len());
    let all = files(repository());
    let tests = files_of_tests(repository());
    let text: String = all.iter().chain(&tests).map(|path| fs::read_to_string(path).unwrap()).collect();
    for row in rows {
        let kept_by = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = kept_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || kept_by.contains("Cargo"), "{row}");
        for name in names {
            let exists = if let Some(beginning) = name.strip_suffix('…') {
                text.contains(&format!("fn {beginning}"))
            } else if name.contains(['/', '.']) {
                let ends =
                    |path: &PathBuf| path.to_string_lossy().contains(&format!("/{}", name.trim_end_matches('/')));
                all.iter().chain(&tests).any(ends) || repository().join(name).exists() || crates().join(name).exists()
            } else {
                text.contains(&format!("fn {name}()")) || page.contains(&format!("| `{name}` |")) || text.contains(name)
            };
            assert!(exists, "{name} does not exist: {row}");
        }
    }
}

/// All files of tests: those that [`files`] leaves out.
fn files_of_tests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name == "tests" {
            found.extend(files(&path));
            found.extend(files_of_tests(&path));
        } else if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(files_of_tests(&path));
        } else if name == "tests" {
            found.push(path);
        }
    }
    found
}
