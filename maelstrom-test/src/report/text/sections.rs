//! The parts of a text report besides the proof itself.

use std::collections::BTreeMap;

use super::layout::{WIDTH, at_most, pad, width, wrap};
use super::style::{Style, Tone};
use super::{label, labelled};
use crate::checker::{Finding, Quantiles, Valid};
use crate::history::{OpType, Process};
use crate::report::escape::visible;
use crate::report::{Breakdown, Latencies, RunView, fault_spans, units};

/// How many other findings are named.
const MOST_OTHERS: usize = 3;
/// How many lines of a crashed node's output are shown, both streams together.
const LAST_LINES: usize = 32;

/// What a valid run went through, in one line, and what its verdict rests on.
pub(super) fn survived(view: &RunView<'_>) -> Vec<String> {
    let mut lines = vec![format!("  {}", survived_line(view))];
    lines.extend(reasons(view));
    lines
}

/// Operations by outcome, faults and what they did, messages per operation, latency.
pub(super) fn survived_line(view: &RunView<'_>) -> String {
    survived_words(view).join(" · ")
}

/// The parts of [`survived_line`]. What people tune comes first: how long an element takes until it is known everywhere,
/// and how many messages that costs.
pub(super) fn survived_words(view: &RunView<'_>) -> Vec<String> {
    let mut words: Vec<String> = propagation(view).into_iter().collect();
    if !words.is_empty() {
        words.extend(traffic(view));
    }
    words.push(operations(view));
    for tally in view.faults.iter().filter(|tally| tally.had_effect) {
        let counts = tally.counts.iter().map(|(unit, count)| units::effect(unit, count));
        let counts: Vec<String> = counts.collect();
        let effect = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
        words.push(format!("{} × {}{effect}", tally.actions, tally.kind));
    }
    if propagation(view).is_none() {
        words.extend(traffic(view));
    }
    let latencies = if view.tally.is_some() { Quantiles::default() } else { Latencies::of(view.history).of_ok() };
    if !latencies.is_empty() {
        let at = |q: f64| units::duration(latencies.quantile(q));
        words.push(format!("latency of clients: median {}, worst {}", at(0.5), at(1.0)));
    }
    words
}

/// Broadcast and g-set: from the acknowledgement of an element until no read is without it.
pub(in crate::report) fn propagation(view: &RunView<'_>) -> Option<String> {
    let latencies = view.part("workload")?.details.get("stable_latencies")?;
    let at = |q: &str| Some(units::length((latencies.get(q)?.as_f64()? * 1e6).round() as u64));
    Some(format!("known everywhere after: median {}, worst {}", at("0.5")?, at("1")?))
}

/// Messages per operation, under the names that tests give them: `servers.msgs_per_op` and `all.msgs_per_op`.
fn traffic(view: &RunView<'_>) -> Option<String> {
    let invoked = view.invoked();
    if invoked == 0 || view.seed.is_none() {
        return None;
    }
    let per_op = |counts: crate::network::Counts| counts.msg_count as f64 / invoked as f64;
    Some(format!(
        "messages per operation: {:.2} between nodes and services (net.servers), {:.2} with those of clients (net.all)",
        per_op(view.net.servers),
        per_op(view.net.all)
    ))
}

/// `270 operations (cas: 30 ok, 31 fail; read: 123 ok; write: 80 ok)`
fn operations(view: &RunView<'_>) -> String {
    let by_f = by_function(view);
    let told = by_f.iter().map(|(f, ends)| {
        let ends =
            ends.iter().filter(|(_, count)| **count > 0).map(|(kind, count)| format!("{count} {}", kind.as_str()));
        format!("{}: {}", visible(f, 40), ends.collect::<Vec<_>>().join(", "))
    });
    let (count, told) = (units::counted(view.invoked(), "operation"), told.collect::<Vec<_>>().join("; "));
    if told.is_empty() { count } else { format!("{count} ({told})") }
}

