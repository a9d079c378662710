//! The kinds of fault and their names.

use std::fmt;
use std::str::FromStr;

use crate::suggest::did_you_mean;

/// A kind of fault. Kinds run independently of one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Nodes do not receive the messages of some others.
    Partition,
    /// The process of a node is killed, and later started again in the same directory.
    Kill,
    /// The process of a node stands still for a while and does not notice.
    Pause,
    /// Messages are lost, duplicated, delayed or reordered.
    Packet,
    /// The clock of a node is wrong (virtual time only).
    Clock,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [FaultKind; 5] =
        [FaultKind::Partition, FaultKind::Kill, FaultKind::Pause, FaultKind::Packet, FaultKind::Clock];

    /// The name that users write: `partition`.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Partition => "partition",
            FaultKind::Kill => "kill",
            FaultKind::Pause => "pause",
            FaultKind::Packet => "packet",
            FaultKind::Clock => "clock",
        }
    }

    /// The functions under which its beginning and its end stand in the history.
    pub fn functions(self) -> (&'static str, &'static str) {
        match self {
            FaultKind::Partition => ("start-partition", "stop-partition"),
            FaultKind::Kill => ("kill", "start"),
            FaultKind::Pause => ("pause", "resume"),
            FaultKind::Packet => ("start-packet", "stop-packet"),
            FaultKind::Clock => ("bump-clock", "reset-clock"),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault was asked for that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault \"{0}\"{hint}; faults are partition, kill, pause, packet and clock",
    hint = did_you_mean(.0, FaultKind::ALL.map(FaultKind::name)))]
pub struct UnknownFault(pub String);

impl FromStr for FaultKind {
    type Err = UnknownFault;

    /// ```
    /// use maelstrom_core::nemesis::FaultKind;
    /// assert_eq!("kill".parse(), Ok(FaultKind::Kill));
    /// let error = "partitions".parse::<FaultKind>().unwrap_err().to_string();
    /// assert!(error.starts_with("there is no fault \"partitions\" (did you mean \"partition\"?)"));
    /// ```
    fn from_str(name: &str) -> Result<FaultKind, UnknownFault> {
        FaultKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}
