//! Rw-register: every write replaces a value, every read shows one.

pub(in crate::txn) mod version_order;

use crate::json::{Value, json};

use crate::entries::NONE;
use crate::txn::Options;
use crate::txn::analysis::Analysis;
use crate::txn::anomaly::Anomaly;
use crate::txn::findings::{Example, Found};
use crate::txn::graph::{Kind, Sink};
use crate::txn::lost_update::find_lost_updates;
use crate::txn::rw_register::version_order::{Contradiction, Registers, Source, VersionOrder, accesses, version_order};
use crate::txn::store::{Mop, MopKind, Outcome, PerKey, Store};

/// What is known of the order of versions, and who read which.
pub(in crate::txn) struct RegisterAnalysis<'a> {
    store: &'a Store<Registers>,
    /// Whether there may be values whose writers are not in the history.
    preloaded: bool,
    happened: Vec<bool>,
    order: VersionOrder,
    /// By version, where its external readers stand in `readers`.
    first_reader: Vec<u32>,
    readers: Vec<u32>,
    /// Versions by key.
    versions: Vec<u32>,
    first_version: Vec<u32>,
}

/// Why an edge of the graph exists: one version, or two and why the first is known to come before the second.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::txn) struct RegisterReason {
    before: u32,
    after: u32,
    source: Source,
}

impl<'a> RegisterAnalysis<'a> {
    pub(in crate::txn) fn new(store: &'a Store<Registers>, options: &Options) -> RegisterAnalysis<'a> {
        let accesses = accesses(store);
        let order = version_order(store, &accesses, options);
        let reads = || accesses.iter().filter(|access| access.read != NONE);
        let versions = store.names.versions.len();
        let (first_reader, readers) = grouped(versions, || reads().map(|access| (access.read, access.txn)));
        let mut happened: Vec<bool> = store.txns.iter().map(|txn| txn.outcome == Outcome::Ok).collect();
        for txn in store.oks().filter(|_| options.promise.makes_reads_proofs()) {
            let is_proof = |mop: &&Mop| mop.kind == MopKind::Read && !store.is_ambiguous(mop.key);
            for mop in store.mops(txn).iter().filter(is_proof) {
                if let Some(writer) = store.writer(mop.arg) {
                    happened[writer as usize] |= store.txn(writer).outcome == Outcome::Info;
                }
            }
        }
        let keys = store.names.interner.len();
        let key_of = |version: u32| store.names.key_of(version);
        let (first_version, versions) =
            grouped(keys, || (0..versions as u32).map(|version| (key_of(version), version)));
        RegisterAnalysis {
            store,
            preloaded: options.preloaded || store.hides_writes,
            happened,
            order,
            first_reader,
            readers,
            versions,
            first_version,
        }
    }

    fn readers(&self, version: u32) -> &[u32] {
        &self.readers[self.first_reader[version as usize] as usize..self.first_reader[version as usize + 1] as usize]
    }

    fn versions(&self, key: u32) -> &[u32] {
        &self.versions[self.first_version[key as usize] as usize..self.first_version[key as usize + 1] as usize]
    }

    /// The transaction that installed a version: what it overwrote itself does not count, and what an info
    /// transaction wrote counts once it was read.
    fn installer(&self, version: u32) -> Option<u32> {
        let is_seen = |writer: u32| match self.store.txn(writer).outcome {
            Outcome::Ok => true,
            Outcome::Info => self.happened[writer as usize] && !self.readers(version).is_empty(),
            Outcome::Fail => false,
        };
        let record = &self.store.names.versions[version as usize];
        self.store.writer(version).filter(|writer| !record.intermediate && is_seen(*writer))
    }
}

/// Items grouped by number: where each group begins, and the items. Asks for them twice.
fn grouped<I: Iterator<Item = (u32, u32)>>(groups: usize, items: impl Fn() -> I) -> (Vec<u32>, Vec<u32>) {
    let mut offsets = vec![0_u32; groups + 1];
    items().for_each(|(group, _)| offsets[group as usize + 1] += 1);
    for at in 0..groups {
        offsets[at + 1] += offsets[at];
    }
    let mut grouped = vec![0; offsets[groups] as usize];
    let mut next = offsets.clone();
    for (group, item) in items() {
        grouped[next[group as usize] as usize] = item;
        next[group as usize] += 1;
    }
    (offsets, grouped)
}

impl Analysis for RegisterAnalysis<'_> {
    type Answers = Registers;
    type Reason = RegisterReason;

