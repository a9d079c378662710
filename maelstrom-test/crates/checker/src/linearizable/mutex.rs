//! A mutex as a register: what its operations do, and how people speak of it.

use std::sync::LazyLock;

use super::problem::{Action, Operation};
use super::reduce::Proof;
use super::register::Register;
use crate::json::Value;

/// The value of a register that stands for a mutex nobody holds.
pub(super) static FREE: LazyLock<Value> = LazyLock::new(|| "free".into());
/// The value of a register that stands for a mutex somebody holds.
static HELD: LazyLock<Value> = LazyLock::new(|| "held".into());

/// What a function expects of a mutex, and what it makes of it.
pub(super) fn values(f: &str) -> Result<(&'static Value, &'static Value), &'static str> {
    match f {
        "acquire" => Ok((&FREE, &HELD)),
        "release" => Ok((&HELD, &FREE)),
        _ => Err("a mutex has only the functions acquire and release"),
    }
}

/// The function of an operation on a mutex.
pub(super) fn function(register: &Register<'_>, action: Action) -> &'static str {
    let expected = action.observes().and_then(|state| register.value(state));
    if expected == Some(&*FREE) { "acquire" } else { "release" }
}

/// Says what is wrong with the operation that could not return, and the same without what differs between runs.
pub(super) fn story(register: &Register<'_>, stuck: Operation, who: &str) -> (String, String) {
    let (what, state) = match function(register, stuck.action) {
        "acquire" => ("an acquire", "held"),
        _ => ("a release", "free"),
    };
    let verb = if state == "held" { "acquired" } else { "released" };
    (
        format!("{what} of {who} succeeded, although the mutex was {state}"),
        format!("the mutex was {verb} while it was {state}"),
    )
}

/// Why nothing explains the operation, where the operations of the proof are few.
pub(super) fn because(register: &Register<'_>, proof: &Proof, stuck: Operation) -> String {
    let others = || proof.problem.operations.iter().filter(|op| op.id != stuck.id);
    if others().any(|op| op.action.writes() == stuck.action.observes()) {
        return String::new();
    }
    let required = others().filter(|op| op.end.is_some()).count();
    match (function(register, stuck.action), required) {
        ("release", 0) => "no acquire had begun before".into(),
        ("release", 1) => "there was another release, and no acquire between the two".into(),
        ("acquire", 1) => "there was another acquire, and no release between the two".into(),
        _ => String::new(),
    }
}
