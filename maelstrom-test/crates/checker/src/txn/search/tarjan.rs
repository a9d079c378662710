//! Strongly connected components: R. Tarjan (1972), in the form that needs one number per node (D. Pearce 2016), with
//! a stack of its own instead of recursion.

/// What follows a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::txn) enum Step {
    /// This node.
    To(u32),
    /// Nothing at this place, but perhaps later ones.
    Skip,
    /// Nothing more.
    End,
}

/// A graph whose successors are asked for one at a time.
pub(in crate::txn) trait Digraph {
    /// How many nodes there are: 0 … `len`−1.
    fn len(&self) -> usize;

    /// The successor of a node at a place: 0, 1, 2, … until [`Step::End`].
    fn successor(&self, node: u32, place: u32) -> Step;
}

/// A number for every node: the same for the nodes of one component, and smaller for components that come earlier in
/// a topological order. Numbers are at most the number of nodes.
pub(in crate::txn) fn strong_components(graph: &impl Digraph) -> Vec<u32> {
    let mut search = Search {
        // 0: not visited; below the components' numbers: when it was visited, or an earlier one that it leads back to.
        number: vec![0; graph.len()],
        pending: Vec::new(),
        visited: 1,
        component: graph.len() as u32,
    };
    let mut path: Vec<Frame> = Vec::new();
    // What is earlier mostly leads to what is later. From the end on, paths stay short, and so does the stack.
    for root in (0..graph.len() as u32).rev() {
        if search.number[root as usize] == 0 {
            search.explore(graph, root, &mut path);
        }
    }
    search.number
}

struct Frame {
    node: u32,
    place: u32,
    /// False once the node was found to lead back to an earlier one.
    is_root: bool,
}

struct Search {
    number: Vec<u32>,
    /// Nodes that are done and whose component is not.
    pending: Vec<u32>,
    visited: u32,
    component: u32,
}

impl Search {
    fn explore(&mut self, graph: &impl Digraph, root: u32, path: &mut Vec<Frame>) {
        self.enter(root, path);
        while let Some(frame) = path.last_mut() {
            let place = frame.place;
            frame.place += 1;
            match graph.successor(frame.node, place) {
                Step::To(next) if self.number[next as usize] == 0 => self.enter(next, path),
                Step::To(next) => self.leads_to(next, frame),
                Step::Skip => {}
                Step::End => {
                    let done = path.pop().expect("the frame just looked at");
                    self.leave(&done);
                    if let Some(parent) = path.last_mut() {
                        self.leads_to(done.node, parent);
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: u32, path: &mut Vec<Frame>) {
        self.number[node as usize] = self.visited;
        self.visited += 1;
        path.push(Frame { node, place: 0, is_root: true });
    }

    fn leads_to(&mut self, next: u32, frame: &mut Frame) {
        let next = self.number[next as usize];
        let own = &mut self.number[frame.node as usize];
        if next < *own {
            *own = next;
            frame.is_root = false;
        }
    }

    fn leave(&mut self, frame: &Frame) {
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

    struct Lists(Vec<Vec<u32>>);

    impl Digraph for Lists {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn successor(&self, node: u32, place: u32) -> Step {
            self.0[node as usize].get(place as usize).map_or(Step::End, |next| Step::To(*next))
        }
    }

    /// `reach[a][b]`: there is a path from a to b, perhaps of length 0.
    fn reachability(graph: &Lists) -> Vec<Vec<bool>> {
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
            let mut lists = Lists(vec![Vec::new(); 9]);
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
