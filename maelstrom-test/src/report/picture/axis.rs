//! The frame of a plot: the time axis at the bottom, the scale at the left, and shaded faults.

use super::svg::{Drawing, px, text};
use crate::history::Nanos;
use crate::report::{FaultSpan, units};

/// The size of plots.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 68.0;
const BOTTOM: f64 = 40.0;

/// The scale of the vertical axis.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// Durations in nanoseconds, on a logarithmic scale.
    Latency {
        /// The exponent of the lower end, to base 10.
        low: i32,
        /// The exponent of the upper end, to base 10.
        high: i32,
    },
    /// A number per second, from 0 to this maximum.
    Rate(f64),
}

impl Scale {
    /// Returns a scale for these durations.
    pub(super) fn for_latencies(lengths: impl Iterator<Item = Nanos>) -> Scale {
        let (least, most) = lengths.fold((Nanos::MAX, 1), |(least, most), l| (least.min(l.max(1)), most.max(l)));
        let least = least.min(most);
        // Differences below a microsecond are noise.
        let low = (least as f64).log10().floor().max(3.0) as i32;
        Scale::Latency { low, high: ((most as f64).log10().floor() as i32 + 1).max(low + 1) }
    }

    /// Returns the position of a value, from 0 (bottom) to 1 (top).
    fn position(self, value: f64) -> f64 {
        match self {
            Scale::Latency { low, high } => (value.max(1.0).log10() - f64::from(low)) / f64::from(high - low),
            Scale::Rate(most) => value / most,
        }
        .clamp(0.0, 1.0)
    }

    fn ticks(self) -> Vec<(f64, String)> {
        match self {
            Scale::Latency { low, high } => (low..=high)
                .map(|exponent| 10f64.powi(exponent))
                .map(|value| (value, units::length(value as Nanos)))
                .collect(),
            Scale::Rate(most) => {
                let distance = tick_distance(most, 5);
                let count = (most / distance + 1e-9).floor() as usize;
                (0..=count).map(|i| (i as f64 * distance, format!("{}", px(i as f64 * distance)))).collect()
            }
        }
    }
}

/// Returns a round distance between ticks that divides a length into at most `parts` parts.
fn tick_distance(length: f64, parts: u32) -> f64 {
    let rough = length / f64::from(parts);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|distance| *distance >= rough).unwrap_or(rough)
}

/// A plot. Its frame is drawn first, then the data.
pub(super) struct Plot {
    pub(super) drawing: Drawing,
    scale: Scale,
    duration: f64,
    legend_at: f64,
}

impl Plot {
    /// Draws title, axes, grid and shaded faults.
    pub(super) fn new(title: &str, scale: Scale, duration: Nanos, faults: &[FaultSpan]) -> Plot {
        let drawing = Drawing::new(WIDTH, HEIGHT, title);
        let mut plot = Plot { drawing, scale, duration: duration.max(1) as f64, legend_at: LEFT };
        plot.drawing.label(LEFT, 18.0, "title", "start", title);
        plot.shade(faults, duration);
        plot.grid();
        plot
    }

