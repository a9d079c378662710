//! Is a history linearizable? The checker of `lin-kv`.
//!
//! # The idea
//!
//! A *register* holds one value. Clients read it, write it, or compare-and-set it: "if it holds 1, make it 2". An operation
//! takes time between its invocation and its return. A history is *linearizable* if there is one moment for each operation,
//! between its invocation and its return, such that a single register to which the operations are applied at these moments
//! gives the same answers:
//!
//! ```text
//!   p0   ├──── write 1 ──×─┤
//!   p1          ├─×── read → nothing ─┤          ×: the moment at which the operation takes effect
//!   p2                       ├──×─ read → 1 ─┤
//! ```
//!
//! Clients then cannot distinguish the distributed system from a variable in one place. In particular, once a write has
//! returned, no later read returns the value before it. (M. Herlihy and J. Wing, *Linearizability: A Correctness Condition
//! for Concurrent Objects*, 1990.)
//!
//! A *failed* operation did not happen. An operation with an unknown outcome (*info*, or no completion) may take effect at
//! any time after its invocation, or never. With several keys, each key is a register, and the history is linearizable if
//! each register is (A. Horn and D. Kroening, 2015).
//!
//! # How it is decided
//!
//! In general the problem is NP-complete. Several methods share the work:
//!
//! | module | method |
//! | --- | --- |
//! | `zones` | decides in O(n log n) if no two operations write the same value |
//! | `search` | follows all configurations of the register; fast for histories that occur in practice |
//! | `witness` | guesses an order, for very many concurrent operations |
//! | `chains` | counts how often values are set and replaced, for very many concurrent compare-and-sets |
//! | `reduce` | finds the few operations that contradict each other |
//! | `explain` | explains what is wrong with them |
//!
//! All methods share a budget of steps and bytes. When it is exhausted, the verdict is *unknown*, on every machine alike.
//!
//! A *mutex* is a register as well: to acquire it is to compare-and-set it from "free" to "held", to release it is the
//! reverse.
//!
//! # Example
//!
//! ```
//! use maelstrom_checker::linearizable::Linearizable;
//! use maelstrom_checker::{CheckContext, Checker, Valid};
//! use maelstrom_checker::history::{History, Op, OpType::{Invoke, Ok}};
//! use maelstrom_checker::json::json;
//!
//! let history = History { ops: vec![
//!     Op::new(0, Invoke, 0, "write", json!(["x", 1])),
//!     Op::new(1, Ok, 0, "write", json!(["x", 1])),
//!     Op::new(2, Invoke, 0, "write", json!(["x", 2])),
//!     Op::new(3, Ok, 0, "write", json!(["x", 2])),
//!     Op::new(4, Invoke, 1, "read", json!(["x", null])),
//!     Op::new(5, Ok, 1, "read", json!(["x", 1])),
//! ] };
//! let verdict = Linearizable::per_key().check(&history, &CheckContext::default());
//!
//! assert_eq!(verdict.valid, Valid::False);
//! assert_eq!(verdict.findings[0].headline, "not linearizable (key \"x\")");
//! assert_eq!(verdict.findings[0].shape, "a response contradicts an operation that had completed before it");
//! ```

mod budget;
mod chains;
mod configurations;
mod decide;
mod explain;
mod fault;
mod mutex;
mod open;
mod orders;
mod problem;
mod reduce;
mod register;
mod search;
mod stream;
mod timeline;
mod verdict;
mod witness;
mod words;
mod zones;

#[cfg(test)]
mod tests;

use crate::json::Value;

/// The checker of linearizability: operations `read`, `write` and `cas` on one register, or on a register per key; or
/// operations on a mutex.
///
/// Values are any JSON. Numbers are equal if they have the same value and the same notation (`1` and `1.0` differ). Objects
/// are equal regardless of the order of their keys. A read that failed with the error `key-does-not-exist` is a read of the
/// absent value, `null`. Completions without an invocation are accepted: the operation may have been invoked at any time
/// before.
///
/// An operation of another form than described at [`Linearizable::per_key`] and [`Linearizable::register`] makes the verdict
/// on its key unknown, or on all keys if its key cannot be determined.
#[derive(Clone, Debug, PartialEq)]
pub struct Linearizable {
    object: Object,
    keyed: bool,
    initial: Value,
    null_reads: NullReads,
    max_configurations: u64,
}

