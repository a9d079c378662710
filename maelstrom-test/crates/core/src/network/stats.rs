//! Counts of messages.

use crate::protocol::NodeKind;

/// Message counts of one class of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent (a copy made by the network is not sent again).
    pub send_count: u64,
    /// Messages received, copies included.
    pub recv_count: u64,
    /// Distinct messages.
    pub msg_count: u64,
}

/// Message counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Everything.
    pub all: Counts,
    /// Either side is a client.
    pub clients: Counts,
    /// Neither side is a client.
    pub servers: Counts,
    /// Messages between nodes that the simulated loss took.
    pub lost: u64,
    /// Copies that the network made.
    pub duplicated: u64,
    /// Messages that a partition cut.
    pub cut: u64,
    /// Messages for nodes that were down, and answers to requests of an earlier life.
    pub dropped: u64,
}

impl Stats {
    fn classes(&mut self, src: NodeKind, dest: NodeKind) -> [&mut Counts; 2] {
        let class =
            if src == NodeKind::Client || dest == NodeKind::Client { &mut self.clients } else { &mut self.servers };
        [&mut self.all, class]
    }

    pub(super) fn sent(&mut self, src: NodeKind, dest: NodeKind) {
        for counts in self.classes(src, dest) {
            counts.send_count += 1;
            counts.msg_count += 1;
        }
    }

    pub(super) fn received(&mut self, src: NodeKind, dest: NodeKind) {
        for counts in self.classes(src, dest) {
            counts.recv_count += 1;
        }
    }
}
