//! What the nemesis does to the network, and what it wants to know of it.

use std::cmp::Reverse;

use super::Network;
use crate::nemesis::Grudge;
use crate::plan::PacketBehaviour;

/// An active `packet` fault.
#[derive(Debug)]
pub(super) struct PacketFault {
    pub(super) targets: Vec<bool>,
    pub(super) behaviour: PacketBehaviour,
    pub(super) fault: u64,
}

impl Network {
    /// Makes `dest` drop all messages from `src`.
    pub(super) fn block_link(&mut self, src: usize, dest: usize) {
        self.blocked[dest * self.node_count + src] = true;
    }

    /// Starts a partition. It replaces the current one.
    pub(crate) fn partition(&mut self, grudge: &Grudge, fault: u64) {
        self.heal();
        self.partition = Some(fault);
        for (dest, sources) in grudge.iter().enumerate() {
            sources.iter().for_each(|&src| self.block_link(src, dest));
        }
    }

    /// Ends the partition.
    pub(crate) fn heal(&mut self) {
        self.blocked.fill(false);
        self.partition = None;
    }

    /// Multiplies the latency between nodes by a factor; 1 restores the configured latency.
    pub fn set_latency_factor(&mut self, factor: f64) {
        self.latency_factor = factor;
    }

    /// Sets the probability that a message between nodes is lost; 0 restores the configured probability.
    pub fn set_loss(&mut self, p_loss: f64) {
        self.p_loss_override = p_loss;
    }

    /// Starts a `packet` fault: messages to and from the given nodes are lost, duplicated, delayed or reordered.
    pub(crate) fn start_packet_fault(&mut self, nodes: &[usize], behaviour: PacketBehaviour, fault: u64) {
        let mut targets = vec![false; self.node_count];
        nodes.iter().for_each(|&node| targets[node] = true);
        self.packet_fault = Some(PacketFault { targets, behaviour, fault });
    }

    /// Ends the `packet` fault.
    pub(crate) fn stop_packet_fault(&mut self) {
        self.packet_fault = None;
    }

    /// How many messages `packet` faults have affected.
    pub(crate) fn messages_affected(&self) -> u64 {
        self.messages_affected
    }

    /// The likely leader: the node that sent the most messages to other nodes since the last
    /// [`reset_likely_leader`](Network::reset_likely_leader). The lowest node number wins a tie. `None` if no node sent
    /// any.
    pub(crate) fn likely_leader(&self) -> Option<usize> {
        let sent = |node: &usize| (self.endpoints[*node].sent_to_peers, Reverse(*node));
        (0..self.node_count).filter(|node| self.endpoints[*node].sent_to_peers > 0).max_by_key(sent)
    }

    /// Restarts the count behind [`likely_leader`](Network::likely_leader).
    pub(crate) fn reset_likely_leader(&mut self) {
        self.endpoints[..self.node_count].iter_mut().for_each(|node| node.sent_to_peers = 0);
    }
}
