//! Counters: grow-only (`g-counter`), and with additions and subtractions (`pn-counter`).

use std::ops::RangeInclusive;

use rand::RngExt;

use super::g_set::{final_reads, reads};
use super::{Client, Settings, Workload, request, single_call};
use crate::checker::{self, Checker};
use crate::generator::{Generator, Invocation, Next, from_fn, mix};
use crate::protocol::{Rpc, Type};

/// `add {delta: int}` → `add_ok {}`, `read {}` → `read_ok {value: int}`.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    name: &'static str,
    doc: &'static str,
    deltas: RangeInclusive<i64>,
}

impl Counter {
    /// `g-counter`: additions only.
    pub(super) const GROW_ONLY: Counter = Counter {
        name: "g-counter",
        doc: "A counter that only grows. Every acknowledged addition counts exactly once, regardless of the node that received it. At the end, all nodes must return the same sum.",
        deltas: 0..=4,
    };

    /// `pn-counter`: additions and subtractions.
    pub(super) const POSITIVE_NEGATIVE: Counter = Counter {
        name: "pn-counter",
        doc: "A counter with additions and subtractions. Every acknowledged addition counts exactly once, regardless of the node that received it. At the end, all nodes must return the same sum.",
        deltas: -5..=4,
    };
}

impl Workload for Counter {
    fn name(&self) -> &str {
        self.name
    }

    fn doc(&self) -> &str {
        self.doc
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![
            Rpc {
                name: "add",
                doc: "Adds to the counter. The delta is never negative in g-counter.",
                request: vec![("delta", Type::Int)],
                response: vec![],
            },
            Rpc { name: "read", doc: "Returns the sum.", request: vec![], response: vec![("value", Type::Int)] },
        ]
    }

    fn generator(&self, _settings: &Settings) -> Box<dyn Generator> {
        let deltas = self.deltas.clone();
        let adds = from_fn(move |_, rng| Next::Op(Invocation::new("add", rng.random_range(deltas.clone()).into())));
        mix(vec![adds, reads()])
    }

    fn final_generator(&self, _settings: &Settings) -> Option<Box<dyn Generator>> {
        Some(final_reads())
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(
            |op| match &*op.f {
                "read" => request("read", []),
                _ => request("add", [("delta", op.value.clone())]),
            },
            |op, mut response| Ok(response.remove("value").unwrap_or_else(|| op.value.clone())),
            &["read"],
        )
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        Box::new(checker::Counter { lenient: settings.lenient })
    }
}
