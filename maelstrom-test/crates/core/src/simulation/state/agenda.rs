//! [`Agenda`]: what the simulation itself has to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::history::Nanos;
use crate::network::EndpointId;

/// An entry of the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Event {
    /// The run ends, whatever its phase.
    RunEnds,
    /// The next operation is due.
    Operation,
    /// The generator has to be asked again for an operation of this worker.
    AskAgain(usize),
    /// A worker has become idle, or the final phase has begun.
    WorkersAreIdle,
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

/// What comes first of several things that are due at the same time.
///
/// The order is fixed, so that it does not depend on how each of them came about: an operation that a plan spells out begins
/// at the same place among the others as the same operation when it was drawn. Operations come last, because they may wait
/// for any of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Rank {
    End,
    Delivery,
    Timer,
    Phase,
    Fault,
    Operation,
}

impl Event {
    fn rank(self) -> Rank {
        match self {
            Event::RunEnds => Rank::End,
            Event::Timeout(_) | Event::OutputClosed(..) => Rank::Timer,
            Event::MainPhaseEnds | Event::QuietPeriodEnds => Rank::Phase,
            Event::Fault => Rank::Fault,
            Event::Operation | Event::AskAgain(_) | Event::WorkersAreIdle => Rank::Operation,
        }
    }
}

/// Events ordered by time, then by rank, then by when they were added.
#[derive(Debug, Default)]
pub(in super::super) struct Agenda {
    queue: BinaryHeap<Reverse<(Nanos, Rank, u64, Event)>>,
    added: u64,
}

impl Agenda {
    pub(in super::super) fn add(&mut self, time: Nanos, event: Event) {
        self.added += 1;
        self.queue.push(Reverse((time, event.rank(), self.added, event)));
    }

    /// Time and rank of the next event.
    pub(in super::super) fn next(&self) -> Option<(Nanos, Rank)> {
        self.queue.peek().map(|Reverse((time, rank, ..))| (*time, *rank))
    }

    pub(in super::super) fn pop(&mut self) -> Option<(Nanos, Event)> {
        self.queue.pop().map(|Reverse((time, .., event))| (time, event))
    }
}
