//! Counters (g-counter, pn-counter): is the sum right?
//!
//! An acknowledged addition counts once. A failed one does not count. One with an unknown outcome may or may not count.
//!
//! - A *final* read comes after the system had time to converge. It must return the sum of all acknowledged additions and of
//!   any subset of the unknown ones.
//! - An earlier read may miss additions. It must only lie between the smallest and the largest sum of the additions that
//!   began before its end.
//!
//! ```text
//!   acknowledged: 3, 4     unknown: 10
//!
//!   final reads may return   7                                17
//!   earlier reads            0 ─────────────────────────────► 17
//! ```

mod bounded;
mod operations;
mod sums;
#[cfg(test)]
mod tests;

pub use self::bounded::BoundedCounter;
use self::operations::{CounterAddition, CounterOperations, CounterRead};
use self::sums::PossibleSums;
use super::describe::{brief, counted, seconds, who};
use super::entries::Stamp;
use super::stream::check_streamed;
use super::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};
use crate::history::{History, Op};
use crate::json::{Map, Value, json};

/// The checker of `g-counter` and `pn-counter`: `add` with an integer, `read` that returns an integer.
///
/// Results: `acceptable` (the sums that final reads may return, as intervals `[low, high]`; at most a thousand are shown),
/// `final_reads` (their values), `errors` (the wrong reads: `index`, `process`, `value`, `final`).
///
/// Unknown if there is no final read, if a value is not an integer, if the magnitude of an addition exceeds 2⁹⁰, or if there
/// are too many possible sums (over 100,000 intervals) to judge a read between the smallest and the largest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// As Jepsen's Maelstrom: only final reads count, and none is required.
    pub lenient: bool,
}

/// The number of additions of a proof that are shown one by one.
const MOST_SHOWN: usize = 8;

/// A wrong read: out of bounds, or not a possible sum.
struct Error {
    read: CounterRead,
    bounds: (i128, i128),
}

struct CounterAnalysis {
    /// All additions and reads.
    operations: CounterOperations,
    /// The sums that final reads may return.
    sums: PossibleSums,
    final_reads: Vec<CounterRead>,
    /// The wrong reads, final ones first.
    errors: Vec<Error>,
    doubts: Vec<String>,
}

impl Checker for Counter {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(CounterStream { checker: self, context, operations: CounterOperations::default() })
    }
}

/// A history that is checked entry by entry.
struct CounterStream<'a> {
    checker: &'a Counter,
    context: &'a CheckContext,
    operations: CounterOperations,
}

impl Stream for CounterStream<'_> {
    fn push(&mut self, op: &Op) {
        self.operations.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        verdict(*self.checker, self.context, self.operations)
    }
}

fn verdict(Counter { lenient }: Counter, context: &CheckContext, operations: CounterOperations) -> Verdict {
    let analysis = analyse(operations);
    let findings: Vec<Finding> = finding(&analysis, context, lenient).into_iter().collect();
    let (valid, reason) = if findings.iter().any(|finding| finding.proscribed) {
        (Valid::False, None)
    } else if let Some(reason) = analysis.doubts.first() {
        (Valid::Unknown, Some(reason.clone()))
    } else if analysis.final_reads.is_empty() && !lenient {
        (Valid::Unknown, Some("there is no final read, so the sum could not be checked".into()))
    } else {
        (Valid::True, None)
    };
    let mut verdict = Verdict { valid, reason, findings, details: details(&analysis) };
    verdict.add_mismatch(analysis.operations.mismatch());
    verdict
}

