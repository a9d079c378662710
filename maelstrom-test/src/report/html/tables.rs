//! The tables of the report page.

use crate::json::Value;

use crate::checker::{Perf, PerfRow, Valid};
use crate::protocol::shorten;
use crate::report::escape::visible;
use crate::report::{FaultSpan, RunView, units};

/// Returns count, rate and quantiles of latencies by function and outcome.
pub(super) fn latencies(view: &RunView<'_>) -> Vec<[String; 8]> {
    let row = |row: PerfRow| {
        let at = |q: f64| units::duration(row.latencies.quantile(q));
        let count = units::count(row.latencies.count() as u64);
        let rate = format!("{:.2}", row.rate);
        [row.f.clone(), row.outcome.as_str().into(), count, rate, at(0.5), at(0.95), at(0.99), at(1.0)]
    };
    Perf::rows(view.history).into_iter().map(row).collect()
}

/// Returns message counts by class, and the counts of lost, duplicated and dropped messages.
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
        ("dropped by partitions", net.cut),
        ("dropped because the node was down", net.dropped),
    ];
    for (name, count) in missing.into_iter().filter(|(_, count)| *count > 0) {
        rows.push([name.into(), units::count(count), String::new(), String::new()]);
    }
    rows
}

/// Returns the verdict of each part.
pub(super) fn parts(view: &RunView<'_>) -> Vec<(&'static str, String)> {
    let word = |valid: Valid| match valid {
        // What happened before the end of an aborted run proves nothing.
        Valid::True if view.breakdown.is_some() => "– aborted",
        Valid::True => "✓ valid",
        Valid::Unknown => "? unknown",
        Valid::False => "✗ invalid",
    };
    view.parts.iter().map(|part| (part.name, word(part.verdict.valid).to_owned())).collect()
}

/// Returns the effects of each fault.
pub(super) fn faults(view: &RunView<'_>) -> Vec<(String, u64, String)> {
    let effects = |counts: &crate::json::Map<String, Value>| {
        let each = counts.iter().map(|(unit, count)| units::effect(unit, count));
        each.collect::<Vec<_>>().join(", ")
    };
    view.faults
        .iter()
        .map(|fault| {
            let effects = if fault.had_effect { effects(&fault.counts) } else { "none".into() };
            (fault.kind.clone(), fault.actions, effects)
        })
        .collect()
}

/// The maximum number of intervals of faults that are listed.
pub(super) const FAULT_SPANS: usize = 500;

/// Returns time, kind and targets of each interval in which a fault was active.
pub(super) fn fault_spans(spans: &[FaultSpan]) -> Vec<(String, String, String)> {
    let row =
        |span: &FaultSpan| (units::interval(span.start, span.end), visible(&span.kind, 40), visible(&span.what, 300));
    spans.iter().take(FAULT_SPANS).map(row).collect()
}

/// Returns the details of each part as shortened JSON. `results.json` has them in full.
pub(super) fn details(view: &RunView<'_>) -> Vec<(&'static str, String)> {
    let json = |details| serde_json::to_string_pretty(&Value::Object(details)).expect("details are JSON");
    let shown = |part: &crate::checker::Part| {
        let details = part.verdict.details.clone();
        (!details.is_empty()).then(|| (part.name, shorten(&json(details), 20_000)))
    };
    view.parts.iter().filter(|part| part.name != "perf" && part.name != "net").filter_map(shown).collect()
}
