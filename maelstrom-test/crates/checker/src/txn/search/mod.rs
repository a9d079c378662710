//! From a dependency graph to the cycles in it.

pub(in crate::txn) mod batch;
pub(in crate::txn) mod components;
pub(crate) mod cycles;
pub(in crate::txn) mod landmarks;
pub(in crate::txn) mod reachability;
pub(in crate::txn) mod tarjan;
pub(in crate::txn) mod walk;
