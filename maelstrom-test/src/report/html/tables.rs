//! The page's tables of numbers.

use crate::json::Value;

use crate::checker::{Perf, PerfRow, Valid};
use crate::protocol::shorten;
use crate::report::escape::visible;
use crate::report::{FaultSpan, RunView, units};

/// Count, rate and quantiles by function and outcome.
pub(super) fn latencies(view: &RunView<'_>) -> Vec<[String; 8]> {
    let row = |row: PerfRow| {
        let at = |q: f64| units::duration(row.latencies.quantile(q));
        let count = units::count(row.latencies.count() as u64);
        let rate = format!("{:.2}", row.rate);
        [row.f.clone(), row.outcome.as_str().into(), count, rate, at(0.5), at(0.95), at(0.99), at(1.0)]
    };
    Perf::rows(view.history).into_iter().map(row).collect()
}

/// Message counts by class, and what became of the missing ones.
pub(super) fn net(view: &RunView<'_>) -> Vec<[String; 4]> {
    let (net, invoked) = (view.net, view.invoked());
    let per_op = |count: u64| if invoked == 0 { "–".into() } else { format!("{:.2}", count as f64 / invoked as f64) };
    let classes = [
        ("between nodes and services (net.servers)", net.servers),
        ("from or to clients (net.clients)", net.clients),
        ("all (net.all)", net.all),
    ];
    let mut rows: Vec<[String; 4]> = classes
        .map(|(name, counts)| {
            [name.into(), units::count(counts.send_count), units::count(counts.recv_count), per_op(counts.msg_count)]
        })
        .into();
    let missing = [
        ("lost by the network", net.lost),
        ("duplicated by the network", net.duplicated),
        ("cut by partitions", net.cut),
        ("for nodes that were down", net.dropped),
    ];
    for (name, count) in missing.into_iter().filter(|(_, count)| *count > 0) {
        rows.push([name.into(), units::count(count), String::new(), String::new()]);
    }
    rows
}

/// Each part's verdict.
pub(super) fn parts(view: &RunView<'_>) -> Vec<(&'static str, String)> {
    let word = |valid: Valid| match valid {
        Valid::True => "✓ valid",
        Valid::Unknown => "? unknown",
        Valid::False => "✗ invalid",
    };
    view.parts.iter().map(|part| (part.name, word(part.verdict.valid).to_owned())).collect()
}

/// What each fault did.
pub(super) fn faults(view: &RunView<'_>) -> Vec<(String, u64, String)> {
    let told = |counts: &crate::json::Map<String, Value>| {
        let each = counts.iter().map(|(unit, count)| units::effect(unit, count));
        each.collect::<Vec<_>>().join(", ")
    };
    view.faults
        .iter()
        .map(|tally| {
            let effect = if tally.had_effect { told(&tally.counts) } else { "none".into() };
            (tally.kind.clone(), tally.actions, effect)
        })
        .collect()
}

/// The most intervals of faults that are listed.
pub(super) const FAULT_SPANS: usize = 500;

/// Every interval of a fault: when, which kind, and what it did to whom.
pub(super) fn fault_spans(spans: &[FaultSpan]) -> Vec<(String, String, String)> {
    let row =
        |span: &FaultSpan| (units::interval(span.start, span.end), visible(&span.kind, 40), visible(&span.what, 300));
    spans.iter().take(FAULT_SPANS).map(row).collect()
}

/// Each part's details as JSON, shortened; all of it is in `results.json`.
pub(super) fn details(view: &RunView<'_>) -> Vec<(&'static str, String)> {
    let json = |details| serde_json::to_string_pretty(&Value::Object(details)).expect("details are JSON");
    let shown = |part: &crate::checker::Part| {
        let details = part.verdict.details.clone();
        (!details.is_empty()).then(|| (part.name, shorten(&json(details), 20_000)))
    };
    view.parts.iter().filter(|part| part.name != "perf" && part.name != "net").filter_map(shown).collect()
}
