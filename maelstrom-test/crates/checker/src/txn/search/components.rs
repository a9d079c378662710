//! One strongly connected component, cut out of the whole graph.

use crate::entries::NONE;
use crate::txn::graph::{Edge, Graph, Kind, Timeline};
use crate::txn::search::tarjan::{Digraph, Step, strong_components};

/// A component with nodes numbered from 0: its transactions in their order, then its hubs.
pub(in crate::txn) struct Local {
    /// How many of the nodes are transactions.
    pub(in crate::txn) vertices: u32,
    /// The nodes' numbers in the whole graph.
    pub(in crate::txn) members: Vec<u32>,
    offsets: Vec<u32>,
    pub(in crate::txn) edges: Vec<Edge>,
}

impl Local {
    pub(in crate::txn) fn nodes(&self) -> u32 {
        self.members.len() as u32
    }

    pub(in crate::txn) fn is_hub(&self, node: u32) -> bool {
        node >= self.vertices
    }

    /// Where a node's edges stand in [`Local::edges`].
    pub(in crate::txn) fn range(&self, node: u32) -> std::ops::Range<usize> {
        self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize
    }

    /// The kinds of all edges, as bits.
    pub(in crate::txn) fn kinds(&self) -> u8 {
        self.edges.iter().fold(0, |kinds, edge| kinds | edge.kind().bit())
    }

    /// The strongest claim that one transaction directly precedes another.
    pub(in crate::txn) fn strongest(&self, from: u32, to: u32) -> Option<Kind> {
        let edges = &self.edges[self.range(from)];
        let direct = edges.iter().filter(|edge| edge.target() == to).map(|edge| edge.kind());
        let leads_to = |hub: u32| self.edges[self.range(hub)].iter().any(|edge| edge.target() == to);
        let hubs = edges.iter().filter(|edge| self.is_hub(edge.target()) && leads_to(edge.target()));
        direct.chain(hubs.map(|edge| edge.kind())).min()
    }

    /// The same component with the strongest kind of every edge only.
    pub(in crate::txn) fn strongest_only(&self) -> Local {
        let mut offsets = vec![0];
        let mut edges: Vec<Edge> = Vec::with_capacity(self.edges.len());
        for node in 0..self.nodes() {
            let first = edges.len();
            // Sorted by target, then kind: the first of each target is the strongest.
            for edge in &self.edges[self.range(node)] {
                if edges[first..].last().is_none_or(|last| last.target() != edge.target()) {
                    edges.push(*edge);
                }
            }
            offsets.push(edges.len() as u32);
        }
        Local { vertices: self.vertices, members: self.members.clone(), offsets, edges }
    }
}

/// The whole graph together with real time, for the search of components only. Real time is a chain of *instants*: an
/// end leads to the next instant, an instant to the next one and to the transactions that begin before that.
struct WithInstants<'a> {
    graph: &'a Graph,
    timeline: &'a Timeline,
    /// Each transaction's instant, if it has an end.
    instant_of: Vec<u32>,
    /// Where the beginnings after each instant stand among the timeline's events.
    instants: Vec<u32>,
}

impl<'a> WithInstants<'a> {
    fn new(graph: &'a Graph, timeline: &'a Timeline) -> WithInstants<'a> {
        let mut instants: Vec<u32> = Vec::new();
        let mut instant_of = vec![NONE; graph.vertices as usize];
        for (at, event) in (0..).zip(&timeline.events).filter(|(_, event)| **event & 1 == 1) {
            // Ends in a row are one instant.
            match instants.last_mut() {
                Some(begun) if *begun == at => *begun = at + 1,
                _ => instants.push(at + 1),
            }
            instant_of[(event >> 1) as usize] = instants.len() as u32 - 1;
        }
        WithInstants { graph, timeline, instant_of, instants }
    }

    fn instant_successor(&self, instant: u32, place: u32) -> Step {
        let Some(at) = place.checked_sub(1) else {
            let next = instant + 1;
            let is_last = next as usize == self.instants.len();
            return if is_last { Step::Skip } else { Step::To(self.graph.nodes() + next) };
        };
        let event = self.timeline.events.get((self.instants[instant as usize] + at) as usize);
        event.filter(|event| **event & 1 == 0).map_or(Step::End, |event| Step::To(event >> 1))
    }
}

