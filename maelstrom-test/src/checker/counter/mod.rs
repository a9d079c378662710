//! Counters (g-counter, pn-counter): does the sum come out right?
//!
//! An addition that was acknowledged counts once; one that failed does not count; of one whose fate is unknown nobody
//! can say. So in the end, when the system has had time to spread what it knows, a read must return the sum of all
//! acknowledged additions and of any of the unknown ones. Before that, additions may still be on their way: then all
//! that can be said is that no read may return more, or less, than the additions begun by then could give.

mod sums;
#[cfg(test)]
mod tests;

use serde_json::{Map, Number, Value, json};

use self::sums::Sums;
use super::describe::{counted, entry, seconds, who};
use super::{CheckContext, Checker, Evidence, Finding, Valid, Verdict};
use crate::history::{History, OpType, Pair};

/// The checker of `g-counter` and `pn-counter`: `add` with an integer, `read` that returns an integer.
///
/// Results: `acceptable` (the sums that final reads may return, as intervals `[low, high]`, of which up to a thousand
/// are shown), `final_reads` (their values), `errors` (the wrong ones: `index`, `process`, `value`, `final`). Unknown if
/// there is no final read, or something is not an integer, or so many different sums are possible (over 100,000
/// intervals) that a read between the smallest and the largest cannot be judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// As the original: only final reads count, and there need not be any.
    pub lenient: bool,
}

/// An addition that did not fail.
struct Addition {
    delta: i128,
    /// Position of the invocation; 0 where the history lacks it.
    invoked: usize,
    /// Position of the completion, if it was acknowledged.
    acknowledged: Option<usize>,
}

#[derive(Clone, Copy)]
struct Read {
    pair: Pair,
    sum: i128,
    completed: usize,
    is_final: bool,
}

/// A read that returned what it cannot have seen: not within the bounds, or in a gap between possible sums.
struct Error {
    read: Read,
    bounds: (i128, i128),
}

struct Analysis {
    /// What final reads may return.
    sums: Sums,
    /// How many additions were acknowledged, and their sum.
    certain: (usize, i128),
    /// How many additions have an unknown fate.
    possible: usize,
    final_reads: Vec<Read>,
    /// The wrong final reads, then the others.
    errors: Vec<Error>,
    doubts: Vec<String>,
}

impl Checker for Counter {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        let analysis = analyse(history);
        let findings: Vec<Finding> = finding(&analysis, history, context, self.lenient).into_iter().collect();
        let (valid, reason) = if findings.iter().any(|finding| finding.proscribed) {
            (Valid::False, None)
        } else if let Some(reason) = analysis.doubts.first() {
            (Valid::Unknown, Some(reason.clone()))
        } else if analysis.final_reads.is_empty() && !self.lenient {
            (Valid::Unknown, Some("there is no final read, so nobody can say whether the sum came out right".into()))
        } else {
            (Valid::True, None)
        };
        Verdict { valid, reason, findings, details: details(&analysis, history) }
    }
}

fn analyse(history: &History) -> Analysis {
    let pairs = history.pairs();
    let (additions, odd_additions) = additions(history, &pairs);
    let (reads, odd_reads) = reads(history, &pairs);
    let (final_reads, others): (Vec<Read>, Vec<Read>) = reads.into_iter().partition(|read| read.is_final);
    // What was acknowledged after the first final read began need not be in all of them.
    let phase = final_reads.iter().map(|read| read.pair.invocation.unwrap_or(read.completed)).min();
    let is_certain = |addition: &Addition| addition.acknowledged.is_some_and(|at| phase.is_none_or(|phase| at < phase));
    let (certain, possible): (Vec<&Addition>, Vec<&Addition>) = additions.iter().partition(|add| is_certain(add));
    let deltas = |list: &[&Addition]| list.iter().map(|addition| addition.delta).collect::<Vec<i128>>();
    let certain = (certain.len(), deltas(&certain).iter().sum());
    let sums = Sums::new(certain.1, deltas(&possible));

    let mut doubts = Vec::new();
    let mut errors = Vec::new();
    if odd_additions > 0 {
        // What these do to the sum is unknown, so no read can be called wrong.
        doubts.push(format!("{odd_additions} additions are not of an integer"));
    } else {
        let wrong = final_reads.iter().filter(|read| !sums.contains(read.sum));
        errors.extend(wrong.map(|&read| Error { read, bounds: (sums.lowest(), sums.highest()) }));
        errors.extend(out_of_bounds(&additions, others));
    }
    if odd_reads > 0 {
        doubts.push(format!("{odd_reads} reads did not return an integer"));
    }
    if !sums.is_exact() && !final_reads.is_empty() {
        doubts.push(
            "additions of unknown fate leave too many sums possible to tell whether the final reads are right".into(),
        );
    }
    Analysis { sums, certain, possible: possible.len(), final_reads, errors, doubts }
}

