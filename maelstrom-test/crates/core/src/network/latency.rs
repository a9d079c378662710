//! Distributions of the delay of messages.
//!
//! | distribution | shape | delays, for a mean of 1 |
//! | --- | --- | --- |
//! | `constant` | – | 1 |
//! | `uniform` | – | from 0 to 2, all equally likely |
//! | `exponential` | – | memoryless, standard deviation 1 |
//! | `normal` | relative deviation *s* | 1 ± *s*, clamped to 0 … 2 |
//! | `lognormal` | sigma | median exp(-sigma²/2), a tail of long delays |
//! | `pareto` | alpha | at least 1 - 1/alpha, a power law: P(delay > *x*) = ((1 - 1/alpha) / *x*)^alpha |
//!
//! Each of them has exactly the configured mean. A normal distribution has draws below 0, which are not valid delays. They
//! are clamped to 0, and draws above 2 to 2. Clamping both sides by the same amount keeps the mean; clamping one side would
//! increase it (by 8 % at a relative deviation of 1).

use maelstrom_options::LATENCIES;
use rand::RngExt;
use rand_distr::{Distribution as _, LogNormal, Normal, Pareto};

use crate::history::Nanos;
use crate::random::Rng;

/// A distribution of delays, up to its mean. The ranges of the shapes are those of [`LATENCIES`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Distribution {
    /// Always the mean.
    #[default]
    Constant,
    /// Uniform between 0 and twice the mean.
    Uniform,
    /// Exponential.
    Exponential,
    /// Normal, clamped to the range from 0 to twice the mean.
    Normal {
        /// The standard deviation divided by the mean.
        relative_deviation: f64,
    },
    /// Log-normal.
    LogNormal {
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto.
    Pareto {
        /// The tail index.
        alpha: f64,
    },
}

/// The maximum delay: longer than any run, and short enough that a deadline cannot overflow.
const MAX_DELAY: Nanos = 365 * 24 * 3_600_000_000_000;

impl Distribution {
    /// The distribution of this name in options, with this shape or the default one; `None` if there is no such name,
    /// or no such shape of it.
    pub fn from_name(name: &str, shape: Option<f64>) -> Option<Distribution> {
        let known = LATENCIES.iter().find(|known| known.name == name)?;
        let shape = match (known.shape, shape) {
            (Some(range), given) => {
                Some(given.unwrap_or(range.default)).filter(|x| (range.min..=range.max).contains(x))?
            }
            (None, Some(_)) => return None,
            (None, None) => 0.0,
        };
        Some(match name {
            "uniform" => Distribution::Uniform,
            "exponential" => Distribution::Exponential,
            "normal" => Distribution::Normal { relative_deviation: shape },
            "lognormal" => Distribution::LogNormal { sigma: shape },
            "pareto" => Distribution::Pareto { alpha: shape },
            _ => Distribution::Constant,
        })
    }

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            Distribution::Constant => "constant",
            Distribution::Uniform => "uniform",
            Distribution::Exponential => "exponential",
            Distribution::Normal { .. } => "normal",
            Distribution::LogNormal { .. } => "lognormal",
            Distribution::Pareto { .. } => "pareto",
        }
    }

    /// The shape, if the distribution has one.
    pub fn shape(self) -> Option<f64> {
        match self {
            Distribution::Constant | Distribution::Uniform | Distribution::Exponential => None,
            Distribution::Normal { relative_deviation: shape }
            | Distribution::LogNormal { sigma: shape }
            | Distribution::Pareto { alpha: shape } => Some(shape),
        }
    }

    /// Draws a delay of this mean.
    ///
    /// # Panics
    /// If the shape is out of its range.
    pub fn draw(self, mean: Nanos, rng: &mut Rng) -> Nanos {
        let in_range = "a shape in its range";
        let factor = match self {
            _ if mean == 0 => return 0,
            Distribution::Constant => return mean,
            // The uniform distribution of `rand_distr` is that of `rand`; this is its method for a single draw.
            Distribution::Uniform => return rng.random_range(0..=mean.saturating_mul(2)),
            Distribution::Exponential => return exponential(mean, rng),
            Distribution::Normal { relative_deviation } => {
                Normal::new(1.0, relative_deviation).expect(in_range).sample(rng).clamp(0.0, 2.0)
            }
            Distribution::LogNormal { sigma } => {
                LogNormal::new(-sigma * sigma / 2.0, sigma).expect(in_range).sample(rng)
            }
            Distribution::Pareto { alpha } => Pareto::new(1.0 - 1.0 / alpha, alpha).expect(in_range).sample(rng),
        };
        ((mean as f64 * factor).round() as Nanos).min(MAX_DELAY)
    }
}

