//! The versions of every key, who installed them and who read them.

use super::accesses::{Registers, accesses};
use super::version_order::{Contradiction, VersionEdge, VersionOrder, version_order};
use crate::entries::NONE;
use crate::txn::options::Options;
use crate::txn::store::{Mop, MopKind, Store, TxnOutcome};

/// The versions of every key in the order that is known of them, who installed them and who read them.
pub(in crate::txn) struct RegisterAnalysis<'a> {
    pub(super) store: &'a Store<Registers>,
    /// Whether versions may have a writer that is not in the history.
    pub(super) preloaded: bool,
    /// By transaction, whether it is known to have happened.
    pub(super) happened: Vec<bool>,
    order: VersionOrder,
    /// By version, the offset of its external readers in `readers`.
    first_reader: Vec<u32>,
    readers: Vec<u32>,
    /// The versions, key by key.
    versions: Vec<u32>,
    /// By key, the offset of its versions in `versions`.
    first_version: Vec<u32>,
}

impl<'a> RegisterAnalysis<'a> {
    pub(in crate::txn) fn new(store: &'a Store<Registers>, options: &Options) -> RegisterAnalysis<'a> {
        let accesses = accesses(store);
        let order = version_order(store, &accesses, options);
        let reads = || accesses.iter().filter(|access| access.read != NONE);
        let versions = store.values.versions.len();
        let (first_reader, readers) = grouped(versions, || reads().map(|access| (access.read, access.txn)));
        let mut happened: Vec<bool> = store.txns.iter().map(|txn| txn.outcome == TxnOutcome::Ok).collect();
        for txn in store.ok_txns().filter(|_| options.promise.makes_reads_proofs()) {
            let is_proof = |mop: &&Mop| mop.kind == MopKind::Read && !store.is_ambiguous(mop.key);
            for mop in store.mops(txn).iter().filter(is_proof) {
                if let Some(writer) = store.writer(mop.arg) {
                    happened[writer as usize] |= store.txn(writer).outcome == TxnOutcome::Info;
                }
            }
        }
        let keys = store.values.interner.len();
        let key_of = |version: u32| store.values.key_of(version);
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

    /// The transactions whose external read of the key returned the version.
    pub(super) fn readers(&self, version: u32) -> &[u32] {
        &self.readers[self.first_reader[version as usize] as usize..self.first_reader[version as usize + 1] as usize]
    }

    /// What is known of the version order of a key.
    pub(in crate::txn) fn version_edges(&self, key: u32) -> &[VersionEdge] {
        self.order.of_key(key)
    }

    /// The sources that contradict others.
    pub(super) fn contradictions(&self) -> &[Contradiction] {
        &self.order.contradictions
    }

    /// The versions of a key.
    pub(super) fn versions(&self, key: u32) -> &[u32] {
        &self.versions[self.first_version[key as usize] as usize..self.first_version[key as usize + 1] as usize]
    }

    /// The transaction whose last write of the key is the version. A write of an info transaction counts only if it was
    /// read.
    pub(super) fn installer(&self, version: u32) -> Option<u32> {
        let is_seen = |writer: u32| match self.store.txn(writer).outcome {
            TxnOutcome::Ok => true,
            TxnOutcome::Info => self.happened[writer as usize] && !self.readers(version).is_empty(),
            TxnOutcome::Fail => false,
        };
        let record = &self.store.values.versions[version as usize];
        self.store.writer(version).filter(|writer| !record.intermediate && is_seen(*writer))
    }
}

/// Groups items by number: the offset of each group, and the items. Calls `items` twice.
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
