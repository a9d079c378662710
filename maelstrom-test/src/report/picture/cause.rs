//! The cause of a failure: pieces of a space-time diagram, one per row of a list.
//!
//! A piece has the height of its row, whatever the text beside it needs: vertical lines reach from 0 to 100 %, and arrows are
//! at a fixed distance from the upper edge.

use std::fmt::Write as _;

use super::svg::px;
use crate::protocol::NodeKind;
use crate::report::cause::{Cause, Column, Fate, FaultLanes, Message, Row, RowKind};
use crate::report::diagram::kind_name;

/// The widths of margins, and of the bracket of a fault.
const MARGIN: f64 = 26.0;
const BRACKET: f64 = 12.0;
/// The height of the beginning and the end of an arrow.
const START: f64 = 13.0;
const END: f64 = 21.0;

/// The pieces of a diagram.
pub(in crate::report) struct CausePieces<'a> {
    cause: &'a Cause,
    lanes: FaultLanes,
    /// The positions of the columns that are shown.
    pub(in crate::report) columns: Vec<usize>,
    distance: f64,
    /// Whether it is known which nodes received what the answer lacks.
    pub(in crate::report) shows_informed: bool,
}

impl<'a> CausePieces<'a> {
    pub(in crate::report) fn new(cause: &'a Cause) -> CausePieces<'a> {
        let columns = cause.used_columns(cause.rows.iter());
        let distance = match columns.len() {
            ..=4 => 104.0,
            5..=6 => 84.0,
            7..=9 => 58.0,
            10..=14 => 42.0,
            _ => 30.0,
        };
        let shows_informed = cause.columns.iter().any(|column| column.informed.is_some());
        CausePieces { cause, lanes: FaultLanes::of(cause), columns, distance, shows_informed }
    }

    /// Returns the width of every piece, in pixels.
    pub(in crate::report) fn width(&self) -> f64 {
        self.left() + self.distance * self.columns.len().saturating_sub(1) as f64 + MARGIN
    }

    fn left(&self) -> f64 {
        MARGIN + BRACKET * self.lanes.count as f64
    }

    /// Returns the horizontal position of a column.
    pub(in crate::report) fn x(&self, column: usize) -> f64 {
        let place = self.columns.iter().position(|used| *used == column).unwrap_or_default();
        self.left() + self.distance * place as f64
    }

    /// Draws the lines below a row, where time passes without events.
    pub(in crate::report) fn gap(&self, below: usize) -> String {
        self.lines(below, true, "gap")
    }

    /// Draws a row.
    pub(in crate::report) fn row(&self, at: usize) -> String {
        let row = &self.cause.rows[at];
        let mut out = self.lines(at, false, "");
        match (&row.kind, row.column) {
            (RowKind::Message(message), Some(from)) => self.message(&mut out, row, from, message),
            (RowKind::Invoke(operation), Some(process)) => {
                self.arrow(&mut out, "client", process, operation.node.unwrap_or(process));
                dot(&mut out, "client", self.x(process), START);
            }
            (RowKind::Complete(operation), Some(process)) => {
                let node = operation.node.unwrap_or(process);
                self.arrow(&mut out, if row.is_wrong { "wrong" } else { "client" }, node, process);
                if !row.is_wrong {
                    dot(&mut out, "client", self.x(node), START);
                }
            }
            (RowKind::Log(_), Some(column)) => {
                write(
                    &mut out,
                    format_args!(r#"<circle class="log" cx="{}" cy="{START}" r="2.5"/>"#, px(self.x(column))),
                );
            }
            _ => {}
        }
        if row.is_wrong {
            let node = match &row.kind {
                RowKind::Complete(operation) => operation.node.or(row.column),
                _ => row.column,
            };
            let x = node.map_or(0.0, |node| self.x(node));
            write(&mut out, format_args!(r#"<path class="wrong-mark" d="M{} {START}l7 -7 7 7-7 7z"/>"#, px(x - 7.0)));
        }
        out
    }

    fn message(&self, out: &mut String, row: &Row, from: usize, message: &Message) {
        let kind = |column: usize| self.cause.columns.get(column).map_or(NodeKind::Server, |column| column.kind);
        let class = match (&message.fate, kind(from), kind(message.to)) {
            _ if row.is_wrong => "wrong",
            (Fate::Lost { .. }, ..) => "lost",
            (Fate::Late { .. }, ..) => "late",
            (_, NodeKind::Client, _) | (_, _, NodeKind::Client) => "client",
            (_, NodeKind::Service, _) | (_, _, NodeKind::Service) => "service",
            _ => "server",
        };
        let (x1, x2) = (self.x(from), self.x(message.to));
        match message.fate {
            Fate::Received { .. } | Fate::Late { .. } => self.arrow(out, class, from, message.to),
            Fate::Lost { .. } => {
                let (x, y) = (x1 + (x2 - x1) * 0.8, START + (END - START) * 0.8);
                line(out, class, (x1, START), (x, y));
                write(out, format_args!(r#"<path class="cross" d="M{} {}l9 9m0-9l-9 9"/>"#, px(x - 4.5), px(y - 4.5)));
            }
            Fate::InFlight => line(out, &format!("{class} fade"), (x1, START), ((x1 + x2) / 2.0, (START + END) / 2.0)),
        }
        dot(out, class, x1, START);
    }

    fn arrow(&self, out: &mut String, class: &str, from: usize, to: usize) {
        let (x1, x2) = (self.x(from), self.x(to));
        if from == to {
            return;
        }
        let angle = (END - START).atan2(x2 - x1);
        let (tip, y) = (x2 - 1.5 * angle.cos(), END - 1.5 * angle.sin());
        line(out, class, (x1, START), (tip, y));
        let wing = |turn: f64| (tip - 9.0 * (angle + turn).cos(), y - 9.0 * (angle + turn).sin());
        let ((ax, ay), (bx, by)) = (wing(0.4), wing(-0.4));
        let d = format!("M{} {}L{} {}L{} {}z", px(tip), px(y), px(ax), px(ay), px(bx), px(by));
        write(out, format_args!(r#"<path class="tip {class}" d="{d}"/>"#));
    }

    /// Draws the lines of the columns, the brackets of the faults, and a wall between the sides of a partition.
    fn lines(&self, at: usize, is_below: bool, class: &str) -> String {
        let mut out = String::new();
        let mut is_partitioned = false;
        for (number, (lane, start, end)) in self.lanes.spans.iter().enumerate() {
            let is_active = at >= *start && end.is_none_or(|end| if is_below { at < end } else { at <= end });
            if !is_active {
                continue;
            }
            let kind = self.lanes.kinds[number].as_str();
            is_partitioned |= kind == "partition";
            let x = px(8.0 + BRACKET * *lane as f64);
            let (top, bottom) = match () {
                () if is_below => ("0".to_owned(), "100%".to_owned()),
                () => (
                    if at == *start { START.to_string() } else { "0".to_owned() },
                    if *end == Some(at) { START.to_string() } else { "100%".to_owned() },
                ),
            };
            let kind = if ["partition", "kill", "pause", "packet", "clock"].contains(&kind) { kind } else { "" };
            write(
                &mut out,
                format_args!(r#"<g class="bracket {kind}"><line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>"#),
            );
            if !is_below && (at == *start || *end == Some(at)) {
                write(&mut out, format_args!(r#"<path d="M{x} {START}h8"/>"#));
            }
            out.push_str("</g>");
        }
        for column in &self.columns {
            let Column { kind, informed, .. } = &self.cause.columns[*column];
            // A lane is hollow until the node has received what the answer lacks.
            let has_received = informed.is_some_and(|time| self.cause.rows[at].time >= time);
            let hollow = if self.shows_informed && *kind != NodeKind::Client && !has_received { " hollow" } else { "" };
            let kind = kind_name(*kind);
            let x = px(self.x(*column));
            write(
                &mut out,
                format_args!(r#"<line class="lane {kind} {class}{hollow}" x1="{x}" x2="{x}" y1="0" y2="100%"/>"#),
            );
        }
        for pair in self.columns.windows(2).filter(|_| is_partitioned) {
            let sides = [pair[0], pair[1]].map(|column| self.cause.columns[column].side);
            if let [Some(left), Some(right)] = sides
                && left != right
            {
                let x = px((self.x(pair[0]) + self.x(pair[1])) / 2.0);
                write(&mut out, format_args!(r#"<line class="wall" x1="{x}" x2="{x}" y1="0" y2="100%"/>"#));
            }
        }
        out
    }
}

fn write(out: &mut String, markup: std::fmt::Arguments<'_>) {
    out.write_fmt(markup).expect("writing to a string does not fail");
}

fn line(out: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    write(out, format_args!(r#"<path class="edge {class}" d="M{} {}L{} {}"/>"#, px(x1), px(y1), px(x2), px(y2)));
}

fn dot(out: &mut String, class: &str, x: f64, y: f64) {
    write(out, format_args!(r#"<circle class="dot-at {class}" cx="{}" cy="{}" r="3.5"/>"#, px(x), px(y)));
}
