//! Counters (g-counter, pn-counter): does the sum come out right?
//!
//! An addition that was acknowledged counts once; one that failed does not count; of one whose fate is unknown nobody
//! can say. So in the end, when the system has had time to spread what it knows, a read must return the sum of all
//! acknowledged additions and of any of the unknown ones. Before that, additions may still be on their way: then all
//! that can be said is that no read may return more, or less, than the additions begun by then could give.

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
/// Results: `acceptable` (the sums that final reads may return, as intervals `[low, high]`, of which up to a thousand
/// are shown), `final_reads` (their values), `errors` (the wrong ones: `index`, `process`, `value`, `final`). Unknown if
/// there is no final read, or something is not an integer, or the magnitude of an addition exceeds 2⁹⁰, or so many different sums are possible (over 100,000
/// intervals) that a read between the smallest and the largest cannot be judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// As the original: only final reads count, and there need not be any.
    pub lenient: bool,
}

/// So many additions that a proof needs are shown one by one.
const MOST_SHOWN: usize = 8;

/// A read that returned what it cannot have seen: not within the bounds, or in a gap between possible sums.
struct Error {
    read: CounterRead,
    bounds: (i128, i128),
}

struct CounterAnalysis {
    /// All additions and reads.
    operations: CounterOperations,
    /// What final reads may return.
    sums: PossibleSums,
    final_reads: Vec<CounterRead>,
    /// The wrong final reads, then the others.
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

/// A history of a counter on its way into the checker.
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
        (Valid::Unknown, Some("there is no final read, so nobody can say whether the sum came out right".into()))
    } else {
        (Valid::True, None)
    };
    let mut verdict = Verdict { valid, reason, findings, details: details(&analysis) };
    verdict.add_mismatch(analysis.operations.mismatch());
    verdict
}

/// `3`, or `3 to 9`.
fn range((low, high): (i128, i128)) -> String {
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

fn analyse(mut operations: CounterOperations) -> CounterAnalysis {
    operations.finish();
    let CounterOperations { additions, reads, malformed_additions, malformed_reads, too_large, .. } = &mut operations;
    let (final_reads, others): (Vec<CounterRead>, Vec<CounterRead>) =
        std::mem::take(reads).into_iter().partition(|read| read.is_final);
    // What was acknowledged after the first final read began need not be in all of them.
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
        // What these do to the sum is unknown, so no read can be called wrong.
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

/// BoundedCounterStream that are beyond what the additions begun before they ended can give. Both lists are in order.
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

/// The first read that was wrong, with the additions without which it would not be.
fn finding(analysis: &CounterAnalysis, context: &CheckContext, lenient: bool) -> Option<Finding> {
    // What is wrong early has the fewest additions before it.
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

/// The additions that must have counted for the read to be wrong, and the read.
fn evidence(analysis: &CounterAnalysis, error: &Error) -> Vec<Evidence> {
    let Error { read, bounds } = error;
    let needed = if read.is_final { analysis.needed(read.sum) } else { Vec::new() };
    let addition = |addition: &&CounterAddition| {
        Evidence::new(addition.pair(), format!("add {}", addition.delta), "acknowledged, so it counts")
    };
    // A sum that is wrong by little is proved by nearly all additions; then their sum says more than a long list.
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

    /// The smallest set of acknowledged additions that makes this sum impossible, whatever became of all others.
    ///
    /// An addition cannot simply be left out of a proof, for the sum that was read may contain it. What can be done
    /// without ever making a possible sum impossible is to forget that it was acknowledged: then it counts or not, like
    /// one of unknown fate. Of as many as possible that is forgotten, the smallest first, so that few large ones remain.
    fn needed(&self, sum: i128) -> Vec<&CounterAddition> {
        let mut certain: Vec<&CounterAddition> = self.certain().collect();
        certain.sort_by_key(|addition| (addition.delta.unsigned_abs(), addition.begun()));
        let mut sums = self.sums.clone();
        certain.retain(|addition| {
            // With it or without it.
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

/// `3, 5 to 9 or 12`; the first few intervals.
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