    /// Shades each fault. Each kind has a separate stripe above the plot, which distinguishes overlapping faults.
    fn shade(&mut self, faults: &[FaultSpan], duration: Nanos) {
        let mut kinds: Vec<&str> = faults.iter().map(|span| span.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for span in faults {
            let (from, to) = (self.x(span.start), self.x(span.end.unwrap_or(duration)));
            let (x, width, height) = (px(from), px((to - from).max(1.0)), px(HEIGHT - TOP - BOTTOM));
            let stripe = TOP - 4.0 * (1 + kinds.iter().position(|kind| *kind == span.kind).unwrap_or(0)) as f64;
            let (title, kind) = (text(&span.describe(), 300), text(&span.kind, 20));
            self.drawing.push(format_args!(
                r#"<g class="{kind}"><title>{title}</title><rect class="band" x="{x}" y="{TOP}" width="{width}" height="{height}"/><rect class="band-edge" x="{x}" y="{stripe}" width="{width}" height="3"/></g>"#
            ));
        }
        let mut x = WIDTH - RIGHT;
        for kind in kinds.iter().rev() {
            x -= 6.6 * kind.chars().count() as f64 + 30.0;
            let (class, left) = (text(kind, 20), px(x));
            self.drawing.push(format_args!(
                r#"<g class="{class}"><rect class="band-edge" x="{left}" y="9" width="10" height="10" rx="2"/></g>"#
            ));
            self.drawing.label(x + 14.0, 18.0, "quiet", "start", kind);
        }
    }

    fn grid(&mut self) {
        let mut lines = String::new();
        for (value, label) in self.scale.ticks() {
            let y = self.y(value);
            lines += &format!("M{LEFT} {}H{}", px(y), WIDTH - RIGHT);
            self.drawing.label(LEFT - 8.0, y + 4.0, "quiet", "end", &label);
        }
        let seconds = self.duration / 1e9;
        let distance = tick_distance(seconds, 10);
        for number in 0..=(seconds / distance + 1e-9).floor() as u64 {
            let time = number as f64 * distance;
            let x = self.x((time * 1e9) as Nanos);
            let label = units::length((time * 1e9).round() as Nanos);
            self.drawing.label(x, HEIGHT - BOTTOM + 18.0, "quiet", "middle", if number == 0 { "0 s" } else { &label });
        }
        self.drawing.push(format_args!(r#"<path class="grid" d="{lines}"/>"#));
        self.drawing.push(format_args!(
            r#"<path class="axis" d="M{LEFT} {TOP}V{0}H{1}"/>"#,
            HEIGHT - BOTTOM,
            WIDTH - RIGHT
        ));
    }

    pub(super) fn x(&self, time: Nanos) -> f64 {
        LEFT + (time as f64 / self.duration).min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.scale.position(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// Adds an entry to the legend. `mark` draws a sample around a point.
    pub(super) fn legend(&mut self, name: &str, mark: impl Fn(f64, f64) -> String) {
        let (x, y) = (self.legend_at, 38.0);
        self.drawing.push(mark(x + 9.0, y));
        self.drawing.label(x + 24.0, y + 4.0, "", "start", name);
        self.legend_at += 42.0 + 7.0 * name.chars().count() as f64;
    }

    /// Draws a line through points `(time, value)`. A single point becomes a short line.
    pub(super) fn curve(&mut self, class: &str, points: &[(Nanos, f64)]) {
        let path: String = points
            .iter()
            .enumerate()
            .map(|(at, &(time, value))| {
                format!("{}{} {}", if at == 0 { 'M' } else { 'L' }, px(self.x(time)), px(self.y(value)))
            })
            .collect();
        let path = if points.len() == 1 { path + "m-3 0h6" } else { path };
        self.drawing.push(format_args!(r#"<path class="curve {class}" d="{path}"/>"#));
    }

    /// Writes why the plot is empty.
    pub(super) fn empty(&mut self, why: &str) {
        self.drawing.label(WIDTH / 2.0, HEIGHT / 2.0, "quiet", "middle", why);
    }
}

/// Returns a function that draws a short line as a sample for the legend.
pub(super) fn line_mark(class: &str) -> impl Fn(f64, f64) -> String + use<> {
    let class = class.to_owned();
    move |x, y| format!(r#"<path class="curve {class}" d="M{} {}h20"/>"#, px(x - 10.0), px(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values() {
        let Scale::Latency { low, high } = Scale::for_latencies([1_500_000, 30_000_000].into_iter()) else { panic!() };
        assert_eq!((low, high), (6, 8));
        let Scale::Latency { low, high } = Scale::for_latencies([0, 0].into_iter()) else { panic!() };
        assert_eq!((low, high), (3, 4));
        let Scale::Latency { low, high } = Scale::for_latencies(std::iter::empty()) else { panic!() };
        assert!(low < high);
        assert_eq!([7.0, 60.0, 0.3].map(|length| tick_distance(length, 5)), [2.0, 20.0, 0.1]);
    }
}
