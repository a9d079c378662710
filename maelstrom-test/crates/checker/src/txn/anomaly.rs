//! The names of anomalies, and which anomaly implies which.

use std::fmt;
use std::sync::LazyLock;

use crate::suggest::nearest;
use crate::txn::unknown_name::UnknownName;

/// An anomaly. Anomalies are ordered as in reports.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Anomaly(u8);

/// All names, from anomalies that break the weakest models to those that break only the strongest.
const NAMES: [&str; 46] = [
    "unexpected",
    "duplicate-elements",
    "cyclic-versions",
    "G0",
    "incompatible-order",
    "dirty-update",
    "G1a",
    "G1b",
    "future-read",
    "G1c",
    "G1",
    "internal",
    "lost-update",
    "G-cursor",
    "G-monotonic",
    "G-MSR",
    "G-single-item",
    "G-single",
    "G-SIb",
    "G-SI",
    "G-nonadjacent-item",
    "G-nonadjacent",
    "G-update",
    "G2-item",
    "write-skew",
    "predicate-read-miss",
    "G2",
    "G0-process",
    "G1c-process",
    "G1-process",
    "G-single-item-process",
    "G-single-process",
    "G-nonadjacent-item-process",
    "G-nonadjacent-process",
    "G2-item-process",
    "G2-process",
    "G0-realtime",
    "G1c-realtime",
    "G1-realtime",
    "G-single-item-realtime",
    "G-single-realtime",
    "G-nonadjacent-item-realtime",
    "G-nonadjacent-realtime",
    "G2-item-realtime",
    "G2-realtime",
    "empty-transaction-graph",
];

/// An anomaly and those that it implies directly. Variants with `-process` or `-realtime` imply each other accordingly, if
/// both exist. In addition, every X implies X-process, which implies X-realtime.
const IMPLICATIONS: [(&str, &[&str]); 15] = [
    ("G0", &["G1c"]),
    ("G1a", &["G1"]),
    ("G1b", &["G1"]),
    ("G1c", &["G1"]),
    ("G-single-item", &["G-single", "G-nonadjacent-item"]),
    ("G-single", &["G-nonadjacent", "G-SIb"]),
    ("G-nonadjacent-item", &["G-nonadjacent", "G2-item"]),
    ("G-nonadjacent", &["G2"]),
    ("G2-item", &["G2"]),
    ("incompatible-order", &["G1a"]),
    ("dirty-update", &["G1a"]),
    ("future-read", &["G1c"]),
    ("lost-update", &["G2-item", "write-skew"]),
    ("write-skew", &["G2"]),
    ("G-SIb", &["G-SI"]),
];

impl Anomaly {
    /// A read of a value that no transaction wrote.
    pub(crate) const UNEXPECTED: Anomaly = Anomaly(0);
    /// An element that occurs twice in a list.
    pub(crate) const DUPLICATE_ELEMENTS: Anomaly = Anomaly(1);
    /// Values of a register that must each precede the other.
    pub(crate) const CYCLIC_VERSIONS: Anomaly = Anomaly(2);
    /// Two reads of a key, neither a prefix of the other; or appends of a transaction that were not applied in its order.
    pub(crate) const INCOMPATIBLE_ORDER: Anomaly = Anomaly(4);
    /// A failed append that an ok append follows.
    pub(crate) const DIRTY_UPDATE: Anomaly = Anomaly(5);
    /// Aborted read: a read of a failed write.
    pub(crate) const G1A: Anomaly = Anomaly(6);
    /// Intermediate read: a read of a value that its writer overwrote in the same transaction.
    pub(crate) const G1B: Anomaly = Anomaly(7);
    /// A read of a value that the same transaction writes later.
    pub(crate) const FUTURE_READ: Anomaly = Anomaly(8);
    /// A read that contradicts what the same transaction read or wrote before.
    pub(crate) const INTERNAL: Anomaly = Anomaly(11);
    /// Two transactions that read the same version of a key and then write the key.
    pub(crate) const LOST_UPDATE: Anomaly = Anomaly(12);
    /// No transaction depends on another, so the history proves nothing.
    pub(crate) const EMPTY_GRAPH: Anomaly = Anomaly(45);

    /// The anomaly with a name.
    ///
    /// # Errors
    /// If there is no anomaly with this name. The error suggests similar names.
    pub(crate) fn named(name: &str) -> Result<Anomaly, UnknownName> {
        Anomaly::find(name).ok_or_else(|| UnknownName::new("anomaly", name, nearest(name, NAMES)))
    }

