//! `seq-kv`: a sequentially consistent key-value store that often executes reads on a past state.

use std::collections::VecDeque;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::Service;
use super::kv::Request;
use crate::json::Value;
use crate::protocol::Body;
use crate::random::Rng;

/// Number of states that are kept.
const KEPT_STATES: u64 = 32;

/// A sequence of states, numbered 0, 1, 2, … Each update creates the next state. The states that a client observes never
/// go backwards.
///
/// A request executes on a random kept state, but not on one older than the client has observed. If the request would
/// change that state, it executes on the newest state instead, and creates the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeqKv {
    /// The number of the newest state.
    newest: u64,
    /// The values of each key in the kept states, each with the number of the state in which it appeared, ascending.
    versions: FxHashMap<Value, VecDeque<(u64, Value)>>,
    /// The changed key of each transition between kept states, in order.
    changed: VecDeque<Value>,
    /// The newest state that each client has observed.
    observed: FxHashMap<String, u64>,
}

impl SeqKv {
    /// The number of the oldest kept state.
    fn oldest(&self) -> u64 {
        self.newest.saturating_sub(KEPT_STATES - 1)
    }

    /// The value of a key in a state.
    fn get(&self, key: &Value, state: u64) -> Option<&Value> {
        let versions = self.versions.get(key)?;
        versions.iter().rev().find(|(since, _)| *since <= state).map(|(_, value)| value)
    }

    /// Executes a request on a state: returns the response, and the new value of the key if the request changes it.
    fn execute(&self, request: &Request, state: u64) -> (Body, Option<Value>) {
        let current = self.get(&request.key, state);
        let outcome = request.execute(current);
        (outcome.response, outcome.write.filter(|value| Some(value) != current))
    }

    /// Creates the next state, in which one key has a new value, and removes versions that no kept state needs.
    fn append(&mut self, key: Value, value: Value) {
        self.newest += 1;
        self.versions.entry(key.clone()).or_default().push_back((self.newest, value));
        self.changed.push_back(key);
        if self.changed.len() as u64 == KEPT_STATES {
            let oldest = self.oldest();
            let key = self.changed.pop_front().expect("a key was added above");
            let versions = self.versions.get_mut(&key).expect("a changed key has versions");
            while versions.get(1).is_some_and(|(since, _)| *since <= oldest) {
                versions.pop_front();
            }
        }
    }
}

