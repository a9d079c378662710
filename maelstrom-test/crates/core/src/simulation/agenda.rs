//! What the core itself has to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::history::Nanos;
use crate::network::EndpointId;

/// An entry of the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The next operation may begin.
    Operation,
    /// The generator asked for patience with this worker.
    AskAgain(usize),
    /// This client may have waited long enough.
    Timeout(EndpointId),
    /// The nemesis wants to act.
    Fault,
    /// A node that closed its standard output at this time has had time to end.
    OutputClosed(usize, Nanos),
    /// The time limit is reached.
    MainPhaseEnds,
    /// Recovery is over.
    QuietPeriodEnds,
}

/// Events ordered by time, then by when they were entered.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    entered: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, time: Nanos, event: Event) {
        self.entered += 1;
        self.queue.push(Reverse((time, self.entered, event)));
    }

    pub(super) fn next_time(&self) -> Option<Nanos> {
        self.queue.peek().map(|Reverse((time, ..))| *time)
    }

    pub(super) fn pop(&mut self) -> Option<(Nanos, Event)> {
        self.queue.pop().map(|Reverse((time, _, event))| (time, event))
    }
}
