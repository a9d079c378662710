//! Random choices: all randomness of a run comes from one seed, and every choice is drawn from the seed and its identity.
//!
//! ```text
//! seed ──┬── choice "message", [n0, n1, 12]  ──► delay, loss and duplication of the 12th message from n0 to n1
//!        ├── choice "operation", [7]         ──► operation 7
//!        └── stream "node n0 …"              ──► what the program of n0 draws
//! ```
//!
//! A [`choice`] has a generator of its own, so it does not depend on how many others are made before it. A [`stream`] is for a
//! consumer whose draws have no identity but their order.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The random number generator of all streams and choices: xoshiro256++ by Blackman and Vigna. Its output is specified, so that
/// a seed gives the same numbers on every machine and with every version.
pub type Rng = Xoshiro256PlusPlus;

/// Creates the stream of a consumer from the seed and the name of the consumer.
///
/// ```
/// use maelstrom_random::stream;
/// use rand::RngExt;
/// let draw = |name: &str| stream(7, name).random::<u64>();
/// assert_eq!(draw("node n0"), draw("node n0"));
/// assert_ne!(draw("node n0"), draw("node n1"));
/// ```
pub fn stream(seed: u64, name: &str) -> Rng {
    choice(seed, hash(name), &[])
}

/// Creates the generator of one choice from the seed and the identity of the choice: its kind, which is the [`hash`] of a name,
/// and numbers.
///
/// ```
/// use maelstrom_random::{choice, hash};
/// use rand::RngExt;
/// const OPERATION: u64 = hash("operation");
/// let draw = |number: u64| choice(7, OPERATION, &[number]).random::<u64>();
/// assert_eq!(draw(3), draw(3));
/// assert_ne!(draw(3), draw(4));
/// ```
pub fn choice(seed: u64, kind: u64, numbers: &[u64]) -> Rng {
    Rng::seed_from_u64(mix(mix(seed, &[kind]), numbers))
}

/// Mixes numbers into a number. If one bit of the input changes, each bit of the output changes with a probability of 1/2.
///
/// Each number passes through the finalizer of `splitmix64` (variant 13 of Stafford's mixers).
pub fn mix(start: u64, numbers: &[u64]) -> u64 {
    numbers.iter().fold(start, |mixed, number| {
        // Without the increment, a 0 mixed into a 0 would stay 0.
        let mut z = (mixed ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// The 64-bit FNV-1a hash of a name. The default seed of a test case is the hash of its name.
pub const fn hash(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut rest = name.as_bytes();
    while let [byte, after @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        rest = after;
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::RngExt;

    use super::*;

    fn draws(seed: u64, name: &str) -> Vec<u64> {
        let mut rng = stream(seed, name);
        (0..100).map(|_| rng.random()).collect()
    }

    #[test]
    fn streams_are_independent() {
        let network = draws(7, "network");
        // Another consumer draws in between.
        let mut rng = stream(7, "network");
        let interleaved: Vec<u64> = (0..100).map(|_| (draws(7, "nemesis"), rng.random()).1).collect();
        assert_eq!(network, interleaved);
        for other in [draws(7, "nemesis"), draws(8, "network")] {
            assert!(network.iter().all(|number| !other.contains(number)));
        }
    }

    #[test]
    fn choices_with_other_identities_are_others() {
        let mut seen = BTreeSet::new();
        for seed in 0..4 {
            for kind in [hash("message"), hash("operation")] {
                for a in 0..20 {
                    seen.insert(choice(seed, kind, &[a]).random::<u64>());
                    seen.extend((0..20).map(|b| choice(seed, kind, &[a, b]).random::<u64>()));
                }
            }
        }
        assert_eq!(seen.len(), 4 * 2 * 20 * 21);
    }

    #[test]
    fn first_draws_of_consecutive_choices_are_uniform() {
        let mut counts = [0; 16];
        let mut ones = [0; 64];
        for number in 0..16_000 {
            let drawn: u64 = choice(1, hash("message"), &[number]).random();
            counts[(drawn % 16) as usize] += 1;
            (0..64).for_each(|bit| ones[bit] += drawn >> bit & 1);
        }
        assert!(counts.iter().all(|count| (880..1120).contains(count)), "{counts:?}");
        assert!(ones.iter().all(|count| (7_700..8_300).contains(count)), "{ones:?}");
    }

    #[test]
    fn a_seed_means_the_same_for_ever() {
        assert_eq!(hash("network"), 2_201_793_692_272_634_501);
        assert_eq!(mix(1, &[2, 3]), 13_592_992_832_856_903_821);
        assert_eq!(draws(7, "network")[..2], [10_552_087_924_371_408_813, 196_997_895_778_817_313]);
        assert_eq!(choice(7, hash("message"), &[1, 2]).random::<u64>(), 14_393_301_177_552_409_448);
    }
}
