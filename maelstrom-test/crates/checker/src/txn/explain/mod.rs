//! Transactions and proofs in words.

pub(in crate::txn) mod minimize;
pub(in crate::txn) mod transactions;
pub(in crate::txn) mod values;
