//! The nemesis: decides which faults happen to which nodes, and when.
//!
//! Real networks lose messages and partition clusters; real machines stall and crash. The nemesis causes such faults on
//! purpose, and the seed reproduces them. Each [`FaultKind`] alternates between starting and stopping, independently of
//! the others:
//!
//! ```text
//! partition   ──────┤ start ├──────────────────┤ stop ├───────┤ start ├─────── … ┤ healed at the end of the main phase
//! kill        ─┤ kill ├────────┤ start ├──────────────────────────┤ kill ├──── … ┤
//! ```
//!
//! The targets are drawn again for each start: one node, a minority, a majority, the likely leader, and so on.
//!
//! | fault | what it does to its targets | history entries |
//! | --- | --- | --- |
//! | `partition` | drops messages between some nodes | `start-partition`, `stop-partition` |
//! | `kill` | kills the process, and restarts it in the same directory | `kill`, `start` |
//! | `pause` | stops the process, and continues it | `pause`, `resume` |
//! | `packet` | loses, duplicates, delays or reorders messages | `start-packet`, `stop-packet` |
//! | `clock` | shifts the clock (virtual time only) | `bump-clock`, `reset-clock` |
//!
//! A plan can spell the faults out; then the nemesis draws none.
//!
//! The nemesis only decides. The simulation performs its actions and counts their effects.

mod grudge;
mod kind;
mod planned;
mod schedule;
mod targets;

pub use kind::{FaultKind, UnknownFault};
pub(crate) use planned::effect;
pub(crate) use schedule::{ClusterView, Nemesis};

use crate::json::Value;
use crate::plan::PacketBehaviour;

/// For each node, by number: the nodes whose messages it drops.
pub(crate) type Grudge = Vec<Vec<usize>>;

/// What the nemesis does to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Every node drops the messages of the nodes in its part of the grudge.
    Partition(Grudge),
    /// Ends the partition.
    Heal,
    /// Sends SIGKILL to the process tree of each node.
    Kill(Vec<usize>),
    /// Starts all nodes that are down, and repeats their initialisation and set-up.
    Start,
    /// Sends SIGSTOP to the process tree of each node.
    Pause(Vec<usize>),
    /// Sends SIGCONT to all paused nodes.
    Resume,
    /// Starts to lose, duplicate, delay or reorder messages to and from the targets.
    Packet {
        /// The nodes whose messages are affected.
        targets: Vec<usize>,
        /// What happens to the messages.
        behaviour: PacketBehaviour,
    },
    /// Ends the `packet` fault.
    StopPacket,
    /// Shifts the clocks of nodes by a number of nanoseconds, in addition to earlier shifts.
    BumpClock(Vec<(usize, i64)>),
    /// Ends all shifts of clocks.
    ResetClock,
}

impl Action {
    /// The kind of fault that the action starts or stops.
    pub(crate) fn kind(&self) -> FaultKind {
        match self {
            Action::Partition(_) | Action::Heal => FaultKind::Partition,
            Action::Kill(_) | Action::Start => FaultKind::Kill,
            Action::Pause(_) | Action::Resume => FaultKind::Pause,
            Action::Packet { .. } | Action::StopPacket => FaultKind::Packet,
            Action::BumpClock(_) | Action::ResetClock => FaultKind::Clock,
        }
    }
}

/// An action with its entry in the history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaultOp {
    /// The function of the history entry: `start-partition`, `stop-partition`, `kill`, …
    pub(crate) f: &'static str,
    /// The value of the history entry: what was done to which nodes, in readable form.
    pub(crate) value: Value,
    /// The action.
    pub(crate) action: Action,
}
