//! Which nodes a fault hits.

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
    /// As many as is possible with fewer than half of the nodes.
    Minority,
    /// As few as make more than half of the nodes.
    Majority,
    /// As many as is possible with fewer than a third of the nodes.
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

    /// How many of `n` nodes it chooses; a random number for [`NodeSpec::Subset`].
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

    /// The specs that choose somebody among `n` nodes.
    fn of(n: usize, leader: Option<usize>) -> Vec<NodeSpec> {
        let useful = |spec: &NodeSpec| match spec {
            NodeSpec::Minority => n > 2,
            NodeSpec::MinorityThird => n > 3,
            NodeSpec::Leader => leader.is_some(),
            _ => true,
        };
        NodeSpec::ALL.into_iter().filter(useful).collect()
    }

    /// Chooses nodes among 0 … n−1, ascending.
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

/// Draws targets by a random spec. Nodes of `except` are spared, since the fault would change nothing there; where that
/// leaves nobody, one of the others is hit; where there are no others, nobody is.
pub(super) fn draw(n: usize, leader: Option<usize>, except: &[usize], rng: &mut Rng) -> (&'static str, Vec<usize>) {
    let Some(&spec) = NodeSpec::of(n, leader).choose(rng) else { return ("nobody", Vec::new()) };
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
    fn specs_choose_what_they_promise() {
        let mut rng = stream(1, "test");
        for n in 1..=12 {
            for spec in NodeSpec::of(n, Some(n - 1)) {
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
    fn every_useful_spec_comes_up_and_no_other() {
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
    fn spared_nodes_are_never_hit() {
        let mut rng = stream(3, "test");
        for _ in 0..500 {
            let (_, targets) = draw(5, Some(1), &[0, 1, 3], &mut rng);
            assert!(!targets.is_empty() && targets.iter().all(|node| [2, 4].contains(node)));
        }
        assert_eq!(draw(2, Some(0), &[0, 1], &mut rng), ("nobody", vec![]));
    }
}
