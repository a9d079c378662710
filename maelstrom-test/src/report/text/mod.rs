//! The text report: for the terminal, and, without colour, `report.txt`.
//!
//! First the verdict in a sentence, then the smallest evidence, then where more is; at most 40 lines unless everything
//! is asked for ([`Style::full`]).

mod evidence;
mod layout;
mod sections;
mod style;

pub use style::Style;

use layout::{WIDTH, at_most, pad, width, wrap};
use style::Tone;

use super::escape::visible;
use super::{RunView, file_names, units};
use crate::checker::{Finding, Valid};

/// The most lines that a report has unless everything is asked for.
pub const LINES: usize = 40;

/// The report of a run, ending with a line feed.
pub fn render(view: &RunView<'_>, style: Style) -> String {
    let head = verdict_line(view, style);
    let foot = foot(view, style);
    let room = if style.full { usize::MAX } else { LINES - head.len() - foot.len() };
    let body = match view.breakdown {
        Some(breakdown) => sections::breakdown(breakdown, style),
        None if view.valid() == Valid::True => sections::survived(view),
        None if view.valid() == Valid::Unknown => sections::unknown(view),
        None => proof(view, style, room),
    };
    let more = |missing: usize| format!("     … {} more in the report", units::counted(missing as u64, "line"));
    let statistics = if style.full { sections::statistics(view, style) } else { Vec::new() };
    let lines: Vec<String> = [head, at_most(body, room, more), statistics, foot].concat();
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// What a valid run survived, in a few parts.
pub(super) fn survived(view: &RunView<'_>) -> Vec<String> {
    sections::survived_words(view)
}

pub(super) use sections::propagation;

/// `name: verdict`, and at the right how the run was made.
fn verdict_line(view: &RunView<'_>, style: Style) -> Vec<String> {
    let name = visible(view.name, 60);
    let headline = visible(&view.headline(), 120);
    let seconds = units::length(view.duration);
    let how = match view.time_mode {
        super::TimeMode::Virtual if view.elapsed.is_zero() => format!("{seconds} simulated"),
        super::TimeMode::Virtual => format!("{seconds} simulated in {}", units::duration(view.elapsed)),
        super::TimeMode::Real => format!("{seconds} in real time"),
    };
    let right = match view.seed {
        Some(seed) => format!("seed {seed} · {how}"),
        None => format!("{} recorded", units::counted(view.entries(), "event")),
    };
    let left = width(&name) + 2 + width(&headline);
    let tone = match view.outcome() {
        "valid" => Tone::Good,
        "unknown" => Tone::Doubtful,
        _ => Tone::Bad,
    };
    let gap = " ".repeat(WIDTH.saturating_sub(left + width(&right)));
    let painted = format!("{}: {}", style.paint(Tone::Strong, &name), style.paint(tone, &headline));
    let right = style.paint(Tone::Quiet, &right);
    if gap.len() < 3 { vec![painted, format!("  {right}")] } else { vec![format!("{painted}{gap}{right}")] }
}

/// Where the whole report is, and the command that repeats the run; empty if neither is known.
pub(crate) fn where_to_look(view: &RunView<'_>) -> String {
    places(view, Style::PLAIN).iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Notes, and where more is.
fn foot(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    let limit = if style.full { usize::MAX } else { 4 };
    let notes = view.notes.iter().flat_map(|note| labelled("note", &visible(note, 400), style)).collect();
    lines.extend(at_most(notes, limit, |missing| format!("          … {missing} more lines of notes")));
    lines.extend(places(view, style));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// The lines `report` and `again`.
fn places(view: &RunView<'_>, style: Style) -> Vec<String> {
    let directory = view.directory.map(|directory| directory.join(file_names::REPORT).display().to_string());
    let report = directory.map(|file| label("report", &file, style)).unwrap_or_default();
    let again = view.again.map(|again| label("again", again, style)).unwrap_or_default();
    [report, again].concat()
}

/// The first fault with its proof, and what else was found.
fn proof(view: &RunView<'_>, style: Style, room: usize) -> Vec<String> {
    let findings = view.faults_found();
    let shown = if style.full { findings.len() } else { 1 };
    let mut lines = Vec::new();
    for (number, finding) in findings.iter().take(shown).enumerate() {
        if number > 0 {
            lines.extend([String::new(), format!("  {}", style.paint(Tone::Bad, &visible(&finding.headline, 120)))]);
        }
        let after = after_evidence(view, finding, &findings[shown..], style);
        let before = story(finding);
        let room =
            if style.full { usize::MAX } else { room.saturating_sub(lines.len() + before.len() + after.len() + 1) };
        let more = |missing: usize| format!("     … {} more in the report", units::counted(missing as u64, "line"));
        lines.extend(before);
        lines.push(String::new());
        lines.extend(at_most(evidence::lines(view, finding, style), room, more));
        lines.extend(after);
    }
    if findings.is_empty() {
        lines.extend(sections::reasons(view));
    }
    lines
}

fn story(finding: &Finding) -> Vec<String> {
    let text: Vec<String> = finding.story.lines().map(|line| visible(line, 600)).collect();
    let lines = wrap(&text.join("\n"), WIDTH - 2);
    std::iter::once(String::new()).chain(lines.into_iter().map(|line| format!("  {line}"))).collect()
}

/// What stands below the evidence: other findings, faults active then, what the nodes said.
fn after_evidence(view: &RunView<'_>, finding: &Finding, others: &[&Finding], style: Style) -> Vec<String> {
    let mut lines = sections::during(view, finding, style);
    lines.extend(sections::also(finding, others, style));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines.extend(sections::last_words(view, &view.nodes_of(finding), style));
    lines
}

/// `  label   text`, on one line whatever its length, so that it can be copied.
fn label(name: &str, text: &str, style: Style) -> Vec<String> {
    vec![format!("  {}{text}", style.paint(Tone::Quiet, &pad(name, 8)))]
}

/// `  label   text`, broken into lines.
fn labelled(name: &str, text: &str, style: Style) -> Vec<String> {
    let start = |number: usize| style.paint(Tone::Quiet, &pad(if number == 0 { name } else { "" }, 8));
    wrap(text, WIDTH - 10).iter().enumerate().map(|(number, line)| format!("  {}{line}", start(number))).collect()
}

#[cfg(test)]
mod tests;
