//! A linearizable key-value store (`lin-kv`).

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
/// A read that returns `null` means that the key does not exist. With [`Settings::lenient`] such reads are ignored, as in
/// the original, where a node that returns `null` for every read passes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinKv;

/// Minimum client request timeout.
const MIN_TIMEOUT: Nanos = 1_000_000_000;

impl Workload for LinKv {
    fn name(&self) -> &str {
        "lin-kv"
    }

    fn doc(&self) -> &str {
        "A key-value store with read, write and compare-and-set that must behave like a single copy: every operation takes effect at one instant between its request and its response, despite partitions and crashes. The usual solution is Raft."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![
            Rpc {
                name: "read",
                doc: "Returns the value of a key. Error 20, or the value null, means that the key does not exist.",
                request: vec![("key", Type::Any)],
                response: vec![("value", Type::Any)],
            },
            Rpc {
                name: "write",
                doc: "Sets the value of a key. Creates the key if it does not exist.",
                request: vec![("key", Type::Any), ("value", Type::Any)],
                response: vec![],
            },
            Rpc {
                name: "cas",
                doc: "Compare-and-set: changes the value of a key from `from` to `to`. Error 20 means that the key does not exist, error 22 that its value is not `from`.",
                request: vec![("key", Type::Any), ("from", Type::Any), ("to", Type::Any)],
                response: vec![],
            },
        ]
    }

    /// Groups of two workers per node, so that each node has a reader and a writer in each group.
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
    fn client_timeout(&self, settings: &Settings) -> Nanos {
        MIN_TIMEOUT.max(settings.latency.saturating_mul(10))
    }

    /// The requested concurrency, rounded up to a multiple of twice the number of nodes.
    fn concurrency(&self, requested: Option<usize>, nodes: usize) -> usize {
        let group = 2 * nodes.max(1);
        requested.unwrap_or(group).max(1).next_multiple_of(group)
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        let checker = Linearizable::per_key();
        Box::new(if settings.lenient { checker.ignoring_null_reads() } else { checker })
    }
}

/// Draws an operation of a reader or of a writer.
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

/// The value of a successful operation.
fn result(op: &Invocation, mut response: Body) -> Result<Value, Malformed> {
    Ok(match &*op.f {
        "read" => json!([op.value[0], response.remove("value").unwrap_or_default()]),
        _ => op.value.clone(),
    })
}
