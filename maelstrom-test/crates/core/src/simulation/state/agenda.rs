//! [`Agenda`]: what the simulation itself has to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::history::Nanos;
use crate::network::EndpointId;

/// An entry of the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Event {
    /// The next operation is due.
    Operation,
    /// The generator has to be asked again for an operation of this worker.
    AskAgain(usize),
    /// The request of this client may have timed out.
    Timeout(EndpointId),
    /// The next fault is due.
    Fault,
    /// A node that closed its standard output at this time should have exited by now.
    OutputClosed(usize, Nanos),
    /// The time limit is reached.
    MainPhaseEnds,
    /// The quiet period before the final phase is over.
    QuietPeriodEnds,
}

/// Events ordered by time, then by when they were added.
#[derive(Debug, Default)]
pub(in super::super) struct Agenda {
    queue: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    added: u64,
}

impl Agenda {
    pub(in super::super) fn add(&mut self, time: Nanos, event: Event) {
        self.added += 1;
        self.queue.push(Reverse((time, self.added, event)));
    }

    pub(in super::super) fn next_time(&self) -> Option<Nanos> {
        self.queue.peek().map(|Reverse((time, ..))| *time)
    }

    pub(in super::super) fn pop(&mut self) -> Option<(Nanos, Event)> {
        self.queue.pop().map(|Reverse((time, _, event))| (time, event))
    }
}
