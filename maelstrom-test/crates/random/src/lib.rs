//! Random streams: all randomness of a run comes from one seed, and every consumer has its own stream.
//!
//! ```text
//! seed ──┬── stream "network"   ──► latencies, loss, order of delivery
//!        ├── stream "generator" ──► operations of clients
//!        └── stream "nemesis …" ──► faults
//! ```
//!
//! The streams are independent: enabling one consumer (faults, for example) does not change the numbers that another
//! consumer draws.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random number generator of all streams. Its output is specified, so that a seed gives the same numbers on every
/// machine and with every version.
pub type Rng = ChaCha8Rng;

/// Creates the stream of a consumer from the seed and the name of the consumer.
///
/// ```
/// use maelstrom_random::stream;
/// use rand::RngExt;
/// let draw = |name: &str| stream(7, name).random::<u64>();
/// assert_eq!(draw("network"), draw("network"));
/// assert_ne!(draw("network"), draw("nemesis"));
/// ```
pub fn stream(seed: u64, name: &str) -> Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(hash(name));
    rng
}

/// The 64-bit FNV-1a hash of a name. The default seed of a test case is the hash of its name.
pub fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
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
    fn a_seed_means_the_same_for_ever() {
        assert_eq!(draws(7, "network")[..2], [18_158_611_358_560_403_859, 6_106_456_240_940_286_501]);
    }
}