/// What the operations are applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    Register,
    Mutex,
}

/// The meaning of a read that returned `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NullReads {
    /// The key was absent.
    Absent,
    /// The answer was not recorded.
    NotRecorded,
}

impl Linearizable {
    /// One register per key, each absent at first. Values of operations are `[key, value]`, those of `cas`
    /// `[key, [from, to]]`.
    pub fn per_key() -> Linearizable {
        Linearizable {
            object: Object::Register,
            keyed: true,
            initial: Value::Null,
            null_reads: NullReads::Absent,
            // Some minutes of work. Steps or memory usually run out before.
            max_configurations: 200_000_000,
        }
    }

    /// One register, absent at first. Values of operations are the register's values, those of `cas` `[from, to]`.
    ///
    /// ```
    /// use maelstrom_checker::linearizable::Linearizable;
    /// use maelstrom_checker::{CheckContext, Checker, Valid};
    /// use maelstrom_checker::history::{History, Op, OpType::{Info, Invoke, Ok}};
    /// use maelstrom_checker::json::json;
    ///
    /// let history = History { ops: vec![
    ///     Op::new(0, Invoke, 0, "cas", json!([0, 5])),
    ///     Op::new(1, Info, 0, "cas", json!([0, 5])),   // timed out: the outcome is unknown
    ///     Op::new(2, Invoke, 1, "read", json!(null)),
    ///     Op::new(3, Ok, 1, "read", json!(5)),         // so it did happen
    /// ] };
    /// let checker = Linearizable::register().initial(json!(0));
    /// assert_eq!(checker.check(&history, &CheckContext::default()).valid, Valid::True);
    /// ```
    pub fn register() -> Linearizable {
        Linearizable { keyed: false, ..Linearizable::per_key() }
    }

    /// One mutex, free at first: operations `acquire` and `release`, whose values are ignored. A process may release a mutex
    /// that another process acquired, as in Knossos. An `acquire` or `release` that failed did not happen.
    ///
    /// ```
    /// use maelstrom_checker::linearizable::Linearizable;
    /// use maelstrom_checker::{CheckContext, Checker, Valid};
    /// use maelstrom_checker::history::History;
    /// let history = History::read(&b"
    ///     {:type :invoke, :process 0, :f :acquire} {:type :ok, :process 0, :f :acquire}
    ///     {:type :invoke, :process 1, :f :acquire} {:type :ok, :process 1, :f :acquire}"[..])?;
    /// let verdict = Linearizable::mutex().check(&history, &CheckContext::default());
    /// assert_eq!(verdict.valid, Valid::False);
    /// assert_eq!(verdict.findings[0].story, "an acquire of p1 succeeded, although the mutex was held:");
    /// # Ok::<(), maelstrom_checker::history::ReadError>(())
    /// ```
    pub fn mutex() -> Linearizable {
        Linearizable { object: Object::Mutex, initial: mutex::FREE.clone(), ..Linearizable::register() }
    }

    /// Sets the initial value of each register. The default is absent, `null`.
    pub fn initial(self, initial: Value) -> Linearizable {
        Linearizable { initial, ..self }
    }

    /// Ignores reads that returned `null`, for histories of tools that do not record every answer. A register that loses all
    /// its values then passes.
    pub fn ignoring_null_reads(self) -> Linearizable {
        Linearizable { null_reads: NullReads::NotRecorded, ..self }
    }

    /// Limits the number of configurations per key, in addition to the budgets of [`CheckContext`](super::CheckContext).
    #[cfg(test)]
    fn max_configurations(self, max_configurations: u64) -> Linearizable {
        Linearizable { max_configurations, ..self }
    }
}
