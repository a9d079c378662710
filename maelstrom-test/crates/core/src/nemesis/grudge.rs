//! Partitions: a [`Cut`] is a way to partition a cluster; a [`Grudge`] lists the messages that each node drops.
//!
//! ```text
//! majority, 5 nodes:          {n0 n3} │ {n1 n2 n4}
//! majorities-ring, 5 nodes:   n0 receives from n4 n0 n1, n1 from n0 n1 n2, n2 from n1 n2 n3, …
//! ```

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::Grudge;
use crate::random::Rng;

/// A way to partition a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// One random node is isolated.
    One,
    /// Two halves. With an odd number of nodes, one of them is a majority.
    Majority,
    /// Every node receives messages from a majority, and each from a different one.
    MajoritiesRing,
    /// The largest number of nodes below a third is separated from the rest.
    MinorityThird,
    /// The likely leader is isolated.
    Leader,
}

/// The form of a partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Two parts without communication between them.
    Parts(Vec<usize>, Vec<usize>),
    /// Any other partition.
    Overlapping(Grudge),
}

impl Cut {
    const ALL: [Cut; 5] = [Cut::One, Cut::Majority, Cut::MajoritiesRing, Cut::MinorityThird, Cut::Leader];

    pub(super) fn name(self) -> &'static str {
        match self {
            Cut::One => "one",
            Cut::Majority => "majority",
            Cut::MajoritiesRing => "majorities-ring",
            Cut::MinorityThird => "minority-third",
            Cut::Leader => "leader",
        }
    }

    /// The cuts that are possible with `n` nodes.
    fn possible(n: usize, leader: Option<usize>) -> Vec<Cut> {
        let is_possible = |cut: &Cut| match cut {
            Cut::One | Cut::Majority => n > 1,
            Cut::MajoritiesRing => n > 2,
            Cut::MinorityThird => n > 3,
            Cut::Leader => n > 1 && leader.is_some(),
        };
        Cut::ALL.into_iter().filter(is_possible).collect()
    }

    fn draw(self, n: usize, leader: Option<usize>, rng: &mut Rng) -> Shape {
        let mut nodes: Vec<usize> = (0..n).collect();
        nodes.shuffle(rng);
        let size = match self {
            Cut::One => 1,
            Cut::Majority => n / 2,
            Cut::MinorityThird => (n - 1) / 3,
            Cut::Leader => {
                nodes.sort_by_key(|&node| Some(node) != leader);
                1
            }
            Cut::MajoritiesRing if n <= 5 => return Shape::Overlapping(ring(&nodes)),
            Cut::MajoritiesRing => return Shape::Overlapping(bidirectional(n, rng)),
        };
        let mut rest = nodes.split_off(size);
        nodes.sort_unstable();
        rest.sort_unstable();
        Shape::Parts(nodes, rest)
    }
}

/// Draws a partition. `None` for fewer than two nodes.
pub(super) fn draw(n: usize, leader: Option<usize>, rng: &mut Rng) -> Option<(Cut, Shape)> {
    let cut = *Cut::possible(n, leader).choose(rng)?;
    Some((cut, cut.draw(n, leader, rng)))
}

impl Shape {
    /// For each of `n` nodes: the nodes whose messages it drops.
    pub(super) fn grudge(&self, n: usize) -> Grudge {
        match self {
            Shape::Overlapping(grudge) => grudge.clone(),
            Shape::Parts(one, other) => {
                (0..n).map(|node| if one.contains(&node) { other.clone() } else { one.clone() }).collect()
            }
        }
    }
}

/// All of `n` nodes that are not in `heard`.
fn others(n: usize, heard: &[usize]) -> Vec<usize> {
    (0..n).filter(|node| !heard.contains(node)).collect()
}

/// Majorities as windows of a ring. The node in the middle of each window receives messages only from that window.
fn ring(nodes: &[usize]) -> Grudge {
    let n = nodes.len();
    let majority = n / 2 + 1;
    let mut grudge = vec![Vec::new(); n];
    for start in 0..n {
        let window: Vec<usize> = (start..start + majority).map(|i| nodes[i % n]).collect();
        grudge[window[majority / 2]] = others(n, &window);
    }
    grudge
}

