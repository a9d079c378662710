//! `results.json`: the verdicts, for programs. `results.edn` has the same content with Jepsen's names.
//!
//! ```json
//! {
//!   "version": 1,
//!   "valid": false,
//!   "outcome": "invalid",
//!   "headline": "not linearizable (key 3)",
//!   "expectation": {"expect": "valid", "met": false},
//!   "scenario": {"name": "raft_is_linearizable", "workload": "lin-kv", "seed": 7, "time": "virtual"},
//!   "anomalies": [{"anomaly": "nonlinearizable", "part": "workload", "operations": [410, 417], …}],
//!   "cause": {"anomaly": "nonlinearizable", "operations": {"total": 5411, "kept": 3}, "rows": [{"time": 2014000000, …}], …},
//!   "notes": [],
//!   "perf": {"valid": true, "latency": {"read": {"ok": {"0.5": 1.2, …}}}, "rate": …},
//!   "timeline": {"valid": true},
//!   "exceptions": {"valid": true, …}, "stats": …, "availability": …,
//!   "net": {"valid": true, "all": {"send_count": 4211, …, "msgs_per_op": 14.1}, …},
//!   "workload": {"valid": false, …},
//!   "faults": {"valid": true, "partition": {"actions": 5, "had_effect": true, "messages_cut": 212}}
//! }
//! ```
//!
//! - `expectation` is present if a test or `--expect` sets the expected end of the run.
//! - `cause` is present if a search by repetition has reduced the failing run to what the failure needs (`proved` is true), or
//!   if events could be chosen from the messages of the run (`proved` is false). `rows` are the
//!   events that are left, of [`RowKind`](super::cause::RowKind): `type` is `invoke`, `ok`, `fail`, `info`, `message`,
//!   `fault-start`, `fault-end` or `log`, and `column` names the process, node or service. `matters` is `alone` if the
//!   failure needs the event, `one-of` if any of `one_of` events is enough, `some-of` if
//!   some of `some_of` events are needed, and `untested` if the event was only chosen.
//! - `valid` is `true`, `false` or `"unknown"`.
//! - Latencies (in `perf`, and `stable_latencies` and `lost_latencies` of sets) are in milliseconds, as in Jepsen's
//!   Maelstrom. Points in time are in nanoseconds since the beginning of the run, as in the history.
//! - `net` counts messages as Jepsen's Maelstrom does: `all`, `clients` (from or to a client) and `servers` (all others).
//! - Top-level keys are in this order. The keys of a part are sorted, after `valid`.
//! - `version` changes when the meaning of a key changes.

use crate::history::{push_name, push_value};
use crate::json::{Map, Value, json};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Expectation, RunView};
use crate::checker::{Checker, Finding, Perf, Valid};
use crate::network::Counts;

/// The version of the format of `results.json`.
pub const VERSION: u64 = 1;

/// The parts of the results, in their order.
const PARTS: [&str; 8] = ["perf", "timeline", "exceptions", "stats", "availability", "net", "workload", "faults"];

/// Renders `results.json`, ending with a line feed.
pub fn render(view: &RunView<'_>) -> String {
    let text = serde_json::to_string_pretty(&Results(view)).expect("results have string keys only");
    text + "\n"
}

/// Renders `results.edn`.
pub(super) fn render_edn(view: &RunView<'_>) -> String {
    let results: Value = crate::json::from_str(&render(view)).expect("rendered results are JSON");
    let mut out = Vec::new();
    push_edn(None, &results, 0, &mut out);
    out.push(b'\n');
    String::from_utf8(out).expect("EDN is UTF-8")
}

