//! Generators: pure sources of operations.
//!
//! A generator is asked for the next operation of one worker at a time, and is told of everything that the workers
//! begin and complete. Given the same seed and the same completions it gives the same operations.
//!
//! Most generators are put together from small ones: [`from_fn`], [`once`], [`counting`], [`mix`], [`each_worker`].
//!
//! ```
//! use maelstrom_core::generator::{Invocation, Next, Worker, counting, from_fn, mix};
//! use maelstrom_core::random::stream;
//! use maelstrom_core::json::Value;
//! let reads = from_fn(|_, _| Next::Op(Invocation::new("read", Value::Null)));
//! let mut generator = mix(vec![counting("add"), reads]);
//! let mut rng = stream(7, "operations");
//! let worker = Worker { index: 0, process: 0, now: 0 };
//! let Next::Op(op) = generator.next(worker, &mut rng) else { panic!("it never ends") };
//! assert!(["add", "read"].contains(&&*op.f));
//! ```

mod combinators;
mod kafka;
mod key_groups;
mod txn;

pub use combinators::{counting, each_worker, from_fn, mix, once};
pub use kafka::{Kafka, KafkaFinal};
pub use key_groups::KeyGroups;
pub use txn::{MicroOp, TxnSource};

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
    /// True in the final phase, where the workload marks its operations so.
    pub is_final: bool,
    /// Further keys of the history entry.
    pub extra: Option<Box<Map<String, Value>>>,
}

impl Invocation {
    /// An operation of the main phase.
    pub fn new(f: &str, value: Value) -> Invocation {
        Invocation { f: f.into(), value, is_final: false, extra: None }
    }

    /// The same with `final: true`.
    pub fn finally(mut self) -> Invocation {
        self.is_final = true;
        self
    }
}

/// The worker that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its number, 0 … concurrency−1.
    pub index: usize,
    /// The process that it is at present.
    pub process: u64,
    /// Now.
    pub now: Nanos,
}

/// What a generator has for a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Perform this now.
    Op(Invocation),
    /// Nothing before this time; ask again then.
    At(Nanos),
    /// Nothing for this worker until some operation completes; ask again then.
    Pending,
    /// Nothing for this worker any more.
    Done,
}

/// A source of operations.
pub trait Generator: Send {
    /// The next operation of a worker that is idle.
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next;

    /// Learns of a history entry: an invocation or a completion of any client worker. (Process numbers are in the
    /// entry; worker = process mod concurrency.)
    fn update(&mut self, op: &Op) {
        let _ = op;
    }
}
