//! Groups of workers that work on one key at a time.

use std::collections::BTreeSet;

use rand::RngExt;

use super::{Generator, Invocation, Next, Worker};
use crate::random::Rng;

/// Splits the workers into groups. All workers of a group use one key, and move to the next key together.
///
/// The history of a single key stays short enough to be checked, and faults occur at every stage of a key's history. Keys
/// are 0, 1, 2, … across groups. `op` creates an operation from the worker's number within its group and the key.
pub(crate) struct KeyGroups<F> {
    group_size: usize,
    max_processes: usize,
    ops_per_key: Option<u64>,
    op: F,
    next_key: u64,
    groups: Vec<Group>,
}

/// The key of a group and how much it was used.
struct Group {
    key: u64,
    processes: BTreeSet<u64>,
    ops: u64,
    limit: u64,
}

impl<F: FnMut(usize, u64, &mut Rng) -> Invocation + Send> KeyGroups<F> {
    /// Creates groups of `group_size` workers (at least one). A group moves to the next key when `max_processes` different
    /// processes have used the current one, or after `ops_per_key` operations minus a random share of up to a tenth. The
    /// random share keeps the groups from moving simultaneously.
    pub(crate) fn new(group_size: usize, max_processes: usize, ops_per_key: Option<u64>, op: F) -> KeyGroups<F> {
        let group_size = group_size.max(1);
        KeyGroups { group_size, max_processes, ops_per_key, op, next_key: 0, groups: Vec::new() }
    }

    /// Takes the next key.
    fn take_key(&mut self, rng: &mut Rng) -> Group {
        let key = self.next_key;
        self.next_key += 1;
        let limit = self.ops_per_key.map_or(u64::MAX, |ops| ops - rng.random_range(0..=ops / 10));
        Group { key, processes: BTreeSet::new(), ops: 0, limit: limit.max(1) }
    }
}

impl<F: FnMut(usize, u64, &mut Rng) -> Invocation + Send> Generator for KeyGroups<F> {
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next {
        let number = worker.index / self.group_size;
        while self.groups.len() <= number {
            let group = self.take_key(rng);
            self.groups.push(group);
        }
        let group = &self.groups[number];
        if group.ops >= group.limit || group.processes.len() >= self.max_processes {
            self.groups[number] = self.take_key(rng);
        }
        let group = &mut self.groups[number];
        group.ops += 1;
        group.processes.insert(worker.process);
        Next::Op((self.op)(worker.index % self.group_size, group.key, rng))
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;
    use crate::random::stream;

    /// The key of the next operation of a worker.
    fn key(source: &mut impl Generator, index: usize, process: u64, rng: &mut Rng) -> u64 {
        match source.next(Worker { index, process, now: 0 }, rng) {
            Next::Op(op) => op.value[0].as_u64().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_group_moves_to_the_next_key_after_enough_processes() {
        let mut rng = stream(0, "test");
        let op = |index: usize, key: u64, _: &mut Rng| Invocation::new("f", json!([key, index]));
        let mut source = KeyGroups::new(4, 6, None, op);
        assert_eq!(key(&mut source, 0, 0, &mut rng), 0);
        assert_eq!(key(&mut source, 5, 5, &mut rng), 1);
        (0..1000).for_each(|i| assert_eq!(key(&mut source, i % 4, i as u64 % 4, &mut rng), 0));
        assert_eq!(key(&mut source, 0, 8, &mut rng), 0);
        assert_eq!(key(&mut source, 0, 16, &mut rng), 0);
        assert_eq!(key(&mut source, 1, 1, &mut rng), 2);
        assert_eq!(key(&mut source, 4, 4, &mut rng), 1);
    }

    #[test]
    fn a_group_moves_to_the_next_key_after_enough_operations() {
        let mut rng = stream(0, "test");
        let op = |index: usize, key: u64, _: &mut Rng| Invocation::new("f", json!([key, index]));
        let mut source = KeyGroups::new(2, 100, Some(50), op);
        let mut counts = vec![0; 300];
        (0..10_000).for_each(|i| counts[key(&mut source, i % 2, 0, &mut rng) as usize] += 1);
        let used: Vec<i32> = counts.into_iter().filter(|&count| count > 0).collect();
        assert!(used[..used.len() - 1].iter().all(|count| (45..=50).contains(count)), "{used:?}");
        assert!(used.contains(&45) && used.contains(&50));
    }
}
