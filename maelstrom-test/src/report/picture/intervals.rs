//! A history that is not linearizable, as intervals of its operations and the orders that were tried.

use super::svg::{Drawing, px};
use crate::checker::{Bar, Intervals};
use crate::report::units;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 40.0;
const ROW: f64 = 36.0;
const BAR: f64 = 24.0;
/// The maximum number of orders that are drawn.
const ORDERS: usize = 12;

/// Draws operations as bars from invocation to completion, one row each. Below them are the possible orders, up to the
/// operation that cannot follow.
///
/// The proof depends only on the order of invocations and completions, so these have equal distances.
pub(in crate::report) fn intervals(data: &Intervals, title: &str) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, 0.0, title);
    drawing.label(LEFT, 20.0, "title", "start", title);
    drawing.set_head(24.0);
    let axis = EventAxis::new(&data.bars);
    for (row, bar) in data.bars.iter().enumerate() {
        draw_bar(&mut drawing, &axis, row, bar, data.stuck == Some(row));
    }
    let mut y = TOP + ROW * data.bars.len() as f64 + 6.0;
    times(&mut drawing, &axis, data, y);
    y += 34.0;
    y = orders(&mut drawing, data, y);
    drawing.set_height(y + 8.0);
    drawing
}

/// The horizontal axis: invocations and completions at equal distances.
struct EventAxis {
    /// Their positions in the history, ascending.
    events: Vec<usize>,
}

impl EventAxis {
    fn new(bars: &[Bar]) -> EventAxis {
        let mut events: Vec<usize> = bars.iter().flat_map(|bar| [Some(bar.order.0), bar.order.1]).flatten().collect();
        events.sort_unstable();
        events.dedup();
        EventAxis { events }
    }

    fn x(&self, event: Option<usize>) -> f64 {
        let last = self.events.len().max(1) as f64;
        let at = event.map_or(last, |event| self.events.partition_point(|other| *other < event) as f64 + 0.15);
        LEFT + (WIDTH - LEFT - RIGHT) * at / last
    }
}

fn draw_bar(drawing: &mut Drawing, axis: &EventAxis, row: usize, bar: &Bar, stuck: bool) {
    let y = TOP + ROW * row as f64;
    let open = bar.end.is_none() && bar.order.1.is_none();
    let (from, to) = (axis.x(Some(bar.order.0)), if open { WIDTH - 4.0 } else { axis.x(bar.order.1) });
    let class = if stuck {
        "stuck"
    } else if open {
        "info dash1"
    } else {
        "ok"
    };
    drawing.label(LEFT - 10.0, y + 16.0, "quiet", "end", &format!("p{}", bar.process));
    drawing.push(format_args!(
        r#"<rect class="bar {class}" x="{}" y="{}" width="{}" height="{BAR}" rx="4"/>"#,
        px(from),
        px(y),
        px((to - from).max(6.0))
    ));
    let note = match (stuck, open) {
        (true, _) => "  ✗ no order explains it",
        (_, true) => "  (takes effect at any later time, or never)",
        _ => "",
    };
    // A label that does not fit to the right of the bar's start is aligned with the right edge of the picture.
    let label = format!("{}{note}", bar.label);
    let fits = WIDTH - 8.0 - from > 7.0 * label.chars().count() as f64;
    let class = if stuck { "mono stuck-text" } else { "mono" };
    if fits {
        drawing.label(from + 8.0, y + 16.0, class, "start", &label);
    } else {
        drawing.label(WIDTH - 8.0, y + 16.0, class, "end", &label);
    }
}

