//! A workload of the user: ids must be pairs.

use maelstrom::Workload;
use maelstrom::checker::{CheckContext, Checker, Finding, Valid, Verdict};
use maelstrom::generator::{Generator, Invocation, Next, from_fn};
use maelstrom::history::{History, OpType};
use maelstrom::protocol::{Rpc, Type};
use maelstrom::workload::{Client, Settings, request, single_call};

/// Requests ids, which must be lists with this number of elements.
pub struct Tuples {
    elements: usize,
}

pub const PAIRS: Tuples = Tuples { elements: 2 };

struct Lengths(usize);

impl Checker for Lengths {
    fn check(&self, history: &History, _context: &CheckContext) -> Verdict {
        let length = |value: &maelstrom::json::Value| value.as_array().map(Vec::len);
        let mut ends = history.ops.iter().filter(|op| op.kind == OpType::Ok && op.process.client().is_some());
        let Some(wrong) = ends.find(|op| length(&op.value) != Some(self.0)) else { return Verdict::default() };
        let finding = Finding {
            anomaly: "wrong-length".into(),
            proscribed: true,
            headline: format!("{} does not have {} elements", wrong.value, self.0),
            ..Finding::default()
        };
        Verdict { valid: Valid::False, findings: vec![finding], ..Verdict::default() }
    }
}

impl Workload for Tuples {
    fn name(&self) -> &str {
        "tuples"
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![Rpc { name: "generate", doc: "", request: vec![], response: vec![("id", Type::Any)] }]
    }

    fn generator(&self, _: &Settings) -> Box<dyn Generator> {
        from_fn(|_, _| Next::Op(Invocation::new("generate", maelstrom::json::Value::Null)))
    }

    fn client(&self, _: usize, _: &Settings) -> Box<dyn Client> {
        single_call(|_| request("generate", []), |_, mut response| Ok(response.remove("id").unwrap_or_default()), &[])
    }

    fn checker(&self, _: &Settings) -> Box<dyn Checker> {
        Box::new(Lengths(self.elements))
    }
}
