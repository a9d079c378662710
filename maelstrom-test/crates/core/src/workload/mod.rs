//! Workloads: the operations of clients, the RPCs that perform them, and the checker for the history.
//!
//! ```text
//! generator ──► operation ──► client ──► request ──► node
//!                               ▲                     │
//! history ◄──── completion ◄────┴───── response ◄─────┘
//!    │
//!    └──► checker ──► verdict
//! ```
//!
//! Ten workloads are built in; [`by_name`] finds them. The table lists them by increasing difficulty:
//!
//! | workload | what the nodes must do |
//! | --- | --- |
//! | `echo` | respond with the payload of the request |
//! | `unique-ids` | never generate the same id twice |
//! | `broadcast` | propagate every message to all nodes |
//! | `g-set` | replicate a grow-only set |
//! | `g-counter`, `pn-counter` | replicate a counter, applying each addition exactly once |
//! | `lin-kv` | implement a linearizable key-value store |
//! | `kafka` | keep append-only logs without losing or skipping messages |
//! | `txn-list-append`, `txn-rw-register` | execute transactions with a given consistency model |
//!
//! A custom workload implements [`Workload`].

mod broadcast;
mod choice;
mod client;
mod counter;
mod echo;
mod g_set;
mod kafka;
mod lin_kv;
mod settings;
mod topology;
mod txn;
mod unique_ids;

pub use choice::WorkloadChoice;
pub use client::{Client, ClientStep, Completion, Response, request, single_call};
pub use settings::Settings;
pub use topology::{Topology, UnknownTopology};

use broadcast::Broadcast;
use counter::Counter;
use echo::Echo;
use g_set::GSet;
use kafka::Kafka;
use lin_kv::LinKv;
use txn::Txn;
use unique_ids::UniqueIds;

use std::sync::Arc;

use crate::checker::Checker;
use crate::generator::Generator;
use crate::history::Nanos;
use crate::protocol::{Body, Rpc};
use crate::suggest::did_you_mean;

/// All built-in workloads.
pub fn all() -> Vec<Arc<dyn Workload>> {
    vec![
        Arc::new(Echo),
        Arc::new(UniqueIds),
        Arc::new(Broadcast),
        Arc::new(GSet),
        Arc::new(Counter::GROW_ONLY),
        Arc::new(Counter::POSITIVE_NEGATIVE),
        Arc::new(LinKv),
        Arc::new(Kafka),
        Arc::new(Txn::LIST_APPEND),
        Arc::new(Txn::RW_REGISTER),
    ]
}

/// Finds the built-in workload with this name.
///
/// # Errors
/// If there is no such workload.
///
/// ```
/// use maelstrom_core::workload;
/// assert_eq!(workload::by_name("lin-kv").unwrap().name(), "lin-kv");
/// let error = workload::by_name("brodcast").err().unwrap().to_string();
/// assert!(error.starts_with("there is no workload \"brodcast\" (did you mean \"broadcast\"?)"), "{error}");
/// ```
pub fn by_name(name: &str) -> Result<Arc<dyn Workload>, UnknownWorkload> {
    let workloads = all();
    match workloads.iter().find(|workload| workload.name() == name) {
        Some(workload) => Ok(workload.clone()),
        None => Err(UnknownWorkload {
            name: name.to_owned(),
            choices: workloads.iter().map(|workload| workload.name().to_owned()).collect(),
        }),
    }
}

/// The error for an unknown workload.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no workload \"{name}\"{hint}; workloads are {}", .choices.join(", "),
    hint = did_you_mean(.name, .choices.iter().map(String::as_str)))]
pub struct UnknownWorkload {
    /// The requested name.
    pub name: String,
    /// The names of all built-in workloads.
    pub choices: Vec<String>,
}

