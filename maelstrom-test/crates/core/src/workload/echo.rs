//! Echo: a node responds with the payload of the request.

use rand::RngExt;

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::{self, Checker};
use crate::generator::{Generator, Invocation, Next, from_fn};
use crate::protocol::{Rpc, Type};

/// `echo {echo: any}` → `echo_ok {echo: any}`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Echo;

impl Workload for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn doc(&self) -> &str {
        "A node responds to every request with the payload of the request. This is the workload to start with: it shows that a program reads and writes messages correctly."
    }

    fn rpcs(&self) -> Vec<Rpc> {
        vec![Rpc {
            name: "echo",
            doc: "Sends a payload, which the response must repeat.",
            request: vec![("echo", Type::Any)],
            response: vec![("echo", Type::Any)],
        }]
    }

    fn generator(&self, _settings: &Settings) -> Box<dyn Generator> {
        from_fn(|_, rng| {
            let number = rng.random_range(0..128);
            Next::Op(Invocation::new("echo", format!("Please echo {number}").into()))
        })
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        single_call(
            |op| request("echo", [("echo", op.value.clone())]),
            |_, mut response| Ok(response.remove("echo").unwrap_or_default()),
            &[],
        )
    }

    fn checker(&self, _settings: &Settings) -> Box<dyn Checker> {
        Box::new(checker::Echo)
    }
}