/// An interval as text: `3`, or `3 to 9`.
fn range((low, high): (i128, i128)) -> String {
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

fn analyse(mut operations: CounterOperations) -> CounterAnalysis {
    operations.finish();
    let CounterOperations { additions, reads, malformed_additions, malformed_reads, too_large, .. } = &mut operations;
    let (final_reads, others): (Vec<CounterRead>, Vec<CounterRead>) =
        std::mem::take(reads).into_iter().partition(|read| read.is_final);
    // Additions that were acknowledged after the first final read began need not be in all final reads.
    let phase = final_reads.iter().map(CounterRead::begun).min();
    for addition in &mut *additions {
        addition.is_certain = addition.is_ok && phase.is_none_or(|phase| addition.completed() < phase);
    }
    let (certain, possible): (Vec<&CounterAddition>, Vec<&CounterAddition>) =
        additions.iter().partition(|add| add.is_certain);
    let deltas = |list: &[&CounterAddition]| list.iter().map(|addition| addition.delta).collect::<Vec<i128>>();
    let sums = PossibleSums::new(deltas(&certain).iter().sum(), deltas(&possible));

    let mut doubts = Vec::new();
    let mut errors = Vec::new();
    if let Some(number) = too_large {
        doubts.push(format!("the addition of {} is too large to be summed: the limit is 2^90", brief(number)));
    }
    if *malformed_additions > 0 {
        // The effect of these on the sum is unknown, so no read is known to be wrong.
        doubts.push(format!("{malformed_additions} additions are not of an integer"));
    } else {
        let wrong = final_reads.iter().filter(|read| !sums.contains(read.sum));
        errors.extend(wrong.map(|&read| Error { read, bounds: (sums.lowest(), sums.highest()) }));
        errors.extend(out_of_bounds(additions, others));
    }
    if *malformed_reads > 0 {
        doubts.push(format!("{malformed_reads} reads did not return an integer"));
    }
    if !sums.is_exact() && !final_reads.is_empty() {
        doubts.push(
            "additions of unknown fate leave too many sums possible to tell whether the final reads are right".into(),
        );
    }
    CounterAnalysis { sums, operations, final_reads, errors, doubts }
}

/// The reads that are out of the bounds of the additions that began before their ends. Both lists are in order.
fn out_of_bounds(additions: &[CounterAddition], reads: Vec<CounterRead>) -> Vec<Error> {
    let mut begun = additions.iter().peekable();
    let (mut low, mut high) = (0, 0);
    let mut errors = Vec::new();
    for read in reads {
        while let Some(addition) = begun.next_if(|addition| addition.may_begin_before(read.completed())) {
            low += addition.delta.min(0);
            high += addition.delta.max(0);
        }
        if !(low..=high).contains(&read.sum) {
            errors.push(Error { read, bounds: (low, high) });
        }
    }
    errors
}

/// The finding of the first wrong read, with the additions that prove it.
fn finding(analysis: &CounterAnalysis, context: &CheckContext, lenient: bool) -> Option<Finding> {
    // The first wrong read has the fewest additions before it.
    let weighs = |error: &&Error| (lenient && !error.read.is_final, error.read.completed());
    let error = analysis.errors.iter().min_by_key(weighs)?;
    let Error { read, bounds } = error;
    let Stamp { process, time, .. } = analysis.operations.stamp(read.completed());
    let (node, time) = (who(process, context), seconds(time));
    let range = range(*bounds);
    let what = if read.is_final { "a final read" } else { "a read" };
    let returned = analysis.operations.returned(read);
    let shown = brief(&returned);
    let (how, shape) = match read.sum {
        sum if returned != sum && sum < 0 => {
            ("far less than the additions give".into(), "less than the additions can give")
        }
        sum if returned != sum => ("far more than the additions give".into(), "more than the additions can give"),
        sum if sum < bounds.0 => {
            (format!("{} less than the additions give", bounds.0 - sum), "less than the additions can give")
        }
        sum if sum > bounds.1 => {
            (format!("{} more than the additions give", sum - bounds.1), "more than the additions can give")
        }
        _ => ("a sum that the additions cannot give".to_owned(), "a sum that the additions cannot give"),
    };
    Some(Finding {
        anomaly: "wrong-sum".into(),
        proscribed: read.is_final || !lenient,
        headline: format!("wrong sum ({shown} instead of {range})"),
        story: format!("{node} answered {what} at {time} with {shown}: {how}, counting each of them once."),
        shape: format!("a read returned {shape}"),
        evidence: evidence(analysis, error),
        picture: None,
    })
}

/// The additions that prove that the read is wrong, and the read.
fn evidence(analysis: &CounterAnalysis, error: &Error) -> Vec<Evidence> {
    let Error { read, bounds } = error;
    let needed = if read.is_final { analysis.needed(read.sum) } else { Vec::new() };
    let addition = |addition: &&CounterAddition| {
        Evidence::new(addition.pair(), format!("add {}", addition.delta), "acknowledged, so it counts")
    };
    // If nearly all additions are needed, their sum is clearer than a long list.
    let is_short = needed.len() <= MOST_SHOWN;
    let mut lines: Vec<Evidence> = needed.iter().filter(|_| is_short).map(addition).collect();
    let note = if read.is_final {
        let certain: Vec<&CounterAddition> = analysis.certain().collect();
        let doubtful = match analysis.operations.additions.len() - certain.len() {
            0 => String::new(),
            count => format!(", and {} of unknown fate", counted(count, "addition")),
        };
        let sum: i128 = certain.iter().map(|addition| addition.delta).sum();
        format!(
            "{} acknowledged, together {sum}{doubtful}; possible: {}",
            counted(certain.len(), "addition"),
            list(&analysis.sums)
        )
    } else {
        let begun =
            analysis.operations.additions.iter().filter(|addition| addition.may_begin_before(read.completed())).count();
        format!("the {} begun by then give {}", counted(begun, "addition"), range(*bounds))
    };
    let returned = brief(&analysis.operations.returned(read));
    lines.push(Evidence::new(read.pair(), format!("read → {returned}"), note).culprit());
    lines
}

impl CounterAnalysis {
    /// The additions that were acknowledged before the final phase.
    fn certain(&self) -> impl Iterator<Item = &CounterAddition> {
        self.operations.additions.iter().filter(|addition| addition.is_certain)
    }

    /// The smallest set of acknowledged additions that makes this sum impossible, whatever the outcomes of all others are.
    ///
    /// An addition cannot be removed from a proof, because the sum may contain it. But it can be treated as one with an
    /// unknown outcome, which never makes a possible sum impossible. So as many acknowledgements as possible are ignored,
    /// those of small additions first, so that few large ones remain.
    fn needed(&self, sum: i128) -> Vec<&CounterAddition> {
        let mut certain: Vec<&CounterAddition> = self.certain().collect();
        certain.sort_by_key(|addition| (addition.delta.unsigned_abs(), addition.begun()));
        let mut sums = self.sums.clone();
        certain.retain(|addition| {
            // The addition counts or not.
            let mut more = sums.clone();
            more.add_optional(-addition.delta);
            let is_needed = more.contains(sum);
            if !is_needed {
                sums = more;
            }
            is_needed
        });
        certain.sort_by_key(|addition| addition.begun());
        certain
    }
}

/// The first few intervals as text: `3, 5 to 9 or 12`.
fn list(sums: &PossibleSums) -> String {
    let show = |(low, high): &(i128, i128)| if low == high { low.to_string() } else { format!("{low} to {high}") };
    let mut shown: Vec<String> = sums.intervals().iter().take(5).map(show).collect();
    if sums.intervals().len() > shown.len() {
        shown.push("…".into());
    }
    shown.join(", ")
}

fn details(analysis: &CounterAnalysis) -> Map<String, Value> {
    let number = |sum: i128| Value::from(sum);
    let intervals = analysis.sums.intervals().iter().take(1000);
    let errors = analysis.errors.iter().map(|Error { read, .. }| {
        let Stamp { index, process, .. } = analysis.operations.stamp(read.completed());
        json!({"index": index, "process": process.client(), "value": analysis.operations.returned(read), "final": read.is_final})
    });
    let rows: [(&str, Value); 3] = [
        ("acceptable", intervals.map(|(low, high)| json!([number(*low), number(*high)])).collect()),
        ("final_reads", analysis.final_reads.iter().map(|read| analysis.operations.returned(read)).collect()),
        ("errors", errors.collect()),
    ];
    rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
