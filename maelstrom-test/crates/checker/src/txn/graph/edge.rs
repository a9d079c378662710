//! Edges and their kinds.

use std::fmt;

/// Why one transaction precedes another, from the strongest claim to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum EdgeKind {
    /// The second overwrote what the first wrote.
    Ww = 0,
    /// The second read what the first wrote.
    Wr = 1,
    /// The second overwrote what the first read.
    Rw = 2,
    /// One process performed them in this order.
    Process = 3,
    /// The first was complete before the second began.
    Realtime = 4,
    /// The edge leaves a hub. The claim is that of the edge into the hub.
    HubExit = 5,
}

impl EdgeKind {
    /// The name of the kind in reports.
    pub(crate) fn name(self) -> &'static str {
        ["ww", "wr", "rw", "process", "realtime", ""][self as usize]
    }

    /// The kind as a set with one member.
    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }

    fn from_bits(bits: u32) -> EdgeKind {
        [EdgeKind::Ww, EdgeKind::Wr, EdgeKind::Rw, EdgeKind::Process, EdgeKind::Realtime, EdgeKind::HubExit]
            [bits as usize]
    }
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An edge: its target, and in the lowest three bits its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::txn) struct Edge(u32);

impl Edge {
    pub(in crate::txn) fn new(target: u32, kind: EdgeKind) -> Edge {
        Edge(target << 3 | kind as u32)
    }

    pub(in crate::txn) fn target(self) -> u32 {
        self.0 >> 3
    }

    pub(in crate::txn) fn kind(self) -> EdgeKind {
        EdgeKind::from_bits(self.0 & 7)
    }
}
