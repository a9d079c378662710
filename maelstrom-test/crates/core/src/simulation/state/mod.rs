//! The state of a run, in parts that each keep their own invariants.
//!
//! ```text
//! Agenda     what the simulation has to do next, by time
//! Nodes      which node is down, booting, up or paused; what waits to be written to it; what it printed last
//! Clients    which client waits for which response, and until when
//! Workers    which operation each worker performs, and with which client
//! Schedule   when the next operation is due
//! Script     the operations that a plan spells out
//! Faults     what the nemesis does now and what it has achieved
//! Requests   which incarnation of a node made a request
//! Traffic    how many messages the nodes have sent
//! ```
//!
//! The parts do not know one another. Only [`Simulation`](super::Simulation) knows them all: it asks one part what an event
//! means and tells the others.

mod agenda;
mod clients;
mod faults;
mod nodes;
mod outbox;
mod requests;
mod schedule;
mod script;
mod traffic;
mod workers;

pub(super) use agenda::{Agenda, Event, Rank};
pub(super) use clients::{Clients, Owner, Received, Timeout};
pub(super) use faults::Faults;
pub use faults::{FaultCounts, FaultReport};
pub use nodes::MalformedLine;
pub(super) use nodes::{Boot, Nodes};
pub use outbox::OUTPUT_LIMIT;
pub(super) use requests::Requests;
pub(super) use schedule::Schedule;
pub(super) use script::Script;
pub(super) use traffic::Traffic;
pub(super) use workers::Workers;
