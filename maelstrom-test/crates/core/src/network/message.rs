//! Messages on their way through the network.

use super::EndpointId;

/// A message that reached its destination.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The message id.
    pub(crate) id: u64,
    /// The endpoint named as `src`.
    pub(crate) src: EndpointId,
    /// The endpoint that sent the message. It differs from `src` if a node uses the name of another endpoint.
    pub(crate) sender: EndpointId,
    /// The destination.
    pub(crate) dest: EndpointId,
    /// The identity of the message and the seed, mixed.
    pub(crate) key: u64,
    /// Incarnation of `src` when the message was sent.
    pub(crate) src_incarnation: u32,
    pub(super) line: String,
    pub(super) body_start: usize,
}

impl Delivery {
    /// The whole message as one line of JSON, without the line feed.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// The body as the sender wrote it.
    pub(crate) fn body(&self) -> &str {
        &self.line[self.body_start..self.line.len() - 1]
    }
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The endpoint that sends the message.
    pub(crate) sender: EndpointId,
    /// The endpoint named as `src`; usually the same.
    pub(crate) src: EndpointId,
}

/// A message that was sent and is not yet due.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) delivery: Delivery,
    /// The only incarnation of the destination that may receive the message.
    pub(super) incarnation: u32,
    /// The incarnation had already ended when the message was sent.
    pub(super) is_stale: bool,
    /// A plan spells out its fate, so it crosses partitions.
    pub(super) is_planned: bool,
    /// A random number that decides on the order of messages with the same deadline.
    pub(super) order: u64,
}

impl InFlight {
    /// A second copy of the message, with another random number.
    pub(super) fn copy(&self, order: u64) -> InFlight {
        let Delivery { id, src, sender, dest, key, src_incarnation, body_start, .. } = self.delivery;
        let line = self.delivery.line.clone();
        InFlight {
            delivery: Delivery { id, src, sender, dest, key, src_incarnation, line, body_start },
            order,
            ..*self
        }
    }
}
