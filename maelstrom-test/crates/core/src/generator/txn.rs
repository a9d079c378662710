//! Random transactions over a few active keys. A key is replaced after a number of writes.

use rand::RngExt;

use crate::random::Rng;

/// One operation of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MicroOp {
    /// Read a key.
    Read(u64),
    /// Write (append, send) to a key; the second number is the value.
    Write(u64, u64),
}

/// A source of reads and writes with equal probability.
///
/// A fixed number of keys is active. Each key is twice as likely as the one before it, so that some keys are contended and
/// some are rarely used. The values written to a key are 1, 2, 3, …, so each is unique. When a write would exceed
/// `max_writes_per_key`, a new key replaces the key; until then its last writes can still be read.
#[derive(Clone, Debug)]
pub(crate) struct TxnSource {
    /// Active keys, each with its number of writes.
    active: Vec<(u64, u64)>,
    next_key: u64,
    max_writes_per_key: u64,
}

impl TxnSource {
    /// Creates a source whose first active keys are 0 … `key_count`−1. Both parameters are at least 1.
    pub(crate) fn new(key_count: u64, max_writes_per_key: u64) -> TxnSource {
        let key_count = key_count.max(1);
        let active = (0..key_count).map(|key| (key, 0)).collect();
        TxnSource { active, next_key: key_count, max_writes_per_key: max_writes_per_key.max(1) }
    }

    /// The active keys.
    pub(crate) fn active_keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.active.iter().map(|(key, _)| *key)
    }

    /// Draws an operation.
    pub(crate) fn micro_op(&mut self, rng: &mut Rng) -> MicroOp {
        let slot = self.slot(rng);
        if rng.random() {
            return MicroOp::Read(self.active[slot].0);
        }
        if self.active[slot].1 == self.max_writes_per_key {
            self.active[slot] = (self.next_key, 0);
            self.next_key += 1;
        }
        let (key, writes) = &mut self.active[slot];
        *writes += 1;
        MicroOp::Write(*key, *writes)
    }

    /// Draws a transaction of `min` to `max` operations, uniformly.
    pub(crate) fn txn(&mut self, min: u64, max: u64, rng: &mut Rng) -> Vec<MicroOp> {
        let length = rng.random_range(min..=max.max(min));
        (0..length).map(|_| self.micro_op(rng)).collect()
    }

    /// Draws the position of an active key. The last one has a probability of about 1/2, the one before it 1/4, …
    fn slot(&self, rng: &mut Rng) -> usize {
        loop {
            let zeros = rng.random::<u64>().trailing_zeros() as usize;
            if zeros < self.active.len() {
                return self.active.len() - 1 - zeros;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::stream;

    #[test]
    fn each_key_is_twice_as_likely_as_the_one_before() {
        let mut rng = stream(0, "test");
        let source = TxnSource::new(4, 16);
        let mut counts = [0.0; 4];
        (0..15_000).for_each(|_| counts[source.slot(&mut rng)] += 1.0);
        for (slot, count) in counts.into_iter().enumerate() {
            let expected = f64::from(1000 << slot);
            assert!((expected * 0.9..expected * 1.1).contains(&count), "{counts:?}");
        }
        assert_eq!(TxnSource::new(1, 1).slot(&mut rng), 0);
    }

    #[test]
    fn values_count_up_from_1_and_full_keys_are_replaced() {
        let mut rng = stream(1, "test");
        let mut source = TxnSource::new(3, 5);
        let mut written: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut reads = 0;
        for _ in 0..1000 {
            match source.micro_op(&mut rng) {
                MicroOp::Read(key) => {
                    assert!(source.active_keys().any(|active| active == key));
                    reads += 1;
                }
                MicroOp::Write(key, value) => written.entry(key).or_default().push(value),
            }
            assert_eq!(source.active_keys().count(), 3);
        }
        assert!((450..550).contains(&reads));
        assert!(written.keys().copied().eq(0..written.len() as u64));
        for (key, values) in written {
            assert!(values.iter().copied().eq(1..=values.len() as u64));
            assert!(values.len() == 5 || source.active_keys().any(|active| active == key));
        }
    }

    #[test]
    fn transaction_lengths_are_uniform() {
        let mut rng = stream(2, "test");
        let mut source = TxnSource::new(10, 16);
        let mut counts = [0; 5];
        (0..4000).for_each(|_| counts[source.txn(1, 4, &mut rng).len()] += 1);
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
