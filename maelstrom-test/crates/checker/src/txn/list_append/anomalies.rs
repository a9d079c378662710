//! The anomalies that are not cycles.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::json::{Value, json};

use crate::Evidence;
use crate::entries::NONE;
use crate::txn::anomaly::Anomaly;
use crate::txn::explain::{list_text, value_text};
use crate::txn::findings::{AnomalyExample, FoundAnomalies};
use crate::txn::list_append::ListAnalysis;
use crate::txn::list_append::prefix_tree::{PrefixTree, TreeNode};
use crate::txn::lost_update::find_lost_updates;
use crate::txn::store::{Answers, Mop, MopKind, PerKey, Store};

/// Finds every anomaly that is not a cycle.
pub(super) fn find_anomalies(analysis: &ListAnalysis<'_>, found: &mut FoundAnomalies) {
    let read_flags = ReadFlags::new(analysis);
    let mut place_of = PerKey::new(analysis.store);
    for txn in analysis.store.ok_txns() {
        within_transaction(analysis.store, txn, &mut place_of, found);
        for mop in analysis.store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Read) {
            read_flags.check_read(analysis, txn, mop, found);
            intermediate_read(analysis.store, txn, mop, found);
        }
    }
    incompatible_orders(analysis, found);
    torn_appends(analysis, found);
    dirty_updates(analysis, found);
    find_lost_updates(analysis.store, found);
}

/// Which anomalies the elements of a list show.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// The writer of an element failed.
    failed: bool,
    /// An element has no writer.
    unwritten: bool,
    /// An element occurs twice.
    repeats: bool,
}

/// Flags by list. Only reads with a flag need to be checked element by element.
struct ReadFlags {
    flags: Vec<Flags>,
}

impl ReadFlags {
    fn new(analysis: &ListAnalysis<'_>) -> ReadFlags {
        let store = analysis.store;
        let mut flags: Vec<Flags> = Vec::with_capacity(store.answers.nodes.len());
        // A parent has a smaller number than its children.
        for TreeNode { parent, version, repeats, .. } in store.answers.nodes.iter().copied() {
            let inherited = flags.get(parent as usize).copied().unwrap_or_default();
            let flag = if version == NONE { Flags::default() } else { version_flags(analysis, version, repeats) };
            flags.push(Flags {
                failed: inherited.failed || flag.failed,
                unwritten: inherited.unwritten || flag.unwritten,
                repeats: inherited.repeats || flag.repeats,
            });
        }
        ReadFlags { flags }
    }

    fn check_read(&self, analysis: &ListAnalysis<'_>, txn: u32, mop: &Mop, found: &mut FoundAnomalies) {
        let store = analysis.store;
        let flags = self.flags[mop.arg as usize];
        if !(flags.failed || flags.unwritten || flags.repeats) {
            return;
        }
        let mut states: Vec<u32> = store.answers.ancestors(mop.arg).collect();
        states.reverse();
        for state in states {
            let TreeNode { version, repeats, .. } = store.answers.nodes[state as usize];
            let Flags { failed, unwritten, repeats } = version_flags(analysis, version, repeats);
            if failed {
                found.add(Anomaly::G1A, || aborted_read(store, txn, mop, version));
            }
            if unwritten {
                found.add(Anomaly::UNEXPECTED, || unexpected(store, txn, mop, version));
            }
            if repeats {
                found.add(Anomaly::DUPLICATE_ELEMENTS, || duplicate(store, txn, mop, version));
            }
        }
    }
}

fn version_flags(analysis: &ListAnalysis<'_>, version: u32, repeats: bool) -> Flags {
    let store = analysis.store;
    let is_known = !store.is_ambiguous(store.values.key_of(version));
    Flags {
        failed: is_known && store.failed_writer(version).is_some(),
        unwritten: !analysis.preloaded && store.writer(version).is_none(),
        repeats: is_known && repeats,
    }
}

