//! The parts of a text report besides the evidence.

use std::collections::BTreeMap;
use std::fmt;

use super::layout::{at_most, pad, width, wrap};
use super::style::{Style, Tone};
use super::{label, wrapped_label};
use crate::checker::{Finding, Quantiles, Valid};
use crate::history::{Nanos, OpType, Process};
use crate::report::escape::visible;
use crate::report::{Breakdown, Latencies, RunView, fault_spans, units};

/// The maximum number of other findings that are named.
const OTHER_FINDINGS: usize = 3;
/// The maximum number of lines of a crashed node's output, both streams together.
const OUTPUT_LINES: usize = 32;

/// Renders the summary of a valid run, and the assumptions that its verdict depends on.
pub(super) fn valid(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in summary(view) {
        match lines.last_mut() {
            Some(line) if width(line) + 3 + width(&part) <= style.width => *line += &format!(" · {part}"),
            _ => lines.extend(wrap(&part, style.width - 4).into_iter().enumerate().map(|(number, line)| {
                let indent = if number == 0 { "  " } else { "    " };
                format!("{indent}{line}")
            })),
        }
    }
    lines.extend(reasons(view, style));
    lines
}

/// Returns the parts of the summary of a valid run: operations by outcome, effects of faults, messages per operation, and
/// latencies. For broadcast and g-set, the propagation time and the number of messages come first, because users optimise
/// them.
pub(in crate::report) fn summary(view: &RunView<'_>) -> Vec<String> {
    let propagation = Propagation::of(view);
    let mut parts = Vec::new();
    if let Some(propagation) = propagation {
        parts.push(format!("visible on all nodes after: {propagation}"));
        parts.extend(traffic(view));
    }
    parts.push(operations(view));
    for fault in view.faults.iter().filter(|fault| fault.had_effect) {
        let counts: Vec<String> = fault.counts.iter().map(|(unit, count)| units::effect(unit, count)).collect();
        let effects = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
        parts.push(format!("{} × {}{effects}", fault.actions, fault.kind));
    }
    if propagation.is_none() {
        parts.extend(traffic(view));
    }
    let latencies = if view.counts.is_some() { Quantiles::default() } else { Latencies::of(view.history).of_ok() };
    if !latencies.is_empty() {
        let at = |q: f64| units::duration(latencies.quantile(q));
        parts.push(format!("client latency: median {}, maximum {}", at(0.5), at(1.0)));
    }
    parts
}

/// The time from the acknowledgement of an element until every read returns it, for broadcast and g-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) struct Propagation {
    median: Nanos,
    maximum: Nanos,
}

impl Propagation {
    pub(in crate::report) fn of(view: &RunView<'_>) -> Option<Propagation> {
        let latencies = view.part("workload")?.details.get("stable_latencies")?;
        let at = |q: &str| Some((latencies.get(q)?.as_f64()? * 1e6).round() as Nanos);
        Some(Propagation { median: at("0.5")?, maximum: at("1")? })
    }
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median {}, maximum {}", units::length(self.median), units::length(self.maximum))
    }
}

/// Renders the messages per operation, with the names that tests use: `net.servers` and `net.all`.
fn traffic(view: &RunView<'_>) -> Option<String> {
    let invoked = view.invoked();
    if invoked == 0 || view.seed.is_none() {
        return None;
    }
    let per_op = |counts: crate::network::Counts| counts.msg_count as f64 / invoked as f64;
    Some(format!(
        "messages per operation: {:.2} between nodes and services (net.servers), {:.2} including clients (net.all)",
        per_op(view.net.servers),
        per_op(view.net.all)
    ))
}

/// Renders `270 operations (cas: 30 ok, 31 fail; read: 123 ok; write: 80 ok)`.
fn operations(view: &RunView<'_>) -> String {
    let by_f = by_function(view);
    let functions = by_f.iter().map(|(f, completions)| {
        let completions = completions.iter().filter(|(_, count)| **count > 0);
        let completions: Vec<String> = completions.map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
        format!("{}: {}", visible(f, 40), completions.join(", "))
    });
    let (count, functions) = (units::counted(view.invoked(), "operation"), functions.collect::<Vec<_>>().join("; "));
    if functions.is_empty() { count } else { format!("{count} ({functions})") }
}

