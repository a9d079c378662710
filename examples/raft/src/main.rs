//! A linearizable key-value store on several nodes. It works while a majority of the nodes is available.
//!
//! This is Raft (D. Ongaro and J. Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014) without membership
//! changes and snapshots. It has three files:
//!
//! | file | content |
//! | --- | --- |
//! | [`log`] | the persistent state: term, vote and log |
//! | [`store`] | the state machine |
//! | this file | elections, replication, and the handling of requests |
//!
//! **Terms and votes.** Time is divided into terms. Each term has at most one leader, because a node votes once per term and a
//! leader needs a majority of votes. A node that does not hear from a leader for some time starts a new term and requests
//! votes. The timeout is random, so that two nodes rarely do this at the same time.
//!
//! **The log.** Requests of clients become entries of the leader's log, and the leader makes every other log equal to its own.
//! It sends entries together with the number and the term of the entry before them. A follower with a different entry there
//! rejects them, and the leader tries an earlier entry. An entry on a majority of nodes is *committed*: every later leader has
//! it, because nodes do not vote for a candidate whose log is behind their own. Committed entries are applied in order, and
//! only then answered. Reads are entries too, because a leader could have been replaced without knowing it.
//!
//! Two rules are essential, and the tests of this package fail without them:
//!
//! - A leader counts copies only of entries of its own term. Earlier entries are committed together with these. Figure 8 of
//!   the paper shows why.
//! - A node writes term, vote and entries to disk *before* it answers.
//!
//! **Duplicates.** The network can deliver a message twice. This does no harm to messages about the log. But a request that a
//! node forwards to the leader must be applied once. So the leader records the last request of each client, and ignores
//! duplicates. It does not reject them, because the client would take the rejection for the response.

mod log;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use maelstrom_node::{ErrorCode, Message, Node, Result, RpcError, Server};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use log::{Entry, Log};
use store::Store;

/// The interval of a leader's messages if there are no new entries.
const HEARTBEAT: Duration = Duration::from_millis(150);
/// The time without messages of a leader after which a follower starts an election.
const ELECTION_TIMEOUT: Range<Duration> = Duration::from_millis(600)..Duration::from_millis(1200);

enum Role {
    Follower,
    Candidate { votes: BTreeSet<String> },
    Leader { followers: BTreeMap<String, Progress> },
}

/// What a leader knows about a follower's log.
struct Progress {
    /// The next entry to send.
    next: usize,
    /// The last entry that is known to be equal to the leader's.
    matched: usize,
    /// Whether a response is pending. New entries are sent after it, many at a time.
    busy: bool,
}

struct Raft {
    log: Log,
    store: Store,
    role: Role,
    leader: Option<String>,
    /// When to start an election.
    election: Duration,
    committed: usize,
    applied: usize,
    /// The requests that wait for an entry to be applied, with the term in which the entry was appended.
    waiting: BTreeMap<usize, (u64, Message)>,
    /// The number of the last forwarded request of each client.
    forwarded: BTreeMap<String, u64>,
}

/// A request that a node forwards to the leader.
#[derive(Serialize, Deserialize)]
struct Proposal {
    client: String,
    number: u64,
    request: Value,
}

#[derive(Serialize, Deserialize)]
struct RequestVote {
    term: u64,
    last: usize,
    last_term: u64,
}

#[derive(Serialize, Deserialize)]
struct AppendEntries {
    term: u64,
    previous: usize,
    previous_term: u64,
    entries: Vec<Entry>,
    committed: usize,
}

/// The response to both requests.
#[derive(Serialize, Deserialize)]
struct Reply {
    term: u64,
    success: bool,
    last: usize,
}

/// A node that cannot store its state must stop: it could break promises that it made to other nodes.
const DISK: &str = "the directory of the node is writable";

impl Raft {
    fn start(node: &mut Node<Raft>) -> Raft {
        node.every(HEARTBEAT, |raft: &mut Raft, node| raft.send_to_all(node));
        let log = Log::open().expect("the stored state is readable");
        let mut raft = Raft {
            log,
            store: Store::default(),
            role: Role::Follower,
            leader: None,
            election: Duration::ZERO,
            committed: 0,
            applied: 0,
            waiting: BTreeMap::new(),
            forwarded: BTreeMap::new(),
        };
        raft.reset_election_timeout(node);
        raft.watch_election_timeout(node);
        raft
    }

    // Elections.

    fn reset_election_timeout(&mut self, node: &mut Node<Raft>) {
        self.election = node.now() + node.random_duration(ELECTION_TIMEOUT);
    }

    /// Checks the election timeout when it may have expired. Messages of a leader extend it in the meantime.
    fn watch_election_timeout(&mut self, node: &mut Node<Raft>) {
        node.after(self.election.saturating_sub(node.now()), |raft: &mut Raft, node| {
            if node.now() >= raft.election {
                match raft.role {
                    Role::Leader { .. } => raft.reset_election_timeout(node),
                    _ => raft.start_election(node).expect(DISK),
                }
            }
            raft.watch_election_timeout(node);
        });
    }

