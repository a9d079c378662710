//! Strongly connected components: the algorithm of R. Tarjan (*Depth-First Search and Linear Graph Algorithms*, 1972) in
//! the form that needs one number per node (D. Pearce, *A Space-Efficient Algorithm for Finding Strongly Connected
//! Components*, 2016).

/// The answer to the question for a successor of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::txn) enum Successor {
    /// The successor at this place.
    Node(u32),
    /// This place has no successor, but later ones may have one.
    Skip,
    /// This place and later ones have no successor.
    End,
}

/// A graph that is explored one successor at a time, so that it need not be stored.
pub(in crate::txn) trait Digraph {
    /// The number of nodes. Nodes are numbered from 0.
    fn len(&self) -> usize;

    /// The successor of a node at a place: 0, 1, 2, … until [`Successor::End`].
    fn successor(&self, node: u32, place: u32) -> Successor;
}

/// By node, the number of its strongly connected component. Numbers follow a topological order of the components, and
/// are at most the number of nodes.
pub(in crate::txn) fn strong_components(graph: &impl Digraph) -> Vec<u32> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct AdjacencyLists(Vec<Vec<u32>>);

    impl Digraph for AdjacencyLists {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn successor(&self, node: u32, place: u32) -> Successor {
            self.0[node as usize].get(place as usize).map_or(Successor::End, |next| Successor::Node(*next))
        }
    }

    /// `reach[a][b]`: there is a path from a to b, perhaps of length 0.
    fn reachability(graph: &AdjacencyLists) -> Vec<Vec<bool>> {
        let n = graph.len();
        let mut reach: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| a == b).collect()).collect();
        for (a, list) in graph.0.iter().enumerate() {
            list.iter().for_each(|b| reach[a][*b as usize] = true);
        }
        for via in 0..n {
            for a in 0..n {
                for b in 0..n {
                    reach[a][b] |= reach[a][via] && reach[via][b];
                }
            }
        }
        reach
    }

    proptest! {
        #[test]
        fn components_are_mutual_reachability_in_topological_order(
            edges in prop::collection::vec((0_u32..9, 0_u32..9), 0..24)
        ) {
            let mut lists = AdjacencyLists(vec![Vec::new(); 9]);
            edges.iter().for_each(|(a, b)| lists.0[*a as usize].push(*b));
            let number = strong_components(&lists);
            let reach = reachability(&lists);
            for a in 0..9 {
                for b in 0..9 {
                    prop_assert_eq!(number[a] == number[b], reach[a][b] && reach[b][a]);
                    prop_assert!(!reach[a][b] || number[a] <= number[b]);
                }
            }
        }
    }
}
