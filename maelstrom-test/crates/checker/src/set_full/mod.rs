//! Growing sets (broadcast, g-set): does every element that was added stay?
//!
//! The history shows when each element was *known*, because its addition was acknowledged or a read returned it, and which
//! later reads returned it.
//!
//! - An element is *stable* if some read with it began after every read without it.
//! - It is *lost* if it was known, and some read without it began after every read with it.
//!
//! ```text
//!   add 7   ├──┤ known
//!   reads        ├ [] ┤   ├ [7] ┤             stable: the last read that began has it
//!   reads        ├ [7] ┤  ├ [] ┤              lost: the last read that began lacks it
//! ```
//!
//! In the final phase, after the system had time to recover, *every* read must have every element that was known before.

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

/// The checker of `broadcast` and `g-set`: a `read` returns a list, and all other operations add their value.
///
/// Results:
///
/// | entry | content |
/// | --- | --- |
/// | `attempt_count` | the number of attempted additions |
/// | `stable_count` | the number of stable elements |
/// | `lost`, `lost_count` | lost elements |
/// | `never_read`, `never_read_count` | all other elements |
/// | `stale`, `stale_count` | stable elements that a read after they were known did not have |
/// | `worst_stale` | the eight stale elements with the longest latencies: `element`, `stable_latency` |
/// | `stable_latencies`, `lost_latencies` | quantiles in milliseconds, from when an element was known to the beginning of the last read without it, or with it |
/// | `duplicated`, `duplicated_count` | elements with their largest count in one read |
/// | `unexpected` | elements of a read before an addition of them began |
///
/// Lists of elements are in the order of their additions.
///
/// Invalid if an element is lost, duplicated or unexpected. Unknown if no element is stable, if a worker has no final read,
/// or if reads without an invocation cannot be placed in time. The time is linear in the total length of all reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetFull {
    /// As Jepsen's Maelstrom: final reads are ordinary reads, and duplicated or unexpected elements are allowed.
    pub lenient: bool,
}

/// The elements of a set by class, for assertions on a finished run.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SetOutcome {
    /// The number of attempted additions.
    pub attempt_count: usize,
    /// Stable elements.
    pub stable: Vec<Value>,
    /// Lost elements.
    pub lost: Vec<Value>,
    /// All other elements.
    pub never_read: Vec<Value>,
    /// The times from when stable elements were known to the beginning of the last read without them; 0 if there was none.
    pub stable_latencies: Quantiles,
    /// The times from when lost elements were known to the beginning of the last read with them.
    pub lost_latencies: Quantiles,
}

impl SetFull {
    /// Classifies the elements of a history, without a verdict.
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

/// A history that is checked entry by entry.
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
