//! Latency over time, as points and as quantiles.

use std::collections::{BTreeMap, BTreeSet};

use super::Drawing;
use super::axis::{Plot, Scale, line_mark};
use super::svg::px;
use crate::checker::Quantiles;
use crate::history::{Nanos, OpType};
use crate::report::{FaultSpan, Latencies, Latency};

/// The maximum number of points.
const POINTS: usize = 20_000;
/// The number of time windows for which quantiles are computed.
const WINDOWS: u64 = 60;

/// The outcomes in drawing order. Rarer outcomes are drawn later, so they are not covered.
const KINDS: [OpType; 3] = [OpType::Ok, OpType::Fail, OpType::Info];

/// Draws every operation as a point. The shape shows the function, the colour shows the outcome.
pub(in crate::report) fn raw(latencies: &Latencies, duration: Nanos, faults: &[FaultSpan]) -> Drawing {
    let lengths = latencies.by_f.values().flatten().map(|latency| latency.length);
    let mut plot = Plot::new("Latency of each operation", Scale::for_latencies(lengths), duration, faults);
    if latencies.is_empty() {
        plot.empty("no operation was completed");
    }
    for (number, f) in latencies.by_f.keys().enumerate() {
        plot.legend(f, |x, y| format!(r#"<path class="points open" d="{}"/>"#, shape(number, x, y)));
    }
    for kind in KINDS.into_iter().filter(|kind| latencies.by_f.values().flatten().any(|l| l.kind == *kind)) {
        let class = kind.as_str();
        plot.legend(class, |x, y| format!(r#"<path class="points {class}" d="{}"/>"#, shape(0, x, y)));
    }
    // Points at the same position are drawn once. Above the limit, only every n-th point is drawn.
    let stride = latencies.len().div_ceil(POINTS).max(1);
    for kind in KINDS {
        for (number, list) in latencies.by_f.values().enumerate() {
            let position = |latency: &Latency| {
                (plot.x(latency.start).round() as i64, (plot.y(latency.length as f64) * 2.0).round() as i64)
            };
            let of_kind = list.iter().filter(|latency| latency.kind == kind);
            let positions: BTreeSet<(i64, i64)> = of_kind.step_by(stride).map(position).collect();
            if positions.is_empty() {
                continue;
            }
            let path: String = positions.iter().map(|&(x, y)| shape(number, x as f64, y as f64 / 2.0)).collect();
            plot.drawing.push(format_args!(r#"<path class="points {}" d="{path}"/>"#, kind.as_str()));
        }
    }
    plot.drawing
}

/// Returns the outline of a point: circle, square, triangle, diamond, or inverted triangle.
fn shape(number: usize, x: f64, y: f64) -> String {
    match number % 5 {
        0 => format!("M{} {}a3 3 0 1 0 6 0a3 3 0 1 0-6 0", px(x - 3.0), px(y)),
        1 => format!("M{} {}h5v5h-5z", px(x - 2.5), px(y - 2.5)),
        2 => format!("M{} {}l3.4 6h-6.8z", px(x), px(y - 3.6)),
        3 => format!("M{} {}l3.8 3.8l-3.8 3.8l-3.8-3.8z", px(x), px(y - 3.8)),
        _ => format!("M{} {}h6.8l-3.4 6z", px(x - 3.4), px(y - 2.4)),
    }
}

/// Draws quantiles of all successful operations over time.
pub(in crate::report) fn quantiles(latencies: &Latencies, duration: Nanos, faults: &[FaultSpan]) -> Drawing {
    // Rounded up, so that there is no remainder after the last window.
    let window = duration.div_ceil(WINDOWS).max(1);
    let mut windows: BTreeMap<u64, Vec<Nanos>> = BTreeMap::new();
    for latency in latencies.by_f.values().flatten().filter(|latency| latency.kind == OpType::Ok) {
        windows.entry((latency.start / window).min(WINDOWS - 1)).or_default().push(latency.length);
    }
    let scale = Scale::for_latencies(windows.values().flatten().copied());
    let windows: BTreeMap<u64, Quantiles> =
        windows.into_iter().map(|(number, lengths)| (number, Quantiles::new(lengths))).collect();
    let mut plot = Plot::new("Latency quantiles of successful operations", scale, duration, faults);
    if windows.is_empty() {
        plot.empty("no operation succeeded");
    }
    for (class, name, q) in
        [("q100", "1 (maximum)", 1.0), ("q99", "0.99", 0.99), ("q95", "0.95", 0.95), ("q50", "0.5", 0.5)]
    {
        let centre = |number: u64| number * window + window / 2;
        let value = |(number, lengths): (&u64, &Quantiles)| (centre(*number), lengths.quantile(q).as_nanos() as f64);
        let points: Vec<(Nanos, f64)> = windows.iter().map(value).collect();
        // The line has a gap where no operation succeeded.
        for part in points.chunk_by(|a, b| b.0 - a.0 <= window) {
            plot.curve(class, part);
        }
        plot.legend(name, line_mark(class));
    }
    plot.drawing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn points_are_bounded_and_empty_plots_have_a_text() {
        let latency = |i: u64| Latency { start: i * 1000, length: i * i, kind: OpType::Ok };
        let many = Latencies { by_f: [("read".to_owned(), (0..300_000).map(latency).collect())].into() };
        assert!(raw(&many, 300_000_000, &[]).inline().len() < 1 << 20);
        assert!(raw(&Latencies::default(), 1, &[]).inline().contains("no operation was completed"));
        assert!(quantiles(&Latencies::default(), 0, &[]).inline().contains("no operation succeeded"));
    }

    #[test]
    fn quantiles_have_a_gap_where_nothing_succeeded() {
        let latency = |start: u64| Latency { start, length: 5, kind: OpType::Ok };
        let starts = [0, 1_000, 2_000, 30_000, 31_000, 50_000];
        let latencies = Latencies { by_f: [("read".to_owned(), starts.map(latency).to_vec())].into() };
        let markup = quantiles(&latencies, 60_000, &[]).inline();
        let curves: Vec<&str> = markup.split(r#"<path class="curve q100" d=""#).skip(1).collect();
        // Three parts, the last of which is a single point, and the sample in the legend.
        let points: Vec<usize> =
            curves.iter().map(|d| d.split('"').next().unwrap_or_default().matches(['M', 'L']).count()).collect();
        assert_eq!(points, [3, 2, 1, 1], "{markup}");
        assert!(curves[2].contains("m-3 0h6"), "a single point is a short line: {markup}");
    }

    #[test]
    fn the_legend_has_every_function_and_outcome() {
        let sample = sample::stale_read();
        let spans = crate::report::fault_spans(&sample.history);
        let markup = raw(&Latencies::of(&sample.history), sample.duration, &spans).inline();
        for part in [">read<", ">write<", ">ok<", "partition (majority) {n0 n1} | {n2 n3 n4}"] {
            assert!(markup.contains(part), "{part} is missing in {markup}");
        }
    }
}