fn aborted_read(store: &Store<PrefixTree>, txn: u32, mop: &Mop, version: u32) -> AnomalyExample {
    let writer = store.writer(version).expect("a failed version has a writer");
    let (element, key) = (store.values.value_text(version), store.key_text(mop.key));
    AnomalyExample {
        story: format!("A transaction read {element} from key {key}, which a failed transaction had appended."),
        shape: "T1 read what T2 appended, and T2 failed".into(),
        evidence: vec![
            store.evidence(txn, "T1", format!("T1 read {element}, which T2 appended")),
            store.evidence(writer, "T2", "T2 failed, so no transaction may read what it appended".into()),
        ],
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "writer": store.history_index(writer),
            "element": store.values.value_json(version),
        }),
    }
}

fn unexpected(store: &Store<PrefixTree>, txn: u32, mop: &Mop, version: u32) -> AnomalyExample {
    let (element, key) = (store.values.value_text(version), store.key_text(mop.key));
    AnomalyExample {
        story: format!("A transaction read {element} from key {key}, but no transaction appended it."),
        shape: "T1 read an element that no transaction appended".into(),
        evidence: vec![store.evidence(txn, "T1", format!("no transaction appended {element} to key {key}"))],
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "element": store.values.value_json(version),
        }),
    }
}

fn duplicate(store: &Store<PrefixTree>, txn: u32, mop: &Mop, version: u32) -> AnomalyExample {
    let (element, key) = (store.values.value_text(version), store.key_text(mop.key));
    let evidence = vec![store.evidence(txn, "T1", format!("{element} is in the list of key {key} more than once"))];
    AnomalyExample {
        story: format!("{element} was appended to key {key} once, and is in its list more than once."),
        shape: "T1 read an element twice in one list".into(),
        evidence,
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "element": store.values.value_json(version),
        }),
    }
}

fn intermediate_read(store: &Store<PrefixTree>, txn: u32, mop: &Mop, found: &mut FoundAnomalies) {
    let last = store.answers.nodes[mop.arg as usize].version;
    if last == NONE || store.is_ambiguous(mop.key) {
        return;
    }
    let Some(writer) = store.writer(last).filter(|writer| *writer != txn) else { return };
    if !store.values.versions[last as usize].intermediate {
        return;
    }
    found.add(Anomaly::G1B, || {
        let (element, key) = (store.values.value_text(last), store.key_text(mop.key));
        AnomalyExample {
            story: format!(
                "A transaction read key {key} as it was between two appends of another transaction: the list ends in \
                 {element}, to which that transaction itself appended more."
            ),
            shape: "T1 read an intermediate state of T2".into(),
            evidence: vec![
                store.evidence(txn, "T1", format!("T1 saw {element}, but not what T2 appended next")),
                store.evidence(writer, "T2", format!("T2 appended more to key {key} after {element}")),
            ],
            picture: None,
            json: json!({
                "op": store.history_index(txn), "mop": store.mop_json(mop), "writer": store.history_index(writer),
                "element": store.values.value_json(last),
            }),
        }
    });
}

/// What a transaction must read of a key, given its operations so far.
#[derive(Default)]
struct ExpectedList {
    /// The list that it read last.
    read: Option<u32>,
    /// What it appended since then.
    appended: Vec<u32>,
    /// The places of all its reads, to find those of elements that it appends later.
    reads: Vec<usize>,
}

impl ExpectedList {
    fn allows(&self, lists: &PrefixTree, state: u32) -> bool {
        let mut above = Some(state);
        for version in self.appended.iter().rev() {
            match above.map(|state| lists.nodes[state as usize]) {
                Some(last) if last.version == *version => above = Some(last.parent),
                _ => return false,
            }
        }
        self.read.is_none() || self.read == above
    }

    fn json(&self, store: &Store<PrefixTree>) -> Vec<Value> {
        let mut values: Vec<Value> = match self.read {
            Some(state) => store.answers.elements(state).into_iter().map(|v| store.values.value_json(v)).collect(),
            None => vec![json!("...")],
        };
        values.extend(self.appended.iter().map(|version| store.values.value_json(*version)));
        values
    }
}

