//! The cause of a failure on the page: a list whose rows are pieces of a space-time diagram with their text.

use crate::json::Value;
use crate::protocol::shorten;
use crate::report::cause::{Cause, Fate, Matters, Operation, Row, RowKind};
use crate::report::diagram::kind_name;
use crate::report::escape::visible;
use crate::report::picture::CausePieces;
use crate::report::{RunView, file_names, units};

/// The maximum number of rows, and of bytes of a body.
const ROWS: usize = 400;
const BODY: usize = 4_000;

/// The cause, for the template.
pub(super) struct CauseHtml {
    pub(super) sentence: Option<String>,
    pub(super) summary: String,
    /// The headline of the reduced run, if it is not that of the page.
    pub(super) headline: Option<String>,
    pub(super) width: f64,
    pub(super) columns: Vec<ColumnHtml>,
    pub(super) rows: Vec<RowHtml>,
    pub(super) left_out: usize,
    pub(super) remarks: Vec<String>,
    /// Whether the lines of nodes are hollow until they have received what the answer lacks.
    pub(super) shows_informed: bool,
    pub(super) plan: Option<String>,
    /// The page of the reduced run.
    pub(super) report: Option<String>,
}

/// The head of a column.
pub(super) struct ColumnHtml {
    pub(super) class: &'static str,
    pub(super) x: f64,
    pub(super) name: String,
    pub(super) title: String,
}

/// A row, or a gap between two rows.
pub(super) struct RowHtml {
    pub(super) class: &'static str,
    pub(super) time: String,
    pub(super) graph: String,
    /// The ends of a message: `n1 → n2`.
    pub(super) who: String,
    pub(super) lead: String,
    pub(super) text: String,
    pub(super) fate: String,
    pub(super) note: String,
    pub(super) body: String,
    pub(super) link: Option<String>,
}

impl CauseHtml {
    pub(super) fn new(view: &RunView<'_>, cause: &Cause) -> CauseHtml {
        let pieces = CausePieces::new(cause);
        let page = cause.directory.as_ref().map(|directory| match directory.to_str() {
            Some("") => String::new(),
            _ => directory.join(file_names::REPORT).display().to_string(),
        });
        let mut rows = Vec::new();
        for (at, row) in cause.rows.iter().enumerate().take(ROWS) {
            if let Some(gap) = cause.gap_before(at) {
                rows.push(RowHtml::gap(units::length(gap), pieces.gap(at - 1)));
            }
            rows.push(RowHtml::new(cause, row, pieces.row(at), page.as_deref()));
        }
        let columns = pieces.columns.iter().filter_map(|&column| {
            let shown = cause.columns.get(column)?;
            let name = visible(&shown.name, 40);
            let title = match &shown.client {
                Some(client) => format!("client process {name}, in the network {}", visible(client, 40)),
                None => name.clone(),
            };
            Some(ColumnHtml { class: kind_name(shown.kind), x: pieces.x(column), name, title })
        });
        let plan = Some(&cause.plan).filter(|plan| !plan.as_os_str().is_empty());
        CauseHtml {
            sentence: cause.sentence.as_ref().map(|text| visible(text, 1000)),
            summary: visible(&cause.summary(), 600),
            headline: Some(&cause.headline)
                .filter(|headline| !headline.is_empty() && **headline != view.headline())
                .map(|headline| visible(headline, 300)),
            width: pieces.width(),
            shows_informed: pieces.shows_informed,
            columns: columns.collect(),
            left_out: cause.rows.len().saturating_sub(ROWS),
            rows,
            remarks: cause.remarks.iter().map(|remark| visible(remark, 1000)).collect(),
            plan: plan.map(|plan| match view.directory {
                Some(directory) => directory.join(plan).display().to_string(),
                None => plan.display().to_string(),
            }),
            report: page.filter(|page| !page.is_empty()),
        }
    }
}

impl RowHtml {
    fn gap(length: String, graph: String) -> RowHtml {
        let empty = String::new;
        RowHtml {
            class: "gap",
            time: format!("⋮ {length}"),
            graph,
            who: empty(),
            lead: empty(),
            text: empty(),
            fate: empty(),
            note: empty(),
            body: empty(),
            link: None,
        }
    }

    fn new(cause: &Cause, row: &Row, graph: String, page: Option<&str>) -> RowHtml {
        let words = cause.words(row);
        let anchor = match &row.kind {
            RowKind::Message(message) => Some(format!("#message-{}", message.id)),
            RowKind::Invoke(operation) => Some(format!("#messages-{}", operation.index)),
            RowKind::Complete(Operation { message: Some(id), .. }) => Some(format!("#message-{id}")),
            _ => None,
        };
        let body = match &row.kind {
            RowKind::Message(message) => &message.body,
            RowKind::Invoke(operation) | RowKind::Complete(operation) => &operation.body,
            _ => "",
        };
        RowHtml {
            class: class(row),
            time: units::moment(row.time),
            graph,
            who: visible(&cause.ends(row), 90),
            lead: visible(&words.lead, 200),
            text: visible(&words.text, 600),
            fate: visible(&words.fate, 300),
            note: visible(&words.note(), 600),
            body: pretty(body),
            link: page.zip(anchor).map(|(page, anchor)| format!("{page}{anchor}")),
        }
    }
}

fn class(row: &Row) -> &'static str {
    match (&row.kind, row.matters) {
        _ if row.is_wrong => "wrong",
        (RowKind::Log(_), _) => "log",
        (RowKind::FaultStart(_) | RowKind::FaultEnd(_), _) => "fault",
        (RowKind::Message(message), _) if matches!(message.fate, Fate::Lost { .. }) => "lost",
        (RowKind::Message(message), _) if matches!(message.fate, Fate::Late { .. }) => "late",
        (_, Matters::Context) => "context",
        _ => "",
    }
}

/// Formats a body with line breaks, if it is JSON.
fn pretty(body: &str) -> String {
    let parsed = crate::json::from_str(body).ok().filter(|_| body.len() <= BODY);
    let text = parsed.and_then(|value: Value| serde_json::to_string_pretty(&value).ok());
    let text = text.unwrap_or_else(|| shorten(body, BODY));
    text.lines().map(|line| visible(line, BODY)).collect::<Vec<_>>().join("\n")
}
