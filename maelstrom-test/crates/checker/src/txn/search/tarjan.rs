//! Strongly connected components: the algorithm of R. Tarjan (*Depth-First Search and Linear Graph Algorithms*, 1972) in
//! the form that needs one number per node (D. Pearce, *A Space-Efficient Algorithm for Finding Strongly Connected
//! Components*, 2016).
//!
//! `petgraph::algo::tarjan_scc` implements the same algorithm, and is the oracle of the test in this file. It is not used
//! here for two reasons:
//!
//! - It recurses once per node of a path. The dependencies of one process or one key are a path through the whole history,
//!   so a long history would overflow the stack. The implementation here has an explicit stack.
//! - It keeps 8 bytes per node and returns the nodes in a vector per component. The implementation here keeps and returns
//!   4 bytes per node, and explores graphs that are not stored ([`Digraph`]), such as the product of a graph and an
//!   automaton.
//!
//! Small graphs, such as the versions of one key, use it too. They would not need it, but petgraph as a dependency would add
//! six crates to the build of every user.

use std::collections::BTreeMap;

/// The answer to the question for a successor of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Successor {
    /// The successor at this place.
    Node(u32),
    /// This place has no successor, but later ones may have one.
    Skip,
    /// This place and later ones have no successor.
    End,
}

/// A graph that is explored one successor at a time, so that it need not be stored.
pub(super) trait Digraph {
    /// The number of nodes. Nodes are numbered from 0.
    fn len(&self) -> usize;

    /// The successor of a node at a place: 0, 1, 2, … until [`Successor::End`].
    fn successor(&self, node: u32, place: u32) -> Successor;
}

/// By node, the number of its strongly connected component. Numbers follow a topological order of the components, and
/// are at most the number of nodes.
pub(super) fn strong_components(graph: &impl Digraph) -> Vec<u32> {
    let mut state = TarjanState {
        // 0: not visited. Less than the numbers of components: when the node was visited, or when an earlier node was
        // visited to which it leads back.
        number: vec![0; graph.len()],
        pending: Vec::new(),
        visited: 1,
        component: graph.len() as u32,
    };
    let mut path: Vec<Frame> = Vec::new();
    // Earlier transactions mostly lead to later ones. Starting at the end keeps paths, and so the stack, short.
    for root in (0..graph.len() as u32).rev() {
        if state.number[root as usize] == 0 {
            state.explore(graph, root, &mut path);
        }
    }
    state.number
}

/// A node on the path from the root to where the search is.
struct Frame {
    node: u32,
    /// The place of its next successor.
    place: u32,
    /// False once a path from the node to an earlier node was found.
    is_root: bool,
}

struct TarjanState {
    number: Vec<u32>,
    /// Completely explored nodes whose component is not complete.
    pending: Vec<u32>,
    visited: u32,
    component: u32,
}

impl TarjanState {
    fn explore(&mut self, graph: &impl Digraph, root: u32, path: &mut Vec<Frame>) {
        self.push(root, path);
        while let Some(frame) = path.last_mut() {
            let place = frame.place;
            frame.place += 1;
            match graph.successor(frame.node, place) {
                Successor::Node(next) if self.number[next as usize] == 0 => self.push(next, path),
                Successor::Node(next) => self.follow(next, frame),
                Successor::Skip => {}
                Successor::End => {
                    let done = path.pop().expect("the frame just looked at");
                    self.pop(&done);
                    if let Some(parent) = path.last_mut() {
                        self.follow(done.node, parent);
                    }
                }
            }
        }
    }

    fn push(&mut self, node: u32, path: &mut Vec<Frame>) {
        self.number[node as usize] = self.visited;
        self.visited += 1;
        path.push(Frame { node, place: 0, is_root: true });
    }

    fn follow(&mut self, next: u32, frame: &mut Frame) {
        let next = self.number[next as usize];
        let own = &mut self.number[frame.node as usize];
        if next < *own {
            *own = next;
            frame.is_root = false;
        }
    }

    fn pop(&mut self, frame: &Frame) {
        if !frame.is_root {
            self.pending.push(frame.node);
            return;
        }
        let first = self.number[frame.node as usize];
        self.visited -= 1;
        while let Some(node) = self.pending.pop_if(|node| self.number[*node as usize] >= first) {
            self.number[node as usize] = self.component;
            self.visited -= 1;
        }
        self.number[frame.node as usize] = self.component;
        self.component -= 1;
    }
}

/// The strongly connected components of a small graph that have several nodes, each in ascending order.
pub(in crate::txn) fn cyclic_components(nodes: usize, edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
    let number = strong_components(&AdjacencyLists::new(nodes, edges));
    let mut components: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (node, number) in (0..).zip(number) {
        components.entry(number).or_default().push(node);
    }
    components.into_values().filter(|members| members.len() > 1).collect()
}

struct AdjacencyLists(Vec<Vec<u32>>);

impl AdjacencyLists {
    fn new(nodes: usize, edges: &[(u32, u32)]) -> AdjacencyLists {
        let mut lists = vec![Vec::new(); nodes];
        edges.iter().for_each(|(from, to)| lists[*from as usize].push(*to));
        AdjacencyLists(lists)
    }
}

impl Digraph for AdjacencyLists {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn successor(&self, node: u32, place: u32) -> Successor {
        self.0[node as usize].get(place as usize).map_or(Successor::End, |next| Successor::Node(*next))
    }
}

#[cfg(test)]
mod tests {
    use petgraph::algo::tarjan_scc;
    use petgraph::graph::{DiGraph, NodeIndex};
    use proptest::prelude::*;

    use super::*;
    use crate::test_cases::cases;

    /// The number of the component of each node, by petgraph.
    fn oracle(nodes: usize, edges: &[(u32, u32)]) -> Vec<usize> {
        let mut graph = DiGraph::<(), ()>::with_capacity(nodes, edges.len());
        (0..nodes).for_each(|_| _ = graph.add_node(()));
        graph.extend_with_edges(edges.iter().copied());
        let mut number = vec![0; nodes];
        for (component, members) in tarjan_scc(&graph).into_iter().enumerate() {
            members.into_iter().for_each(|node: NodeIndex| number[node.index()] = component);
        }
        number
    }

    /// Graphs from a few separate edges to a few components of many nodes.
    fn graph() -> impl Strategy<Value = (usize, Vec<(u32, u32)>)> {
        (1..60_usize).prop_flat_map(|nodes| {
            let node = || 0..nodes as u32;
            (Just(nodes), prop::collection::vec((node(), node()), 0..2 * nodes))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: cases(1000), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn components_are_those_of_petgraph((nodes, edges) in graph()) {
            let number = strong_components(&AdjacencyLists::new(nodes, &edges));
            let expected = oracle(nodes, &edges);
            for a in 0..nodes {
                for b in 0..nodes {
                    prop_assert_eq!(number[a] == number[b], expected[a] == expected[b], "{} and {}", a, b);
                }
            }
            for (from, to) in edges {
                prop_assert!(number[from as usize] <= number[to as usize], "{} -> {}", from, to);
            }
            prop_assert!(number.iter().all(|number| *number as usize <= nodes));
        }
    }

    #[test]
    fn a_path_of_a_million_nodes_does_not_overflow_the_stack() {
        const NODES: u32 = 1_000_000;
        // Towards smaller numbers, so that one search from the last node visits all others.
        let edges: Vec<(u32, u32)> = (1..NODES).map(|node| (node, node - 1)).collect();
        let number = strong_components(&AdjacencyLists::new(NODES as usize, &edges));
        assert!(number.is_sorted_by(|one, other| one > other));
    }
}
