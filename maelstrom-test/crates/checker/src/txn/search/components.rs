//! The strongly connected components of the dependency graph, each as a graph of its own.

use super::tarjan::{Digraph, Successor, strong_components};
use crate::entries::NONE;
use crate::txn::graph::{Edge, EdgeKind, Graph, TransactionTimeline};

/// A component with nodes numbered from 0: its transactions in their order, then its hubs.
pub(super) struct Component {
    /// The number of transactions.
    vertices: u32,
    /// By node, its number in the whole graph.
    members: Vec<u32>,
    offsets: Vec<u32>,
    edges: Vec<Edge>,
}

impl Component {
    /// The component of these members, which are sorted, with their edges inside the component.
    fn new<I: Iterator<Item = Edge>>(graph: &Graph, members: Vec<u32>, edges_of: impl Fn(u32) -> I) -> Component {
        let vertices = members.partition_point(|node| *node < graph.vertices()) as u32;
        let mut offsets = vec![0];
        let mut edges: Vec<Edge> = Vec::new();
        for node in &members {
            let first = edges.len();
            edges.extend(edges_of(*node));
            edges[first..].sort_unstable();
            offsets.push(edges.len() as u32);
        }
        edges.shrink_to_fit();
        let mut component = Component { vertices, members, offsets, edges };
        component.remove_repeated_edges();
        component
    }

    /// Two transactions often depend on one another through several keys.
    fn remove_repeated_edges(&mut self) {
        let mut kept = 0_usize;
        let mut begin = 0_usize;
        for node in 0..self.members.len() {
            let end = self.offsets[node + 1] as usize;
            let first = kept;
            for at in begin..end {
                if kept == first || self.edges[kept - 1] != self.edges[at] {
                    self.edges[kept] = self.edges[at];
                    kept += 1;
                }
            }
            begin = end;
            self.offsets[node + 1] = kept as u32;
        }
        self.edges.truncate(kept);
    }

    /// The number of transactions. They are the nodes below this number.
    pub(super) fn vertices(&self) -> u32 {
        self.vertices
    }

    /// The number of nodes, hubs included.
    pub(super) fn node_count(&self) -> u32 {
        self.members.len() as u32
    }

    /// The number of a node in the whole graph.
    pub(super) fn member(&self, node: u32) -> u32 {
        self.members[node as usize]
    }

    /// All edges. An edge is known by its place in this list.
    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edge at a place.
    pub(super) fn edge(&self, place: usize) -> Edge {
        self.edges[place]
    }

    pub(super) fn is_hub(&self, node: u32) -> bool {
        node >= self.vertices
    }

    /// The places of the edges that leave a node.
    pub(super) fn range(&self, node: u32) -> std::ops::Range<usize> {
        self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize
    }

    /// The set of the kinds of all edges.
    pub(super) fn kinds(&self) -> u8 {
        self.edges.iter().fold(0, |kinds, edge| kinds | edge.kind().bit())
    }

    /// The strongest claim that one transaction directly precedes another.
    pub(super) fn strongest(&self, from: u32, to: u32) -> Option<EdgeKind> {
        let edges = &self.edges[self.range(from)];
        let direct = edges.iter().filter(|edge| edge.target() == to).map(|edge| edge.kind());
        let leads_to = |hub: u32| self.edges[self.range(hub)].iter().any(|edge| edge.target() == to);
        let hubs = edges.iter().filter(|edge| self.is_hub(edge.target()) && leads_to(edge.target()));
        direct.chain(hubs.map(|edge| edge.kind())).min()
    }

    /// The same component with the strongest kind of every edge only.
    pub(super) fn strongest_only(&self) -> Component {
        let mut offsets = vec![0];
        let mut edges: Vec<Edge> = Vec::with_capacity(self.edges.len());
        for node in 0..self.node_count() {
            let first = edges.len();
            // Sorted by target, then kind: the first of each target is the strongest.
            for edge in &self.edges[self.range(node)] {
                if edges[first..].last().is_none_or(|last| last.target() != edge.target()) {
                    edges.push(*edge);
                }
            }
            offsets.push(edges.len() as u32);
        }
        Component { vertices: self.vertices, members: self.members.clone(), offsets, edges }
    }
}

/// The whole graph together with the real-time order, for the search of components only.
///
/// The real-time order is a chain of *instants*, which needs one node per end instead of an edge per pair. The end of a
/// transaction leads to an instant. An instant leads to the next one, and to the transactions that begin before that.
///
/// ```text
///     time      T1 ends,  T2 begins,  T3 ends,  T4 begins
///
///     edges     T1 ──► instant 0 ──► instant 1 ──► T4
///                         └──► T2       ▲
///                              T3 ──────┘
/// ```
struct WithRealTime<'a> {
    graph: &'a Graph,
    timeline: &'a TransactionTimeline,
    /// By transaction, the instant of its end, or [`NONE`] if it has no end.
    instant_of: Vec<u32>,
    /// By instant, the place of the first event after it in the timeline.
    instants: Vec<u32>,
}

