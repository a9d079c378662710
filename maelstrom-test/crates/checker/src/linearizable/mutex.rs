//! A mutex as a register: what its operations do, and how they are explained.

use std::sync::LazyLock;

use super::problem::{Action, Operation};
use super::reduce::Proof;
use super::register::Register;
use crate::json::Value;

/// The value of a register that represents a free mutex.
pub(super) static FREE: LazyLock<Value> = LazyLock::new(|| "free".into());
/// The value of a register that represents a mutex that is held.
static HELD: LazyLock<Value> = LazyLock::new(|| "held".into());

/// The state of a mutex that a function expects, and the state after it.
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

/// The story and the shape of the operation that could not return.
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

/// Why no order explains the operation, if the proof has few operations.
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