/// What clients do in a run, and what the history must satisfy.
///
/// The example defines a small workload and runs it on nodes that are functions in memory. In a test of node programs, use
/// `#[maelstrom::test(workload = Dice, …)]`, or pass the workload to the scenario's builder.
///
/// ```
/// use maelstrom_core::checker::{CheckContext, Checker, Valid, Verdict};
/// use maelstrom_core::generator::{Generator, Invocation, Next, from_fn};
/// use maelstrom_core::history::{History, OpType};
/// use maelstrom_core::protocol::{Rpc, Type};
/// use maelstrom_core::workload::{Client, Settings, Workload, request, single_call};
/// use maelstrom_core::json::{Value, json};
///
/// /// Nodes throw dice: `roll {}` → `roll_ok {eyes: int}`.
/// struct Dice;
///
/// impl Workload for Dice {
///     fn name(&self) -> &str {
///         "dice"
///     }
///     fn rpcs(&self) -> Vec<Rpc> {
///         vec![Rpc { name: "roll", doc: "Throws a die.", request: vec![], response: vec![("eyes", Type::Int)] }]
///     }
///     fn generator(&self, _: &Settings) -> Box<dyn Generator> {
///         from_fn(|_worker, _rng| Next::Op(Invocation::new("roll", Value::Null)))
///     }
///     fn client(&self, _worker: usize, _: &Settings) -> Box<dyn Client> {
///         single_call(|_| request("roll", []), |_, mut response| Ok(response.remove("eyes").unwrap_or_default()), &[])
///     }
///     fn checker(&self, _: &Settings) -> Box<dyn Checker> {
///         Box::new(OneToSix)
///     }
/// }
///
/// struct OneToSix;
///
/// impl Checker for OneToSix {
///     fn check(&self, history: &History, _: &CheckContext) -> Verdict {
///         let mut rolls = history.ops.iter().filter(|op| op.kind == OpType::Ok).map(|op| op.value.as_i64());
///         let fair = rolls.all(|eyes| eyes.is_some_and(|eyes| (1..=6).contains(&eyes)));
///         Verdict { valid: if fair { Valid::True } else { Valid::False }, ..Verdict::default() }
///     }
/// }
///
/// use maelstrom_core::simulation::{Config, in_memory};
/// let settings = Settings { time_limit: 10_000_000_000, ..Settings::default() };
/// let run = in_memory::run(Config::new(std::sync::Arc::new(Dice), settings.clone()), |_node| {
///     |message: &Value, out: &mut in_memory::Sender| {
///         if !out.acknowledge(message, &[]) {
///             out.reply(message, json!({"type": "roll_ok", "eyes": 4}));
///         }
///     }
/// });
/// assert!(run.history().ops.len() > 10);
/// assert_eq!(Dice.checker(&settings).check(run.history(), &CheckContext::default()).valid, Valid::True);
/// ```
pub trait Workload: Send + Sync {
    /// The name: `lin-kv`.
    fn name(&self) -> &str;

    /// What the workload checks, in one or two sentences.
    fn doc(&self) -> &str {
        ""
    }

    /// The RPCs that clients use. Responses are checked against their schemas.
    fn rpcs(&self) -> Vec<Rpc>;

    /// Set-up requests to a node. They are sent once after each `init`, before any operation, and the node must respond to
    /// each.
    fn setup(&self, node: usize, settings: &Settings) -> Vec<Body> {
        let _ = (node, settings);
        Vec::new()
    }

    /// Creates the generator of the main phase.
    fn generator(&self, settings: &Settings) -> Box<dyn Generator>;

    /// Creates the generator of the final phase, which follows the end of all faults; `None` for no final phase. The
    /// generator receives all history entries of the main phase before its first operation.
    fn final_generator(&self, settings: &Settings) -> Option<Box<dyn Generator>> {
        let _ = settings;
        None
    }

    /// Creates a client for the worker with this number.
    fn client(&self, worker: usize, settings: &Settings) -> Box<dyn Client>;

    /// Whether a client can be reused after an operation that ended `info`.
    fn reusable_clients(&self) -> bool {
        false
    }

    /// The default client request timeout.
    fn client_timeout(&self, settings: &Settings) -> Nanos {
        let _ = settings;
        5_000_000_000
    }

    /// The number of workers. `requested` is the number that the user set, if any.
    fn concurrency(&self, requested: Option<usize>, nodes: usize) -> usize {
        let _ = nodes;
        requested.unwrap_or(nodes)
    }

    /// The names of the workload-specific options that this workload uses. By default, the rows of the table of options
    /// that name the workload.
    fn options(&self) -> Vec<&str> {
        maelstrom_options::of_workload(self.name())
    }

    /// Creates the checker for the history.
    fn checker(&self, settings: &Settings) -> Box<dyn Checker>;
}

#[cfg(test)]
mod renaming_tests;
#[cfg(test)]
mod tests;