/// Finds `internal` and `future-read`. `place_of` maps the transaction's keys to their places in `known`.
fn within_transaction(store: &Store<PrefixTree>, txn: u32, place_of: &mut PerKey, found: &mut FoundAnomalies) {
    let mops = store.mops(txn);
    let mut known: Vec<ExpectedList> = Vec::new();
    for (at, mop) in mops.iter().enumerate() {
        let place = place_of.get(mop.key, txn).unwrap_or(known.len() as u32);
        if place_of.set(mop.key, txn, place).is_none() {
            known.push(ExpectedList::default());
        }
        let expected = &mut known[place as usize];
        if mop.kind == MopKind::Write {
            expected.appended.push(mop.arg);
            // If another transaction appended the element as well, the read may have seen that append.
            let is_known = !store.is_ambiguous(mop.key);
            let holds_it = |read: &&usize| is_known && store.answers.holds(mops[**read].arg, mop.arg);
            for read in expected.reads.iter().filter(holds_it) {
                found.add(Anomaly::FUTURE_READ, || future_read(store, txn, &mops[*read], mop.arg));
            }
            continue;
        }
        if !expected.allows(&store.answers, mop.arg) {
            found.add(Anomaly::INTERNAL, || internal_contradiction(store, txn, mop, expected.json(store)));
        }
        expected.read = Some(mop.arg);
        expected.appended.clear();
        expected.reads.push(at);
    }
}

fn internal_contradiction(store: &Store<PrefixTree>, txn: u32, mop: &Mop, expected: Vec<Value>) -> AnomalyExample {
    let key = store.key_text(mop.key);
    let shown = list_text(expected.iter().map(|value| if value == "..." { "…".into() } else { value_text(value) }));
    let actual = store.answer_text(mop.arg);
    AnomalyExample {
        story: format!(
            "A transaction contradicts itself: after what it had read and appended, key {key} had to be {shown}, but \
             it read {actual}."
        ),
        shape: "T1 read a list that contradicts what it read or appended before".into(),
        evidence: vec![store.evidence(txn, "T1", format!("T1 had to read key {key} as {shown}, and read {actual}"))],
        picture: None,
        json: json!({"op": store.history_index(txn), "mop": store.mop_json(mop), "expected": expected}),
    }
}

fn future_read(store: &Store<PrefixTree>, txn: u32, mop: &Mop, version: u32) -> AnomalyExample {
    let (element, key) = (store.values.value_text(version), store.key_text(mop.key));
    AnomalyExample {
        story: format!("A transaction read {element} from key {key} before it appended {element} itself."),
        shape: "T1 read an element before it appended it".into(),
        evidence: vec![store.evidence(txn, "T1", format!("T1 read {element} before it appended {element}"))],
        picture: None,
        json: json!({
            "op": store.history_index(txn), "mop": store.mop_json(mop), "element": store.values.value_json(version),
        }),
    }
}

/// Finds lists that are not a prefix of the version order. Each is reported once, together with the longest list.
fn incompatible_orders(analysis: &ListAnalysis<'_>, found: &mut FoundAnomalies) {
    let store = analysis.store;
    let mut seen = vec![false; store.answers.nodes.len()];
    for txn in store.ok_txns() {
        for mop in store.mops(txn).iter().filter(|mop| mop.kind == MopKind::Read && !store.is_ambiguous(mop.key)) {
            let is_prefix = analysis.prefix_length[mop.arg as usize] != NONE;
            if is_prefix || std::mem::replace(&mut seen[mop.arg as usize], true) {
                continue;
            }
            // A list that is a prefix except for repeated elements is reported as `duplicate-elements`.
            let versions = analysis.versions(mop.key);
            let mut elements = store.answers.elements(mop.arg);
            let mut known = FxHashSet::default();
            elements.retain(|element| known.insert(*element));
            if !versions.starts_with(&elements) {
                found.add(Anomaly::INCOMPATIBLE_ORDER, || incompatible(analysis, txn, mop));
            }
        }
    }
}

