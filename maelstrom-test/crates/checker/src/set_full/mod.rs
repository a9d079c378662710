//! Sets that grow (broadcast, g-set): does every element that was added stay?
//!
//! For each element the history says when it was *known* (its addition was acknowledged, or a read had shown it), and
//! which reads that could have shown it did, and which did not. An element is *stable* if some read that began after
//! every read without it has it; it is *lost* if it was known, and then a read that began after every read with it does
//! not have it. In the final phase, after the system has had time to recover, *every* read must have every element that
//! was known before.

mod analysis;
mod explain;
mod observations;
#[cfg(test)]
mod tests;

use crate::json::{Map, Value, json};

use self::analysis::SetAnalysis;
use self::observations::Observations;
use super::describe::millis;
use super::stream::check_streamed;
use super::{CheckContext, Checker, Quantiles, Stream, Valid, Verdict};
use crate::history::{History, Op};

/// The checker of `broadcast` and `g-set`: operations other than `read` add their value; a `read` returns a list.
///
/// Results: `attempt_count`, `stable_count`, `lost`, `lost_count`, `never_read`, `never_read_count`, `stale` (stable,
/// but absent from a read after they were known), `stale_count`, `worst_stale` (the eight that took longest:
/// `element`, `stable_latency`), `stable_latencies` and `lost_latencies` (quantiles in milliseconds: from when the
/// element was known until the last read without it, or with it, began), `duplicated` (pairs of an element and how
/// often one read had it), `duplicated_count`, `unexpected`. Lists of elements are in the order of their additions.
///
/// Invalid if an element is lost, duplicated or unexpected (an element that appears in a read before anybody tried to
/// add it is unexpected, too). Unknown if none is stable, if a worker has no final read, or if reads cannot be placed
/// in time because their invocations are missing. Takes time linear in the sizes of all reads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetFull {
    /// As the original: final reads are reads like any other, and duplicated or unexpected elements are allowed.
    pub lenient: bool,
}

/// What became of the elements of a set, for assertions on a finished run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetOutcome {
    /// Elements whose addition was tried.
    pub attempt_count: usize,
    /// Elements that were there in the end.
    pub stable: Vec<Value>,
    /// Elements that were known and then gone.
    pub lost: Vec<Value>,
    /// All others.
    pub never_read: Vec<Value>,
    /// How long stable elements took from known to the beginning of the last read without them; 0 if there was none.
    pub stable_latencies: Quantiles,
    /// How long lost elements were still to be seen after they were known.
    pub lost_latencies: Quantiles,
}

impl SetFull {
    /// What became of the elements, without a verdict.
    ///
    /// ```
    /// use std::time::Duration;
    /// use maelstrom_checker::{CheckContext, SetFull};
    /// use maelstrom_checker::history::History;
    /// let history = History::read(&b"
    ///     {:time 0,       :type :invoke, :process 0, :f :broadcast, :value 7}
    ///     {:time 1000000, :type :ok,     :process 0, :f :broadcast, :value 7}
    ///     {:time 2000000, :type :invoke, :process 0, :f :read}
    ///     {:time 3000000, :type :ok,     :process 0, :f :read, :value []}
    ///     {:time 4000000, :type :invoke, :process 0, :f :read}
    ///     {:time 5000000, :type :ok,     :process 0, :f :read, :value [7]}"[..])?;
    /// let outcome = SetFull::default().outcome(&history, &CheckContext::default());
    /// assert_eq!(outcome.stable, [7]);
    /// assert_eq!(outcome.stable_latencies.quantile(0.5), Duration::from_millis(1));
    /// # Ok::<(), maelstrom_checker::history::ReadError>(())
    /// ```
    pub fn outcome(&self, history: &History, context: &CheckContext) -> SetOutcome {
        let mut observations = Observations::default();
        history.ops.iter().for_each(|op| observations.push(op));
        let analysis = SetAnalysis::of(observations, context, self.lenient);
        SetOutcome {
            attempt_count: analysis.elements.len(),
            stable: analysis.values(&analysis.stable),
            lost: analysis.values(&analysis.lost),
            never_read: analysis.values(&analysis.never_read),
            stable_latencies: analysis.latencies(&analysis.stable, false),
            lost_latencies: analysis.latencies(&analysis.lost, true),
        }
    }
}

impl Checker for SetFull {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(SetFullStream { checker: self, context, observations: Observations::default() })
    }
}

/// A history of a set on its way into the checker.
struct SetFullStream<'a> {
    checker: &'a SetFull,
    context: &'a CheckContext,
    observations: Observations,
}

impl Stream for SetFullStream<'_> {
    fn push(&mut self, op: &Op) {
        self.observations.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        let SetFullStream { checker: SetFull { lenient }, context, observations } = *self;
        let analysis = SetAnalysis::of(observations, context, *lenient);
        let findings = explain::all(&analysis, context, *lenient);
        let (valid, reason) = if findings.iter().any(|finding| finding.proscribed) {
            (Valid::False, None)
        } else if let Some(reason) = analysis.doubts.first() {
            (Valid::Unknown, Some(reason.clone()))
        } else if analysis.stable.is_empty() {
            (Valid::Unknown, Some("no element was seen to stay in the set, so nothing was tested".to_string()))
        } else {
            (Valid::True, None)
        };
        let mut verdict = Verdict { valid, reason, findings, details: details(&analysis) };
        verdict.add_mismatch(analysis.observations.mismatch());
        verdict
    }
}

impl SetAnalysis {
    fn values(&self, ids: &[u32]) -> Vec<Value> {
        ids.iter().map(|id| self.observations.values.value(*id)).collect()
    }

    fn latencies(&self, ids: &[u32], are_lost: bool) -> Quantiles {
        Quantiles::new(ids.iter().map(|id| self.latency(*id, are_lost)).collect())
    }
}

fn details(analysis: &SetAnalysis) -> Map<String, Value> {
    let value = |id: u32| analysis.observations.values.value(id);
    let mut stale: Vec<(u64, u32)> = analysis.stable.iter().map(|id| (analysis.latency(*id, false), *id)).collect();
    stale.retain(|(latency, _)| *latency > 0);
    let mut worst = stale.clone();
    worst.sort_by_key(|(latency, _)| std::cmp::Reverse(*latency));
    let worst =
        worst.iter().take(8).map(|(latency, id)| json!({"element": value(*id), "stable_latency": millis(*latency)}));
    let duplicated: Vec<Value> = analysis.duplicated.iter().map(|(id, row)| json!([value(*id), row.count])).collect();
    let unexpected: Vec<Value> = analysis.unexpected.iter().map(|(id, _)| value(*id)).collect();
    let rows = [
        ("attempt_count", json!(analysis.elements.len())),
        ("stable_count", json!(analysis.stable.len())),
        ("lost", json!(analysis.values(&analysis.lost))),
        ("lost_count", json!(analysis.lost.len())),
        ("never_read", json!(analysis.values(&analysis.never_read))),
        ("never_read_count", json!(analysis.never_read.len())),
        ("stale", stale.iter().map(|(_, id)| value(*id)).collect()),
        ("stale_count", json!(stale.len())),
        ("worst_stale", worst.collect()),
        ("stable_latencies", analysis.latencies(&analysis.stable, false).to_json()),
        ("lost_latencies", analysis.latencies(&analysis.lost, true).to_json()),
        ("duplicated_count", json!(duplicated.len())),
        ("duplicated", json!(duplicated)),
        ("unexpected", json!(unexpected)),
    ];
    rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
