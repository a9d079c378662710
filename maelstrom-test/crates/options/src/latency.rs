//! Distributions of latencies, and the shapes that some of them have.

use crate::row::{english, find};
use crate::{Defaults, OptionError};

/// A distribution of latencies. Its mean is another option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyDistribution {
    /// The name in options.
    pub name: &'static str,
    /// The parameter that remains when the mean is given; `None`: the mean determines the distribution.
    pub shape: Option<LatencyShape>,
}

/// The shape parameter of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyShape {
    /// What the number is.
    pub meaning: &'static str,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// The value if the option is not given.
    pub default: f64,
}

const fn fixed(name: &'static str) -> LatencyDistribution {
    LatencyDistribution { name, shape: None }
}

const fn shaped(
    name: &'static str,
    meaning: &'static str,
    (min, max): (f64, f64),
    default: f64,
) -> LatencyDistribution {
    LatencyDistribution { name, shape: Some(LatencyShape { meaning, min, max, default }) }
}

/// All distributions.
///
/// - `normal`: up to a relative deviation of 1, beyond which most draws would have to be clamped. The default, 0.25,
///   clamps one draw in 16,000.
/// - `lognormal`: at sigma 2 the mean is already seven times the median.
/// - `pareto`: only an alpha above 1 has a mean. Below 1.1, a run of any length would hardly see one of the delays
///   that make up most of it. The default, 3, has a finite variance.
pub const LATENCIES: [LatencyDistribution; 6] = [
    fixed("constant"),
    fixed("uniform"),
    fixed("exponential"),
    shaped("normal", "the standard deviation divided by the mean", (0.0, 1.0), 0.25),
    shaped("lognormal", "sigma, the standard deviation of the logarithm", (0.0, 2.0), 0.5),
    shaped("pareto", "alpha, the tail index", (1.1, 100.0), 3.0),
];

/// The names of [`LATENCIES`].
pub const LATENCY_DISTRIBUTIONS: &[&str] = &{
    let mut names = [""; LATENCIES.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = LATENCIES[i].name;
        i += 1;
    }
    names
};

/// The distribution if `latency_dist` is not given. That of the attribute belongs to the attribute's default latency.
pub fn default_latency_distribution(defaults: Defaults, has_latency: bool) -> &'static str {
    let row = find("latency_dist").expect("the table has this row");
    let defaults = if has_latency { Defaults::Plain } else { defaults };
    row.default.of(defaults).expect("it has a default")
}

/// Checks the option `latency_shape` against the option `latency_dist`.
///
/// # Errors
/// The distribution has no shape, or not this one.
pub fn check_latency_shape(distribution: &str, shape: f64) -> Result<(), OptionError> {
    let Some(known) = LATENCIES.iter().find(|known| known.name == distribution) else {
        let message = format!("there is no latency distribution `{distribution}`");
        return Err(OptionError::choose(message, distribution, LATENCY_DISTRIBUTIONS));
    };
    let Some(LatencyShape { meaning, min, max, .. }) = known.shape else {
        let names: Vec<&str> = LATENCIES.iter().filter(|known| known.shape.is_some()).map(|known| known.name).collect();
        return Err(OptionError::new(
            format!("the latency distribution `{distribution}` has no shape"),
            format!("set latency_dist to one that has: {}", english(&names)),
        ));
    };
    if (min..=max).contains(&shape) {
        return Ok(());
    }
    Err(OptionError::new(
        format!("`{shape}` is out of range: the shape of `{distribution}` is {meaning}"),
        format!("write a number from {min} to {max}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_knows_all_distributions_and_shapes() {
        let (names, shapes) = (find("latency_dist").expect("a row"), find("latency_shape").expect("a row"));
        for LatencyDistribution { name, shape } in LATENCIES {
            assert!(names.doc.contains(&format!("`{name}`")), "{name}");
            let Some(LatencyShape { meaning, min, max, default }) = shape else { continue };
            assert!(shapes.doc.contains(&format!("`{name}`: {meaning}, from {min} to {max}")), "{name}");
            assert!(shapes.default.text.contains(&format!("`{name}` {default}")), "{name}");
            assert_eq!(check_latency_shape(name, default), Ok(()));
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let wrong = |distribution, shape| check_latency_shape(distribution, shape).unwrap_err().to_string();
        assert_eq!(
            wrong("exponential", 0.5),
            "the latency distribution `exponential` has no shape\n  help: set latency_dist to one that has: \
             normal, lognormal and pareto"
        );
        assert_eq!(
            wrong("pareto", 1.0),
            "`1` is out of range: the shape of `pareto` is alpha, the tail index\n  help: write a number from 1.1 to 100"
        );
        assert!(wrong("normal", 1.5).contains("from 0 to 1"));
        assert!(wrong("lognormal", f64::NAN).contains("out of range"));
        let parto = wrong("parto", 2.0);
        assert!(
            parto.starts_with("there is no latency distribution `parto`\n  help: did you mean \"pareto\"?"),
            "{parto}"
        );
    }
}
