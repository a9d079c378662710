//! Raft (D. Ongaro and J. Ousterhout 2014) for any deterministic state machine: elections, log replication, and what must
//! survive a crash. Membership is fixed and the log is never compacted.
//!
//! Every request goes through the log, reads too, so all are linearizable. A node that does not lead passes requests on
//! to the one that does, or answers error 11 if it knows of none.

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

/// A leader makes itself heard this often.
const HEARTBEAT: Duration = Duration::from_millis(150);
/// A node that has not heard of a leader for so long becomes a candidate. A leader that has not heard of a majority for
/// as long as the longest of these steps down.
const ELECTION_TIMEOUT: std::ops::Range<Duration> = Duration::from_millis(600)..Duration::from_millis(1200);
/// Clients wait no longer than this for any workload.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the log's commands act on. The same commands in the same order must give the same answers on every node.
pub(crate) trait Machine: 'static {
    /// Whether clients may ask for this.
    fn knows(&self, kind: &str) -> bool;

    /// Whether a command leaves the state as it is.
    fn is_read(&self, command: &Command) -> bool;

    /// Carries a command out; returns what the answer holds.
    fn apply(&mut self, command: &Command) -> Result<Body>;
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bug {
    /// Who leads stays leader until it hears of another one, and answers reads from its own memory.
    LocalReads,
    /// An entry counts as committed when a third of the nodes has it.
    MinorityCommit,
    /// Votes for everyone who asks; and nodes lose patience at nearly the same time, so that several ask in one term.
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
    /// Who waits for which entry, and the term that it was appended in.
    waiting: BTreeMap<usize, (u64, Message)>,
    /// The last request of each client that was carried out: the network may deliver a request twice.
    sessions: BTreeMap<String, u64>,
    /// The last request of each client that another node has passed on to this one.
    passed_on: BTreeMap<String, u64>,
    bug: Option<Bug>,
}

impl<M: Machine> Raft<M> {
    pub(crate) fn new(node: &mut Node<Self>, machine: M, bug: Option<Bug>) -> Raft<M> {
        let storage = Storage::open(bug == Some(Bug::ForgetsLog)).expect("the node's directory can be read");
        Raft::with_storage(node, machine, storage, bug)
    }

    fn with_storage(node: &mut Node<Self>, machine: M, storage: Storage, bug: Option<Bug>) -> Raft<M> {
        node.every(HEARTBEAT, |raft: &mut Raft<M>, node| raft.heartbeat(node));
        let mut raft = Raft {
            machine,
            storage,
            role: Role::Follower,
            leader: None,
            election_due: Duration::ZERO,
            commit_index: 0,
            last_applied: 0,
            waiting: BTreeMap::new(),
            sessions: BTreeMap::new(),
            passed_on: BTreeMap::new(),
            bug,
        };
        raft.postpone_election(node);
        raft.watch_election(node);
        raft
    }

    // Elections.

    fn postpone_election(&mut self, node: &mut Node<Self>) {
        let std::ops::Range { start, end } = ELECTION_TIMEOUT;
        let end = if self.bug == Some(Bug::VotesTwice) { start + HEARTBEAT / 10 } else { end };
        self.election_due = node.now() + node.random_duration(start..end);
    }

    fn watch_election(&mut self, node: &mut Node<Self>) {
        let wait = self.election_due.saturating_sub(node.now());
        node.after(wait, |raft, node| {
            if matches!(raft.role, Role::Leader { .. }) {
                raft.postpone_election(node);
            } else if node.now() >= raft.election_due {
                raft.campaign(node);
            }
            raft.watch_election(node);
        });
    }

    fn campaign(&mut self, node: &mut Node<Self>) {
        let term = self.storage.term() + 1;
        self.storage.set_vote(term, Some(node.id()));
        self.role = Role::Candidate { votes: BTreeSet::new() };
        self.leader = None;
        self.postpone_election(node);
        self.count_vote(node, node.id().to_owned());
        let last_index = self.storage.last_index();
        let last_term = self.storage.term_at(last_index);
        for peer in node.peers().iter() {
            let fields = json!({ "term": term, "last_index": last_index, "last_term": last_term });
            node.rpc(peer, "request_vote", fields, move |raft, node, answer| {
                let Ok(answer) = answer else { return };
                raft.observe_term(&answer);
                if raft.storage.term() == term && answer.get("granted") == Ok(true) {
                    raft.count_vote(node, answer.src().to_owned());
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
            self.postpone_election(node);
        }
        node.reply(request, json!({ "term": self.storage.term(), "granted": granted }));
        Ok(())
    }

    /// Whoever learns of a newer term follows it.
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

    /// Appends a command to the log; it is answered when it is committed.
    fn propose(&mut self, node: &mut Node<Self>, command: Command, request: Message) {
        let term = self.storage.term();
        self.storage.append(&[Entry { term, command: Some(command) }]);
        let index = self.storage.last_index();
        self.waiting.insert(index, (term, request));
        node.after(RPC_TIMEOUT, move |raft: &mut Raft<M>, node| raft.give_up(node, index, term));
        self.replicate(node);
    }

    /// Whoever still waits for an entry is told that nobody knows what will become of it, so that clients of a leader
    /// that has lost its followers can go on.
    fn give_up(&mut self, node: &mut Node<Self>, index: usize, term: u64) {
        if self.waiting.get(&index).is_some_and(|(appended, _)| *appended == term)
            && let Some((_, request)) = self.waiting.remove(&index)
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
                node.rpc_within(PATIENCE, leader, "propose", fields, move |_, node, answer| {
                    node.respond(&request, answer.map(|answer| answer.fields()));
                });
            }
            (_, None) => return Err(no_leader()),
        }
        Ok(())
    }

    /// A request that another node passed on to the leader of a certain term. Only the first copy of the message counts:
    /// to refuse the second one would be a lie if the first is in the log.
    fn forwarded(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let command: Command = request.get("command")?;
        let last = self.passed_on.entry(command.client.clone()).or_default();
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
            let answer = self.machine.apply(&command);
            node.respond(&request, answer);
        } else {
            self.propose(node, command, request);
        }
    }

    fn apply_committed(&mut self, node: &mut Node<Self>) {
        while self.last_applied < self.commit_index {
            self.last_applied += 1;
            let entry = self.storage.entry(self.last_applied);
            let answer = entry.command.as_ref().and_then(|command| {
                let session = self.sessions.entry(command.client.clone()).or_default();
                let is_copy = command.msg_id <= std::mem::replace(session, command.msg_id.max(*session));
                (!is_copy).then(|| self.machine.apply(command))
            });
            match (self.waiting.remove(&self.last_applied), answer) {
                (Some((term, request)), _) if term != entry.term => {
                    let text = "another leader's entry took this one's place";
                    node.reply_error(&request, &RpcError::new(ErrorCode::ABORT, text));
                }
                (Some((_, request)), Some(answer)) => node.respond(&request, answer),
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
            "propose" => self.forwarded(node, request),
            kind if self.machine.knows(kind) => self.client_request(node, request),
            _ => Err(request.not_supported()),
        }
    }
}
