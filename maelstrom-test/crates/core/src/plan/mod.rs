//! Plans: what of a run is spelled out instead of drawn from the seed.
//!
//! Everything that the node programs do not decide is a *choice*: which operation a client begins and when, which fault
//! strikes whom and when, and the fate of each message. A choice is drawn from the seed and its *identity*, so a run in
//! which one choice is changed or left out differs only by what follows from that. [`Overrides`] change choices.
//!
//! | choice | identity |
//! | --- | --- |
//! | operation | its number |
//! | action of a fault | the kind of fault, and the number of the action |
//! | fate of a message | [`MessageId`]: source, incarnation of the source, destination, number on that link |
//! | answer of a service | service, client, number of the client's request |
//!
//! ```
//! use maelstrom_core::plan::{Fate, MessageId, Overrides};
//! let first = MessageId { src: "n0".into(), incarnation: 0, dest: "n1".into(), number: 0 };
//! let lost = Overrides { messages: vec![Fate { id: first, delays_ns: vec![] }], ..Overrides::default() };
//! assert!(lost != Overrides::default());
//! ```

mod check;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::Nanos;
use crate::json::{Map, Value};

/// Choices that are spelled out. Everything else is drawn from the seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// The operations of the clients, in order of phase and time. `None`: as the workload generates them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
    /// The faults, in order of their start. `None`: as the nemesis draws them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<Fault>>,
    /// The fate of all messages that [`messages`](Overrides::messages) does not name.
    #[serde(default, skip_serializing_if = "OtherMessages::is_drawn")]
    pub other_messages: OtherMessages,
    /// The fates of single messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Fate>,
    /// When the run ends, in nanoseconds of its clock. Operations that are in progress then have no completion. `None`:
    /// after the last phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ns: Option<Nanos>,
}

/// A phase in which clients perform operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationPhase {
    /// The main phase.
    #[default]
    Main,
    /// The final phase, after the end of all faults.
    Final,
}

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The phase in which it begins.
    #[serde(default)]
    pub phase: OperationPhase,
    /// When it begins, in nanoseconds from the start of its phase. If the worker is busy then, it begins when the worker is
    /// idle.
    pub time_ns: Nanos,
    /// The number of the worker that performs it.
    pub worker: usize,
    /// The function.
    pub f: String,
    /// Its argument.
    pub value: Value,
    /// Whether the workload marks it as final (`final: true` in the history).
    #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// Additional keys of the history entry.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// A fault from its start to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it starts, in nanoseconds from the start of the main phase.
    pub start_ns: Nanos,
    /// When it ends, in nanoseconds from the start of the main phase. `None`: at the end of the main phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_ns: Option<Nanos>,
    /// What it does, and to whom.
    pub does: FaultEffect,
    /// The value of its first entry in the history: a description for people.
    pub value: Value,
}

/// What a fault does. Nodes are given by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultEffect {
    /// Each node drops the messages of the nodes in its list.
    Partition(BTreeMap<String, Vec<String>>),
    /// The processes of these nodes are killed, and started again at the end.
    Kill(Vec<String>),
    /// The processes of these nodes are stopped, and continued at the end.
    Pause(Vec<String>),
    /// Messages from and to these nodes are treated badly.
    Packet {
        /// The nodes.
        nodes: Vec<String>,
        /// What happens to their messages.
        behaviour: PacketBehaviour,
    },
    /// The clocks of nodes are shifted by nanoseconds, in addition to earlier shifts.
    Clock(BTreeMap<String, i64>),
}

/// What a `packet` fault does to each message.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PacketBehaviour {
    /// Loses it with a probability.
    Lose {
        /// The probability, 0 to 1.
        probability: f64,
    },
    /// Delivers a second copy with a probability.
    Duplicate {
        /// The probability, 0 to 1.
        probability: f64,
    },
    /// Adds an exponentially distributed delay.
    Delay {
        /// The mean of the delay.
        mean_ns: Nanos,
    },
    /// With a probability, adds a uniform delay, so that later messages overtake it.
    Reorder {
        /// The probability, 0 to 1.
        probability: f64,
        /// The maximum delay.
        max_delay_ns: Nanos,
    },
}

/// What happens to messages that are not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherMessages {
    /// Delay, loss and duplication are drawn from the seed.
    #[default]
    Drawn,
    /// Every link has a constant delay, which is drawn once and is within 10 % of the mean latency. All clients of a node have
    /// the same. No message is lost or duplicated, except by faults.
    Constant,
}

impl OtherMessages {
    fn is_drawn(&self) -> bool {
        *self == OtherMessages::Drawn
    }
}

/// The identity of a message: it is the `number`-th message (from 0) that this incarnation of its source sent to its
/// destination.
///
/// Nodes and services are given by name. Clients are given by the worker on whose behalf they send, because their names
/// depend on when they are created: `w3` is the first client of worker 3, `w3.1` its second one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageId {
    /// The sender.
    pub src: String,
    /// How many times the sender had been killed before.
    #[serde(default)]
    pub incarnation: u32,
    /// The destination.
    pub dest: String,
    /// How many messages the sender had sent to the destination before, in this incarnation.
    pub number: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageId { src, incarnation, dest, number } = self;
        write!(f, "message {number} from {src} to {dest}")?;
        if *incarnation > 0 { write!(f, " after {incarnation} restarts") } else { Ok(()) }
    }
}

/// What happens to one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// The message.
    #[serde(flatten)]
    pub id: MessageId,
    /// The delay of each copy that is delivered, in nanoseconds; none if the message is lost. A copy arrives in spite of
    /// partitions and `packet` faults, unless its destination is down.
    pub delays_ns: Vec<Nanos>,
}

#[cfg(test)]
mod tests {
    use crate::json::{Value, from_str, json, to_value};

    use super::*;

    #[test]
    fn overrides_are_read_as_they_are_written() {
        let overrides = Overrides {
            operations: Some(vec![Operation {
                phase: OperationPhase::Main,
                time_ns: 1_500_000,
                worker: 1,
                f: "txn".into(),
                value: json!([["append", 3, 12_345_678_901_234_567_890_u64]]),
                is_final: false,
                extra: Map::new(),
            }]),
            faults: Some(vec![
                Fault {
                    start_ns: 5,
                    stop_ns: Some(9),
                    does: FaultEffect::Partition([("n0".into(), vec!["n1".into()])].into()),
                    value: json!(["one", [["n0"], ["n1"]]]),
                },
                Fault {
                    start_ns: 6,
                    stop_ns: None,
                    does: FaultEffect::Packet {
                        nodes: vec!["n1".into()],
                        behaviour: PacketBehaviour::Lose { probability: 0.2 },
                    },
                    value: Value::Null,
                },
            ]),
            other_messages: OtherMessages::Constant,
            messages: vec![Fate {
                id: MessageId { src: "n0".into(), incarnation: 1, dest: "lin-kv".into(), number: 7 },
                delays_ns: vec![1, 2],
            }],
            end_ns: Some(77),
        };
        let written = to_value(&overrides).unwrap().to_string();
        assert_eq!(
            from_str(&written).and_then(|value| crate::json::from_value::<Overrides>(&value)).unwrap(),
            overrides
        );
        assert_eq!(to_value(&Overrides::default()).unwrap(), json!({}));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = crate::json::from_value::<Overrides>(&json!({"operation": []})).unwrap_err().to_string();
        assert!(error.contains("operation"), "{error}");
    }
}
