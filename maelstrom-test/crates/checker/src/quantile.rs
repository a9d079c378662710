//! Quantiles of durations.

use std::time::Duration;

use super::describe::millis;
use crate::history::Nanos;
use crate::json::{Map, Value};

/// The quantiles of a set of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    sorted: Vec<Nanos>,
}

impl Quantiles {
    /// The quantiles that results show.
    pub const SHOWN: [f64; 5] = [0.0, 0.5, 0.95, 0.99, 1.0];

    /// The quantiles of durations in nanoseconds, in any order.
    pub fn new(mut durations: Vec<Nanos>) -> Quantiles {
        durations.sort_unstable();
        Quantiles { sorted: durations }
    }

    /// The number of durations.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are no durations.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The `q`-quantile, 0 to 1: the shortest duration that is longer than the fraction `q` of all durations. 1 is the longest
    /// duration. Zero if there are no durations.
    ///
    /// ```
    /// use std::time::Duration;
    /// use maelstrom_checker::Quantiles;
    /// let latencies = Quantiles::new(vec![40, 10, 30, 20]);
    /// assert_eq!(latencies.quantile(0.0), Duration::from_nanos(10));
    /// assert_eq!(latencies.quantile(0.5), Duration::from_nanos(30));
    /// assert_eq!(latencies.quantile(1.0), Duration::from_nanos(40));
    /// ```
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = (self.sorted.len() as f64 * q).floor() as usize;
        let nanos = self.sorted.get(rank).or(self.sorted.last());
        Duration::from_nanos(nanos.copied().unwrap_or(0))
    }

    /// The quantiles as in `results.json`: `{"0": …, "0.5": …, "0.95": …, "0.99": …, "1": …}` in milliseconds. Null if there
    /// are no durations.
    pub fn to_json(&self) -> Value {
        if self.sorted.is_empty() {
            return Value::Null;
        }
        let entries = Self::SHOWN.map(|q| (q.to_string(), millis(self.quantile(q).as_nanos() as Nanos)));
        Value::Object(Map::from_iter(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    #[test]
    fn results_are_in_milliseconds() {
        assert_eq!(Quantiles::default().to_json(), Value::Null);
        assert_eq!(Quantiles::default().quantile(0.5), Duration::ZERO);
        let quantiles = Quantiles::new((0..=100).map(|i| i * 1_000_000).collect());
        assert_eq!(quantiles.to_json(), json!({"0": 0, "0.5": 50, "0.95": 95, "0.99": 99, "1": 100}));
        assert_eq!(Quantiles::new(vec![1_500_000]).to_json()["0"], json!(1.5));
    }
}