/// Counts the completions of each function by type.
fn by_function<'a>(view: &RunView<'a>) -> BTreeMap<&'a str, BTreeMap<OpType, u64>> {
    if let Some(counts) = view.counts {
        return counts.completions.iter().map(|(f, completions)| (f.as_str(), completions.clone())).collect();
    }
    let mut by_f: BTreeMap<&str, BTreeMap<OpType, u64>> = BTreeMap::new();
    for op in &view.history.ops {
        if op.process != Process::Nemesis && op.kind != OpType::Invoke {
            *by_f.entry(&op.f).or_default().entry(op.kind).or_default() += 1;
        }
    }
    by_f
}

/// Renders the reasons for an unknown verdict.
pub(super) fn unknown(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = reasons(view, style);
    lines.extend([String::new(), format!("  {}", operations(view))]);
    lines
}

/// Renders the reasons that parts give for their verdicts.
pub(super) fn reasons(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for part in view.parts {
        if let Some(reason) = &part.verdict.reason {
            lines.push(String::new());
            let text = format!("{}: {}", part.name, visible(reason, 600));
            lines.extend(wrap(&text, style.width - 2).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

/// Renders the faults that were active during the operations of a finding.
pub(super) fn during(view: &RunView<'_>, finding: &Finding, style: Style) -> Vec<String> {
    let Some((from, to)) = view.span_of(finding) else { return Vec::new() };
    let spans = fault_spans(view.history).into_iter().filter(|span| span.overlaps(from, to));
    let texts = spans.map(|span| {
        let what = if span.what.is_empty() { String::new() } else { format!(" {}", visible(&span.what, 300)) };
        format!("{}{what}, {}", span.kind, units::interval(span.start, span.end))
    });
    let lines = texts
        .enumerate()
        .flat_map(|(number, text)| wrapped_label(if number == 0 { "during" } else { "" }, &text, style));
    let limit = if style.full { usize::MAX } else { 4 };
    at_most(lines.collect(), limit, |missing| format!("          … {missing} more lines of faults"))
}

/// Renders the headlines of other findings. They have no counts, because checkers keep only a few examples of each kind.
pub(super) fn also(shown: &Finding, others: &[&Finding], style: Style) -> Vec<String> {
    let mut headlines: Vec<String> = Vec::new();
    for finding in others {
        let headline = if finding.headline == shown.headline {
            "others of the same kind".into()
        } else if finding.headline.is_empty() {
            finding.anomaly.clone()
        } else {
            visible(&finding.headline, 120)
        };
        if !headlines.contains(&headline) {
            headlines.push(headline);
        }
    }
    let missing = headlines.len().saturating_sub(OTHER_FINDINGS);
    headlines.truncate(OTHER_FINDINGS);
    if missing > 0 {
        headlines.push(format!("{missing} more"));
    }
    if headlines.is_empty() { Vec::new() } else { wrapped_label("also", &headlines.join("; "), style) }
}

/// Renders the last lines of the standard error of nodes.
pub(super) fn logs(view: &RunView<'_>, nodes: &[&str], style: Style) -> Vec<String> {
    let (most_nodes, most_lines) = if style.full { (usize::MAX, 32) } else { (2, 4) };
    let mut out = Vec::new();
    for node in nodes.iter().take(most_nodes) {
        let Some(log) = view.logs.iter().find(|log| log.node == *node && !log.tail.is_empty()) else { continue };
        let shown = &log.tail[log.tail.len().saturating_sub(most_lines)..];
        out.extend([String::new(), format!("  last lines of {node}'s standard error:")]);
        out.extend(shown.iter().flat_map(|line| quoted(&line.with_time(), style)));
    }
    out
}

/// Renders a line of a node's output. A long line is cut unless it names an error, because the cause is at the end of such a
/// line: `[Errno 2] No such file or directory`.
fn quoted(line: &str, style: Style) -> Vec<String> {
    const ERRORS: [&str; 6] = ["error", "errno", "exception", "no such", "cannot", "can't"];
    let room = style.width - 5;
    let lower = line.to_lowercase();
    let pieces = if width(line) > room && ERRORS.iter().any(|word| lower.contains(word)) {
        wrap(visible(line, 3 * room).trim_start(), room)
    } else {
        vec![visible(line, room)]
    };
    pieces.iter().map(|piece| format!("     {}", style.paint(Tone::Dim, piece))).collect()
}

/// Renders the last lines of a stream with at most `limit` lines of the report. Also returns how many lines of the stream
/// they are.
fn last_lines(all: &[String], limit: usize, style: Style) -> (usize, Vec<String>) {
    let (mut count, mut shown) = (0, Vec::new());
    for line in all.iter().rev() {
        let pieces = quoted(line, style);
        if shown.len() + pieces.len() > limit {
            break;
        }
        count += 1;
        shown.splice(0..0, pieces);
    }
    (count, shown)
}

/// Renders why a run was aborted, and the output of the node that caused it.
pub(super) fn breakdown(breakdown: &Breakdown, style: Style) -> Vec<String> {
    let story: Vec<String> = breakdown.story.lines().map(|line| visible(line, 1000)).collect();
    let mut lines = vec![String::new()];
    lines.extend(wrap(&story.join("\n"), style.width - 2).into_iter().map(|line| format!("  {line}")));
    // Standard error explains most crashes. Standard output gets the remaining lines, but at least a few.
    let few = breakdown.stdout.len().min(6);
    let stderr = last_lines(&breakdown.stderr, if style.full { OUTPUT_LINES } else { OUTPUT_LINES - 12 - few }, style);
    let room = if style.full { OUTPUT_LINES } else { OUTPUT_LINES - 12 - stderr.1.len() };
    let stdout = last_lines(&breakdown.stdout, room, style);
    let node = breakdown.node.as_deref().unwrap_or("the node");
    for (stream, all, (count, shown)) in
        [("standard output", &breakdown.stdout, stdout), ("standard error", &breakdown.stderr, stderr)]
    {
        if count > 0 {
            let heading = if count == all.len() {
                format!("  {stream} of {node}:")
            } else {
                format!("  last {} of {node}'s {stream}:", units::counted(count as u64, "line"))
            };
            lines.extend([String::new(), heading]);
            lines.extend(shown);
        }
    }
    if let Some(log) = &breakdown.log {
        lines.push(String::new());
        lines.extend(label("log", &log.display().to_string(), style));
    }
    lines
}

/// Renders the quantiles of latencies by function. A few entries of a long history are not enough for them.
fn latencies(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if view.counts.is_some() {
        return lines;
    }
    let latencies = Latencies::of(view.history);
    let widest = latencies.by_f.keys().map(|f| width(f)).max().unwrap_or(0);
    for (number, (f, list)) in latencies.by_f.iter().enumerate() {
        let lengths = Quantiles::new(list.iter().map(|latency| latency.length).collect());
        let quantiles = [("median", 0.5), ("95 %", 0.95), ("99 %", 0.99), ("maximum", 1.0)];
        let quantiles = quantiles.map(|(name, q)| format!("{name} {}", units::duration(lengths.quantile(q))));
        let text = format!("{}  {}", pad(f, widest), quantiles.join(", "));
        lines.extend(wrapped_label(if number == 0 { "latency" } else { "" }, &text, style));
    }
    lines
}

/// Renders the statistics of the full report.
pub(super) fn statistics(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.extend(wrapped_label("ops", &operations(view), style));
    lines.extend(latencies(view, style));
    let net = view.net;
    let classes = [("from or to clients", net.clients), ("between servers", net.servers)];
    let sent = classes.map(|(name, counts)| format!("{} {name}", units::count(counts.msg_count)));
    let lost = [("lost", net.lost), ("duplicated", net.duplicated), ("cut", net.cut), ("dropped", net.dropped)];
    let lost =
        lost.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{} {name}", units::count(*count)));
    let classes: Vec<String> = sent.into_iter().chain(lost).collect();
    lines.extend(wrapped_label(
        "network",
        &format!("{}: {}", units::counted(net.all.msg_count, "message"), classes.join(", ")),
        style,
    ));
    for fault in view.faults {
        let counts = fault.counts.iter().map(|(unit, count)| format!(", {}", units::effect(unit, count)));
        let text = format!("{} {}{}", fault.kind, units::counted(fault.actions, "time"), counts.collect::<String>());
        lines.extend(wrapped_label("fault", &text, style));
    }
    for part in view.parts.iter().filter(|part| part.verdict.valid != Valid::True) {
        let word = if part.verdict.valid == Valid::False { "invalid" } else { "unknown" };
        lines.extend(wrapped_label("verdict", &format!("{} is {word}", part.name), style));
    }
    lines
}
