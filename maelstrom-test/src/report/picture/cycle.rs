//! A cycle of transactions that must each precede the next one, as a graph with labelled edges.

use std::f64::consts::TAU;

use super::svg::{Drawing, px, text};
use crate::checker::Cycle;
use crate::protocol::shorten;

const WIDTH: f64 = 960.0;
const LINE: f64 = 17.0;
/// The maximum number of transactions, of operations per transaction, and of characters per operation.
const VERTICES: usize = 12;
const LINES: usize = 8;
const CHARACTERS: usize = 44;

/// The box of a transaction. `x` and `y` are its centre.
struct VertexBox {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    lines: Vec<String>,
}

/// Draws the transactions as boxes around a circle, and the reason for each edge below it.
pub(in crate::report) fn cycle(data: &Cycle, title: &str) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, 0.0, title);
    drawing.label(24.0, 22.0, "title", "start", title);
    drawing.set_head(26.0);
    let (boxes, bottom) = boxes(data);
    for (from, to, kind, because) in &data.edges {
        if let (Some(a), Some(b)) = (boxes.get(*from), boxes.get(*to)) {
            edge(&mut drawing, a, b, kind, because, boxes.len());
        }
    }
    for (number, vertex_box) in boxes.iter().enumerate() {
        vertex(&mut drawing, vertex_box, number);
    }
    let mut y = bottom + 24.0;
    for (from, to, kind, because) in data.edges.iter().take(VERTICES) {
        drawing.label(24.0, y, "mono", "start", &format!("T{} ─{kind}→ T{}", from + 1, to + 1));
        drawing.label(170.0, y, "", "start", &shorten(because, 130));
        y += 20.0;
    }
    if data.vertices.len() > VERTICES {
        let more = data.vertices.len() - VERTICES;
        drawing.label(24.0, y, "quiet", "start", &format!("… {more} more transactions are part of the cycle"));
        y += 20.0;
    }
    drawing.set_height(y);
    drawing
}

/// Returns the boxes, and the vertical position of the lower end of the graph.
fn boxes(data: &Cycle) -> (Vec<VertexBox>, f64) {
    let shown = data.vertices.len().min(VERTICES);
    let sizes: Vec<(Vec<String>, f64, f64)> = data.vertices.iter().take(shown).map(|vertex| measure(vertex)).collect();
    let tallest = sizes.iter().map(|(_, _, height)| *height).fold(0.0, f64::max);
    let (middle, top) = (WIDTH / 2.0, 44.0);
    let radius_x = WIDTH / 2.0 - 190.0;
    // Two boxes are side by side. More are on an ellipse that is high enough that neighbours do not touch.
    let radius_y = if shown <= 2 { 0.0 } else { (tallest + 40.0) * shown as f64 / 5.0 + 20.0 };
    let centre = top + radius_y + tallest / 2.0 + 10.0;
    let position = |(number, (lines, width, height)): (usize, (Vec<String>, f64, f64))| {
        let angle = if shown <= 2 {
            TAU / 2.0 + TAU * number as f64 / 2.0
        } else {
            TAU * number as f64 / shown as f64 - TAU / 4.0
        };
        let (x, y) =
            (middle + radius_x * angle.cos() * if shown == 1 { 0.0 } else { 1.0 }, centre + radius_y * angle.sin());
        VertexBox { x, y, width, height, lines }
    };
    let boxes = sizes.into_iter().enumerate().map(position).collect();
    // The lower one of two curves can extend below the boxes.
    let below = if shown <= 2 { (44.0 - tallest / 2.0).max(16.0) } else { 20.0 };
    (boxes, centre + radius_y + tallest / 2.0 + below)
}

/// Returns the lines of a box, its width and its height.
fn measure(vertex: &str) -> (Vec<String>, f64, f64) {
    let mut lines: Vec<String> = vertex.lines().map(|line| shorten(line, CHARACTERS)).collect();
    if lines.len() > LINES {
        let more = lines.len() - LINES + 1;
        lines.truncate(LINES - 1);
        lines.push(format!("… {more} more"));
    }
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(8);
    let height = LINE * (lines.len() as f64 + 1.0) + 14.0;
    (lines, 7.1 * widest as f64 + 24.0, height)
}