    fn store(&self) -> &Store<Registers> {
        self.store
    }

    fn happened(&self, txn: u32) -> bool {
        self.happened[txn as usize]
    }

    fn key_edges(&self, key: u32, sink: &mut impl Sink<RegisterReason>) {
        if self.store.is_ambiguous(key) {
            return;
        }
        for version in self.versions(key) {
            if let Some(writer) = self.installer(*version) {
                let reason = RegisterReason { before: *version, after: NONE, source: Source::default() };
                sink.all_pairs(&[writer], self.readers(*version), Kind::Wr, reason);
            }
        }
        for edges in self.order.of_key(key).chunk_by(|one, other| one.0 == other.0) {
            let before = edges[0].0;
            for (_, after, source) in edges {
                let reason = RegisterReason { before, after: *after, source: *source };
                if let (Some(writer), Some(next)) = (self.installer(before), self.installer(*after)) {
                    sink.edge(writer, next, Kind::Ww, reason);
                }
            }
            // All that came next at once: a popular version may have many readers and many successors.
            let next: Vec<u32> = edges.iter().filter_map(|(_, after, _)| self.installer(*after)).collect();
            let (_, after, source) = edges[0];
            sink.all_pairs(self.readers(before), &next, Kind::Rw, RegisterReason { before, after, source });
        }
    }

    fn key_of(&self, reason: RegisterReason) -> u32 {
        self.store.names.key_of(reason.before)
    }

    fn because(&self, kind: Kind, reason: RegisterReason, (_, first): (u32, &str), to: (u32, &str)) -> String {
        let (to, second) = to;
        let key = self.store.key_text(self.key_of(reason));
        let value = |version: u32| self.store.names.value_text(version);
        let before = value(reason.before);
        if kind == Kind::Wr {
            return format!("{second} read {before} from key {key}, which {first} wrote");
        }
        // Of several successors the reason names one; the one meant is the one that `to` installed.
        let of_key = self.order.of_key(self.key_of(reason));
        let installed = |edge: &&(u32, u32, Source)| edge.0 == reason.before && self.installer(edge.1) == Some(to);
        let (after, source) =
            of_key.iter().find(installed).map_or((reason.after, reason.source), |(_, after, source)| (*after, *source));
        let (after, known) = (value(after), known_from(source));
        match kind {
            Kind::Rw if source == Source::InitialState => {
                format!("{second} wrote {after} to key {key}, of which {first} had read the initial state")
            }
            Kind::Rw => {
                format!("{second} overwrote with {after} the {before} that {first} had read from key {key} ({known})")
            }
            _ => {
                format!("{second} overwrote with {after} the {before} that {first} had written to key {key} ({known})")
            }
        }
    }

    fn other_anomalies(&self, found: &mut Found) {
        let mut last = PerKey::new(self.store);
        for txn in self.store.oks() {
            self.check_reads(txn, found);
            internal(self.store, txn, &mut last, found);
        }
        for contradiction in &self.order.contradictions {
            found.add(Anomaly::CYCLIC_VERSIONS, || cyclic_versions(self.store, contradiction));
        }
        find_lost_updates(self.store, found);
    }
}

