//! The log of a key, as sends and polls show it.

use rustc_hash::FxHashMap;

/// The number of a message: a value that was sent to or polled from a key.
pub(super) type MessageId = u32;

/// No message is known at this offset.
const EMPTY: MessageId = MessageId::MAX;

/// Maps offsets to messages, and to positions once all offsets are known. Offsets are mostly small and close together, so they
/// index an array. Other offsets are in a map.
#[derive(Default)]
pub(super) struct Log {
    dense: Vec<MessageId>,
    sparse: FxHashMap<i64, MessageId>,
    /// All offsets, ascending. The position of an offset is its place here.
    offsets: Vec<i64>,
    /// The positions of the offsets in `dense`.
    positions: Vec<u32>,
}

impl Log {
    /// The message that was first seen at an offset.
    pub(super) fn at(&self, offset: i64) -> Option<MessageId> {
        let dense = usize::try_from(offset).ok().and_then(|index| self.dense.get(index)).copied();
        dense.filter(|message| *message != EMPTY).or_else(|| self.sparse.get(&offset).copied())
    }

    /// Records a message at an offset without a message.
    pub(super) fn insert(&mut self, offset: i64, message: MessageId) {
        match usize::try_from(offset) {
            Ok(index) if index < 2 * self.dense.len() + 1024 => {
                if index >= self.dense.len() {
                    self.dense.resize(index + 1, EMPTY);
                }
                self.dense[index] = message;
            }
            _ => {
                self.sparse.insert(offset, message);
            }
        }
    }

    /// Computes the positions, after all messages are known.
    pub(super) fn number(&mut self) {
        let dense = self.dense.iter().zip(0_i64..).filter(|(message, _)| **message != EMPTY).map(|(_, offset)| offset);
        self.offsets = dense.chain(self.sparse.keys().copied()).collect();
        self.offsets.sort_unstable();
        self.positions = vec![0; self.dense.len()];
        for (&offset, position) in self.offsets.iter().zip(0..) {
            if let Some(slot) = usize::try_from(offset).ok().and_then(|index| self.positions.get_mut(index)) {
                *slot = position;
            }
        }
    }

    /// The position of a known offset.
    pub(super) fn position(&self, offset: i64) -> usize {
        match usize::try_from(offset).ok().filter(|&index| self.dense.get(index).is_some_and(|m| *m != EMPTY)) {
            Some(index) => self.positions[index] as usize,
            None => self.offsets.partition_point(|other| *other < offset),
        }
    }

    /// The known offsets, ascending.
    pub(super) fn offsets(&self) -> &[i64] {
        &self.offsets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn is_a_map_that_knows_positions(offsets in prop::collection::vec(prop_oneof![0..50_i64, -3..5000_i64, any::<i64>()], 0..40)) {
            let mut log = Log::default();
            let mut map = BTreeMap::new();
            for (&offset, message) in offsets.iter().zip(0..) {
                prop_assert_eq!(log.at(offset), map.get(&offset).copied());
                if map.insert(offset, message).is_none() {
                    log.insert(offset, message);
                } else {
                    map.insert(offset, log.at(offset).unwrap());
                }
            }
            log.number();
            prop_assert!(log.offsets().iter().eq(map.keys()));
            for (position, (&offset, &message)) in map.iter().enumerate() {
                prop_assert_eq!((log.at(offset), log.position(offset)), (Some(message), position));
            }
        }
    }
}