/// Draws the time axis below the bars.
fn times(drawing: &mut Drawing, axis: &EventAxis, data: &Intervals, y: f64) {
    let ends = data.bars.iter().flat_map(|bar| {
        let end = bar.end.zip(bar.order.1).map(|(time, order)| (order, time));
        [Some((bar.order.0, bar.start)), end].into_iter().flatten()
    });
    let mut ends: Vec<(usize, u64)> = ends.filter(|(_, time)| *time > 0).collect();
    ends.sort_unstable();
    drawing.push(format_args!(r#"<path class="axis" d="M{LEFT} {0}H{1}"/>"#, px(y), WIDTH - RIGHT));
    // If times differ by less than a millisecond, microseconds are shown.
    let is_close = ends.windows(2).any(|pair| pair[0].1 != pair[1].1 && pair[0].1 / 1_000_000 == pair[1].1 / 1_000_000);
    let (format, width): (fn(u64) -> String, f64) =
        if is_close { (units::exact_moment, 92.0) } else { (units::moment, 76.0) };
    let mut free_from = f64::MIN;
    for (order, time) in ends {
        let x = axis.x(Some(order));
        drawing.push(format_args!(r#"<path class="axis" d="M{} {}v4"/>"#, px(x), px(y)));
        if x >= free_from {
            drawing.label(x, y + 16.0, "quiet", "start", &format(time));
            free_from = x + width;
        }
    }
}

/// Draws each order as a row of chips, each with an operation and the state after it.
fn orders(drawing: &mut Drawing, data: &Intervals, mut y: f64) -> f64 {
    if data.orders.is_empty() {
        return y;
    }
    drawing.label(LEFT, y + 10.0, "title", "start", "Orders that were tried, with the state after each operation");
    y += 26.0;
    for order in data.orders.iter().take(ORDERS) {
        let mut x = LEFT;
        for (bar, state) in order {
            let label = data.bars.get(*bar).map_or("?", |bar| &bar.label);
            y = chip(drawing, &mut x, y, &format!("{label}  ⇒  {state}"));
        }
        let stuck = data.stuck.filter(|stuck| order.iter().all(|(bar, _)| bar != stuck));
        if let Some(bar) = stuck.and_then(|stuck| data.bars.get(stuck)) {
            let text = format!("✗ {} cannot follow", bar.label);
            if x + 7.0 * text.chars().count() as f64 > WIDTH - RIGHT {
                (x, y) = (LEFT + 24.0, y + 28.0);
            }
            drawing.label(x + 4.0, y + 15.0, "mono stuck-text", "start", &text);
        }
        y += 30.0;
    }
    if data.orders.len() > ORDERS {
        drawing.label(LEFT, y + 12.0, "quiet", "start", &format!("… {} more orders", data.orders.len() - ORDERS));
        y += 22.0;
    }
    y
}

fn chip(drawing: &mut Drawing, x: &mut f64, mut y: f64, label: &str) -> f64 {
    let label = crate::protocol::shorten(label, 110);
    let width = 7.0 * label.chars().count() as f64 + 18.0;
    if *x + width > WIDTH - RIGHT && *x > LEFT {
        *x = LEFT + 24.0;
        y += 28.0;
    }
    let (left, top) = (px(*x), px(y));
    drawing.push(format_args!(
        r#"<rect class="chip" x="{left}" y="{top}" width="{}" height="22" rx="11"/>"#,
        px(width - 6.0)
    ));
    drawing.label(*x + 7.0, y + 15.0, "mono", "start", &label);
    *x += width;
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_that_no_order_explains_is_marked() {
        let bar = |label: &str, process, order| Bar { label: label.into(), process, start: 5, end: Some(9), order };
        let data = Intervals {
            bars: vec![bar("write 2", 4, (0, Some(1))), bar("read → 1", 1, (2, Some(3)))],
            orders: vec![vec![(0, "2".into())]; 20],
            stuck: Some(1),
        };
        let markup = intervals(&data, "key 3").inline();
        for part in ["read → 1  ✗ no order explains it", "write 2  ⇒  2", "✗ read → 1 cannot follow", "… 8 more orders"]
        {
            assert!(markup.contains(part), "{part} is missing in {markup}");
        }
    }

    #[test]
    fn empty_and_open_intervals_are_drawn() {
        assert!(intervals(&Intervals::default(), "x").inline().starts_with("<svg"));
        let open = Bar { order: (7, None), ..Bar::default() };
        let data = Intervals { bars: vec![open], orders: vec![vec![(5, "1".into())]], stuck: Some(9) };
        assert!(intervals(&data, "x").inline().contains("or never"));
    }
}
