//! The lattice of consistency models: which model implies which, which anomalies each proscribes, and which models a set
//! of anomalies rules out.
//!
//! Sources: A. Adya, *Weak Consistency* (1999), A. Cerone and others, *A Framework for Transactional Consistency Models
//! with Atomic Visibility* (2015), P. Bailis and others, *Highly Available Transactions* (2013), and the tables of Elle.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use crate::suggest::nearest;
use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::unknown_name::UnknownName;

/// A consistency model. A model with two names is equal under both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Model(u8);

/// The name of a model, the models that it implies directly, the anomalies that it proscribes directly.
type ModelRow = (&'static str, &'static [&'static str], &'static [&'static str]);

const MODELS: [ModelRow; 36] = [
    ("PL-1", &[], &["G0", "duplicate-elements", "cyclic-versions"]),
    ("PL-2", &["PL-1"], &["G1", "unexpected"]),
    ("PL-CS", &["PL-2"], &["G-cursor", "lost-update"]),
    ("PL-2L", &["PL-2"], &["G-monotonic"]),
    ("PL-MSR", &["PL-2"], &["G-MSR"]),
    ("monotonic-atomic-view", &["PL-2"], &[]),
    ("read-atomic", &["monotonic-atomic-view"], &["internal", "G1a", "future-read"]),
    ("update-atomic", &["read-atomic"], &["lost-update"]),
    ("causal-cerone", &["read-atomic"], &["internal", "G1a"]),
    ("prefix", &["causal-cerone"], &["internal", "G1a"]),
    ("parallel-snapshot-isolation", &["causal-cerone", "update-atomic"], &["internal", "G1a"]),
    ("PL-2+", &["PL-CS", "PL-2L"], &["G-single"]),
    ("PL-FCV", &["PL-2+"], &["G-SIb"]),
    ("PL-3U", &["PL-FCV"], &["G-update"]),
    ("PL-2.99", &["PL-CS", "monotonic-atomic-view"], &["G2-item", "lost-update"]),
    (
        "PL-SI",
        &["PL-FCV", "PL-MSR", "monotonic-atomic-view", "parallel-snapshot-isolation", "prefix"],
        &["internal", "G-SI", "G-nonadjacent"],
    ),
    ("PL-3", &["PL-2.99", "PL-3U", "PL-SI", "view-serializable"], &["internal", "G2", "predicate-read-miss"]),
    ("strong-session-PL-1", &["PL-1"], &["G0-process"]),
    ("strong-session-PL-2", &["PL-2", "strong-session-PL-1"], &["G1c-process"]),
    ("strong-PL-1", &["strong-session-PL-1"], &["G0-realtime"]),
    ("strong-PL-2", &["strong-session-PL-2", "strong-PL-1"], &["G1c-realtime"]),
    ("strong-session-snapshot-isolation", &["PL-SI", "strong-session-PL-2"], &["G1-process", "G-nonadjacent-process"]),
    (
        "strong-snapshot-isolation",
        &["strong-session-snapshot-isolation", "strong-PL-2"],
        &["G1-realtime", "G-nonadjacent-realtime"],
    ),
    ("strong-session-serializable", &["PL-3", "strong-session-snapshot-isolation"], &["G1-process", "G2-process"]),
    (
        "PL-SS",
        &[
            "PL-3",
            "PL-SI",
            "linearizable",
            "session-serializable",
            "strong-snapshot-isolation",
            "strong-session-serializable",
        ],
        &["G1c-realtime", "G2-realtime"],
    ),
    ("linearizable", &["sequential"], &[]),
    ("sequential", &["causal"], &[]),
    ("causal", &["writes-follow-reads", "PRAM"], &[]),
    ("PRAM", &["monotonic-reads", "monotonic-writes", "read-your-writes"], &[]),
    ("session-serializable", &["1SR"], &[]),
    ("1SR", &[], &[]),
    ("view-serializable", &[], &[]),
    ("monotonic-reads", &[], &[]),
    ("monotonic-writes", &[], &[]),
    ("read-your-writes", &[], &[]),
    ("writes-follow-reads", &[], &[]),
];

/// Other names of models. Reports show the first one of a model.
const ALIASES: [(&str, &str); 18] = [
    ("consistent-view", "PL-2+"),
    ("cursor-stability", "PL-CS"),
    ("forward-consistent-view", "PL-FCV"),
    ("monotonic-snapshot-read", "PL-MSR"),
    ("monotonic-view", "PL-2L"),
    ("read-uncommitted", "PL-1"),
    ("read-committed", "PL-2"),
    ("repeatable-read", "PL-2.99"),
    ("serializable", "PL-3"),
    ("conflict-serializable", "PL-3"),
    ("snapshot-isolation", "PL-SI"),
    ("strong-serializable", "PL-SS"),
    ("strict-serializable", "PL-SS"),
    ("update-serializable", "PL-3U"),
    ("strong-session-read-uncommitted", "strong-session-PL-1"),
    ("strong-session-read-committed", "strong-session-PL-2"),
    ("strong-read-uncommitted", "strong-PL-1"),
    ("strong-read-committed", "strong-PL-2"),
];

impl Model {
    /// The model with a name, long or short.
    ///
    /// # Errors
    /// If there is no model with this name. The error suggests similar names.
    pub(super) fn named(name: &str) -> Result<Model, UnknownName> {
        let canonical = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical);
        match MODELS.iter().position(|(known, ..)| *known == canonical) {
            Some(at) => Ok(Model(at as u8)),
            None => Err(UnknownName::new("consistency model", name, nearest(name, Model::names()))),
        }
    }

    /// All names that [`Model::named`] accepts.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        MODELS.iter().map(|(name, ..)| *name).chain(ALIASES.iter().map(|(alias, _)| *alias))
    }

    /// All models, in no particular order.
    pub(super) fn all() -> impl Iterator<Item = Model> {
        (0..MODELS.len() as u8).map(Model)
    }

    /// The name in reports: `serializable` rather than `PL-3`.
    pub(super) fn long_name(self) -> &'static str {
        let short = self.row().0;
        ALIASES.iter().find(|(_, canonical)| *canonical == short).map_or(short, |(alias, _)| alias)
    }

    /// Whether every history that satisfies this model satisfies the other. Every model implies itself.
    pub(super) fn implies(self, other: Model) -> bool {
        LATTICE[usize::from(self.0)].implied & (1 << other.0) != 0
    }

    /// All anomalies that a history cannot have if it satisfies this model.
    pub(super) fn proscribed(self) -> AnomalySet {
        LATTICE[usize::from(self.0)].proscribed
    }

    fn row(self) -> &'static ModelRow {
        &MODELS[usize::from(self.0)]
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.long_name())
    }
}