impl Service for SeqKv {
    fn handle(&mut self, source: &str, request: &Body, rng: &mut Rng) -> Body {
        let request = match Request::parse("seq-kv", request) {
            Ok(request) => request,
            Err(error) => return error,
        };
        let observed = self.observed.get(source).copied().unwrap_or(0);
        let mut state = rng.random_range(observed.max(self.oldest())..=self.newest);
        let (mut response, mut change) = self.execute(&request, state);
        if change.is_some() {
            (response, change) = self.execute(&request, self.newest);
            if let Some(value) = change {
                self.append(request.key, value);
            }
            state = self.newest;
        }
        self.observed.insert(source.to_owned(), state);
        response
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::super::tests::{call, read, write};
    use super::*;
    use crate::random::stream;

    /// A store in which key 0 had the values 0 … `last`.
    fn counted(last: u64, rng: &mut Rng) -> SeqKv {
        let mut kv = SeqKv::default();
        (0..=last).for_each(|i| write(&mut kv, "writer", json!(0), json!(i), rng));
        kv
    }

    #[test]
    fn new_clients_observe_every_kept_state() {
        let mut rng = stream(1, "test");
        let mut kv = counted(100, &mut rng);
        let mut seen: Vec<u64> =
            (0..1000).map(|i| read(&mut kv, &format!("n{i}"), json!(0), &mut rng).unwrap().as_u64().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (69..=100).collect::<Vec<_>>());
        let mut recent = counted(3, &mut rng);
        assert!((0..100).any(|i| read(&mut recent, &format!("n{i}"), json!(0), &mut rng).is_none()));
    }

    #[test]
    fn reads_of_a_client_never_go_backwards_and_converge() {
        let mut rng = stream(2, "test");
        for _ in 0..50 {
            let mut kv = counted(40, &mut rng);
            let seen: Vec<Value> = (0..100).map(|_| read(&mut kv, "n1", json!(0), &mut rng).unwrap()).collect();
            assert!(seen.is_sorted_by_key(|value| value.as_u64()));
            assert_eq!(seen.last(), Some(&json!(40)));
        }
    }

    #[test]
    fn a_client_that_changes_the_state_observes_all_earlier_updates() {
        let mut rng = stream(3, "test");
        for i in 0..50 {
            let mut kv = counted(i, &mut rng);
            write(&mut kv, "n1", json!("new"), json!(true), &mut rng);
            assert_eq!(read(&mut kv, "n1", json!(0), &mut rng), Some(json!(i)));
        }
    }

    #[test]
    fn a_write_that_changes_nothing_may_execute_on_a_past_state() {
        let mut rng = stream(4, "test");
        let stale = (0..50).filter(|_| {
            let mut kv = counted(5, &mut rng);
            write(&mut kv, "n1", json!(0), json!(3), &mut rng);
            // The write either found the value 3 in a past state, or created a new state after the 5.
            let newest = kv.get(&json!(0), kv.newest).cloned();
            assert!(newest == Some(json!(5)) || newest == Some(json!(3)));
            newest == Some(json!(5))
        });
        assert!(stale.count() > 0);
    }

    #[test]
    fn a_cas_succeeds_only_on_the_newest_state() {
        let mut rng = stream(5, "test");
        for i in 0..50 {
            let mut kv = counted(5, &mut rng);
            let request = json!({"type": "cas", "key": 0, "from": 2, "to": 9});
            let response = call(&mut kv, &format!("n{i}"), request, &mut rng);
            assert!(response["code"] == 22 || response["code"] == 20, "{response:?}");
        }
    }

    #[test]
    fn memory_is_bounded_by_the_number_of_kept_states() {
        let mut rng = stream(6, "test");
        let mut kv = SeqKv::default();
        for i in 0..1000 {
            write(&mut kv, "n1", json!(i % 3), json!(i), &mut rng);
        }
        write(&mut kv, "n1", json!("last"), json!(0), &mut rng);
        let versions: usize = kv.versions.values().map(VecDeque::len).sum();
        assert!(versions <= KEPT_STATES as usize + 3, "{versions}");
    }

    /// One order of updates must explain every response. The reference model keeps each state as a whole map.
    #[test]
    fn responses_agree_with_a_model_that_keeps_whole_states() {
        for seed in 0..100 {
            let mut rng = stream(seed, "test");
            let mut kv = SeqKv::default();
            let mut states: Vec<FxHashMap<Value, Value>> = vec![FxHashMap::default()];
            for _ in 0..200 {
                let (client, key) = (format!("n{}", rng.random_range(0..4)), json!(rng.random_range(0..3)));
                let before = kv.observed.get(&client).copied().unwrap_or(0);
                if rng.random_ratio(1, 3) {
                    let value = json!(rng.random_range(0..3));
                    write(&mut kv, &client, key.clone(), value.clone(), &mut rng);
                    if kv.newest as usize == states.len() {
                        let mut next = states[states.len() - 1].clone();
                        assert_ne!(next.insert(key, value.clone()), Some(value));
                        states.push(next);
                    } else {
                        assert_eq!(states[kv.observed[&client] as usize].get(&key), Some(&value));
                    }
                } else {
                    let value = read(&mut kv, &client, key.clone(), &mut rng);
                    assert_eq!(value.as_ref(), states[kv.observed[&client] as usize].get(&key));
                }
                let after = kv.observed[&client];
                assert!((before..=kv.newest).contains(&after));
            }
            assert_eq!(kv.newest as usize + 1, states.len());
        }
    }
}
