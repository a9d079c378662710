//! The cause of a failure as a small diagram: a line per client process and node, and beside it what happened.
//!
//! ```text
//!      time      p4   n1   n2   n0   p1
//!      2.010 s ┌ │    │    │    │    │   partition starts: n0 | n1 n2
//!      2.014 s │ │    ●───▶│    │    │   request_vote, term 2
//!              │ │    │    │ voted for n1 in term 2
//!      2.032 s │ │    │    │    ●───▶│   1, answered from its own state
//! ```

use super::layout::{pad, width, wrap};
use super::style::{Style, Tone};
use super::wrapped_label;
use crate::report::cause::{Cause, Fate, FaultLanes, Matters, Operation, Row, RowKind};
use crate::report::escape::visible;
use crate::report::units;

const INDENT: usize = 2;
/// The maximum number of rows, and of rows together with lines of logs, unless the style is [full](Style::full).
const ROWS: usize = 12;
const ROWS_WITH_LOGS: usize = 17;
/// The minimum and the maximum distance between two lines.
const NARROW: usize = 4;
const WIDE: usize = 9;
/// The minimum width of the text beside the lines. With less room, there are no lines.
const TEXT: usize = 26;
/// The maximum number of lines of the text of a row.
const TEXT_LINES: usize = 3;
/// The number of lines of the first rows that are shown if there are too many.
const FIRST_ROWS: usize = 4;

/// Renders the cause of a failure.
pub(super) fn lines(cause: &Cause, style: Style) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut sentence = |text: &str, tone: Option<Tone>| {
        let text = visible(text, 600);
        let paint = |line: &String| tone.map_or(line.clone(), |tone| style.paint(tone, line));
        lines.extend(wrap(&text, style.width - INDENT).iter().map(|line| format!("{:INDENT$}{}", "", paint(line))));
    };
    if let Some(text) = &cause.sentence {
        sentence(text, Some(Tone::Strong));
    }
    sentence(&cause.summary(), None);
    if !cause.rows.is_empty() {
        lines.push(String::new());
        lines.extend(Table::new(cause, style).lines());
    }
    if !cause.remarks.is_empty() {
        lines.push(String::new());
    }
    for remark in &cause.remarks {
        lines.extend(wrapped_label("remark", &visible(remark, 400), style));
    }
    lines
}

/// The sizes of the parts of the table.
struct Table<'a> {
    cause: &'a Cause,
    style: Style,
    /// The positions of the rows that are shown.
    shown: Vec<usize>,
    /// The positions of the columns that the rows use.
    columns: Vec<usize>,
    lanes: FaultLanes,
    time: usize,
    /// The distance between two lines. 0 if there is no room for lines.
    distance: usize,
}

