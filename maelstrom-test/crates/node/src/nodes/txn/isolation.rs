//! The database of the single [leader](super::leader), and its planted isolation bugs. Each bug is the behaviour of a real
//! database at some isolation level, or a bug that a real database had.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use crate::{ErrorCode, Message, Node, Result, RpcError};
use serde_json::{Value, json};

use super::leader::Leader;
use super::{Op, State, apply, apply_op, is_read, written};

/// Duration of the disk accesses of a transaction. With a bug, other transactions may run in the meantime.
const WORK: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(30);
/// A transaction with longer disk accesses is rolled back.
const MAX_WORK: Duration = Duration::from_millis(22);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bug {
    /// Snapshot isolation: executes on a snapshot, and checks only for write conflicts when it commits.
    WriteSkew,
    /// Executes on a snapshot, and does not check for conflicts.
    LostUpdate,
    /// Other transactions read uncommitted writes, some of which are rolled back.
    DirtyRead,
    /// Other transactions read the state between the operations of a transaction.
    IntermediateRead,
    /// Other nodes execute read-only transactions on replicas that lag behind.
    StaleReads,
    /// The writes of a transaction become visible key by key.
    FracturedReads,
    /// A forwarded transaction is forwarded again after a timeout, although it may have been executed.
    RetriesBlindly,
}

#[derive(Default)]
pub(crate) struct Database {
    pub(crate) state: State,
    /// The number of commits.
    commits: u64,
    /// The commit that last wrote each key.
    versions: BTreeMap<String, u64>,
    /// Replicated commits that arrived before their predecessors.
    early: BTreeMap<u64, State>,
}

impl Database {
    /// Executes a transaction atomically.
    pub(crate) fn apply(&mut self, txn: &[Op]) -> Result<Vec<Op>> {
        apply(&mut self.state, txn)
    }

    fn install(&mut self, values: State) {
        self.commits += 1;
        for (key, value) in values {
            self.versions.insert(key.clone(), self.commits);
            self.state.insert(key, value);
        }
    }
}

impl Leader {
    pub(super) fn execute_with(&mut self, bug: Bug, node: &mut Node<Self>, request: Message, txn: Vec<Op>) -> Result {
        match bug {
            Bug::WriteSkew => self.on_snapshot(node, request, txn, true),
            Bug::LostUpdate => self.on_snapshot(node, request, txn, false),
            Bug::DirtyRead => self.roll_back_later(node, request, txn),
            Bug::IntermediateRead => {
                step_by_step(self, node, request, txn, Vec::new());
                Ok(())
            }
            Bug::FracturedReads => self.key_by_key(node, request, txn),
            Bug::StaleReads | Bug::RetriesBlindly => {
                let done = self.database.apply(&txn)?;
                self.replicate_writes(node, &written(&txn));
                node.reply(&request, json!({ "txn": done }));
                Ok(())
            }
        }
    }

    fn on_snapshot(&mut self, node: &mut Node<Self>, request: Message, txn: Vec<Op>, check: bool) -> Result {
        let mut snapshot = self.database.state.clone();
        let began = self.database.commits;
        let done = apply(&mut snapshot, &txn)?;
        let keys = written(&txn);
        let work = node.random_duration(WORK);
        node.after(work, move |server: &mut Leader, node| {
            let changed = |key| server.database.versions.get(key).is_some_and(|version| *version > began);
            if check && keys.iter().any(changed) {
                let text = "another transaction wrote the same key";
                return node.reply_error(&request, &RpcError::new(ErrorCode::TXN_CONFLICT, text));
            }
            snapshot.retain(|key, _| keys.contains(key));
            server.database.install(snapshot);
            node.reply(&request, json!({ "txn": done }));
        });
        Ok(())
    }

    fn roll_back_later(&mut self, node: &mut Node<Self>, request: Message, txn: Vec<Op>) -> Result {
        let before = self.database.state.clone();
        let done = self.database.apply(&txn)?;
        let work = node.random_duration(WORK);
        node.after(work, move |server: &mut Leader, node| {
            if work < MAX_WORK {
                return node.reply(&request, json!({ "txn": done }));
            }
            for op in txn.iter().filter(|op| !is_read(op)) {
                undo(&mut server.database.state, op, &before);
            }
            node.reply_error(&request, &RpcError::new(ErrorCode::ABORT, "it took too long"));
        });
        Ok(())
    }

    /// Writes the first key immediately, and the others after the disk accesses.
    fn key_by_key(&mut self, node: &mut Node<Self>, request: Message, txn: Vec<Op>) -> Result {
        let done = apply(&mut self.database.state.clone(), &txn)?;
        let mut writes: Vec<Op> = txn.into_iter().filter(|op| !is_read(op)).collect();
        let Some((_, first, _)) = writes.first().cloned() else {
            node.reply(&request, json!({ "txn": done }));
            return Ok(());
        };
        let later: Vec<Op> = writes.extract_if(.., |(_, key, _)| *key != first).collect();
        self.database.apply(&writes)?;
        let work = if later.is_empty() { Duration::ZERO } else { node.random_duration(WORK) };
        node.after(work, move |server: &mut Leader, node| {
            let installed = server.database.apply(&later);
            node.respond(&request, installed.map(|_| json!({ "txn": done })));
        });
        Ok(())
    }

    /// Replicates writes to the other nodes.
    fn replicate_writes(&mut self, node: &mut Node<Self>, keys: &BTreeSet<String>) {
        if keys.is_empty() {
            return;
        }
        let values: State = keys.iter().map(|key| (key.clone(), self.database.state[key].clone())).collect();
        self.database.commits += 1;
        for peer in node.peers().iter() {
            send_commit(node, peer.clone(), self.database.commits, values.clone());
        }
    }

    /// Applies replicated commits in the order of the leader.
    pub(super) fn replicate(&mut self, node: &mut Node<Self>, request: &Message) -> Result {
        let database = &mut self.database;
        database.early.insert(request.get("commit")?, request.get("values")?);
        while let Some(values) = database.early.remove(&(database.commits + 1)) {
            database.install(values);
        }
        node.reply(request, ());
        Ok(())
    }
}

fn send_commit(node: &mut Node<Leader>, peer: String, commit: u64, values: State) {
    let name = peer.clone();
    let fields = json!({ "commit": commit, "values": values });
    node.rpc(&peer, "replicate", fields, move |_, node, response| {
        if response.is_err() {
            send_commit(node, name, commit, values);
        }
    });
}

/// Reverts the write of an operation, if it was not overwritten.
fn undo(state: &mut State, (_, key, written): &Op, before: &State) {
    let place = key.to_string();
    match state.get_mut(&place) {
        Some(Value::Array(list)) => list.retain(|element| element != written),
        Some(value) if value == written => {
            state.remove(&place);
            state.extend(before.get_key_value(&place).map(|(key, value)| (key.clone(), value.clone())));
        }
        _ => {}
    }
}

/// Executes one operation, and the rest after a delay.
fn step_by_step(server: &mut Leader, node: &mut Node<Leader>, request: Message, mut rest: Vec<Op>, mut done: Vec<Op>) {
    if rest.is_empty() {
        return node.reply(&request, json!({ "txn": done }));
    }
    match apply_op(&mut server.database.state, &rest.remove(0)) {
        Ok(op) => done.push(op),
        Err(error) => return node.reply_error(&request, &error),
    }
    let work = if rest.is_empty() { Duration::ZERO } else { node.random_duration(WORK) };
    node.after(work, move |server, node| step_by_step(server, node, request, rest, done));
}
