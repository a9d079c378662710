//! A linearizable key-value store.

use rand::RngExt;

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::Checker;
use crate::checker::linearizable::Linearizable;
use crate::generator::{Generator, Invocation, KeyGroups};
use crate::history::Nanos;
use crate::json::{Value, json};
use crate::protocol::{Body, Malformed, Rpc, Type};
use crate::random::Rng;

/// `read {key}` → `read_ok {value}`, `write {key, value}` → `write_ok {}`, `cas {key, from, to}` → `cas_ok {}`.
///
/// A read that is answered with `null` has read that the key is absent. With [`Settings::lenient`] it says nothing, as in
/// the original, where a node that answers every read with `null` passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinKv;

/// A client gives up after this time at the earliest.
const LEAST_TIMEOUT: Nanos = 1_000_000_000;

impl Workload for LinKv {
    fn name(&self) -> &str {
        "lin-kv"
    }

    fn doc(&self) -> &str {
        "A key-value store with read, write and compare-and-set that must behave as if there were a single copy: every operation takes effect at one moment between its request and its answer, in spite of partitions and crashes. The classical exercise is Raft."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![
            Rpc {
                name: "read",
                doc: "Asks for the value of a key. Error 20 (or the value null) means that there is none.",
                request: vec![("key", Type::Any)],
                response: vec![("value", Type::Any)],
            },
            Rpc {
                name: "write",
                doc: "Sets a key, creating it if need be.",
                request: vec![("key", Type::Any), ("value", Type::Any)],
                response: vec![],
            },
            Rpc {
                name: "cas",
                doc: "Compare-and-set: changes a key from one value to another. Error 20: there is no such key; error 22: its value is not `from`.",
                request: vec![("key", Type::Any), ("from", Type::Any), ("to", Type::Any)],
                response: vec![],
            },
        ]
    }

    /// Groups of twice as many workers as there are nodes, so that each node has a reader and a writer in each group.
    fn generator(&self, settings: &Settings) -> Box<dyn Generator> {
        let nodes = settings.nodes.len();
        let op = move |index: usize, key: u64, rng: &mut Rng| operation(index < nodes, key, rng);
        Box::new(KeyGroups::new(2 * nodes, (4 * nodes).max(20), settings.ops_per_key, op))
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(call, result, &["read"])
    }

    fn reusable_clients(&self) -> bool {
        true
    }

    /// The larger of one second and ten times the mean latency.
    fn timeout(&self, settings: &Settings) -> Nanos {
        LEAST_TIMEOUT.max(settings.latency.saturating_mul(10))
    }

    /// A multiple of twice the number of nodes: what was asked for, rounded up.
    fn concurrency(&self, asked: Option<usize>, nodes: usize) -> usize {
        let group = 2 * nodes.max(1);
        asked.unwrap_or(group).max(1).next_multiple_of(group)
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        let checker = Linearizable::per_key();
        Box::new(if settings.lenient { checker.ignoring_null_reads() } else { checker })
    }
}

/// A random operation of a reader or of a writer.
fn operation(reader: bool, key: u64, rng: &mut Rng) -> Invocation {
    if reader {
        return Invocation::new("read", json!([key, null]));
    }
    let write = rng.random_ratio(1, 3);
    let mut value = || rng.random_range(0..=4);
    if write {
        Invocation::new("write", json!([key, value()]))
    } else {
        Invocation::new("cas", json!([key, [value(), value()]]))
    }
}

/// The request of an operation.
fn call(op: &Invocation) -> Body {
    let (key, argument) = (op.value[0].clone(), &op.value[1]);
    match &*op.f {
        "read" => request("read", [("key", key)]),
        "write" => request("write", [("key", key), ("value", argument.clone())]),
        _ => request("cas", [("key", key), ("from", argument[0].clone()), ("to", argument[1].clone())]),
    }
}

/// The value of an operation that succeeded.
fn result(op: &Invocation, mut answer: Body) -> Result<Value, Malformed> {
    Ok(match &*op.f {
        "read" => json!([op.value[0], answer.remove("value").unwrap_or_default()]),
        _ => op.value.clone(),
    })
}