impl<'a> Table<'a> {
    fn new(cause: &'a Cause, style: Style) -> Table<'a> {
        let shown = if style.full { (0..cause.rows.len()).collect() } else { choose(cause) };
        let lanes = FaultLanes::of(cause);
        let time = shown.iter().map(|at| units::moment(cause.rows[*at].time).len()).max().unwrap_or(0);
        let columns = cause.used_columns(shown.iter().map(|at| &cause.rows[*at]));
        let room = style.width.saturating_sub(INDENT + 3 + time + 2 + lanes.count + 2 + TEXT);
        let longest = columns.iter().map(|column| width(&cause.columns[*column].name)).max().unwrap_or(0);
        let wanted = if style.width > Style::PLAIN.width { WIDE } else { (longest + 2).clamp(NARROW + 1, WIDE) };
        let distance = match room / columns.len().max(1) {
            ..NARROW => 0,
            distance => distance.min(wanted),
        };
        Table { cause, style, shown, columns, lanes, time, distance }
    }

    fn lines(&self) -> Vec<String> {
        let mut out = vec![self.header()];
        let mut before: Option<usize> = None;
        for &at in &self.shown {
            let row = &self.cause.rows[at];
            let missing = at - before.map_or(0, |before| before + 1);
            if missing > 0 && !self.are_logs(at - missing, at) {
                let more = format!("… {} in report.html", units::counted(missing as u64, "more row"));
                out.push(self.between(at - 1, &more));
            } else if let Some(gap) = before.and_then(|_| self.cause.gap_before(at)) {
                out.push(self.between(at - 1, &format!("⋮ {}", units::length(gap))));
            }
            out.extend(self.row(at, row));
            before = Some(at);
        }
        let last = before.map_or(0, |before| before + 1);
        let missing = self.cause.rows.len() - last;
        if missing > 0 && !self.are_logs(last, self.cause.rows.len()) {
            let more = format!("… {} in report.html", units::counted(missing as u64, "more row"));
            out.push(self.between(last - 1, &more));
        }
        out
    }

    fn are_logs(&self, from: usize, to: usize) -> bool {
        self.cause.rows[from..to].iter().all(|row| matches!(row.kind, RowKind::Log(_)))
    }

    fn header(&self) -> String {
        let mut line = self.start("time", &" ".repeat(self.lanes.count));
        if self.distance > 0 {
            for column in &self.columns {
                line += &pad(&visible(&self.cause.columns[*column].name, self.distance - 2), self.distance);
            }
        }
        self.style.paint(Tone::Dim, line.trim_end())
    }

    /// Renders the time and the brackets of faults.
    fn start(&self, time: &str, brackets: &str) -> String {
        let padding = " ".repeat(INDENT + 3 + self.time - width(time));
        format!("{padding}{time}  {brackets}{}", if brackets.is_empty() { "" } else { " " })
    }

    fn text_width(&self) -> usize {
        let graph = self.distance * self.columns.len();
        self.style.width.saturating_sub(width(&self.start("", &" ".repeat(self.lanes.count))) + graph).max(TEXT)
    }

    /// Renders the brackets of the faults that are active at a row.
    fn brackets(&self, at: usize, is_continuation: bool) -> String {
        self.lanes.brackets(at, is_continuation).into_iter().collect()
    }

    /// Renders a line below a row.
    fn between(&self, at: usize, text: &str) -> String {
        let brackets = self.brackets(at, true);
        let graph: String = self.graph(|line| line.fill('┆')).into_iter().collect();
        self.style.paint(Tone::Dim, &format!("{}{graph}{text}", self.start("", &brackets)))
    }

    /// Draws the lines of all columns. `change` gets one character per column and may replace it.
    fn graph(&self, change: impl FnOnce(&mut Vec<char>)) -> Vec<char> {
        if self.distance == 0 {
            return Vec::new();
        }
        let mut lines = vec!['│'; self.columns.len()];
        change(&mut lines);
        let mut graph = vec![' '; lines.len() * self.distance];
        lines.iter().enumerate().for_each(|(column, line)| graph[column * self.distance] = *line);
        graph
    }

    fn row(&self, at: usize, row: &Row) -> Vec<String> {
        let tone = match (&row.kind, row.is_wrong, row.matters) {
            (_, true, _) => Some(Tone::Bad),
            (RowKind::Log(_), ..) | (_, _, Matters::Context) => Some(Tone::Dim),
            (RowKind::FaultStart(_) | RowKind::FaultEnd(_), ..) => Some(Tone::Unknown),
            (RowKind::Message(message), ..) if matches!(message.fate, Fate::Lost { .. }) => Some(Tone::Bad),
            _ => None,
        };
        let paint = |text: &str| tone.map_or(text.to_owned(), |tone| self.style.paint(tone, text));
        if let RowKind::Log(text) = &row.kind {
            return vec![self.log(at, row, text)];
        }
        let text = self.text(row);
        let mut texts = wrap(&visible(&text, 400), self.text_width()).into_iter();
        let head = self.start(&units::moment(row.time), &self.brackets(at, false));
        let graph: String = self.arrow(row).into_iter().collect();
        let graph = if row.is_wrong { paint(&graph) } else { graph };
        let mut out = vec![format!("{head}{graph}{}", paint(&texts.next().unwrap_or_default()))];
        let plain: String = self.graph(|_| ()).into_iter().collect();
        let start = self.start("", &self.brackets(at, true));
        out.extend(texts.take(TEXT_LINES - 1).map(|text| format!("{start}{plain}{}", paint(&text))));
        out
    }

    /// Renders a line of a log, from the line of its node to the right edge.
    fn log(&self, at: usize, row: &Row, text: &str) -> String {
        let start = self.start("", &self.brackets(at, true));
        let column = row.column.filter(|_| self.distance > 0);
        let mut graph: String = self.graph(|_| ()).into_iter().collect();
        if let Some(column) = column {
            graph = graph.chars().take(self.position(column) + 1).collect();
        }
        let name = match row.column.filter(|_| column.is_none()) {
            Some(column) => format!("{}: ", self.cause.columns[column].name),
            None => " ".to_owned(),
        };
        let room = self.style.width.saturating_sub(width(&start) + width(&graph) + width(&name) + 1);
        format!("{start}{graph}{name}{}", self.style.paint(Tone::Dim, &visible(text, room.max(TEXT))))
    }

    /// Draws the lines with the arrow of a row.
    fn arrow(&self, row: &Row) -> Vec<char> {
        let graph = self.graph(|_| ());
        let Some(from) = row.column.filter(|_| !graph.is_empty()) else { return graph };
        match &row.kind {
            RowKind::Invoke(Operation { node: Some(node), .. }) => self.draw(graph, from, *node, '─', None),
            RowKind::Complete(Operation { node: Some(node), .. }) => self.draw(graph, *node, from, '─', None),
            RowKind::Message(message) => match message.fate {
                Fate::Received { .. } | Fate::Late { .. } => self.draw(graph, from, message.to, '─', None),
                Fate::Lost { .. } => self.draw(graph, from, message.to, '─', Some('✗')),
                Fate::InFlight => self.draw(graph, from, message.to, '╌', Some('…')),
            },
            RowKind::Invoke(_) | RowKind::Complete(_) => self.draw(graph, from, from, '─', None),
            RowKind::FaultStart(_) | RowKind::FaultEnd(_) | RowKind::Log(_) => graph,
        }
    }

    fn draw(&self, mut graph: Vec<char>, from: usize, to: usize, line: char, end: Option<char>) -> Vec<char> {
        let (from, to) = (self.position(from), self.position(to));
        graph[from] = '●';
        let between = if from < to { from + 1..to } else { to + 1..from };
        for at in between {
            graph[at] = if graph[at] == '│' { '┼' } else { line };
        }
        match from.cmp(&to) {
            std::cmp::Ordering::Less => graph[to - 1] = end.unwrap_or('▶'),
            std::cmp::Ordering::Greater => graph[to + 1] = end.unwrap_or('◀'),
            std::cmp::Ordering::Equal => {}
        }
        graph
    }

    /// Returns the position of the line of a column.
    fn position(&self, column: usize) -> usize {
        self.columns.iter().position(|used| *used == column).unwrap_or_default() * self.distance
    }

    /// Describes a row. Without lines, it also names the ends.
    fn text(&self, row: &Row) -> String {
        match self.cause.ends(row) {
            ends if self.distance == 0 && !ends.is_empty() => format!("{ends}: {}", self.cause.describe(row)),
            _ => self.cause.describe(row),
        }
    }
}

/// Returns the positions of the rows that a short report shows.
fn choose(cause: &Cause) -> Vec<usize> {
    let rows = || cause.rows.iter().enumerate();
    let is_log = |row: &Row| matches!(row.kind, RowKind::Log(_));
    let mut shown: Vec<usize> = rows().filter(|(_, row)| !is_log(row)).map(|(at, _)| at).collect();
    if shown.len() > ROWS {
        // The end of a failure says more than its beginning.
        shown.drain(FIRST_ROWS..shown.len() - (ROWS - FIRST_ROWS));
    }
    let room = ROWS_WITH_LOGS - shown.len();
    let logs = rows().rev().filter(|(_, row)| is_log(row)).map(|(at, _)| at);
    // A line of a log explains the row after it.
    let is_next_shown = |at: &usize| {
        let next = (*at + 1..cause.rows.len()).find(|next| !is_log(&cause.rows[*next]));
        next.is_none_or(|next| shown.contains(&next))
    };
    let logs: Vec<usize> = logs.filter(is_next_shown).take(room).collect();
    shown.extend(logs);
    shown.sort_unstable();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::OpType;
    use crate::report::cause::sample;

    fn text(cause: &Cause, style: Style) -> String {
        let lines = lines(cause, style);
        let limit = lines.iter().all(|line| width(line) <= style.width);
        assert!(limit, "{}", lines.join("\n"));
        lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
    }

    #[test]
    fn rows_are_arrows_with_their_text() {
        insta::assert_snapshot!("cause_80", text(&sample::stale_leader(), Style::PLAIN));
        insta::assert_snapshot!("cause_120", text(&sample::stale_leader(), Style { width: 120, ..Style::PLAIN }));
    }

    #[test]
    fn many_columns_become_sentences_and_many_rows_are_counted() {
        insta::assert_snapshot!("large_cause_80", text(&sample::large(), Style::PLAIN));
        insta::assert_snapshot!("large_cause_120", text(&sample::large(), Style { width: 120, ..Style::PLAIN }));
        insta::assert_snapshot!("large_cause_60", text(&sample::large(), Style { width: 60, ..Style::PLAIN }));
        assert!(lines(&sample::large(), Style { full: true, ..Style::PLAIN }).len() > 60);
    }

    #[test]
    fn all_kinds_of_rows_have_words() {
        let mut cause = sample::stale_leader();
        cause.incomplete = Some("the search was interrupted after 12 runs".into());
        cause.remarks = vec!["the reduced run has other keys".into()];
        let late = |row: &mut Row, fate: Fate| {
            if let RowKind::Message(message) = &mut row.kind {
                message.fate = fate;
            }
        };
        late(&mut cause.rows[2], Fate::Received { time: 4_300_000_000 });
        late(&mut cause.rows[4], Fate::InFlight);
        late(&mut cause.rows[6], Fate::Late { time: 4_300_000_000 });
        let failed = RowKind::Complete(Operation {
            kind: Some(OpType::Fail),
            text: "key 3 is 2".into(),
            ..Operation::default()
        });
        cause.rows.insert(8, Row::new(4_206_500_000, 0, failed));
        let end = RowKind::FaultEnd(crate::report::cause::Fault { kind: "partition".into(), ..Default::default() });
        cause.rows.push(Row::new(5_000_000_000, None, end));
        insta::assert_snapshot!("cause_words", text(&cause, Style::PLAIN));
    }
}
