//! Random transactions over a few active keys that are replaced as they fill up.

use rand::RngExt;

use crate::random::Rng;

/// One operation of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicroOp {
    /// Read a key.
    Read(u64),
    /// Write (append, send) to a key the value that is the second number.
    Write(u64, u64),
}

/// A source of reads and writes, equally likely.
///
/// A fixed number of keys is active at any time, each twice as likely as the one before it, so that some are contended
/// and some are rarely touched. Written values are 1, 2, 3, … per key, hence unique. A key that is full is replaced by a
/// new one when it would be written again; until then its last writes can still be read.
#[derive(Clone, Debug)]
pub struct TxnSource {
    /// Active keys with the number of writes that each has had.
    active: Vec<(u64, u64)>,
    next_key: u64,
    max_writes_per_key: u64,
}

impl TxnSource {
    /// Keys 0 … `key_count`−1 (at least one) are active at first; each takes so many writes (at least one).
    pub fn new(key_count: u64, max_writes_per_key: u64) -> TxnSource {
        let key_count = key_count.max(1);
        let active = (0..key_count).map(|key| (key, 0)).collect();
        TxnSource { active, next_key: key_count, max_writes_per_key: max_writes_per_key.max(1) }
    }

    /// The keys in play.
    pub fn active_keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.active.iter().map(|(key, _)| *key)
    }

    /// The next operation.
    pub fn micro_op(&mut self, rng: &mut Rng) -> MicroOp {
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

    /// The next transaction, of `min` to `max` operations, uniformly.
    pub fn txn(&mut self, min: u64, max: u64, rng: &mut Rng) -> Vec<MicroOp> {
        let length = rng.random_range(min..=max.max(min));
        (0..length).map(|_| self.micro_op(rng)).collect()
    }

    /// A random active key: the last has probability 1/2 (nearly), the one before it 1/4, …
    fn slot(&self, rng: &mut Rng) -> usize {
        loop {
            let tails = rng.random::<u64>().trailing_zeros() as usize;
            if tails < self.active.len() {
                return self.active.len() - 1 - tails;
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
    fn each_next_key_is_twice_as_likely() {
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
    fn keys_get_the_values_from_1_on_and_are_replaced_when_full() {
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
    fn lengths_are_uniform() {
        let mut rng = stream(2, "test");
        let mut source = TxnSource::new(10, 16);
        let mut counts = [0; 5];
        (0..4000).for_each(|_| counts[source.txn(1, 4, &mut rng).len()] += 1);
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
