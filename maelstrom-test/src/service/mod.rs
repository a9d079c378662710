//! The services that nodes can call over the simulated network: pure state machines.

use crate::protocol::Body;
use crate::random::Rng;

/// A service: from a request to a response.
pub trait Service: Send {
    /// Answers a request of the node or client named `source`. The response has `type` and the result's keys;
    /// `in_reply_to` is added by the caller. Errors are bodies of type `error`.
    fn handle(&mut self, source: &str, request: &Body, rng: &mut Rng) -> Body;
}
