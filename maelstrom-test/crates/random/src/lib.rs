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
