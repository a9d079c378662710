//! Explains lost, duplicated and unexpected elements.

use super::analysis::SetAnalysis;
use super::observations::ReadAnomaly;
use crate::describe::{brief, counted, seconds, who};
use crate::entries::{NONE, PackedPair, Stamp};
use crate::{CheckContext, Evidence, Finding};

/// One finding for each kind of anomaly, with the clearest example.
pub(super) fn all(analysis: &SetAnalysis, context: &CheckContext, lenient: bool) -> Vec<Finding> {
    let teller = SetExplainer { analysis, context };
    let lost = clearest_loss(analysis).map(|id| teller.lost(id));
    let duplicated = analysis.duplicated.first().map(|(id, row)| teller.duplicated(*id, *row));
    let unexpected = analysis.unexpected.first().map(|(id, row)| teller.unexpected(*id, *row));
    let odd = [duplicated, unexpected].into_iter().flatten().map(|finding| Finding { proscribed: !lenient, ..finding });
    lost.into_iter().chain(odd).collect()
}

/// The lost element whose loss is the clearest: a final read shows it, rather than a read during faults; and its addition was
/// acknowledged, rather than only read.
fn clearest_loss(analysis: &SetAnalysis) -> Option<u32> {
    analysis.lost.iter().copied().min_by_key(|&id| {
        let is_plain = analysis.sight(id).missing_from_final != NONE;
        (!is_plain, !was_acknowledged_first(analysis, id))
    })
}

/// Whether the element was acknowledged before it was read.
fn was_acknowledged_first(analysis: &SetAnalysis, id: u32) -> bool {
    let sight = analysis.sight(id);
    analysis.observations.known(sight) == Some(sight.acknowledged.completion)
}

struct SetExplainer<'a> {
    analysis: &'a SetAnalysis,
    context: &'a CheckContext,
}

impl SetExplainer<'_> {
    fn lost(&self, id: u32) -> Finding {
        let SetAnalysis { observations, .. } = self.analysis;
        let sight = self.analysis.sight(id);
        let value = self.value(id);
        let added = |place: PackedPair, note: &str| {
            Evidence::new(place.pair(), format!("{} {value}", observations.addition()), note)
        };
        let promise = if was_acknowledged_first(self.analysis, id) {
            let (who, when) = self.told(sight.acknowledged);
            let told = format!("{who} acknowledged {value} at {when}");
            (vec![added(sight.acknowledged, "acknowledged")], told, "an acknowledged element")
        } else {
            // An element that is lost and was not acknowledged was read.
            let (who, when) = self.told(observations.reads[sight.first_read as usize].place);
            let told = format!("{who} showed {value} to a reader at {when}");
            let read = self.read(sight.first_read, format!("{value} is there"));
            (vec![added(sight.tried, ""), read], told, "an element that had been read")
        };
        let (mut evidence, told, shape) = promise;
        let read = self.analysis.proof_of_loss(id);
        evidence.push(self.read(read, format!("{value} is missing")).culprit());
        let what = if sight.missing_from_final == NONE { "later read" } else { "final read" };
        let place = observations.reads[read as usize].place;
        let begun = match place.invocation {
            NONE => String::new(),
            position => format!(", which began at {},", seconds(observations.stamp(position).time)),
        };
        let (reader, _) = self.told(place);
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

    fn duplicated(&self, id: u32, row: ReadAnomaly) -> Finding {
        let (value, reader) = (self.value(id), self.reader(row.read));
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

    fn unexpected(&self, id: u32, row: ReadAnomaly) -> Finding {
        let (value, reader) = (self.value(id), self.reader(row.read));
        let count = counted(self.analysis.unexpected.len(), "element");
        Finding {
            anomaly: "unexpected".into(),
            proscribed: true,
            headline: format!("{count} never added (such as {value})"),
            story: format!("A read of {reader} returned {value}, which nobody had tried to add by then."),
            shape: "a read had an element that nobody had added".into(),
            evidence: vec![self.read(row.read, format!("{value} was not added before"))],
            picture: None,
        }
    }

    fn read(&self, read: u32, note: String) -> Evidence {
        let observations = &self.analysis.observations;
        let row = &observations.reads[read as usize];
        let shown = observations.list(read).map_or_else(|| counted(row.size as usize, "element"), |list| brief(&list));
        Evidence::new(row.place.pair(), format!("read → {shown}"), note)
    }

    fn value(&self, id: u32) -> String {
        brief(&self.analysis.observations.values.value(id))
    }

    /// The node or process of an operation, and when it ended.
    fn told(&self, place: PackedPair) -> (String, String) {
        let Stamp { process, time, .. } = self.analysis.observations.stamp(place.last_entry());
        (who(process, self.context), seconds(time))
    }

    fn reader(&self, read: u32) -> String {
        self.told(self.analysis.observations.reads[read as usize].place).0
    }
}
