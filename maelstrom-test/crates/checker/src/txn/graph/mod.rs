//! Dependency graphs in compressed form: one array of edges, and where each node's begin.
//!
//! An edge is a number of 32 bits: its target and, in the lowest three bits, its [`Kind`]. Where every one of many
//! transactions precedes every one of many others, the graph holds a *hub* between them instead of all pairs: a node
//! that is no transaction, and that paths pass through without becoming longer.

use crate::entries::NONE;
use std::fmt;

/// Why one transaction precedes another. The order is that of the strength of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The second overwrote what the first wrote.
    Ww = 0,
    /// The second read what the first wrote.
    Wr = 1,
    /// The second overwrote what the first read.
    Rw = 2,
    /// One process performed them in this order.
    Process = 3,
    /// The first was complete before the second began.
    Realtime = 4,
    /// The way out of a hub; the claim is that of the way in.
    Through = 5,
}

impl Kind {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        ["ww", "wr", "rw", "process", "realtime", ""][self as usize]
    }

    /// A set of one.
    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }

    fn from_bits(bits: u32) -> Kind {
        [Kind::Ww, Kind::Wr, Kind::Rw, Kind::Process, Kind::Realtime, Kind::Through][bits as usize]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A target and a kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::txn) struct Edge(u32);

impl Edge {
    pub(in crate::txn) fn new(target: u32, kind: Kind) -> Edge {
        Edge(target << 3 | kind as u32)
    }

    pub(in crate::txn) fn target(self) -> u32 {
        self.0 >> 3
    }

    pub(in crate::txn) fn kind(self) -> Kind {
        Kind::from_bits(self.0 & 7)
    }
}

/// Takes dependencies, one or many at a time, with a reason of type `R` that only explanations look at.
pub(crate) trait Sink<R> {
    /// The transaction `from` precedes `to`. Nothing if they are the same.
    fn edge(&mut self, from: u32, to: u32, kind: Kind, reason: R);

    /// Each of `from` precedes each of `to`.
    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: Kind, reason: R);
}

/// What a dependency graph is made of. Both calls must give the same, in the same order.
pub(crate) trait Dependencies {
    /// What is known of the reason for an edge.
    type Reason: Copy;

    /// Gives all edges to the sink.
    fn for_each(&self, sink: &mut impl Sink<Self::Reason>);
}

/// A dependency graph.
pub(crate) struct Graph {
    /// Transactions are the nodes below this number, hubs the others.
    pub(in crate::txn) vertices: u32,
    offsets: Vec<u32>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Builds the graph of so many transactions. The dependencies are asked twice: to count and to store.
    pub(crate) fn new(vertices: u32, dependencies: &impl Dependencies) -> Graph {
        let mut counter = Counter { vertices, degrees: vec![0; vertices as usize] };
        dependencies.for_each(&mut counter);
        let mut total = 0_u32;
        let mut offsets: Vec<u32> = Vec::with_capacity(counter.degrees.len() + 1);
        offsets.push(0);
        for degree in counter.degrees {
            total += degree;
            offsets.push(total);
        }
        // While filling, `offsets[v]` is where the next edge of `v` goes; afterwards it is where those of `v + 1` begin.
        let edges = vec![Edge(0); total as usize];
        let mut filler = Filler { vertices, hubs: 0, offsets, edges };
        dependencies.for_each(&mut filler);
        let Filler { mut offsets, edges, .. } = filler;
        offsets.rotate_right(1);
        offsets[0] = 0;
        Graph { vertices, offsets, edges }
    }

    /// All nodes, hubs included.
    pub(in crate::txn) fn nodes(&self) -> u32 {
        self.offsets.len() as u32 - 1
    }

    /// Whether no transaction depends on another.
    pub(crate) fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// The edges that leave a node.
    pub(in crate::txn) fn edges(&self, node: u32) -> &[Edge] {
        &self.edges[self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize]
    }
}

/// Whether so many pairs are cheaper with a hub.
fn needs_hub(from: &[u32], to: &[u32]) -> bool {
    const FEW: usize = 64;
    if cfg!(test) {
        // So that tiny graphs, whose cycles can be enumerated, have hubs.
        return from.len() > 1 && to.len() > 1;
    }
    from.len() * to.len() > FEW.max(2 * (from.len() + to.len()))
}

/// First pass: how many edges leave each node.
struct Counter {
    vertices: u32,
    degrees: Vec<u32>,
}

