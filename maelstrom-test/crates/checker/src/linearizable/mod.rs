//! Is a history linearizable? The checker of `lin-kv`.
//!
//! # The idea
//!
//! A *register* holds one value. Clients read it, write it, or compare-and-set it: "if it holds 1, make it 2". Each
//! operation takes a while: it is invoked, travels to some server, and returns. A history is *linearizable* if every
//! operation can be given one moment between its invocation and its return, such that a single register to which the
//! operations were applied at just these moments would have answered what the clients were told. Then clients cannot
//! tell the distributed system from one variable in one place; in particular, once a write has returned, no read that
//! begins later may see what was there before. (M. Herlihy and J. Wing, "Linearizability: a correctness condition for
//! concurrent objects", 1990.)
//!
//! Operations that *failed* did not happen. Of operations with an unknown outcome (*info*, or no completion at all)
//! nobody knows: they may take effect at any time after their invocation, or never. With several keys, each key is a
//! register of its own, and the history is linearizable if each of them is (A. Horn and D. Kroening, 2015).
//!
//! # How it is decided
//!
//! Where every value is written by one operation only, `zones` decides in time O(n log n). In general the problem is
//! hard (NP-complete), and `search` follows all states that the register may be in, which takes little time for
//! histories as they occur. Where very many operations are open at once, `witness` guesses an order, and `chains` counts how
//! often values are entered and left. All of it has a budget in steps and bytes, after which the verdict is *unknown*: the
//! same one on every machine.
//!
//! A *mutex* is a register in disguise: to acquire it is to compare-and-set it from "free" to "held", to release it the
//! reverse.
//!
//! If a history is not linearizable, `reduce` finds the few operations that contradict each other, and `explain`
//! says what is wrong with them.
//!
//! # Example
//!
//! All it takes is a history, recorded with this library or elsewhere:
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
//! assert_eq!(verdict.findings[0].shape, "an answer contradicts an operation that was over before it");
//! ```

mod budget;
mod chains;
mod configurations;
mod decide;
mod explain;
mod mutex;
mod open;
mod orders;
mod problem;
mod reduce;
mod register;
mod search;
mod story;
mod stream;
mod timeline;
mod verdict;
mod witness;
mod words;
mod zones;

#[cfg(test)]
mod tests;

use crate::json::Value;

/// The checker: operations `read`, `write` and `cas` on one register, or on one per key; or operations on a mutex.
///
/// Values are any JSON. Two numbers are equal if they are the same number written the same way (`1` and `1.0` differ),
/// and objects are equal regardless of the order of their keys. A read that failed with the error `key-does-not-exist`
/// is a read of the absent value, `null`. Completions without an invocation are accepted: the operation may have been
/// invoked at any time before.
///
/// An operation that no register has, or that is not of the form described at [`Linearizable::per_key`] and
/// [`Linearizable::register`], makes the verdict on its key (on all, if its key cannot be told) unknown.
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

/// What a read means that was answered with `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NullReads {
    /// There was no value.
    Absent,
    /// The answer was not recorded.
    SayNothing,
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
            // Some minutes of work; time and memory usually run out before.
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
    ///     Op::new(1, Info, 0, "cas", json!([0, 5])),   // timed out: nobody knows
    ///     Op::new(2, Invoke, 1, "read", json!(null)),
    ///     Op::new(3, Ok, 1, "read", json!(5)),         // so it did happen
    /// ] };
    /// let checker = Linearizable::register().initial(json!(0));
    /// assert_eq!(checker.check(&history, &CheckContext::default()).valid, Valid::True);
    /// ```
    pub fn register() -> Linearizable {
        Linearizable { keyed: false, ..Linearizable::per_key() }
    }

    /// One mutex, free at first: operations `acquire` and `release`, whose values mean nothing. Whoever releases it need not
    /// be the one who acquired it, as in Knossos. An `acquire` or `release` that failed did not happen.
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

    /// What each register holds at first, instead of nothing (`null`).
    pub fn initial(self, initial: Value) -> Linearizable {
        Linearizable { initial, ..self }
    }

    /// Reads that were answered with `null` say nothing. For histories of tools that do not record every answer; a
    /// register that forgets everything passes this way.
    pub fn ignoring_null_reads(self) -> Linearizable {
        Linearizable { null_reads: NullReads::SayNothing, ..self }
    }

    /// How many configurations may be looked at per key, before the verdict is *unknown*, besides the limits of steps
    /// and memory in [`CheckContext`](super::CheckContext).
    #[cfg(test)]
    fn max_configurations(self, max_configurations: u64) -> Linearizable {
        Linearizable { max_configurations, ..self }
    }
}
