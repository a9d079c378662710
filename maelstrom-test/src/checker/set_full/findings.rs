//! Explaining lost, duplicated and unexpected elements.

use serde_json::Value;

use super::analysis::{Analysis, Oddity};
use crate::checker::describe::{brief, counted, entry, seconds, who};
use crate::checker::{CheckContext, Evidence, Finding};
use crate::history::Pair;

/// One finding per kind of fault, with the example that says most.
pub(super) fn all(analysis: &Analysis<'_>, context: &CheckContext, lenient: bool) -> Vec<Finding> {
    let teller = Teller { analysis, context };
    let lost = most_telling(analysis).map(|id| teller.lost(id));
    let duplicated = analysis.duplicated.first().map(|row| teller.duplicated(row));
    let unexpected = analysis.unexpected.first().map(|row| teller.unexpected(row));
    let odd = [duplicated, unexpected].into_iter().flatten().map(|finding| Finding { proscribed: !lenient, ..finding });
    lost.into_iter().chain(odd).collect()
}

/// A loss that a final read shows is plainer than one among faults, and a promise that was given to the client that
/// added the element is plainer than one that only a read implied.
fn most_telling(analysis: &Analysis<'_>) -> Option<usize> {
    analysis.lost.iter().copied().min_by_key(|&id| {
        let element = &analysis.elements[id];
        (element.missing_from_final.is_none(), !was_acknowledged_first(analysis, id))
    })
}

/// Whether the element was known through its acknowledgement, and not through a read before that.
fn was_acknowledged_first(analysis: &Analysis<'_>, id: usize) -> bool {
    let acknowledged = analysis.elements[id].acknowledged.and_then(|pair| pair.completion);
    acknowledged.is_some() && acknowledged == analysis.known(id)
}

struct Teller<'a> {
    analysis: &'a Analysis<'a>,
    context: &'a CheckContext,
}

impl Teller<'_> {
    fn lost(&self, id: usize) -> Finding {
        let element = &self.analysis.elements[id];
        let value = brief(element.value);
        let promise = match element.acknowledged {
            Some(pair) if was_acknowledged_first(self.analysis, id) => {
                let op = entry(self.analysis.history, pair);
                let told = format!("{} acknowledged {value} at {}", who(op, self.context), seconds(op.time));
                (
                    vec![Evidence::new(pair, format!("{} {value}", op.f), "acknowledged")],
                    told,
                    "an acknowledged element",
                )
            }
            _ => {
                let read =
                    element.first_read.expect("an element that is lost without having been acknowledged was read");
                let op = entry(self.analysis.history, self.analysis.reads[read].pair);
                let told = format!("{} showed {value} to a reader at {}", who(op, self.context), seconds(op.time));
                let tried = entry(self.analysis.history, element.tried);
                let tried = Evidence::new(element.tried, format!("{} {value}", tried.f), "");
                let read = self.read(read, format!("{value} is there"));
                (vec![tried, read], told, "an element that had been read")
            }
        };
        let (mut evidence, told, shape) = promise;
        let read = self.analysis.proof_of_loss(id).expect("an element is lost because some read lacks it");
        evidence.push(self.read(read, format!("{value} is missing")));
        let is_final = element.missing_from_final.is_some();
        let what = if is_final { "final read" } else { "later read" };
        let pair = self.analysis.reads[read].pair;
        let begun = pair.invocation.map(|position| self.analysis.history.ops[position].time);
        let begun = begun.map(|time| format!(", which began at {},", seconds(time))).unwrap_or_default();
        let reader = who(entry(self.analysis.history, pair), self.context);
        Finding {
            anomaly: "lost".into(),
            proscribed: true,
            headline: format!("{} lost (such as {value})", counted(self.analysis.lost.len(), "element")),
            story: format!("{told}, but a {what} of {reader}{begun} did not have it."),
            shape: format!("{shape} was missing from a {what}"),
            evidence,
            picture: None,
        }
    }

    fn duplicated(&self, row: &Oddity<'_>) -> Finding {
        let value = brief(row.value);
        let reader = who(entry(self.analysis.history, self.analysis.reads[row.read].pair), self.context);
        Finding {
            anomaly: "duplicated".into(),
            proscribed: true,
            headline: format!("{} duplicated (such as {value})", counted(self.analysis.duplicated.len(), "element")),
            story: format!("A read of {reader} returned {value} more than once; a set holds each element once."),
            shape: "a read had an element twice".into(),
            evidence: vec![self.read(row.read, format!("{value} is there more than once"))],
            picture: None,
        }
    }

    fn unexpected(&self, row: &Oddity<'_>) -> Finding {
        let value = brief(row.value);
        let reader = who(entry(self.analysis.history, self.analysis.reads[row.read].pair), self.context);
        let count = counted(self.analysis.unexpected.len(), "element");
        Finding {
            anomaly: "unexpected".into(),
            proscribed: true,
            headline: format!("{count} out of nowhere (such as {value})"),
            story: format!("A read of {reader} returned {value}, which nobody had tried to add by then."),
            shape: "a read had an element that nobody had added".into(),
            evidence: vec![self.read(row.read, format!("{value} was not added before"))],
            picture: None,
        }
    }

    fn read(&self, read: usize, note: String) -> Evidence {
        let pair: Pair = self.analysis.reads[read].pair;
        let list = &entry(self.analysis.history, pair).value;
        let size = list.as_array().map_or(0, Vec::len);
        let text = if size > 16 { format!("read → {}", counted(size, "element")) } else { shown(list) };
        Evidence::new(pair, text, note)
    }
}

fn shown(list: &Value) -> String {
    format!("read → {}", brief(list))
}
