//! Collects the anomalies of a history.

use std::collections::BTreeMap;

use crate::json::Value;
use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::model::Model;
use crate::{Evidence, Picture};

/// The number of examples of each anomaly that are kept. All others are only counted.
const EXAMPLES: usize = 8;

/// One occurrence of an anomaly, explained.
#[derive(Default)]
pub(super) struct AnomalyExample {
    pub(super) story: String,
    pub(super) shape: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) picture: Option<Picture>,
    /// The example as `results.json` shows it.
    pub(super) json: Value,
}

/// The anomalies of a history.
#[derive(Default)]
pub(super) struct FoundAnomalies {
    examples: BTreeMap<Anomaly, Vec<AnomalyExample>>,
    counts: BTreeMap<Anomaly, usize>,
    /// Anomalies that do not depend on whether transactions of unknown outcome happened.
    certain: AnomalySet,
}

impl FoundAnomalies {
    /// Counts an anomaly, and keeps it as an example if there are few of them.
    pub(super) fn add(&mut self, anomaly: Anomaly, example: impl FnOnce() -> AnomalyExample) {
        self.certain = self.certain.union([anomaly].into_iter().collect());
        self.add_inferred(anomaly, example);
    }

    /// Like [`FoundAnomalies::add`], for an anomaly that involves a transaction of unknown outcome. That transaction
    /// happened because another one read what it wrote. If it did not happen, that read was an aborted read instead.
    pub(super) fn add_inferred(&mut self, anomaly: Anomaly, example: impl FnOnce() -> AnomalyExample) {
        let count = self.counts.entry(anomaly).or_default();
        *count += 1;
        if *count <= EXAMPLES {
            self.examples.entry(anomaly).or_default().push(example());
        }
    }

    /// The set of anomalies.
    pub(super) fn anomalies(&self) -> AnomalySet {
        self.counts.keys().copied().collect()
    }

    /// The number of occurrences by anomaly.
    pub(super) fn counts(&self) -> &BTreeMap<Anomaly, usize> {
        &self.counts
    }

    /// The examples by anomaly.
    pub(super) fn examples(&self) -> &BTreeMap<Anomaly, Vec<AnomalyExample>> {
        &self.examples
    }

    /// The examples by anomaly.
    pub(super) fn into_examples(self) -> BTreeMap<Anomaly, Vec<AnomalyExample>> {
        self.examples
    }

    /// Whether no history that satisfies the model has these anomalies.
    pub(super) fn rules_out(&self, model: Model) -> bool {
        let proscribed = model.proscribed();
        let counting = if proscribed.contains(Anomaly::G1A) { self.anomalies() } else { self.certain };
        !proscribed.is_disjoint(counting)
    }
}