fn incompatible(analysis: &ListAnalysis<'_>, txn: u32, mop: &Mop) -> AnomalyExample {
    let store = analysis.store;
    let longest: Vec<Value> = analysis.versions(mop.key).iter().map(|v| store.values.value_json(*v)).collect();
    let (key, one, other) = (store.key_text(mop.key), store.answer_text(mop.arg), value_text(&json!(longest)));
    let reader = std::iter::once(txn).chain(store.ok_txns()).find(|reader| {
        let whole = |other: &Mop| {
            let is_longest = analysis.prefix_length.get(other.arg as usize) == Some(&(longest.len() as u32));
            other.kind == MopKind::Read && other.key == mop.key && is_longest
        };
        store.mops(*reader).iter().any(whole)
    });
    let never_both = format!("read key {key} as {other}: a list that only grows cannot have been both");
    let read = format!("T1 read key {key} as {one}");
    let evidence = match reader {
        Some(reader) if reader == txn => vec![store.evidence(txn, "T1", format!("{read}\nT1 {never_both}"))],
        Some(reader) => {
            vec![store.evidence(txn, "T1", read), store.evidence(reader, "T2", format!("T2 {never_both}"))]
        }
        None => {
            let note = format!("another transaction {never_both}");
            vec![store.evidence(txn, "T1", read), Evidence { note, ..Evidence::default() }]
        }
    };
    let shape = if reader == Some(txn) { "T1 read two lists" } else { "T1 and T2 read lists" };
    AnomalyExample {
        story: format!("Key {key} was read as {one} and as {other}, and neither is the beginning of the other."),
        shape: format!("{shape} of which neither is a prefix of the other"),
        evidence,
        picture: None,
        json: json!({
            "key": store.key_json(mop.key), "values": [store.answers.answer(mop.arg, &store.values), longest],
        }),
    }
}

/// Finds appends of one transaction to one key that are not in the order of the transaction, or of which some are missing
/// although other transactions appended after them.
fn torn_appends(analysis: &ListAnalysis<'_>, found: &mut FoundAnomalies) {
    let store = analysis.store;
    for key in 0..store.values.interner.len() as u32 {
        let versions = analysis.versions(key);
        let mut places: FxHashMap<u32, usize> = FxHashMap::default();
        let mut seen: FxHashSet<u32> = FxHashSet::default();
        for version in versions {
            let writer = store.writer(*version).filter(|writer| seen.insert(*writer));
            let Some(writer) = writer.filter(|_| store.failed_writer(*version).is_none()) else { continue };
            let own = store.mops(writer).iter().filter(|mop| mop.kind == MopKind::Write && mop.key == key);
            let own: Vec<u32> = own.map(|mop| mop.arg).collect();
            if own.len() < 2 {
                continue;
            }
            if places.is_empty() {
                places.extend(versions.iter().enumerate().map(|(place, version)| (*version, place)));
            }
            // The place up to which a list shows that the two versions are not in order.
            let end = |pair: &[u32]| match (places.get(&pair[0]), places.get(&pair[1])) {
                (Some(first), Some(second)) => (second < first).then_some(*first),
                (None, Some(second)) => Some(*second),
                (Some(first), None) => Some(first + 1).filter(|next| *next < versions.len()),
                (None, None) => None,
            };
            let Some((pair, end)) = own.windows(2).find_map(|pair| Some((pair, end(pair)?))) else { continue };
            let example = || torn_append(analysis, key, writer, pair, end as u32 + 1);
            if store.is_ok(writer) {
                found.add(Anomaly::INCOMPATIBLE_ORDER, example);
            } else {
                found.add_inferred(Anomaly::INCOMPATIBLE_ORDER, example);
            }
        }
    }
}

