//! Counts of the messages of a run.

use crate::protocol::NodeKind;

/// Counts of one class of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent. Copies made by the network do not count.
    pub send_count: u64,
    /// Messages received, including copies.
    pub recv_count: u64,
    /// Distinct messages.
    pub msg_count: u64,
}

/// Message counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// All messages.
    pub all: Counts,
    /// Messages to and from clients.
    pub clients: Counts,
    /// Messages between nodes, and between nodes and services.
    pub servers: Counts,
    /// Messages between nodes lost at random. Losses caused by `packet` faults do not count.
    pub lost: u64,
    /// Copies made by the network.
    pub duplicated: u64,
    /// Messages dropped by partitions.
    pub cut: u64,
    /// Messages to nodes that were down, and responses to requests of earlier incarnations.
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
