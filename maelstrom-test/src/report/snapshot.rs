//! The part of the report that is the same in every run of a scenario, for regression tests.
//!
//! It consists of the scenario, the verdicts, the kinds of anomalies, and the shape of the minimal example. It has no counts,
//! times, paths, process ids or values. So it does not depend on the clock or the machine, and depends on the seed only if
//! the verdict does.

use super::cause::Cause;
use super::{RunView, text};
use crate::checker::{Finding, Valid};

/// The parts whose verdict is not always valid.
const CHECKED_PARTS: [&str; 4] = ["exceptions", "stats", "availability", "workload"];

/// Renders the text to compare, with lines of the form `key  value`.
///
/// If the test case expects an anomaly by name, only this anomaly is listed, because others may depend on timing. Otherwise
/// all anomalies are listed.
pub fn stable(view: &RunView<'_>) -> String {
    let mut lines = vec![line("scenario", &scenario(view)), line("verdict", view.outcome())];
    for part in view.parts.iter().filter(|part| CHECKED_PARTS.contains(&part.name)) {
        lines.push(line(part.name, word(part.verdict.valid)));
    }
    if let Some(breakdown) = view.breakdown {
        lines.push(line("error", &breakdown.headline));
    }
    let findings = view.violations();
    let is_listed = |finding: &&&Finding| view.expected_anomaly.is_none() || view.is_expected(finding);
    let shown: Vec<&&Finding> = findings.iter().filter(is_listed).collect();
    let mut kinds: Vec<&str> = shown.iter().map(|finding| finding.anomaly.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if !kinds.is_empty() {
        lines.push(line("anomaly", &kinds.join(", ")));
    }
    if let Some(first) = shown.first().filter(|finding| !finding.shape.is_empty()) {
        lines.extend(first.shape.lines().enumerate().map(|(at, text)| line(if at == 0 { "shape" } else { "" }, text)));
    }
    lines.concat()
}

/// Renders the stable text, followed by the full report with statistics. Repeatable in virtual time only.
pub fn full(view: &RunView<'_>) -> String {
    // Wall-clock time and paths differ between machines even in virtual time.
    let cause = view.cause.map(Cause::without_wall_clock);
    let elapsed = std::time::Duration::ZERO;
    let view = RunView { directory: None, again: None, elapsed, cause: cause.as_ref(), ..view.clone() };
    format!("{}\n{}", stable(&view), text::render(&view, text::Style { full: true, ..text::Style::PLAIN }))
}

fn scenario(view: &RunView<'_>) -> String {
    let words = std::iter::once(view.workload).chain(view.scenario.iter().map(String::as_str));
    words.collect::<Vec<_>>().join(", ")
}

fn word(valid: Valid) -> &'static str {
    match valid {
        Valid::True => "valid",
        Valid::Unknown => "unknown",
        Valid::False => "invalid",
    }
}

fn line(key: &str, value: &str) -> String {
    format!("{key:<12}  {value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{cause, sample};

    #[test]
    fn the_text_does_not_depend_on_name_seed_or_duration() {
        let sample = sample::stale_read();
        let text = stable(&sample.view());
        assert_eq!(
            text,
            "scenario      lin-kv, 5 nodes, partition\n\
             verdict       invalid\n\
             exceptions    valid\n\
             stats         valid\n\
             workload      invalid\n\
             anomaly       nonlinearizable\n\
             shape         a read returned a value that had been overwritten\n"
        );
        let mut other = sample::stale_read();
        other.seed = 99;
        other.name = "elsewhere".into();
        other.duration *= 2;
        assert_eq!(stable(&other.view()), text);
    }

    #[test]
    fn an_expected_anomaly_is_listed_alone() {
        let mut sample = sample::stale_read();
        let other = Finding { anomaly: "malformed".into(), proscribed: true, ..Finding::default() };
        sample.parts[0].verdict.findings.push(other);
        assert!(stable(&sample.view()).contains("malformed, nonlinearizable"));
        sample.expected_anomaly = Some("nonlinearizable");
        assert!(!stable(&sample.view()).contains("malformed"));
    }

    #[test]
    fn the_full_text_has_no_paths_and_no_wall_clock() {
        let mut sample = sample::stale_read();
        sample.cause = Some(cause::sample::stale_leader());
        let text = full(&sample.view());
        sample.elapsed *= 3;
        sample.cause.as_mut().unwrap().repeats_in *= 3;
        sample.directory = "/elsewhere".into();
        assert_eq!(full(&sample.view()), text);
        assert!(
            text.contains("write 3 ← 2") && text.contains("request_vote") && !text.contains("report.html"),
            "{text}"
        );
    }
}