impl Digraph for WithInstants<'_> {
    fn len(&self) -> usize {
        self.graph.nodes() as usize + self.instants.len()
    }

    fn successor(&self, node: u32, place: u32) -> Step {
        if node >= self.graph.nodes() {
            return self.instant_successor(node - self.graph.nodes(), place);
        }
        let edges = self.graph.edges(node);
        match edges.get(place as usize) {
            Some(edge) => Step::To(edge.target()),
            None if place as usize == edges.len() && node < self.graph.vertices => {
                match self.instant_of[node as usize] {
                    NONE => Step::End,
                    instant => Step::To(self.graph.nodes() + instant),
                }
            }
            None => Step::End,
        }
    }
}

/// All components of two transactions or more, in the order of their first members.
pub(in crate::txn) fn components(graph: &Graph, timeline: &Timeline) -> Vec<Local> {
    let with_instants = WithInstants::new(graph, timeline);
    let number = strong_components(&with_instants);
    drop(with_instants);
    let groups = Groups::new(graph, &number);
    drop(number);
    if groups.count == 0 {
        return Vec::new();
    }
    let realtime = timeline.reduction(&groups.of[..graph.vertices as usize], groups.count);
    groups.cut_out(graph, realtime)
}

/// Which component every node belongs to; [`NONE`] for those alone.
struct Groups {
    of: Vec<u32>,
    count: usize,
}

impl Groups {
    fn new(graph: &Graph, number: &[u32]) -> Groups {
        let mut sizes = vec![0_u32; number.len() + 1];
        number[..graph.vertices as usize].iter().for_each(|number| sizes[*number as usize] += 1);
        let mut group_of_number = vec![NONE; sizes.len()];
        let mut count = 0;
        for number in &number[..graph.vertices as usize] {
            if sizes[*number as usize] > 1 && group_of_number[*number as usize] == NONE {
                group_of_number[*number as usize] = count;
                count += 1;
            }
        }
        let of = number[..graph.nodes() as usize].iter().map(|number| group_of_number[*number as usize]).collect();
        Groups { of, count: count as usize }
    }

    fn cut_out(&self, graph: &Graph, realtime: Vec<(u32, u32)>) -> Vec<Local> {
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.count];
        let mut place: Vec<u32> = vec![NONE; self.of.len()];
        for (node, group) in self.of.iter().enumerate().filter(|(_, group)| **group != NONE) {
            place[node] = members[*group as usize].len() as u32;
            members[*group as usize].push(node as u32);
        }
        let mut realtime = realtime;
        realtime.sort_unstable();
        let edges_of = |node: u32| {
            let first = realtime.partition_point(|(from, _)| *from < node);
            let in_time = realtime[first..].iter().take_while(move |(from, _)| *from == node);
            let data = graph.edges(node).iter().filter(move |e| self.of[e.target() as usize] == self.of[node as usize]);
            let place = &place;
            data.map(move |edge| Edge::new(place[edge.target() as usize], edge.kind()))
                .chain(in_time.map(move |(_, to)| Edge::new(place[*to as usize], Kind::Realtime)))
        };
        members.into_iter().map(|members| local(graph, members, edges_of)).collect()
    }
}

fn local<I: Iterator<Item = Edge>>(graph: &Graph, members: Vec<u32>, edges_of: impl Fn(u32) -> I) -> Local {
    let vertices = members.partition_point(|node| *node < graph.vertices) as u32;
    let mut offsets = vec![0];
    let mut edges: Vec<Edge> = Vec::new();
    for node in &members {
        let first = edges.len();
        edges.extend(edges_of(*node));
        edges[first..].sort_unstable();
        offsets.push(edges.len() as u32);
    }
    edges.shrink_to_fit();
    // Two transactions often depend on one another through several keys.
    let mut local = Local { vertices, members, offsets, edges };
    local.forget_repeated_edges();
    local
}

impl Local {
    fn forget_repeated_edges(&mut self) {
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
}
