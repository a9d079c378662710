//! What a system promised.

use std::str::FromStr;

use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::model::Model;
use crate::txn::unknown_name::UnknownName;

/// What a system promised: consistency models that it satisfies, anomalies that it does not have, or both.
///
/// ```
/// use maelstrom_checker::txn::Promise;
/// let promise: Promise = "snapshot-isolation, repeatable-read".parse()?;
/// assert_eq!(promise, Promise::new(&["snapshot-isolation", "repeatable-read"], &[] as &[&str])?);
/// let error = "snapshot-insulation".parse::<Promise>().unwrap_err();
/// assert!(error.to_string().contains("did you mean `snapshot-isolation`"));
/// # Ok::<(), maelstrom_checker::txn::UnknownName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    models: Vec<(String, Model)>,
    proscribed: AnomalySet,
    /// Whether values without a writer break the promise.
    unexpected: bool,
}

/// The order of transactions that counts as a dependency, besides what they read and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderInUse {
    /// None.
    None,
    /// The order in which each process performed its transactions.
    Process,
    /// Real time: a transaction that was complete comes before one that began later.
    Realtime,
}

impl Default for Promise {
    /// `strict-serializable`.
    fn default() -> Promise {
        Promise::new(&["strict-serializable"], &[] as &[&str]).expect("known names")
    }
}

impl Promise {
    /// A promise of models and of the absence of anomalies, and of all anomalies that imply these. With neither, it is
    /// [`Promise::default`]. Two names of a model count as one.
    ///
    /// # Errors
    /// If a name is unknown. The error suggests similar names.
    pub fn new<M: AsRef<str>, A: AsRef<str>>(models: &[M], anomalies: &[A]) -> Result<Promise, UnknownName> {
        if models.is_empty() && anomalies.is_empty() {
            return Ok(Promise::default());
        }
        let mut known: Vec<(String, Model)> = Vec::new();
        let mut proscribed = AnomalySet::default();
        for name in models.iter().map(AsRef::as_ref) {
            let model = Model::named(name)?;
            proscribed = proscribed.union(model.proscribed());
            if known.iter().all(|(_, other)| *other != model) {
                known.push((name.into(), model));
            }
        }
        for name in anomalies {
            let wanted: AnomalySet = [Anomaly::named(name.as_ref())?].into_iter().collect();
            proscribed = proscribed.union(wanted.implying());
        }
        // A value without a writer was not committed, so read-committed proscribes it. Weaker models allow any read. Models
        // that are neither weaker nor stronger do not mention it, but no database should behave like that.
        let allows_anything =
            |(_, model): &(String, Model)| model.implies(weakest()) && !model.proscribed().contains(Anomaly::G1A);
        let unexpected = known.is_empty() || !known.iter().all(allows_anything);
        Ok(Promise { models: known, proscribed, unexpected })
    }

    /// The same promise, except that values without a writer do not break it. Jepsen does not search for such values.
    pub fn lenient(self) -> Promise {
        let unexpected: AnomalySet = [Anomaly::UNEXPECTED].into_iter().collect();
        let proscribed = self.proscribed.iter().filter(|anomaly| !unexpected.contains(*anomaly)).collect();
        Promise { proscribed, unexpected: false, ..self }
    }

    /// The names of the models, as they were given.
    pub(super) fn model_names(&self) -> Vec<&str> {
        self.models.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The anomalies that break the promise. `unexpected` may break it without being a member, see
    /// [`Promise::proscribes`].
    pub(super) fn proscribed(&self) -> AnomalySet {
        self.proscribed
    }

    /// Whether an anomaly breaks the promise.
    pub(crate) fn proscribes(&self, anomaly: Anomaly) -> bool {
        self.proscribed.contains(anomaly) || anomaly == Anomaly::UNEXPECTED && self.unexpected
    }

    /// Whether a read proves that the writer happened. If the writer did not happen, the read was an aborted read. Only if
    /// that breaks the promise as well can the checker assume that the writer happened.
    pub(super) fn makes_reads_proofs(&self) -> bool {
        self.proscribes(Anomaly::G1A)
    }

    /// The weakest of the models that the anomaly breaks, by the name that was given.
    pub(super) fn broken_model(&self, anomaly: Anomaly) -> Option<&str> {
        let broken: Vec<&(String, Model)> =
            self.models.iter().filter(|(_, model)| model.proscribed().contains(anomaly)).collect();
        let weakest = broken.iter().find(|(_, model)| !broken.iter().any(|(_, o)| o != model && model.implies(*o)));
        weakest.map(|(name, _)| name.as_str())
    }

    /// The order that some proscribed anomaly needs. The real-time order contains the process order.
    pub(super) fn order_in_use(&self) -> OrderInUse {
        let named = |suffix: &str| self.proscribed.iter().any(|anomaly| anomaly.name().ends_with(suffix));
        match (named("-realtime"), named("-process")) {
            (true, _) => OrderInUse::Realtime,
            (false, true) => OrderInUse::Process,
            (false, false) => OrderInUse::None,
        }
    }
}

/// The model read-uncommitted.
fn weakest() -> Model {
    Model::named("PL-1").expect("a known name")
}

impl FromStr for Promise {
    type Err = UnknownName;

    /// Parses a list of models, separated by commas, with or without spaces.
    fn from_str(list: &str) -> Result<Promise, UnknownName> {
        let models: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        Promise::new(&models, &[] as &[&str])
    }
}
