//! A grow-only set.

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::{Checker, SetFull};
use crate::generator::{Generator, Invocation, Next, counting, each_worker, from_fn, mix, once};
use crate::json::Value;
use crate::protocol::{Rpc, Type};

/// `add {element}` → `add_ok {}`, `read {}` → `read_ok {value}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct GSet;

/// Reads without end.
pub(super) fn reads() -> Box<dyn Generator> {
    from_fn(|_, _| Next::Op(Invocation::new("read", Value::Null)))
}

/// One last read by each worker.
pub(super) fn final_reads() -> Box<dyn Generator> {
    each_worker(|| once(Invocation::new("read", Value::Null).finally()))
}

impl Workload for GSet {
    fn name(&self) -> &str {
        "g-set"
    }

    fn doc(&self) -> &str {
        "A set to which elements are only ever added. Every element that was added has to be seen by all nodes in the end."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![
            Rpc { name: "add", doc: "Adds an element.", request: vec![("element", Type::Any)], response: vec![] },
            Rpc {
                name: "read",
                doc: "Asks for all elements.",
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
            |op, mut answer| Ok(answer.remove("value").unwrap_or_else(|| op.value.clone())),
            &["read"],
        )
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        Box::new(SetFull { lenient: settings.lenient })
    }
}
