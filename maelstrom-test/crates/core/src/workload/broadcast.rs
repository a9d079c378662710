//! Broadcast: a message sent to one node must reach all nodes.

use super::g_set::{final_reads, reads};
use super::{Client, Settings, Topology, Workload, request, single_call};
use crate::checker::{Checker, SetFull};
use crate::generator::{Generator, counting, mix};
use crate::json::{Map, Value};
use crate::protocol::{Body, Rpc, Type};

/// `topology {topology}` → `topology_ok {}`, `broadcast {message}` → `broadcast_ok {}`, `read {}` → `read_ok {messages}`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Broadcast;

impl Workload for Broadcast {
    fn name(&self) -> &str {
        "broadcast"
    }

    fn doc(&self) -> &str {
        "Every message that is sent to one node must reach all nodes, despite lost messages and partitions. Each node first receives a suggested topology. Run the workload with more nodes, latency and partitions to measure how many messages and how much time the nodes need."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![
            Rpc {
                name: "topology",
                doc: "Suggests neighbours to each node. Every node receives it once, before any other request.",
                request: vec![("topology", Type::map(Type::list(Type::String)))],
                response: vec![],
            },
            Rpc {
                name: "broadcast",
                doc: "Sends a message to a node. The message must reach all nodes.",
                request: vec![("message", Type::Any)],
                response: vec![],
            },
            Rpc {
                name: "read",
                doc: "Returns all messages that the node has received.",
                request: vec![],
                response: vec![("messages", Type::list(Type::Any))],
            },
        ]
    }

    /// The topology. An unknown name, which the table of options rejects, means the default.
    fn setup(&self, _node: usize, settings: &Settings) -> Vec<Body> {
        let topology: Topology = settings.topology.parse().unwrap_or_default();
        let nodes = &settings.nodes;
        let neighbours: Map<String, Value> = nodes
            .iter()
            .zip(topology.neighbours(nodes.len()))
            .map(|(node, others)| (node.clone(), others.into_iter().map(|other| nodes[other].as_str()).collect()))
            .collect();
        vec![request("topology", [("topology", neighbours.into())])]
    }

    fn generator(&self, _settings: &Settings) -> Box<dyn Generator> {
        mix(vec![counting("broadcast"), reads()])
    }

    fn final_generator(&self, _settings: &Settings) -> Option<Box<dyn Generator>> {
        Some(final_reads())
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(
            |op| match &*op.f {
                "read" => request("read", []),
                _ => request("broadcast", [("message", op.value.clone())]),
            },
            |op, mut response| Ok(response.remove("messages").unwrap_or_else(|| op.value.clone())),
            &["read"],
        )
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        Box::new(SetFull { lenient: settings.lenient })
    }
}
