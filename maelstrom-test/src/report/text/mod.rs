//! The text report: for the terminal with colours, and `report.txt` without.
//!
//! It shows the verdict in one line, then the smallest set of operations that proves it, then the files with more. It has at
//! most [`LINES`] lines, unless [`Style::full`] is set.

mod cause;
mod evidence;
mod layout;
mod sections;
mod style;

pub use style::Style;

use layout::{at_most, pad, width, wrap};
use style::Tone;

use super::cause::Cause;
use super::escape::visible;
use super::{RunView, file_names, units};
use crate::checker::{Finding, Valid};

/// The maximum number of lines of a report that is not [full](Style::full).
pub const LINES: usize = 40;

/// Renders the report of a run, ending with a line feed.
pub fn render(view: &RunView<'_>, style: Style) -> String {
    let head = verdict_line(view, style);
    let foot = foot(view, style);
    let room = if style.full { usize::MAX } else { LINES - head.len() - foot.len() };
    let body = match view.breakdown {
        Some(breakdown) => [causes(view, style), sections::breakdown(breakdown, style)].concat(),
        None if view.valid() == Valid::True => sections::valid(view, style),
        None if view.valid() == Valid::Unknown => sections::unknown(view, style),
        None => failure(view, style, room),
    };
    let more = |missing: usize| format!("     … {} in the report", units::counted(missing as u64, "more line"));
    let statistics = if style.full { sections::statistics(view, style) } else { Vec::new() };
    let lines: Vec<String> = [head, at_most(body, room, more), statistics, foot].concat();
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

pub(super) use sections::{Propagation, summary};

/// Renders `name: verdict`, and on the right the seed and the duration.
fn verdict_line(view: &RunView<'_>, style: Style) -> Vec<String> {
    let name = visible(view.name, 60);
    let headline = visible(&view.headline(), 120);
    let seconds = units::length(view.duration);
    let time = match view.time_mode {
        super::TimeMode::Virtual if view.elapsed.is_zero() => format!("{seconds} simulated"),
        super::TimeMode::Virtual => format!("{seconds} simulated in {}", units::duration(view.elapsed)),
        super::TimeMode::Real => format!("{seconds} in real time"),
    };
    let right = match view.seed {
        Some(seed) => format!("seed {seed} · {time}"),
        None => format!("{} recorded", units::counted(view.entries(), "event")),
    };
    let left = width(&name) + 2 + width(&headline);
    let tone = match view.outcome() {
        "valid" => Tone::Good,
        "unknown" => Tone::Unknown,
        _ => Tone::Bad,
    };
    let gap = " ".repeat(style.width.saturating_sub(left + width(&right)));
    let painted = format!("{}: {}", style.paint(Tone::Strong, &name), style.paint(tone, &headline));
    let right = style.paint(Tone::Dim, &right);
    if gap.len() < 3 { vec![painted, format!("  {right}")] } else { vec![format!("{painted}{gap}{right}")] }
}

/// Renders the path of `report.html` and the command that repeats the run.
pub(crate) fn references(view: &RunView<'_>) -> String {
    reference_lines(view, Style::PLAIN).iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Renders the notes and the references.
fn foot(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    let limit = if style.full { usize::MAX } else { 4 };
    let notes = view.notes.iter().flat_map(|note| wrapped_label("note", &visible(note, 400), style)).collect();
    lines.extend(at_most(notes, limit, |missing| format!("          … {missing} more lines of notes")));
    if view.cause.is_none_or(|cause| cause.is_chosen) && is_not_searched(view) {
        lines.extend(wrapped_label("cause", NOT_SEARCHED, style));
    }
    lines.extend(reference_lines(view, style));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// Renders the lines `report`, `plan` and `again`.
fn reference_lines(view: &RunView<'_>, style: Style) -> Vec<String> {
    let directory = view.directory.map(|directory| directory.join(file_names::REPORT).display().to_string());
    let report = directory.map(|file| label("report", &file, style)).unwrap_or_default();
    let plan = view.cause.map(|cause| &cause.plan).filter(|plan| !plan.as_os_str().is_empty());
    let plan = view.directory.zip(plan).map(|(directory, plan)| directory.join(plan).display().to_string());
    let plan = plan.map(|file| label("plan", &file, style)).unwrap_or_default();
    let again = view.again.map(|again| label("again", again, style)).unwrap_or_default();
    [report, plan, again].concat()
}

/// Renders the cause of the failure, if it is known.
fn causes(view: &RunView<'_>, style: Style) -> Vec<String> {
    view.cause.map(|cause| cause::lines(cause, style)).unwrap_or_default()
}

/// Renders the cause of the failure, if it is known, and its proof.
fn failure(view: &RunView<'_>, style: Style, room: usize) -> Vec<String> {
    let mut lines = causes(view, style);
    let is_of_another_run = |cause: &Cause| cause.directory.as_ref().is_none_or(|path| !path.as_os_str().is_empty());
    if view.cause.is_some_and(is_of_another_run) {
        lines.extend([String::new(), "  in the failing run:".to_owned()]);
    }
    lines.extend(proof(view, style, room.saturating_sub(lines.len())));
    lines
}

/// Says why the cause of a failure in real time is not known.
pub(super) const NOT_SEARCHED: &str =
    "not proved, because runs in real time cannot be repeated exactly; use `time = \"virtual\"` (`--time virtual`)";

/// Whether the cause of a failure was not searched because of the clock.
pub(super) fn is_not_searched(view: &RunView<'_>) -> bool {
    let is_unexpected = view.badge().tone != "valid";
    view.time_mode == super::TimeMode::Real && view.seed.is_some() && view.valid() == Valid::False && is_unexpected
}

/// Renders the first finding with its evidence, and the headlines of the others.
fn proof(view: &RunView<'_>, style: Style, room: usize) -> Vec<String> {
    let findings = view.violations();
    let shown = if style.full { findings.len() } else { 1 };
    let mut lines = Vec::new();
    for (number, finding) in findings.iter().take(shown).enumerate() {
        if number > 0 {
            lines.extend([String::new(), format!("  {}", style.paint(Tone::Bad, &visible(&finding.headline, 120)))]);
        }
        let after = after_evidence(view, finding, &findings[shown..], style);
        let before = story(finding, style);
        let room =
            if style.full { usize::MAX } else { room.saturating_sub(lines.len() + before.len() + after.len() + 1) };
        let more = |missing: usize| format!("     … {} in the report", units::counted(missing as u64, "more line"));
        lines.extend(before);
        lines.push(String::new());
        lines.extend(at_most(evidence::lines(view, finding, style), room, more));
        lines.extend(after);
    }
    if findings.is_empty() {
        lines.extend(sections::reasons(view, style));
    }
    lines
}

fn story(finding: &Finding, style: Style) -> Vec<String> {
    let text: Vec<String> = finding.story.lines().map(|line| visible(line, 600)).collect();
    let lines = wrap(&text.join("\n"), style.width - 2);
    std::iter::once(String::new()).chain(lines.into_iter().map(|line| format!("  {line}"))).collect()
}

/// Renders the lines below the evidence: active faults, other findings, and the logs of the nodes.
fn after_evidence(view: &RunView<'_>, finding: &Finding, others: &[&Finding], style: Style) -> Vec<String> {
    let mut lines = sections::during(view, finding, style);
    lines.extend(sections::also(finding, others, style));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    // A cause has the lines of logs that matter, if their times are known.
    if view.cause.is_none_or(|cause| cause.is_chosen && view.time_mode == super::TimeMode::Real) {
        lines.extend(sections::logs(view, &view.nodes_of(finding), style));
    }
    lines
}

/// Renders `  label   text` on one line of any length, so that the text can be copied.
fn label(name: &str, text: &str, style: Style) -> Vec<String> {
    vec![format!("  {}{text}", style.paint(Tone::Dim, &pad(name, 8)))]
}

/// Renders `  label   text`, wrapped.
fn wrapped_label(name: &str, text: &str, style: Style) -> Vec<String> {
    let start = |number: usize| style.paint(Tone::Dim, &pad(if number == 0 { name } else { "" }, 8));
    wrap(text, style.width - 10).iter().enumerate().map(|(number, line)| format!("  {}{line}", start(number))).collect()
}

#[cfg(test)]
mod tests;
