//! `lww-kv`: a last-write-wins key-value store that is intentionally pathological.

use std::collections::BTreeMap;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::Service;
use super::kv::Request;
use crate::json::Value;
use crate::protocol::Body;
use crate::random::Rng;

/// How many replicas there are.
const REPLICAS: usize = 5;

/// Several replicas that learn of one another's writes now and then: eventually consistent and nothing more. A client may
/// miss its own write, and of two concurrent writes one is lost although both were acknowledged.
#[derive(Clone, Debug, Default)]
pub struct LwwKv {
    replicas: [Replica; REPLICAS],
}

/// A replica: a Lamport clock and a map, and what it takes to learn from others only what is new.
#[derive(Clone, Debug, Default)]
struct Replica {
    clock: u64,
    map: FxHashMap<Value, Entry>,
    /// Every key by its last change here; changes are numbered 0, 1, 2, …
    changes: BTreeMap<u64, Value>,
    next_change: u64,
    /// How many changes of each replica are known here.
    known: [u64; REPLICAS],
}

/// A value and the write that it came from. No two writes have the same timestamp and replica, so replicas converge.
#[derive(Clone, Debug)]
struct Entry {
    timestamp: u64,
    replica: usize,
    value: Value,
    /// Its number among the changes of the replica that holds it.
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

    /// Learns all that the other replica, which has this number, knows.
    fn merge(&mut self, number: usize, other: &Replica) {
        self.clock = self.clock.max(other.clock);
        for (_, key) in other.changes.range(self.known[number]..) {
            let theirs = &other.map[key];
            let ours = self.map.get(key).map(|ours| (ours.timestamp, ours.replica));
            if ours < Some((theirs.timestamp, theirs.replica)) {
                self.set(key, theirs.timestamp, theirs.replica, theirs.value.clone());
            }
        }
        self.known[number] = other.next_change;
    }
}

impl Service for LwwKv {
    fn handle(&mut self, _source: &str, request: &Body, rng: &mut Rng) -> Body {
        let from = rng.random_range(0..REPLICAS);
        let to = (from + rng.random_range(1..REPLICAS)) % REPLICAS;
        let [learned, learner] = self.replicas.get_disjoint_mut([from, to]).expect("two replicas");
        learner.merge(from, learned);

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
    fn replicas_converge_to_the_highest_write() {
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
            // Requests of any kind spread the news.
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
    fn learning_what_is_new_is_learning_everything() {
        for seed in 0..50 {
            let mut rng = stream(seed, "test");
            let mut kv = LwwKv::default();
            for i in 0..100 {
                write(&mut kv, "n1", json!(i % 7), json!(i), &mut rng);
                let from = rng.random_range(0..REPLICAS);
                let to = (from + 1) % REPLICAS;
                let [learned, learner] = kv.replicas.get_disjoint_mut([from, to]).unwrap();
                learner.merge(from, learned);
                for (key, theirs) in &learned.map {
                    let ours = &learner.map[key];
                    assert!((ours.timestamp, ours.replica) >= (theirs.timestamp, theirs.replica));
                }
                assert!(learner.changes.len() == learner.map.len() && learner.clock >= learned.clock);
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