    fn start_election(&mut self, node: &mut Node<Raft>) -> io::Result<()> {
        let term = self.log.term() + 1;
        self.log.set_vote(term, Some(node.id()))?;
        self.role = Role::Candidate { votes: BTreeSet::from([node.id().to_owned()]) };
        self.leader = None;
        self.reset_election_timeout(node);
        let last = self.log.last();
        let request = RequestVote { term, last, last_term: self.log.term_at(last).unwrap_or(0) };
        for peer in node.peers().iter() {
            let name = peer.clone();
            self.call(node, peer, "request_vote", &request, move |raft, node, answer| {
                if let (Role::Candidate { votes }, Some(Reply { success: true, .. })) = (&mut raft.role, answer) {
                    votes.insert(name);
                    raft.lead_if_elected(node);
                }
            });
        }
        self.lead_if_elected(node);
        Ok(())
    }

    fn lead_if_elected(&mut self, node: &mut Node<Raft>) {
        let Role::Candidate { votes } = &self.role else { return };
        if votes.len() <= node.ids().len() / 2 {
            return;
        }
        let next = self.log.last() + 1;
        let unknown = |peer: &String| (peer.clone(), Progress { next, matched: 0, busy: false });
        self.role = Role::Leader { followers: node.peers().iter().map(unknown).collect() };
        self.leader = Some(node.id().to_owned());
        // A leader can commit entries of earlier terms only together with an entry of its own term.
        self.append(node, None);
    }

    fn request_vote(&mut self, node: &mut Node<Raft>, request: &Message) -> Result {
        let candidate: RequestVote = request.parse()?;
        self.observe(candidate.term).expect(DISK);
        let last = self.log.last();
        let up_to_date = (Some(candidate.last_term), candidate.last) >= (self.log.term_at(last), last);
        let free = self.log.voted_for().is_none_or(|name| name == request.src());
        let success = candidate.term == self.log.term() && up_to_date && free;
        if success {
            self.log.set_vote(candidate.term, Some(request.src())).expect(DISK);
            self.reset_election_timeout(node);
        }
        node.reply(request, Reply { term: self.log.term(), success, last });
        Ok(())
    }

    /// Enters a later term as a follower.
    fn observe(&mut self, term: u64) -> io::Result<()> {
        if term > self.log.term() {
            self.log.set_vote(term, None)?;
            self.role = Role::Follower;
            self.leader = None;
        }
        Ok(())
    }

    /// Sends a request to a peer. `then` is called only if the term is still the same. It gets `None` if there is no response.
    fn call(
        &self,
        node: &mut Node<Raft>,
        peer: &str,
        kind: &str,
        arguments: &impl Serialize,
        then: impl FnOnce(&mut Raft, &mut Node<Raft>, Option<Reply>) + 'static,
    ) {
        let term = self.log.term();
        node.rpc(peer, kind, arguments, move |raft: &mut Raft, node, answer| {
            let answer: Option<Reply> = answer.and_then(|answer| answer.parse()).ok();
            raft.observe(answer.as_ref().map_or(0, |answer| answer.term)).expect(DISK);
            if raft.log.term() == term {
                then(raft, node, answer);
            }
        });
    }

    // Replication.

    fn append(&mut self, node: &mut Node<Raft>, request: Option<Value>) {
        self.log.append(&[Entry { term: self.log.term(), request }]).expect(DISK);
        for peer in node.peers().iter() {
            if let Role::Leader { followers } = &self.role
                && !followers[peer].busy
            {
                self.send_entries(node, peer);
            }
        }
        self.commit(node);
    }

    fn send_to_all(&mut self, node: &mut Node<Raft>) {
        for peer in node.peers().iter() {
            self.send_entries(node, peer);
        }
    }

    fn send_entries(&mut self, node: &mut Node<Raft>, peer: &str) {
        let Role::Leader { followers } = &mut self.role else { return };
        let Some(progress) = followers.get_mut(peer) else { return };
        progress.busy = true;
        let previous = progress.next - 1;
        let entries = self.log.after(previous).to_vec();
        let sent = previous + entries.len();
        let arguments = AppendEntries {
            term: self.log.term(),
            previous,
            previous_term: self.log.term_at(previous).unwrap_or(0),
            entries,
            committed: self.committed,
        };
        let name = peer.to_owned();
        self.call(node, peer, "append_entries", &arguments, move |raft, node, answer| {
            raft.answered(node, &name, sent, answer);
        });
    }

