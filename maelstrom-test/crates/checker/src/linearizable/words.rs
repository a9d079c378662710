//! Values and operations as text.

use std::collections::BTreeSet;

use crate::json::Value;
use maelstrom_protocol::compare_names;

use super::problem::{ANYTHING, Action, State, UNOBSERVED};
use super::register::Register;
use super::{Object, mutex};

/// The length of the longest value that is not shortened.
const MAX_CHARS: usize = 40;

/// The largest number of names that are listed.
const MAX_NAMES: usize = 5;

/// Names as text: `n1, n2 and n10`. Only some of many names are listed.
pub(super) fn names(names: BTreeSet<String>) -> String {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort_by(|a, b| compare_names(a, b));
    if names.len() > MAX_NAMES {
        let others = names.split_off(MAX_NAMES - 2).len();
        names.push(format!("{others} others"));
    }
    match names.as_slice() {
        [] => String::new(),
        [name] => name.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// A value as text; `absent` for null.
pub(super) fn json(value: &Value) -> String {
    if value.is_null() {
        return "absent".into();
    }
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A state as text.
pub(super) fn state(register: &Register<'_>, state: State) -> String {
    match register.value(state) {
        Some(Value::String(text)) if register.object == Object::Mutex => text.clone(),
        Some(value) => json(value),
        None if state == ANYTHING => "anything".into(),
        None => {
            debug_assert_eq!(state, UNOBSERVED);
            "something else".into()
        }
    }
}

/// An operation as text, with its key: `write 3 ← 2`, `read 3 → 1`, `cas 3: 1 → 2`.
pub(super) fn operation(register: &Register<'_>, id: usize) -> String {
    let Some(key) = register.key.map(json) else { return label(register, id) };
    match register.asked[id] {
        Action::Read(value) => format!("read {key} → {}", state(register, value)),
        Action::Write(value) => format!("write {key} ← {}", state(register, value)),
        Action::Cas(from, to) => format!("cas {key}: {} → {}", state(register, from), state(register, to)),
    }
}

/// An operation as text, without its key: `write 2`, `read → 1`, `cas 1 → 2`.
pub(super) fn label(register: &Register<'_>, id: usize) -> String {
    if register.object == Object::Mutex {
        return mutex::function(register, register.asked[id]).into();
    }
    match register.asked[id] {
        Action::Read(value) => format!("read → {}", state(register, value)),
        Action::Write(value) => format!("write {}", state(register, value)),
        Action::Cas(from, to) => format!("cas {} → {}", state(register, from), state(register, to)),
    }
}

/// An operation as part of a sentence: `the write of 2`.
pub(super) fn noun(register: &Register<'_>, id: usize) -> String {
    if register.object == Object::Mutex {
        return format!("the {}", mutex::function(register, register.asked[id]));
    }
    match register.asked[id] {
        Action::Read(value) => format!("the read of {}", state(register, value)),
        Action::Write(value) => format!("the write of {}", state(register, value)),
        Action::Cas(from, to) => {
            format!("the compare-and-set from {} to {}", state(register, from), state(register, to))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_of_many_names_are_listed() {
        let of = |count: usize| names((0..count).map(|number| format!("n{number}")).collect());
        assert_eq!([of(0), of(1), of(2), of(3)], ["", "n0", "n0 and n1", "n0, n1 and n2"]);
        assert_eq!(of(5), "n0, n1, n2, n3 and n4");
        assert_eq!(of(12), "n0, n1, n2 and 9 others");
    }
}
