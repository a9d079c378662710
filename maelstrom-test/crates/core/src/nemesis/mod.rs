//! Faults: what is done to whom, and when. Pure: the simulation carries it out and counts the effects.
//!
//! A real network loses messages and cuts clusters in two, real machines stop and crash. A [`Nemesis`] does such things
//! to the nodes on purpose, in a way that a seed reproduces. Each [`FaultKind`] runs by itself and alternates: it starts
//! (a partition, say), and after a random time it stops again. Whom it hits is drawn anew each time: one node, a
//! minority, a majority, the likely leader, …
//!
//! ```
//! use maelstrom_core::nemesis::{Action, FaultKind, Nemesis, View};
//! let nodes: Vec<String> = (0..5).map(|i| format!("n{i}")).collect();
//! let kinds = ["partition".parse::<FaultKind>()?];
//! let (mut nemesis, notes) = Nemesis::new(&kinds, &nodes, 10_000_000_000, 60_000_000_000, 7);
//! assert!(notes.is_empty());
//! let now = nemesis.next_time().expect("a partition comes early in the run");
//! let step = nemesis.act(now, &View::default());
//! assert_eq!(step.f, "start-partition");
//! assert_eq!(nemesis.heal(&View::default())[0].action, Action::Heal);
//! # Ok::<(), maelstrom_core::nemesis::UnknownFault>(())
//! ```

mod grudge;
mod kind;
mod schedule;
mod targets;

pub use kind::{FaultKind, UnknownFault};
pub use schedule::{Nemesis, View};

use crate::json::Value;

/// For each node (by number): the nodes whose messages it drops.
pub type Grudge = Vec<Vec<usize>>;

/// What a fault does to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// From now on every node drops the messages of those that it bears a grudge against.
    Partition(Grudge),
    /// No more partitions.
    Heal,
    /// SIGKILL to the whole process tree of each.
    Kill(Vec<usize>),
    /// Start all nodes that are down, initialise them again, set them up again.
    Start,
    /// SIGSTOP to the whole process tree of each.
    Pause(Vec<usize>),
    /// SIGCONT to all that are paused.
    Resume,
    /// Mistreat the messages to and from the targets.
    Packet {
        /// Nodes concerned.
        targets: Vec<usize>,
        /// What happens to their messages.
        behaviour: PacketBehaviour,
    },
    /// No more mistreatment.
    StopPacket,
    /// Shift the clocks of these nodes by so many nanoseconds, in addition to earlier shifts.
    BumpClock(Vec<(usize, i64)>),
    /// All clocks right again.
    ResetClock,
}

impl Action {
    /// The kind of fault that this begins or ends.
    pub fn kind(&self) -> FaultKind {
        match self {
            Action::Partition(_) | Action::Heal => FaultKind::Partition,
            Action::Kill(_) | Action::Start => FaultKind::Kill,
            Action::Pause(_) | Action::Resume => FaultKind::Pause,
            Action::Packet { .. } | Action::StopPacket => FaultKind::Packet,
            Action::BumpClock(_) | Action::ResetClock => FaultKind::Clock,
        }
    }
}

/// What the `packet` fault does to messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PacketBehaviour {
    /// Lost with this probability.
    Lose(f64),
    /// A second copy arrives with this probability.
    Duplicate(f64),
    /// Delayed by so many nanoseconds more, on average (exponential).
    Delay(u64),
    /// With this probability delayed by up to so many nanoseconds more, so that later ones overtake it.
    Reorder(f64, u64),
}

/// An action with its entry in the history.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultOp {
    /// `start-partition`, `stop-partition`, `kill`, `start`, …
    pub f: &'static str,
    /// What was done to whom, in a form that people can read.
    pub value: Value,
    /// What to do.
    pub action: Action,
}
