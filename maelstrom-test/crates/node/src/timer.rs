//! [`Timers`]: a queue of tasks, ordered by their due time.

use std::collections::BTreeMap;
use std::time::Duration;

/// Identifies a task: its due time, and a sequence number.
pub(super) type TimerId = (Duration, u64);

/// A queue of tasks. Tasks with equal due times run in the order of their insertion.
pub(super) struct Timers<T> {
    tasks: BTreeMap<TimerId, T>,
    added: u64,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Timers<T> {
        Timers { tasks: BTreeMap::new(), added: 0 }
    }

    pub(super) fn add(&mut self, due: Duration, task: T) -> TimerId {
        self.added += 1;
        let id = (due, self.added);
        self.tasks.insert(id, task);
        id
    }

    pub(super) fn cancel(&mut self, id: TimerId) {
        self.tasks.remove(&id);
    }

    /// When the next task is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.tasks.first_key_value().map(|((due, _), _)| *due)
    }

    /// Removes the first task if it is due.
    pub(super) fn pop(&mut self, now: Duration) -> Option<(Duration, T)> {
        let first = self.tasks.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((due, _), task) = first.remove_entry();
        Some((due, task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_ordered_by_due_time_then_by_insertion() {
        let ms = Duration::from_millis;
        let mut timers = Timers::new();
        timers.add(ms(20), "c");
        timers.add(ms(10), "a");
        let cancelled = timers.add(ms(10), "x");
        timers.add(ms(10), "b");
        timers.cancel(cancelled);
        assert_eq!(timers.next_due(), Some(ms(10)));
        assert_eq!(timers.pop(ms(9)), None);
        let order: Vec<_> = std::iter::from_fn(|| timers.pop(ms(20))).map(|(_, task)| task).collect();
        assert_eq!(order, ["a", "b", "c"]);
    }
}
