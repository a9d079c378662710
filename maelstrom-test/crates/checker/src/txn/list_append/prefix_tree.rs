//! Lists that reads returned, as a prefix tree.
//!
//! A state of a key is a path from the key's root: the list of elements along it. Equal lists are the same state, one
//! list is a prefix of another if it is an ancestor of it, and all lists of a correct history lie on one path.

use crate::json::Value;
use rustc_hash::FxHashMap;

use crate::entries::NONE;
use crate::txn::store::{Answers, Names};

/// A list: its last element after its parent's.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(in crate::txn) struct State {
    /// The list without its last element; [`NONE`] for the empty list.
    pub(in crate::txn) parent: u32,
    /// The last element; [`NONE`] for the empty list.
    pub(in crate::txn) version: u32,
    /// The number of elements.
    pub(in crate::txn) depth: u32,
    /// Whether the list holds its last element twice.
    pub(in crate::txn) repeats: bool,
}

/// All lists that were read.
#[derive(Default)]
pub(in crate::txn) struct Lists {
    pub(in crate::txn) states: Vec<State>,
    root_of: FxHashMap<u32, u32>,
    /// By state, the first child that it got.
    first_child: Vec<u32>,
    /// Children other than the first, by parent and value. Correct histories have none.
    siblings: FxHashMap<(u32, u32), u32>,
    /// The first state that ends in a version.
    first_state_of: Vec<u32>,
}

impl Answers for Lists {
    const WRITE: &'static str = "append";
    const NULL_IS_INITIAL: bool = false;

    fn number(&mut self, key: u32, answer: &Value, names: &mut Names) -> Option<u32> {
        let elements = match answer {
            Value::Null => &[],
            Value::Array(elements) => elements.as_slice(),
            _ => return None,
        };
        let mut state = self.root(key);
        for element in elements {
            let value = names.interner.id(element);
            state = self.child(state, key, value, names);
        }
        Some(state)
    }

    fn answer(&self, number: u32, names: &Names) -> Value {
        Value::Array(self.elements(number).into_iter().map(|version| names.value_json(version)).collect())
    }

    fn close(&mut self) {
        self.first_child = Vec::new();
    }
}

impl Lists {
    fn root(&mut self, key: u32) -> u32 {
        *self.root_of.entry(key).or_insert_with(|| {
            self.states.push(State { parent: NONE, version: NONE, depth: 0, repeats: false });
            self.first_child.push(NONE);
            self.states.len() as u32 - 1
        })
    }

    /// The empty list of a key that was read.
    pub(in crate::txn) fn root_of(&self, key: u32) -> Option<u32> {
        self.root_of.get(&key).copied()
    }

    fn child(&mut self, parent: u32, key: u32, value: u32, names: &mut Names) -> u32 {
        let first = self.first_child[parent as usize];
        if first != NONE && names.versions[self.states[first as usize].version as usize].value == value {
            return first;
        }
        if first != NONE
            && let Some(sibling) = self.siblings.get(&(parent, value))
        {
            return *sibling;
        }
        let version = names.version(key, value);
        let child = self.states.len() as u32;
        let repeats = self.is_in_tree(version) && self.elements(parent).contains(&version);
        self.first_state_of.resize(names.versions.len().max(self.first_state_of.len()), NONE);
        if self.first_state_of[version as usize] == NONE {
            self.first_state_of[version as usize] = child;
        }
        let depth = self.states[parent as usize].depth + 1;
        self.states.push(State { parent, version, depth, repeats });
        self.first_child.push(NONE);
        if first == NONE {
            self.first_child[parent as usize] = child;
        } else {
            self.siblings.insert((parent, value), child);
        }
        child
    }

    /// Whether any read returned this version.
    pub(in crate::txn) fn is_in_tree(&self, version: u32) -> bool {
        self.first_state_of.get(version as usize).is_some_and(|state| *state != NONE)
    }

    /// The versions of a list, in order.
    pub(in crate::txn) fn elements(&self, state: u32) -> Vec<u32> {
        let mut elements: Vec<u32> = self.up(state).map(|state| self.states[state as usize].version).collect();
        elements.reverse();
        elements
    }

    /// The state and the shorter ones on the way to the empty list, without that.
    pub(in crate::txn) fn up(&self, state: u32) -> impl Iterator<Item = u32> + '_ {
        let nonempty = |state: u32| Some(state).filter(|state| self.states[*state as usize].version != NONE);
        std::iter::successors(nonempty(state), move |state| nonempty(self.states[*state as usize].parent))
    }

    /// Whether a list holds a version.
    pub(in crate::txn) fn holds(&self, state: u32, version: u32) -> bool {
        // The version's first state is deeper than most lists that are asked about, which settles it.
        let Some(first) = self.first_state_of.get(version as usize).filter(|first| **first != NONE) else {
            return false;
        };
        let shallow =
            self.siblings.is_empty() && self.states[*first as usize].depth > self.states[state as usize].depth;
        !shallow && self.up(state).any(|above| self.states[above as usize].version == version)
    }
}
