//! `lww-kv`: a last-write-wins key-value store that is intentionally pathological.

use rand::RngExt;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::Service;
use super::kv::Request;
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

/// A replica: a Lamport clock and a map.
#[derive(Clone, Debug, Default)]
struct Replica {
    clock: u64,
    map: FxHashMap<Value, Entry>,
}

/// A value and the write that it came from. No two writes have the same timestamp and replica, so replicas converge.
#[derive(Clone, Debug)]
struct Entry {
    timestamp: u64,
    replica: usize,
    value: Value,
}

impl Replica {
    /// Learns all that another replica knows.
    fn merge(&mut self, other: &Replica) {
        self.clock = self.clock.max(other.clock);
        for (key, theirs) in &other.map {
            match self.map.get_mut(key) {
                Some(ours) if (ours.timestamp, ours.replica) >= (theirs.timestamp, theirs.replica) => {}
                Some(ours) => *ours = theirs.clone(),
                None => {
                    self.map.insert(key.clone(), theirs.clone());
                }
            }
        }
    }
}

impl Service for LwwKv {
    fn handle(&mut self, _source: &str, request: &Body, rng: &mut Rng) -> Body {
        let from = rng.random_range(0..REPLICAS);
        let to = (from + rng.random_range(1..REPLICAS)) % REPLICAS;
        let [from, to] = self.replicas.get_disjoint_mut([from, to]).expect("two replicas");
        to.merge(from);

        let number = rng.random_range(0..REPLICAS);
        let replica = &mut self.replicas[number];
        let request = match Request::parse("lww-kv", request) {
            Ok(request) => request,
            Err(error) => return error,
        };
        let outcome = request.execute(replica.map.get(&request.key).map(|entry| &entry.value));
        if let Some(value) = outcome.write {
            replica.map.insert(request.key, Entry { timestamp: replica.clock, replica: number, value });
            replica.clock += 1;
        }
        outcome.response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
