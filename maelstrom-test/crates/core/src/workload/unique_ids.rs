//! Unique ids: no two are the same.

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::{self, Checker};
use crate::generator::{Generator, Invocation, Next, from_fn};
use crate::json::Value;
use crate::protocol::{Rpc, Type};

/// `generate {}` → `generate_ok {id: any}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct UniqueIds;

impl Workload for UniqueIds {
    fn name(&self) -> &str {
        "unique-ids"
    }

    fn doc(&self) -> &str {
        "Nodes hand out ids, and no id may ever be given twice, whichever node gives it and whether or not nodes hear one another. Ids may be of any JSON type."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![Rpc { name: "generate", doc: "Asks for a new id.", request: vec![], response: vec![("id", Type::Any)] }]
    }

    fn generator(&self, _settings: &Settings) -> Box<dyn Generator> {
        from_fn(|_, _| Next::Op(Invocation::new("generate", Value::Null)))
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(|_| request("generate", []), |_, mut answer| Ok(answer.remove("id").unwrap_or_default()), &[])
    }

    fn reusable_clients(&self) -> bool {
        true
    }

    fn checker(&self, _settings: &Settings) -> Box<dyn Checker> {
        Box::new(checker::UniqueIds)
    }
}