/// In words, how the order of two versions is known.
fn known_from(source: Source) -> &'static str {
    match source {
        Source::InitialState => "null is the initial state",
        Source::WritesFollowReads => "a transaction read the one and then wrote the other",
        Source::SequentialKeys => "one process knew them in this order",
        Source::LinearizableKeys => "in real time they were known in this order",
        Source::TransactionOrder => "by the given order of transactions",
    }
}

impl RegisterAnalysis<'_> {
    fn check_reads(&self, txn: u32, found: &mut Found) {
        let store = self.store;
        let mops = store.mops(txn);
        for (at, mop) in mops.iter().enumerate().filter(|(_, mop)| mop.kind == MopKind::Read) {
            let is_known = !store.is_ambiguous(mop.key);
            let writes_it = |other: &&Mop| (other.kind, other.arg) == (MopKind::Write, mop.arg);
            if is_known && store.writer(mop.arg) == Some(txn) && !mops[..at].iter().any(|other| writes_it(&other)) {
                found.add(Anomaly::FUTURE_READ, || future_read(store, txn, mop));
            }
            match store.writer(mop.arg) {
                Some(writer) if is_known && writer != txn => {
                    if store.txn(writer).outcome == Outcome::Fail {
                        found.add(Anomaly::G1A, || aborted_read(store, txn, mop, writer));
                    }
                    if self.is_intermediate(mop.arg) {
                        found.add(Anomaly::G1B, || intermediate_read(store, txn, mop, writer));
                    }
                }
                None if !self.preloaded && !store.names.value_json(mop.arg).is_null() => {
                    found.add(Anomaly::UNEXPECTED, || unexpected(store, txn, mop));
                }
                _ => {}
            }
        }
    }

    fn is_intermediate(&self, version: u32) -> bool {
        self.store.names.versions[version as usize].intermediate
    }
}

fn aborted_read(store: &Store<Registers>, txn: u32, mop: &Mop, writer: u32) -> Example {
    let (value, key) = (store.names.value_text(mop.arg), store.key_text(mop.key));
    Example {
        story: format!("A transaction read {value} from key {key}, which a transaction that failed had written."),
        shape: "T1 read what T2 wrote, and T2 failed".into(),
        evidence: vec![
            store.evidence(txn, "T1", format!("T1 read {value}, which T2 wrote")),
            store.evidence(writer, "T2", "T2 failed, so nobody may see what it wrote".into()),
        ],
        picture: None,
        json: json!({
            "op": store.label(txn), "mop": store.mop_json(mop), "writer": store.label(writer),
        }),
    }
}

fn intermediate_read(store: &Store<Registers>, txn: u32, mop: &Mop, writer: u32) -> Example {
    let (value, key) = (store.names.value_text(mop.arg), store.key_text(mop.key));
    Example {
        story: format!("A transaction read {value} from key {key}, which its writer itself overwrote."),
        shape: "T1 read a value that T2 wrote and overwrote itself".into(),
        evidence: vec![
            store.evidence(txn, "T1", format!("T1 read {value}")),
            store.evidence(writer, "T2", format!("T2 wrote {value} to key {key} and then another value")),
        ],
        picture: None,
        json: json!({
            "op": store.label(txn), "mop": store.mop_json(mop), "writer": store.label(writer),
        }),
    }
}

fn future_read(store: &Store<Registers>, txn: u32, mop: &Mop) -> Example {
    let (value, key) = (store.names.value_text(mop.arg), store.key_text(mop.key));
    Example {
        story: format!("A transaction read {value} from key {key} before it wrote that itself."),
        shape: "T1 read what it wrote only later".into(),
        evidence: vec![store.evidence(txn, "T1", format!("T1 read {value} before it wrote {value}"))],
        picture: None,
        json: json!({"op": store.label(txn), "mop": store.mop_json(mop)}),
    }
}