/// Appends a value as EDN, with one key per line. Keys become keywords (`msgs_per_op` is `:msgs-per-op`, `valid` is
/// `:valid?`) or numbers.
fn push_edn(key: Option<&str>, value: &Value, depth: usize, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            out.push(b'{');
            for (number, (key, value)) in map.iter().enumerate() {
                if number > 0 {
                    out.extend_from_slice(b",\n");
                    out.extend(std::iter::repeat_n(b' ', depth + 1));
                }
                match key.as_str() {
                    "valid" => out.extend_from_slice(b":valid?"),
                    // Quantiles.
                    key if key.starts_with(|c: char| c.is_ascii_digit()) && key.parse::<f64>().is_ok() => {
                        out.extend_from_slice(key.as_bytes())
                    }
                    key => push_name(&key.replace('_', "-"), out),
                }
                out.push(b' ');
                push_edn(Some(key), value, depth + 1, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(b' ');
                }
                push_edn(None, item, depth + 1, out);
            }
            out.push(b']');
        }
        Value::String(text) if key == Some("valid") => push_name(text, out),
        other => push_value(other, out),
    }
}

struct Results<'a>(&'a RunView<'a>);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry(
            "valid",
            &if view.breakdown.is_some() { json!("unknown") } else { view.valid().to_json() },
        )?;
        map.serialize_entry("outcome", view.outcome())?;
        map.serialize_entry("headline", &view.headline())?;
        if let Some(Expectation { expect, failure, .. }) = view.expectation {
            map.serialize_entry("expectation", &json!({"expect": expect, "met": failure.is_none()}))?;
        }
        map.serialize_entry(
            "scenario",
            &Scenario { name: view.name, workload: view.workload, seed: view.seed, time: view.time_mode.name() },
        )?;
        map.serialize_entry("anomalies", &anomalies(view))?;
        if let Some(cause) = view.cause {
            map.serialize_entry("cause", &cause.to_json())?;
        }
        map.serialize_entry("notes", view.notes)?;
        if let Some(breakdown) = view.breakdown {
            map.serialize_entry("error", &breakdown.story)?;
        }
        for name in PARTS {
            if let Some((valid, details)) = part(view, name) {
                map.serialize_entry(name, &PartJson { valid, details: &details })?;
            }
        }
        map.end()
    }
}

/// The key `scenario`.
#[derive(serde::Serialize)]
struct Scenario<'a> {
    name: &'a str,
    workload: &'a str,
    /// `None` for a history that was recorded elsewhere.
    seed: Option<u64>,
    time: &'a str,
}

/// A part: `valid`, then the details.
struct PartJson<'a> {
    valid: Valid,
    details: &'a Map<String, Value>,
}

