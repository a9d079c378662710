//! A key-value store that behaves as if there were one copy of it, though there are five and any two may fail.
//!
//! This is Raft (D. Ongaro and J. Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014), whole but for
//! changes of membership and snapshots. Three files: [`log`] is what a node keeps on disk, [`store`] is what the log is
//! about, and this one decides who may write to the log, and when an entry may be believed.
//!
//! **Terms and votes.** Time is divided into terms, and in each at most one node leads, because a node votes once per
//! term and a leader needs a majority. A node that hears nothing from a leader for a while starts a term and asks for
//! votes. The while is random, so that nodes rarely do it together.
//!
//! **The log.** Clients' requests become entries of the leader's log, and the leader makes every other log equal to its
//! own: with each batch of entries it names the one before, and a follower that has another one there refuses, so that
//! the leader steps back until they agree. What a majority holds is *committed*: every later leader has it, since voters
//! refuse candidates whose log is behind theirs. Committed entries are carried out, in order, and only then answered.
//! Reads take the same way; a leader that answered from memory might have been deposed without knowing it.
//!
//! Two rules that look like details and are not: a leader counts copies only of entries of its own term (earlier ones are
//! committed along with those; the paper's figure 8 shows why), and a node writes term, vote and entries to disk *before*
//! it answers for them. Break either, and the tests of this package find out.
//!
//! **Copies.** The network may deliver a message twice. That does no harm to what nodes tell each other about the log, but
//! a request that was passed on to the leader must be carried out once: the leader notes which request of each client
//! came last, and takes no notice of a second copy, not even to refuse it.

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

/// How often a leader is heard of, even if there is nothing to say.
const HEARTBEAT: Duration = Duration::from_millis(150);
/// How long a follower waits for that before it wants to lead itself.
const PATIENCE: Range<Duration> = Duration::from_millis(600)..Duration::from_millis(1200);

enum Role {
    Follower,
    Candidate { votes: BTreeSet<String> },
    Leader { followers: BTreeMap<String, Progress> },
}

/// What a leader knows of a follower's log.
struct Progress {
    /// The next entry to send.
    next: usize,
    /// Up to here it is equal to the leader's.
    matched: usize,
    /// Whether entries are under way. More are sent when the answer has come, many at a time.
    busy: bool,
}

struct Raft {
    log: Log,
    store: Store,
    role: Role,
    leader: Option<String>,
    /// When to lose patience with the leader.
    election: Duration,
    committed: usize,
    applied: usize,
    /// Who waits for which entry, and the term in which it was appended.
    waiting: BTreeMap<usize, (u64, Message)>,
    /// The last request of each client that other nodes passed on to this one.
    passed_on: BTreeMap<String, u64>,
}

/// What a client asked of a node that does not lead.
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

/// The answer to both.
#[derive(Serialize, Deserialize)]
struct Reply {
    term: u64,
    success: bool,
    last: usize,
}

/// A disk that cannot be written leaves a node nothing honest to do but to stop.
const DISK: &str = "the node's directory can be written";

impl Raft {
    fn start(node: &mut Node<Raft>) -> Raft {
        node.every(HEARTBEAT, |raft: &mut Raft, node| raft.send_to_all(node));
        let log = Log::open().expect("what this node wrote, it can read");
        let mut raft = Raft {
            log,
            store: Store::default(),
            role: Role::Follower,
            leader: None,
            election: Duration::ZERO,
            committed: 0,
            applied: 0,
            waiting: BTreeMap::new(),
            passed_on: BTreeMap::new(),
        };
        raft.be_patient(node);
        raft.watch(node);
        raft
    }

    // Elections.

    fn be_patient(&mut self, node: &mut Node<Raft>) {
        self.election = node.now() + node.random_duration(PATIENCE);
    }

    /// Wakes up when patience may have run out. Whoever is heard of in between moves that moment.
    fn watch(&mut self, node: &mut Node<Raft>) {
        node.after(self.election.saturating_sub(node.now()), |raft: &mut Raft, node| {
            if node.now() >= raft.election {
                match raft.role {
                    Role::Leader { .. } => raft.be_patient(node),
                    _ => raft.campaign(node).expect(DISK),
                }
            }
            raft.watch(node);
        });
    }

