//! What a history is asked to satisfy.

use std::str::FromStr;

use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::model::Model;
use crate::txn::unknown_name::UnknownName;

/// What a system promised: consistency models to satisfy, anomalies not to have, or both.
///
/// ```
/// use maelstrom_checker::txn::Promise;
/// let promise: Promise = "snapshot-isolation, repeatable-read".parse()?;
/// assert_eq!(promise.model_names(), ["snapshot-isolation", "repeatable-read"]);
/// assert!("snapshot-insulation".parse::<Promise>().is_err());
/// # Ok::<(), maelstrom_checker::txn::UnknownName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    models: Vec<(String, Model)>,
    proscribed: AnomalySet,
    /// Whether values that nobody wrote break it.
    unexpected: bool,
}

/// Which order between transactions counts as a dependency besides what they read and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderInUse {
    /// None.
    None,
    /// The order in which each process performed its transactions.
    Process,
    /// Real time: what was complete comes before what began later.
    Realtime,
}

impl Default for Promise {
    /// `strict-serializable`.
    fn default() -> Promise {
        Promise::new(&["strict-serializable"], &[] as &[&str]).expect("known names")
    }
}

impl Promise {
    /// Models to satisfy and anomalies to look for (with them, those that imply them). Models given by two names count
    /// once. With neither, [`Promise::default`].
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
        // Nobody committed such a value, so read-committed rules it out. Weaker models than that allow to read anything;
        // those that are neither weaker nor stronger say nothing of it, and then it is no behaviour of any database.
        let allows_anything =
            |(_, model): &(String, Model)| model.implies(weakest()) && !model.proscribed().contains(Anomaly::G1A);
        let unexpected = known.is_empty() || !known.iter().all(allows_anything);
        Ok(Promise { models: known, proscribed, unexpected })
    }

    /// The same, but values that nobody wrote do not break it: the original does not look for them.
    pub fn lenient(self) -> Promise {
        let unexpected: AnomalySet = [Anomaly::UNEXPECTED].into_iter().collect();
        let proscribed = self.proscribed.iter().filter(|anomaly| !unexpected.contains(*anomaly)).collect();
        Promise { proscribed, unexpected: false, ..self }
    }

    /// The models' names as they were given.
    pub fn model_names(&self) -> Vec<&str> {
        self.models.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Every anomaly that breaks the promise. `unexpected` may do even where it is not a member: see
    /// [`proscribes`](Promise::proscribes).
    pub fn proscribed(&self) -> AnomalySet {
        self.proscribed
    }

    /// Whether the anomaly breaks the promise.
    pub fn proscribes(&self, anomaly: Anomaly) -> bool {
        self.proscribed.contains(anomaly) || anomaly == Anomaly::UNEXPECTED && self.unexpected
    }

    /// Whether a transaction whose end is unknown must have happened if another one read what it wrote. If it did not,
    /// that was an aborted read: a fault as well, but not under every promise. Where it is none, nothing follows.
    pub(super) fn makes_reads_proofs(&self) -> bool {
        self.proscribes(Anomaly::G1A)
    }

    /// The weakest of the given models that the anomaly breaks, as it was named.
    pub fn broken_model(&self, anomaly: Anomaly) -> Option<&str> {
        let broken: Vec<&(String, Model)> =
            self.models.iter().filter(|(_, model)| model.proscribed().contains(anomaly)).collect();
        let weakest = broken.iter().find(|(_, model)| !broken.iter().any(|(_, o)| o != model && model.implies(*o)));
        weakest.map(|(name, _)| name.as_str())
    }

    /// The order that some proscribed anomaly needs. Real time holds each process's order too.
    pub fn order_in_use(&self) -> OrderInUse {
        let named = |suffix: &str| self.proscribed.iter().any(|anomaly| anomaly.name().ends_with(suffix));
        match (named("-realtime"), named("-process")) {
            (true, _) => OrderInUse::Realtime,
            (false, true) => OrderInUse::Process,
            (false, false) => OrderInUse::None,
        }
    }
}

/// Read-uncommitted.
fn weakest() -> Model {
    Model::named("PL-1").expect("a known name")
}

impl FromStr for Promise {
    type Err = UnknownName;

    /// Reads a list of models, separated by commas, with or without blanks.
    fn from_str(list: &str) -> Result<Promise, UnknownName> {
        let models: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        Promise::new(&models, &[] as &[&str])
    }
}
