//! Counters whose reads are up to date, except for concurrent additions.

use super::operations::{CounterAddition, CounterOperations, CounterRead};
use super::{Counter, Error, range, verdict};
use crate::describe::{brief, counted, seconds, who};
use crate::entries::Stamp;
use crate::history::{History, Op};
use crate::json::{Map, Value, json};
use crate::stream::check_streamed;
use crate::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};

/// The checker of counters as Jepsen's `counter` judges them: `add` with an integer, `read` that returns an integer.
///
/// Each read that returned must lie between two bounds:
///
/// - the *lower* bound: the sum of the additions that were acknowledged before the read began, and of the negative ones
///   among those that may have happened before its end;
/// - the *upper* bound: the same with the positive ones.
///
/// Additions that failed did not happen. A linearizable counter satisfies these bounds, and some weaker counters do.
/// [`Counter`] judges counters whose reads may be stale by their final reads. It also judges all histories with final reads.
///
/// Results: `read_count`, `errors` (the wrong reads: `index`, `process`, `value`, `bounds`). Unknown if there is no read, if a
/// value is not an integer, or if the magnitude of an addition exceeds 2⁹⁰.
///
/// ```
/// use maelstrom_checker::{BoundedCounter, CheckContext, Checker, Valid};
/// use maelstrom_checker::history::History;
/// let judge = |sum: &str| {
///     let text = format!("
///         {{:type :invoke, :process 0, :f :add, :value 3}} {{:type :ok, :process 0, :f :add, :value 3}}
///         {{:type :invoke, :process 0, :f :add, :value 2}}
///         {{:type :invoke, :process 1, :f :read}} {{:type :ok, :process 1, :f :read, :value {sum}}}");
///     BoundedCounter.check(&History::read(text.as_bytes()).unwrap(), &CheckContext::default()).valid
/// };
/// assert_eq!(["2", "3", "5", "6"].map(judge), [Valid::False, Valid::True, Valid::True, Valid::False]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BoundedCounter;

impl Checker for BoundedCounter {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(BoundedCounterStream { context, operations: CounterOperations::default() })
    }
}

/// A history that is checked entry by entry.
struct BoundedCounterStream<'a> {
    context: &'a CheckContext,
    operations: CounterOperations,
}

impl Stream for BoundedCounterStream<'_> {
    fn push(&mut self, op: &Op) {
        self.operations.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        let BoundedCounterStream { context, mut operations } = *self;
        if operations.reads.iter().any(|read| read.is_final) {
            return verdict(Counter::default(), context, operations);
        }
        operations.finish();
        let doubts = doubts(&operations);
        // The effect of a malformed addition on the sum is unknown, so no read is known to be wrong.
        let errors = if operations.malformed_additions > 0 { Vec::new() } else { errors(&operations) };
        let findings: Vec<Finding> =
            errors.first().map(|error| finding(&operations, context, error)).into_iter().collect();
        let (valid, reason) = match (findings.is_empty(), doubts.into_iter().next()) {
            (false, _) => (Valid::False, None),
            (true, Some(doubt)) => (Valid::Unknown, Some(doubt)),
            (true, None) => (Valid::True, None),
        };
        let mut verdict = Verdict { valid, reason, findings, details: details(&operations, &errors) };
        verdict.add_mismatch(operations.mismatch());
        verdict
    }
}

fn doubts(operations: &CounterOperations) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(number) = &operations.too_large {
        doubts.push(format!("the addition of {} is too large to be summed: the limit is 2^90", brief(number)));
    }
    if operations.malformed_additions > 0 {
        doubts.push(format!("{} not of an integer", counted(operations.malformed_additions, "addition")));
    }
    if operations.malformed_reads > 0 {
        doubts.push(format!("{} did not return an integer", counted(operations.malformed_reads, "read")));
    }
    if operations.reads.is_empty() {
        doubts.push("no read returned, so nothing was tested".into());
    }
    doubts
}

/// The prefix sums of additions in the order of some moment of each.
struct PrefixSums(Vec<(u32, i128)>);

impl PrefixSums {
    fn new(mut additions: Vec<(u32, i128)>) -> PrefixSums {
        additions.sort_unstable();
        let mut sum = 0;
        for (_, amount) in &mut additions {
            sum += *amount;
            *amount = sum;
        }
        PrefixSums(additions)
    }

