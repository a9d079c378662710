//! The results of a run: several verdicts, of which the worst counts.

use super::{Finding, Valid, Verdict};
use crate::json::{Map, Value};

/// A part of the results of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The key in `results.json`: `workload`, `stats`, …
    pub name: &'static str,
    /// The verdict of its checker.
    pub verdict: Verdict,
}

/// The results of a run by name, in the order of reports: `exceptions`, `stats`, `availability`, `workload`, `perf`,
/// `timeline`, `net`.
///
/// ```
/// use maelstrom_checker::{Results, Valid, Verdict};
/// let mut results = Results::default();
/// results.add("stats", Verdict::default());
/// results.add("workload", Verdict { valid: Valid::Unknown, ..Verdict::default() });
/// assert_eq!(results.valid(), Valid::Unknown);
/// assert_eq!(results.to_json()["stats"]["valid"], true);
/// assert_eq!(results.to_json()["valid"], "unknown");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    parts: Vec<Part>,
}

impl Results {
    /// Adds a part. Replaces a part with the same name.
    pub fn add(&mut self, name: &'static str, verdict: Verdict) {
        match self.parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.verdict = verdict,
            None => self.parts.push(Part { name, verdict }),
        }
    }

    /// The worst verdict of all parts.
    pub fn valid(&self) -> Valid {
        self.parts.iter().map(|part| part.verdict.valid).max().unwrap_or_default()
    }

    /// The verdict of a part.
    pub fn get(&self, name: &str) -> Option<&Verdict> {
        self.parts.iter().find(|part| part.name == name).map(|part| &part.verdict)
    }

    /// All parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The findings of all parts. Those that make the run invalid come first, and of these the findings of the workload,
    /// because they say what the system did wrong. The first one is for the headline of a report.
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<(bool, bool, &Finding)> = Vec::new();
        for Part { name, verdict } in &self.parts {
            findings.extend(verdict.findings.iter().map(|finding| (!finding.proscribed, *name != "workload", finding)));
        }
        findings.sort_by_key(|(allowed, other, _)| (*allowed, *other));
        findings.into_iter().map(|(_, _, finding)| finding).collect()
    }

    /// The distinct names of the anomalies that make the run invalid, in the order of [`Results::findings`].
    pub fn anomalies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for finding in self.findings().into_iter().filter(|finding| finding.proscribed) {
            if !names.contains(&finding.anomaly.as_str()) {
                names.push(&finding.anomaly);
            }
        }
        names
    }

    /// The results as in `results.json`: `valid`, and each part under its name.
    pub fn to_json(&self) -> Value {
        let mut results = Map::from_iter([("valid".to_string(), self.valid().to_json())]);
        results.extend(self.parts.iter().map(|part| (part.name.to_string(), part.verdict.to_json())));
        Value::Object(results)
    }
}

impl Verdict {
    /// The verdict as in `results.json`: `valid`, the `reason` if there is one, and the details of the checker.
    pub fn to_json(&self) -> Value {
        let mut part = self.details.clone();
        part.insert("valid".to_string(), self.valid.to_json());
        if let Some(reason) = &self.reason {
            part.insert("reason".to_string(), reason.as_str().into());
        }
        Value::Object(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn verdict(valid: Valid, anomaly: &str, proscribed: bool) -> Verdict {
        let finding = Finding { anomaly: anomaly.into(), proscribed, ..Finding::default() };
        Verdict { valid, findings: vec![finding], ..Verdict::default() }
    }

    #[test]
    fn the_worst_part_decides() {
        let mut results = Results::default();
        assert_eq!(results.valid(), Valid::True);
        results.add("stats", verdict(Valid::Unknown, "a", true));
        assert_eq!(results.valid(), Valid::Unknown);
        results.add("workload", verdict(Valid::False, "b", true));
        assert_eq!(results.valid(), Valid::False);
        results.add("workload", verdict(Valid::True, "b", false));
        assert_eq!(results.valid(), Valid::Unknown);
        assert_eq!(results.parts().len(), 2);
        assert_eq!(results.get("workload").map(|part| part.valid), Some(Valid::True));
        assert_eq!(results.get("net"), None);
    }

    #[test]
    fn findings_of_the_workload_come_first_and_allowed_ones_last() {
        let mut results = Results::default();
        results.add("exceptions", verdict(Valid::True, "malformed", false));
        results.add("stats", verdict(Valid::False, "no-ok", true));
        results.add("workload", verdict(Valid::False, "lost", true));
        let names: Vec<&str> = results.findings().iter().map(|finding| finding.anomaly.as_str()).collect();
        assert_eq!(names, ["lost", "no-ok", "malformed"]);
    }

    #[test]
    fn json_has_reason_and_details() {
        let mut verdict = Verdict { valid: Valid::Unknown, reason: Some("why".into()), ..Verdict::default() };
        verdict.details.insert("count".into(), json!(0));
        assert_eq!(verdict.to_json(), json!({"valid": "unknown", "reason": "why", "count": 0}));
    }
}
