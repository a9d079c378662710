//! The operations that prove a finding, as aligned lines.

use super::layout::{pad, width, wrap};
use super::style::{Style, Tone};
use crate::checker::{Evidence, Finding};
use crate::report::escape::visible;
use crate::report::{RunView, units};

const INDENT: usize = 5;
/// Longer operations continue on the next line.
const WIDEST_TEXT: usize = 56;
/// The minimum width of a note beside its operation. With less room, notes are below their operations.
const NARROWEST_NOTE: usize = 30;

/// A line of evidence, split into columns.
struct Row {
    time: String,
    who: String,
    text: Vec<String>,
    note: String,
    is_culprit: bool,
}

/// Renders the evidence of a finding. The notes are aligned in one column.
pub(super) fn lines(view: &RunView<'_>, finding: &Finding, style: Style) -> Vec<String> {
    let rows: Vec<Row> = finding.evidence.iter().map(|line| row(view, line)).collect();
    let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let time = widest(&|row| width(&row.time));
    let who = widest(&|row| width(&row.who));
    let text = widest(&|row| row.text.iter().map(|line| width(line)).max().unwrap_or(0));
    let gap = |column: usize| if column > 0 { column + 2 } else { 0 };
    let head = INDENT + gap(time) + gap(who);
    let mut note_at = head + text + 3;
    let below = style.width.saturating_sub(note_at) < NARROWEST_NOTE;
    if below {
        note_at = head + 4;
    }
    let mut out = Vec::new();
    for row in rows {
        let paint = |text: &str| if row.is_culprit { style.paint(Tone::Bad, text) } else { text.to_owned() };
        let is_note = row.time.is_empty() && row.text.is_empty();
        let at = if is_note { INDENT } else { note_at };
        let mut notes = wrap(&row.note, style.width - at).into_iter();
        let mut first = format!("{:INDENT$}{:>time$}{}", "", row.time, " ".repeat(gap(time) - time));
        first.push_str(&pad(&row.who, gap(who)));
        for (number, text) in row.text.iter().enumerate() {
            let start = if number == 0 { std::mem::take(&mut first) } else { " ".repeat(head) };
            let gap = " ".repeat(note_at.saturating_sub(width(&start) + width(text)));
            match (!below).then(|| notes.next()).flatten() {
                Some(note) => out.push(format!("{start}{}{gap}{note}", paint(text))),
                None => out.push(format!("{start}{}", paint(text))),
            }
        }
        out.extend(notes.map(|note| format!("{}{note}", " ".repeat(at))));
    }
    out
}

fn row(view: &RunView<'_>, line: &Evidence) -> Row {
    let entry = line.invocation.or(line.completion).and_then(|at| view.history.ops.get(at));
    let process = entry.and_then(|op| op.process.client());
    let who = match (process, process.and_then(|process| view.context.node_of(process))) {
        (Some(process), Some(node)) => format!("p{process} → {node}"),
        (Some(process), None) => format!("p{process}"),
        _ => String::new(),
    };
    let has_times = view.history.ops.last().is_some_and(|op| op.time > 0);
    let time =
        entry.map_or(String::new(), |op| if has_times { units::moment(op.time) } else { format!("#{}", op.index) });
    let text = match line.text.as_str() {
        "" => Vec::new(),
        text => {
            let mut lines = wrap(&visible(text, WIDEST_TEXT * 3), WIDEST_TEXT);
            lines.truncate(3);
            lines
        }
    };
    let note: Vec<String> = line.note.lines().map(|line| visible(line, 400)).collect();
    Row { time, who, text, note: note.join("\n"), is_culprit: line.is_culprit }
}
