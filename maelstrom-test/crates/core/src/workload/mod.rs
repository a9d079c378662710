//! Workloads: which operations clients perform, which RPCs they become, and how the history is checked.
//!
//! Ten workloads are built in; [`by_name`] finds them. In about this order people meet them:
//!
//! | workload | what nodes have to do |
//! | --- | --- |
//! | [`echo`](Echo) | repeat what they hear |
//! | [`unique-ids`](UniqueIds) | never give the same id twice |
//! | [`broadcast`](Broadcast) | tell one another everything |
//! | [`g-set`](GSet) | keep a set that only grows |
//! | [`g-counter`](Counter::GROW_ONLY), [`pn-counter`](Counter::POSITIVE_NEGATIVE) | count, each addition exactly once |
//! | [`lin-kv`](LinKv) | behave like a single copy of a map |
//! | [`kafka`](Kafka) | keep logs, lose nothing and skip nothing |
//! | [`txn-list-append`](Txn::LIST_APPEND), [`txn-rw-register`](Txn::RW_REGISTER) | perform transactions, isolated from one another |
//!
//! Users bring workloads of their own by implementing [`Workload`].

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

pub use broadcast::Broadcast;
pub use choice::WorkloadChoice;
pub use client::{Answer, Client, Completion, Step, request, single_call};
pub use counter::Counter;
pub use echo::Echo;
pub use g_set::GSet;
pub use kafka::Kafka;
pub use lin_kv::LinKv;
pub use settings::Settings;
pub use topology::{Topology, UnknownTopology};
pub use txn::Txn;
pub use unique_ids::UniqueIds;

use std::sync::Arc;

use crate::checker::Checker;
use crate::generator::Generator;
use crate::history::Nanos;
use crate::protocol::{Body, Rpc};
use crate::suggest::did_you_mean;

/// Every built-in workload.
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

/// The built-in workload of this name.
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

/// A workload was asked for that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no workload \"{name}\"{hint}; workloads are {}", .choices.join(", "),
    hint = did_you_mean(.name, .choices.iter().map(String::as_str)))]
pub struct UnknownWorkload {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub choices: Vec<String>,
}

/// A kind of run: what clients do and what must hold.
///
/// A small one, put to use on nodes that are functions in memory. (In a test of real programs, write
/// `#[maelstrom::test(workload = Dice, …)]`, or pass it to the scenario's builder.)
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
///         single_call(|_| request("roll", []), |_, mut answer| Ok(answer.remove("eyes").unwrap_or_default()), &[])
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

    /// Operations of the final phase, after everything is healed. Before this generator is first asked, it is told of all
    /// that happened until then.
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

    /// Names of the options that this workload uses, of those that not all workloads use. By default the rows of the
    /// table of options that name the workload.
    fn options(&self) -> Vec<&str> {
        maelstrom_options::of_workload(self.name())
    }

    /// Judges the history.
    fn checker(&self, settings: &Settings) -> Box<dyn Checker>;
}

#[cfg(test)]
mod renaming_tests;
#[cfg(test)]
mod tests;