/// Majorities by bidirectional links. Draws again if two nodes have the same majority.
fn bidirectional(n: usize, rng: &mut Rng) -> Grudge {
    loop {
        let heard = links(n, rng);
        let distinct = (0..n).all(|a| (0..a).all(|b| heard[a] != heard[b]));
        if distinct {
            return heard.iter().map(|heard| others(n, heard)).collect();
        }
    }
}

/// Links a node of minimum degree to a node of minimum degree among those that it has no link to, with random ties, until
/// every node receives messages from a majority. A node always receives its own messages. The lists are sorted.
fn links(n: usize, rng: &mut Rng) -> Vec<Vec<usize>> {
    let majority = n / 2 + 1;
    let mut heard: Vec<Vec<usize>> = (0..n).map(|node| vec![node]).collect();
    let least = |heard: &[Vec<usize>], among: &[usize], rng: &mut Rng| {
        among
            .iter()
            .copied()
            .min_by_key(|&node| (heard[node].len(), rng.random::<u32>()))
            .expect("there is another node")
    };
    let all: Vec<usize> = (0..n).collect();
    while heard.iter().any(|heard| heard.len() < majority) {
        let a = least(&heard, &all, rng);
        let b = least(&heard, &others(n, &heard[a]), rng);
        heard[a].push(b);
        heard[b].push(a);
    }
    heard.iter_mut().for_each(|heard| heard.sort_unstable());
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    /// Draws each possible cut for each number of nodes many times.
    fn for_all_cuts(mut check: impl FnMut(usize, Cut, &Shape, &Grudge)) {
        let mut rng = stream(1, "test");
        for n in 1..=12 {
            for cut in Cut::possible(n, Some(n / 2)) {
                for _ in 0..100 {
                    let shape = cut.draw(n, Some(n / 2), &mut rng);
                    check(n, cut, &shape, &shape.grudge(n));
                }
            }
        }
    }

    #[test]
    fn no_node_drops_its_own_messages_and_every_cut_drops_messages() {
        for_all_cuts(|n, _, _, grudge| {
            assert_eq!(grudge.len(), n);
            assert!(grudge.iter().any(|dropped| !dropped.is_empty()));
            for (node, dropped) in grudge.iter().enumerate() {
                assert!(!dropped.contains(&node) && dropped.is_sorted_by(|a, b| a < b));
                assert!(dropped.iter().all(|&other| other < n));
            }
        });
    }

    #[test]
    fn parts_have_the_documented_sizes_and_are_separated() {
        for_all_cuts(|n, cut, shape, grudge| {
            let Shape::Parts(one, other) = shape else { return assert_eq!(cut, Cut::MajoritiesRing) };
            assert_eq!(one.len() + other.len(), n);
            match cut {
                Cut::One => assert_eq!(one.len(), 1),
                Cut::Majority => assert_eq!(one.len(), n / 2),
                Cut::MinorityThird => assert!(3 * one.len() < n && 3 * (one.len() + 1) >= n),
                Cut::Leader => assert_eq!(one, &[n / 2]),
                Cut::MajoritiesRing => unreachable!("a ring has no parts"),
            }
            for (a, dropped) in grudge.iter().enumerate() {
                assert!((0..n).all(|b| dropped.contains(&b) == (one.contains(&a) != one.contains(&b))));
            }
        });
    }

    #[test]
    fn in_a_ring_every_node_receives_from_a_different_majority() {
        for_all_cuts(|n, cut, _, grudge| {
            if cut != Cut::MajoritiesRing {
                return;
            }
            for (a, dropped) in grudge.iter().enumerate() {
                let heard = n - dropped.len();
                assert!(heard > n / 2, "{grudge:?}");
                assert!(n > 5 || heard == n / 2 + 1);
                assert!((0..a).all(|b| *dropped != grudge[b]), "{grudge:?}");
                assert!(n <= 5 || (0..n).all(|b| dropped.contains(&b) == grudge[b].contains(&a)));
            }
        });
    }

    #[test]
    fn small_clusters_have_only_possible_cuts() {
        assert_eq!(Cut::possible(1, Some(0)), []);
        assert_eq!(Cut::possible(2, None), [Cut::One, Cut::Majority]);
        assert_eq!(Cut::possible(3, Some(0)), [Cut::One, Cut::Majority, Cut::MajoritiesRing, Cut::Leader]);
        assert_eq!(Cut::possible(4, Some(0)), Cut::ALL);
    }
}