/// The transaction appended the first of a pair of versions before the second. Lists with at least `end` elements show a
/// different order.
fn torn_append(analysis: &ListAnalysis<'_>, key: u32, writer: u32, pair: &[u32], end: u32) -> AnomalyExample {
    let store = analysis.store;
    let shown = store.key_text(key);
    let [first, second] = [pair[0], pair[1]].map(|version| store.values.value_text(version));
    let appended = format!("T1 appended {first} to key {shown} before {second}");
    let mut evidence = vec![store.evidence(writer, "T1", appended)];
    let mut list = String::new();
    if let Some((reader, answer)) = shortest_read(analysis, key, end) {
        list = format!(", yet it was read as {answer}");
        let note = format!("read key {shown} as {answer}: no order of whole transactions gives this list");
        if reader == writer {
            evidence[0].note += &format!("\nT1 {note}");
        } else {
            evidence.push(store.evidence(reader, "T2", format!("T2 {note}")));
        }
    }
    AnomalyExample {
        story: format!("A transaction appended {first} and then {second} to key {shown}{list}."),
        shape: "T2 read a list in which appends of T1 are not in T1's order".into(),
        evidence,
        picture: None,
        json: json!({
            "key": store.key_json(key),
            "appended": [store.values.value_json(pair[0]), store.values.value_json(pair[1])],
            "writer": store.history_index(writer),
        }),
    }
}

/// The reader of the shortest list that contains at least `end` elements of the version order, and that list.
fn shortest_read(analysis: &ListAnalysis<'_>, key: u32, end: u32) -> Option<(u32, String)> {
    let mut readers = (end..=analysis.versions(key).len() as u32).flat_map(|length| analysis.readers(key, length));
    let reader = *readers.next()?;
    let is_long_enough = |mop: &&Mop| {
        let length = analysis.prefix_length.get(mop.arg as usize).copied();
        mop.kind == MopKind::Read && mop.key == key && length.is_some_and(|length| length != NONE && length >= end)
    };
    let read = analysis.store.mops(reader).iter().find(is_long_enough);
    Some((reader, read.map_or_else(String::new, |mop| analysis.store.answer_text(mop.arg))))
}

/// Finds failed appends that ok appends follow in the version order.
fn dirty_updates(analysis: &ListAnalysis<'_>, found: &mut FoundAnomalies) {
    let store = analysis.store;
    for key in 0..store.values.interner.len() as u32 {
        let versions = analysis.versions(key);
        let mut failed: Option<usize> = None;
        for (at, version) in versions.iter().enumerate() {
            let Some(writer) = store.writer(*version) else { continue };
            if store.failed_writer(*version).is_some() {
                failed.get_or_insert(at);
            } else if store.is_ok(writer)
                && let Some(first) = failed.take()
            {
                found.add(Anomaly::DIRTY_UPDATE, || dirty_update(analysis, key, first..=at));
            }
        }
    }
}

/// The first and the last place in the version order are a failed append and an ok append.
fn dirty_update(analysis: &ListAnalysis<'_>, key: u32, places: std::ops::RangeInclusive<usize>) -> AnomalyExample {
    let (store, end) = (analysis.store, *places.end() as u32 + 1);
    let versions = &analysis.versions(key)[places];
    let values: Vec<Value> = versions.iter().map(|version| store.values.value_json(*version)).collect();
    let [first, last] = [versions[0], versions[versions.len() - 1]];
    let [failed, ok] = [first, last].map(|version| store.values.value_text(version));
    let writers = [first, last].map(|version| store.writer(version).expect("both versions have writers"));
    let shown = store.key_text(key);
    let mut evidence = vec![
        store.evidence(writers[0], "T1", format!("T1 failed, but its {failed} is in the list of key {shown}")),
        store.evidence(writers[1], "T2", format!("T2 appended {ok} after it")),
    ];
    // A list that has both.
    if let Some((reader, answer)) = shortest_read(analysis, key, end) {
        match writers.iter().position(|writer| *writer == reader) {
            Some(at) => evidence[at].note += &format!("\nT{} read key {shown} as {answer}", at + 1),
            None => evidence.push(store.evidence(reader, "T3", format!("T3 read key {shown} as {answer}"))),
        }
    }
    AnomalyExample {
        story: format!(
            "The append of {failed} to key {shown} failed, yet it is in the list, and an ok transaction appended {ok} \
             after it."
        ),
        shape: "T2 appended to a list after T1, and T1 failed".into(),
        evidence,
        picture: None,
        json: json!({"key": store.key_json(key), "values": values}),
    }
}