/// Draws from the exponential distribution with the given mean, by inversion. `rand_distr::Exp` uses another method, and
/// draws other delays from the same seed: recorded seeds would no longer repeat their runs.
pub(super) fn exponential(mean: Nanos, rng: &mut Rng) -> Nanos {
    let uniform: f64 = rng.random();
    (-(1.0 - uniform).ln() * mean as f64) as Nanos
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::stream;

    const MEAN: Nanos = 10_000_000;

    /// All distributions, with shapes in the given ranges.
    fn distributions(
        normal: std::ops::RangeInclusive<f64>,
        lognormal: std::ops::RangeInclusive<f64>,
        pareto: std::ops::RangeInclusive<f64>,
    ) -> impl Strategy<Value = Distribution> {
        prop_oneof![
            Just(Distribution::Constant),
            Just(Distribution::Uniform),
            Just(Distribution::Exponential),
            normal.prop_map(|relative_deviation| Distribution::Normal { relative_deviation }),
            lognormal.prop_map(|sigma| Distribution::LogNormal { sigma }),
            pareto.prop_map(|alpha| Distribution::Pareto { alpha }),
        ]
    }

    /// The median for a mean of 1.
    fn median(distribution: Distribution) -> f64 {
        match distribution {
            Distribution::Exponential => 2.0_f64.ln(),
            Distribution::LogNormal { sigma } => (-sigma * sigma / 2.0).exp(),
            Distribution::Pareto { alpha } => (1.0 - 1.0 / alpha) * 2.0_f64.powf(1.0 / alpha),
            Distribution::Constant | Distribution::Uniform | Distribution::Normal { .. } => 1.0,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        /// All shapes of `normal`. Of the others, those whose variance is small enough for 100,000 draws: sigma up to 1,
        /// and alpha from 3. Alpha up to 2 has no finite variance, and a little above 2 a single draw can still move
        /// the mean of 100,000 by 2 %.
        #[test]
        fn every_distribution_has_the_configured_mean(distribution in distributions(0.0..=1.0, 0.0..=1.0, 3.0..=100.0), seed: u64) {
            let mut rng = stream(seed, "test");
            let sum: f64 = (0..100_000).map(|_| distribution.draw(MEAN, &mut rng) as f64).sum();
            let ratio = sum / 100_000.0 / MEAN as f64;
            prop_assert!((0.98..1.02).contains(&ratio), "{distribution:?}: {ratio}");
        }

        /// All shapes, including those with long tails.
        #[test]
        fn every_distribution_has_the_expected_median(distribution in distributions(0.01..=1.0, 0.01..=2.0, 1.1..=100.0), seed: u64) {
            prop_assume!(distribution != Distribution::Constant);
            let mut rng = stream(seed, "test");
            let median = (median(distribution) * MEAN as f64) as Nanos;
            let below = (0..20_000).filter(|_| distribution.draw(MEAN, &mut rng) < median).count();
            prop_assert!((9_600..10_400).contains(&below), "{distribution:?}: {below}");
        }
    }

    #[test]
    fn names_and_shapes_are_those_of_the_options() {
        for known in LATENCIES {
            let distribution = Distribution::from_name(known.name, None).expect("a name of the table");
            assert_eq!(distribution.name(), known.name);
            assert_eq!(distribution.shape(), known.shape.map(|shape| shape.default));
            let Some(shape) = known.shape else {
                assert_eq!(Distribution::from_name(known.name, Some(1.0)), None);
                continue;
            };
            for bound in [shape.min, shape.max] {
                let distribution = Distribution::from_name(known.name, Some(bound)).expect("a shape of the range");
                assert_eq!(distribution.shape(), Some(bound));
                distribution.draw(MEAN, &mut stream(1, "test"));
            }
            assert_eq!(Distribution::from_name(known.name, Some(shape.max + 0.1)), None);
        }
        assert_eq!(Distribution::from_name("gamma", None), None);
    }

    /// Recorded seeds repeat their runs only as long as these draws stay the same.
    #[test]
    fn seeds_keep_their_delays() {
        let draws = |distribution: Distribution| {
            let mut rng = stream(7, "network");
            [(); 3].map(|()| distribution.draw(MEAN, &mut rng))
        };
        assert_eq!(draws(Distribution::Uniform), [11_440_597, 213_585, 5_981_069]);
        assert_eq!(draws(Distribution::Exponential), [8_487_017, 107_367, 3_553_236]);
    }

    #[test]
    fn no_delay_overflows() {
        let mut rng = stream(1, "test");
        let longest_delay = (0..100_000).map(|_| Distribution::Pareto { alpha: 1.1 }.draw(MEAN << 20, &mut rng)).max();
        assert!(longest_delay.is_some_and(|delay| delay <= MAX_DELAY));
    }
}
