//! `report.html` and `timeline.html`: pages without external resources, which open from disk.
//!
//! The verdict and its evidence are plain markup. A script in the page draws the diagram of messages and the timeline from
//! data in the page. All output of nodes is escaped. A content security policy allows only the scripts of the page and no
//! network access.

mod cause;
mod data;
mod finding;
mod tables;

use askama::Template;

use cause::CauseHtml;
use data::{Data, ENTRIES, Operations};
use finding::FindingHtml;

use super::diagram::Diagram;
use super::escape::visible;
use super::node_log::PlacedLine;
use super::view::Badge;
use super::{Latencies, RunView, TimeMode, fault_spans, file_names, picture, text, units};
use crate::checker::Valid;

pub(super) const STYLE: &str = concat!(
    include_str!("../../../templates/palette.css"),
    include_str!("../../../templates/picture.css"),
    include_str!("../../../templates/page.css"),
    include_str!("../../../templates/cause.css"),
);
const SCRIPT: &str = concat!(
    include_str!("../../../templates/js/base.js"),
    include_str!("../../../templates/js/theme.js"),
    include_str!("../../../templates/js/strip.js"),
    include_str!("../../../templates/js/logs.js"),
    include_str!("../../../templates/js/past.js"),
    include_str!("../../../templates/js/messages.js"),
    include_str!("../../../templates/js/timeline.js"),
    include_str!("../../../templates/js/cause.js"),
    include_str!("../../../templates/js/page.js"),
);

