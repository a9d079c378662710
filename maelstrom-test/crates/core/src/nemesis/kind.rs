//! The kinds of fault and their names.

use std::fmt;
use std::str::FromStr;

use crate::suggest::did_you_mean;

/// A kind of fault. The kinds are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Some nodes do not receive each other's messages.
    Partition,
    /// The process of a node is killed, and restarted later in the same directory.
    Kill,
    /// The process of a node is stopped for a while, and cannot notice.
    Pause,
    /// Messages are lost, duplicated, delayed or reordered.
    Packet,
    /// The clock of a node is shifted (virtual time only).
    Clock,
}

impl FaultKind {
    /// All kinds of fault.
    pub const ALL: [FaultKind; 5] =
        [FaultKind::Partition, FaultKind::Kill, FaultKind::Pause, FaultKind::Packet, FaultKind::Clock];

    /// The name in options: `partition`.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Partition => "partition",
            FaultKind::Kill => "kill",
            FaultKind::Pause => "pause",
            FaultKind::Packet => "packet",
            FaultKind::Clock => "clock",
        }
    }

    /// The functions of the history entries for its start and its end.
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

/// The error for an unknown kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault \"{0}\"{hint}; faults are partition, kill, pause, packet and clock",
    hint = did_you_mean(.0, FaultKind::ALL.map(FaultKind::name)))]
pub struct UnknownFault(pub String);

impl FromStr for FaultKind {
    type Err = UnknownFault;

    /// Finds the kind with this name.
    ///
    /// # Errors
    /// If there is no such kind.
    ///
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
