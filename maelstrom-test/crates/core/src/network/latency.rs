//! How long messages are on their way.

use rand::RngExt;

use crate::history::Nanos;
use crate::random::Rng;

/// The shape of the distribution of delays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Always the mean.
    #[default]
    Constant,
    /// Uniform between 0 and twice the mean.
    Uniform,
    /// Exponential of that mean.
    Exponential,
}

impl Distribution {
    /// All of them, with their names in options.
    pub const ALL: [(&'static str, Distribution); 3] = [
        ("constant", Distribution::Constant),
        ("uniform", Distribution::Uniform),
        ("exponential", Distribution::Exponential),
    ];

    /// A delay of this mean.
    pub fn draw(self, mean: Nanos, rng: &mut Rng) -> Nanos {
        match self {
            _ if mean == 0 => 0,
            Distribution::Constant => mean,
            Distribution::Uniform => rng.random_range(0..=mean.saturating_mul(2)),
            Distribution::Exponential => exponential(mean, rng),
        }
    }
}

/// Draws from the exponential distribution of the given mean, by inversion.
pub fn exponential(mean: Nanos, rng: &mut Rng) -> Nanos {
    let uniform: f64 = rng.random();
    (-(1.0 - uniform).ln() * mean as f64) as Nanos
}
