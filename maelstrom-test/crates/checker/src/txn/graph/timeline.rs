//! The real-time order of transactions.

use crate::entries::NONE;

/// The order in which transactions begin and end, as far as it matters to real-time edges.
#[derive(Default)]
pub(crate) struct TransactionTimeline {
    /// In order: `2 × transaction` for a beginning, `2 × transaction + 1` for an end. Transactions that are not known to
    /// have happened are missing. Those that happened without an ok completion have no end.
    pub(crate) events: Vec<u32>,
}

impl TransactionTimeline {
    /// Whether some transaction was complete before another began.
    pub(crate) fn orders_any(&self) -> bool {
        let first_end = self.events.iter().position(|event| event & 1 == 1);
        first_end.is_some_and(|end| self.events[end..].iter().any(|event| event & 1 == 0))
    }

    /// The transitive reduction of the real-time order within each group of transactions. `group_of` maps a transaction
    /// to its group, or to [`NONE`] if it has none. Edges are in the order in which their targets begin.
    pub(in crate::txn) fn reduction(&self, group_of: &[u32], groups: usize) -> Vec<(u32, u32)> {
        // By group, the complete transactions that precede no other complete one.
        let mut latest: Vec<Vec<u32>> = vec![Vec::new(); groups];
        let mut edges: Vec<(u32, u32)> = Vec::new();
        // By transaction, the range of the edges to it, and the transaction whose end removed it from `latest`.
        let mut incoming: Vec<(u32, u32)> = vec![(0, 0); group_of.len()];
        let mut dropped_by: Vec<u32> = vec![NONE; group_of.len()];
        for event in &self.events {
            let txn = event >> 1;
            let group = group_of[txn as usize];
            if group == NONE {
                continue;
            }
            let latest = &mut latest[group as usize];
            if event & 1 == 0 {
                let first = edges.len() as u32;
                edges.extend(latest.iter().map(|before| (*before, txn)));
                incoming[txn as usize] = (first, edges.len() as u32);
            } else {
                let (first, last) = incoming[txn as usize];
                for (before, _) in &edges[first as usize..last as usize] {
                    dropped_by[*before as usize] = txn;
                }
                latest.retain(|before| dropped_by[*before as usize] != txn);
                latest.push(txn);
            }
        }
        edges
    }
}