/// The maximum number of findings on the page, and the number of those that are not folded.
const FINDINGS: usize = 50;
const OPEN_FINDINGS: usize = 4;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    nonce: String,
    badge: Badge,
    not_met: Option<String>,
    name: String,
    headline: String,
    facts: Vec<(&'static str, String)>,
    again: Option<&'a str>,
    style: &'static str,
    script: &'static str,
    data: String,
    cause: Option<CauseHtml>,
    not_searched: Option<&'static str>,
    breakdown: Option<BreakdownHtml>,
    proven: Vec<FindingHtml>,
    proven_left_out: usize,
    open_findings: usize,
    allowed: Vec<FindingHtml>,
    reasons: Vec<(&'static str, String)>,
    summary: Vec<String>,
    notes: Vec<String>,
    has_messages: bool,
    messages_note: String,
    has_operations: bool,
    timeline_note: String,
    plots: [String; 3],
    latencies: Vec<[String; 8]>,
    net: Vec<[String; 4]>,
    parts: Vec<(&'static str, String)>,
    faults: Vec<(String, u64, String)>,
    fault_spans: Vec<(String, String, String)>,
    fault_spans_left_out: usize,
    details: Vec<(&'static str, String)>,
    options: Vec<(String, String)>,
    logs: Vec<LogHtml>,
    results: &'static str,
    files: Vec<&'static str>,
    version: &'static str,
}

struct BreakdownHtml {
    story: String,
    streams: Vec<(&'static str, String)>,
    log: Option<String>,
}

struct LogHtml {
    node: String,
    path: String,
    text: String,
    skipped: u64,
    open: bool,
}

/// The files that the report links to.
const FILES: &[&str] = &[
    file_names::REPORT_TEXT,
    file_names::RESULTS,
    file_names::RESULTS_EDN,
    file_names::LOG,
    file_names::HISTORY_TEXT,
    file_names::HISTORY,
    file_names::HISTORY_EDN,
    file_names::MESSAGES,
    file_names::MESSAGES_DIAGRAM,
    file_names::TIMELINE,
    file_names::LATENCY_RAW,
    file_names::LATENCY_QUANTILES,
    file_names::RATE,
    file_names::SCENARIO,
];

/// Returns those of [`FILES`] that a run has.
fn files(view: &RunView<'_>) -> Vec<&'static str> {
    let is_there = |name: &&str| view.directory.is_some() && (view.has_journal || *name != file_names::MESSAGES);
    FILES.iter().copied().filter(is_there).collect()
}

/// Renders `report.html`, with these lines of the nodes' logs in the diagram and the timeline.
pub(super) fn report(view: &RunView<'_>, lines: &[PlacedLine]) -> String {
    let faults = fault_spans(view.history);
    let diagram = Diagram::of(view);
    let operations = Operations::of(view);
    let latencies = Latencies::of(view.history);
    let found = view.violations();
    let all = view.parts.iter().flat_map(|part| &part.verdict.findings);
    let allowed = all.filter(|finding| !finding.proscribed).take(FINDINGS);
    let (has_messages, has_operations) = (!diagram.events.is_empty(), operations.shown() > 0);
    let html = |finding| FindingHtml::new(view, finding, &faults);
    let page = Page {
        nonce: nonce(view),
        name: visible(view.name, 200),
        headline: visible(&view.headline(), 300),
        badge: view.badge(),
        not_met: view.expectation.and_then(|expectation| Some(visible(expectation.failure.as_ref()?, 1000))),
        facts: facts(view),
        again: view.again,
        style: STYLE,
        script: SCRIPT,
        messages_note: messages_note(view, diagram.shown),
        timeline_note: timeline_note(view, &operations),
        data: Data::new(view, &faults, has_messages.then_some(&diagram), operations, lines).to_json(),
        cause: view.cause.map(|cause| CauseHtml::new(view, cause)),
        not_searched: text::is_not_searched(view).then_some(text::NOT_SEARCHED),
        breakdown: breakdown(view),
        proven: found.iter().take(FINDINGS).map(|finding| html(finding)).collect(),
        proven_left_out: found.len().saturating_sub(FINDINGS),
        open_findings: OPEN_FINDINGS,
        allowed: allowed.map(html).collect(),
        reasons: reasons(view),
        summary: if view.valid() == Valid::True && view.breakdown.is_none() { text::summary(view) } else { Vec::new() },
        notes: view.notes.iter().map(|note| visible(note, 1000)).collect(),
        has_messages,
        has_operations,
        plots: [
            picture::raw(&latencies, view.duration, &faults),
            picture::quantiles(&latencies, view.duration, &faults),
            picture::rate(&latencies, view.duration, &faults),
        ]
        .map(|plot| plot.inline()),
        latencies: tables::latencies(view),
        net: tables::net(view),
        parts: tables::parts(view),
        faults: tables::faults(view),
        fault_spans: tables::fault_spans(&faults),
        fault_spans_left_out: faults.len().saturating_sub(tables::FAULT_SPANS),
        details: tables::details(view),
        options: view.options.iter().map(|(name, value)| (name.clone(), visible(value, 1000))).collect(),
        logs: logs(view),
        results: file_names::RESULTS,
        files: files(view),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render().expect("writing to a string does not fail")
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelinePage {
    nonce: String,
    name: String,
    headline: String,
    style: &'static str,
    script: &'static str,
    data: String,
    timeline_note: String,
}

/// Renders `timeline.html`, with these lines of the nodes' logs.
pub(super) fn timeline(view: &RunView<'_>, lines: &[PlacedLine]) -> String {
    let faults = fault_spans(view.history);
    let operations = Operations::of(view);
    let page = TimelinePage {
        nonce: nonce(view),
        name: visible(view.name, 200),
        headline: visible(&view.headline(), 300),
        style: STYLE,
        script: SCRIPT,
        timeline_note: timeline_note(view, &operations),
        data: Data::new(view, &faults, None, operations, lines).to_json(),
    };
    page.render().expect("writing to a string does not fail")
}

/// Returns the nonce that marks the scripts of the page. Nodes must not know it when they write their messages.
fn nonce(view: &RunView<'_>) -> String {
    let text = format!("{} {:?} {} {:?}", view.name, view.seed, view.history.ops.len(), view.elapsed);
    format!("{:016x}", crate::random::hash(&text))
}

fn facts(view: &RunView<'_>) -> Vec<(&'static str, String)> {
    let nodes = view.context.nodes.len() as u64;
    let mut facts = vec![("workload", view.workload.to_owned())];
    if nodes > 0 {
        facts.push(("nodes", nodes.to_string()));
    }
    facts.extend(view.seed.map(|seed| ("seed", seed.to_string())));
    facts.push(match view.time_mode {
        TimeMode::Virtual => ("simulated", units::length(view.duration)),
        TimeMode::Real => ("in real time", units::length(view.duration)),
    });
    facts.push(("operations", units::count(view.invoked())));
    facts.push(("messages", units::count(view.net.all.msg_count)));
    facts.extend(text::Propagation::of(view).map(|times| ("visible on all nodes after", times.to_string())));
    facts
}

/// Describes which of the events after initialisation are on the page.
fn messages_note(view: &RunView<'_>, shown: u64) -> String {
    let total = view.journal_events - view.journal.first().map_or(0, |event| event.seq);
    if total > shown {
        let (shown, total) = (units::count(shown), units::count(total));
        format!("{shown} of {total} events are shown: {}.", which_are_shown(view))
    } else {
        format!("{} after initialisation.", units::counted(total, "event"))
    }
}

/// Describes which events or entries a page shows if it does not show all.
fn which_are_shown(view: &RunView<'_>) -> &'static str {
    let has_proof = view.violations().iter().any(|finding| !finding.evidence.is_empty());
    if has_proof { "the first, and those around the proof" } else { "the first" }
}

fn timeline_note(view: &RunView<'_>, operations: &Operations) -> String {
    if operations.total > operations.shown() {
        format!(
            "{} of {} entries are shown: {}.",
            units::count(operations.shown() as u64),
            units::count(operations.total as u64),
            which_are_shown(view)
        )
    } else {
        debug_assert!(operations.total <= ENTRIES + 2 || operations.shown() > 0);
        String::new()
    }
}

fn breakdown(view: &RunView<'_>) -> Option<BreakdownHtml> {
    let breakdown = view.breakdown?;
    let lines = |lines: &[String]| lines.iter().map(|line| visible(line, 2000) + "\n").collect::<String>();
    let streams = [("standard output", &breakdown.stdout), ("standard error", &breakdown.stderr)];
    Some(BreakdownHtml {
        story: breakdown.story.lines().map(|line| visible(line, 2000) + "\n").collect(),
        streams: streams.iter().filter(|(_, all)| !all.is_empty()).map(|(name, all)| (*name, lines(all))).collect(),
        log: breakdown.log.as_ref().map(|path| visible(&path.display().to_string(), 1000)),
    })
}

/// Returns the reasons that parts give for their verdicts.
fn reasons(view: &RunView<'_>) -> Vec<(&'static str, String)> {
    view.parts.iter().filter_map(|part| Some((part.name, visible(part.verdict.reason.as_ref()?, 2000)))).collect()
}

fn logs(view: &RunView<'_>) -> Vec<LogHtml> {
    let violations = view.violations();
    let concerned = violations.first().map_or(Vec::new(), |finding| view.nodes_of(finding));
    let log = |log: &super::NodeLog| LogHtml {
        node: visible(&log.node, 100),
        path: format!("{}/{}", file_names::NODE_LOGS, file_names::node_log(&visible(&log.node, 100))),
        text: log.tail.iter().map(|line| visible(&line.with_time(), 2000) + "\n").collect(),
        skipped: log.skipped,
        open: concerned.first() == Some(&&*log.node) && !log.tail.is_empty(),
    };
    view.logs.iter().map(log).collect()
}

#[cfg(test)]
mod tests;