fn vertex(drawing: &mut Drawing, vertex_box: &VertexBox, number: usize) {
    let VertexBox { x, y, width, height, lines } = vertex_box;
    let (left, top) = (x - width / 2.0, y - height / 2.0);
    drawing.push(format_args!(
        r#"<rect class="box" x="{}" y="{}" width="{}" height="{}" rx="7"/>"#,
        px(left),
        px(top),
        px(*width),
        px(*height)
    ));
    drawing.label(left + 12.0, top + 19.0, "title", "start", &format!("T{}", number + 1));
    for (row, line) in lines.iter().enumerate() {
        drawing.label(left + 12.0, top + 19.0 + LINE * (row as f64 + 1.0), "mono", "start", line);
    }
}

/// Draws an arrow from border to border. It is bent, so that the two arrows of a pair do not cover each other.
fn edge(drawing: &mut Drawing, from: &VertexBox, to: &VertexBox, kind: &str, because: &str, count: usize) {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = (dx * dx + dy * dy).sqrt().max(1.0);
    let bend = if count <= 2 { 56.0 } else { 22.0 };
    let (nx, ny) = (dy / length * bend, -dx / length * bend);
    let (mx, my) = ((from.x + to.x) / 2.0 + nx, (from.y + to.y) / 2.0 + ny);
    let (x1, y1) = border(from, mx, my);
    let (x2, y2) = border(to, mx, my);
    let class = text(kind, 20).replace(' ', "-");
    let angle = (y2 - my).atan2(x2 - mx);
    let wing = |turn: f64| (x2 - 11.0 * (angle + turn).cos(), y2 - 11.0 * (angle + turn).sin());
    let ((ax, ay), (bx, by)) = (wing(0.4), wing(-0.4));
    drawing.push(format_args!(
        r#"<g class="{class}"><title>{}</title><path class="edge" d="M{} {}Q{} {} {} {}"/><path class="edge-head" d="M{} {}L{} {}L{} {}z"/>"#,
        text(because, 400),
        px(x1), px(y1), px(mx), px(my), px(x2), px(y2), px(x2), px(y2), px(ax), px(ay), px(bx), px(by),
    ));
    // The centre of the curve is half-way to the control point.
    let (lx, ly) = ((x1 + x2) / 4.0 + mx / 2.0, (y1 + y2) / 4.0 + my / 2.0);
    drawing.label(lx, ly + 4.0, "edge-label", "middle", kind);
    drawing.push("</g>");
}

/// Returns where the line from the centre of a box to a point crosses the border of the box.
fn border(vertex_box: &VertexBox, x: f64, y: f64) -> (f64, f64) {
    let (dx, dy) = (x - vertex_box.x, y - vertex_box.y);
    let (w, h) = (vertex_box.width / 2.0 + 5.0, vertex_box.height / 2.0 + 5.0);
    let scale = if dx == 0.0 && dy == 0.0 { 0.0 } else { (w / dx.abs().max(1e-9)).min(h / dy.abs().max(1e-9)) };
    (vertex_box.x + dx * scale, vertex_box.y + dy * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(count: usize) -> Cycle {
        let vertices = (0..count).map(|i| format!("r {i} [1 2]\nappend {i} 3")).collect();
        let edges =
            (0..count).map(|i| (i, (i + 1) % count, "rw".into(), format!("T{} did not see it", i + 1))).collect();
        Cycle { vertices, edges }
    }

    #[test]
    fn every_edge_is_drawn_and_explained() {
        for count in [1, 2, 3, 7] {
            let markup = cycle(&ring(count), "G-single").inline();
            assert_eq!(markup.matches("class=\"edge\"").count(), count);
            assert!(markup.contains("T1 did not see it"), "{markup}");
            assert!(!markup.contains("NaN"), "{markup}");
        }
    }

    #[test]
    fn long_cycles_are_cut_with_a_count() {
        let markup = cycle(&ring(40), "G1c").inline();
        assert!(markup.contains("28 more transactions"), "{markup}");
        assert!(cycle(&Cycle::default(), "x").inline().contains("<svg"));
    }
}
