//! Findings in the report page.

use crate::checker::{Evidence, Finding};
use crate::report::escape::visible;
use crate::report::{FaultSpan, RunView, picture, units};

/// The maximum number of operations of a finding.
const ROWS: usize = 60;

pub(super) struct FindingHtml {
    pub(super) headline: String,
    pub(super) anomaly: String,
    /// When its first operation began, if known; otherwise empty.
    pub(super) when: String,
    pub(super) story: String,
    pub(super) rows: Vec<Row>,
    pub(super) left_out: usize,
    pub(super) during: Vec<During>,
    pub(super) picture: Option<String>,
}

pub(super) struct Row {
    pub(super) time: String,
    pub(super) who: String,
    pub(super) text: String,
    pub(super) note: String,
    /// The position of the operation in the history.
    pub(super) position: Option<usize>,
    /// Whether this operation contradicts the others.
    pub(super) crucial: bool,
}

pub(super) struct During {
    pub(super) kind: String,
    pub(super) what: String,
    pub(super) when: String,
}

impl FindingHtml {
    pub(super) fn new(view: &RunView<'_>, finding: &Finding, faults: &[FaultSpan]) -> FindingHtml {
        let headline = if finding.headline.is_empty() { &finding.anomaly } else { &finding.headline };
        let row = |line: &Evidence| row(view, line, finding.proscribed && line.is_culprit);
        let span = view.span_of(finding);
        let during = faults.iter().filter(|fault| span.is_some_and(|(from, to)| fault.overlaps(from, to)));
        FindingHtml {
            headline: visible(headline, 300),
            anomaly: visible(&finding.anomaly, 60),
            when: span.map_or(String::new(), |(from, _)| units::moment(from)),
            story: finding.story.lines().map(|line| visible(line, 2000) + "\n").collect(),
            rows: finding.evidence.iter().take(ROWS).map(row).collect(),
            left_out: finding.evidence.len().saturating_sub(ROWS),
            during: during
                .map(|fault| During {
                    kind: fault.kind.clone(),
                    what: visible(&fault.what, 300),
                    when: units::interval(fault.start, fault.end),
                })
                .collect(),
            picture: finding.picture.as_ref().map(|data| picture::anomaly(data, headline).inline()),
        }
    }
}

fn row(view: &RunView<'_>, line: &Evidence, crucial: bool) -> Row {
    let position = line.invocation.or(line.completion);
    let entry = position.and_then(|at| view.history.ops.get(at));
    let process = entry.and_then(|op| op.process.client());
    let who = match (process, process.and_then(|process| view.context.node_of(process))) {
        (Some(process), Some(node)) => format!("p{process} → {node}"),
        (Some(process), None) => format!("p{process}"),
        _ => String::new(),
    };
    Row {
        time: entry.map_or(String::new(), |op| units::moment(op.time)),
        who,
        text: visible(&line.text, 1000),
        note: line.note.lines().map(|line| visible(line, 1000)).collect::<Vec<_>>().join("\n"),
        position: position.filter(|_| process.is_some()),
        crucial,
    }
}