/// All additions that did not fail, in the order of their invocations, and how many are not integers.
fn additions(history: &History, pairs: &[Pair]) -> (Vec<Addition>, usize) {
    let mut odd = 0;
    let mut additions: Vec<Addition> = Vec::new();
    for &pair in pairs {
        let (invocation, completion) = history.entries(pair);
        let kind = completion.map_or(OpType::Info, |op| op.kind);
        let Some(op) = invocation.or(completion).filter(|op| &*op.f == "add" && kind != OpType::Fail) else { continue };
        let Some(delta) = integer(&op.value) else {
            odd += 1;
            continue;
        };
        let acknowledged = pair.completion.filter(|_| kind == OpType::Ok);
        additions.push(Addition { delta, invoked: pair.invocation.unwrap_or(0), acknowledged });
    }
    additions.sort_by_key(|addition| addition.invoked);
    (additions, odd)
}

/// All `ok` reads in the order of their completions, and how many did not return an integer.
fn reads(history: &History, pairs: &[Pair]) -> (Vec<Read>, usize) {
    let mut odd = 0;
    let mut reads: Vec<Read> = Vec::new();
    for &pair in pairs {
        let (Some(completed), (invocation, Some(op))) = (pair.completion, history.entries(pair)) else { continue };
        if op.kind != OpType::Ok || &*op.f != "read" {
            continue;
        }
        let is_final = op.is_final || invocation.is_some_and(|op| op.is_final);
        match integer(&op.value) {
            Some(sum) => reads.push(Read { pair, sum, completed, is_final }),
            None => odd += 1,
        }
    }
    reads.sort_by_key(|read| read.completed);
    (reads, odd)
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or(value.as_u64().map(i128::from))
}

/// Reads that are beyond what the additions begun before they ended can give. Both lists are in order.
fn out_of_bounds(additions: &[Addition], reads: Vec<Read>) -> Vec<Error> {
    let mut begun = additions.iter().peekable();
    let (mut low, mut high) = (0, 0);
    let mut errors = Vec::new();
    for read in reads {
        while let Some(addition) = begun.next_if(|addition| addition.invoked < read.completed) {
            low += addition.delta.min(0);
            high += addition.delta.max(0);
        }
        if !(low..=high).contains(&read.sum) {
            errors.push(Error { read, bounds: (low, high) });
        }
    }
    errors
}

fn finding(analysis: &Analysis, history: &History, context: &CheckContext, lenient: bool) -> Option<Finding> {
    let Error { read, bounds } = analysis.errors.first()?;
    let node = who(entry(history, read.pair), context);
    let time = seconds(history.ops[read.completed].time);
    let range = if bounds.0 == bounds.1 { bounds.0.to_string() } else { format!("{} to {}", bounds.0, bounds.1) };
    let what = if read.is_final { "a final read" } else { "a read" };
    let how = match read.sum {
        sum if sum < bounds.0 => "less than the additions can give",
        sum if sum > bounds.1 => "more than the additions can give",
        _ => "a sum that the additions cannot give",
    };
    let (count, sum) = analysis.certain;
    let possible = match analysis.possible {
        0 => String::new(),
        count => format!(", and {} of unknown fate", counted(count, "addition")),
    };
    let note = if read.is_final {
        format!(
            "{} acknowledged, together {sum}{possible}; possible: {}",
            counted(count, "addition"),
            list(&analysis.sums)
        )
    } else {
        format!("the additions begun by then give {range}, counting each at most once")
    };
    Some(Finding {
        anomaly: "wrong-sum".into(),
        proscribed: read.is_final || !lenient,
        headline: format!("wrong sum ({} instead of {range})", read.sum),
        story: format!("{node} answered {what} at {time} with {}: {how}.", read.sum),
        shape: format!("{what} returned {how}"),
        evidence: vec![Evidence::new(read.pair, format!("read → {}", read.sum), note)],
        picture: None,
    })
}

/// `3, 5 to 9 or 12`; the first few intervals.
fn list(sums: &Sums) -> String {
    let show = |(low, high): &(i128, i128)| if low == high { low.to_string() } else { format!("{low} to {high}") };
    let mut shown: Vec<String> = sums.intervals().iter().take(5).map(show).collect();
    if sums.intervals().len() > shown.len() {
        shown.push("…".into());
    }
    shown.join(", ")
}

fn details(analysis: &Analysis, history: &History) -> Map<String, Value> {
    let number = |sum: i128| Number::from_i128(sum).map_or_else(|| Value::from(sum.to_string()), Value::Number);
    let intervals = analysis.sums.intervals().iter().take(1000);
    let errors = analysis.errors.iter().map(|Error { read, .. }| {
        let op = entry(history, read.pair);
        json!({"index": op.index, "process": op.process.client(), "value": op.value, "final": read.is_final})
    });
    let rows: [(&str, Value); 3] = [
        ("acceptable", intervals.map(|(low, high)| json!([number(*low), number(*high)])).collect()),
        ("final_reads", analysis.final_reads.iter().map(|read| number(read.sum)).collect()),
        ("errors", errors.collect()),
    ];
    rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
