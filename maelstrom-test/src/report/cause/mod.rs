//! The cause of a failure: the few events that a failing run needs in order to fail.
//!
//! A run in virtual time can be repeated with something left out. A search by repetition reduces a failing run to the
//! operations, faults and messages without which the failure disappears. A [`Cause`] holds what is left, and every report
//! shows it as one table: a column per client process and node that takes part, a row per event, in the order of time.
//!
//! ```text
//!     2.010 s  ⎡ partition                n0 | n1 n2
//!     2.014 s  │                          n1 ── request_vote ──▶ n2
//!     2.031 s  │ p1 ── read 3 ──▶ n0
//!     2.032 s  │ p1 ◀── 1 ──────── n0     answered from its own state
//! ```
//!
//! The events are those of the reduced run, which is often shorter than the failing one. Its files are in
//! [`Cause::directory`].
//!
//! A run that cannot be repeated has a table, too: its rows are [chosen](Cause::is_chosen) from the messages of the failing run.
//! They show how the wrong answer came about, but nothing proves that the failure needs them.

mod fault_lanes;
mod json;
mod logs;
#[cfg(test)]
pub(super) mod sample;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use crate::history::{Nanos, OpType};
use crate::protocol::NodeKind;

pub(super) use fault_lanes::FaultLanes;

/// Why a run failed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Cause {
    /// Whether the rows were chosen from the messages of the failing run, without repeating it. Then nothing is proved about them.
    pub is_chosen: bool,
    /// The name of the anomaly that the reduced run still has.
    pub anomaly: String,
    /// The part of the results that found it: `workload`, `availability`, …
    pub checker: String,
    /// The headline of the reduced run: `not linearizable (key 3)`.
    pub headline: String,
    /// A sentence that classifies the failure.
    pub sentence: Option<String>,
    /// The client processes, nodes and services that take part, from left to right.
    pub columns: Vec<Column>,
    /// The events, in the order of [`Row::time`].
    pub rows: Vec<Row>,
    /// The operations that matter.
    pub operations: Reduction,
    /// The faults that matter.
    pub faults: Reduction,
    /// The messages that matter. `None` if it was not tested which ones do.
    pub messages: Option<Reduction>,
    /// The number of runs that the search made.
    pub reruns: u64,
    /// The maximum number of runs.
    pub budget: u64,
    /// Why the search ended early. `None` if nothing more can be left out.
    pub incomplete: Option<String>,
    /// The plan that repeats the reduced run, relative to the directory of the run whose report this is:
    /// `shrunk/plan.json`. Empty if there is none.
    pub plan: PathBuf,
    /// The directory of the reduced run, relative to that of the run whose report this is: `shrunk`. Empty if it is the
    /// same run. `None` if the files of the reduced run are not kept.
    pub directory: Option<PathBuf>,
    /// Remarks for the reader, one sentence each.
    pub remarks: Vec<String>,
    /// The duration of the search on the wall clock. Zero is not shown.
    pub wall: Duration,
    /// The duration of the reduced run on the wall clock. Zero is not shown.
    pub repeats_in: Duration,
}

/// How many events of one kind are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reduction {
    /// The number in the failing run.
    pub total: u64,
    /// The number of those that matter.
    pub kept: u64,
}

/// A client process, node or service that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the node or service, or `p1` for process 1.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// The name of the client in the network: `c8`.
    pub client: Option<String>,
    /// The side of the partition that the node is on. A wall is drawn between neighbours on different sides.
    pub side: Option<usize>,
    /// When the node received what the wrong answer lacks. `None` if it never did, or if this is not known.
    pub informed: Option<Nanos>,
}

impl Column {
    /// Returns a column whose kind follows from the name.
    pub fn node(name: impl Into<String>) -> Column {
        let name = name.into();
        Column { kind: NodeKind::of_name(&name), name, client: None, side: None, informed: None }
    }

    /// Returns the column of a client process.
    pub fn process(process: u64, client: Option<String>) -> Column {
        Column { name: format!("p{process}"), kind: NodeKind::Client, client, side: None, informed: None }
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it happens. Of a message, when it is sent.
    pub time: Nanos,
    /// The position of its place in [`Cause::columns`]: the sender of a message, the process of an operation. `None` for a
    /// fault of no particular node.
    pub column: Option<usize>,
    /// What happens.
    pub kind: RowKind,
    /// Whether the failure needs it.
    pub matters: Matters,
    /// Whether this is the answer that is wrong.
    pub is_wrong: bool,
    /// A remark: `answered from its own state, 17 ms after n1 had acknowledged 2`.
    pub note: String,
}

impl Row {
    /// Returns a row with an event that matters, without a note.
    pub fn new(time: Nanos, column: impl Into<Option<usize>>, kind: RowKind) -> Row {
        Row { time, column: column.into(), kind, matters: Matters::Alone, is_wrong: false, note: String::new() }
    }
}

/// Whether the failure needs an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matters {
    /// Without this event, the run does not fail.
    #[default]
    Alone,
    /// Any of this number of events is enough. This is one of them.
    OneOf(u64),
    /// Some of this number of events are needed: without all of them the run does not fail, without either half it does. This
    /// is one of them.
    SomeOf(u64),
    /// The event explains others. Whether the failure needs it is not known.
    Context,
    /// The event was chosen from the messages. The run was not repeated without it.
    Untested,
}

/// What happens in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A client process begins an operation.
    Invoke(Operation),
    /// A client process completes an operation.
    Complete(Operation),
    /// A message is sent.
    Message(Message),
    /// A fault begins.
    FaultStart(Fault),
    /// A fault ends.
    FaultEnd(Fault),
    /// A node writes a line to standard error.
    Log(String),
}

/// One end of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// The index of the entry in the history of the reduced run.
    pub index: u64,
    /// The function: `read`.
    pub f: String,
    /// `invoke` for a beginning.
    pub kind: Option<OpType>,
    /// The operation in a few words: `read 3` at the beginning, `1` at the end.
    pub text: String,
    /// The position in [`Cause::columns`] of the node that is asked.
    pub node: Option<usize>,
    /// The id in the journal of the request or the response.
    pub message: Option<u64>,
    /// When the node received the request or sent the response.
    pub node_time: Option<Nanos>,
    /// The whole body of the request or the response.
    pub body: String,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its id in the journal of the reduced run.
    pub id: u64,
    /// The position in [`Cause::columns`] of the receiver.
    pub to: usize,
    /// The type: `request_vote`.
    pub kind: String,
    /// The rest of the body in a few words.
    pub text: String,
    /// The whole body.
    pub body: String,
    /// What happens to it.
    pub fate: Fate,
    /// The fate with which the failure disappears: lost if it was received, delivered if it was lost.
    pub other_fate: Option<crate::plan::Fate>,
}

/// What happens to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It is received.
    Received {
        /// When it arrives.
        time: Nanos,
    },
    /// It is received, but too late to prevent the failure.
    Late {
        /// When it arrives.
        time: Nanos,
    },
    /// It never arrives.
    Lost {
        /// Why: `cut by the partition`, `lost by the network`.
        reason: String,
        /// When it would have arrived.
        time: Option<Nanos>,
    },
    /// It is in flight when the run ends.
    #[default]
    InFlight,
}

/// A fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Its number: a start and an end with the same number belong together.
    pub number: usize,
    /// The kind: `partition`.
    pub kind: String,
    /// What it does, and to whom: `n0 | n1 n2`.
    pub text: String,
}
