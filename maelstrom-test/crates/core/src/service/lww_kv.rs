//! `lww-kv`: an eventually consistent key-value store (last write wins), with intentionally pathological replication.

use std::collections::BTreeMap;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::Service;
use super::kv::Request;
use crate::json::Value;
use crate::protocol::Body;
use crate::random::Rng;

/// Number of replicas.
const REPLICAS: usize = 5;

/// Several replicas. Each request first merges one random replica into another, and then executes on a random replica.
///
/// The store is eventually consistent and gives no other guarantee. A client may not read its own write, and one of two
/// concurrent writes is lost although both were acknowledged.
#[derive(Clone, Debug, Default)]
pub(crate) struct LwwKv {
    replicas: [Replica; REPLICAS],
}

/// A replica: a Lamport clock, a map, and an index of changes, so that a merge visits only changed keys.
#[derive(Clone, Debug, Default)]
struct Replica {
    clock: u64,
    map: FxHashMap<Value, Entry>,
    /// The key of each change of this replica that no later change replaced. Changes are numbered 0, 1, 2, …
    changes: BTreeMap<u64, Value>,
    next_change: u64,
    /// For each replica: how many of its changes were merged into this one.
    merged: [u64; REPLICAS],
}

/// A value and the write that set it. Timestamp and replica identify a write, so that replicas converge.
#[derive(Clone, Debug)]
struct Entry {
    timestamp: u64,
    replica: usize,
    value: Value,
    /// The number of the change in the replica that contains this entry.
    change: u64,
}

impl Replica {
    fn set(&mut self, key: &Value, timestamp: u64, replica: usize, value: Value) {
        let change = self.next_change;
        self.next_change += 1;
        if let Some(old) = self.map.insert(key.clone(), Entry { timestamp, replica, value, change }) {
            self.changes.remove(&old.change);
        }
        self.changes.insert(change, key.clone());
    }

    /// Merges the state of the replica with this number into this one.
    fn merge(&mut self, number: usize, other: &Replica) {
        self.clock = self.clock.max(other.clock);
        for (_, key) in other.changes.range(self.merged[number]..) {
            let theirs = &other.map[key];
            let ours = self.map.get(key).map(|ours| (ours.timestamp, ours.replica));
            if ours < Some((theirs.timestamp, theirs.replica)) {
                self.set(key, theirs.timestamp, theirs.replica, theirs.value.clone());
            }
        }
        self.merged[number] = other.next_change;
    }
}

impl Service for LwwKv {
    fn handle(&mut self, _source: &str, request: &Body, rng: &mut Rng) -> Body {
        let from = rng.random_range(0..REPLICAS);
        let to = (from + rng.random_range(1..REPLICAS)) % REPLICAS;
        let [source, target] = self.replicas.get_disjoint_mut([from, to]).expect("two replicas");
        target.merge(from, source);

        let number = rng.random_range(0..REPLICAS);
        let replica = &mut self.replicas[number];
        let request = match Request::parse("lww-kv", request) {
            Ok(request) => request,
            Err(error) => return error,
        };
        let outcome = request.execute(replica.map.get(&request.key).map(|entry| &entry.value));
        if let Some(value) = outcome.write {
            replica.set(&request.key, replica.clock, number, value);
            replica.clock += 1;
        }
        outcome.response
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::super::tests::{read, write};
    use super::*;
    use crate::random::stream;

    #[test]
    fn replicas_converge_to_the_write_with_the_highest_timestamp() {
        for seed in 0..50 {
            let mut rng = stream(seed, "test");
            let mut kv = LwwKv::default();
            for i in 0..30 {
                write(&mut kv, "n1", json!(i % 3), json!(i), &mut rng);
            }
            let highest = |key: &Value, kv: &LwwKv| {
                let entries = kv.replicas.iter().filter_map(|replica| replica.map.get(key));
                entries.max_by_key(|entry| (entry.timestamp, entry.replica)).map(|entry| entry.value.clone())
            };
            let expected: Vec<_> = (0..3).map(|key| highest(&json!(key), &kv)).collect();
            // Requests of any kind merge replicas.
            for _ in 0..500 {
                read(&mut kv, "n2", json!("other"), &mut rng);
            }
            for _ in 0..50 {
                for (key, value) in expected.iter().enumerate() {
                    assert_eq!(read(&mut kv, "n3", json!(key), &mut rng), *value);
                }
            }
        }
    }

    #[test]
    fn merging_the_changes_is_equivalent_to_merging_the_whole_map() {
        for seed in 0..50 {
            let mut rng = stream(seed, "test");
            let mut kv = LwwKv::default();
            for i in 0..100 {
                write(&mut kv, "n1", json!(i % 7), json!(i), &mut rng);
                let from = rng.random_range(0..REPLICAS);
                let to = (from + 1) % REPLICAS;
                let [source, target] = kv.replicas.get_disjoint_mut([from, to]).unwrap();
                target.merge(from, source);
                for (key, theirs) in &source.map {
                    let ours = &target.map[key];
                    assert!((ours.timestamp, ours.replica) >= (theirs.timestamp, theirs.replica));
                }
                assert!(target.changes.len() == target.map.len() && target.clock >= source.clock);
            }
        }
    }

    #[test]
    fn stale_reads_and_lost_updates_happen() {
        let (mut missed, mut lost) = (0, 0);
        for seed in 0..100 {
            let mut rng = stream(seed, "test");
            let mut kv = LwwKv::default();
            write(&mut kv, "n1", json!(0), json!("first"), &mut rng);
            write(&mut kv, "n1", json!(0), json!("second"), &mut rng);
            missed += usize::from(read(&mut kv, "n1", json!(0), &mut rng) != Some(json!("second")));
            (0..500).for_each(|_| drop(read(&mut kv, "n1", json!(1), &mut rng)));
            lost += usize::from(read(&mut kv, "n1", json!(0), &mut rng) == Some(json!("first")));
        }
        assert!(missed > 0 && lost > 0);
    }
}
