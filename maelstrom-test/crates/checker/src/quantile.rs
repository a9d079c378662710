//! Quantiles of durations.

use std::time::Duration;

use super::describe::millis;
use crate::history::Nanos;
use crate::json::{Map, Value};

/// Durations, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    sorted: Vec<Nanos>,
}

impl Quantiles {
    /// The quantiles that results show.
    pub const SHOWN: [f64; 5] = [0.0, 0.5, 0.95, 0.99, 1.0];

    /// Of durations in nanoseconds, in any order.
    pub fn new(mut durations: Vec<Nanos>) -> Quantiles {
        durations.sort_unstable();
        Quantiles { sorted: durations }
    }

    /// How many durations there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The smallest duration that is longer than the share `q` (0 to 1) of them; the longest for 1; zero if there are
    /// none.
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

    /// As results show them: `{"0": …, "0.5": …, "0.95": …, "0.99": …, "1": …}` in milliseconds; null if there are
    /// none.
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
