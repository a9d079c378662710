//! Which of the workbench's own environment variables nodes get.
//!
//! In real time a node inherits all of them, as every child process does. In virtual time a run must be the same on another
//! day and another machine, so a node gets `PATH`, `HOME`, `LANG=C.UTF-8` and what is listed here; any other variable has to
//! be passed on by name. What was passed on is a part of the stored scenario, and a replay uses the stored values.

use std::ffi::OsString;

/// Variables that programs need to start, or to say more about what they do. A name that ends with `*` stands for all that
/// begin with it.
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

/// Whether nodes get a variable of this name without being told so.
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

/// The variables of this process that nodes get, sorted by name.
pub(super) fn passed_on() -> Vec<(OsString, OsString)> {
    let mut variables: Vec<_> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_passed_on)).collect();
    variables.sort();
    variables
}

/// How the present environment differs from the variables of a stored run: a sentence for each variable.
#[cfg(feature = "cli")]
pub(crate) fn differences(stored: &[(String, String)]) -> Vec<String> {
    let was = |name: &str| stored.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut sentences = Vec::new();
    for (name, value) in stored.iter().filter(|(name, _)| is_passed_on(name)) {
        match std::env::var(name) {
            Ok(now) if now == *value => {}
            Ok(now) => sentences.push(format!("{name} was {value:?} in the stored run, and is {now:?} now")),
            Err(_) => sentences.push(format!("{name} was {value:?} in the stored run, and is not set now")),
        }
    }
    for (name, _) in passed_on() {
        let name = name.to_string_lossy();
        if was(&name).is_none() {
            sentences.push(format!("{name} was not set in the stored run"));
        }
    }
    sentences
}