impl<'a> WithRealTime<'a> {
    fn new(graph: &'a Graph, timeline: &'a TransactionTimeline) -> WithRealTime<'a> {
        let mut instants: Vec<u32> = Vec::new();
        let mut instant_of = vec![NONE; graph.vertices() as usize];
        for (at, event) in (0..).zip(&timeline.events).filter(|(_, event)| **event & 1 == 1) {
            // Ends without a beginning between them are one instant.
            match instants.last_mut() {
                Some(begun) if *begun == at => *begun = at + 1,
                _ => instants.push(at + 1),
            }
            instant_of[(event >> 1) as usize] = instants.len() as u32 - 1;
        }
        WithRealTime { graph, timeline, instant_of, instants }
    }

    fn instant_successor(&self, instant: u32, place: u32) -> Successor {
        let Some(at) = place.checked_sub(1) else {
            let next = instant + 1;
            let is_last = next as usize == self.instants.len();
            return if is_last { Successor::Skip } else { Successor::Node(self.graph.node_count() + next) };
        };
        let event = self.timeline.events.get((self.instants[instant as usize] + at) as usize);
        event.filter(|event| **event & 1 == 0).map_or(Successor::End, |event| Successor::Node(event >> 1))
    }
}

impl Digraph for WithRealTime<'_> {
    fn len(&self) -> usize {
        self.graph.node_count() as usize + self.instants.len()
    }

    fn successor(&self, node: u32, place: u32) -> Successor {
        if node >= self.graph.node_count() {
            return self.instant_successor(node - self.graph.node_count(), place);
        }
        let edges = self.graph.edges(node);
        match edges.get(place as usize) {
            Some(edge) => Successor::Node(edge.target()),
            None if place as usize == edges.len() && node < self.graph.vertices() => {
                match self.instant_of[node as usize] {
                    NONE => Successor::End,
                    instant => Successor::Node(self.graph.node_count() + instant),
                }
            }
            None => Successor::End,
        }
    }
}

/// All components with at least two transactions, in the order of their first members.
pub(super) fn components(graph: &Graph, timeline: &TransactionTimeline) -> Vec<Component> {
    let with_instants = WithRealTime::new(graph, timeline);
    let number = strong_components(&with_instants);
    drop(with_instants);
    let membership = Membership::new(graph, &number);
    drop(number);
    if membership.count == 0 {
        return Vec::new();
    }
    let realtime = timeline.reduction(&membership.component_of[..graph.vertices() as usize], membership.count);
    membership.components(graph, realtime)
}

/// By node, the component that it belongs to, or [`NONE`] if it is a component of its own.
struct Membership {
    component_of: Vec<u32>,
    count: usize,
}

impl Membership {
    fn new(graph: &Graph, number: &[u32]) -> Membership {
        let mut sizes = vec![0_u32; number.len() + 1];
        number[..graph.vertices() as usize].iter().for_each(|number| sizes[*number as usize] += 1);
        let mut component_of_number = vec![NONE; sizes.len()];
        let mut count = 0;
        for number in &number[..graph.vertices() as usize] {
            if sizes[*number as usize] > 1 && component_of_number[*number as usize] == NONE {
                component_of_number[*number as usize] = count;
                count += 1;
            }
        }
        let nodes = &number[..graph.node_count() as usize];
        let component_of = nodes.iter().map(|number| component_of_number[*number as usize]).collect();
        Membership { component_of, count: count as usize }
    }

    fn components(&self, graph: &Graph, mut realtime: Vec<(u32, u32)>) -> Vec<Component> {
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.count];
        let mut place: Vec<u32> = vec![NONE; self.component_of.len()];
        for (node, component) in self.component_of.iter().enumerate().filter(|(_, component)| **component != NONE) {
            place[node] = members[*component as usize].len() as u32;
            members[*component as usize].push(node as u32);
        }
        realtime.sort_unstable();
        let edges_of = |node: u32| {
            let first = realtime.partition_point(|(from, _)| *from < node);
            let in_time = realtime[first..].iter().take_while(move |(from, _)| *from == node);
            let data = graph
                .edges(node)
                .iter()
                .filter(move |e| self.component_of[e.target() as usize] == self.component_of[node as usize]);
            let place = &place;
            data.map(move |edge| Edge::new(place[edge.target() as usize], edge.kind()))
                .chain(in_time.map(move |(_, to)| Edge::new(place[*to as usize], EdgeKind::Realtime)))
        };
        members.into_iter().map(|members| Component::new(graph, members, edges_of)).collect()
    }
}
