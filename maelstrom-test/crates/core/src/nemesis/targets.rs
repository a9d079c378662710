//! The targets of a fault: random sets of nodes.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::random::Rng;

/// A way to choose nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeSpec {
    /// A random non-empty subset: a random size, then random nodes.
    Subset,
    /// One node.
    One,
    /// The largest number of nodes below half of them.
    Minority,
    /// The smallest number of nodes above half of them.
    Majority,
    /// The largest number of nodes below a third of them.
    MinorityThird,
    /// The likely leader.
    Leader,
    /// Every node.
    All,
}

impl NodeSpec {
    const ALL: [NodeSpec; 7] = [
        NodeSpec::Subset,
        NodeSpec::One,
        NodeSpec::Minority,
        NodeSpec::Majority,
        NodeSpec::MinorityThird,
        NodeSpec::Leader,
        NodeSpec::All,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            NodeSpec::Subset => "subset",
            NodeSpec::One => "one",
            NodeSpec::Minority => "minority",
            NodeSpec::Majority => "majority",
            NodeSpec::MinorityThird => "minority-third",
            NodeSpec::Leader => "leader",
            NodeSpec::All => "all",
        }
    }

    /// How many of `n` nodes the spec selects; a random number for [`NodeSpec::Subset`].
    fn size(self, n: usize, rng: &mut Rng) -> usize {
        match self {
            NodeSpec::Subset => rng.random_range(1..=n),
            NodeSpec::One | NodeSpec::Leader => 1,
            NodeSpec::Minority => (n - 1) / 2,
            NodeSpec::Majority => n / 2 + 1,
            NodeSpec::MinorityThird => (n - 1) / 3,
            NodeSpec::All => n,
        }
    }

    /// The specs that select at least one of `n` nodes.
    fn possible(n: usize, leader: Option<usize>) -> Vec<NodeSpec> {
        let is_possible = |spec: &NodeSpec| match spec {
            NodeSpec::Minority => n > 2,
            NodeSpec::MinorityThird => n > 3,
            NodeSpec::Leader => leader.is_some(),
            _ => true,
        };
        NodeSpec::ALL.into_iter().filter(is_possible).collect()
    }

    /// Selects nodes among 0 … n−1, in ascending order.
    fn draw(self, n: usize, leader: Option<usize>, rng: &mut Rng) -> Vec<usize> {
        if let (NodeSpec::Leader, Some(leader)) = (self, leader) {
            return vec![leader];
        }
        let mut nodes: Vec<usize> = (0..n).collect();
        nodes.shuffle(rng);
        nodes.truncate(self.size(n, rng));
        nodes.sort_unstable();
        nodes
    }
}

/// Draws targets with a random spec; also returns the name of the spec.
///
/// Nodes in `except` are never selected, since the fault would have no effect on them. If the spec selects only such
/// nodes, one other node is drawn. If there is no other node, the result is empty.
pub(super) fn draw(n: usize, leader: Option<usize>, except: &[usize], rng: &mut Rng) -> (&'static str, Vec<usize>) {
    let Some(&spec) = NodeSpec::possible(n, leader).choose(rng) else { return ("nobody", Vec::new()) };
    let mut targets = spec.draw(n, leader, rng);
    targets.retain(|node| !except.contains(node));
    if !targets.is_empty() {
        return (spec.name(), targets);
    }
    let others: Vec<usize> = (0..n).filter(|node| !except.contains(node)).collect();
    match others.choose(rng) {
        Some(&node) => ("one", vec![node]),
        None => ("nobody", Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn each_spec_selects_the_documented_number_of_nodes() {
        let mut rng = stream(1, "test");
        for n in 1..=12 {
            for spec in NodeSpec::possible(n, Some(n - 1)) {
                for _ in 0..50 {
                    let targets = spec.draw(n, Some(n - 1), &mut rng);
                    let k = targets.len();
                    assert!(k > 0 && targets.is_sorted_by(|a, b| a < b) && targets.iter().all(|&node| node < n));
                    assert!(match spec {
                        NodeSpec::Subset => k <= n,
                        NodeSpec::One => k == 1,
                        NodeSpec::Minority => 2 * k < n && 2 * (k + 1) >= n,
                        NodeSpec::Majority => 2 * k > n && 2 * (k - 1) <= n,
                        NodeSpec::MinorityThird => 3 * k < n && 3 * (k + 1) >= n,
                        NodeSpec::Leader => targets == [n - 1],
                        NodeSpec::All => k == n,
                    });
                }
            }
        }
    }

    #[test]
    fn all_possible_specs_are_drawn_and_no_others() {
        let mut rng = stream(2, "test");
        let mut names = |n, leader| {
            let mut names: Vec<_> = (0..300).map(|_| draw(n, leader, &[], &mut rng).0).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        assert_eq!(names(1, None), ["all", "majority", "one", "subset"]);
        assert_eq!(names(3, None), ["all", "majority", "minority", "one", "subset"]);
        assert_eq!(names(4, Some(0)), ["all", "leader", "majority", "minority", "minority-third", "one", "subset"]);
    }

    #[test]
    fn excepted_nodes_are_never_selected() {
        let mut rng = stream(3, "test");
        for _ in 0..500 {
            let (_, targets) = draw(5, Some(1), &[0, 1, 3], &mut rng);
            assert!(!targets.is_empty() && targets.iter().all(|node| [2, 4].contains(node)));
        }
        assert_eq!(draw(2, Some(0), &[0, 1], &mut rng), ("nobody", vec![]));
    }
}
