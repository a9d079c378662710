//! The graph in compressed sparse rows: one array of edges, and the offset of the first edge of each node.

use super::dependencies::{Dependencies, EdgeSink};
use super::edge::{Edge, EdgeKind};

/// A dependency graph.
pub(crate) struct Graph {
    /// The number of transactions. Nodes from this number on are hubs.
    vertices: u32,
    offsets: Vec<u32>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Builds the graph of `vertices` transactions in two passes over the dependencies: one counts edges, one stores them.
    pub(crate) fn new(vertices: u32, dependencies: &impl Dependencies) -> Graph {
        let mut counter = DegreeCounter { vertices, degrees: vec![0; vertices as usize] };
        dependencies.for_each(&mut counter);
        let mut total = 0_u32;
        let mut offsets: Vec<u32> = Vec::with_capacity(counter.degrees.len() + 1);
        offsets.push(0);
        for degree in counter.degrees {
            total += degree;
            offsets.push(total);
        }
        // While edges are written, `offsets[v]` is the place of the next edge of `v`. Afterwards it is the place of the
        // first edge of `v + 1`.
        let edges = vec![Edge::new(0, EdgeKind::Ww); total as usize];
        let mut writer = EdgeWriter { vertices, hubs: 0, offsets, edges };
        dependencies.for_each(&mut writer);
        let EdgeWriter { mut offsets, edges, .. } = writer;
        offsets.rotate_right(1);
        offsets[0] = 0;
        Graph { vertices, offsets, edges }
    }

    /// The number of transactions.
    pub(in crate::txn) fn vertices(&self) -> u32 {
        self.vertices
    }

    /// The number of nodes, hubs included.
    pub(in crate::txn) fn node_count(&self) -> u32 {
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

/// Whether a hub takes less memory than an edge for each pair.
fn needs_hub(from: &[u32], to: &[u32]) -> bool {
    const FEW: usize = 64;
    if cfg!(test) {
        // Graphs that are small enough to enumerate their cycles must have hubs too.
        return from.len() > 1 && to.len() > 1;
    }
    from.len() * to.len() > FEW.max(2 * (from.len() + to.len()))
}

/// First pass: counts the edges that leave each node.
struct DegreeCounter {
    vertices: u32,
    degrees: Vec<u32>,
}

impl<R: Copy> EdgeSink<R> for DegreeCounter {
    fn edge(&mut self, from: u32, to: u32, _: EdgeKind, _: R) {
        debug_assert!(from < self.vertices && to < self.vertices);
        self.degrees[from as usize] += u32::from(from != to);
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: EdgeKind, reason: R) {
        if needs_hub(from, to) {
            from.iter().for_each(|from| self.degrees[*from as usize] += 1);
            self.degrees.push(to.len() as u32);
        } else {
            each_pair(self, from, to, kind, reason);
        }
    }
}

/// Second pass: stores the edges.
struct EdgeWriter {
    vertices: u32,
    hubs: u32,
    offsets: Vec<u32>,
    edges: Vec<Edge>,
}

impl EdgeWriter {
    fn put(&mut self, from: u32, edge: Edge) {
        let next = &mut self.offsets[from as usize];
        self.edges[*next as usize] = edge;
        *next += 1;
    }
}

impl<R: Copy> EdgeSink<R> for EdgeWriter {
    fn edge(&mut self, from: u32, to: u32, kind: EdgeKind, _: R) {
        if from != to {
            self.put(from, Edge::new(to, kind));
        }
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: EdgeKind, reason: R) {
        if needs_hub(from, to) {
            let hub = self.vertices + self.hubs;
            self.hubs += 1;
            from.iter().for_each(|from| self.put(*from, Edge::new(hub, kind)));
            to.iter().for_each(|to| self.put(hub, Edge::new(*to, EdgeKind::HubExit)));
        } else {
            each_pair(self, from, to, kind, reason);
        }
    }
}

fn each_pair<R: Copy, S: EdgeSink<R>>(sink: &mut S, from: &[u32], to: &[u32], kind: EdgeKind, reason: R) {
    for from in from {
        to.iter().for_each(|to| sink.edge(*from, *to, kind, reason));
    }
}
