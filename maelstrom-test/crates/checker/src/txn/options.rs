//! The options of the checkers.

use std::collections::BTreeMap;

use crate::json::Number;
use crate::txn::promise::Promise;

/// What a history must satisfy, and what the checker may assume about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// What the system promised. The default is strict serializability.
    pub promise: Promise,
    /// Assume that the database may have held values before the history began. A value without a writer then proves
    /// nothing.
    pub preloaded: bool,
    /// Registers: assume that the value that a transaction reads comes before the value that it writes. The workload
    /// enables this.
    pub wfr_keys: bool,
    /// Registers: assume that no process sees a key go back to an earlier value.
    pub sequential_keys: bool,
    /// Registers: assume that no key goes back to an earlier value in real time.
    pub linearizable_keys: bool,
    /// Registers: the order in which transactions took effect, if the database reports it. Maps the index of a completion
    /// to the place of its transaction in that order.
    pub transaction_order: Option<BTreeMap<u64, Number>>,
    /// Registers: the field of completions that holds the place of the transaction in that order (see
    /// [`Op::extra`](crate::history::Op::extra)).
    pub order_key: Option<String>,
}
