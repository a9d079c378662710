//! Raft (D. Ongaro and J. Ousterhout 2014) for any deterministic state machine: elections, log replication, and persistent
//! state. The membership is fixed, and the log is never compacted.
//!
//! All requests go through the log, including reads, so that all are linearizable. A follower forwards requests to the
//! leader, or responds with error 11 if it knows no leader.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::protocol::Body;
use crate::{ErrorCode, Message, Node, RPC_TIMEOUT, Result, RpcError, Server};
use serde_json::json;

mod replication;
mod storage;
#[cfg(test)]
mod tests;

use replication::Progress;
pub(crate) use storage::{Command, Entry, Storage};

/// Interval of the leader's heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(150);
/// A node that receives no message from a leader for a random time in this range becomes a candidate. A leader steps down
/// if it receives no response from a majority for the maximum of this range.
const ELECTION_TIMEOUT: std::ops::Range<Duration> = Duration::from_millis(600)..Duration::from_millis(1200);
/// The maximum client request timeout of all workloads.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A replicated state machine. It must be deterministic: the same commands in the same order give the same responses on
/// every node.
pub(crate) trait Machine: 'static {
    /// Whether the machine supports requests of this type.
    fn supports(&self, kind: &str) -> bool;

    /// Whether a command does not change the state.
    fn is_read(&self, command: &Command) -> bool;

    /// Executes a command. Returns the fields of the response.
    fn apply(&mut self, command: &Command) -> Result<Body>;
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bug {
    /// A leader does not step down without a majority, and executes reads locally.
    LocalReads,
    /// An entry counts as committed when a third of the nodes have it.
    MinorityCommit,
    /// Votes for every candidate. Election timeouts are almost equal, so that a term has several candidates.
    VotesTwice,
    /// The log is not written to disk.
    ForgetsLog,
}

enum Role {
    Follower,
    Candidate { votes: BTreeSet<String> },
    Leader { followers: BTreeMap<String, Progress> },
}

pub(crate) struct Raft<M> {
    machine: M,
    storage: Storage,
    role: Role,
    leader: Option<String>,
    election_due: Duration,
    commit_index: usize,
    last_applied: usize,
    /// The client request for each entry that is not committed yet, and the term of the entry.
    pending: BTreeMap<usize, (u64, Message)>,
    /// The last executed request of each client, to ignore duplicates from the network.
    sessions: BTreeMap<String, u64>,
    /// The last request of each client that another node forwarded to this one.
    forwarded: BTreeMap<String, u64>,
    bug: Option<Bug>,
}

impl<M: Machine> Raft<M> {
    pub(crate) fn new(node: &mut Node<Self>, machine: M, bug: Option<Bug>) -> Raft<M> {
        let storage = Storage::open(bug == Some(Bug::ForgetsLog)).expect("the node's directory can be read");
        Raft::with_storage(node, machine, storage, bug)
    }

    fn with_storage(node: &mut Node<Self>, machine: M, storage: Storage, bug: Option<Bug>) -> Raft<M> {
        node.every(HEARTBEAT_INTERVAL, |raft: &mut Raft<M>, node| raft.heartbeat(node));
        let mut raft = Raft {
            machine,
            storage,
            role: Role::Follower,
            leader: None,
            election_due: Duration::ZERO,
            commit_index: 0,
            last_applied: 0,
            pending: BTreeMap::new(),
            sessions: BTreeMap::new(),
            forwarded: BTreeMap::new(),
            bug,
        };
        raft.reset_election_timeout(node);
        raft.watch_election_timeout(node);
        raft
    }

    // Elections.

    fn reset_election_timeout(&mut self, node: &mut Node<Self>) {
        let std::ops::Range { start, end } = ELECTION_TIMEOUT;
        let end = if self.bug == Some(Bug::VotesTwice) { start + HEARTBEAT_INTERVAL / 10 } else { end };
        self.election_due = node.now() + node.random_duration(start..end);
    }

    fn watch_election_timeout(&mut self, node: &mut Node<Self>) {
        let wait = self.election_due.saturating_sub(node.now());
        node.after(wait, |raft, node| {
            if matches!(raft.role, Role::Leader { .. }) {
                raft.reset_election_timeout(node);
            } else if node.now() >= raft.election_due {
                raft.start_election(node);
            }
            raft.watch_election_timeout(node);
        });
    }

    fn start_election(&mut self, node: &mut Node<Self>) {
        let term = self.storage.term() + 1;
        self.storage.set_vote(term, Some(node.id()));
        self.role = Role::Candidate { votes: BTreeSet::new() };
        self.leader = None;
        self.reset_election_timeout(node);
        self.count_vote(node, node.id().to_owned());
        let last_index = self.storage.last_index();
        let last_term = self.storage.term_at(last_index);
        for peer in node.peers().iter() {
            let fields = json!({ "term": term, "last_index": last_index, "last_term": last_term });
            node.rpc(peer, "request_vote", fields, move |raft, node, response| {
                let Ok(response) = response else { return };
                raft.observe_term(&response);
                if raft.storage.term() == term && response.get("granted") == Ok(true) {
                    raft.count_vote(node, response.src().to_owned());
                }
            });
        }
    }

