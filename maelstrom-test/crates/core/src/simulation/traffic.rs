//! Bounds on the number of messages, so that messages which multiply without end do not go on for ever.

use super::Failure;
use crate::history::Nanos;
use crate::network::{EndpointId, Network};

/// Messages of nodes within one instant of virtual time. Each takes some time to arrive, so only nodes that print without
/// reading come near it.
const MESSAGES_PER_INSTANT: u64 = 200_000;
/// Links that an error names.
const BUSIEST: usize = 5;

/// How many messages the nodes have sent, by link.
#[derive(Debug)]
pub(super) struct Traffic {
    limit: u64,
    total: u64,
    /// The time of the last message, and how many there were at that time.
    instant: (Nanos, u64),
    /// By sending node, then by destination: the nodes, the services, and in the last place all clients.
    links: Vec<u64>,
    nodes: usize,
    places: usize,
}

impl Traffic {
    pub(super) fn new(limit: u64, nodes: usize, services: usize) -> Traffic {
        let places = nodes + services + 1;
        Traffic { limit, total: 0, instant: (0, 0), links: vec![0; nodes * places], nodes, places }
    }

    /// A node sends a message. True if that is one too many.
    pub(super) fn is_too_much(&mut self, now: Nanos, node: usize, dest: EndpointId) -> bool {
        self.total += 1;
        self.links[node * self.places + dest.min(self.places - 1)] += 1;
        if self.instant.0 != now {
            self.instant = (now, 0);
        }
        self.instant.1 += 1;
        self.total > self.limit || self.instant.1 > MESSAGES_PER_INSTANT
    }

    /// What is said then: the busiest links, and what the busiest node printed last.
    pub(super) fn failure(&self, network: &Network, last_lines: impl Fn(usize) -> Vec<String>) -> Failure {
        let mut links: Vec<(u64, usize)> =
            self.links.iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, count)| (*count, at)).collect();
        links.sort_unstable_by_key(|(count, at)| (std::cmp::Reverse(*count), *at));
        let name = |at: usize| if at + 1 == self.places { "clients" } else { network.name(at) };
        let busiest = links.first().map_or(0, |(_, at)| at / self.places);
        debug_assert!(busiest < self.nodes);
        let show = |(count, at): &(u64, usize)| {
            format!("{} → {}: {count}", network.name(at / self.places), name(at % self.places))
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