impl<R: Copy> Sink<R> for Counter {
    fn edge(&mut self, from: u32, to: u32, _: Kind, _: R) {
        debug_assert!(from < self.vertices && to < self.vertices);
        self.degrees[from as usize] += u32::from(from != to);
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: Kind, reason: R) {
        if needs_hub(from, to) {
            from.iter().for_each(|from| self.degrees[*from as usize] += 1);
            self.degrees.push(to.len() as u32);
        } else {
            each_pair(self, from, to, kind, reason);
        }
    }
}

/// Second pass: the edges.
struct Filler {
    vertices: u32,
    hubs: u32,
    offsets: Vec<u32>,
    edges: Vec<Edge>,
}

impl Filler {
    fn put(&mut self, from: u32, edge: Edge) {
        let next = &mut self.offsets[from as usize];
        self.edges[*next as usize] = edge;
        *next += 1;
    }
}

impl<R: Copy> Sink<R> for Filler {
    fn edge(&mut self, from: u32, to: u32, kind: Kind, _: R) {
        if from != to {
            self.put(from, Edge::new(to, kind));
        }
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: Kind, reason: R) {
        if needs_hub(from, to) {
            let hub = self.vertices + self.hubs;
            self.hubs += 1;
            from.iter().for_each(|from| self.put(*from, Edge::new(hub, kind)));
            to.iter().for_each(|to| self.put(hub, Edge::new(*to, Kind::Through)));
        } else {
            each_pair(self, from, to, kind, reason);
        }
    }
}

fn each_pair<R: Copy, S: Sink<R>>(sink: &mut S, from: &[u32], to: &[u32], kind: Kind, reason: R) {
    for from in from {
        to.iter().for_each(|to| sink.edge(*from, *to, kind, reason));
    }
}

/// Finds the reason for one edge among all dependencies.
pub(crate) struct Finder<R> {
    from: u32,
    to: u32,
    kind: Kind,
    /// The first reason that was given.
    pub(crate) reason: Option<R>,
}

impl<R> Finder<R> {
    /// Looks for the reason of this edge.
    pub(crate) fn new(from: u32, to: u32, kind: Kind) -> Finder<R> {
        Finder { from, to, kind, reason: None }
    }
}

impl<R: Copy> Sink<R> for Finder<R> {
    fn edge(&mut self, from: u32, to: u32, kind: Kind, reason: R) {
        if self.reason.is_none() && (from, to, kind) == (self.from, self.to, self.kind) {
            self.reason = Some(reason);
        }
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: Kind, reason: R) {
        if from.contains(&self.from) && to.contains(&self.to) {
            self.edge(self.from, self.to, kind, reason);
        }
    }
}

/// When transactions begin and end, as far as it matters to the order in real time.
#[derive(Default)]
pub(crate) struct Timeline {
    /// In order: `2 × transaction` for a beginning, `2 × transaction + 1` for an end. Transactions that are not known
    /// to have happened do not occur; those of which only that is known have no end.
    pub(crate) events: Vec<u32>,
}

impl Timeline {
    /// Whether some transaction was complete before another began.
    pub(crate) fn orders_any(&self) -> bool {
        let first_end = self.events.iter().position(|event| event & 1 == 1);
        first_end.is_some_and(|end| self.events[end..].iter().any(|event| event & 1 == 0))
    }

    /// Every transaction's end followed by another's beginning, transitively reduced, within groups of transactions
    /// that are given by number ([`NONE`]: not of interest). Edges stand in the order of their targets' beginnings.
    pub(in crate::txn) fn reduction(&self, group_of: &[u32], groups: usize) -> Vec<(u32, u32)> {
        // Per group, the transactions that are complete and precede no other complete one.
        let mut latest: Vec<Vec<u32>> = vec![Vec::new(); groups];
        let mut edges: Vec<(u32, u32)> = Vec::new();
        // Where the edges to a transaction stand, and which transaction's end last took one from `latest`.
        let mut incoming: Vec<(u32, u32)> = vec![(0, 0); group_of.len()];
        let mut dropped_by: Vec<u32> = vec![NONE; group_of.len()];
        for event in &self.events {
            let txn = event >> 1;
            let group = group_of[txn as usize];
            if group == NONE {
                continue;
            }
            let latest = &mut latest[group as usize];
            if event & 1 == 0 {
                let first = edges.len() as u32;
                edges.extend(latest.iter().map(|before| (*before, txn)));
                incoming[txn as usize] = (first, edges.len() as u32);
            } else {
                let (first, last) = incoming[txn as usize];
                for (before, _) in &edges[first as usize..last as usize] {
                    dropped_by[*before as usize] = txn;
                }
                latest.retain(|before| dropped_by[*before as usize] != txn);
                latest.push(txn);
            }
        }
        edges
    }
}
