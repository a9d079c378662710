//! The environment variables that nodes inherit from this process.
//!
//! | clock | variables |
//! | --- | --- |
//! | real time | all |
//! | virtual time | `PATH`, `HOME`, `LANG=C.UTF-8`, [`PASSED_ON`], and those that are passed by name |
//!
//! In virtual time, a run must not depend on the machine, so other variables are not inherited. The variables that are passed
//! to nodes are part of the stored scenario. A replay uses the stored values.

use std::ffi::OsString;

/// The variables that nodes in virtual time inherit. Programs need them to start, or to produce diagnostics. A name with a
/// final `*` is a prefix.
pub const PASSED_ON: [&str; 15] = [
    "RUST_LOG",
    "RUST_BACKTRACE",
    "GODEBUG",
    "GOTRACEBACK",
    "PYTHON*",
    "VIRTUAL_ENV",
    "NODE_*",
    "JAVA_*",
    "GEM_*",
    "RUBY*",
    "BUNDLE_*",
    "ERL_*",
    "LD_LIBRARY_PATH",
    "DEBUG",
    "LOG_LEVEL",
];

/// Whether nodes in virtual time inherit a variable with this name.
///
/// ```
/// use maelstrom::scenario::is_passed_on;
/// assert!(is_passed_on("RUST_LOG") && is_passed_on("PYTHONPATH"));
/// assert!(!is_passed_on("RUST_LOGS") && !is_passed_on("AWS_SECRET_ACCESS_KEY"));
/// ```
pub fn is_passed_on(name: &str) -> bool {
    PASSED_ON.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *known,
    })
}

/// Returns the variables of this process that nodes in virtual time inherit, sorted by name.
pub(super) fn passed_on() -> Vec<(OsString, OsString)> {
    let mut variables: Vec<_> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_passed_on)).collect();
    variables.sort();
    variables
}

/// Describes the differences between the environment of a stored run and that of this process, one variable at a time.
#[cfg(feature = "cli")]
pub(crate) fn differences(stored: &[(String, String)]) -> Vec<String> {
    let was = |name: &str| stored.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut differences = Vec::new();
    for (name, value) in stored.iter().filter(|(name, _)| is_passed_on(name)) {
        match std::env::var(name) {
            Ok(now) if now == *value => {}
            Ok(now) => differences.push(format!("{name} was {value:?} in the stored run and is now {now:?}")),
            Err(_) => differences.push(format!("{name} was {value:?} in the stored run and is now unset")),
        }
    }
    for (name, _) in passed_on() {
        let name = name.to_string_lossy();
        if was(&name).is_none() {
            differences.push(format!("{name} was not set in the stored run"));
        }
    }
    differences
}