    fn campaign(&mut self, node: &mut Node<Raft>) -> io::Result<()> {
        let term = self.log.term() + 1;
        self.log.set_vote(term, Some(node.id()))?;
        self.role = Role::Candidate { votes: BTreeSet::from([node.id().to_owned()]) };
        self.leader = None;
        self.be_patient(node);
        let last = self.log.last();
        let request = RequestVote { term, last, last_term: self.log.term_at(last).unwrap_or(0) };
        for peer in node.peers().iter() {
            let name = peer.clone();
            self.ask(node, peer, "request_vote", &request, move |raft, node, answer| {
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
        // With an entry of its own a leader can commit what earlier ones have left.
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
            self.be_patient(node);
        }
        node.reply(request, Reply { term: self.log.term(), success, last });
        Ok(())
    }

    /// Whoever learns of a later term enters it, as a follower.
    fn observe(&mut self, term: u64) -> io::Result<()> {
        if term > self.log.term() {
            self.log.set_vote(term, None)?;
            self.role = Role::Follower;
            self.leader = None;
        }
        Ok(())
    }

    /// Asks a peer something. The answer counts only in the term of the question; `None` stands for no answer.
    fn ask(
        &self,
        node: &mut Node<Raft>,
        peer: &str,
        kind: &str,
        question: &impl Serialize,
        then: impl FnOnce(&mut Raft, &mut Node<Raft>, Option<Reply>) + 'static,
    ) {
        let term = self.log.term();
        node.rpc(peer, kind, question, move |raft: &mut Raft, node, answer| {
            let answer: Option<Reply> = answer.and_then(|answer| answer.parse()).ok();
            raft.observe(answer.as_ref().map_or(0, |answer| answer.term)).expect(DISK);
            if raft.log.term() == term {
                then(raft, node, answer);
            }
        });
    }

    // The leader's log, and how the others get it.

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
        let question = AppendEntries {
            term: self.log.term(),
            previous,
            previous_term: self.log.term_at(previous).unwrap_or(0),
            entries,
            committed: self.committed,
        };
        let name = peer.to_owned();
        self.ask(node, peer, "append_entries", &question, move |raft, node, answer| {
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
            None => return, // the next heartbeat tries again
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
            self.be_patient(node);
            success = self.log.term_at(leader.previous) == Some(leader.previous_term);
        }
        if success {
            self.take_over(leader.previous, &leader.entries).expect(DISK);
            self.committed = self.committed.max(leader.committed.min(leader.previous + leader.entries.len()));
            self.apply(node);
        }
        node.reply(request, Reply { term: self.log.term(), success, last: self.log.last() });
        Ok(())
    }

    /// Makes the log equal to the leader's. Entries are cut off only where they differ: a message that was overtaken by a
    /// later one must not undo it.
    fn take_over(&mut self, previous: usize, entries: &[Entry]) -> io::Result<()> {
        let same = |(i, entry): &(usize, &Entry)| self.log.term_at(previous + 1 + i) == Some(entry.term);
        let known = entries.iter().enumerate().take_while(same).count();
        if known < entries.len() {
            self.log.truncate(previous + known)?;
            self.log.append(&entries[known..])?;
        }
        Ok(())
    }

    // What is committed, is carried out and answered.

    fn commit(&mut self, node: &mut Node<Raft>) {
        let Role::Leader { followers } = &self.role else { return };
        let mut copies: Vec<usize> = followers.values().map(|progress| progress.matched).collect();
        copies.push(self.log.last());
        copies.sort_unstable();
        // More than half of the nodes have at least as much as the one in the middle.
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

    /// The leader takes a client's request into its log; others pass it on to the leader.
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
            _ => self.take_in(node, body, request),
        }
    }

    fn propose(&mut self, node: &mut Node<Raft>, request: Message) -> Result {
        let Proposal { client, number, request: body } = request.parse()?;
        if self.passed_on.get(&client).is_some_and(|last| *last >= number) {
            return Ok(());
        }
        self.passed_on.insert(client, number);
        self.take_in(node, body, request)
    }

    fn take_in(&mut self, node: &mut Node<Raft>, body: Value, request: Message) -> Result {
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