    /// The sum of the additions whose moment is before a position.
    fn before(&self, position: u32) -> i128 {
        let count = self.0.partition_point(|(moment, _)| *moment < position);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

/// The reads that are out of bounds, in the order of their ends.
fn errors(operations: &CounterOperations) -> Vec<Error> {
    let of = |moment: fn(&CounterAddition) -> u32, is_ok: bool, part: fn(i128) -> i128| {
        let chosen = operations.additions.iter().filter(|addition| addition.is_ok || !is_ok);
        PrefixSums::new(chosen.map(|addition| (moment(addition), part(addition.delta))).collect())
    };
    let signs: [fn(i128) -> i128; 2] = [|delta| delta.min(0), |delta| delta.max(0)];
    // Positions plus one: 0 is before the history, where operations without an invocation may have begun.
    let begun = |addition: &CounterAddition| if addition.may_begin_before(0) { 0 } else { addition.begun() + 1 };
    let [begun_low, begun_high] = signs.map(|part| of(begun, false, part));
    let [ended_low, ended_high] = signs.map(|part| of(CounterAddition::completed, true, part));
    let bounds = |read: &CounterRead| {
        let certain = ended_low.before(read.begun()) + ended_high.before(read.begun());
        let [low, high] = [(&begun_low, &ended_low), (&begun_high, &ended_high)]
            .map(|(begun, ended)| begun.before(read.completed() + 1) - ended.before(read.begun()));
        (certain + low, certain + high)
    };
    let error = |read: &CounterRead| {
        let bounds = bounds(read);
        (!(bounds.0..=bounds.1).contains(&read.sum)).then_some(Error { read: *read, bounds })
    };
    operations.reads.iter().filter_map(error).collect()
}

fn finding(operations: &CounterOperations, context: &CheckContext, error: &Error) -> Finding {
    let Error { read, bounds } = error;
    let Stamp { process, time, .. } = operations.stamp(read.completed());
    let (who, time, returned) = (who(process, context), seconds(time), brief(&operations.returned(read)));
    let is_less = read.sum < bounds.0;
    // The read is wrong because of additions with one sign.
    let matters = |addition: &&CounterAddition| {
        let is_certain = addition.is_ok && addition.completed() < read.begun();
        let is_possible = addition.may_begin_before(read.completed());
        if is_less == (addition.delta > 0) { is_certain } else { is_possible }
    };
    let additions: Vec<&CounterAddition> = operations.additions.iter().filter(matters).collect();
    let mut evidence = Vec::new();
    if additions.len() <= super::MOST_SHOWN {
        evidence.extend(additions.iter().map(|addition| {
            let acknowledged = addition.is_ok && addition.completed() < read.begun();
            let note = if acknowledged { "acknowledged before the read began" } else { "may have happened" };
            Evidence::new(addition.pair(), format!("add {}", addition.delta), note)
        }));
    }
    let note = format!("possible: {}", range(*bounds));
    evidence.push(Evidence::new(read.pair(), format!("read → {returned}"), note).culprit());
    let (limit, how) = if is_less { ("at least", "less than") } else { ("at most", "more than") };
    let bound = if is_less { bounds.0 } else { bounds.1 };
    Finding {
        anomaly: "wrong-sum".into(),
        proscribed: true,
        headline: format!("wrong sum ({returned} instead of {})", range(*bounds)),
        story: format!("{who} answered a read at {time} with {returned}; the additions give {limit} {bound}."),
        shape: format!("a read returned {how} the additions can give"),
        evidence,
        picture: None,
    }
}

fn details(operations: &CounterOperations, errors: &[Error]) -> Map<String, Value> {
    let error = |error: &Error| {
        let Stamp { index, process, .. } = operations.stamp(error.read.completed());
        let (low, high) = error.bounds;
        json!({"index": index, "process": process.client(), "value": operations.returned(&error.read), "bounds": [low, high]})
    };
    let errors: Value = errors.iter().take(1000).map(error).collect();
    Map::from_iter([("read_count".to_owned(), json!(operations.reads.len())), ("errors".to_owned(), errors)])
}
