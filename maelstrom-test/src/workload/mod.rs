//! Workloads: which operations clients perform, which RPCs they become, and how the history is checked.
//!
//! Users bring workloads of their own by implementing [`Workload`].

use std::sync::Arc;

use serde_json::Value;

use crate::checker::Checker;
use crate::generator::{Generator, Invocation};
use crate::history::{Nanos, OpType};
use crate::protocol::{Body, Rpc, RpcError};

/// What a workload may know of the run that it is used in.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Names of the nodes under test, in order.
    pub nodes: Vec<String>,
    /// Number of client workers.
    pub concurrency: usize,
    /// Length of the main phase.
    pub time_limit: Nanos,
    /// Mean delay between nodes.
    pub latency: Nanos,
    /// `line`, `grid`, `tree`, `tree2`, `tree3`, `tree4` or `total`.
    pub topology: String,
    /// lin-kv: operations per key; `None`: no limit.
    pub ops_per_key: Option<u64>,
    /// Concurrent keys (transactions, kafka); `None`: the workload's default.
    pub key_count: Option<u64>,
    /// Fewest operations of a transaction.
    pub min_txn_length: u64,
    /// Most operations of a transaction.
    pub max_txn_length: u64,
    /// Writes to a key before it is replaced by a new one.
    pub max_writes_per_key: u64,
    /// What transactions must satisfy.
    pub consistency_models: Vec<String>,
    /// Verdicts as lax as the original's.
    pub lenient: bool,
}

impl Default for Settings {
    /// Five nodes, five workers, the documented defaults.
    fn default() -> Self {
        Settings {
            nodes: (0..5).map(|i| format!("n{i}")).collect(),
            concurrency: 5,
            time_limit: 60_000_000_000,
            latency: 0,
            topology: "grid".into(),
            ops_per_key: None,
            key_count: None,
            min_txn_length: 1,
            max_txn_length: 4,
            max_writes_per_key: 16,
            consistency_models: vec!["strict-serializable".into()],
            lenient: false,
        }
    }
}

/// What came back for a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A good answer, of the schema that [`Workload::rpcs`] gives.
    Ok(Body),
    /// An error body.
    Error(RpcError),
    /// Nothing in time.
    Timeout,
    /// Something that is not of the schema; already reported. The operation should end `info`.
    Malformed(String),
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// `Ok`, `Fail` or `Info`.
    pub kind: OpType,
    /// The result; `None`: the invocation's value.
    pub value: Option<Value>,
    /// What went wrong.
    pub error: Option<Value>,
}

impl Completion {
    /// It happened, and this is the result.
    pub fn ok(value: Value) -> Completion {
        Completion { kind: OpType::Ok, value: Some(value), error: None }
    }

    /// What an answer other than a good one means, by the rules of the protocol: `fail` if the error is definite or the operation
    /// idempotent, else `info`.
    ///
    /// ```
    /// use maelstrom::{history::OpType, workload::{Answer, Completion}};
    /// assert_eq!(Completion::not_ok(&Answer::Timeout, true).kind, OpType::Fail);
    /// assert_eq!(Completion::not_ok(&Answer::Timeout, false).kind, OpType::Info);
    /// ```
    pub fn not_ok(answer: &Answer, idempotent: bool) -> Completion {
        let (definite, error) = match answer {
            Answer::Ok(_) => (false, Value::Null),
            Answer::Error(error) => {
                let mut words = vec![Value::from(error.name()), Value::from(error.text.clone())];
                if error.name() == "unknown" {
                    words.push(Value::from(error.code));
                }
                if !error.extra.is_empty() {
                    words.push(Value::Object(error.extra.clone()));
                }
                (error.is_definite() || idempotent, Value::Array(words))
            }
            Answer::Timeout => (idempotent, Value::from("net-timeout")),
            Answer::Malformed(what) => (false, serde_json::json!(["malformed-response", what])),
        };
        Completion { kind: if definite { OpType::Fail } else { OpType::Info }, value: None, error: Some(error) }
    }
}

/// What a client does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this request (with `type`, without `msg_id`) to the worker's node and wait for the answer.
    Call(Body),
    /// The operation is over.
    Done(Completion),
    /// The last answer matches its schema but not the request: report it as malformed, with this explanation, and end
    /// the operation `info`.
    Malformed(String),
}

/// How operations become requests and answers become completions. One client performs one operation at a time; it
/// lives as long as its process, or, where clients are reusable, as long as the worker.
pub trait Client: Send {
    /// An operation begins.
    fn invoke(&mut self, op: &Invocation) -> Step;

    /// The answer to the last [`Step::Call`] of the operation `op`.
    fn answer(&mut self, op: &Invocation, answer: Answer) -> Step;
}

/// A kind of run: what clients do and what must hold.
pub trait Workload: Send + Sync {
    /// Its name: `lin-kv`.
    fn name(&self) -> &str;

    /// What it teaches and checks, a sentence or two.
    fn doc(&self) -> &str {
        ""
    }

    /// The RPCs that clients use; answers are checked against them.
    fn rpcs(&self) -> Vec<Rpc>;

    /// Requests that every node gets, once, after each `init` and before any operation. Each must be answered.
    fn setup(&self, node: usize, settings: &Settings) -> Vec<Body> {
        let _ = (node, settings);
        Vec::new()
    }

    /// Operations of the main phase.
    fn generator(&self, settings: &Settings) -> Box<dyn Generator>;

    /// Operations of the final phase, after everything is healed.
    fn final_generator(&self, settings: &Settings) -> Option<Box<dyn Generator>> {
        let _ = settings;
        None
    }

    /// A client of the worker with this number.
    fn client(&self, worker: usize, settings: &Settings) -> Box<dyn Client>;

    /// Whether a client can go on after an operation ended `info`.
    fn reusable_clients(&self) -> bool {
        false
    }

    /// How long a client waits for an answer by default.
    fn timeout(&self, settings: &Settings) -> Nanos {
        let _ = settings;
        5_000_000_000
    }

    /// The number of workers that the workload wants, given what the user asked for (`None`: nothing).
    fn concurrency(&self, asked: Option<usize>, nodes: usize) -> usize {
        let _ = nodes;
        asked.unwrap_or(nodes)
    }

    /// Names of the options of the options table that only some workloads use, and this one does.
    fn options(&self) -> &[&str] {
        &[]
    }

    /// Judges the history.
    fn checker(&self, settings: &Settings) -> Box<dyn Checker>;
}

/// A built-in workload by its name.
pub fn find(name: &str) -> Option<Arc<dyn Workload>> {
    let _ = name;
    None
}
