//! The space-time diagram as an SVG picture.

use super::svg::{Drawing, px, text};
use crate::network::EventType;
use crate::protocol::NodeKind;
use crate::report::diagram::{Delivery, Diagram};
use crate::report::units;

const LANE: f64 = 108.0;
const ROW: f64 = 18.0;
const GUTTER: f64 = 84.0;
const TOP: f64 = 70.0;

/// Draws one arrow per message and one row per event, with times at the left.
pub(in crate::report) fn messages(diagram: &Diagram, title: &str) -> Drawing {
    let width = (GUTTER + LANE * diagram.lanes as f64).max(480.0);
    let height = TOP + ROW * diagram.events.len() as f64 + 20.0;
    let mut drawing = Drawing::new(width, height, title);
    drawing.label(12.0, 20.0, "title", "start", title);
    let shown = diagram.shown;
    let before = diagram.events.first().map_or(0, |event| event.seq);
    let count = match diagram.total - before {
        total if total > shown => format!("{} of {} events", units::count(shown), units::count(total)),
        _ => units::counted(shown, "event"),
    };
    drawing.label(12.0, 38.0, "quiet", "start", &count);
    lanes(&mut drawing, diagram, height);
    times(&mut drawing, diagram);
    for message in 0..diagram.messages.len() {
        arrows(&mut drawing, diagram, message);
    }
    drawing
}

fn x(diagram: &Diagram, column: usize) -> f64 {
    GUTTER + LANE * (diagram.columns[column].lane as f64 + 0.5)
}

fn y(event: usize) -> f64 {
    TOP + ROW * (event as f64 + 0.5)
}

fn lanes(drawing: &mut Drawing, diagram: &Diagram, height: f64) {
    let mut lines = String::new();
    let mut labelled = vec![false; diagram.lanes];
    for (at, column) in diagram.columns.iter().enumerate() {
        if std::mem::replace(&mut labelled[column.lane], true) {
            continue;
        }
        lines += &format!("M{} {TOP}V{}", px(x(diagram, at)), px(height - 10.0));
        let shared = diagram.columns.iter().filter(|other| other.lane == column.lane).count() > 1;
        let name = if shared && column.kind == NodeKind::Client {
            format!("{} …", column.name)
        } else {
            column.name.clone()
        };
        drawing.label(x(diagram, at), TOP - 10.0, "mono", "middle", &name);
    }
    drawing.push(format_args!(r#"<path class="lane" d="{lines}"/>"#));
}

fn times(drawing: &mut Drawing, diagram: &Diagram) {
    for (at, event) in diagram.events.iter().enumerate() {
        let gap = at.checked_sub(1).is_some_and(|before| diagram.events[before].left_out < event.left_out);
        if at.is_multiple_of(3) || gap {
            let label = units::moment(event.time);
            drawing.label(12.0, y(at) + 4.0, "quiet", "start", &if gap { format!("… {label}") } else { label });
        }
    }
}

fn arrows(drawing: &mut Drawing, diagram: &Diagram, number: usize) {
    let message = &diagram.messages[number];
    let (from, to) = (x(diagram, message.src), x(diagram, message.dest));
    let start = y(message.send);
    let (src, dest) = (&diagram.columns[message.src].name, &diagram.columns[message.dest].name);
    let notes: String = message.notes.iter().map(|note| text(note, 200) + "\n").collect();
    let content = text(&format!("{src} → {dest} {}", message.body), 200);
    drawing.push(format_args!("<g class=\"{}\"><title>{notes}{content}</title>", message.class.name()));
    for &event in &message.recvs {
        debug_assert_eq!(diagram.events[event].kind, EventType::Recv);
        arrow(drawing, (from, start), (to, y(event)));
    }
    for &event in &message.drops {
        lost(drawing, (from, start), (from + (to - from) * 0.85, y(event)));
    }
    match message.delivery {
        Delivery::Received => {}
        Delivery::Lost if !message.drops.is_empty() => {}
        Delivery::Unknown => drawing.push(format_args!(
            r#"<path class="message dash2" d="M{} {}L{} {}"/>"#,
            px(from),
            px(start),
            px((from + to) / 2.0),
            px(start + ROW * 0.7)
        )),
        Delivery::Lost => lost(drawing, (from, start), ((from + to) / 2.0, start + ROW * 0.7)),
    }
    let towards = if to >= from { ("start", 8.0) } else { ("end", -8.0) };
    drawing.label(from + towards.1, start - 3.0, "mono quiet", towards.0, &message.kind);
    drawing.push("</g>");
}

/// Draws a line that ends in a cross.
fn lost(drawing: &mut Drawing, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    drawing.push(format_args!(
        r#"<g class="lost"><path class="message" d="M{} {}L{} {}M{} {}l8 8m0-8l-8 8"/></g>"#,
        px(x1),
        px(y1),
        px(x2),
        px(y2),
        px(x2 - 4.0),
        px(y2 - 4.0)
    ));
}

fn arrow(drawing: &mut Drawing, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    if x1 == x2 {
        // A message to its sender is a curve to the right.
        drawing.push(format_args!(
            r#"<path class="message" d="M{0} {1}C{2} {1} {2} {3} {0} {3}"/>"#,
            px(x1),
            px(y1),
            px(x1 + 36.0),
            px(y2)
        ));
    } else {
        drawing.push(format_args!(r#"<path class="message" d="M{} {}L{} {}"/>"#, px(x1), px(y1), px(x2), px(y2)));
    }
    let angle = if x1 == x2 { std::f64::consts::PI } else { (y2 - y1).atan2(x2 - x1) };
    let wing = |turn: f64| (x2 - 8.0 * (angle + turn).cos(), y2 - 8.0 * (angle + turn).sin());
    let ((ax, ay), (bx, by)) = (wing(0.4), wing(-0.4));
    drawing.push(format_args!(
        r#"<path class="head" d="M{} {}L{} {}L{} {}z"/>"#,
        px(x2),
        px(y2),
        px(ax),
        px(ay),
        px(bx),
        px(by)
    ));
}