    /// The name of the anomaly.
    pub(crate) fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Whether every history with this anomaly also has the other one. Every anomaly implies itself.
    pub(crate) fn implies(self, other: Anomaly) -> bool {
        AnomalySet::closure(self).contains(other)
    }

    fn find(name: &str) -> Option<Anomaly> {
        NAMES.iter().position(|known| *known == name).map(|at| Anomaly(at as u8))
    }

    /// The anomalies that this one implies directly.
    fn direct(self) -> Vec<Anomaly> {
        let (stem, suffix) = split(self.name());
        let mut implied: Vec<Anomaly> = Vec::new();
        for (from, to) in IMPLICATIONS {
            if from == stem {
                implied.extend(to.iter().filter_map(|to| Anomaly::find(&format!("{to}{suffix}"))));
            }
        }
        let next = if suffix.is_empty() { "-process" } else { "-realtime" };
        implied.extend(Anomaly::find(&format!("{stem}{next}")));
        implied
    }
}

/// `G0-process` is the `-process` variant of `G0`.
fn split(name: &str) -> (&str, &str) {
    let end =
        ["-process", "-realtime"].iter().find_map(|suffix| name.strip_suffix(suffix)).map_or(name.len(), str::len);
    name.split_at(end)
}

impl fmt::Debug for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of anomalies.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AnomalySet(u64);

impl AnomalySet {
    /// An anomaly and all anomalies that it implies.
    pub(crate) fn closure(anomaly: Anomaly) -> AnomalySet {
        CLOSURES[usize::from(anomaly.0)]
    }

    /// Every anomaly.
    pub(crate) fn all() -> AnomalySet {
        Anomaly::all().collect()
    }

    /// All anomalies that imply a member, members included.
    pub(crate) fn implying(self) -> AnomalySet {
        Anomaly::all().filter(|anomaly| !AnomalySet::closure(*anomaly).is_disjoint(self)).collect()
    }

    /// Whether an anomaly is a member.
    pub(crate) fn contains(self, anomaly: Anomaly) -> bool {
        self.0 & (1 << anomaly.0) != 0
    }

    /// Whether the set has no member.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds a member.
    pub(crate) fn insert(&mut self, anomaly: Anomaly) {
        self.0 |= 1 << anomaly.0;
    }

    /// The members of both sets.
    pub(crate) fn union(self, other: AnomalySet) -> AnomalySet {
        AnomalySet(self.0 | other.0)
    }

    /// Whether the sets have no common member.
    pub(crate) fn is_disjoint(self, other: AnomalySet) -> bool {
        self.0 & other.0 == 0
    }

    /// The members, in the order of reports.
    pub(crate) fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::all().filter(move |anomaly| self.contains(*anomaly))
    }
}

impl Anomaly {
    /// Every anomaly, in the order of reports.
    pub(crate) fn all() -> impl Iterator<Item = Anomaly> {
        (0..NAMES.len() as u8).map(Anomaly)
    }
}

impl FromIterator<Anomaly> for AnomalySet {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> AnomalySet {
        let mut set = AnomalySet::default();
        anomalies.into_iter().for_each(|anomaly| set.insert(anomaly));
        set
    }
}

impl fmt::Debug for AnomalySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

static CLOSURES: LazyLock<[AnomalySet; NAMES.len()]> = LazyLock::new(closures);

/// By anomaly, what it implies. A loop over bits is shorter here than building a graph for petgraph.
fn closures() -> [AnomalySet; NAMES.len()] {
    let direct: Vec<Vec<Anomaly>> = Anomaly::all().map(Anomaly::direct).collect();
    std::array::from_fn(|start| {
        let mut closure = AnomalySet::default();
        let mut todo = vec![Anomaly(start as u8)];
        while let Some(anomaly) = todo.pop() {
            if !closure.contains(anomaly) {
                closure.insert(anomaly);
                todo.extend(&direct[usize::from(anomaly.0)]);
            }
        }
        closure
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anomaly_implies_weaker_ones() {
        let found = Anomaly::named("G-single-item").unwrap();
        assert!(found.implies(found));
        assert!(found.implies(Anomaly::named("G-single").unwrap()));
        assert!(!found.implies(Anomaly::named("G1c").unwrap()));
    }
}