    fn count_vote(&mut self, node: &mut Node<Self>, from: String) {
        if let Role::Candidate { votes } = &mut self.role {
            votes.insert(from);
            if votes.len() > node.ids().len() / 2 {
                self.lead(node);
            }
        }
    }

    fn request_vote(&mut self, node: &mut Node<Self>, request: &Message) -> Result {
        self.observe_term(request);
        let (term, last_index, last_term) =
            (request.get::<u64>("term")?, request.get("last_index")?, request.get("last_term")?);
        let our_last = self.storage.last_index();
        let up_to_date = (Some(last_term), last_index) >= (self.storage.term_at(our_last), our_last);
        let free = self.storage.voted_for().is_none_or(|name| name == request.src());
        let granted = term == self.storage.term() && up_to_date && (free || self.bug == Some(Bug::VotesTwice));
        if granted {
            self.storage.set_vote(term, Some(request.src()));
            self.reset_election_timeout(node);
        }
        node.reply(request, json!({ "term": self.storage.term(), "granted": granted }));
        Ok(())
    }

    /// Adopts a newer term.
    fn observe_term(&mut self, message: &Message) {
        if let Ok(term) = message.get::<u64>("term")
            && term > self.storage.term()
        {
            self.storage.set_vote(term, None);
            self.step_down();
        }
    }

    fn step_down(&mut self) {
        self.role = Role::Follower;
        self.leader = None;
    }

    // Requests of clients.

    /// Appends a command to the log. The response is sent when the command is committed.
    fn propose(&mut self, node: &mut Node<Self>, command: Command, request: Message) {
        let term = self.storage.term();
        self.storage.append(&[Entry { term, command: Some(command) }]);
        let index = self.storage.last_index();
        self.pending.insert(index, (term, request));
        node.after(RPC_TIMEOUT, move |raft: &mut Raft<M>, node| raft.commit_timed_out(node, index, term));
        self.replicate(node);
    }

    /// Responds to the request of an entry with an indefinite error, if the entry is not committed yet. Otherwise clients of
    /// a leader without followers would wait for their own timeout.
    fn commit_timed_out(&mut self, node: &mut Node<Self>, index: usize, term: u64) {
        if self.pending.get(&index).is_some_and(|(appended, _)| *appended == term)
            && let Some((_, request)) = self.pending.remove(&index)
        {
            node.reply_error(&request, &RpcError::new(ErrorCode::TIMEOUT, "not committed in time"));
        }
    }

    fn client_request(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let command = Command::of(&request)?;
        match (&self.role, &self.leader) {
            (Role::Leader { .. }, _) => self.lead_command(node, command, request),
            (_, Some(leader)) => {
                let fields = json!({ "term": self.storage.term(), "command": command });
                node.rpc_within(CLIENT_TIMEOUT, leader, "propose", fields, move |_, node, response| {
                    node.respond(&request, response.map(|response| response.fields()));
                });
            }
            (_, None) => return Err(no_leader()),
        }
        Ok(())
    }

    /// Handles a request that another node forwarded to the leader of a term. Duplicates of the message are ignored: rejecting
    /// a duplicate with a definite error would be wrong if the first one is in the log.
    fn forwarded_request(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let command: Command = request.get("command")?;
        let last = self.forwarded.entry(command.client.clone()).or_default();
        if command.msg_id <= std::mem::replace(last, command.msg_id.max(*last)) {
            return Ok(());
        }
        let leads = matches!(self.role, Role::Leader { .. });
        if !leads || request.get::<u64>("term")? != self.storage.term() {
            return Err(no_leader());
        }
        self.lead_command(node, command, request);
        Ok(())
    }

    fn lead_command(&mut self, node: &mut Node<Self>, command: Command, request: Message) {
        if self.bug == Some(Bug::LocalReads) && self.machine.is_read(&command) {
            let response = self.machine.apply(&command);
            node.respond(&request, response);
        } else {
            self.propose(node, command, request);
        }
    }

    fn apply_committed(&mut self, node: &mut Node<Self>) {
        while self.last_applied < self.commit_index {
            self.last_applied += 1;
            let entry = self.storage.entry(self.last_applied);
            let response = entry.command.as_ref().and_then(|command| {
                let session = self.sessions.entry(command.client.clone()).or_default();
                let is_duplicate = command.msg_id <= std::mem::replace(session, command.msg_id.max(*session));
                (!is_duplicate).then(|| self.machine.apply(command))
            });
            match (self.pending.remove(&self.last_applied), response) {
                (Some((term, request)), _) if term != entry.term => {
                    let text = "the entry of another leader replaced this one";
                    node.reply_error(&request, &RpcError::new(ErrorCode::ABORT, text));
                }
                (Some((_, request)), Some(response)) => node.respond(&request, response),
                _ => {}
            }
        }
    }
}

fn no_leader() -> RpcError {
    RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, "no leader is known")
}

impl<M: Machine> Server for Raft<M> {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "request_vote" => self.request_vote(node, &request),
            "append_entries" => self.append_entries(node, &request),
            "propose" => self.forwarded_request(node, request),
            kind if self.machine.supports(kind) => self.client_request(node, request),
            _ => Err(request.not_supported()),
        }
    }
}
