//! The lists that reads returned, as a tree of prefixes.
//!
//! A node stands for a list: the elements on the path from the root of its key. Equal lists are the same node. A list is
//! a prefix of another one if it is an ancestor. In a correct history, all lists of a key lie on one path.
//!
//! ```text
//!     [] ──► [1] ──► [1 2] ──► [1 2 3]      reads of a correct history
//!              └───► [1 3]                  a read in an incompatible order
//! ```

use crate::json::Value;
use rustc_hash::FxHashMap;

use crate::entries::NONE;
use crate::txn::store::{Answers, ValueTable};

/// A list: the list of its parent, and one more element.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct TreeNode {
    /// The list without its last element; [`NONE`] for the empty list.
    pub(super) parent: u32,
    /// The last element; [`NONE`] for the empty list.
    pub(super) version: u32,
    /// The number of elements.
    pub(super) depth: u32,
    /// Whether the list holds its last element twice.
    pub(super) repeats: bool,
}

/// All lists that were read, and their prefixes.
#[derive(Default)]
pub(in crate::txn) struct PrefixTree {
    pub(super) nodes: Vec<TreeNode>,
    root_of: FxHashMap<u32, u32>,
    /// By node, its first child.
    first_child: Vec<u32>,
    /// By parent and value, the children other than the first. Correct histories have none.
    siblings: FxHashMap<(u32, u32), u32>,
    /// By version, the first node that ends in it.
    first_node_of: Vec<u32>,
}

impl Answers for PrefixTree {
    const WRITE: &'static str = "append";
    const NULL_IS_INITIAL: bool = false;

    fn number(&mut self, key: u32, answer: &Value, values: &mut ValueTable) -> Option<u32> {
        let elements = match answer {
            Value::Null => &[],
            Value::Array(elements) => elements.as_slice(),
            _ => return None,
        };
        let mut node = self.root(key);
        for element in elements {
            let value = values.interner.id(element);
            node = self.child(node, key, value, values);
        }
        Some(node)
    }

    fn answer(&self, number: u32, values: &ValueTable) -> Value {
        Value::Array(self.elements(number).into_iter().map(|version| values.value_json(version)).collect())
    }

    fn close(&mut self) {
        self.first_child = Vec::new();
    }
}

impl PrefixTree {
    fn root(&mut self, key: u32) -> u32 {
        *self.root_of.entry(key).or_insert_with(|| {
            self.nodes.push(TreeNode { parent: NONE, version: NONE, depth: 0, repeats: false });
            self.first_child.push(NONE);
            self.nodes.len() as u32 - 1
        })
    }

    /// The empty list of a key, if any list of the key was read.
    pub(super) fn root_of(&self, key: u32) -> Option<u32> {
        self.root_of.get(&key).copied()
    }

    fn child(&mut self, parent: u32, key: u32, value: u32, values: &mut ValueTable) -> u32 {
        let first = self.first_child[parent as usize];
        if first != NONE && values.versions[self.nodes[first as usize].version as usize].value == value {
            return first;
        }
        if first != NONE
            && let Some(sibling) = self.siblings.get(&(parent, value))
        {
            return *sibling;
        }
        let version = values.version(key, value);
        let child = self.nodes.len() as u32;
        let repeats = self.is_in_tree(version) && self.elements(parent).contains(&version);
        self.first_node_of.resize(values.versions.len().max(self.first_node_of.len()), NONE);
        if self.first_node_of[version as usize] == NONE {
            self.first_node_of[version as usize] = child;
        }
        let depth = self.nodes[parent as usize].depth + 1;
        self.nodes.push(TreeNode { parent, version, depth, repeats });
        self.first_child.push(NONE);
        if first == NONE {
            self.first_child[parent as usize] = child;
        } else {
            self.siblings.insert((parent, value), child);
        }
        child
    }

    /// Whether some read returned the version.
    pub(super) fn is_in_tree(&self, version: u32) -> bool {
        self.first_node_of.get(version as usize).is_some_and(|node| *node != NONE)
    }

    /// The versions of a list, in order.
    pub(super) fn elements(&self, node: u32) -> Vec<u32> {
        let mut elements: Vec<u32> = self.ancestors(node).map(|node| self.nodes[node as usize].version).collect();
        elements.reverse();
        elements
    }

    /// The node and its ancestors, without the empty list.
    pub(super) fn ancestors(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let nonempty = |node: u32| Some(node).filter(|node| self.nodes[*node as usize].version != NONE);
        std::iter::successors(nonempty(node), move |node| nonempty(self.nodes[*node as usize].parent))
    }

    /// Whether a list holds a version.
    pub(super) fn holds(&self, node: u32, version: u32) -> bool {
        // In a tree that is a single path, a list holds a version only if it is at least as long as the version's first.
        let Some(first) = self.first_node_of.get(version as usize).filter(|first| **first != NONE) else {
            return false;
        };
        let shallow = self.siblings.is_empty() && self.nodes[*first as usize].depth > self.nodes[node as usize].depth;
        !shallow && self.ancestors(node).any(|above| self.nodes[above as usize].version == version)
    }
}