fn unexpected(store: &Store<Registers>, txn: u32, mop: &Mop) -> Example {
    let (value, key) = (store.names.value_text(mop.arg), store.key_text(mop.key));
    Example {
        story: format!("A transaction read {value} from key {key}, but nobody ever wrote that.{}", hint(store, mop)),
        shape: "T1 read a value that nobody wrote".into(),
        evidence: vec![store.evidence(txn, "T1", format!("nobody wrote {value} to key {key}"))],
        picture: None,
        json: json!({"op": store.label(txn), "mop": store.mop_json(mop)}),
    }
}

/// What may be behind a value that nobody wrote, if it is one that languages give for a missing key.
fn hint(store: &Store<Registers>, mop: &Mop) -> &'static str {
    let default = [json!(0), json!(""), json!(false), json!([])];
    if default.contains(&store.names.value_json(mop.arg)) { " A missing key is null." } else { "" }
}

/// Reads that contradict what the same transaction read or wrote before. `last` holds that.
fn internal(store: &Store<Registers>, txn: u32, last: &mut PerKey, found: &mut Found) {
    for mop in store.mops(txn) {
        let before = last.set(mop.key, txn, mop.arg);
        if let Some(before) = before.filter(|before| mop.kind == MopKind::Read && *before != mop.arg) {
            found.add(Anomaly::INTERNAL, || contradiction(store, txn, mop, before));
        }
    }
}

fn contradiction(store: &Store<Registers>, txn: u32, mop: &Mop, expected: u32) -> Example {
    let key = store.key_text(mop.key);
    let [expected_text, actual] = [expected, mop.arg].map(|version| store.names.value_text(version));
    Example {
        story: format!(
            "A transaction contradicts itself: after what it had read and written, key {key} had to be \
             {expected_text}, but it read {actual}."
        ),
        shape: "T1 read a value that contradicts what it read or wrote before".into(),
        evidence: vec![store.evidence(txn, "T1", format!("T1 had to read {expected_text}, and read {actual}"))],
        picture: None,
        json: json!({
            "op": store.label(txn), "mop": store.mop_json(mop), "expected": store.names.value_json(expected),
        }),
    }
}

/// The assumption that a source is.
fn assumption(source: Source) -> &'static str {
    match source {
        Source::InitialState => "that null is the initial state",
        Source::WritesFollowReads => "that transactions write after what they read",
        Source::SequentialKeys => "that no process sees a key go back to an earlier value",
        Source::LinearizableKeys => "that no key goes back to an earlier value in real time",
        Source::TransactionOrder => "the given order of transactions",
    }
}

fn cyclic_versions(store: &Store<Registers>, contradiction: &Contradiction) -> Example {
    const SHOWN: usize = 4;
    let key = store.key_text(contradiction.key);
    let texts: Vec<String> = contradiction.versions.iter().map(|version| store.names.value_text(*version)).collect();
    let mut values: Vec<Value> =
        contradiction.versions.iter().map(|version| store.names.value_json(*version)).collect();
    values.sort();
    let sources: Vec<&str> = contradiction.sources.iter().map(|source| source.name()).collect();
    let (last, others) = contradiction.sources.split_last().expect("a contradiction has sources");
    let others: Vec<&str> = others.iter().map(|source| assumption(*source)).collect();
    let concerns = |txn: &u32| store.mops(*txn).iter().any(|mop| contradiction.versions.contains(&{ mop.arg }));
    let evidence = store
        .oks()
        .filter(concerns)
        .take(SHOWN)
        .enumerate()
        .map(|(at, txn)| store.evidence(txn, &format!("T{}", at + 1), String::new()));
    Example {
        story: format!(
            "Each of the values {} of key {key} would have to come before the others, if it holds {}, and {}.",
            texts.join(" and "),
            others.join(", "),
            assumption(*last)
        ),
        shape: "values of a key that each precede the other".into(),
        evidence: evidence.collect(),
        picture: None,
        json: json!({"key": store.key_json(contradiction.key), "scc": values, "sources": sources}),
    }
}
