//! Grudges: who does not hear whom during a partition.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::Grudge;
use crate::random::Rng;

/// A way to partition a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A random node alone.
    One,
    /// Two halves; with an odd number of nodes one of them is a majority.
    Majority,
    /// Every node hears a majority, no two the same one.
    MajoritiesRing,
    /// As many as is possible with fewer than a third of the nodes, cut off from the rest.
    MinorityThird,
    /// The likely leader alone.
    Leader,
}

/// Who hears whom, in the words of a cut.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Two parts, which hear nothing of one another.
    Parts(Vec<usize>, Vec<usize>),
    /// Anything else.
    Web(Grudge),
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

    /// The cuts that part `n` nodes.
    fn of(n: usize, leader: Option<usize>) -> Vec<Cut> {
        let useful = |cut: &Cut| match cut {
            Cut::One | Cut::Majority => n > 1,
            Cut::MajoritiesRing => n > 2,
            Cut::MinorityThird => n > 3,
            Cut::Leader => n > 1 && leader.is_some(),
        };
        Cut::ALL.into_iter().filter(useful).collect()
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
            Cut::MajoritiesRing if n <= 5 => return Shape::Web(ring(&nodes)),
            Cut::MajoritiesRing => return Shape::Web(web(n, rng)),
        };
        let mut rest = nodes.split_off(size);
        nodes.sort_unstable();
        rest.sort_unstable();
        Shape::Parts(nodes, rest)
    }
}

/// A random partition of at least two nodes; `None` for fewer.
pub(super) fn draw(n: usize, leader: Option<usize>, rng: &mut Rng) -> Option<(Cut, Shape)> {
    let cut = *Cut::of(n, leader).choose(rng)?;
    Some((cut, cut.draw(n, leader, rng)))
}

impl Shape {
    /// For each of `n` nodes those that it does not hear.
    pub(super) fn grudge(&self, n: usize) -> Grudge {
        match self {
            Shape::Web(grudge) => grudge.clone(),
            Shape::Parts(one, other) => {
                (0..n).map(|node| if one.contains(&node) { other.clone() } else { one.clone() }).collect()
            }
        }
    }
}

/// All that are not in `heard`.
fn others(n: usize, heard: &[usize]) -> Vec<usize> {
    (0..n).filter(|node| !heard.contains(node)).collect()
}

/// Majorities as windows of a ring: the node in the middle of each window hears just that window.
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

/// Majorities by links in both directions, drawn again where two nodes happen to hear the same majority.
fn web(n: usize, rng: &mut Rng) -> Grudge {
    loop {
        let heard = links(n, rng);
        let distinct = (0..n).all(|a| (0..a).all(|b| heard[a] != heard[b]));
        if distinct {
            return heard.iter().map(|heard| others(n, heard)).collect();
        }
    }
}

/// Links a node of least degree to the least-linked node that it is not linked to yet, ties at random, until every node
/// hears a majority. Every node hears itself; the lists are sorted.
fn links(n: usize, rng: &mut Rng) -> Vec<Vec<usize>> {
    let majority = n / 2 + 1;
    let mut heard: Vec<Vec<usize>> = (0..n).map(|node| vec![node]).collect();
    let least = |heard: &[Vec<usize>], among: &[usize], rng: &mut Rng| {
        among.iter().copied().min_by_key(|&node| (heard[node].len(), rng.random::<u32>())).expect("somebody is left")
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

    /// Draws each useful cut of each size many times.
    fn for_all_cuts(mut check: impl FnMut(usize, Cut, &Shape, &Grudge)) {
        let mut rng = stream(1, "test");
        for n in 1..=12 {
            for cut in Cut::of(n, Some(n / 2)) {
                for _ in 0..100 {
                    let shape = cut.draw(n, Some(n / 2), &mut rng);
                    check(n, cut, &shape, &shape.grudge(n));
                }
            }
        }
    }

    #[test]
    fn nobody_drops_its_own_messages_and_every_cut_changes_something() {
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
    fn parts_have_the_promised_sizes_and_are_separated() {
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
    fn in_a_ring_every_node_hears_a_majority_of_its_own() {
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
    fn small_clusters_get_only_cuts_that_part_them() {
        assert_eq!(Cut::of(1, Some(0)), []);
        assert_eq!(Cut::of(2, None), [Cut::One, Cut::Majority]);
        assert_eq!(Cut::of(3, Some(0)), [Cut::One, Cut::Majority, Cut::MajoritiesRing, Cut::Leader]);
        assert_eq!(Cut::of(4, Some(0)), Cut::ALL);
    }
}
