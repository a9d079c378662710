//! A grow-only set (`g-set`).

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::{Checker, SetFull};
use crate::generator::{Generator, Invocation, Next, counting, each_worker, from_fn, mix, once};
use crate::json::Value;
use crate::protocol::{Rpc, Type};

/// `add {element}` → `add_ok {}`, `read {}` → `read_ok {value}`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GSet;

/// Reads without end.
pub(super) fn reads() -> Box<dyn Generator> {
    from_fn(|_, _| Next::Op(Invocation::new("read", Value::Null)))
}

/// One final read by each worker.
pub(super) fn final_reads() -> Box<dyn Generator> {
    each_worker(|| once(Invocation::new("read", Value::Null).in_final_phase()))
}

impl Workload for GSet {
    fn name(&self) -> &str {
        "g-set"
    }

    fn doc(&self) -> &str {
        "A set to which elements are only added. At the end, all nodes must return every acknowledged element."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![
            Rpc { name: "add", doc: "Adds an element.", request: vec![("element", Type::Any)], response: vec![] },
            Rpc {
                name: "read",
                doc: "Returns all elements.",
                request: vec![],
                response: vec![("value", Type::list(Type::Any))],
            },
        ]
    }

    fn generator(&self, _settings: &Settings) -> Box<dyn Generator> {
        mix(vec![counting("add"), reads()])
    }

    fn final_generator(&self, _settings: &Settings) -> Option<Box<dyn Generator>> {
        Some(final_reads())
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(
            |op| match &*op.f {
                "read" => request("read", []),
                _ => request("add", [("element", op.value.clone())]),
            },
            |op, mut response| Ok(response.remove("value").unwrap_or_else(|| op.value.clone())),
            &["read"],
        )
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        Box::new(SetFull { lenient: settings.lenient })
    }
}