/// How often each function ended how.
fn by_function<'a>(view: &RunView<'a>) -> BTreeMap<&'a str, BTreeMap<OpType, u64>> {
    if let Some(tally) = view.tally {
        return tally.ends.iter().map(|(f, ends)| (f.as_str(), ends.clone())).collect();
    }
    let mut by_f: BTreeMap<&str, BTreeMap<OpType, u64>> = BTreeMap::new();
    for op in &view.history.ops {
        if op.process != Process::Nemesis && op.kind != OpType::Invoke {
            *by_f.entry(&op.f).or_default().entry(op.kind).or_default() += 1;
        }
    }
    by_f
}

/// Why nobody knows.
pub(super) fn unknown(view: &RunView<'_>) -> Vec<String> {
    let mut lines = reasons(view);
    lines.extend([String::new(), format!("  {}", operations(view))]);
    lines
}

/// Each part's reason, where it gave one.
pub(super) fn reasons(view: &RunView<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for part in view.parts {
        if let Some(reason) = &part.verdict.reason {
            lines.push(String::new());
            let text = format!("{}: {}", part.name, visible(reason, 600));
            lines.extend(wrap(&text, WIDTH - 2).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

/// Faults that were active while the operations of a finding ran.
pub(super) fn during(view: &RunView<'_>, finding: &Finding, style: Style) -> Vec<String> {
    let Some((from, to)) = view.span_of(finding) else { return Vec::new() };
    let spans = fault_spans(view.history).into_iter().filter(|span| span.overlaps(from, to));
    let told = spans.map(|span| {
        let what = if span.what.is_empty() { String::new() } else { format!(" {}", visible(&span.what, 300)) };
        format!("{}{what}, {}", span.kind, units::interval(span.start, span.end))
    });
    let lines =
        told.enumerate().flat_map(|(number, text)| labelled(if number == 0 { "during" } else { "" }, &text, style));
    let limit = if style.full { usize::MAX } else { 4 };
    at_most(lines.collect(), limit, |missing| format!("          … {missing} more lines of faults"))
}

/// What else was found, by headline. (Checkers keep a few examples of each kind, so there is no telling how often.)
pub(super) fn also(shown: &Finding, others: &[&Finding], style: Style) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for finding in others {
        let headline = if finding.headline == shown.headline {
            "others of the kind".into()
        } else if finding.headline.is_empty() {
            finding.anomaly.clone()
        } else {
            visible(&finding.headline, 120)
        };
        if !told.contains(&headline) {
            told.push(headline);
        }
    }
    let missing = told.len().saturating_sub(MOST_OTHERS);
    told.truncate(MOST_OTHERS);
    if missing > 0 {
        told.push(format!("{missing} more"));
    }
    if told.is_empty() { Vec::new() } else { labelled("also", &told.join("; "), style) }
}

/// The last lines that these nodes wrote to standard error.
pub(super) fn last_words(view: &RunView<'_>, nodes: &[&str], style: Style) -> Vec<String> {
    let (most_nodes, most_lines) = if style.full { (usize::MAX, 32) } else { (2, 4) };
    let mut out = Vec::new();
    for node in nodes.iter().take(most_nodes) {
        let Some(log) = view.logs.iter().find(|log| log.node == *node && !log.tail.is_empty()) else { continue };
        let shown = &log.tail[log.tail.len().saturating_sub(most_lines)..];
        out.extend([String::new(), format!("  the last that {node} wrote to standard error:")]);
        out.extend(shown.iter().flat_map(|line| quoted(line, style)));
    }
    out
}

/// What a node wrote, as one line of the report. A line that names an error is not cut: its end is the cause
/// (`[Errno 2] No such file or directory`).
fn quoted(line: &str, style: Style) -> Vec<String> {
    const ERRORS: [&str; 6] = ["error", "errno", "exception", "no such", "cannot", "can't"];
    const ROOM: usize = WIDTH - 5;
    let lower = line.to_lowercase();
    let pieces = if width(line) > ROOM && ERRORS.iter().any(|word| lower.contains(word)) {
        wrap(visible(line, 3 * ROOM).trim_start(), ROOM)
    } else {
        vec![visible(line, ROOM)]
    };
    pieces.iter().map(|piece| format!("     {}", style.paint(Tone::Quiet, piece))).collect()
}

/// The last lines of a stream that take at most so many lines of the report, and how many lines of the stream they are.
fn last_lines(all: &[String], most: usize, style: Style) -> (usize, Vec<String>) {
    let (mut count, mut shown) = (0, Vec::new());
    for line in all.iter().rev() {
        let pieces = quoted(line, style);
        if shown.len() + pieces.len() > most {
            break;
        }
        count += 1;
        shown.splice(0..0, pieces);
    }
    (count, shown)
}

/// Why a run broke off, and what the node printed.
pub(super) fn breakdown(breakdown: &Breakdown, style: Style) -> Vec<String> {
    let story: Vec<String> = breakdown.story.lines().map(|line| visible(line, 1000)).collect();
    let mut lines = vec![String::new()];
    lines.extend(wrap(&story.join("\n"), WIDTH - 2).into_iter().map(|line| format!("  {line}")));
    // Standard error tells most of a crash; standard output gets what it leaves, but a few lines in any case.
    let few = breakdown.stdout.len().min(6);
    let stderr = last_lines(&breakdown.stderr, if style.full { LAST_LINES } else { LAST_LINES - 12 - few }, style);
    let room = if style.full { LAST_LINES } else { LAST_LINES - 12 - stderr.1.len() };
    let stdout = last_lines(&breakdown.stdout, room, style);
    let node = breakdown.node.as_deref().unwrap_or("the node");
    for (stream, all, (count, shown)) in
        [("standard output", &breakdown.stdout, stdout), ("standard error", &breakdown.stderr, stderr)]
    {
        if count > 0 {
            let which = if count == all.len() {
                "what".into()
            } else {
                format!("the last {} that", units::counted(count as u64, "line"))
            };
            lines.extend([String::new(), format!("  {which} {node} wrote to {stream}:")]);
            lines.extend(shown);
        }
    }
    if let Some(log) = &breakdown.log {
        lines.push(String::new());
        lines.extend(label("log", &log.display().to_string(), style));
    }
    lines
}

/// Quantiles by function; nothing where only some entries are at hand.
fn latencies(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if view.tally.is_some() {
        return lines;
    }
    let latencies = Latencies::of(view.history);
    let widest = latencies.by_f.keys().map(|f| width(f)).max().unwrap_or(0);
    for (number, (f, list)) in latencies.by_f.iter().enumerate() {
        let lengths = Quantiles::new(list.iter().map(|latency| latency.length).collect());
        let told = [("median", 0.5), ("95 %", 0.95), ("99 %", 0.99), ("worst", 1.0)];
        let told = told.map(|(name, q)| format!("{name} {}", units::duration(lengths.quantile(q))));
        let text = format!("{}  {}", pad(f, widest), told.join(", "));
        lines.extend(labelled(if number == 0 { "latency" } else { "" }, &text, style));
    }
    lines
}

/// Counts and quantiles, for the full report.
pub(super) fn statistics(view: &RunView<'_>, style: Style) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.extend(labelled("ran", &operations(view), style));
    lines.extend(latencies(view, style));
    let net = view.net;
    let classes = [("clients", net.clients), ("servers", net.servers)];
    let sent = classes.map(|(name, counts)| format!("{} {name}", units::count(counts.msg_count)));
    let lost = [("lost", net.lost), ("duplicated", net.duplicated), ("cut", net.cut), ("dropped", net.dropped)];
    let lost =
        lost.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{} {name}", units::count(*count)));
    let told: Vec<String> = sent.into_iter().chain(lost).collect();
    lines.extend(labelled(
        "network",
        &format!("{}: {}", units::counted(net.all.msg_count, "message"), told.join(", ")),
        style,
    ));
    for tally in view.faults {
        let counts = tally.counts.iter().map(|(unit, count)| format!(", {}", units::effect(unit, count)));
        let text = format!("{} {}{}", tally.kind, units::counted(tally.actions, "time"), counts.collect::<String>());
        lines.extend(labelled("fault", &text, style));
    }
    for part in view.parts.iter().filter(|part| part.verdict.valid != Valid::True) {
        let word = if part.verdict.valid == Valid::False { "invalid" } else { "unknown" };
        lines.extend(labelled("verdict", &format!("{} is {word}", part.name), style));
    }
    lines
}
