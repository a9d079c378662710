//! [`Traffic`]: bounds on the number of messages, which end a run whose messages multiply without end.

use crate::history::Nanos;
use crate::network::{EndpointId, Network};
use crate::simulation::Failure;

/// Messages of nodes within one instant of virtual time. Each takes some time to arrive, so only nodes that print without
/// reading come near it.
const MESSAGES_PER_INSTANT: u64 = 200_000;
/// Links that an error names.
const BUSIEST: usize = 5;

/// How many messages the nodes have sent, by link.
#[derive(Debug)]
pub(in super::super) struct Traffic {
    limit: u64,
    total: u64,
    /// The time of the last message, and how many there were at that time.
    instant: (Nanos, u64),
    /// By sending node, then by destination: the nodes, the services, and in the last place all clients.
    links: Vec<u64>,
    nodes: usize,
    columns: usize,
}

impl Traffic {
    pub(in super::super) fn new(limit: u64, nodes: usize, services: usize) -> Traffic {
        let columns = nodes + services + 1;
        Traffic { limit, total: 0, instant: (0, 0), links: vec![0; nodes * columns], nodes, columns }
    }

    /// A node sends a message. True if that is one too many.
    pub(in super::super) fn is_too_much(&mut self, now: Nanos, node: usize, dest: EndpointId) -> bool {
        self.total += 1;
        self.links[node * self.columns + dest.min(self.columns - 1)] += 1;
        if self.instant.0 != now {
            self.instant = (now, 0);
        }
        self.instant.1 += 1;
        self.total > self.limit || self.instant.1 > MESSAGES_PER_INSTANT
    }

    /// The error for too many messages: the busiest links, and the last lines of the busiest node.
    pub(in super::super) fn failure(&self, network: &Network, last_lines: impl Fn(usize) -> Vec<String>) -> Failure {
        let mut links: Vec<(u64, usize)> =
            self.links.iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, count)| (*count, at)).collect();
        links.sort_unstable_by_key(|(count, at)| (std::cmp::Reverse(*count), *at));
        let name = |at: usize| if at + 1 == self.columns { "clients" } else { network.name(at) };
        let busiest = links.first().map_or(0, |(_, at)| at / self.columns);
        debug_assert!(busiest < self.nodes);
        let show = |(count, at): &(u64, usize)| {
            format!("{} → {}: {count}", network.name(at / self.columns), name(at % self.columns))
        };
        let at_once = self.total <= self.limit;
        Failure::TooManyMessages {
            limit: if at_once { MESSAGES_PER_INSTANT } else { self.limit },
            at_once,
            links: links.iter().take(BUSIEST).map(show).collect(),
            node: network.name(busiest).to_owned(),
            last: last_lines(busiest),
        }
    }
}
