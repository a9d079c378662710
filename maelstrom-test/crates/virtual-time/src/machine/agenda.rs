//! The agenda: which nodes may have something to do, and when others wake up.
//!
//! A cluster may have a thousand nodes, and most events concern one of them. So no event looks at all nodes.

use std::collections::BTreeSet;

use crate::time::Nanos;

/// Nodes that may run, and when the others wake up.
pub(super) struct Agenda {
    active: BTreeSet<usize>,
    /// (time, node)
    wakeups: BTreeSet<(Nanos, usize)>,
    /// The time of each node in `wakeups`.
    times: Vec<Option<Nanos>>,
}

impl Agenda {
    pub(super) fn new(nodes: usize) -> Self {
        Agenda { active: BTreeSet::new(), wakeups: BTreeSet::new(), times: vec![None; nodes] }
    }

    /// A node may have something to do.
    pub(super) fn activate(&mut self, node: usize) {
        self.active.insert(node);
    }

    /// A node is at rest.
    pub(super) fn is_settled(&mut self, node: usize) {
        self.active.remove(&node);
    }

    /// The first node from `first` on that may have something to do.
    pub(super) fn next_active(&self, first: usize) -> Option<usize> {
        self.active.range(first..).next().copied()
    }

    /// Sets when a node wakes up by itself.
    pub(super) fn set_wakeup(&mut self, node: usize, time: Option<Nanos>) {
        let before = std::mem::replace(&mut self.times[node], time);
        if before == time {
            return;
        }
        if let Some(before) = before {
            self.wakeups.remove(&(before, node));
        }
        if let Some(time) = time {
            self.wakeups.insert((time, node));
        }
    }

    /// When the first node wakes up by itself.
    pub(super) fn next_wakeup(&self) -> Option<Nanos> {
        self.wakeups.first().map(|(time, _)| *time)
    }

    /// The nodes that wake up at or before a time, in their order.
    pub(super) fn due(&self, now: Nanos) -> Vec<usize> {
        let mut due: Vec<usize> = self.wakeups.range(..=(now, usize::MAX)).map(|(_, node)| *node).collect();
        due.sort_unstable();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_due_in_their_order_and_until_their_time_changes() {
        let mut agenda = Agenda::new(4);
        for (node, time) in [(3, 10), (1, 20), (0, 30)] {
            agenda.set_wakeup(node, Some(time));
        }
        assert_eq!(agenda.next_wakeup(), Some(10));
        assert_eq!(agenda.due(20), [1, 3]);
        agenda.set_wakeup(3, None);
        agenda.set_wakeup(1, Some(40));
        assert_eq!((agenda.next_wakeup(), agenda.due(30)), (Some(30), vec![0]));
    }

    #[test]
    fn active_nodes_are_visited_once_each() {
        let mut agenda = Agenda::new(4);
        [2, 0, 2].into_iter().for_each(|node| agenda.activate(node));
        assert_eq!(agenda.next_active(0), Some(0));
        agenda.is_settled(0);
        assert_eq!((agenda.next_active(0), agenda.next_active(3)), (Some(2), None));
    }
}
