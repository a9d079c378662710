//! All randomness of a run comes from one seed; every consumer has a stream of its own.
//!
//! Streams are independent: switching one consumer on (faults, say) does not shift what another one draws.

// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator behind every stream. Its output is specified, so a seed means the same on every machine, for ever.
pub type Rng = ChaCha8Rng;

/// The stream of one consumer.
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

/// A fixed hash of a name (64-bit FNV-1a): the default seed of a test case is that of its name.
pub fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
