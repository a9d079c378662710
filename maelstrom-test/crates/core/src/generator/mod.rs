//! Generators: pure sources of operations.
//!
//! ```text
//!             next(worker) ──────►           ──► Op(invocation) │ At(time) │ Pending │ Done
//!  simulation                     generator
//!             update(history entry) ──►
//! ```
//!
//! The simulation requests the next operation of an idle worker, and reports every invocation and completion to the
//! generator. With the same seed and the same completions, a generator produces the same operations.
//!
//! Most generators combine small ones: [`from_fn`], [`once`], [`counting`], [`mix`], [`each_worker`].
//!
//! ```
//! use maelstrom_core::generator::{Invocation, Next, Worker, counting, from_fn, mix};
//! use maelstrom_core::random::stream;
//! use maelstrom_core::json::Value;
//! let reads = from_fn(|_, _| Next::Op(Invocation::new("read", Value::Null)));
//! let mut generator = mix(vec![counting("add"), reads]);
//! let mut rng = stream(7, "operations");
//! let worker = Worker { index: 0, process: 0, now: 0 };
//! let Next::Op(op) = generator.next(worker, &mut rng) else { panic!("the generator never ends") };
//! assert!(["add", "read"].contains(&&*op.f));
//! ```

mod combinators;
mod kafka;
mod key_groups;
mod txn;

pub use combinators::{counting, each_worker, from_fn, mix, once};
pub(crate) use kafka::{Kafka, KafkaFinal};
pub(crate) use key_groups::KeyGroups;
pub(crate) use txn::{MicroOp, TxnSource};

use std::sync::Arc;

use crate::history::{Nanos, Op};
use crate::json::{Map, Value};
use crate::random::Rng;

/// An operation that a worker is about to perform.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The function.
    pub f: Arc<str>,
    /// Its argument.
    pub value: Value,
    /// Whether the workload marks the operation as one of its final phase (`final: true` in the history).
    pub is_final: bool,
    /// Additional keys of the history entry.
    pub extra: Option<Box<Map<String, Value>>>,
}

impl Invocation {
    /// An operation of the main phase.
    pub fn new(f: &str, value: Value) -> Invocation {
        Invocation { f: f.into(), value, is_final: false, extra: None }
    }

    /// Marks the operation as one of the final phase.
    pub fn in_final_phase(mut self) -> Invocation {
        self.is_final = true;
        self
    }
}

/// An idle worker, for which the next operation is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its number, 0 … concurrency−1.
    pub index: usize,
    /// Its current process number.
    pub process: u64,
    /// The current time.
    pub now: Nanos,
}

/// The next operation of a worker, if there is one.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Perform this operation now.
    Op(Invocation),
    /// No operation before this time.
    At(Nanos),
    /// No operation until an operation of some worker completes.
    Pending,
    /// No further operations for this worker.
    Done,
}

/// A source of operations.
pub trait Generator: Send {
    /// The next operation of a worker that is idle.
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next;

    /// Reports a history entry: an invocation or a completion of any worker. The worker of an entry is its process number
    /// modulo the concurrency.
    fn update(&mut self, op: &Op) {
        let _ = op;
    }
}