    fn answered(&mut self, node: &mut Node<Raft>, peer: &str, sent: usize, answer: Option<Reply>) {
        let Role::Leader { followers } = &mut self.role else { return };
        let Some(progress) = followers.get_mut(peer) else { return };
        progress.busy = false;
        match answer {
            Some(Reply { success: true, .. }) => {
                progress.matched = progress.matched.max(sent);
                progress.next = progress.next.max(sent + 1);
            }
            Some(Reply { last, .. }) => {
                progress.next = (progress.next - 1).min(last + 1).max(progress.matched + 1);
            }
            None => return, // The next heartbeat retries.
        }
        if progress.next <= self.log.last() {
            self.send_entries(node, peer);
        }
        self.commit(node);
    }

    fn append_entries(&mut self, node: &mut Node<Raft>, request: &Message) -> Result {
        let leader: AppendEntries = request.parse()?;
        self.observe(leader.term).expect(DISK);
        let mut success = false;
        if leader.term == self.log.term() {
            self.role = Role::Follower;
            self.leader = Some(request.src().to_owned());
            self.reset_election_timeout(node);
            success = self.log.term_at(leader.previous) == Some(leader.previous_term);
        }
        if success {
            self.replicate(leader.previous, &leader.entries).expect(DISK);
            self.committed = self.committed.max(leader.committed.min(leader.previous + leader.entries.len()));
            self.apply(node);
        }
        node.reply(request, Reply { term: self.log.term(), success, last: self.log.last() });
        Ok(())
    }

    /// Makes the log equal to the leader's. Entries are removed only if they differ: a delayed message must not remove the
    /// entries of a later one.
    fn replicate(&mut self, previous: usize, entries: &[Entry]) -> io::Result<()> {
        let same = |(i, entry): &(usize, &Entry)| self.log.term_at(previous + 1 + i) == Some(entry.term);
        let known = entries.iter().enumerate().take_while(same).count();
        if known < entries.len() {
            self.log.truncate(previous + known)?;
            self.log.append(&entries[known..])?;
        }
        Ok(())
    }

    // Commits.

    fn commit(&mut self, node: &mut Node<Raft>) {
        let Role::Leader { followers } = &self.role else { return };
        let mut copies: Vec<usize> = followers.values().map(|progress| progress.matched).collect();
        copies.push(self.log.last());
        copies.sort_unstable();
        // More than half of the nodes have at least as many entries as the one in the middle.
        let majority_has = copies[(copies.len() - 1) / 2];
        if majority_has > self.committed && self.log.term_at(majority_has) == Some(self.log.term()) {
            self.committed = majority_has;
            self.apply(node);
        }
    }

    fn apply(&mut self, node: &mut Node<Raft>) {
        while self.applied < self.committed {
            self.applied += 1;
            let entry = self.log.entry(self.applied);
            let result = entry.request.as_ref().map(|request| self.store.apply(request));
            match (self.waiting.remove(&self.applied), result) {
                (Some((term, request)), Some(result)) if term == entry.term => node.respond(&request, result),
                (Some((_, request)), _) => {
                    let text = "another leader's entry took the place of this one";
                    node.reply_error(&request, &RpcError::new(ErrorCode::ABORT, text));
                }
                (None, _) => {}
            }
        }
    }

    /// Handles a request of a client. The leader appends it to its log; other nodes forward it to the leader.
    fn client_request(&mut self, node: &mut Node<Raft>, request: Message) -> Result {
        let body: Value = request.parse()?;
        match (&self.role, &self.leader) {
            (Role::Follower, Some(leader)) => {
                let proposal =
                    Proposal { client: request.src().to_owned(), number: request.get("msg_id")?, request: body };
                node.rpc(leader, "propose", &proposal, move |_, node, answer| {
                    node.respond(&request, answer.map(|answer| answer.fields()));
                });
                Ok(())
            }
            _ => self.append_request(node, body, request),
        }
    }

    fn propose(&mut self, node: &mut Node<Raft>, request: Message) -> Result {
        let Proposal { client, number, request: body } = request.parse()?;
        if self.forwarded.get(&client).is_some_and(|last| *last >= number) {
            return Ok(());
        }
        self.forwarded.insert(client, number);
        self.append_request(node, body, request)
    }

    fn append_request(&mut self, node: &mut Node<Raft>, body: Value, request: Message) -> Result {
        if !matches!(self.role, Role::Leader { .. }) {
            return Err(RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, "this node knows of no leader"));
        }
        self.waiting.insert(self.log.last() + 1, (self.log.term(), request));
        self.append(node, Some(body));
        Ok(())
    }
}

impl Server for Raft {
    fn handle(&mut self, node: &mut Node<Raft>, request: Message) -> Result {
        match request.kind() {
            "read" | "write" | "cas" => self.client_request(node, request),
            "propose" => self.propose(node, request),
            "request_vote" => self.request_vote(node, &request),
            "append_entries" => self.append_entries(node, &request),
            _ => Err(request.not_supported()),
        }
    }
}

fn main() -> ExitCode {
    maelstrom_node::run(Raft::start)
}