impl Serialize for PartJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("valid", &self.valid.to_json())?;
        for (key, value) in self.details.iter().filter(|(key, _)| *key != "valid") {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Returns the verdict and the details of a part. Parts without a checker consist of measurements.
fn part(view: &RunView<'_>, name: &str) -> Option<(Valid, Map<String, Value>)> {
    let verdict = view.part(name);
    let valid = verdict.map_or(Valid::True, |verdict| verdict.valid);
    // Checkers see the history only, so they cannot count messages and faults.
    match name {
        "net" => return Some((valid, net(view))),
        "faults" => {
            return Some((valid, view.faults.iter().map(|fault| (fault.kind.clone(), fault_json(fault))).collect()));
        }
        _ => {}
    }
    if let Some(verdict) = verdict {
        let mut details = verdict.details.clone();
        if let Some(reason) = &verdict.reason {
            details.entry("reason".into()).or_insert_with(|| reason.as_str().into());
        }
        return Some((verdict.valid, details));
    }
    let details = match name {
        // The kept entries of a long history are not a fair sample of its latencies.
        "perf" if view.counts.is_some() => return None,
        "perf" => Perf.check(view.history, view.context).details,
        "timeline" => Map::new(),
        _ => return None,
    };
    Some((Valid::True, details))
}

fn fault_json(fault: &super::FaultSummary) -> Value {
    let mut map = fault.counts.clone();
    map.insert("actions".into(), fault.actions.into());
    map.insert("had_effect".into(), fault.had_effect.into());
    Value::Object(map)
}

/// Returns every finding, with the indices of the operations that prove it.
fn anomalies(view: &RunView<'_>) -> Vec<Value> {
    let of = |(part, finding): (&str, &Finding)| {
        let positions = finding.evidence.iter().flat_map(|line| [line.invocation, line.completion]).flatten();
        let operations: Vec<u64> = positions.filter_map(|at| view.history.ops.get(at)).map(|op| op.index).collect();
        json!({
            "anomaly": finding.anomaly,
            "part": part,
            "proscribed": finding.proscribed,
            "headline": finding.headline,
            "story": finding.story,
            "operations": operations,
        })
    };
    let all = view.parts.iter().flat_map(|part| part.verdict.findings.iter().map(move |finding| (part.name, finding)));
    all.map(of).collect()
}

/// Returns the message counts.
fn net(view: &RunView<'_>) -> Map<String, Value> {
    let (net, invoked) = (view.net, view.invoked());
    let counts = |counts: Counts, per_op: bool| {
        let mut map = Map::new();
        map.insert("send_count".into(), counts.send_count.into());
        map.insert("recv_count".into(), counts.recv_count.into());
        map.insert("msg_count".into(), counts.msg_count.into());
        if per_op && invoked > 0 {
            map.insert("msgs_per_op".into(), rounded(counts.msg_count as f64 / invoked as f64));
        }
        Value::Object(map)
    };
    let mut map = Map::new();
    map.insert("all".into(), counts(net.all, true));
    map.insert("clients".into(), counts(net.clients, false));
    map.insert("servers".into(), counts(net.servers, true));
    for (key, count) in [("lost", net.lost), ("duplicated", net.duplicated), ("cut", net.cut), ("dropped", net.dropped)]
    {
        map.insert(key.into(), count.into());
    }
    map
}

/// Rounds a rate to three decimals. A rate that is not finite becomes `null`.
fn rounded(value: f64) -> Value {
    if value.is_finite() { json!((value * 1000.0).round() / 1000.0) } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn keys_are_in_the_documented_order() {
        let sample = sample::stale_read();
        let text = render(&sample.view());
        let parsed: Value = crate::json::from_str(&text).unwrap();
        assert_eq!(parsed["valid"], json!(false));
        assert_eq!(parsed["workload"]["valid"], json!(false));
        assert_eq!(parsed["perf"]["valid"], json!(true));
        assert_eq!(parsed["faults"]["partition"]["messages_cut"], json!(212));
        assert_eq!(parsed["anomalies"][0]["operations"], json!([0, 1, 2, 3]));
        let at = |key: &str| text.find(&format!("\n  \"{key}\"")).unwrap_or_else(|| panic!("no {key} in {text}"));
        let keys = [
            "version",
            "valid",
            "outcome",
            "scenario",
            "perf",
            "timeline",
            "exceptions",
            "stats",
            "net",
            "workload",
            "faults",
        ];
        assert!(keys.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{text}");
    }

    #[test]
    fn message_counts_are_kept_if_a_checker_adds_the_part_net() {
        let mut sample = sample::stale_read();
        sample.parts.push(crate::report::Part { name: "net", verdict: crate::checker::Verdict::default() });
        let parsed: Value = crate::json::from_str(&render(&sample.view())).unwrap();
        assert_eq!(parsed["net"]["valid"], json!(true));
        assert_eq!(parsed["net"]["all"]["msg_count"], json!(40));
        assert_eq!(parsed["net"]["all"]["msgs_per_op"], json!(20.0));
    }

    #[test]
    fn edn_has_the_names_of_jepsen() {
        let sample = sample::crash();
        let edn = render_edn(&sample.view());
        assert!(edn.contains("\n :valid? :unknown,\n :version 1"), "{edn}");
        assert!(edn.contains("\n :net {:all {:msg-count 200,\n"), "{edn}");
        assert!(edn.contains(":msgs-per-op "), "{edn}");
    }

    #[test]
    fn an_aborted_run_is_not_valid() {
        let parsed: Value = crate::json::from_str(&render(&sample::crash().view())).unwrap();
        assert_eq!((&parsed["valid"], &parsed["outcome"]), (&json!("unknown"), &json!("error")));
        assert!(parsed["error"].as_str().unwrap().contains("status"), "{parsed}");
    }

    #[test]
    fn rates_that_are_not_finite_become_null() {
        assert_eq!(rounded(f64::NAN), Value::Null);
        assert_eq!(rounded(1.23456), json!(1.235));
    }
}
