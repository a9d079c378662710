//! The rate of completions over time.

use std::collections::BTreeMap;

use super::Drawing;
use super::axis::{Plot, Scale, line_mark};
use crate::history::{Nanos, OpType};
use crate::report::{FaultSpan, Latencies};

/// The number of time windows for which rates are computed.
const WINDOWS: u64 = 60;

/// Draws the completions per second of each function by outcome. The colour shows the outcome, the dashes show the function.
pub(in crate::report) fn rate(latencies: &Latencies, duration: Nanos, faults: &[FaultSpan]) -> Drawing {
    let window = (duration / WINDOWS).max(1);
    let mut counts: BTreeMap<(usize, &str, OpType), Vec<u64>> = BTreeMap::new();
    for (number, (f, list)) in latencies.by_f.iter().enumerate() {
        for latency in list {
            let end = ((latency.start + latency.length) / window).min(WINDOWS - 1);
            counts.entry((number, f, latency.kind)).or_insert_with(|| vec![0; WINDOWS as usize])[end as usize] += 1;
        }
    }
    let per_second = |count: u64| count as f64 * 1e9 / window as f64;
    let most = counts.values().flatten().map(|&count| per_second(count)).fold(1.0, f64::max);
    let mut plot = Plot::new("Operations completed per second", Scale::Rate(most), duration, faults);
    if counts.is_empty() {
        plot.empty("no operation was completed");
    }
    for ((number, f, kind), counts) in &counts {
        let class = format!("{} dash{}", kind.as_str(), number % 6);
        let centre = |number: usize| number as u64 * window + window / 2;
        let points = counts.iter().enumerate().map(|(at, &count)| (centre(at), per_second(count)));
        plot.curve(&class, &points.collect::<Vec<_>>());
        plot.legend(&format!("{f} {}", kind.as_str()), line_mark(&class));
    }
    plot.drawing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_series_is_in_the_legend() {
        let sample = sample::valid();
        let markup = rate(&Latencies::of(&sample.history), sample.duration, &[]).file();
        assert!(markup.contains(">echo ok<") && markup.starts_with("<svg xmlns"), "{markup}");
        assert!(rate(&Latencies::default(), 5, &[]).inline().contains("no operation"));
    }
}