/// What a model implies and proscribes, directly or not.
struct Closure {
    /// The models that it implies, including itself, as bits.
    implied: u64,
    proscribed: AnomalySet,
}

static LATTICE: LazyLock<Vec<Closure>> = LazyLock::new(|| Model::all().map(closure).collect());

/// What a model implies and proscribes. A loop over bits is shorter here than building a graph for petgraph.
fn closure(start: Model) -> Closure {
    let known = |name: &&str| Model::named(name).expect("the table names known models");
    let mut implied = 0_u64;
    let mut direct = AnomalySet::default();
    let mut todo = vec![start];
    while let Some(model) = todo.pop() {
        if implied & (1 << model.0) != 0 {
            continue;
        }
        implied |= 1 << model.0;
        let (_, weaker, anomalies) = model.row();
        todo.extend(weaker.iter().map(known));
        direct = direct.union(
            anomalies.iter().map(|name| Anomaly::named(name).expect("the table names known anomalies")).collect(),
        );
    }
    Closure { implied, proscribed: direct.implying() }
}

/// The models that a set of anomalies rules out, by their long names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Boundary {
    /// The weakest models that are ruled out.
    pub(super) not: BTreeSet<&'static str>,
    /// The models that are ruled out because they imply one of the weakest.
    pub(super) also_not: BTreeSet<&'static str>,
}

impl Boundary {
    /// The boundary of the models that are ruled out.
    pub(super) fn around(is_ruled_out: impl Fn(Model) -> bool) -> Boundary {
        let out: Vec<Model> = Model::all().filter(|model| is_ruled_out(*model)).collect();
        let weakest = |model: &&Model| !out.iter().any(|other| other != *model && model.implies(*other));
        let not: BTreeSet<&'static str> = out.iter().filter(weakest).map(|model| model.long_name()).collect();
        let also_not = out.iter().map(|model| model.long_name()).filter(|name| !not.contains(name)).collect();
        Boundary { not, also_not }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_equal_under_both_names() {
        assert_eq!(Model::named("strict-serializable"), Model::named("PL-SS"));
    }

    #[test]
    fn a_boundary_separates_the_weakest_models_from_stronger_ones() {
        let found = [Anomaly::named("G-single-item").unwrap()];
        let boundary = Boundary::around(|model| !model.proscribed().is_disjoint(found.into_iter().collect()));
        assert_eq!(boundary.not.into_iter().collect::<Vec<_>>(), ["consistent-view", "repeatable-read"]);
        assert!(boundary.also_not.contains("serializable"));
    }
}
