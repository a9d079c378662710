//! Unique ids: no id is generated twice.

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::{self, Checker};
use crate::generator::{Generator, Invocation, Next, from_fn};
use crate::json::Value;
use crate::protocol::{Rpc, Type};

/// `generate {}` → `generate_ok {id: any}`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UniqueIds;

impl Workload for UniqueIds {
    fn name(&self) -> &str {
        "unique-ids"
    }

    fn doc(&self) -> &str {
        "Nodes generate ids. No id may be generated twice, by the same node or by different nodes, even during partitions. An id may be any JSON value."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![Rpc { name: "generate", doc: "Generates a new id.", request: vec![], response: vec![("id", Type::Any)] }]
    }

    fn generator(&self, _settings: &Settings) -> Box<dyn Generator> {
        from_fn(|_, _| Next::Op(Invocation::new("generate", Value::Null)))
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(|_| request("generate", []), |_, mut response| Ok(response.remove("id").unwrap_or_default()), &[])
    }

    fn reusable_clients(&self) -> bool {
        true
    }

    fn checker(&self, _settings: &Settings) -> Box<dyn Checker> {
        Box::new(checker::UniqueIds)
    }
}
