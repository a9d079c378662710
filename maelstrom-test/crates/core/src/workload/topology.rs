//! [`Topology`]: the suggested neighbours of nodes in the workload `broadcast`.
//!
//! A topology is only built and sent to the nodes as lists. Only the tests search it, so `petgraph` is a dependency of the
//! tests: in the library it would add six crates to every user's build.

use std::str::FromStr;

use crate::suggest::did_you_mean;

/// The suggested topology of a broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A chain.
    Line,
    /// Rows of ⌈√n⌉ nodes.
    #[default]
    Grid,
    /// A tree, filled level by level. The parameter is the maximum number of children of a node (at least one).
    Tree(usize),
    /// Every node is a neighbour of every other node.
    Total,
}

/// The error for an unknown topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no topology \"{0}\"{hint}; topologies are {names}", names = Topology::NAMES.join(", "),
    hint = did_you_mean(.0, Topology::NAMES))]
pub struct UnknownTopology(pub String);

impl FromStr for Topology {
    type Err = UnknownTopology;

    /// Finds the topology with this name.
    ///
    /// # Errors
    /// If there is no such topology.
    fn from_str(name: &str) -> Result<Topology, UnknownTopology> {
        match name {
            "line" => Ok(Topology::Line),
            "grid" => Ok(Topology::Grid),
            "tree" | "tree2" => Ok(Topology::Tree(2)),
            "tree3" => Ok(Topology::Tree(3)),
            "tree4" => Ok(Topology::Tree(4)),
            "total" => Ok(Topology::Total),
            _ => Err(UnknownTopology(name.to_owned())),
        }
    }
}

impl Topology {
    /// The names in options.
    pub const NAMES: [&'static str; 7] = ["line", "grid", "tree", "tree2", "tree3", "tree4", "total"];

    /// The neighbours of each of `n` nodes, in ascending order. A line of one node has no entry.
    ///
    /// ```
    /// use maelstrom_core::workload::Topology;
    /// assert_eq!(Topology::Line.neighbours(3), [vec![1], vec![0, 2], vec![1]]);
    /// ```
    pub fn neighbours(self, n: usize) -> Vec<Vec<usize>> {
        if self == Topology::Line && n < 2 {
            return Vec::new();
        }
        let mut neighbours = vec![Vec::new(); n];
        let mut link = |a: usize, b: usize| {
            neighbours[a].push(b);
            neighbours[b].push(a);
        };
        match self {
            Topology::Line => (1..n).for_each(|node| link(node - 1, node)),
            Topology::Grid => {
                let width = (0..).find(|width| width * width >= n).expect("some square is large enough");
                for node in 0..n {
                    if node % width > 0 {
                        link(node - 1, node);
                    }
                    if node >= width {
                        link(node - width, node);
                    }
                }
            }
            Topology::Tree(children) => (1..n).for_each(|node| link((node - 1) / children.max(1), node)),
            Topology::Total => (0..n).for_each(|node| (0..node).for_each(|other| link(other, node))),
        }
        neighbours.iter_mut().for_each(|nodes| nodes.sort_unstable());
        neighbours
    }
}

#[cfg(test)]
mod tests {
    use petgraph::algo::connected_components;
    use petgraph::graph::UnGraph;

    use super::*;

    #[test]
    fn small_topologies_have_the_expected_neighbours() {
        assert_eq!(Topology::Line.neighbours(1), Vec::<Vec<usize>>::new());
        assert_eq!(Topology::Grid.neighbours(1), [Vec::<usize>::new()]);
        assert_eq!(Topology::Tree(2).neighbours(1), [Vec::<usize>::new()]);
        // 0 1 2
        // 3 4
        assert_eq!(Topology::Grid.neighbours(5), [vec![1, 3], vec![0, 2, 4], vec![1], vec![0, 4], vec![1, 3]]);
        assert_eq!(Topology::Tree(3).neighbours(5), [vec![1, 2, 3], vec![0, 4], vec![0], vec![0], vec![1]]);
        assert_eq!(Topology::Total.neighbours(3), [vec![1, 2], vec![0, 2], vec![0, 1]]);
        assert_eq!("tree".parse(), Ok(Topology::Tree(2)));
    }

    #[test]
    fn all_topologies_are_symmetric_and_connected() {
        for name in Topology::NAMES {
            let topology: Topology = name.parse().unwrap();
            for n in 2..30 {
                let neighbours = topology.neighbours(n);
                let edges = || (0..n).flat_map(|node| neighbours[node].iter().map(move |&other| (node, other)));
                assert!(
                    edges().all(|(node, other)| other != node && neighbours[other].contains(&node)),
                    "{name} of {n}"
                );
                let graph = UnGraph::<(), (), usize>::from_edges(edges());
                assert_eq!((graph.node_count(), connected_components(&graph)), (n, 1), "{name} of {n}");
                let most = neighbours.iter().map(Vec::len).max().unwrap();
                let bound = match topology {
                    Topology::Line => 2,
                    Topology::Grid => 4,
                    Topology::Tree(children) => children + 1,
                    Topology::Total => n - 1,
                };
                assert!(most <= bound, "{name} of {n}");
                assert!(neighbours.iter().all(|nodes| nodes.is_sorted_by(|a, b| a < b)), "{name} of {n}");
            }
        }
    }
}
